//! `crabbox version`

use super::Shared;
use crate::output::{CommandError, wrap};
use crate::transport;
use clap::Args;
use crabbox_provider_api::abi;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The version of this program.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that it was built from, where whoever built it has said so, or the build found it.
const COMMIT: Option<&str> = option_env!("CRABBOX_COMMIT");

/// What it was built for.
const TARGET: &str = env!("CRABBOX_TARGET");

/// All of it in one line.
pub(super) fn line() -> String {
    let commit = COMMIT.map(|commit| format!(", commit {commit}")).unwrap_or_default();
    format!("crabbox {VERSION} for {TARGET}{commit}")
}

/// Show the version with all that was built in
///
/// The commit is known of a release build in a git checkout, and of any other if `CRABBOX_COMMIT` was set
/// when crabbox was built. A remote helper's hash is the name of its file on a box.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox version
  crabbox version --json")]
pub(super) struct Version;

impl Version {
    pub(super) fn execute(shared: &Shared) -> Result<(), CommandError> {
        if shared.printer.json {
            let helpers: Vec<Value> = transport::helpers()
                .map(|(machine, sha256)| json!({ "machine": machine, "sha256": sha256 }))
                .collect();
            return shared.printer.document(&json!({
                "schema_version": 1,
                "version": VERSION,
                "commit": COMMIT,
                "target": TARGET,
                "abi": abi::VERSION,
                "helpers": helpers,
            }));
        }
        let columns = shared.printer.columns();
        let mut text = format!("crabbox {VERSION}\n");
        let _ = writeln!(text, "  commit      {}", COMMIT.unwrap_or("unknown"));
        let _ = writeln!(text, "  target      {TARGET}");
        let _ = writeln!(text, "  interface   {} (of providers)", abi::VERSION);
        for (machine, sha256) in transport::helpers() {
            let name = "  helper      ";
            let value = wrap(&format!("{machine} {sha256}"), name.len(), columns);
            let _ = writeln!(text, "{name}{value}");
        }
        shared.printer.data(&text)
    }
}
