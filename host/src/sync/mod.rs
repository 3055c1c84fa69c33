//! Makes the box's tree equal to the checkout.
//!
//! [`source`] names the files, if git lets it ([`owner`]), [`scan()`] turns them into a tree of hashes (with
//! [`cache`] and [`before`] so that an unchanged file costs one `stat`, and [`folders`] that never lead out) while the box is
//! reached ([`wanted`]), [`base`] remembers what a box was last given, [`delta`] sends the difference, [`guard`]
//! stops a mistake. [`head`] says where `HEAD` stands without a process, [`against`] how the tree stands to git's index, by what
//! git calls a [`blob`] unless it may [`convert`] that, as its [`config`] says, and has [`noted`] nothing better, and [`committed`] what a commit holds; [`mod@uncommitted`] is all that the
//! checkout has beside it.
//! What the box holds is verified there; here it is only believed.

mod against;
mod base;
mod before;
mod blob;
mod cache;
#[cfg(test)]
mod checkout;
mod committed;
mod config;
mod convert;
mod delta;
mod folders;
mod git;
mod guard;
mod head;
mod noted;
mod owner;
mod patterns;
mod scan;
mod source;
mod uncommitted;
mod wanted;

pub use against::{Against, Index};
pub use base::Base;
pub use committed::{asked, remembered};
pub use delta::{Plan, plan, send};
pub(crate) use git::git;
pub use guard::check_deletions;
pub use head::Head;
pub use scan::{Scan, scan};
pub use source::Source;
pub use uncommitted::uncommitted;
pub use wanted::{Scanning, Wanted};

use std::io;
use std::path::{Path, PathBuf};

/// The checkout can't be made into a tree, or a tree can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// There is no git checkout here.
    #[error("`{}` is not in a git checkout", .0.display())]
    NotACheckout(PathBuf),
    /// A signal came.
    #[error("interrupted while the checkout was read")]
    Stopped,
    /// A repository without files of its own.
    #[error("`{}` is a bare repository: it has no files to send", .0.display())]
    Bare(PathBuf),
    /// Git can't be run, or refuses.
    #[error("git can't list the files of `{}`: {reason}", .folder.display())]
    Git {
        /// Where.
        folder: PathBuf,
        /// What it said.
        reason: String,
    },
    /// Git takes it for somebody else's, and reads nothing of it.
    #[error("git refuses the checkout `{}`: {said}", .folder.display())]
    Distrusted {
        /// The checkout.
        folder: PathBuf,
        /// What git said.
        said: String,
    },
    /// A file or folder can't be read.
    #[error("`{}` can't be read", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A name that no tree can hold.
    #[error(transparent)]
    Name(#[from] crabbox_wire::tree::TreeError),
    /// A pattern in `.crabboxignore` or the configuration.
    #[error("an exclude pattern can't be read")]
    Pattern(#[from] ignore::Error),
    /// A file changed between being hashed and being sent.
    #[error("`{}` changed, or went, while it was being sent", .0.display())]
    Changed(PathBuf),
    /// The stream to the box.
    #[error("the connection to the box broke")]
    Stream(#[source] io::Error),
    /// More would be deleted than looks right.
    #[error("{deleted} of the {held} files on the box would be deleted, and `HEAD` hasn't moved")]
    MassDeletion {
        /// How many.
        deleted: usize,
        /// Of how many.
        held: usize,
    },
}

impl SyncError {
    /// Git said this, in one line or several.
    fn git(folder: &Path, said: &str) -> Self {
        let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
        let reason = lines.collect::<Vec<_>>().join("; ");
        Self::Git { folder: folder.to_owned(), reason }
    }
}
