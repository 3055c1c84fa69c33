//! A session that only copies, with a host that says what none of ours would, goes away, or meets a box that changes
//! meanwhile.

use crate::machine::{Disk, Machine, Session};
use crabbox_wire::copy::{Copy, RESUMABLE, Record, Remark, Word};
use crabbox_wire::frame::{ToHelper, ToHost};
use crabbox_wire::message::{Failure, FailureCode, Request};
use crabbox_wire::text::Text;
use crabbox_wire::tree::Hash;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const ROOT: Record<'_> = Record::Folder { name: b"", mode: 0o755 };

fn large() -> Vec<u8> {
    vec![7; usize::try_from(RESUMABLE).expect("fits") + 1]
}

fn text(path: &Path) -> Text {
    Text(path.as_os_str().as_encoded_bytes().to_vec())
}

fn request(machine: &Machine, copy: Copy) -> Request {
    Request { copy: Some(copy), ..machine.visit() }
}

/// To this folder or name, as what is in a source without a name.
fn put(machine: &Machine, path: &Path) -> Request {
    request(machine, Copy::Put { path: text(path), name: None })
}

fn get(machine: &Machine, path: &Path) -> Request {
    request(machine, Copy::Get { path: text(path), packed: false })
}

/// What a helper says of a copy.
#[derive(Debug, Default)]
struct Said {
    words: Vec<Word>,
    /// Of each record, its name in the code.
    kinds: Vec<String>,
    content: Vec<u8>,
    failure: Option<Failure>,
}

impl Said {
    fn code(&self) -> Option<FailureCode> {
        self.failure.as_ref().map(|failure| failure.code)
    }

    /// What was told of entries, by their paths.
    fn remarks(&self) -> Vec<(String, &str)> {
        let remarks = self.words.iter().filter_map(|word| match word {
            Word::Remark(Remark { path, what, .. }) => Some((path.to_string(), what.as_str())),
            _ => None,
        });
        remarks.collect()
    }

    fn is_done(&self) -> bool {
        matches!(self.words.last(), Some(Word::Done(_)))
    }

    fn add(&mut self, frame: &ToHost<'_>) {
        match frame {
            ToHost::CopyWord(word) => self.words.push(word.clone()),
            ToHost::Failed(failure) => self.failure = Some(failure.clone()),
            ToHost::Copy(block) => {
                let mut block = *block;
                while !block.is_empty() {
                    let record = Record::take(&mut block).expect("a record");
                    let kind = format!("{record:?}");
                    let kind = kind.split([' ', '(']).next().unwrap_or_default().to_owned();
                    if self.kinds.last() != Some(&kind) {
                        self.kinds.push(kind);
                    }
                    if let Record::Data(bytes) = record {
                        self.content.extend_from_slice(bytes);
                    }
                }
            }
            _ => {}
        }
    }
}

/// A helper that has given up may be gone.
fn send(frame: &ToHelper<'_>, mut host: &mut dyn Write) {
    let _ = frame.write(&mut host);
    let _ = host.flush();
}

