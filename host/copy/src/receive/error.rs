//! Why a copy can't go on.

use crate::Gone;
use crate::target::TargetError;
use crabbox_wire::copy::{MAX_ENTRIES, RecordError};
use rustix::io::Errno;
use std::path::PathBuf;

/// The copy can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// There is no place for it.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// There is no room left.
    #[error("there is no room for `{}`: {}", path.display(), std::io::Error::from(*.error))]
    Full {
        /// What was written.
        path: PathBuf,
        /// What the system says.
        error: Errno,
    },
    /// What comes isn't records.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// They come in an order that makes no sense.
    #[error("the records come in an order that makes no sense")]
    Order,
    /// A file has more content than was said.
    #[error("`{}` has more content than was announced", .0.display())]
    TooMuch(PathBuf),
    /// There is no end of entries.
    #[error("there are more than {MAX_ENTRIES} entries")]
    TooMany,
    /// The sender is gone.
    #[error(transparent)]
    Gone(#[from] Gone),
}
