//! Which settings can't be, whatever their author wants.

use super::names::{is_name, is_variable};
use super::setting::{Affects, Repository, Setting, Type};
use std::collections::BTreeMap;

/// Why a setting can't be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingProblem {
    /// Its name makes no flag, no variable, no key.
    #[error("it can't be called that: use lower-case words with single dashes between them")]
    Name,
    /// The ways to hand on a secret are flags, too.
    #[error("its flag would be `--{0}`, which hands on the secret `{1}`")]
    SecretFlag(String, String),
    /// A default of another type.
    #[error("its default must be {0}")]
    Default(&'static str),
    /// A default path that would depend on where one stands.
    #[error("its default must be absolute or begin with `~/`")]
    RelativeDefault,
    /// It has a value already.
    #[error("what is required has no default")]
    RequiredDefault,
    /// No choices, the same twice, an empty one, one that would move a cursor.
    #[error(
        "an enum needs `choices`: texts that differ, none of them empty or with control characters"
    )]
    Choices,
    /// Choices of another type.
    #[error("only an enum has `choices`")]
    NoEnum,
    /// A default that can't be chosen.
    #[error("its default isn't one of its choices")]
    NotAChoice,
    /// A secret comes in bytes, from a file or a pipe.
    #[error("a secret is a string")]
    SecretType,
    /// Everybody would know it.
    #[error("a secret has no default")]
    SecretDefault,
    /// A repository would choose whose account is used.
    #[error("a secret can't come from a repository: `repository` must be `never`")]
    SecretRepository,
    /// Its digest would be kept, and a new token would be another box.
    #[error("a secret can't be a part of what is made: `affects` must be another one")]
    SecretResource,
    /// It would name files of whoever checks the repository out.
    #[error("a path can't be set by a repository: `repository` must be `request` or `never`")]
    PathRepository,
    /// No name of a variable, or one of crabbox's own.
    #[error("`{0}` can't be the name of its variable")]
    Variable(String),
    /// Two settings from one variable.
    #[error("its variable `{0}` is that of `{1}`, too")]
    SameVariable(String, String),
    /// A word of `type`, `affects` or `repository` that means nothing.
    #[error("`{0}` is no word that this version knows")]
    Word(&'static str),
}

/// The first setting that can't be, and why.
pub(crate) fn check(
    provider: &str,
    settings: &BTreeMap<String, Setting>,
) -> Result<(), (String, SettingProblem)> {
    let mut variables = BTreeMap::new();
    for (name, setting) in settings {
        let refuse = |problem| Err((name.clone(), problem));
        if let Some(problem) = problem(provider, name, setting, settings) {
            return refuse(problem);
        }
        if let Some(variable) = &setting.env
            && let Some(other) = variables.insert(variable, name)
        {
            return refuse(SettingProblem::SameVariable(variable.clone(), other.clone()));
        }
    }
    Ok(())
}

/// Words that a host leaves alone since they may be of a newer interface are most likely misspelt
/// where an author compiles.
pub(crate) fn check_strictly(
    settings: &BTreeMap<String, Setting>,
) -> Result<(), (String, SettingProblem)> {
    for (name, setting) in settings {
        let word = match setting {
            Setting { kind: Type::Unknown, .. } => "type",
            Setting { affects: Some(Affects::Unknown), .. } => "affects",
            Setting { repository: Some(Repository::Unknown), .. } => "repository",
            _ => continue,
        };
        return Err((name.clone(), SettingProblem::Word(word)));
    }
    Ok(())
}

fn problem(
    provider: &str,
    name: &str,
    setting: &Setting,
    all: &BTreeMap<String, Setting>,
) -> Option<SettingProblem> {
    if !is_name(name) {
        return Some(SettingProblem::Name);
    }
    let of_secret = ["-file", "-stdin"].iter().find_map(|end| name.strip_suffix(end));
    if let Some(secret) = of_secret.filter(|one| all.get(*one).is_some_and(|one| one.secret)) {
        return Some(SettingProblem::SecretFlag(format!("{provider}-{name}"), secret.to_owned()));
    }
    if let Some(variable) = setting.env.as_ref().filter(|name| !is_variable(name)) {
        return Some(SettingProblem::Variable(variable.escape_debug().to_string()));
    }
    of_choices(setting).or_else(|| of_default(setting)).or_else(|| of_secrecy(setting))
}

fn of_choices(setting: &Setting) -> Option<SettingProblem> {
    let choices = &setting.choices;
    if setting.kind != Type::Enum {
        return (!choices.is_empty()).then_some(SettingProblem::NoEnum);
    }
    let twice = |at: usize| choices[..at].contains(&choices[at]);
    let wrong = choices.is_empty()
        || choices.iter().any(|choice| choice.is_empty() || choice.contains(char::is_control))
        || (0..choices.len()).any(twice);
    wrong.then_some(SettingProblem::Choices)
}

fn of_default(setting: &Setting) -> Option<SettingProblem> {
    let default = setting.default.as_ref()?;
    if setting.secret {
        return Some(SettingProblem::SecretDefault);
    }
    if setting.required {
        return Some(SettingProblem::RequiredDefault);
    }
    if !setting.kind.accepts(default) {
        return Some(SettingProblem::Default(setting.kind.expected()));
    }
    let text = default.as_str().unwrap_or_default();
    match setting.kind {
        Type::Enum if !setting.choices.iter().any(|choice| choice == text) => {
            Some(SettingProblem::NotAChoice)
        }
        Type::Path if !(text.starts_with('/') || text == "~" || text.starts_with("~/")) => {
            Some(SettingProblem::RelativeDefault)
        }
        _ => None,
    }
}

fn of_secrecy(setting: &Setting) -> Option<SettingProblem> {
    match setting {
        Setting { kind: Type::Path, repository: Some(Repository::Set), .. } => {
            Some(SettingProblem::PathRepository)
        }
        Setting { secret: false, .. } => None,
        Setting { repository: Some(Repository::Set | Repository::Request), .. } => {
            Some(SettingProblem::SecretRepository)
        }
        Setting { affects: Some(Affects::Resource), .. } => Some(SettingProblem::SecretResource),
        Setting { kind: Type::String | Type::Unknown, .. } => None,
        _ => Some(SettingProblem::SecretType),
    }
}
