//! `crabbox init`
//!
//! [`look`] says what kind of repository this is, without running anything of it; [`page`] is
//! what is written and printed.

mod look;
mod page;

use self::look::Found;
use super::Shared;
use crate::config::REPOSITORY_FILE;
use crate::output::{CommandError, Exit, to_type};
use crate::sync::Source;
use clap::Args;
use serde_json::json;
use std::env;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// Write a `.crabbox.toml` for this repository
///
/// It holds every setting that a repository may have, commented out. A command to test with is named.
/// The file is written at the root of the checkout; one that is there is left as it is. Nothing
/// of the repository is run.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox init
  crabbox init --print
  crabbox init --agent >> AGENTS.md")]
pub(super) struct Init {
    /// Print what would be written
    #[arg(long, conflicts_with = "agent")]
    print: bool,
    /// Print a section for the instructions of coding agents
    #[arg(long)]
    agent: bool,
}

impl Init {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let folder = env::current_dir()
            .map_err(|error| CommandError::failed("this folder is gone").because(error))?;
        let root = Source::checkout(&folder)
            .map_err(|error| CommandError::usage(error.to_string()).hint("git init"))?
            .root;
        let found = look::look(&root);
        let printed = match (self.print, self.agent) {
            (true, _) => Some(page::settings(&found)),
            (_, true) => Some(page::agent(&found)),
            _ => None,
        };
        if let Some(text) = &printed {
            if !shared.printer.json {
                return shared.printer.data(text);
            }
        } else {
            write(&root.join(REPOSITORY_FILE), &page::settings(&found))?;
        }
        tell(shared, &root, &found, printed.as_deref())
    }
}

/// Makes the file, whole or not at all; never through a link, never over another.
fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    let shown = path.display();
    let mut file = File::options().write(true).create_new(true).open(path).map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            return CommandError::new(Exit::Conflict, format!("`{shown}` is there already"))
                .hint(to_type(&["config", "check"]))
                .hint(to_type(&["init", "--print"]));
        }
        CommandError::failed(format!("`{shown}` can't be made")).because(error)
    })?;
    file.write_all(text.as_bytes()).map_err(|error| {
        // Half of it would be read by the next command.
        let _ = fs::remove_file(path);
        CommandError::failed(format!("`{shown}` can't be written")).because(error)
    })
}

fn tell(
    shared: &Shared,
    root: &Path,
    found: &Found,
    printed: Option<&str>,
) -> Result<(), CommandError> {
    let path = root.join(REPOSITORY_FILE);
    if shared.printer.json {
        return shared.printer.document(&json!({
            "schema_version": 1,
            "path": path.to_string_lossy(),
            "written": printed.is_none(),
            "kinds": found.kinds(),
            "commands": found.commands,
            "ignored": found.ignored,
            "sent": found.sent,
            "text": printed,
        }));
    }
    let kinds = found.kinds();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    shared.printer.phase(&format!("`{}` is written{kinds}", path.display()));
    shared.printer.phase(&format!("next: {}", found.first_command()));
    Ok(())
}
