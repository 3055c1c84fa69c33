//! The name that a user gives a lease, and the lease that has it.

use super::desk::Desk;
use super::take::{Held, Taken, explicitly};
use super::wanted::Wanted;
use crate::claims::Claim;
use crate::output::{CommandError, Exit, Typed, to_type};
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

/// The longest, in characters.
const LONGEST: usize = 40;

/// What begins an id: no slug may look like one.
const IDS: [&str; 2] = ["cbx_", "run_"];

/// A name for a lease: lower-case letters, digits and single dashes between them, a letter first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slug(String);

/// Why a text is no slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlugError {
    /// There is nothing.
    #[error("it is empty")]
    Empty,
    /// `cbx_…` or `run_…`.
    #[error("it looks like the id of a lease or a run")]
    Id,
    /// `@last` and its kin.
    #[error("what begins with `@` stands for a lease that was used before")]
    Reference,
    /// Over the limit.
    #[error("it has more than {LONGEST} characters")]
    Long,
    /// It begins with something else.
    #[error("it must begin with a letter from a to z")]
    First,
    /// Anything else in it.
    #[error("it must be letters from a to z, digits, and single dashes between them")]
    Character,
}

impl FromStr for Slug {
    type Err = SlugError;

    /// What is typed in capitals is the same name.
    fn from_str(text: &str) -> Result<Self, SlugError> {
        let slug = text.to_ascii_lowercase();
        if slug.is_empty() {
            return Err(SlugError::Empty);
        }
        if slug.starts_with('@') {
            return Err(SlugError::Reference);
        }
        if IDS.iter().any(|id| slug.starts_with(id)) {
            return Err(SlugError::Id);
        }
        if slug.chars().count() > LONGEST {
            return Err(SlugError::Long);
        }
        if !slug.starts_with(|first: char| first.is_ascii_lowercase()) {
            return Err(SlugError::First);
        }
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if slug.split('-').any(|word| word.is_empty() || !word.bytes().all(plain)) {
            return Err(SlugError::Character);
        }
        Ok(Self(slug))
    }
}

impl Deref for Slug {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Desk {
    /// The checkout's own lease of this name, as if it had been asked for by its id. `None`: there is
    /// none, and nobody else has the name.
    pub(super) fn acquire_by_slug(
        &mut self,
        slug: &Slug,
        wanted: &Wanted,
    ) -> Result<Option<Held>, CommandError> {
        let Some(claim) = self.store.named(slug)? else {
            return Ok(None);
        };
        let is_own = claim.repository == wanted.repository && claim.provider == wanted.provider;
        if !is_own || wanted.fresh || claim.has_failed() {
            return Err(if is_own && wanted.fresh && !claim.has_failed() {
                not_fresh(&claim)
            } else {
                taken(&claim)
            });
        }
        let holder = match self.store.hold(&claim.id)? {
            Ok(holder) => holder,
            Err(_) => self.wait_for(&claim)?,
        };
        let _getting = self.getting(wanted);
        match self.take(&claim, holder, wanted)? {
            Taken::Gone => Ok(None),
            taken => explicitly(taken, &claim).map(Some),
        }
    }
}

/// The name is that of the checkout's own lease, and a new one is wanted.
fn not_fresh(claim: &Claim) -> CommandError {
    let slug = &claim.slug;
    let message = format!("`--fresh` can't be: this checkout has a lease `{slug}` already");
    CommandError::new(Exit::Conflict, message)
        .hint(Typed::here().without_switch("--fresh").to_string())
        .hint(Typed::here().without("--slug").to_string())
}

/// Somebody else's lease has the name.
fn taken(claim: &Claim) -> CommandError {
    let Claim { slug, provider, repository, .. } = claim;
    let repository = repository.display();
    let lease = if claim.has_failed() { "failed lease" } else { "lease" };
    let message = format!("`{slug}` is the name of a {lease} from `{provider}` for `{repository}`");
    let error = CommandError::new(Exit::Conflict, message);
    if !claim.has_failed() {
        return error
            .hint(Typed::here().without("--slug").to_string())
            .hint(to_type(&["status", slug]));
    }
    let line = ["stop", slug, "--delete", "--yes"];
    error.hint(to_type(if claim.made().is_some() { &line } else { &line[..2] }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_name_is_refused_with_the_reason() {
        let long = "a".repeat(300);
        for (text, why) in [
            ("", SlugError::Empty),
            ("@last", SlugError::Reference),
            ("cbx_0123456789ab", SlugError::Id),
            ("CBX_", SlugError::Id),
            ("run_1", SlugError::Id),
            (&long, SlugError::Long),
            ("1a", SlugError::First),
            ("-a", SlugError::First),
            ("änderung", SlugError::First),
            ("a-ü", SlugError::Character),
            ("a--b", SlugError::Character),
            ("a-", SlugError::Character),
            ("a/b", SlugError::Character),
            ("a b", SlugError::Character),
            ("a_b", SlugError::Character),
        ] {
            assert_eq!(text.parse::<Slug>(), Err(why), "{text}");
        }
    }

    #[test]
    fn capitals_make_no_other_name() {
        assert_eq!("Fix-42".parse::<Slug>().expect("a name").to_string(), "fix-42");
        assert!("a".repeat(LONGEST).parse::<Slug>().is_ok());
    }

    proptest! {
        #[test]
        fn a_slug_can_be_typed_and_is_no_id(text in ".{0,50}|[a-zA-Z@_][a-zA-Z0-9_-]{0,45}") {
            if let Ok(slug) = text.parse::<Slug>() {
                prop_assert!(slug.len() <= LONGEST && !slug.contains(['_', '@', ' ', '/']));
                prop_assert!(slug.starts_with(|first: char| first.is_ascii_lowercase()));
                prop_assert_eq!(Ok(slug.clone()), slug.parse());
            }
        }
    }
}
