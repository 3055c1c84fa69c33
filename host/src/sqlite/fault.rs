//! What is wrong with a database, as far as something can be done about it.

use rusqlite::{Error, ErrorCode};

/// What SQLite's code comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Another program holds it.
    Held,
    /// It isn't a database any more.
    Damaged,
    /// It can't be written, or not even opened.
    ReadOnly,
    /// Something else.
    Other,
}

impl Fault {
    pub(crate) fn of(error: &Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Held,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly
            }
            _ => Self::Other,
        }
    }
}
