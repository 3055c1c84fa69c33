//! What is sent of a folder where only some of it is wanted, and what the receiver makes of that.

use crabbox_copy::Gone;
use crabbox_copy::glob::Globs;
use crabbox_copy::matching::{Matching, send_matching};
use crabbox_copy::partial::Before;
use crabbox_copy::receive::{Answers, Placed, Receiver};
use crabbox_copy::send::{Answer, Line, send_within};
use crabbox_copy::target::Target;
use crabbox_wire::collect::{Collected, Limits, MAX_NAMED};
use crabbox_wire::copy::{RESUMABLE, Record, Remark, Word};
use crabbox_wire::tree::Hash;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// What a receiver says.
#[derive(Default)]
struct Said {
    remarks: Vec<Remark>,
    placed: Vec<Placed>,
    answer: Option<Answer>,
}

impl Answers for Said {
    fn say(&mut self, word: Word) -> Result<(), Gone> {
        match word {
            Word::Have { at, hash } => self.answer = Some(Answer::Have(at, hash)),
            Word::Skip => self.answer = Some(Answer::Skip),
            Word::Remark(remark) => self.remarks.push(remark),
            Word::Done(_) => {}
        }
        Ok(())
    }

    fn placed(&mut self, file: Placed) {
        self.placed.push(file);
    }
}

impl Said {
    fn files(&self) -> BTreeSet<String> {
        self.placed.iter().map(|file| file.path.display().to_string()).collect()
    }

    /// Why the entry of this path isn't there.
    fn why(&self, path: &str) -> Option<&str> {
        let found = self.remarks.iter().find(|remark| remark.path.to_string() == path);
        found.map(|remark| remark.what.as_str())
    }
}

/// A line that leads straight to the receiver.
struct Joined(Receiver, Said);

impl Line for Joined {
    fn block(&mut self, records: &[u8]) -> Result<(), Gone> {
        self.0.block(records, &mut self.1).map(drop).map_err(|error| panic!("{error}"))
    }

    fn answer(&mut self) -> Result<Answer, Gone> {
        self.1.answer.take().ok_or(Gone)
    }
}

fn joined(to: &Path, before: Before) -> Joined {
    let target = Target { path: to.to_owned(), name: None };
    Joined(Receiver::collecting_files(target, before), Said::default())
}

fn globs(patterns: &[&str]) -> Globs {
    Globs::new(patterns).expect("patterns")
}

fn bring(root: &Path, patterns: &[&str], limits: Limits, to: &Path) -> (Collected, Said) {
    let (globs, exclude) = (globs(patterns), globs(&["**/node_modules"]));
    let what = Matching {
        root,
        globs: &globs,
        exclude: &exclude,
        hidden: b".crabbox",
        limits,
        entries: u64::MAX,
        once: false,
        is_wanted: &|path, _| path != b"old.xml",
    };
    let mut line = joined(to, Before::Stays);
    let collected = send_matching(&what, &mut line).expect("sends");
    (collected, line.1)
}

