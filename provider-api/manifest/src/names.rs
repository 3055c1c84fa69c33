//! How the resources of a provider may be called: the host makes their names.

use crate::settings::{Affects, Repository, Setting, Type};
use serde::{Deserialize, Serialize};

/// What names begin with where neither the manifest nor the user says so.
const DEFAULT_PREFIX: &str = "crabbox";

/// The longest prefix, in bytes, where the names have room for more.
const LONGEST_PREFIX: usize = 40;

/// The rules for the names of a provider's resources. With them, the host chooses the name of each
/// new one before the provider is called.
///
/// ```toml
/// [names]
/// max = 32
/// alphabet = "dns"
/// reserved = ["crabbox-me"]
/// prefix = "crabbox-"
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// The longest name, in bytes; at least [`Names::SHORTEST_MAX`].
    #[serde(default = "longest")]
    pub max: u16,
    /// What it may be made of.
    #[serde(default)]
    pub alphabet: Alphabet,
    /// Names that nothing can have.
    #[serde(default)]
    pub reserved: Vec<String>,
    /// What it begins with where the user doesn't say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

fn longest() -> u16 {
    63
}

/// What names may be made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Alphabet {
    /// Lower-case letters, digits and single dashes between them, a letter first.
    #[default]
    Dns,
    /// Lower-case letters and digits, a letter first.
    Plain,
    /// A word that this version doesn't know. What is plain is in every alphabet.
    #[serde(other)]
    Unknown,
}

/// Why the rules can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NamesProblem {
    /// There would be no room for what tells the names apart.
    #[error("`max` must be at least {}", Names::SHORTEST_MAX)]
    Max,
    /// Names couldn't begin with it.
    #[error("`prefix` must be {0}")]
    Prefix(String),
    /// The host's own setting is called so.
    #[error("the setting `prefix` is made by crabbox where there are names")]
    Setting,
    /// A word of `alphabet` that means nothing.
    #[error("its `alphabet` is no word that this version knows")]
    Alphabet,
}

impl Alphabet {
    /// What stands between the words of a name.
    #[must_use]
    pub fn separator(self) -> &'static str {
        match self {
            Self::Dns => "-",
            Self::Plain | Self::Unknown => "",
        }
    }

    /// Is this made of it, as a whole?
    #[must_use]
    pub fn holds(self, text: &str) -> bool {
        let word = |word: &str| {
            !word.is_empty()
                && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let words = match self {
            Self::Dns => text.split('-').all(word),
            Self::Plain | Self::Unknown => word(text),
        };
        words && text.starts_with(|first: char| first.is_ascii_lowercase())
    }
}

impl Names {
    /// The setting that the host makes for each provider whose resources it names.
    pub const SETTING: &str = "prefix";

    /// No provider may ask for shorter ones.
    pub const SHORTEST_MAX: u16 = 24;

    /// How many characters at the end of each name tell it from all others: 48 bits in hex.
    pub const DIGITS: usize = 12;

    /// The prefix that `text` stands for: it ends with what stands between words, whether that was
    /// typed or not. `None`: no name can begin with it.
    #[must_use]
    pub fn prefix(&self, text: &str) -> Option<String> {
        let separator = self.alphabet.separator();
        let text = text.strip_suffix(separator).unwrap_or(text);
        let fits = text.len() + separator.len() <= self.longest_prefix();
        (fits && self.alphabet.holds(text)).then(|| format!("{text}{separator}"))
    }

    /// The prefix where the user doesn't say another.
    #[must_use]
    pub fn default_prefix(&self) -> String {
        let text = self.prefix.as_deref().unwrap_or(DEFAULT_PREFIX);
        self.prefix(text).unwrap_or_else(|| text.to_owned())
    }

    /// What a prefix must be, as messages say it.
    #[must_use]
    pub fn expected_prefix(&self) -> String {
        let dashes = match self.alphabet {
            Alphabet::Dns => ", digits and single dashes",
            Alphabet::Plain | Alphabet::Unknown => " and digits",
        };
        let longest = self.longest_prefix();
        format!("lower-case letters{dashes}, a letter first, at most {longest} in all")
    }

    fn longest_prefix(&self) -> usize {
        usize::from(self.max).saturating_sub(Self::DIGITS).min(LONGEST_PREFIX)
    }

