//! What a commit holds, called as [`against`](super::against) calls what the index holds. Git is asked once a commit: it
//! never holds anything else.

use super::against::{Hasher, Index, lines};
use super::cache::{name_of, replace};
use super::git::{Staged, git, run};
use super::source::Source;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::AtomicBool;

/// So many commits of a checkout are remembered: whoever goes back and forth between branches has a few.
const REMEMBERED: usize = 16;

/// Larger than what is remembered ever gets, in bytes.
const LIMIT: u64 = 16 * 1024;

/// What is remembered of it in the folder for caches.
#[must_use]
pub fn remembered(source: &Source, cache: &Path, commit: &str) -> Option<Index> {
    let known = load(&file_for(cache, &source.root));
    known.into_iter().find(|(one, _)| one == commit).map(|(_, index)| Index(index))
}

/// Asks git, and remembers it. `None`: git doesn't say, or `stop` was set.
#[must_use]
pub fn asked(source: &Source, cache: &Path, commit: &str, stop: &AtomicBool) -> Option<Index> {
    let mut list = git(&source.root);
    // It is about the commit that is named so, and about no other that was put in its place here.
    list.args(["--no-replace-objects", "ls-tree", "-r", "-z", "--full-tree", commit]);
    let (status, said) = run(list, stop).ok()?;
    status.filter(ExitStatus::success)?;
    let mut hasher = Hasher::default();
    for line in lines(&said.stdout) {
        let tab = line.iter().position(|byte| *byte == b'\t')?;
        let mut parts = line[..tab].split(|byte| *byte == b' ');
        let (mode, blob) = (parts.next()?, parts.nth(1)?);
        hasher.add(&Staged { mode, blob, ..Staged::default() }, &line[tab + 1..]);
    }
    let index = hasher.finish();
    let file = file_for(cache, &source.root);
    let mut known = load(&file);
    known.insert(0, (commit.to_owned(), index.0.clone()));
    known.truncate(REMEMBERED);
    let lines: Vec<_> = known.iter().map(|(commit, index)| format!("{commit} {index}\n")).collect();
    // What isn't remembered is asked for again.
    let _ = replace(&file, lines.concat().as_bytes());
    Some(index)
}

fn file_for(cache: &Path, root: &Path) -> PathBuf {
    cache.join("commits").join(name_of(root))
}

fn load(file: &Path) -> Vec<(String, String)> {
    let is_one = |found: &fs::Metadata| found.is_file() && found.len() <= LIMIT;
    if !fs::symlink_metadata(file).is_ok_and(|found| is_one(&found)) {
        return Vec::new();
    }
    let text = fs::read_to_string(file).unwrap_or_default();
    let pair = |line: &str| line.split_once(' ').map(|(one, other)| (one.into(), other.into()));
    text.lines().filter_map(pair).collect()
}
