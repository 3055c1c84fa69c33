//! `crabbox history prune`

use crate::cli::Shared;
use crate::config::{Settings, parse_duration, parse_size};
use crate::history::{Pruned, Retention, Store, Stuck, prune};
use crate::output::{CommandError, Quoted, human};
use clap::Args;
use serde_json::json;
use std::time::Duration;

/// Forget old runs, with what they printed
///
/// What is older, more or larger than the settings `history.keep_for`, `history.keep` and `history.size` say is forgotten
/// by itself, once a day after a run; this does it now, or for what is said here. A run that goes on stays; one that was
/// killed goes by its age and its size, and counts as none.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox history prune --dry-run
  crabbox history prune --older-than 7d
  crabbox history prune --keep 0")]
pub(in crate::cli) struct Prune {
    /// Those that are older
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    older_than: Option<Duration>,
    /// All but so many, the oldest first
    #[arg(long, value_name = "N")]
    keep: Option<u64>,
    /// The oldest, until no more than this is left
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_size: Option<u64>,
    /// Only say which
    #[arg(long)]
    dry_run: bool,
}

/// The runs are forgotten all the same.
fn unremoved(first: &Stuck, count: u64) -> CommandError {
    let Stuck { path, source } = first;
    let runs = human::count(count, "run");
    CommandError::failed(format!(
        "the files of {runs} can't be removed, as in `{}`",
        path.display()
    ))
    .code("history")
    .because(source.to_string())
    .hint(format!("sudo rm -r {}", Quoted(path)))
}

impl Prune {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let places = shared.places()?;
        let printer = shared.printer;
        let retention = self.retention(Settings::load(shared.flags(), None, &places)?.history);
        let pruned = if shared.is_without_state(&places) || !places.state.is_dir() {
            Pruned::default()
        } else {
            let (store, aside) = Store::open(&places.state)?;
            if let Some(folder) = aside {
                let folder = folder.display();
                printer.warning(&format!(
                    "the history was damaged; what there was is kept in `{folder}`"
                ));
            }
            prune(&store, &places.state, &retention, self.dry_run)?
        };
        let Pruned { runs, bytes, left, stuck } = &pruned;
        if printer.json && stuck.is_empty() {
            return printer.document(&json!({
                "schema_version": 1,
                "dry_run": self.dry_run,
                "runs": runs,
                "bytes": bytes,
                "left": left,
            }));
        }
        let count = human::count(runs.len() as u64, "run");
        let (size, left) = (human::bytes(*bytes), human::count(*left, "run"));
        let verb = if self.dry_run { "would be forgotten" } else { "forgotten" };
        printer.phase(&format!("{count} {verb} ({size}), {left} left"));
        if let Some(first) = stuck.first() {
            return Err(unremoved(first, stuck.len() as u64));
        }
        if self.dry_run && !runs.is_empty() {
            return printer.data(&format!("{}\n", runs.join("\n")));
        }
        Ok(())
    }

    /// What the line says alone counts, where it says something.
    fn retention(&self, settled: Retention) -> Retention {
        if self.older_than.is_none() && self.keep.is_none() && self.max_size.is_none() {
            return settled;
        }
        Retention {
            keep_for: self.older_than.unwrap_or(Duration::MAX),
            keep: self.keep.unwrap_or(u64::MAX),
            size: self.max_size.unwrap_or(u64::MAX),
        }
    }
}
