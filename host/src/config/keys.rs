//! Every setting there is: the one table that files, variables, `config explain` and the
//! reference are made from.

use std::fmt;

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A list of texts. All layers add to it.
    Texts,
    /// A list of names of environment variables. All layers add to it.
    Names,
    /// A list of folders. All layers add to it.
    Paths,
    /// A length of time.
    Duration,
    /// An amount of bytes.
    Size,
    /// A whole number.
    Count,
    /// One of these.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// Do the layers add up, instead of the strongest winning?
    #[must_use]
    pub fn adds_up(self) -> bool {
        matches!(self, Self::Texts | Self::Names | Self::Paths)
    }
}

/// As messages say what was expected.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("a string"),
            Self::Texts => f.write_str("a list of strings"),
            Self::Names => f.write_str("a list of names of variables"),
            Self::Paths => f.write_str("a list of folders"),
            Self::Duration => {
                f.write_str("a duration in ms, s, m, h, d or w, such as `90s` or `1h 30m`")
            }
            Self::Size => f.write_str("a size in B, KiB, MiB, GiB or TiB, such as `64MiB`"),
            Self::Count => f.write_str("a whole number"),
            Self::Choice(choices) => write!(f, "one of `{}`", choices.join("`, `")),
        }
    }
}

/// What a repository's file may do with it. There is no default: whoever adds a key says what
/// a stranger's file may do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repository {
    /// Set it, to whatever it likes.
    Set,
    /// Set it within a limit that is checked where the value is used.
    Within(&'static str),
    /// Ask for it: it holds once the user has granted it. With what it would choose.
    Request(&'static str),
    /// Never; with what it would choose for whoever checks the repository out.
    Never(&'static str),
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set => f.write_str("yes"),
            Self::Within(limit) => f.write_str(limit),
            Self::Request(reason) => write!(f, "if you grant it: it would choose {reason}"),
            Self::Never(reason) => write!(f, "no: it would choose {reason}"),
        }
    }
}

/// How the machine's own file may bound it, in `[enforced]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforced {
    /// Not at all.
    No,
    /// It names what is allowed.
    Allowed,
    /// It names the longest time.
    AtMost,
}

impl fmt::Display for Enforced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "no",
            Self::Allowed => "what is allowed",
            Self::AtMost => "at most",
        })
    }
}

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// `section.name`.
    pub name: &'static str,
    /// One line, lower case, without a full stop.
    pub about: &'static str,
    /// What a value must be.
    pub kind: Kind,
    /// What holds when nothing is set, as it would be typed.
    pub default: Option<&'static str>,
    /// The environment variable that sets it.
    pub variable: Option<&'static str>,
    /// The flag that sets it, for the commands that have one.
    pub flag: Option<&'static str>,
    /// What a repository's file may do with it.
    pub repository: Repository,
    /// How the machine's own file may bound it.
    pub enforced: Enforced,
}

/// The provider that leases boxes where nobody chooses one: the only name of a provider that the host
/// knows.
pub const DEFAULT_PROVIDER: &str = "local";

/// What the settings of the history choose.
const OF_HISTORY: &str = "what is remembered of your runs";

