//! Which lease did I mean? What is typed for one: its id or the beginning of it, its slug, what its
//! provider calls its box, the last run on it, `@last` or `@repo`.
//!
//! One claim or an error: whoever types something that could be two leases is told of both, and nothing
//! is done to either.

use super::acquire::rank;
use super::desk::Desk;
use super::profile;
use super::wanted::Wanted;
use crate::claims::{Claim, LeaseId, Reader, Row};
use crate::output::{CommandError, Exit, Typed, to_type};
use std::fmt;
use std::path::PathBuf;

/// The lease whose box was used last.
pub const LAST: &str = "@last";

/// The lease of this checkout that a run would take first.
pub const REPO: &str = "@repo";

/// So many candidates are named.
const NAMED: usize = 5;

/// So alike are two words one of which may be the other mistyped.
const CLOSE: f64 = 0.85;

/// The checkout that this command is called in, and what a run there would want.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// Its root.
    pub repository: PathBuf,
    /// The provider's name.
    pub provider: String,
    /// Digest of the settings that shape a resource; `None`: nobody knows which they are.
    pub profile: Option<String>,
}

/// Looks for the checkout when it is needed: most commands never do.
pub struct Here(Box<dyn Fn() -> Result<Checkout, CommandError> + Send>);

impl Here {
    /// To be found in this way.
    pub fn new(look: impl Fn() -> Result<Checkout, CommandError> + Send + 'static) -> Self {
        Self(Box::new(look))
    }

    /// Where that is wanted.
    pub(super) fn of(wanted: &Wanted) -> Self {
        let Wanted { repository, provider, profile, .. } = wanted.clone();
        let checkout = Checkout { repository, provider, profile };
        Self::new(move || Ok(checkout.clone()))
    }
}

impl Default for Here {
    fn default() -> Self {
        Self::new(|| Err(CommandError::new(Exit::NotFound, "there is no checkout here")))
    }
}

impl fmt::Debug for Here {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Here")
    }
}

impl Desk {
    /// The claim that `reference` stands for.
    pub fn find(&self, reference: &str) -> Result<Claim, CommandError> {
        find(&self.store, reference, &self.here)
    }
}

/// The claim that `reference` stands for. Fails with 4 if there is none, and with 2 if there are several.
pub fn find(store: &Reader, reference: &str, here: &Here) -> Result<Claim, CommandError> {
    match reference.trim().to_lowercase().as_str() {
        LAST => match store.last_used()? {
            Some(row) => read(store, &row, reference),
            None => Err(CommandError::new(Exit::NotFound, "no lease was used yet")
                .hint(to_type(&["list", "--all"]))),
        },
        REPO => of_checkout(store, &here.0()?),
        _ => match candidates(store, reference)?.as_slice() {
            [] => Err(nothing(store, reference, here)?),
            [row] => read(store, row, reference),
            rows => Err(ambiguous(reference, rows)),
        },
    }
}

/// What a word can stand for, or the words of a provider for a box and its owner: `OWNER/NAME`.
fn candidates(store: &Reader, reference: &str) -> Result<Vec<Row>, CommandError> {
    let mut rows = store.search(reference)?;
    let Some((owner, name)) = reference.trim().split_once('/').filter(|_| rows.is_empty()) else {
        return Ok(rows);
    };
    // Others' boxes may have the same name.
    for row in store.search(name)? {
        let claim = read(store, &row, reference)?;
        if claim.made().is_some_and(|made| made.is_called(owner, name)) {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The claim of a checkout that a run would take first, whether or not it is in use.
pub(super) fn of_checkout(store: &Reader, checkout: &Checkout) -> Result<Claim, CommandError> {
    let Checkout { repository, provider, profile } = checkout;
    let mut claims = store.of_repository(repository, provider)?;
    claims.retain(|claim| !claim.has_failed());
    claims.retain(|claim| profile::fits(&claim.profile, profile.as_deref()));
    claims.sort_by_key(rank);
    claims.into_iter().next().ok_or_else(|| {
        let message =
            format!("no run in `{}` would find a lease of `{provider}`", repository.display());
        CommandError::new(Exit::NotFound, message).hint(to_type(&["list"]))
    })
}

fn read(store: &Reader, row: &Row, reference: &str) -> Result<Claim, CommandError> {
    let id: Option<LeaseId> = row.id.parse().ok();
    let claim = id.map(|id| store.get(&id)).transpose()?.flatten();
    // Nobody deletes a claim; one whose id is none can't be read.
    claim.ok_or_else(|| CommandError::failed(format!("the claim of `{reference}` can't be read")))
}

fn nothing(store: &Reader, reference: &str, here: &Here) -> Result<CommandError, CommandError> {
    let typed = reference.trim();
    let error = CommandError::new(Exit::NotFound, format!("there is no lease `{typed}`"));
    let lower = typed.to_lowercase();
    let mut near: Vec<(f64, String)> = store
        .slugs()?
        .into_iter()
        .chain([LAST, REPO].map(str::to_owned))
        .map(|slug| (strsim::jaro_winkler(&slug, &lower), slug))
        .filter(|(likeness, _)| *likeness > CLOSE)
        .collect();
    near.sort_by(|one, other| other.0.total_cmp(&one.0));
    let lines = near.iter().take(3).map(|(_, slug)| guessed(reference, slug));
    let error = lines.fold(error, CommandError::hint);
    // As a provider calls a box of somebody. Nothing is done to one without a claim.
    let error = match here.0() {
        Ok(Checkout { provider, .. }) if typed.contains('/') => {
            error.hint(to_type(&["adopt", typed, "--provider", &provider]))
        }
        _ => error,
    };
    Ok(error.hint(to_type(&["list"])))
}

fn ambiguous(reference: &str, rows: &[Row]) -> CommandError {
    let name = |row: &Row| {
        let word = if row.is_final() { &row.id } else { &row.slug };
        format!("{word} ({}, {})", row.state, row.provider)
    };
    let named: Vec<String> = rows.iter().take(NAMED).map(name).collect();
    let more = if rows.len() > NAMED { ", …" } else { "" };
    let message = format!("`{}` could be {}{more}", reference.trim(), named.join(" or "));
    rows.iter().take(NAMED).fold(CommandError::usage(message).code("ambiguous"), |error, row| {
        // The id of each is its own, whatever its slug looks like.
        error.hint(instead(reference, &row.id))
    })
}

/// The line for a lease that may not be the one that was meant: what can't be undone, and what was agreed to
/// for another one, isn't carried over to it.
fn guessed(reference: &str, word: &str) -> String {
    let typed = Typed::here();
    let is_harmless = !["--delete", "--yes", "forget"].iter().any(|one| typed.has_switch(one));
    if is_harmless { instead(reference, word) } else { to_type(&["status", word]) }
}

/// The line as it was typed with another word for the lease.
fn instead(reference: &str, word: &str) -> String {
    let typed = Typed::here();
    let line = typed.clone().replaced(reference, word).to_string();
    if line == typed.to_string() { to_type(&["status", word]) } else { line }
}
