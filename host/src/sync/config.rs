//! What git's configuration says that has it see a file as another than it is, from its files alone: they are read where a
//! file isn't what the index says, and no process is started for that. Whatever isn't certain counts as said.

use super::head::{common_folder, own_folder};
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A larger file of git's isn't read, in bytes.
pub(super) const LIMIT: u64 = 1024 * 1024;

/// Nobody has more files, which name each other.
const MOST: usize = 64;

/// What is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Config {
    /// Attributes may come from elsewhere, too.
    pub(super) names_attributes: bool,
    /// Whether a file can be executed may say nothing.
    pub(super) may_ignore_modes: bool,
}

impl Config {
    const UNKNOWN: Self = Self { names_attributes: true, may_ignore_modes: true };

    /// Of the checkout at `root`.
    pub(super) fn of(root: &Path) -> Self {
        let Some(common) = common_folder(root) else { return Self::UNKNOWN };
        let mut files = vec![common.join("config"), own_folder(root).join("config.worktree")];
        files.extend(of_user("config"));
        files.extend(home().map(|home| home.join(".gitconfig")));
        files.extend(of_system("gitconfig"));
        Self::in_files(files)
    }

    /// In these, and in those that they name, whatever the condition.
    fn in_files(mut files: Vec<PathBuf>) -> Self {
        let mut config = Self::default();
        let mut at = 0;
        while let Some(file) = files.get(at) {
            at += 1;
            let named = match text(file) {
                Ok(text) => {
                    text.lines().for_each(|line| config.add(line));
                    included(&text, file.parent().unwrap_or(Path::new("")))
                }
                Err(error) if is_absent(&error) => Some(Vec::new()),
                Err(_) => None,
            };
            match named {
                Some(named) if files.len() + named.len() <= MOST => files.extend(named),
                _ => return Self::UNKNOWN,
            }
        }
        config
    }

    fn add(&mut self, line: &str) {
        let line = line.trim().to_ascii_lowercase();
        if is_comment(&line) {
            return;
        }
        // `attr.tree` has them taken from a commit.
        self.names_attributes |= line.contains("attributesfile") || line.contains("[attr");
        if line.contains("filemode") {
            let value = line.split_once('=').map_or("true", |(_, value)| value.trim());
            self.may_ignore_modes |= !matches!(value, "true" | "yes" | "on" | "1");
        }
    }
}

/// The files that one in this folder names. `None`: it does that in a way that isn't understood here.
fn included(text: &str, folder: &Path) -> Option<Vec<PathBuf>> {
    let is_section = |line: &str| line.to_ascii_lowercase().contains("[include");
    let mut files = Vec::new();
    if !is_section(text) {
        return Some(files);
    }
    for line in text.lines().map(str::trim).filter(|line| !is_comment(line)) {
        if is_section(line) {
            let (_, behind) = line.split_once(']')?;
            if !behind.is_empty() {
                return None;
            }
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        if key.trim().eq_ignore_ascii_case("path") {
            files.push(folder.join(path(value.trim())?));
        }
    }
    Some(files)
}

fn path(value: &str) -> Option<PathBuf> {
    let inside = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let value = inside.unwrap_or(value);
    if value.contains(['"', '\\', '#', ';']) {
        return None;
    }
    match value.strip_prefix("~/") {
        Some(below) => Some(home()?.join(below)),
        None => Some(PathBuf::from(value)).filter(|_| !value.starts_with(['~', '%'])),
    }
}

fn is_comment(line: &str) -> bool {
    line.starts_with(['#', ';'])
}

fn text(file: &Path) -> io::Result<String> {
    let found = fs::metadata(file)?;
    if !found.is_file() || found.len() > LIMIT {
        return Err(io::Error::other("it isn't read"));
    }
    fs::read_to_string(file)
}

pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn folder(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from)
}

fn home() -> Option<PathBuf> {
    folder("HOME")
}

/// Where git looks for a file of the user's.
pub(super) fn of_user(name: &str) -> Option<PathBuf> {
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(home()?.join(".config")))?;
    Some(config.join("git").join(name))
}

/// Where git looks for a file of the machine's: one that isn't the system's own has its files beside itself.
pub(super) fn of_system(name: &str) -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let git = env::split_paths(&path).find(|folder| folder.join("git").is_file());
    let beside = git.and_then(|folder| Some(folder.parent()?.join("etc").join(name)));
    [Path::new("/etc").join(name)].into_iter().chain(beside).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What it says in a file of the folder.
    fn said(folder: &Path, text: &str) -> Config {
        let file = folder.join("config");
        fs::write(&file, text).expect("writes");
        Config::in_files(vec![file])
    }

    #[test]
    fn what_has_git_see_files_as_others_is_found_in_whatever_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path();
        fs::write(folder.join("names"), "[Core]\n\tAttributesFile = ~/a\n").expect("writes");
        fs::write(folder.join("modes"), "[core] fileMode = false\n").expect("writes");
        fs::write(folder.join("leads"), "[include]\npath=names\n").expect("writes");
        let nothing = Config::default();
        let names = Config { names_attributes: true, ..nothing };
        let modes = Config { may_ignore_modes: true, ..nothing };
        let absolute = format!("[include]\npath = \"{}\"\n", folder.join("modes").display());
        let cases = [
            ("", nothing),
            ("[core]\n\tfilemode = true\n\tbare = false\n[alias]\n\tx = !echo \\\"\n", nothing),
            ("# core.attributesFile\n; filemode = false\n[core]\nfilemode\n", nothing),
            ("[core]\nattributesFile = x\n", names),
            ("[attr]\ntree = HEAD\n", names),
            ("[core]\nfilemode = 0\n", modes),
            ("[core]\nfilemode = tr\\\nue\n", modes),
            ("[include]\n  path = leads\n", names),
            ("[includeIf \"gitdir:~/path=x/\"]\n  PATH = modes\n", modes),
            (&absolute, modes),
            ("[include]\n  path = absent\n  path = config/absent\n", nothing),
            // Nothing of these is certain.
            ("[include] path = absent\n", Config::UNKNOWN),
            ("[core][include]\n", Config::UNKNOWN),
            ("[include]\n  path = a\\\nb\n", Config::UNKNOWN),
            ("[include]\n  path = ~other/a\n", Config::UNKNOWN),
            ("[include]\n  path = .\n", Config::UNKNOWN),
            ("[include]\n  path = config\n", Config::UNKNOWN),
        ];
        for (text, expected) in cases {
            assert_eq!(said(folder, text), expected, "{text}");
        }
    }
}
