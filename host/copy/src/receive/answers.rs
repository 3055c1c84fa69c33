//! What is said to the sender, and to whoever watches.

use crate::Gone;
use crabbox_wire::copy::Word;
use crabbox_wire::tree::Hash;
use std::path::PathBuf;

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
