//! `crabbox config path`

use super::{Shared, owner_word, repository};
use crate::config::{Owner, REPOSITORY_FILE, USER_FILE};
use crate::output::{CommandError, Table};
use clap::Args;
use serde_json::{Value, json};
use std::fs::File;
use std::io;
use std::path::PathBuf;

/// Show which files are read, and which of them exist
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox config path
  crabbox config path --json")]
pub(in crate::cli) struct Path;

impl Path {
    pub(super) fn execute(shared: &Shared) -> Result<(), CommandError> {
        let places = shared.places()?;
        let repository = repository().map(|root| root.join(REPOSITORY_FILE));
        let mut files = vec![
            (Owner::System, places.system.join(USER_FILE)),
            (Owner::User, places.config.join(USER_FILE)),
        ];
        files.extend(repository.map(|path| (Owner::Repository, path)));
        if shared.printer.json {
            let files: Vec<Value> = files.iter().map(to_json).collect();
            return shared.printer.document(&json!({ "schema_version": 1, "files": files }));
        }
        let mut table = Table::new(&["FILE", "STATE", "PATH"]).paths(2);
        for (owner, path) in &files {
            let row = [owner_word(*owner), state(path)].map(str::to_owned);
            table.row(row.into_iter().chain([path.display().to_string()]));
        }
        shared.printer.table(&table)?;
        if files.len() == 2 {
            shared.printer.phase("this is no git checkout: there is no repository's file");
        }
        Ok(())
    }
}

fn state(path: &std::path::Path) -> &'static str {
    match path.metadata() {
        Ok(found) if !found.is_file() => "no file",
        Ok(_) if File::open(path).is_err() => "unreadable",
        Ok(_) => "there",
        Err(error) if error.kind() == io::ErrorKind::NotFound => "absent",
        Err(_) => "unreadable",
    }
}

fn to_json((owner, path): &(Owner, PathBuf)) -> Value {
    json!({
        "file": owner_word(*owner),
        "path": path.to_string_lossy(),
        "state": state(path),
        "exists": path.symlink_metadata().is_ok(),
    })
}
