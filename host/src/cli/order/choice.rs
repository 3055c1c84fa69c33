//! Which box, and which files: options of the commands that bring a checkout to a box.

use super::Order;
use super::explain::explain_sync;
use crate::cli::Shared;
use crate::cli::config::warn;
use crate::cli::stay::Stay;
use crate::config::{Flags, Settings};
use crate::lease::{InUse, Slug, Wanted};
use crate::output::{CommandError, Typed};
use crate::places::home;
use crate::sync::{Source, SyncError};
use clap::{Args, ValueHint};
use std::env;
use std::path::PathBuf;

/// Which box.
#[derive(Debug, Args)]
pub(in crate::cli) struct Choice {
    /// Lease from this provider
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) provider: Option<String>,
    /// Lease a new box, whatever there is
    #[arg(long)]
    pub(in crate::cli) fresh: bool,
    /// Name the lease, or take the one so named here
    #[arg(long, value_name = "NAME", value_hint = ValueHint::Other)]
    pub(in crate::cli) slug: Option<Slug>,
    /// Leave the box ready after each run
    #[arg(long)]
    pub(in crate::cli) keep: bool,
    /// At its end, park or delete a new box
    #[arg(long, value_name = "ACTION", value_parser = ["park", "delete"], hide_possible_values = true)]
    pub(in crate::cli) release: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) stay: Stay,
}

/// Which files.
#[derive(Debug, Args)]
pub(in crate::cli) struct Files {
    /// Send this folder as it is, without asking git
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) from_dir: Option<PathBuf>,
    /// Don't send files like this (as in `.gitignore`)
    #[arg(long, value_name = "PATTERN")]
    pub(in crate::cli) exclude: Vec<String>,
    /// Sync even if most of the box's files go
    #[arg(long)]
    pub(in crate::cli) allow_mass_deletion: bool,
}

impl Choice {
    /// What it comes to with these files, for nothing but a box that holds them. `more`: what else the
    /// line says of settings, and the provider where it names none.
    pub(in crate::cli) fn order(
        self,
        files: Files,
        shared: &Shared,
        more: Flags,
    ) -> Result<Order, CommandError> {
        let places = shared.places()?;
        let source = files.source()?.without([&*places.state, &*places.cache, &*places.data]);
        let flags = Flags {
            provider: self.provider.clone().or(more.provider),
            ttl: self.stay.ttl,
            idle: self.stay.idle,
            release: self.release.clone(),
            exclude: files.exclude,
            ..more
        };
        let settings = Settings::for_provider(flags, Some(&source.root), &places)?;
        warn(shared.printer, &settings.warnings);
        source.check_owner().map_err(|error| explain_sync(&error))?;
        Ok(Order {
            named: self.provider.clone(),
            asked: self.stay,
            wanted: self.wanted(&source, &settings),
            places,
            source,
            allow_mass_deletion: files.allow_mass_deletion,
            settings,
            program: None,
        })
    }

    fn wanted(self, source: &Source, settings: &Settings) -> Wanted {
        let of_provider = &settings.provider_settings;
        Wanted {
            repository: source.root.clone(),
            provider: settings.provider.clone(),
            settings: of_provider.handed.clone(),
            profile: of_provider.profile.clone(),
            login: of_provider.login.clone(),
            prefix: of_provider.prefix.clone(),
            release: settings.release,
            keep: self.keep,
            ttl: settings.ttl,
            asked_ttl: self.stay.ttl,
            fresh: self.fresh,
            slug: self.slug,
            id: None,
            in_use: InUse::Wait,
            run: None,
        }
    }
}

impl Files {
    pub(in crate::cli) fn source(&self) -> Result<Source, CommandError> {
        let source = match &self.from_dir {
            Some(folder) => Source::folder(folder),
            None => env::current_dir()
                .map_err(|source| SyncError::Read { path: PathBuf::from("."), source })
                .and_then(|folder| Source::checkout(&folder)),
        }
        .map_err(|error| explain_sync(&error))?;
        // A home under git: whoever forgot `git init` below it would send keys and all.
        if self.from_dir.is_none() && home().as_ref() == Some(&source.root) {
            let root = source.root.display();
            return Err(CommandError::usage(format!(
                "the checkout here is your whole home folder, `{root}`"
            ))
            .hint(Typed::here().with(&["--from-dir", "."]).to_string())
            .hint("git init"));
        }
        Ok(source)
    }
}

/// On a box nothing is leased: what would be run there can be run here.
pub(in crate::cli) fn refuse_to_nest(command: &str) -> Result<(), CommandError> {
    if env::var_os("CRABBOX_RUN").is_none_or(|run| run.is_empty()) {
        return Ok(());
    }
    Err(CommandError::usage(format!("this is a box already: `crabbox {command}` doesn't nest")))
}
