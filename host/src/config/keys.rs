//! Every setting there is.

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Texts,
    Duration,
    /// One of these.
    Choice(&'static [&'static str]),
}

/// May a repository's file set it?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repository {
    May,
    /// It would choose what runs on, or is lost from, the user's machine.
    Never,
}

/// One setting.
#[derive(Debug)]
pub(super) struct Key {
    /// `section.name`.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) repository: Repository,
}

pub(super) const KEYS: &[Key] = &[
    // Which provider leases boxes. It isn't called `provider`: `[provider.NAME]` holds
    // the providers' own settings, and TOML can't have both.
    Key { name: "lease.provider", kind: Kind::Text, repository: Repository::May },
    // How long a box that is kept stays ready without use.
    Key { name: "lease.idle", kind: Kind::Duration, repository: Repository::May },
    // What becomes of the resource at the end.
    Key {
        name: "lease.release",
        kind: Kind::Choice(&["park", "delete"]),
        repository: Repository::Never,
    },
    // Ends a command that takes longer.
    Key { name: "run.timeout", kind: Kind::Duration, repository: Repository::May },
    // Patterns, as in `.gitignore`, of files that stay here.
    Key { name: "sync.exclude", kind: Kind::Texts, repository: Repository::May },
    // Folders with providers, before all others.
    Key { name: "providers.path", kind: Kind::Texts, repository: Repository::Never },
];

/// The setting of this name.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The name that was most likely meant.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    let score = |known: &str| {
        // `provider` for `lease.provider` is a near miss, too.
        let last = known.rsplit('.').next().unwrap_or(known);
        strsim::jaro_winkler(known, name).max(strsim::jaro_winkler(last, name))
    };
    let best = KEYS.iter().map(|key| (key.name, score(key.name)));
    best.filter(|(_, score)| *score > 0.8)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_its_key() {
        assert_eq!(nearest("lease.providr"), Some("lease.provider"));
        assert_eq!(nearest("provider"), Some("lease.provider"));
        assert_eq!(nearest("zzz"), None);
    }
}
