//! `crabbox report`

use super::{Shared, history, results, whole};
use crate::history::{Log, Reader, RunRecord, folder};
use crate::output::{CommandError, to_type};
use crate::places::private_folder;
use crate::report::{Kept, Page};
use clap::{Args, ValueHint};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// So many runs stand in the picture of those before.
const RUNS: u32 = 30;

/// What shows a page, where `BROWSER` names nothing.
const OPENER: &str = "xdg-open";

/// Draw an earlier run as a page
///
/// One HTML file that needs no network and no script: how the run ended, its phases, the tests that failed with all that
/// they said, the runs before, and what was printed. Where it is is printed.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox report
  crabbox report @last-failed --open
  crabbox report run_0123456789ab -o run.html")]
pub(super) struct Report {
    /// The run: its id or the beginning of it, `@last` or `@last-failed`
    #[arg(default_value = "@last", hide_default_value = true)]
    run: String,
    /// Write it here; `-` is standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Show it in a browser
    #[arg(long)]
    open: bool,
}

impl Report {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let (reader, run) = history::find(shared, &self.run)?;
        let record = reader.get(&run)?.ok_or_else(|| history::unknown(&reader, &run))?;
        let page = draw(&reader, &record)?;
        history::tell_of_unreadable(shared, &reader);
        let to_stdout = self.output.as_deref() == Some(Path::new("-"));
        if to_stdout && !shared.printer.json {
            return shared.printer.finished(&page);
        }
        let path = if let Some(path) = self.output.filter(|_| !to_stdout) {
            path
        } else {
            let folder = folder(reader.state(), &run);
            private_folder(&folder)
                .map_err(|error| unwritable(&folder).because(error.to_string()))?;
            folder.join("report.html")
        };
        whole::write(&path, |out| out.write_all(page.as_bytes()))
            .map_err(|error| unwritable(&path).because(error))?;
        if self.open {
            open(&path)?;
        }
        if shared.printer.json {
            return shared.printer.document(
                &json!({ "schema_version": 1, "run": run, "path": path.to_string_lossy() }),
            );
        }
        shared.printer.data(&format!("{}\n", path.display()))
    }
}

fn draw(reader: &Reader, record: &RunRecord) -> Result<String, CommandError> {
    let found = results::kept(reader, &record.id)?;
    let before = results::before(reader, record);
    let before = before.and_then(|before| results::kept(reader, &before).ok().flatten());
    let runs = reader.up_to(record, RUNS)?;
    let log = Log::of(&folder(reader.state(), &record.id));
    let kept = Kept { record, log: &log, results: found, before, runs: &runs };
    let page = Page::of(kept).map_err(|error| {
        CommandError::failed(format!("what {} printed can't be read", record.id)).because(error)
    })?;
    Ok(page.render())
}

fn unwritable(path: &Path) -> CommandError {
    CommandError::failed(format!("`{}` can't be written", path.display()))
        .hint(to_type(&["report", "-o", "FILE"]))
}

/// Nobody waits for a browser.
fn open(path: &Path) -> Result<(), CommandError> {
    let named = std::env::var_os("BROWSER").filter(|name| !name.is_empty());
    let program = named.unwrap_or_else(|| OPENER.into());
    let mut command = Command::new(&program);
    command.arg(path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop).map_err(|error| {
        let program = program.to_string_lossy();
        CommandError::failed(format!("`{program}`, which shows pages, can't be started"))
            .because(error)
            .note(format!("the page is `{}`", path.display()))
    })
}
