//! `crabbox config check`

use super::{Shared, error_to_json, repository, usable};
use crate::config::{
    ConfigError, Flags, Layers, Owner, Place, REPOSITORY_FILE, Settings, USER_FILE,
};
use crate::output::{CommandError, Exit, Printer};
use crate::places::{Places, real};
use clap::Args;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Find everything that is wrong in the settings
///
/// Without a file, the environment, the repository's, your own and the machine's file are checked.
/// A file that is called `.crabbox.toml` is checked as a repository's, `/etc/crabbox/config.toml`
/// as the machine's, any other as your own. Of the
/// providers, those that a file names and the one that a run would use are checked, and the files of
/// their secrets are read. Settings of one that isn't installed here can't be: that is a warning.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox config check
  crabbox config check --provider NAME
  crabbox config check path/to/.crabbox.toml")]
pub(in crate::cli) struct Check {
    /// Check this file alone
    file: Option<PathBuf>,
    /// As for a run with this provider
    #[arg(long, value_name = "NAME", conflicts_with = "file")]
    provider: Option<String>,
}

impl Check {
    pub(super) fn execute(self, shared: &Shared) -> Result<Exit, CommandError> {
        let (files, layers, mut errors) = match self.file {
            Some(file) => of_file(file, &shared.places()?)?,
            None => of_all(shared, self.provider.clone())?,
        };
        let registry = shared.registry(&Settings::of(&layers));
        if let Some(provider) = &self.provider {
            registry.find(provider)?;
        }
        errors.extend(layers.contradictions());
        errors.extend(layers.ungranted());
        let manifests = usable(&registry.list());
        errors.extend(layers.of_others(layers.named_providers(&manifests)));
        errors.extend(layers.check_providers(&manifests));
        let wrong = errors.iter().filter(|error| !error.is_warning()).count();
        if shared.printer.json {
            let problems: Vec<Value> = errors.iter().map(error_to_json).collect();
            shared.printer.document(&json!({
                "schema_version": 1,
                "files": files.iter().map(|file| file.to_string_lossy()).collect::<Vec<_>>(),
                "problems": problems,
            }))?;
        } else {
            tell(shared.printer, &files, errors);
        }
        Ok(if wrong == 0 { Exit::Ok } else { Exit::Usage })
    }
}

type Checked = (Vec<PathBuf>, Layers, Vec<ConfigError>);

fn of_file(file: PathBuf, places: &Places) -> Result<Checked, CommandError> {
    if let Err(error) = file.symlink_metadata() {
        let message = format!("`{}` can't be checked", file.display());
        return Err(CommandError::new(Exit::NotFound, message).because(error).hint(super::paths()));
    }
    let is_repository = file.file_name().is_some_and(|name| name == REPOSITORY_FILE);
    let owner = match is_repository {
        true => Owner::Repository,
        false if real(&file) == real(&places.system.join(USER_FILE)) => Owner::System,
        false => Owner::User,
    };
    let (layers, errors) = Layers::of_file(&file, owner);
    Ok((vec![file], layers, errors))
}

fn of_all(shared: &Shared, provider: Option<String>) -> Result<Checked, CommandError> {
    let places = shared.places()?;
    let repository = repository();
    let flags = Flags { provider, ..shared.flags() };
    let (layers, errors) = Layers::read(flags, repository.as_deref(), &places);
    let of_repository = repository.map(|root| root.join(REPOSITORY_FILE));
    let of_others = [&places.config, &places.system].map(|folder| folder.join(USER_FILE));
    let files = of_repository.into_iter().chain(of_others);
    Ok((files.filter(|file| is_there(file)).collect(), layers, errors))
}

/// A link that leads nowhere counts: it is reported as absent by nobody else.
fn is_there(file: &Path) -> bool {
    file.symlink_metadata().is_ok()
}

fn tell(printer: Printer, files: &[PathBuf], errors: Vec<ConfigError>) {
    let wrong = || errors.iter().filter(|error| !error.is_warning());
    let count = wrong().count();
    let of_variables = wrong().any(|error| matches!(error.place, Place::Variable(_)));
    let of_line = wrong().any(|error| matches!(error.place, Place::Flag(_)));
    for error in errors {
        if error.is_warning() {
            printer.warning(&error.to_string());
            if let Some(note) = error.note() {
                printer.note(&note);
            }
            if let Some(hint) = error.hint() {
                printer.hint(&hint);
            }
        } else {
            printer.error(&error.into());
        }
    }
    let files = files.iter().map(|file| file.display().to_string());
    let others = [(of_variables, "the environment"), (of_line, "the command line")];
    let others = others.into_iter().filter(|(is_wrong, _)| *is_wrong);
    let checked: Vec<_> = files.chain(others.map(|(_, name)| name.to_owned())).collect();
    let checked = match checked.as_slice() {
        [] => "no configuration file".to_owned(),
        checked => checked.join(" and "),
    };
    match count {
        0 => printer.phase(&format!("{checked}: nothing is wrong")),
        1 => printer.phase(&format!("{checked}: 1 error")),
        _ => printer.phase(&format!("{checked}: {count} errors")),
    }
}
