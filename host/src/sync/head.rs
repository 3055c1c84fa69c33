//! Where `HEAD` stands, from git's own files: for whoever only takes note of it, and starts no process for that.

use super::owner::named_by;
use super::source::Source;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// How much of a file is read, in bytes. A list of packed references may be long.
const LIMIT: u64 = 16 * 1024 * 1024;

/// Where it stands, as far as that can be told: not every way in which git keeps references is known here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The commit; `None`: there is none yet, or it isn't found.
    pub commit: Option<String>,
    /// The branch; `None`: it is on none.
    pub branch: Option<String>,
}

impl Source {
    /// Where `HEAD` stands, by git's files alone.
    #[must_use]
    pub fn noted_head(&self) -> Head {
        if self.git { read_head(&self.root).unwrap_or_default() } else { Head::default() }
    }
}

/// The folder of what is a worktree's own.
pub(super) fn own_folder(root: &Path) -> PathBuf {
    let inside = root.join(".git");
    named_by(&inside).unwrap_or(inside)
}

/// The folder of what a repository's worktrees share.
pub(super) fn common_folder(root: &Path) -> Option<PathBuf> {
    let git = own_folder(root);
    let common = read(&git.join("commondir")).map(|folder| git.join(folder));
    common.or(Some(git)).filter(|folder| folder.is_dir())
}

fn read_head(root: &Path) -> Option<Head> {
    let git = own_folder(root);
    let head = read(&git.join("HEAD"))?;
    let Some(reference) = head.strip_prefix("ref: ") else {
        return Some(Head { commit: commit(&head), branch: None });
    };
    // No way out of the folder.
    if !reference.starts_with("refs/") || reference.split('/').any(|part| part == "..") {
        return None;
    }
    // A worktree shares its branches with others.
    let common = read(&git.join("commondir")).map_or(git.clone(), |folder| git.join(folder));
    let branch = reference.strip_prefix("refs/heads/").map(str::to_owned);
    Some(Head { commit: resolve(&[git, common], reference), branch })
}

fn resolve(folders: &[PathBuf], reference: &str) -> Option<String> {
    let loose = folders.iter().find_map(|folder| commit(&read(&folder.join(reference))?));
    loose.or_else(|| {
        let packed = read(&folders.last()?.join("packed-refs"))?;
        let ends_so = |line: &&str| line.split_once(' ').is_some_and(|(_, name)| name == reference);
        commit(packed.lines().find(ends_so)?.split(' ').next()?)
    })
}

/// The text, if it is the name of a commit.
fn commit(text: &str) -> Option<String> {
    let is_one = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_one.then(|| text.to_owned())
}

fn read(path: &Path) -> Option<String> {
    // Whoever opens a pipe waits.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    File::open(path).ok()?.take(LIMIT).read_to_string(&mut text).ok()?;
    text.truncate(text.trim_end().len());
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::super::git::git;
    use super::*;
    use std::process::Stdio;

    fn ask(root: &Path, arguments: &[&str]) {
        let mut git = git(root);
        git.args(["-c", "user.name=n", "-c", "user.email=e"]).args(arguments);
        assert!(git.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("runs").success());
    }

    #[test]
    fn it_stands_where_git_says() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = &folder.path().join("checkout");
        fs::create_dir(root).expect("a folder");
        ask(root, &["init", "-q", "-b", "main"]);
        let source = |root: &Path| Source::checkout(root).expect("a checkout");
        let branch = |name: &str| Some(name.to_owned());
        assert_eq!(source(root).noted_head(), Head { commit: None, branch: branch("main") });
        ask(root, &["commit", "-q", "--allow-empty", "-m", "one"]);
        let expect = |root: &Path, name: Option<&str>| {
            let commit = source(root).head();
            assert!(commit.is_some());
            let branch = name.map(str::to_owned);
            assert_eq!(source(root).noted_head(), Head { commit, branch });
        };
        expect(root, Some("main"));
        ask(root, &["pack-refs", "--all"]);
        expect(root, Some("main"));
        ask(root, &["checkout", "-q", "-b", "a/b"]);
        ask(root, &["commit", "-q", "--allow-empty", "-m", "two"]);
        expect(root, Some("a/b"));
        ask(root, &["worktree", "add", "-q", "../other", "main"]);
        expect(&folder.path().join("other"), Some("main"));
        ask(root, &["checkout", "-q", "--detach"]);
        expect(root, None);
        let plain = Source::folder(root).expect("a folder");
        assert_eq!(plain.noted_head(), Head::default());
    }

    #[test]
    fn a_head_that_leads_elsewhere_is_none() {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::create_dir(folder.path().join(".git")).expect("a folder");
        for text in ["ref: refs/../../../etc/passwd", "ref: /etc/passwd", "rubbish", ""] {
            fs::write(folder.path().join(".git/HEAD"), text).expect("writes");
            let source = Source::checkout(folder.path()).expect("a checkout");
            assert_eq!(source.noted_head(), Head::default(), "{text}");
        }
    }
}
