//! The two ends of a copy, joined without a box in between; and an end that is spoken to by somebody hostile.

use crabbox_copy::Gone;
use crabbox_copy::receive::{Answers, ReceiveError, Receiver};
use crabbox_copy::send::{Answer, Line, send};
use crabbox_copy::target::{Target, name_of};
use crabbox_wire::copy::{Copied, MAX_DEPTH, RESUMABLE, Record, Remark, Word};
use crabbox_wire::text::Text;
use crabbox_wire::tree::Hash;
use proptest::prelude::*;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// What a receiver says.
#[derive(Default)]
struct Said {
    remarks: Vec<Remark>,
    done: Option<Copied>,
    answer: Option<Answer>,
}

impl Answers for Said {
    fn say(&mut self, word: Word) -> Result<(), Gone> {
        match word {
            Word::Have { at, hash } => self.answer = Some(Answer::Have(at, hash)),
            Word::Skip => self.answer = Some(Answer::Skip),
            Word::Remark(remark) => self.remarks.push(remark),
            Word::Done(copied) => self.done = Some(copied),
        }
        Ok(())
    }
}

impl Said {
    fn done(&self) -> &Copied {
        self.done.as_ref().expect("an end")
    }

    fn remarks(&self) -> Vec<(String, &str, bool)> {
        let remark = |one: &'_ Remark| (one.path.to_string(), one.failed);
        self.remarks.iter().map(|one| (remark(one).0, one.what.as_str(), one.failed)).collect()
    }
}

/// A line that leads straight to the receiver.
struct Joined {
    receiver: Receiver,
    said: Said,
    /// The connection breaks after so many bytes of records.
    breaks_after: usize,
    /// How many were sent.
    sent: usize,
    failed: Option<ReceiveError>,
}

impl Line for Joined {
    fn block(&mut self, records: &[u8]) -> Result<(), Gone> {
        self.sent += records.len();
        if self.sent > self.breaks_after {
            return Err(Gone);
        }
        match self.receiver.block(records, &mut self.said) {
            Ok(_) => Ok(()),
            Err(error) => {
                self.failed = Some(error);
                Err(Gone)
            }
        }
    }

    fn answer(&mut self) -> Result<Answer, Gone> {
        self.said.answer.take().ok_or(Gone)
    }
}

fn target(source: &Path, path: &Path) -> Target {
    Target { path: path.to_owned(), name: name_of(source.as_os_str().as_bytes()) }
}

fn joined(source: &Path, path: &Path, breaks_after: usize) -> Joined {
    let receiver = Receiver::new(target(source, path));
    let mut line = Joined { receiver, said: Said::default(), breaks_after, sent: 0, failed: None };
    let _ = send(source, &mut line);
    line
}

