//! What a provider says of itself: `provider.toml`, embedded in a section of its library, so that the
//! host reads it without running any of the provider's code.
//!
//! [`Manifest::parse`] reads the text; `export_provider!` calls it while a provider is compiled, so that what the
//! host couldn't read doesn't get that far. [`Manifest::from_section`] reads it out of a library, which may be
//! anybody's: it is bounded and never panics. Unknown keys are ignored, so that a manifest may be newer than
//! its reader.
//!
//! [`settings`] are the schema of `[provider.NAME]`. This crate knows the schema and nothing else: which settings hold, and which library to load, is the host's business.

mod capability;
mod deadline;
mod deadlines;
mod login;
mod names;
pub mod settings;

pub use capability::Capability;
pub use deadline::Deadline;
pub use deadlines::{Deadlines, Limit, Settles};
pub use login::{Called, Login, LoginProblem, Within, called, within};
pub use names::{Alphabet, Names, NamesProblem};
pub use settings::{Affects, Repository, Setting, SettingProblem, Type};

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The section of the library that holds the manifest.
pub const SECTION: &str = ".crabbox.manifest";

/// How the section begins; the length of the text (4 bytes, little-endian) and the text follow.
pub const MAGIC: [u8; 16] = *b"crabbox-manifest";

/// The longest manifest, in bytes.
pub const LIMIT: usize = 64 * 1024;

/// A provider's description of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// Lower-case letters, digits and dashes, a letter first, at most 32.
    pub name: String,
    /// The provider's own version.
    pub version: Version,
    /// The interface versions that it works with, such as `"1"`.
    pub abi: VersionReq,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// Other names that users may type.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Target triples that it is built for; none stands for any.
    #[serde(default)]
    pub targets: Vec<String>,
    /// What it can do beyond the hooks, or leaves to the host.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// Environment variables that its process gets, each with the reason.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// How long its hooks may take.
    #[serde(default)]
    pub deadlines: Deadlines,
    /// How long a resource may still appear after its `lease` broke off.
    #[serde(default)]
    pub settles: Settles,
    /// The deadline that it puts on resources itself, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    /// How its resources may be called, if the host is to name them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Names>,
    /// What tells one login from another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// The settings under `[provider.NAME]`.
    #[serde(default)]
    pub settings: BTreeMap<String, Setting>,
    /// An SPDX expression.
    #[serde(default)]
    pub license: String,
    /// Where to read more.
    #[serde(default)]
    pub homepage: String,
    /// Keys that mean nothing to this version: to be shown, and otherwise ignored.
    #[serde(skip)]
    pub unknown: Vec<String>,
}