/// All of them, in the order in which they are shown.
pub const KEYS: &[Key] = &[
    // It isn't called `provider`: `[provider.NAME]` holds the providers' own settings, and TOML
    // can't have both.
    Key {
        name: "lease.provider",
        about: "which provider leases boxes",
        kind: Kind::Text,
        default: Some(DEFAULT_PROVIDER),
        variable: Some("CRABBOX_PROVIDER"),
        flag: Some("--provider"),
        repository: Repository::Within("only to a bundled one, or one that you have configured"),
        enforced: Enforced::Allowed,
    },
    Key {
        name: "lease.ttl",
        about: "how long a box stays, from being made or started, unless a run is alive",
        kind: Kind::Duration,
        default: Some("8h"),
        variable: Some("CRABBOX_LEASE_TTL"),
        flag: Some("--ttl"),
        repository: Repository::Request("how long a box stays"),
        enforced: Enforced::AtMost,
    },
    Key {
        name: "lease.idle",
        about: "how long a box stays ready without use",
        kind: Kind::Duration,
        default: Some("30m"),
        variable: Some("CRABBOX_LEASE_IDLE"),
        flag: Some("--idle"),
        repository: Repository::Set,
        enforced: Enforced::AtMost,
    },
    Key {
        name: "lease.linger",
        about: "how long a box stays ready after the run that got it, instead of being let go of",
        kind: Kind::Duration,
        default: None,
        variable: Some("CRABBOX_LEASE_LINGER"),
        flag: None,
        repository: Repository::Set,
        enforced: Enforced::AtMost,
    },
    Key {
        name: "lease.parked_ttl",
        about: "how long a box may be parked before `list` and `run` tell of it",
        kind: Kind::Duration,
        default: Some("14d"),
        variable: Some("CRABBOX_LEASE_PARKED_TTL"),
        flag: None,
        repository: Repository::Never("which boxes are deleted"),
        enforced: Enforced::No,
    },
    Key {
        name: "lease.release",
        about: "what becomes of a box at the end",
        kind: Kind::Choice(&["park", "delete"]),
        default: Some("park"),
        variable: Some("CRABBOX_LEASE_RELEASE"),
        flag: Some("--release"),
        repository: Repository::Request("what is deleted"),
        enforced: Enforced::Allowed,
    },
    Key {
        name: "run.timeout",
        about: "ends a command that takes longer",
        kind: Kind::Duration,
        default: None,
        variable: Some("CRABBOX_RUN_TIMEOUT"),
        flag: Some("--timeout"),
        repository: Repository::Set,
        enforced: Enforced::AtMost,
    },
    Key {
        name: "run.env",
        about: "variables that the command gets with the values that they have here, if any",
        kind: Kind::Names,
        default: None,
        variable: None,
        flag: Some("--env"),
        repository: Repository::Request("which of your variables the box gets to see"),
        enforced: Enforced::No,
    },
    Key {
        name: "sync.exclude",
        about: "patterns, as in `.gitignore`, of files that stay here",
        kind: Kind::Texts,
        default: None,
        variable: None,
        flag: Some("--exclude"),
        repository: Repository::Set,
        enforced: Enforced::No,
    },
    Key {
        name: "history.keep_for",
        about: "how long a run is remembered",
        kind: Kind::Duration,
        default: Some("30d"),
        variable: Some("CRABBOX_HISTORY_KEEP_FOR"),
        flag: None,
        repository: Repository::Never(OF_HISTORY),
        enforced: Enforced::No,
    },
    Key {
        name: "history.keep",
        about: "how many runs are remembered",
        kind: Kind::Count,
        default: Some("1000"),
        variable: Some("CRABBOX_HISTORY_KEEP"),
        flag: None,
        repository: Repository::Never(OF_HISTORY),
        enforced: Enforced::No,
    },
    Key {
        name: "history.size",
        about: "how much room the remembered runs may take together",
        kind: Kind::Size,
        default: Some("1GiB"),
        variable: Some("CRABBOX_HISTORY_SIZE"),
        flag: None,
        repository: Repository::Never(OF_HISTORY),
        enforced: Enforced::No,
    },
    Key {
        name: "history.log_size",
        about: "how much of a run's output is kept, before compression; `0` keeps none",
        kind: Kind::Size,
        default: Some("32MiB"),
        variable: Some("CRABBOX_HISTORY_LOG_SIZE"),
        flag: None,
        repository: Repository::Never(OF_HISTORY),
        enforced: Enforced::No,
    },
    Key {
        name: "results.junit",
        about: "patterns of files on the box that are reports of tests, beside those in the usual places",
        kind: Kind::Texts,
        default: None,
        variable: None,
        flag: Some("--junit"),
        repository: Repository::Set,
        enforced: Enforced::No,
    },
    Key {
        name: "artifacts.max_size",
        about: "how much all artifacts of a run, and each download, may be",
        kind: Kind::Size,
        default: Some("1GiB"),
        variable: Some("CRABBOX_ARTIFACTS_MAX_SIZE"),
        flag: None,
        repository: Repository::Request("how much a box may write here"),
        enforced: Enforced::No,
    },
    Key {
        name: "providers.path",
        about: "folders with providers, before all others",
        kind: Kind::Paths,
        default: None,
        variable: Some("CRABBOX_PROVIDER_PATH"),
        flag: Some("--provider-path"),
        repository: Repository::Never("what code runs on this machine"),
        enforced: Enforced::Allowed,
    },
];

/// The setting of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The name that was most likely meant.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static str> {
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
        assert_eq!(nearest("laese.idle"), Some("lease.idle"));
        assert_eq!(nearest("provider"), Some("lease.provider"));
        assert_eq!(nearest("zzz"), None);
    }
}
