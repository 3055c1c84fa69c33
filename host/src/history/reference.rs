//! Which run did I mean? Its id, or the beginning of it; `@last` and `@last-failed` of a checkout.
//!
//! One that was killed has no record, and what it printed is there all the same: its folder counts, and that it has begun.

use super::error::HistoryError;
use super::id::{DIGITS, PREFIX, RunId, is_hex};
use super::query::{Filter, Reader};
use super::{begun, runs};
use crate::output::{CommandError, Exit, Typed, to_type};
use std::fs;

/// The last run of a checkout.
pub const LAST: &str = "@last";

/// The last one of them that didn't end with 0.
pub const LAST_FAILED: &str = "@last-failed";

/// So many candidates are named.
const NAMED: u32 = 5;

/// No run, or more than one.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The history can't be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Nothing was run in the checkout, or nothing that failed.
    #[error("no run{} of `{repository}` is remembered", if *.failed { " that failed" } else { "" })]
    None {
        /// The checkout.
        repository: String,
        /// One that failed was wanted.
        failed: bool,
    },
    /// There is no such run, or not any more.
    #[error("there is no run `{0}`")]
    Unknown(String),
    /// Several begin so.
    #[error("`{typed}` could be {}", .candidates.join(" or "))]
    Ambiguous {
        /// What was typed.
        typed: String,
        /// Which.
        candidates: Vec<String>,
    },
}

/// The run that `typed` stands for; `repository` is the root of the checkout here.
pub fn resolve(reader: &Reader, repository: &str, typed: &str) -> Result<RunId, ReferenceError> {
    let word = typed.trim().to_lowercase();
    match word.as_str() {
        LAST => last(reader, repository, false),
        LAST_FAILED => last(reader, repository, true),
        word => by_beginning(reader, word, typed.trim()),
    }
}

fn last(reader: &Reader, repository: &str, failed: bool) -> Result<RunId, ReferenceError> {
    let filter = Filter {
        repository: Some(repository.to_owned()),
        failed,
        limit: Some(1),
        ..Filter::default()
    };
    let id = reader.rows(&filter)?.pop().and_then(|row| row.id.parse().ok());
    id.ok_or_else(|| ReferenceError::None { repository: repository.to_owned(), failed })
}

fn by_beginning(reader: &Reader, word: &str, typed: &str) -> Result<RunId, ReferenceError> {
    let unknown = || ReferenceError::Unknown(typed.to_owned());
    let digits = word.strip_prefix(PREFIX).unwrap_or(word);
    if digits.is_empty() || digits.len() > DIGITS || !is_hex(digits) {
        return Err(unknown());
    }
    let prefix = format!("{PREFIX}{digits}");
    let mut found = reader.beginning(&prefix, NAMED)?;
    found.extend(folders(reader, &prefix));
    let begun = begun::ids(reader.state()).into_iter().map(String::from);
    found.extend(begun.filter(|id| id.starts_with(&prefix)));
    found.sort();
    found.dedup();
    found.truncate(NAMED as usize);
    match found.as_slice() {
        [] => Err(unknown()),
        [id] => id.parse().map_err(|_| unknown()),
        _ => Err(ReferenceError::Ambiguous { typed: typed.to_owned(), candidates: found }),
    }
}

/// Runs of which there are files.
fn folders(reader: &Reader, prefix: &str) -> Vec<String> {
    let runs = runs(reader.state());
    if prefix.len() == PREFIX.len() + DIGITS {
        return Some(prefix.to_owned()).filter(|id| runs.join(id).is_dir()).into_iter().collect();
    }
    let entries = fs::read_dir(runs).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| name.starts_with(prefix) && name.parse::<RunId>().is_ok()).collect()
}

impl From<ReferenceError> for CommandError {
    fn from(error: ReferenceError) -> Self {
        let message = error.to_string();
        match error {
            ReferenceError::History(error) => error.into(),
            ReferenceError::None { failed, .. } => {
                let line: &[&str] = if failed { &["history"] } else { &["history", "--all"] };
                Self::new(Exit::NotFound, message).hint(to_type(line))
            }
            ReferenceError::Unknown(_) => {
                Self::new(Exit::NotFound, message).hint(to_type(&["history"]))
            }
            ReferenceError::Ambiguous { typed, candidates } => {
                let error = Self::usage(message).code("ambiguous");
                let line = |id: &String| Typed::here().replaced(&typed, id).to_string();
                candidates.iter().map(line).fold(error, Self::hint)
            }
        }
    }
}
