//! What tells one login of a provider's tool from another, without running any of it.

use crate::settings::Setting;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a provider's tool has its login from. The host keeps a digest of all that with each lease: while it is the same,
/// a box that stands ready is used without a call; once it isn't, `resolve` comes first. The tool itself counts as well:
/// another version of it may need another way to the box.
///
/// ```toml
/// [login]
/// environment = ["DESK_URL", "DESK_TOKEN"]
/// settings = ["url"]
/// files = ["$DESK_CONFIG/session", "~/.config/desk/session"]
/// programs = ["desk"]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Variables, by their values. Each is in `[environment]`.
    #[serde(default)]
    pub environment: Vec<String>,
    /// Settings, by their values.
    #[serde(default)]
    pub settings: Vec<String>,
    /// Files, by what the file system says of them: they aren't read. Each is absolute, or below `~`, `$VARIABLE` or
    /// `{setting}`; one below what isn't set isn't looked at.
    #[serde(default)]
    pub files: Vec<String>,
    /// Programs, by what the file system says of their files. Each is a name, looked for on `PATH`, or `{setting}`, which
    /// holds one; one that isn't set isn't looked at.
    #[serde(default)]
    pub programs: Vec<String>,
}

/// What a file of a login lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within<'a> {
    /// The file system.
    Root,
    /// The user's home.
    Home,
    /// The folder that this variable names.
    Variable(&'a str),
    /// The folder that this setting names.
    Setting(&'a str),
}

/// Why a login can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginProblem {
    /// The provider doesn't get it.
    #[error("`{0}` isn't in `[environment]`")]
    Variable(String),
    /// There is no such setting.
    #[error("there is no setting `{0}`")]
    Setting(String),
    /// Nobody knows where that is.
    #[error("the file `{0}` is neither absolute nor below `~`, `$VARIABLE` or `{{setting}}`")]
    File(String),
    /// The same.
    #[error("the program `{0}` is neither a name nor `{{setting}}`")]
    Program(String),
}

/// What a program of a login is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called<'a> {
    /// So.
    Name(&'a str),
    /// As this setting says.
    Setting(&'a str),
}

/// What a program is called. `None`: it is of none of the forms.
#[must_use]
pub fn called(program: &str) -> Option<Called<'_>> {
    if let Some(name) = program.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        return Some(Called::Setting(name));
    }
    let is_name = !program.is_empty() && !program.contains(['/', '{', '}', '\0']);
    is_name.then_some(Called::Name(program))
}

/// What a file lies in, and where in it. `None`: it is of none of the forms.
#[must_use]
pub fn within(file: &str) -> Option<(Within<'_>, &str)> {
    let (first, rest) = file.split_once('/')?;
    if rest.is_empty() {
        return None;
    }
    let setting = || first.strip_prefix('{')?.strip_suffix('}');
    let folder = match first {
        "" => Within::Root,
        "~" => Within::Home,
        _ => match (first.strip_prefix('$'), setting()) {
            (Some(name), _) => Within::Variable(name),
            (None, Some(name)) => Within::Setting(name),
            (None, None) => return None,
        },
    };
    Some((folder, rest))
}

impl Login {
    pub(crate) fn check(
        &self,
        environment: &BTreeMap<String, String>,
        settings: &BTreeMap<String, Setting>,
    ) -> Result<(), LoginProblem> {
        let known = |is_known: bool, problem: fn(String) -> LoginProblem, name: &str| {
            if is_known { Ok(()) } else { Err(problem(name.escape_debug().to_string())) }
        };
        let variable =
            |name: &str| known(environment.contains_key(name), LoginProblem::Variable, name);
        let setting = |name: &str| known(settings.contains_key(name), LoginProblem::Setting, name);
        self.environment.iter().try_for_each(|name| variable(name))?;
        self.settings.iter().try_for_each(|name| setting(name))?;
        self.files.iter().try_for_each(|file| match within(file) {
            Some((Within::Root | Within::Home, _)) => Ok(()),
            Some((Within::Variable(name), _)) => variable(name),
            Some((Within::Setting(name), _)) => setting(name),
            None => known(false, LoginProblem::File, file),
        })?;
        self.programs.iter().try_for_each(|program| match called(program) {
            Some(Called::Name(_)) => Ok(()),
            Some(Called::Setting(name)) => setting(name),
            None => known(false, LoginProblem::Program, program),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Manifest;

    #[test]
    fn a_file_lies_in_what_can_be_named() {
        for (file, expected) in [
            ("/etc/desk", Some((Within::Root, "etc/desk"))),
            ("~/.desk/session", Some((Within::Home, ".desk/session"))),
            ("$DESK/session", Some((Within::Variable("DESK"), "session"))),
            ("{root}/a/b", Some((Within::Setting("root"), "a/b"))),
            ("session", None),
            ("~ann/session", None),
            ("~/", None),
            ("{root/x", None),
        ] {
            assert_eq!(within(file), expected, "{file}");
        }
    }

    #[test]
    fn a_program_has_a_name_or_a_setting_that_says_it() {
        for (program, expected) in [
            ("desk", Some(Called::Name("desk"))),
            ("{cli}", Some(Called::Setting("cli"))),
            ("", None),
            ("/bin/desk", None),
            ("bin/desk", None),
            ("{cli", None),
        ] {
            assert_eq!(called(program), expected, "{program}");
        }
    }

    #[test]
    fn a_login_is_of_what_the_provider_gets() {
        let said = |login: &str| {
            let text = format!(
                "name = 'desk'\nversion = '1.0.0'\nabi = '1'\n[environment]\nDESK = 'x'\n\
                 [settings.root]\ntype = 'path'\n[login]\n{login}\n"
            );
            Manifest::parse(&text).map(|_| ()).map_err(|error| error.to_string())
        };
        for good in [
            "",
            "environment = ['DESK']\nsettings = ['root']\nfiles = ['$DESK/a', '{root}/b', '~/c']",
            "programs = ['desk', '{root}']",
        ] {
            assert_eq!(said(good), Ok(()), "{good}");
        }
        for (bad, why) in [
            ("environment = ['HOME']", "`HOME` isn't in `[environment]`"),
            ("files = ['$HOME/x']", "`HOME` isn't in `[environment]`"),
            ("settings = ['url']", "there is no setting `url`"),
            ("files = ['{url}/x']", "there is no setting `url`"),
            (
                "files = ['session']",
                "the file `session` is neither absolute nor below `~`, `$VARIABLE` or `{setting}`",
            ),
            ("programs = ['{cli}']", "there is no setting `cli`"),
            ("programs = ['./desk']", "the program `./desk` is neither a name nor `{setting}`"),
        ] {
            assert_eq!(said(bad), Err(format!("the login can't be told: {why}")), "{bad}");
        }
    }
}
