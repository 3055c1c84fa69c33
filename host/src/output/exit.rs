//! The exit codes of every command but `run`, which returns the program's own
//! (its own failures are 125, see [`crate::run::Outcome`]).

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// It did what it was asked to.
    Ok = 0,
    /// It failed.
    Failed = 1,
    /// The command line or a configuration file is wrong.
    Usage = 2,
    /// Not logged in.
    Auth = 3,
    /// What was named isn't there.
    NotFound = 4,
    /// A claim or an owner stands against it.
    Conflict = 5,
    /// It may work if it is tried again.
    TryAgain = 6,
    /// A limit of the account.
    Quota = 7,
}
