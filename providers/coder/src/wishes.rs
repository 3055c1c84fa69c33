//! The settings, each checked where it is used, as far as that can be done without asking anybody: what is wrong with one
//! of them keeps nobody from what can do without it.

use crabbox_provider_api::payload::Settings;
use crabbox_provider_api::{Effect, Error, ErrorCode};
use std::collections::BTreeMap;
use std::fs;

/// Which start-up scripts are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scripts {
    /// Those that block a login.
    Blocking,
    All,
    None,
}

/// What the user wants.
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    pub(crate) template: Option<String>,
    pub(crate) template_version: Option<String>,
    pub(crate) organization: Option<String>,
    /// `none`: none.
    pub(crate) preset: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) parameter_file: Option<String>,
    pub(crate) takes_defaults: bool,
    pub(crate) agent: Option<String>,
    pub(crate) scripts: Scripts,
    work_root: String,
    pub(crate) wakes_dormant: bool,
}

impl Wishes {
    pub(crate) fn of(settings: &Settings) -> Self {
        let text = |name| settings.text(name).map(str::to_owned);
        let parameters = settings.map("parameters").into_iter();
        let scripts = match settings.text("wait") {
            Some("yes") => Scripts::All,
            Some("no") => Scripts::None,
            _ => Scripts::Blocking,
        };
        Self {
            template: text("template"),
            template_version: text("template-version"),
            organization: text("organization"),
            preset: text("preset").unwrap_or_else(|| "none".to_owned()),
            parameters: parameters
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            parameter_file: text("parameter-file"),
            takes_defaults: settings.is_on("parameter-defaults"),
            agent: text("agent"),
            scripts,
            work_root: text("work-root").unwrap_or_else(|| "~/crabbox".to_owned()),
            wakes_dormant: settings.is_on("activate-dormant"),
        }
    }

    /// Where checkouts are to lie: a folder of its own, since what lies beside a checkout there is nobody else's.
    pub(crate) fn work_root(&self) -> Result<&str, Error> {
        work_root(&self.work_root)
    }

    /// What a new workspace is made from, if the rest of what is said of that can be, too.
    pub(crate) fn template(&self) -> Result<&str, Error> {
        let Some(template) = &self.template else {
            return Err(invalid("no template is set, and a workspace is made from one")
                .hint("set template to one of those that `coder templates list` shows"));
        };
        if template.starts_with('-') || template.trim().is_empty() {
            return Err(invalid(format!("`{}` can't be a template", template.escape_debug())));
        }
        if let Some(file) = &self.parameter_file {
            // A folder can be opened, too.
            fs::read(file).map_err(|error| {
                invalid(format!("the parameter file `{file}` can't be read: {error}"))
            })?;
        }
        match self.parameters.keys().find(|name| name.contains('=') || name.is_empty()) {
            Some(name) => Err(invalid(format!("`{name}` can't be the name of a parameter"))),
            None => Ok(template),
        }
    }
}

fn work_root(root: &str) -> Result<&str, Error> {
    let trimmed = root.trim_end_matches('/');
    let parts: Vec<&str> = trimmed.split('/').filter(|part| !part.is_empty()).collect();
    let is_a_home = matches!(parts[..], ["home" | "Users", _] | ["root" | "~"]);
    let is_wide =
        parts.is_empty() || is_a_home || matches!(parts[..], [_] if root.starts_with('/'));
    let is_plain = (root.starts_with('/') || root.starts_with("~/"))
        && !parts.iter().any(|part| matches!(*part, "." | ".."))
        && !root.contains(char::is_control);
    if is_plain && !is_wide {
        return Ok(trimmed);
    }
    let message = format!("`{}` can't be the work root", root.escape_debug());
    Err(invalid(message).hint("set work-root to a folder of its own, such as `~/crabbox`"))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidConfig, message).effect(Effect::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_root_is_a_folder_of_its_own() {
        for good in ["~/crabbox", "~/a/b/", "/srv/crabbox", "/home/ann/crabbox"] {
            assert!(work_root(good).is_ok(), "{good}");
        }
        for bad in [
            "/",
            "//",
            "~",
            "~/",
            "/home",
            "/home/ann",
            "/root",
            "/srv",
            "crabbox",
            "~/..",
            "~/a/../..",
        ] {
            assert!(work_root(bad).is_err(), "{bad}");
        }
    }
}