/// A manifest that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The section isn't what `export_provider!` writes.
    #[error("the manifest section is damaged")]
    Section,
    /// Too long.
    #[error("the manifest is longer than {LIMIT} bytes")]
    TooLong,
    /// Not TOML, a key missing, a value of the wrong type.
    #[error("the manifest can't be read: {0}")]
    Syntax(String),
    /// A name that isn't one.
    #[error("`{0}` can't be a provider's name: use lower-case letters, digits and dashes")]
    Name(String),
    /// A name that is crabbox's own.
    #[error("`{0}` can't be a provider's name: it is a word of crabbox's own")]
    Reserved(String),
    /// A setting that is crabbox's own in every provider's table.
    #[error("`{0}` can't be a provider's setting: it is crabbox's own")]
    OwnSetting(&'static str),
    /// Rules for names that can't be.
    #[error("the names can't be: {0}")]
    Names(#[from] NamesProblem),
    /// A login that can't be told from another.
    #[error("the login can't be told: {0}")]
    Login(#[from] LoginProblem),
    /// Keys that mean nothing, where that is an error.
    #[error("the manifest has keys that mean nothing: `{}`", .0.join("`, `"))]
    Unknown(Vec<String>),
    /// A setting that can't be.
    #[error("the setting `{name}` can't be: {problem}")]
    Setting {
        /// Which.
        name: String,
        /// Why.
        problem: Box<SettingProblem>,
    },
}

impl From<(String, SettingProblem)> for ManifestError {
    fn from((name, problem): (String, SettingProblem)) -> Self {
        Self::Setting { name: name.escape_debug().to_string(), problem: Box::new(problem) }
    }
}

/// Words that no provider may be called: the commands, the sections of the configuration, and what flags
/// begin with, since a provider's flags (`--NAME-KEY`) and variables (`CRABBOX_NAME_KEY`) would be
/// taken for crabbox's own. `ssh` isn't among them: it is a command and the provider of its boxes.
pub const RESERVED: &[&str] = &[
    "adopt",
    "allow",
    "allow-mass",
    "artifact",
    "artifacts",
    "attach",
    "bundle",
    "cassette",
    "claims",
    "clean",
    "cleanup",
    "completions",
    "config",
    "cp",
    "debug",
    "delete",
    "doctor",
    "dry",
    "extend",
    "forget",
    "from",
    "help",
    "history",
    "init",
    "inspect",
    "install",
    "kill",
    "lease",
    "list",
    "log",
    "logs",
    "max",
    "no",
    "older",
    "provider",
    "providers",
    "ps",
    "report",
    "require",
    "results",
    "run",
    "slow",
    "state",
    "status",
    "stop",
    "summary",
    "sync",
    "tunnel",
    "verify",
    "version",
    "wait",
    "warmup",
];

impl Manifest {
    /// Reads the text of a `provider.toml`, as a host does: keys of a newer version are no error.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        if text.len() > LIMIT {
            return Err(ManifestError::TooLong);
        }
        let mut unknown = Vec::new();
        let manifest: Result<Self, _> = toml::Deserializer::parse(text).and_then(|document| {
            serde_ignored::deserialize(document, |key| unknown.push(key.to_string()))
        });
        let mut manifest =
            manifest.map_err(|error| ManifestError::Syntax(at_line(text, &error)))?;
        for name in std::iter::once(&manifest.name).chain(&manifest.aliases) {
            if !is_name(name) {
                return Err(ManifestError::Name(name.escape_debug().to_string()));
            }
            if RESERVED.contains(&name.as_str()) {
                return Err(ManifestError::Reserved(name.clone()));
            }
        }
        if manifest.settings.contains_key("isolation") {
            return Err(ManifestError::OwnSetting("isolation"));
        }
        manifest.take_names()?;
        settings::check(&manifest.name, &manifest.settings)?;
        if let Some(login) = &manifest.login {
            login.check(&manifest.environment, &manifest.settings)?;
        }
        manifest.unknown = unknown;
        Ok(manifest)
    }

    /// Where there are rules for names, how these begin is a setting as any other.
    fn take_names(&mut self) -> Result<(), NamesProblem> {
        let Some(names) = &self.names else { return Ok(()) };
        names.check()?;
        match self.settings.insert(Names::SETTING.to_owned(), names.setting()) {
            Some(_) => Err(NamesProblem::Setting),
            None => Ok(()),
        }
    }

    /// Reads the text of a `provider.toml`, as its author wants it read: a key that means nothing
    /// is an error, since it is most likely misspelt.
    pub fn parse_strictly(text: &str) -> Result<Self, ManifestError> {
        let manifest = Self::parse(text)?;
        settings::check_strictly(&manifest.settings)?;
        if manifest.names.as_ref().is_some_and(|names| names.alphabet == Alphabet::Unknown) {
            return Err(NamesProblem::Alphabet.into());
        }
        if manifest.unknown.is_empty() {
            Ok(manifest)
        } else {
            Err(ManifestError::Unknown(manifest.unknown))
        }
    }

    /// Reads the content of the section [`SECTION`].
    pub fn from_section(section: &[u8]) -> Result<Self, ManifestError> {
        let rest = section.strip_prefix(&MAGIC).ok_or(ManifestError::Section)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(ManifestError::Section)?;
        let length = u32::from_le_bytes(*length) as usize;
        if length > LIMIT {
            return Err(ManifestError::TooLong);
        }
        let text = rest.get(..length).ok_or(ManifestError::Section)?;
        Self::parse(str::from_utf8(text).map_err(|_| ManifestError::Section)?)
    }
}

fn at_line(text: &str, error: &toml::de::Error) -> String {
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {}", before.matches('\n').count() + 1, error.message()),
        None => error.message().to_owned(),
    }
}

/// May a provider be called this, as far as its letters go?
#[must_use]
pub fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= 32
        && name.bytes().next().is_some_and(|first| first.is_ascii_lowercase())
        && name.bytes().all(plain)
}

/// The length of the section for a manifest of this length.
#[doc(hidden)]
#[must_use]
pub const fn section_length(text: &str) -> usize {
    MAGIC.len() + 4 + text.len()
}