fn plant(root: &Path, files: &[&str]) {
    for file in files {
        fs::create_dir_all(root.join(file).parent().expect("a folder")).expect("folders");
        fs::write(root.join(file), file).expect("a file");
    }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn only_what_matches_is_there_and_no_folder_without_any() {
    let temporary = tempfile::tempdir().expect("a folder");
    let (root, to) = (temporary.path().join("from"), temporary.path().join("to"));
    let files = ["a/b/r.xml", "a/c/r.txt", "a/node_modules/x/r.xml", ".git/r.xml", "old.xml"];
    plant(&root, &files);
    plant(&root, &[".crabbox/r.xml", "deep/.crabbox/r.xml", "sub/.GIT/r.xml"]);
    let (collected, said) = bring(&root, &["**/*.xml", "a/b", "no"], Limits::NONE, &to);
    assert_eq!(said.files(), set(&["a/b/r.xml", "deep/.crabbox/r.xml"]));
    assert_eq!((collected.matched, collected.older), (vec![2, 1, 0], vec![1, 0, 0]));
    assert!(to.join("a/b").is_dir() && !to.join("a/c").exists() && !to.join("sub").exists());
    // Nothing that matches leaves nothing.
    let (_, said) = bring(&root, &["*.zip"], Limits::NONE, &temporary.path().join("none"));
    assert!(said.files().is_empty() && !temporary.path().join("none").exists());
}

#[test]
fn which_of_too_many_are_there_goes_by_their_names() {
    let temporary = tempfile::tempdir().expect("a folder");
    let (root, to) = (temporary.path().join("from"), temporary.path().join("to"));
    let names = |of: &str| (0..50).map(|at| format!("{of}/{at:02}")).collect::<Vec<_>>();
    let all: Vec<String> = names("z").into_iter().chain(names("a")).collect();
    // A file system gives them back in an order of its own, or in that in which they were made, or the other way round.
    let all: Vec<_> = (0..100).map(|at| all[at * 37 % 100].as_str()).collect();
    plant(&root, &all);
    let limits = Limits { files: 53, ..Limits::NONE };
    let (_, said) = bring(&root, &["**"], limits, &to);
    let expected: Vec<String> = [names("a"), names("z")].concat();
    assert_eq!(said.files(), expected[..53].iter().cloned().collect());
}

#[test]
fn a_folder_that_is_not_there_is_gone_and_nothing_else_is_said() {
    let temporary = tempfile::tempdir().expect("a folder");
    let (root, to) = (temporary.path().join("from"), temporary.path().join("to"));
    let (collected, said) = bring(&root, &["**"], Limits::NONE, &to);
    assert!(collected.gone && said.remarks.is_empty() && !to.exists());
    fs::create_dir(&root).expect("a folder");
    assert!(!bring(&root, &["**"], Limits::NONE, &to).0.gone);
}

#[test]
fn what_is_beyond_a_limit_is_named_as_far_as_that_helps() {
    let temporary = tempfile::tempdir().expect("a folder");
    let root = temporary.path().join("from");
    let many = usize::try_from(MAX_NAMED).expect("fits") + 30;
    let names: Vec<String> = (0..many).map(|at| format!("f/{at:05}")).collect();
    plant(&root, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let limits = Limits { files: 10, ..Limits::NONE };
    let (collected, said) = bring(&root, &["f/*"], limits, &temporary.path().join("few"));
    assert_eq!((said.files().len(), collected.matched), (10, vec![many as u64]));
    assert_eq!((said.remarks.len() as u64, collected.unnamed), (MAX_NAMED, 20));
    assert_eq!(said.remarks[0].what, "there are more than 10 files");
    // A folder of which nothing came isn't left, either.
    let limits = Limits { file_bytes: 3, ..Limits::NONE };
    let to = temporary.path().join("small");
    let (_, said) = bring(&root, &["f/*"], limits, &to);
    assert_eq!(said.why("f/00001"), Some("it is larger than 3 B"));
    assert!(!to.exists());
    // The same of a path with all that is in it.
    let mut line = joined(&temporary.path().join("path"), Before::Stays);
    let limits = Limits { files: 10, ..Limits::NONE };
    let collected = send_within(&root, limits, &mut line).expect("sends");
    assert_eq!((line.1.files().len(), collected.unnamed), (10, 20));
}

#[test]
fn links_are_files_where_they_lead_to_one_below_and_named_where_not() {
    let temporary = tempfile::tempdir().expect("a folder");
    let root = temporary.path().join("from");
    plant(&root, &["real/a", ".git/config", ".crabbox/own"]);
    plant(temporary.path(), &["outside"]);
    for (target, link) in [
        ("real/a", "by-link"),
        ("by-link", "by-two"),
        ("../outside", "out"),
        ("no/where", "dangling"),
        ("loop", "loop"),
        ("real", "folder"),
        (".git/config", "config"),
        (".crabbox/own", "own"),
    ] {
        symlink(target, root.join(link)).expect("a link");
    }
    let absolute = root.join("real/a");
    symlink(absolute, root.join("absolute")).expect("a link");
    let to = temporary.path().join("to");
    let (_, said) = bring(&root, &["*", "folder/a"], Limits::NONE, &to);
    assert_eq!(said.files(), set(&["absolute", "by-link", "by-two", "real/a"]));
    assert!(to.join("by-link").symlink_metadata().expect("there").is_file());
    for (link, why) in [
        ("out", "it is a link that leads out of the workspace"),
        ("dangling", "it is a link that leads nowhere"),
        ("loop", "it is a link that leads nowhere"),
        ("folder", "it is a link to a folder, and such aren't followed"),
        ("config", "it is a link to what is never searched"),
        ("own", "it is a link to what is never searched"),
    ] {
        assert_eq!(said.why(link), Some(why), "{link}");
    }
}

#[test]
fn what_is_here_stays_whatever_its_size_and_the_same_is_no_other() {
    let temporary = tempfile::tempdir().expect("a folder");
    let (root, to) = (temporary.path().join("from"), temporary.path().join("to"));
    let large = vec![7; usize::try_from(RESUMABLE).expect("fits")];
    for (folder, content) in [(&root, b"theirs"), (&to, b"mine--")] {
        plant(folder, &["same"]);
        fs::write(folder.join("other"), content).expect("a file");
        fs::write(folder.join("large"), &large).expect("a file");
        fs::write(folder.join("large-other"), [&large[6..], content].concat()).expect("a file");
    }
    fs::create_dir(to.join("folder")).expect("a folder");
    plant(&root, &["folder", "new"]);
    let (_, said) = bring(&root, &["*"], Limits::NONE, &to);
    assert_eq!(said.files(), set(&["same", "large", "new"]));
    for path in ["other", "large-other", "folder"] {
        let why = "something else of that name is here already, and stays";
        assert_eq!(said.why(path), Some(why), "{path}");
    }
    assert_eq!(fs::read(to.join("other")).expect("reads"), b"mine--");
    assert!(fs::read(to.join("large-other")).expect("reads").ends_with(b"mine--"));
    assert_eq!(fs::read_dir(&to).expect("reads").count(), 6, "and nothing is left beside them");
}

#[test]
fn a_link_is_refused_where_only_files_come() {
    let temporary = tempfile::tempdir().expect("a folder");
    let to = temporary.path().join("to");
    let mut block = Vec::new();
    Record::Folder { name: b"", mode: 0o755 }.encode(&mut block);
    Record::Link { name: b"link", target: b"/etc" }.encode(&mut block);
    let file = Record::File { name: b"file", mode: 0o644, size: 0, key: None };
    file.encode(&mut block);
    let hash = Hash(*blake3::hash(b"").as_bytes());
    for record in [Record::Whole { hash, grew: false }, Record::Leave, Record::End] {
        record.encode(&mut block);
    }
    let target = Target { path: to.clone(), name: None };
    let mut said = Said::default();
    let mut receiver = Receiver::collecting_files(target, Before::Stays);
    assert!(receiver.block(&block, &mut said).expect("records"));
    assert_eq!(said.why("link"), Some("it is a link where only files come"));
    assert_eq!(said.files(), set(&["file"]));
    assert!(to.join("link").symlink_metadata().is_err());
}

#[test]
fn a_folder_that_was_shut_there_can_be_written_in_here() {
    let temporary = tempfile::tempdir().expect("a folder");
    let (root, to) = (temporary.path().join("from"), temporary.path().join("to"));
    plant(&root, &["shut/r.xml", "open/r.xml"]);
    let set_mode = |name: &str, mode| {
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).expect("a mode");
    };
    set_mode("shut", 0o555);
    set_mode("shut/r.xml", 0o444);
    set_mode("open", 0o750);
    bring(&root, &["**/r.xml"], Limits::NONE, &to);
    set_mode("shut", 0o755);
    let mode = |name: &str| fs::metadata(to.join(name)).expect("is there").mode() & 0o777;
    let names = ["shut", "shut/r.xml", "open"];
    assert_eq!(names.map(mode), [0o755, 0o444, 0o750]);
}

#[test]
fn so_many_entries_are_looked_at_and_what_a_pattern_names_comes_first() {
    let temporary = tempfile::tempdir().expect("a folder");
    let root = temporary.path().join("from");
    let many: Vec<String> = (0..100).map(|at| format!("data-{}/{at}", at % 2)).collect();
    plant(&root, &many.iter().map(String::as_str).collect::<Vec<_>>());
    plant(&root, &["out/r.xml", "r.xml", "data-0/out/r.xml", "data-1/out/r.xml"]);
    let (globs, exclude) = (globs(&["{,*/}{,out/}r.xml"]), Globs::default());
    let sent = |entries: u64| {
        let limits = Limits::NONE;
        let (root, globs, exclude, is_wanted) = (&root, &globs, &exclude, &|_: &[u8], _: &_| true);
        let hidden = b".crabbox";
        let what =
            Matching { root, globs, exclude, hidden, limits, entries, once: true, is_wanted };
        let mut line = joined(&temporary.path().join(entries.to_string()), Before::Stays);
        send_matching(&what, &mut line).expect("sends");
        line.1.files()
    };
    // Of those that may match there are 4 above, then 1 in `out`.
    assert_eq!(sent(5), set(&["out/r.xml", "r.xml"]));
    assert_eq!(sent(4), set(&["r.xml"]));
    assert_eq!(sent(u64::MAX).len(), 4);
    assert!(sent(0).is_empty());
    // What can't match takes no room from what can, wherever the disk has it.
    let others: Vec<String> = (0..100).map(|at| format!("other-{at}")).collect();
    plant(&root, &others.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(sent(50).len(), 4);
}
