//! How text of a command line or a variable is taken apart.

use std::collections::BTreeMap;
use std::env;
use std::path::{Path, PathBuf};
use toml::Value as Toml;

/// `a,b`, or a list as in TOML: a part may hold a comma there.
pub(super) fn list(text: &str) -> Option<Vec<String>> {
    if text.starts_with('[') {
        let items = toml_of(text)?;
        return items.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect();
    }
    Some(text.split(',').map(|item| item.trim().to_owned()).collect())
}

/// `a=1,b=2`, or a table as in TOML.
pub(super) fn map(text: &str) -> Option<BTreeMap<String, String>> {
    if text.starts_with('{') {
        let entries = toml_of(text)?;
        let entries = entries.as_table()?.iter();
        return entries.map(|(name, value)| Some((name.clone(), value.as_str()?.into()))).collect();
    }
    text.split(',').map(|part| entry(part.trim())).collect()
}

/// `name=value`
pub(super) fn entry(word: &str) -> Option<(String, String)> {
    let (name, value) = word.split_once('=').filter(|(name, _)| !name.is_empty())?;
    Some((name.to_owned(), value.to_owned()))
}

fn toml_of(text: &str) -> Option<Toml> {
    toml::from_str::<toml::Table>(&format!("it = {text}")).ok()?.remove("it")
}

/// `~` is the home folder; what is relative counts from `folder`.
pub(super) fn resolve(text: &str, folder: &Path) -> Option<String> {
    let home = || env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let path = match text.strip_prefix('~') {
        Some("") => home()?,
        Some(rest) => home()?.join(rest.strip_prefix('/')?),
        None if text.is_empty() => return None,
        None => folder.join(text),
    };
    std::path::absolute(path).ok()?.into_os_string().into_string().ok()
}