fn block(records: &[Record<'_>]) -> Vec<u8> {
    let mut block = Vec::new();
    for record in records {
        record.encode(&mut block);
    }
    block
}

/// Says that once the box has proved itself; `each` may answer.
fn said(
    request: &Request,
    frame: Option<&ToHelper<'_>>,
    mut each: impl FnMut(&ToHost<'_>, &mut dyn Write),
) -> Said {
    let mut said = Said::default();
    Session::open(request).finish(|got, host| {
        if let (ToHost::Proved(_), Some(frame)) = (got, frame) {
            send(frame, host);
        }
        said.add(got);
        each(got, host);
    });
    said
}

fn told(request: &Request, records: &[Record<'_>]) -> Said {
    said(request, Some(&ToHelper::Copy(&block(records))), |_, _| {})
}

fn file(name: &[u8], size: u64) -> Record<'_> {
    let key = (size >= RESUMABLE).then(|| Hash::of(b"key"));
    Record::File { name, mode: 0o644, size, key }
}

fn whole(content: &[u8]) -> Record<'static> {
    Record::Whole { hash: Hash::of(content), grew: false }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.map(|one| one.expect("one").file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn nothing_that_leads_away_or_makes_no_sense_is_done() {
    let nonsense: &[&[Record<'_>]] = &[
        &[ROOT, file(b"..", 0)],
        &[ROOT, file(b"../x", 0)],
        &[ROOT, file(b"/etc/x", 0)],
        &[ROOT, Record::Folder { name: b"..", mode: 0o755 }],
        &[ROOT, Record::Link { name: b"a/b", target: b"x" }],
        &[ROOT, Record::Leave, Record::Leave],
        &[ROOT, Record::Data(b"x")],
        &[ROOT, file(b"x", 1), Record::Data(b"xx")],
        // From behind what it said that it had, and from behind the end.
        &[ROOT, file(b"x", RESUMABLE), Record::From(1)],
        &[ROOT, file(b"x", RESUMABLE), Record::From(RESUMABLE + 1)],
        &[ROOT, Record::End],
    ];
    for records in nonsense {
        let machine = Machine::new();
        let target = machine.outside("target");
        fs::create_dir(&target).expect("a folder");
        let said = told(&put(&machine, &target), records);
        assert_eq!(said.code(), Some(FailureCode::Verify), "{records:?}: {said:?}");
        assert!(!said.is_done(), "{records:?}");
        // A part of something large stays for the next copy.
        let names_there = names(&target);
        assert!(names_there.iter().all(|name| name.starts_with(".x.crabbox-")), "{names_there:?}");
        assert_eq!(names(target.parent().expect("a folder")), ["box", "target"], "{records:?}");
    }
}

#[test]
fn a_block_that_is_none_is_refused_and_a_bomb_is_not_unpacked() {
    let bomb = zstd::encode_all(&vec![0; 64 << 20][..], 3).expect("packs");
    let packed = ToHelper::CopyPacked(&bomb);
    let cases = [packed, ToHelper::CopyPacked(b"no zstd"), ToHelper::Copy(b"\xff\xff\xff\xff")];
    for frame in &cases {
        let machine = Machine::new();
        let target = machine.outside("target");
        let said = said(&put(&machine, &target), Some(frame), |_, _| {});
        assert_eq!(said.code(), Some(FailureCode::Verify), "{said:?}");
        assert!(!target.exists());
    }
}

#[test]
fn bytes_that_are_no_frame_end_it_without_a_change() {
    let machine = Machine::new();
    let target = machine.outside("target");
    let mut session = Session::open(&put(&machine, &target));
    session.until(|frame, _| matches!(frame, ToHost::Proved(_)));
    let _ = session.host.write_all(&[0xff; 4096]);
    let log = session.finish(|_, _| {});
    assert!(log.outcome.is_none());
    assert!(!target.exists());
}

/// Not even through one that the same copy has made.
#[test]
fn no_link_is_ever_written_through() {
    let machine = Machine::new();
    let (target, outside) = (machine.outside("target"), machine.outside("outside"));
    for folder in [&target, &outside] {
        fs::create_dir(folder).expect("a folder");
    }
    fs::write(outside.join("file"), "mine").expect("a file");
    symlink(&outside, target.join("old")).expect("a link");
    let away = outside.as_os_str().as_encoded_bytes();
    let inside = outside.join("file");
    let records = [
        ROOT,
        Record::Link { name: b"new", target: away },
        Record::Folder { name: b"new", mode: 0o755 },
        file(b"file", 1),
        Record::Data(b"x"),
        whole(b"x"),
        Record::Leave,
        Record::Folder { name: b"old", mode: 0o755 },
        file(b"file", 1),
        Record::Data(b"x"),
        whole(b"x"),
        Record::Leave,
        Record::Link { name: b"file", target: inside.as_os_str().as_encoded_bytes() },
        file(b"file", 1),
        Record::Data(b"x"),
        whole(b"x"),
        Record::Leave,
        Record::End,
    ];
    let said = told(&put(&machine, &target), &records);
    let why = "there is a file or a link in its place";
    assert_eq!(said.remarks(), [("new".to_owned(), why), ("old".to_owned(), why)]);
    assert!(said.is_done(), "{said:?}");
    assert_eq!(
        (names(&outside), fs::read(inside).expect("reads")),
        (vec!["file".into()], b"mine".to_vec())
    );
    assert_eq!(fs::read_link(target.join("new")).expect("a link"), outside);
    assert_eq!(fs::read(target.join("file")).expect("reads"), b"x");
    assert!(!target.join("file").is_symlink());
}

#[test]
fn a_folder_and_a_file_do_not_take_each_others_place() {
    let machine = Machine::new();
    let (target, other) = (machine.outside("target"), machine.outside("other"));
    fs::create_dir_all(target.join("x/deep")).expect("folders");
    fs::write(&other, "mine").expect("a file");
    let one = [file(b"x", 1), Record::Data(b"x"), whole(b"x")];
    let records = [&[ROOT][..], &one, &[Record::Leave, Record::End]].concat();
    let said = told(&put(&machine, &target), &records);
    assert_eq!(said.remarks(), [("x".to_owned(), "there is a folder in its place")]);
    assert!(target.join("x/deep").is_dir());
    let said = told(&put(&machine, &other), &[ROOT, Record::Leave, Record::End]);
    assert_eq!(said.code(), Some(FailureCode::Place), "{said:?}");
    assert_eq!(fs::read(&other).expect("reads"), b"mine");
    let said = told(&put(&machine, &machine.outside("no/where")), &records);
    assert_eq!(said.code(), Some(FailureCode::Place), "{said:?}");
}

/// Says the content of a large file as soon as the helper has said what it has of it.
fn sends(content: &[u8]) -> impl FnMut(&ToHost<'_>, &mut dyn Write) {
    let content = content.to_vec();
    move |got, host| {
        if let ToHost::CopyWord(Word::Have { .. }) = got {
            send(&ToHelper::Copy(&block(&[Record::From(0)])), host);
            for piece in content.chunks(32 * 1024) {
                send(&ToHelper::Copy(&block(&[Record::Data(piece)])), host);
            }
            let rest = [whole(&content), Record::Leave, Record::End];
            send(&ToHelper::Copy(&block(&rest)), host);
        }
    }
}

#[test]
fn a_full_disk_is_said_to_be_full_and_nothing_stays_on_it() {
    let machine = Machine::new();
    let target = machine.outside("target");
    fs::create_dir(&target).expect("a folder");
    let Some(_disk) = Disk::mount(&target, "size=2m") else { return };
    let content = large();
    let begin = block(&[ROOT, file(b"large", content.len() as u64)]);
    let said = said(&put(&machine, &target), Some(&ToHelper::Copy(&begin)), sends(&content));
    assert_eq!(said.code(), Some(FailureCode::DiskFull), "{said:?}");
    assert_eq!(names(&target), Vec::<String>::new());
}

#[test]
fn a_host_that_goes_away_leaves_a_part_of_what_is_large_and_nothing_else() {
    for (size, parts) in [(RESUMABLE + 1, 1), (1000, 0)] {
        let machine = Machine::new();
        let target = machine.outside("target");
        fs::create_dir(&target).expect("a folder");
        let mut session = Session::open(&put(&machine, &target));
        session.until(|frame, _| matches!(frame, ToHost::Proved(_)));
        session.send(&ToHelper::Copy(&block(&[ROOT, file(b"x", size)])));
        if parts > 0 {
            session.until(|frame, _| matches!(frame, ToHost::CopyWord(Word::Have { .. })));
            session.send(&ToHelper::Copy(&block(&[Record::From(0)])));
        }
        session.send(&ToHelper::Copy(&block(&[Record::Data(&[7; 900])])));
        let Session { mut helper, host, .. } = session;
        drop(host);
        helper.wait().expect("ends");
        let names = names(&target);
        assert_eq!(names.len(), parts, "{names:?}");
        assert!(!target.join("x").exists());
    }
}

/// The other way round, it is the host that says what it has.
#[test]
fn what_the_host_claims_to_have_is_believed_only_if_it_is_so() {
    let content = large();
    let end = content.len() as u64;
    let half = &content[..1000];
    let claims = [
        (Word::Have { at: 1000, hash: Hash::of(half) }, 1000),
        (Word::Have { at: 1000, hash: Hash::of(b"another") }, 0),
        (Word::Have { at: end + 1, hash: Hash::of(half) }, 0),
        (Word::Have { at: u64::MAX, hash: Hash::of(half) }, 0),
        (Word::Have { at: 0, hash: Hash::of(b"") }, 0),
    ];
    for (claim, from) in claims {
        let machine = Machine::new();
        let source = machine.outside("source");
        fs::write(&source, &content).expect("a file");
        let mut asked = false;
        let said = said(&get(&machine, &source), None, |got, host| {
            if matches!(got, ToHost::Copy(_)) && !std::mem::replace(&mut asked, true) {
                send(&ToHelper::CopyWord(claim.clone()), host);
            }
        });
        assert_eq!(said.kinds.last().map(String::as_str), Some("End"), "{claim:?}: {said:?}");
        assert!(said.content == content[from..], "{claim:?}: {} bytes", said.content.len());
    }
}

#[test]
fn a_file_that_shrinks_or_is_written_over_while_it_is_read_is_said_to_be_broken() {
    for shrinks in [true, false] {
        let machine = Machine::new();
        let source = machine.outside("source");
        // More than all that is on the way can hold.
        File::create(&source).and_then(|file| file.set_len(64 << 20)).expect("a file");
        let mut asked = false;
        let said = said(&get(&machine, &source), None, |got, host| {
            if matches!(got, ToHost::Copy(_)) && !std::mem::replace(&mut asked, true) {
                let answer = Word::Have { at: 0, hash: Hash::of(b"") };
                send(&ToHelper::CopyWord(answer), host);
                let file = File::options().write(true).open(&source).expect("opens");
                if shrinks {
                    file.set_len(1).expect("shrinks");
                } else {
                    (&file).write_all(b"other").expect("writes");
                }
            }
        });
        assert!(said.kinds.iter().any(|kind| kind == "Broken"), "{shrinks}: {:?}", said.kinds);
        assert!(!said.kinds.iter().any(|kind| kind == "Whole"), "{shrinks}: {:?}", said.kinds);
    }
}

#[test]
fn what_is_not_there_or_is_no_file_is_told_of_and_nobody_waits_for_it() {
    let machine = Machine::new();
    let said_of = |path: &Path| said(&get(&machine, path), None, |_, _| {});
    assert_eq!(said_of(&machine.outside("nothing")).code(), Some(FailureCode::Missing));
    assert_eq!(said_of(Path::new("/a\0b")).code(), Some(FailureCode::Request));
    let pipe = machine.outside("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    for path in [pipe.as_path(), Path::new("/dev/zero")] {
        let said = said_of(path);
        assert!(said.content.is_empty(), "{path:?}: {said:?}");
        assert!(said.kinds.iter().any(|kind| kind == "Skipped"), "{path:?}: {said:?}");
    }
}
