//! `crabbox history`, and what all commands about earlier runs share.

mod list;
mod prune;
mod receipt;
mod shown;

pub(in crate::cli) use list::History;
pub(in crate::cli) use shown::Remembered;

use super::Shared;
use super::config::checkout_or_folder;
use crate::history::{HistoryError, Reader, RunId, resolve};
use crate::output::CommandError;

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
    let run = resolve(&reader, &repository()?, reference)?;
    Ok((reader, run))
}

/// There are files of it, perhaps, and no record.
pub(in crate::cli) fn unknown(run: &RunId) -> CommandError {
    HistoryError::Unknown(run.clone()).into()
}
