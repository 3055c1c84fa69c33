//! The files of the claims, with what is wrong with them said in their words.

use super::error::ClaimError;
use crate::sqlite::{self, Untrusted};
use std::path::Path;

/// The ways to boxes in them are run: others must not be able to change them.
pub(super) fn check_trusted(path: &Path) -> Result<(), ClaimError> {
    sqlite::check_trusted(path).map_err(refuse)
}

/// The same, and what others can only read is closed to them.
pub(super) fn check_files(path: &Path) -> Result<(), ClaimError> {
    sqlite::check(path).map_err(refuse)
}

/// The log holds the claims of the last commands.
pub(super) fn check_log(path: &Path) -> Result<(), ClaimError> {
    if sqlite::is_cut_off(path) {
        let source = "it is empty, and its log isn't".into();
        return Err(ClaimError::Damaged { path: path.to_owned(), source });
    }
    Ok(())
}

fn refuse(Untrusted { path, source }: Untrusted) -> ClaimError {
    ClaimError::File { path, source }
}
