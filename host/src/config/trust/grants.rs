//! What the user has granted to a repository.

use super::{Pin, Pins, TrustProblem};
use crate::config::error::{ConfigError, Place};
use crate::config::file::Layer;
use crate::config::keys::{self, Repository};
use crate::places::{home, real};
use crabbox_wire::tree::Hash;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// What may be said of each key, by its whole name.
pub(in crate::config) type Allowed = BTreeMap<String, toml::Value>;

/// One `[trust."PATH"]` of the user's file: in the form of the repository's own file, what that may
/// say.
#[derive(Debug)]
pub(in crate::config) struct Grant {
    /// As it stands there.
    pub(in crate::config) path: String,
    /// Counted from 1.
    pub(in crate::config) line: usize,
    /// What may be said.
    pub(in crate::config) allowed: Allowed,
}

impl Grant {
    /// Is it about this checkout?
    pub(in crate::config) fn is_for(&self, root: &Path) -> bool {
        is_for(&self.path, root)
    }
}

/// A table of the user's file that grants something, to be shown.
#[derive(Clone, Debug)]
pub struct GrantTable {
    /// The folder, as it stands there.
    pub path: String,
    /// What is granted.
    pub granted: BTreeMap<String, toml::Value>,
    /// In which file.
    pub file: PathBuf,
    /// In which line, counted from 1.
    pub line: usize,
}

impl GrantTable {
    pub(in crate::config) fn of(file: &Path, grant: &Grant) -> Self {
        Self {
            path: grant.path.clone(),
            granted: grant.allowed.clone(),
            file: file.to_owned(),
            line: grant.line,
        }
    }

    /// Is it about this checkout?
    #[must_use]
    pub fn is_for(&self, root: &Path) -> bool {
        is_for(&self.path, root)
    }
}

impl fmt::Display for GrantTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

fn is_for(path: &str, root: &Path) -> bool {
    folder_of_grant(path).is_some_and(|folder| real(&folder) == root)
}

/// `~/…` or an absolute path; anything else would depend on where one stands.
pub(in crate::config) fn folder_of_grant(path: &str) -> Option<PathBuf> {
    match path.strip_prefix("~") {
        Some("") => home(),
        Some(rest) => Some(home()?.join(rest.strip_prefix('/')?)),
        None => Some(PathBuf::from(path)).filter(|path| path.is_absolute()),
    }
}

/// What the user has granted of what this repository's file asks for.
#[derive(Debug, Default)]
pub struct Grants {
    /// The tables that are about it.
    allowed: Vec<Allowed>,
    /// How the file stood when it was trusted, if ever it was.
    pin: Option<Pin>,
    /// What was asked for when the user said no, if that was the last word.
    denied: Allowed,
    /// The file is as it was then.
    unchanged: bool,
}

impl Grants {
    /// What the user has granted to the file at `path`: in `[trust]`, or by trusting it as it is.
    pub(in crate::config) fn read(
        path: &Path,
        repository: &Layer,
        user: &Layer,
        state: &Path,
    ) -> (Self, Option<ConfigError>) {
        let asks = repository.settings.keys().any(|name| {
            keys::find(name).is_some_and(|key| matches!(key.repository, Repository::Request(_)))
        });
        if !asks && repository.providers.is_empty() {
            return (Self::default(), None);
        }
        let root = path.parent().unwrap_or(path);
        let granted = user.grants.iter().filter(|grant| grant.is_for(root));
        let allowed = granted.map(|grant| grant.allowed.clone()).collect();
        let (pin, error) = match Pins::new(state).find(path) {
            Ok(pin) => (pin, None),
            Err(error) => {
                let place = Place::File { path: path.to_owned(), line: None };
                (None, Some(ConfigError::new(place, TrustProblem::Pin(error).into())))
            }
        };
        (Self::new(allowed, pin, repository.digest), error)
    }

    /// `digest`: of the file as it is now.
    fn new(allowed: Vec<Allowed>, pin: Option<Pin>, digest: Option<Hash>) -> Self {
        let denied = pin.as_ref().map(|pin| pin.denied.clone()).unwrap_or_default();
        let pin = pin.filter(|pin| !pin.is_denial());
        let unchanged = pin.as_ref().is_some_and(|pin| Some(pin.digest) == digest);
        Self { allowed, pin, denied, unchanged }
    }