fn copy(source: &Path, path: &Path) -> Said {
    let line = joined(source, path, usize::MAX);
    assert!(line.failed.is_none(), "{:?}", line.failed);
    line.said
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().expect("there").mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries
        .map(|one| one.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_folder_is_the_same_on_the_other_side() {
    let world = tempfile::tempdir().expect("a folder");
    let (from, to) = (world.path().join("from"), world.path().join("to"));
    fs::create_dir_all(from.join("empty")).expect("a folder");
    fs::create_dir_all(from.join("shut")).expect("a folder");
    fs::write(from.join("shut/it"), "in it").expect("a file");
    fs::write(from.join(OsStr::from_bytes(b"odd\n\xff name")), "odd").expect("a file");
    fs::write(from.join("tool"), "#!/bin/sh\n").expect("a file");
    fs::write(from.join("large"), vec![7; 5 * 1024 * 1024]).expect("a file");
    symlink("no/where", from.join("link")).expect("a link");
    set_mode(&from.join("tool"), 0o750);
    set_mode(&from.join("shut"), 0o555);
    let said = copy(&from, &to);
    assert!(said.remarks.is_empty(), "{:?}", said.remarks);
    let Copied { files, folders, links, resumed, .. } = *said.done();
    assert_eq!((files, folders, links, resumed), (4, 3, 1, 0));
    assert_eq!(names(&to), names(&from));
    assert_eq!((mode(&to.join("tool")), mode(&to.join("shut"))), (0o750, 0o555));
    assert_eq!(fs::read(to.join("shut/it")).expect("reads"), b"in it");
    assert_eq!(fs::read_link(to.join("link")).expect("a link"), Path::new("no/where"));
    assert_eq!(fs::read(to.join("large")).expect("reads").len(), 5 * 1024 * 1024);
    // Once more, over what is there: into it, and then as it.
    copy(&from, &to);
    assert!(to.join("from/tool").exists());
    copy(&from.join("."), &to);
    assert_eq!(names(&to).len(), names(&from).len() + 1);
    set_mode(&from.join("shut"), 0o755);
}

#[test]
fn a_large_file_is_continued_where_it_broke_off() {
    let world = tempfile::tempdir().expect("a folder");
    let (from, to) = (world.path().join("big"), world.path().join("to"));
    let content: Vec<u8> = (0..RESUMABLE * 2).map(|at| (at / 251).to_le_bytes()[0]).collect();
    fs::write(&from, &content).expect("a file");
    fs::create_dir(&to).expect("a folder");
    let half = usize::try_from(RESUMABLE).expect("fits");
    joined(&from, &to, half);
    assert!(!to.join("big").exists());
    let part = names(&to);
    assert_eq!(part.len(), 1, "{part:?}");
    let held = to.join(&part[0]).metadata().expect("a part").len();
    assert!(held > RESUMABLE / 2 && held < RESUMABLE * 2, "{held}");
    let line = joined(&from, &to, usize::MAX);
    assert_eq!(line.said.done().resumed, held);
    assert!(line.sent as u64 <= RESUMABLE * 2 - held + 1024, "{}", line.sent);
    assert_eq!(
        (names(&to), fs::read(to.join("big")).expect("reads") == content),
        (vec!["big".to_owned()], true)
    );
}

#[test]
fn a_part_that_is_not_of_the_file_is_not_continued() {
    let world = tempfile::tempdir().expect("a folder");
    let (from, to) = (world.path().join("big"), world.path().join("to"));
    let content = vec![1; usize::try_from(RESUMABLE * 2).expect("fits")];
    fs::write(&from, &content).expect("a file");
    fs::create_dir(&to).expect("a folder");
    joined(&from, &to, usize::try_from(RESUMABLE).expect("fits"));
    let part = to.join(&names(&to)[0]);
    let mut spoilt = fs::read(&part).expect("reads");
    spoilt[1000] = 9;
    fs::write(&part, spoilt).expect("writes");
    let said = copy(&from, &to);
    assert_eq!((said.done().resumed, names(&to)), (0, vec!["big".to_owned()]));
    assert!(fs::read(to.join("big")).expect("reads") == content);
}

#[test]
fn a_link_in_the_way_is_replaced_or_refused_and_never_followed() {
    let world = tempfile::tempdir().expect("a folder");
    let (from, to) = (world.path().join("from"), world.path().join("to"));
    let outside = world.path().join("outside");
    for folder in [&from.join("deep"), &to, &outside] {
        fs::create_dir_all(folder).expect("a folder");
    }
    fs::write(outside.join("file"), "mine").expect("a file");
    fs::write(from.join("file"), "new").expect("a file");
    fs::write(from.join("deep/x"), "new").expect("a file");
    symlink(outside.join("file"), to.join("file")).expect("a link");
    symlink(&outside, to.join("deep")).expect("a link");
    let said = copy(&from.join("."), &to);
    let expected = ("deep".to_owned(), "there is a file or a link in its place", true);
    assert_eq!(said.remarks(), [expected]);
    assert_eq!(fs::read(outside.join("file")).expect("reads"), b"mine");
    assert_eq!(names(&outside), ["file"]);
    assert_eq!(fs::read(to.join("file")).expect("reads"), b"new");
    assert!(!to.join("file").is_symlink());
}

#[test]
fn what_can_not_be_put_down_is_named_and_the_rest_is_there() {
    let world = tempfile::tempdir().expect("a folder");
    let (from, to) = (world.path().join("from"), world.path().join("to"));
    fs::create_dir_all(&from).expect("a folder");
    fs::create_dir_all(to.join("a")).expect("a folder");
    fs::create_dir_all(to.join("b")).expect("a folder");
    fs::write(from.join("a"), "small").expect("a file");
    fs::write(from.join("b"), vec![1; 5 * 1024 * 1024]).expect("a file");
    fs::write(from.join("c"), "fine").expect("a file");
    let said = copy(&from.join("."), &to);
    let mut remarks = said.remarks();
    remarks.sort();
    let there = "there is a folder in its place";
    assert_eq!(remarks, [("a".to_owned(), there, true), ("b".to_owned(), there, true)]);
    assert_eq!((said.done().files, names(&to)), (1, vec!["a".into(), "b".into(), "c".into()]));
}

#[test]
fn folders_that_are_nested_too_deep_are_left_out() {
    let world = tempfile::tempdir().expect("a folder");
    let mut deep = world.path().join("from");
    for _ in 0..MAX_DEPTH + 3 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).expect("folders");
    let said = copy(&world.path().join("from"), &world.path().join("to"));
    assert_eq!(said.remarks.len(), 1);
    assert!(said.remarks[0].what.contains("nested deeper than 256"), "{:?}", said.remarks);
}

/// What comes of these records, said to an empty folder.
fn told(records: &[Record<'_>]) -> (tempfile::TempDir, Result<bool, ReceiveError>, Said) {
    let world = tempfile::tempdir().expect("a folder");
    let to = world.path().join("to");
    fs::create_dir(&to).expect("a folder");
    let mut receiver = Receiver::new(Target { path: to, name: None });
    let mut said = Said::default();
    let mut result = Ok(false);
    for record in records {
        let mut block = Vec::new();
        record.encode(&mut block);
        result = receiver.block(&block, &mut said);
        if result.is_err() {
            break;
        }
    }
    (world, result, said)
}

const ROOT: Record<'_> = Record::Folder { name: b"", mode: 0o755 };

#[test]
fn a_hostile_sender_gets_nowhere() {
    let file = |name, size| Record::File { name, mode: 0o644, size, key: None };
    let hash = Hash::of(b"");
    let cases: &[(&[Record<'_>], &str)] = &[
        (&[ROOT, file(b"..", 0)], "is no name of a file"),
        (&[ROOT, file(b"/etc/passwd", 0)], "is no name of a file"),
        (&[ROOT, Record::Link { name: b"a/b", target: b"x" }], "is no name of a file"),
        (&[ROOT, file(b"x", 3), Record::Data(b"abcd")], "more content than was announced"),
        (&[ROOT, file(b"x", u64::MAX)], "makes no sense"),
        (&[ROOT, file(b"x", 3), file(b"y", 3)], "makes no sense"),
        (&[ROOT, file(b"", 3)], "makes no sense"),
        (&[ROOT, ROOT], "makes no sense"),
        (&[ROOT, Record::Leave, Record::Leave], "makes no sense"),
        (&[ROOT, Record::Leave, file(b"x", 3)], "makes no sense"),
        (&[ROOT, Record::Data(b"x")], "makes no sense"),
        (&[ROOT, Record::End], "makes no sense"),
        (&[file(b"x", 3)], "makes no sense"),
        (
            &[
                ROOT,
                Record::File { name: b"x", mode: 0, size: RESUMABLE, key: Some(hash) },
                Record::From(5),
            ],
            "makes no sense",
        ),
        (
            &[
                ROOT,
                Record::File { name: b"x", mode: 0, size: RESUMABLE, key: Some(hash) },
                Record::Data(b"x"),
            ],
            "makes no sense",
        ),
    ];
    for (records, expected) in cases {
        let (world, result, _) = told(records);
        let error = result.expect_err("refuses").to_string();
        assert!(error.contains(expected), "{records:?}: {error}");
        assert_eq!(names(world.path()), ["to"]);
    }
}

#[test]
fn content_that_is_not_what_was_announced_has_no_place() {
    let file = Record::File { name: b"x", mode: 0o644, size: 3, key: None };
    let whole = Record::Whole { hash: Hash::of(b"abc"), grew: false };
    for data in [b"abd".as_slice(), b"ab"] {
        let (world, result, said) =
            told(&[ROOT, file, Record::Data(data), whole, Record::Leave, Record::End]);
        assert!(result.expect("ends"));
        assert_eq!(
            said.remarks(),
            [("x".to_owned(), "what arrived isn't what was announced", true)]
        );
        assert!(names(&world.path().join("to")).is_empty());
    }
}

#[test]
fn nobody_becomes_somebody_else_by_a_copy() {
    let records = [
        ROOT,
        Record::File { name: b"x", mode: 0o6755, size: 0, key: None },
        Record::Whole { hash: Hash::of(b""), grew: false },
        Record::Leave,
        Record::End,
    ];
    let (world, result, _) = told(&records);
    assert!(result.expect("ends"));
    assert_eq!(world.path().join("to/x").metadata().expect("there").mode() & 0o7777, 0o755);
}

/// What comes of it when it is a box's.
fn brought(from: &Path, to: &Path) -> Said {
    let receiver = Receiver::sparing_git(target(from, to));
    let (said, breaks_after) = (Said::default(), usize::MAX);
    let mut line = Joined { receiver, said, breaks_after, sent: 0, failed: None };
    let _ = send(from, &mut line);
    if let Some(error) = line.failed {
        line.said.remarks.push(Remark {
            path: Text::default(),
            what: error.to_string(),
            failed: true,
        });
    }
    line.said
}

#[test]
fn nothing_of_a_box_goes_into_a_git_folder_and_the_rest_does() {
    let world = tempfile::tempdir().expect("a folder");
    let (from, to) = (world.path().join("from"), world.path().join("to"));
    for folder in [&from.join(".git/hooks"), &from.join("sub/deep"), &to.join(".git/hooks")] {
        fs::create_dir_all(folder).expect("a folder");
    }
    fs::write(from.join(".git/hooks/post-checkout"), "#!/bin/sh\n").expect("a file");
    fs::write(from.join(".git/pack"), vec![1; 5 * 1024 * 1024]).expect("a file");
    // A file that leads to a repository, a link that does, and what a file system may take for the same name.
    fs::write(from.join("sub/.git"), "gitdir: ../../evil\n").expect("a file");
    symlink("../evil", from.join("sub/deep/.git")).expect("a link");
    fs::write(from.join(".GIT"), vec![1; 5 * 1024 * 1024]).expect("a file");
    fs::write(from.join("sub/.gitignore"), "fine").expect("a file");
    let said = brought(&from.join("."), &to);
    let mut named = said.remarks();
    named.sort();
    let why = "nothing that comes from a box goes into a `.git`";
    let paths = [".GIT", ".git", "sub/.git", "sub/deep/.git"];
    assert_eq!(named, paths.map(|path| (path.to_owned(), why, true)));
    assert_eq!(names(&to.join(".git")), ["hooks"]);
    assert!(names(&to.join(".git/hooks")).is_empty());
    assert_eq!(names(&to), [".git", "sub"]);
    assert_eq!(names(&to.join("sub")), [".gitignore", "deep"]);
    assert!(names(&to.join("sub/deep")).is_empty());
}

#[test]
fn a_target_in_a_git_folder_is_refused_whatever_leads_there() {
    let world = tempfile::tempdir().expect("a folder");
    let (from, to) = (world.path().join("from"), world.path().join("to"));
    fs::create_dir_all(to.join(".git/hooks")).expect("a folder");
    symlink(".git/hooks", to.join("out")).expect("a link");
    fs::write(&from, "#!/bin/sh\n").expect("a file");
    for place in ["out", "out/new", ".git", ".git/new", ".git/hooks/../new"] {
        let said = brought(&from, &to.join(place));
        assert_eq!(said.remarks.len(), 1, "{place}");
        assert!(said.remarks[0].what.contains("goes into a `.git`"), "{:?}", said.remarks);
    }
    // As it would be called by what was typed, or by the source.
    fs::remove_dir_all(to.join(".git")).expect("removes");
    assert_eq!(brought(&from, &to.join(".git")).remarks.len(), 1);
    let source = world.path().join(".git");
    fs::create_dir(&source).expect("a folder");
    assert_eq!(brought(&source, &to).remarks.len(), 1);
    assert_eq!(names(&to), ["out"]);
    // Under another name, it is nothing that git would read.
    assert!(brought(&source, &to.join("theirs")).remarks.is_empty());
}

proptest! {
    #[test]
    fn foreign_blocks_never_panic_and_touch_nothing_outside(blocks: Vec<Vec<u8>>, start: bool) {
        let world = tempfile::tempdir().expect("a folder");
        let to = world.path().join("to");
        fs::create_dir(&to).expect("a folder");
        let mut receiver = Receiver::new(Target { path: to, name: None });
        let mut said = Said::default();
        let mut root = Vec::new();
        ROOT.encode(&mut root);
        let first = if start { vec![root] } else { Vec::new() };
        for block in first.iter().chain(&blocks) {
            if receiver.block(block, &mut said).is_err() {
                break;
            }
        }
        prop_assert_eq!(names(world.path()), ["to"]);
    }
}