    pub(crate) fn check(&self) -> Result<(), NamesProblem> {
        if self.max < Self::SHORTEST_MAX {
            return Err(NamesProblem::Max);
        }
        match &self.prefix {
            Some(text) if self.prefix(text).is_none() => {
                Err(NamesProblem::Prefix(self.expected_prefix()))
            }
            _ => Ok(()),
        }
    }

    /// The setting by which a user chooses another prefix. A box that was leased under another one
    /// is still the same box.
    pub(crate) fn setting(&self) -> Setting {
        Setting {
            kind: Type::String,
            description: "What the names of new boxes begin with".to_owned(),
            default: Some(self.default_prefix().into()),
            choices: Vec::new(),
            required: false,
            secret: false,
            env: None,
            affects: Some(Affects::Lifecycle),
            repository: Some(Repository::Never),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Manifest, ManifestError};

    fn manifest(more: &str) -> Result<Manifest, ManifestError> {
        Manifest::parse(&format!("name = 'desk'\nversion = '1.0.0'\nabi = '1'\n{more}"))
    }

    fn names(keys: &str) -> Names {
        manifest(&format!("[names]\n{keys}")).expect(keys).names.expect("names")
    }

    #[test]
    fn a_table_with_nothing_in_it_has_the_rules_of_a_host_name() {
        let names = names("");
        assert_eq!((names.max, names.alphabet), (63, Alphabet::Dns));
        assert_eq!(names.default_prefix(), "crabbox-");
    }

    #[test]
    fn a_prefix_ends_with_a_dash_and_leaves_room() {
        let names = names("max = 24");
        for text in ["ci", "ci-"] {
            assert_eq!(names.prefix(text).as_deref(), Some("ci-"));
        }
        assert_eq!(names.prefix("ci-team-blu").as_deref(), Some("ci-team-blu-"));
        for bad in ["", "-", "-ci", "ci--", "c--i", "Ci", "1ci", "cé", "c i", "ci-team-blue"] {
            assert_eq!(names.prefix(bad), None, "{bad}");
        }
        let longest = Names { max: u16::MAX, ..names };
        assert!(longest.prefix(&"a".repeat(39)).is_some());
        assert!(longest.prefix(&"a".repeat(40)).is_none());
    }

    #[test]
    fn an_alphabet_of_a_newer_interface_is_plain_and_does_not_compile() {
        let names = names("alphabet = 'runes'");
        assert_eq!(names.alphabet, Alphabet::Unknown);
        assert_eq!(names.default_prefix(), "crabbox");
        assert_eq!(names.prefix("c-i"), None);
        let text = "name = 'desk'\nversion = '1.0.0'\nabi = '1'\n[names]\nalphabet = 'runes'\n";
        let error = Manifest::parse_strictly(text).expect_err("refuses").to_string();
        assert_eq!(error, "the names can't be: its `alphabet` is no word that this version knows");
    }

    #[test]
    fn the_prefix_is_a_setting_where_there_are_names() {
        let setting =
            manifest("[names]\nprefix = 'box'").expect("reads").settings.remove(Names::SETTING);
        let setting = setting.expect("a setting");
        assert_eq!(setting.default, Some("box-".into()));
        assert_eq!(setting.repository(), Repository::Never);
        assert!(setting.affects() != Affects::Resource);
        assert!(manifest("").expect("reads").settings.is_empty());
        let own = "[settings.prefix]\ntype = 'string'\n";
        assert!(manifest(own).is_ok());
        let error = manifest(&format!("[names]\n{own}")).expect_err("refuses").to_string();
        assert!(error.ends_with("`prefix` is made by crabbox where there are names"), "{error}");
    }

    #[test]
    fn rules_that_leave_no_room_are_refused() {
        for (keys, why) in [
            ("max = 23", "`max` must be at least 24"),
            (
                "max = 24\nprefix = 'my-company-x'",
                "`prefix` must be lower-case letters, digits and single dashes, a letter first, at most 12 in all",
            ),
        ] {
            let error = manifest(&format!("[names]\n{keys}")).expect_err(keys).to_string();
            assert_eq!(error, format!("the names can't be: {why}"));
        }
        for wrong in ["max = -1", "max = 70000", "reserved = 'a'", "alphabet = 1"] {
            assert!(manifest(&format!("[names]\n{wrong}")).is_err(), "{wrong}");
        }
    }
}