    /// May the repository's file say this of a setting that it may only ask for? `key` is the whole
    /// name: `section.name`, or `provider.NAME.KEY`.
    #[must_use]
    pub fn allows(&self, key: &str, value: &toml::Value) -> bool {
        let granted = |allowed: &Allowed| allowed.get(key).is_some_and(|it| covers(it, value));
        // What was no request when the file was trusted, nobody was shown: the provider may have come
        // later, or have changed its mind.
        let shown = |pin: &Pin| pin.requests.get(key) == Some(value);
        self.trusted().is_some_and(shown) || self.allowed.iter().any(granted)
    }

    /// Has the user said no to this? To the same request in another file of the same place, too.
    #[must_use]
    pub fn denies(&self, key: &str, value: &toml::Value) -> bool {
        self.denied.get(key).is_some_and(|denied| covers(denied, value))
    }

    /// How the file stood when the user trusted it, if it is another one now.
    #[must_use]
    pub fn outdated(&self) -> Option<&Pin> {
        self.pin.as_ref().filter(|_| !self.unchanged)
    }

    /// Has the user trusted the file as it is?
    #[must_use]
    pub fn trusted(&self) -> Option<&Pin> {
        self.pin.as_ref().filter(|_| self.unchanged)
    }
}

/// Does who grants the one grant the other? Of a list and of a table: every part of it.
fn covers(granted: &toml::Value, asked: &toml::Value) -> bool {
    use toml::Value::{Array, Table};
    match (granted, asked) {
        (Array(granted), Array(asked)) => asked.iter().all(|item| granted.contains(item)),
        (Table(granted), Table(asked)) => asked
            .iter()
            .all(|(key, value)| granted.get(key).is_some_and(|granted| covers(granted, value))),
        _ => granted == asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covered(granted: &str, asked: &str) -> bool {
        let value = |text: &str| toml::from_str::<toml::Table>(text).expect("TOML")["x"].clone();
        covers(&value(granted), &value(asked))
    }

    #[test]
    fn a_grant_covers_its_parts_and_nothing_else() {
        assert!(covered("x = 'delete'", "x = 'delete'"));
        assert!(!covered("x = 'park'", "x = 'delete'"));
        assert!(covered("x = ['A', 'B']", "x = ['B']"));
        assert!(!covered("x = ['A', 'B']", "x = ['B', 'C']"));
        assert!(covered("x = {a = [1, 2], b = 3}", "x = {a = [2]}"));
        assert!(!covered("x = {a = 1}", "x = {a = 1, c = 1}"));
        assert!(!covered("x = ['1']", "x = '1'"));
    }

    #[test]
    fn a_trusted_file_is_granted_what_it_asked_for_then_and_nothing_else() {
        let digest = Hash::of(b"file");
        let pin = Pin {
            path: PathBuf::from("/x"),
            digest,
            time: jiff::Timestamp::UNIX_EPOCH,
            requests: [("lease.release".to_owned(), "delete".into())].into(),
            denied: Allowed::new(),
        };
        let allows = |digest, key: &str, value: &str| {
            let grants = Grants::new(Vec::new(), Some(pin.clone()), digest);
            grants.allows(key, &value.into())
        };
        assert!(allows(Some(digest), "lease.release", "delete"));
        assert!(!allows(Some(digest), "lease.release", "park"));
        assert!(!allows(Some(digest), "provider.new.key", "delete"));
        assert!(!allows(Some(Hash::of(b"other")), "lease.release", "delete"));
        assert!(!allows(None, "lease.release", "delete"));
    }

    #[test]
    fn what_was_denied_is_denied_whatever_else_changes_and_nothing_else_is() {
        let pin = Pin {
            path: PathBuf::from("/x"),
            digest: Hash::of(b"file"),
            time: jiff::Timestamp::UNIX_EPOCH,
            requests: Allowed::new(),
            denied: [("lease.release".to_owned(), "delete".into())].into(),
        };
        let grants = Grants::new(Vec::new(), Some(pin), Some(Hash::of(b"other")));
        assert!(grants.denies("lease.release", &"delete".into()));
        assert!(!grants.denies("lease.release", &"park".into()));
        assert!(!grants.denies("run.env", &"delete".into()));
        assert!(!grants.allows("lease.release", &"delete".into()));
        assert!(grants.trusted().is_none() && grants.outdated().is_none());
    }

    #[test]
    fn paths_of_grants_do_not_depend_on_where_one_stands() {
        assert_eq!(folder_of_grant("/a/b"), Some(PathBuf::from("/a/b")));
        assert_eq!(folder_of_grant("~/b"), home().map(|home| home.join("b")));
        for other in ["a/b", ".", "~user/b", ""] {
            assert_eq!(folder_of_grant(other), None, "{other}");
        }
    }
}
