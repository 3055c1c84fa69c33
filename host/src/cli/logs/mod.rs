//! `crabbox logs`: [`pick`] is which part of a log, [`shown`] how it looks on a terminal, [`lines`] the document; [`mod@test`] is
//! what there is of one test, with the [`passages`] that call it by one of its [`names`], for which colours don't count
//! ([`mod@plain`]).

mod lines;
mod names;
mod passages;
mod pick;
mod plain;
mod shown;
mod test;

use self::lines::Lines;
use self::pick::Pick;
use self::shown::Shown;
use super::results::parse_name;
use super::{Shared, history};
use crate::history::{Log, Piece, Reader, RunId, Unfinished, folder};
use crate::output::{CommandError, human, stdout, unwritten};
use clap::Args;
use serde_json::json;
use std::io::{self, IsTerminal};
use std::path::Path;

/// Show what an earlier run printed
///
/// Both streams in the order in which they came, byte for byte; on a terminal, what that would obey is written out. Also
/// of a run that goes on, or was killed. Of output that was too long, the beginning and the end are kept: a line says how
/// much is missing between them.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox logs
  crabbox logs @last-failed --tail 50
  crabbox logs @last-failed --test connects
  crabbox logs run_0123456789ab --stderr")]
pub(super) struct Logs {
    /// The run: its id or the beginning of it, `@last` or `@last-failed`
    #[arg(default_value = "@last", hide_default_value = true)]
    run: String,
    /// Only its standard output
    #[arg(long, conflicts_with = "stderr")]
    stdout: bool,
    /// Only its standard error
    #[arg(long)]
    stderr: bool,
    /// Only the last lines
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    tail: Option<u32>,
    /// Of tests: all that is known, and the lines that name them
    #[arg(long, value_name = "NAME", value_parser = parse_name, allow_hyphen_values = true, conflicts_with_all = ["tail", "raw"])]
    test: Option<String>,
    /// As it is, on a terminal, too
    #[arg(long)]
    raw: bool,
}

fn unreadable(run: &RunId, error: io::Error) -> CommandError {
    CommandError::failed(format!("the output of `{run}` can't be read")).because(error)
}

/// Why nothing is shown.
fn nothing(state: &Path, run: &RunId) -> String {
    let unfinished = Reader::open(state).ok().and_then(|reader| reader.unfinished_run(run));
    match unfinished {
        Some(Unfinished { goes_on: true, .. }) => {
            format!("nothing that {run} printed is kept yet")
        }
        Some(Unfinished { exit: None, .. }) => {
            format!("{run} was broken off before anything that it printed was kept")
        }
        _ => format!("nothing that {run} printed is kept"),
    }
}

/// How much is missing behind what is kept, as the record says.
fn missing_behind(state: &Path, run: &RunId, log: &Log) -> u64 {
    let record = Reader::open(state).ok().and_then(|reader| reader.get(run).ok().flatten());
    let cut = record.and_then(|record| record.log).filter(|log| log.cut > 0);
    let length = || log.length().unwrap_or(u64::MAX);
    cut.map_or(0, |kept| kept.bytes.saturating_sub(length()))
}

/// Why a log isn't shown to its end.
enum Ended {
    Unreadable(io::Error),
    Unwritten(io::Error),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

impl Logs {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let state = shared.places()?.state;
        // What is there is shown, whatever has become of the records.
        let whole = self.run.trim().parse::<RunId>().ok();
        let run = match whole.filter(|run| Log::of(&folder(&state, run)).is_there()) {
            Some(run) => run,
            None => self.find(shared)?,
        };
        let log = Log::of(&folder(&state, &run));
        let unreadable = |error| unreadable(&run, error);
        let pick = Pick::new(self.stdout, self.stderr);
        if let Some(name) = &self.test {
            return test::show(shared, &state, &run, name, &pick);
        }
        let pick = match self.tail {
            Some(count) if log.is_there() => pick.last(&log, count as usize).map_err(unreadable)?,
            _ => pick,
        };
        if shared.printer.json {
            let mut lines = Lines::default();
            if log.is_there() {
                let read = pick.each(&log, |piece| {
                    lines.add(piece);
                    Ok::<_, io::Error>(())
                });
                read.map_err(unreadable)?;
                match missing_behind(&state, &run, &log) {
                    0 => {}
                    count => lines.add(Piece::Cut(count)),
                }
            }
            let (lines, cut) = lines.finish();
            return shared.printer.document(&json!({
                "schema_version": 1,
                "run": run,
                "cut": cut,
                "lines": lines,
            }));
        }
        if !log.is_there() || log.is_empty().map_err(unreadable)? {
            shared.printer.phase(&nothing(&state, &run));
            return Ok(());
        }
        match self.print(&pick, &log, missing_behind(&state, &run, &log)) {
            Ok(0) => Ok(()),
            Ok(cut) => {
                shared.printer.phase(&format!("{} of the output aren't kept", human::bytes(cut)));
                Ok(())
            }
            Err(Ended::Unwritten(error)) => unwritten(Err(error)),
            Err(Ended::Unreadable(error)) => Err(unreadable(error)),
        }
    }

    /// The run, of which there are no files under the name that was typed.
    fn find(&self, shared: &Shared) -> Result<RunId, CommandError> {
        history::find(shared, &self.run).map(|(_, run)| run)
    }

    /// Returns how much is missing. `behind`: so much is at the end.
    fn print(&self, pick: &Pick, log: &Log, behind: u64) -> Result<u64, Ended> {
        let mut shown = (!self.raw && io::stdout().is_terminal()).then(Shown::default);
        let mut missing = 0;
        let mut is_open = false;
        let write = |bytes: &[u8]| stdout(bytes).map_err(Ended::Unwritten);
        let cut = |count: u64, is_open: bool| {
            let end = if is_open { "\n" } else { "" };
            write(format!("{end}[crabbox: {count} bytes of the output aren't kept]\n").as_bytes())
        };
        pick.each(log, |piece| match (piece, &mut shown) {
            (Piece::Cut(count), _) => {
                missing += count;
                cut(count, std::mem::take(&mut is_open))
            }
            (Piece::Output { stream, bytes, .. }, Some(shown)) => {
                is_open = bytes.last() != Some(&b'\n');
                write(shown.of(stream, bytes).as_bytes())
            }
            (Piece::Output { bytes, .. }, None) => {
                is_open = bytes.last() != Some(&b'\n');
                write(bytes)
            }
        })?;
        if let Some(shown) = shown {
            write(shown.rest().as_bytes())?;
        }
        if behind > 0 {
            cut(behind, is_open)?;
        }
        Ok(missing + behind)
    }
}
