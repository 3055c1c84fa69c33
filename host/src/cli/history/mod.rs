//! `crabbox history`, and what all commands about earlier runs share.

mod list;
mod prune;
mod receipt;
mod shown;

pub(in crate::cli) use list::History;
pub(in crate::cli) use shown::{Meant, Remembered};

use super::Shared;
use super::config::checkout_or_folder;
use crate::history::{Filter, HistoryError, LAST, LAST_FAILED, Reader, RunId, Unfinished, resolve};
use crate::output::{CommandError, human, to_type};

/// So many later runs are named.
const NAMED: usize = 3;

/// The root of the checkout here, as records name it; the folder where there is none.
pub(in crate::cli) fn repository() -> Result<String, CommandError> {
    Ok(checkout_or_folder()?.to_string_lossy().into_owned())
}

/// The history, and the run in it that `reference` stands for.
pub(in crate::cli) fn find(
    shared: &Shared,
    reference: &str,
) -> Result<(Reader, RunId), CommandError> {
    let reader = Reader::open(&shared.places()?.state)?;
    let repository = repository()?;
    let run = resolve(&reader, &repository, reference);
    let is = |name: &str| reference.trim().eq_ignore_ascii_case(name);
    if is(LAST) || is(LAST_FAILED) {
        let failed = is(LAST_FAILED);
        let filter = Filter { repository: Some(repository), failed, ..Filter::default() };
        tell_of_later(shared, &reader, filter, run.as_ref().ok())?;
    }
    Ok((reader, run?))
}

/// The last run of a checkout is the last that has a record. Later ones like it that have none are named.
fn tell_of_later(
    shared: &Shared,
    reader: &Reader,
    filter: Filter,
    run: Option<&RunId>,
) -> Result<(), CommandError> {
    let since = run.map(|run| reader.began(run)).transpose()?.flatten();
    let filter = Filter { since, ..filter };
    for one in reader.unfinished(&filter)?.iter().take(NAMED) {
        let id = one.run.id.as_str();
        let what = match (one.goes_on, one.exit) {
            (true, _) => "goes on".to_owned(),
            (false, Some(exit)) => {
                format!("ended with {exit}, and its record couldn't be written")
            }
            (false, None) => "left no record".to_owned(),
        };
        let line = format!("a later run of this checkout {what}: {id}");
        shared.printer.advice(&line, &to_type(&["logs", id]));
    }
    Ok(())
}

/// Says how many runs were left out, since their records can't be read. For whoever has asked for several.
pub(in crate::cli) fn tell_of_unreadable(shared: &Shared, reader: &Reader) {
    let count = reader.unreadable() as u64;
    if count > 0 {
        let records = human::count(count, "record");
        shared.printer.warning_once(&format!("{records} can't be read: left out"));
    }
}

/// There are files of it, perhaps, and no record.
pub(in crate::cli) fn unknown(reader: &Reader, run: &RunId) -> HistoryError {
    match reader.unfinished_run(run) {
        Some(Unfinished { goes_on: true, .. }) => HistoryError::GoesOn(run.clone()),
        Some(Unfinished { exit: Some(exit), .. }) => {
            HistoryError::Unwritten { run: run.clone(), exit }
        }
        Some(_) => HistoryError::NoRecord(run.clone()),
        None => HistoryError::Unknown(run.clone()),
    }
}
