//! Why something is no pattern, and how much one may be.

/// So many ways may the alternatives of one pattern make.
pub(super) const MAX_WAYS: usize = 1000;

/// A longer one is no path's, in bytes.
pub(super) const MAX_LENGTH: usize = 4096;

/// So many alternatives may one pattern have, in each other or one after the other: each is looked into anew.
pub(super) const MAX_ALTERNATIVES: usize = 100;

/// A pattern that isn't one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It counts from the root of the file system, or from the home folder.
    #[error("it is absolute")]
    Absolute,
    /// It leads to what is above.
    #[error("it leads up by `..`")]
    Above,
    /// A `[` without its end.
    #[error("a `[` has no end")]
    Class,
    /// A `{` without its end.
    #[error("a `{{` has no end")]
    Alternatives,
    /// A path has no such byte.
    #[error("it holds a NUL byte")]
    Nul,
    /// There is no end of alternatives.
    #[error("its alternatives make more than {MAX_WAYS} patterns")]
    TooMany,
    /// Nobody has typed it.
    #[error("it is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// Nor this.
    #[error("it has more than {MAX_ALTERNATIVES} `{{`")]
    TooDeep,
}