/// The section for a manifest.
#[doc(hidden)]
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "the length is checked against the limit")]
pub const fn section<const N: usize>(text: &str) -> [u8; N] {
    let bytes = text.as_bytes();
    assert!(bytes.len() <= LIMIT, "provider.toml is longer than 64 KiB");
    let mut section = [0; N];
    let length = (bytes.len() as u32).to_le_bytes();
    let mut at = 0;
    while at < N {
        section[at] = if at < MAGIC.len() {
            MAGIC[at]
        } else if at < MAGIC.len() + 4 {
            length[at - MAGIC.len()]
        } else {
            bytes[at - MAGIC.len() - 4]
        };
        at += 1;
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "name = \"desk\"\nversion = \"1.2.3\"\nabi = \"1\"\n";

    #[test]
    fn a_section_holds_its_manifest() {
        const LENGTH: usize = section_length(TEXT);
        let section = section::<LENGTH>(TEXT);
        let manifest = Manifest::from_section(&section).expect("reads");
        assert_eq!(manifest.name, "desk");
        assert!(manifest.abi.matches(&Version::new(1, 9, 0)));
    }

    #[test]
    fn names_that_could_be_paths_or_options_are_refused() {
        for name in ["", "-x", "../x", "A", "1a", "a b", "ä"] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_name("coder-2"));
    }

    #[test]
    fn a_key_that_means_nothing_is_an_error_to_the_author_alone() {
        let text = format!("{TEXT}descripton = 'x'\n[deadlines]\nleese = '5m'\n");
        let unknown = ["deadlines.leese", "descripton"];
        assert_eq!(Manifest::parse(&text).expect("reads").unknown, unknown);
        let error = Manifest::parse_strictly(&text).expect_err("refuses").to_string();
        assert_eq!(
            error,
            "the manifest has keys that mean nothing: `deadlines.leese`, `descripton`"
        );
    }

    #[test]
    fn errors_say_where() {
        let error = |more: &str| Manifest::parse(&format!("{TEXT}{more}")).expect_err("refuses");
        assert_eq!(
            error("[deadlines]\nlease = '5'\n").to_string(),
            "the manifest can't be read: line 5: `5` is no time: expected one such as `90s`, `20m` or `1h`"
        );
        let setting = "[settings.isolation]\ntype = 'string'\n";
        assert_eq!(
            error(setting).to_string(),
            "`isolation` can't be a provider's setting: it is crabbox's own"
        );
        assert!(
            matches!(error("aliases = ['run']\n"), ManifestError::Reserved(name) if name == "run")
        );
    }

    #[test]
    fn each_field_is_of_its_type_or_an_error_that_names_the_line() {
        for missing in ["name", "version", "abi"] {
            let text: Vec<&str> =
                TEXT.lines().filter(|line| !line.starts_with(&format!("{missing} ="))).collect();
            let error = Manifest::parse(&text.join("\n")).expect_err(missing).to_string();
            assert!(error.contains(&format!("missing field `{missing}`")), "{error}");
        }
        for wrong in [
            "name = 7",
            "version = 'one'",
            "version = 1",
            "abi = 'one'",
            "abi = []",
            "description = 7",
            "aliases = 'a'",
            "aliases = [7]",
            "targets = {}",
            "capabilities = 1",
            "environment = ['HOME']",
            "environment = { HOME = 1 }",
            "deadlines = '5m'",
            "names = 'dns'",
            "login = 'me'",
            "login = { files = 'session' }",
            "settings = []",
            "settings = { a = 'string' }",
            "settings = { a = {} }",
            "settings = { a = { type = 1 } }",
            "settings = { a = { type = 'string', required = 'yes' } }",
            "settings = { a = { type = 'string', choices = 'a' } }",
            "settings = { a = { type = 'string', env = [] } }",
            "license = 1",
            "homepage = false",
        ] {
            let key = wrong.split(' ').next().expect("a key");
            let others = TEXT.lines().filter(|line| !line.starts_with(&format!("{key} =")));
            let text: Vec<&str> = others.chain([wrong]).collect();
            let line = text.len();
            let error = Manifest::parse(&text.join("\n")).expect_err(wrong).to_string();
            assert!(error.contains(&format!("line {line}: ")), "{wrong}: {error}");
        }
        let long = format!("{TEXT}description = '{}'\n", "x".repeat(1 << 20));
        assert!(matches!(Manifest::parse(&long), Err(ManifestError::TooLong)));
        for name in ["../x", "a/b", "\\u001b[2J", "."] {
            let text = TEXT.replace("\"desk\"", &format!("\"{name}\""));
            let error = Manifest::parse(&text).expect_err(name).to_string();
            assert!(!error.contains(char::is_control), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(mut bytes: Vec<u8>, framed: bool) {
            if framed {
                let length = u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes();
                bytes = [MAGIC.as_slice(), &length, &bytes].concat();
            }
            let _ = Manifest::from_section(&bytes);
        }

        #[test]
        fn foreign_text_never_panics(text: String) {
            let _ = Manifest::parse(&text);
        }
    }
}
