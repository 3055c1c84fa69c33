//! What is said to the sender, and to whoever watches.

use crate::Gone;
use crabbox_wire::copy::{Remark, Word};
use crabbox_wire::text::Text;
use crabbox_wire::tree::Hash;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What carries words to the sender, or to whoever watches.
pub trait Answers {
    /// Says it.
    fn say(&mut self, word: Word) -> Result<(), Gone>;
    /// So much content has come, or was there.
    fn advance(&mut self, _bytes: u64) {}
    /// So much there will be, as far as is known.
    fn expect(&mut self, _total: u64) {}
    /// A file is in its place.
    fn placed(&mut self, _file: Placed) {}
}

/// A file that is in its place, or was there as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Below what is copied; empty for that itself.
    pub path: PathBuf,
    /// The file that it is in.
    pub local: PathBuf,
    /// Where it begins there: 0, unless several are in one.
    pub at: u64,
    /// In bytes.
    pub size: u64,
    /// Of its content.
    pub hash: Hash,
}

/// What is said of a link among files.
pub(super) const LINK: &str = "it is a link where only files come";

/// Says something of the entry with this path below what is copied. `failed`: it isn't here.
pub(super) fn remark(
    path: &Path,
    what: &str,
    failed: bool,
    answers: &mut dyn Answers,
) -> Result<(), Gone> {
    let path = Text(path.as_os_str().as_bytes().to_vec());
    answers.say(Word::Remark(Remark { path, what: what.to_owned(), failed }))
}

/// The path below what is copied, whose own name is empty, of an entry in these folders.
pub(super) fn below<'a>(folders: impl Iterator<Item = &'a [u8]>, name: &'a [u8]) -> PathBuf {
    let parts = folders.chain([name]).filter(|part| !part.is_empty());
    parts.map(OsStr::from_bytes).collect()
}
