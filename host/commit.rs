//! Which commit a folder is checked out at, read from git's own files: the build needs no git for it, and knows
//! which of them to watch.

use std::fs;
use std::path::{Path, PathBuf};

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The commit, if there is one.
    pub(super) commit: Option<String>,
    /// What changes when that does. All of it exists: what doesn't would make every build begin anew.
    pub(super) watched: Vec<PathBuf>,
}

/// The commit of the checkout whose root this is. A folder in somebody else's checkout has none.
pub(super) fn of(root: &Path) -> Found {
    let mut found = Found::default();
    let Some(own) = git_folder(&root.join(".git")) else { return found };
    let head = own.join("HEAD");
    let Ok(text) = fs::read_to_string(&head) else { return found };
    found.watched.push(head);
    let Some(name) = text.trim().strip_prefix("ref: ") else {
        found.commit = hash(text.trim());
        return found;
    };
    // A worktree shares its branches with the others.
    let common = fs::read_to_string(own.join("commondir"));
    let common = common.map_or_else(|_| own.clone(), |folder| own.join(folder.trim()));
    let (loose, packed) = (common.join(name), common.join("packed-refs"));
    // Where it is packed, the next commit makes the file of its own, in a folder that may not be there yet, either.
    found.watched.extend(loose.ancestors().find(|path| path.exists()).map(Path::to_owned));
    found.watched.extend(Some(packed.clone()).filter(|path| path.exists()));
    let text = fs::read_to_string(loose).ok();
    found.commit = text.as_deref().and_then(|text| hash(text.trim())).or_else(|| {
        let packed = fs::read_to_string(packed).ok()?;
        let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
        lines.find(|(_, of)| *of == name).and_then(|(commit, _)| hash(commit))
    });
    found
}

/// What `.git` is or, where it is a file, names.
fn git_folder(inside: &Path) -> Option<PathBuf> {
    if inside.is_dir() {
        return Some(inside.to_owned());
    }
    let text = fs::read_to_string(inside).ok()?;
    Some(inside.parent()?.join(text.trim().strip_prefix("gitdir: ")?))
}

fn hash(word: &str) -> Option<String> {
    let is_hash = word.len() >= 40 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| word.to_owned())
}
