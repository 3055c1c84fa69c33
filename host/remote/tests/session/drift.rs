//! A box that isn't as it was left, and one that makes something else of what is written to it.

use crate::machine::{Disk, Files, Machine, Session, counts, patiently, shell, skipped};
use crabbox_wire::delta::Record;
use crabbox_wire::frame::{ToHelper, ToHost};
use crabbox_wire::message::{FailureCode, Outcome};
use crabbox_wire::tree::Kind;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

fn mode(machine: &Machine, name: &str) -> u32 {
    fs::metadata(machine.file(name)).expect("stat").permissions().mode() & 0o777
}

fn set_mode(machine: &Machine, name: &str, mode: u32) {
    fs::set_permissions(machine.file(name), fs::Permissions::from_mode(mode)).expect("sets");
}

#[test]
fn a_umask_takes_nothing_from_the_owner() {
    let files = Files::of(&[
        ("a/tool", Kind::Executable, "#!/bin/sh\necho ran\n"),
        ("a/text", Kind::File, "text"),
        ("empty", Kind::Folder, ""),
    ]);
    for mask in ["177", "777"] {
        let machine = Machine::with_umask(mask);
        let log = machine.give(None, &files);
        assert_eq!(counts(&log), Some((3, 0)), "{mask}: {}", log.why());
        for (name, expected) in [("a/tool", 0o700), ("a/text", 0o600), ("a", 0o700)] {
            assert_eq!(mode(&machine, name), expected, "{mask} {name}");
        }
        // The command itself gets the umask that the box gives.
        let log = Machine::with_umask(mask).run(shell("umask"), |_, _| {});
        assert_eq!(String::from_utf8_lossy(&log.stdout), format!("0{mask}\n"));
        assert_eq!(log.outcome, Some(Outcome::Exited(0)));
    }
}

#[test]
fn modes_that_were_taken_away_are_given_back() {
    let files =
        Files::new(&[("hello", "hello"), ("src/a", "1"), ("src/deep/b", "2"), ("gone/c", "3")]);
    let wanted = Files::new(&[("hello", "hello"), ("src/a", "new"), ("src/deep/b", "2")]);
    let drifts = [
        ("hello", 0o000),
        ("src/a", 0o200),
        ("src", 0o555),
        ("src", 0o000),
        ("src", 0o444),
        ("src/deep", 0o100),
        ("gone", 0o000),
        ("gone", 0o555),
        ("", 0o000),
        ("", 0o555),
    ];
    for (name, mode) in drifts {
        let Some(machine) = Machine::of_nobody() else {
            return;
        };
        assert_eq!(counts(&machine.give(None, &files)), Some((4, 0)));
        set_mode(&machine, name, mode);
        let log = machine.give(Some(&files), &wanted);
        assert!(log.synced.is_some(), "{name} {mode:o}: {}", log.why());
        assert_eq!(machine.read("hello"), "hello");
        assert_eq!(machine.read("src/a"), "new");
        assert_eq!(machine.read("src/deep/b"), "2");
        assert!(!machine.file("gone").exists(), "{name} {mode:o}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_known_all_the_same() {
    let Some(machine) = Machine::of_nobody() else {
        return;
    };
    let files = Files::new(&[("a", "1"), ("b", "2")]);
    machine.give(None, &files);
    set_mode(&machine, "a", 0o000);
    // Not wanted any more: it goes, since it was put there.
    let log = machine.give(Some(&files), &Files::new(&[("b", "2")]));
    assert_eq!(counts(&log), Some((0, 1)), "{}", log.why());
    assert!(!machine.file("a").exists());
}

#[test]
fn a_folder_in_a_files_place_goes_whatever_its_modes() {
    let Some(machine) = Machine::of_nobody() else {
        return;
    };
    let files = Files::new(&[("a", "1")]);
    machine.give(None, &files);
    let outside = machine.outside("precious");
    fs::create_dir(&outside).expect("makes");
    fs::remove_file(machine.file("a")).expect("removes");
    fs::create_dir_all(machine.file("a/b/c")).expect("makes");
    fs::write(machine.file("a/b/c/foreign"), "x").expect("writes");
    symlink(&outside, machine.file("a/b/link")).expect("links");
    let given = Command::new("chown").args(["-hR", "65534"]).arg(machine.file("a")).status();
    assert!(given.is_ok_and(|status| status.success()));
    for (name, mode) in [("a/b/c", 0o000), ("a/b", 0o500), ("a", 0o555)] {
        set_mode(&machine, name, mode);
    }
    let log = machine.give(Some(&files), &files);
    assert!(log.synced.is_some(), "{}", log.why());
    assert_eq!(machine.read("a"), "1");
    assert!(outside.is_dir());
}

/// What can't be changed, not even by root.
struct Immutable(PathBuf);

impl Immutable {
    fn mark(path: PathBuf) -> Option<Self> {
        let marked = Command::new("chattr").arg("+i").arg(&path).status();
        if marked.is_ok_and(|status| status.success()) {
            return Some(Self(path));
        }
        skipped("nothing can be marked immutable here");
        None
    }
}

impl Drop for Immutable {
    fn drop(&mut self) {
        let _ = Command::new("chattr").arg("-i").arg(&self.0).status();
    }
}

#[test]
fn an_immutable_file_is_named() {
    let machine = Machine::new();
    let files = Files::new(&[("dir/a", "1"), ("dir/b", "2")]);
    machine.give(None, &files);
    let Some(_mark) = Immutable::mark(machine.file("dir/a")) else {
        return;
    };
    for wanted in [&[("dir/a", "new"), ("dir/b", "2")][..], &[("dir/b", "2")]] {
        let log = machine.give(Some(&files), &Files::new(wanted));
        assert_eq!(log.failed(), Some(FailureCode::System), "{:?}", log.synced);
        assert!(log.why().contains("`dir/a`") && log.why().contains("lsattr"), "{}", log.why());
        assert_eq!(machine.read("dir/a"), "1");
    }
}

#[test]
fn a_tree_with_something_below_a_file_does_not_pass() {
    for kind in [Kind::File, Kind::Symlink] {
        let machine = Machine::new();
        let files = Files::of(&[("a", kind, "target"), ("a/b", Kind::File, "1")]);
        let log = machine.give(None, &files);
        assert_eq!(log.failed(), Some(FailureCode::Verify), "{:?}", log.synced);
        assert!(log.why().contains("`a`"), "{}", log.why());
    }
}

#[test]
fn what_a_killed_session_had_stored_is_removed() {
    let machine = Machine::new();
    let large = "x".repeat(8_000_000);
    let files = Files::new(&[("large", &large)]);
    let mut session = Session::open(&machine.request(None, files.root()));
    session.until(|frame, host| {
        if let ToHost::Proved(_) = frame {
            let mut bytes = Vec::new();
            Record::Put(files.entries()[0].clone()).encode(&mut bytes);
            // More than the decoder holds back to refer to.
            bytes.extend_from_slice(&large.as_bytes()[..7_000_000]);
            let mut packer = zstd::Encoder::new(Vec::new(), 3).expect("packs");
            packer.write_all(&bytes).and_then(|()| packer.flush()).expect("packs");
            ToHelper::Delta(packer.get_ref()).write(host).expect("writes");
        }
        matches!(frame, ToHost::Base(_))
    });
    let temporary = machine.root().join(".crabbox/trees/work/tmp");
    let stored = || fs::read_dir(&temporary).expect("reads").count();
    patiently("something is stored", || stored() > 0);
    session.helper.kill().expect("kills");
    session.helper.wait().expect("ends");
    assert_eq!(stored(), 1);
    let log = machine.give(None, &Files::new(&[("small", "x")]));
    assert_eq!(counts(&log), Some((1, 0)), "{}", log.why());
    assert_eq!(stored(), 0);
}

#[test]
fn a_full_disk_is_said_to_be_full_and_room_is_all_it_takes() {
    let machine = Machine::new();
    let Some(_disk) = Disk::mount(&machine.root(), "size=2m") else {
        return;
    };
    let (large, small) = ("x".repeat(3_000_000), "y".repeat(900_000));
    let too_much = [
        Files::new(&[("large", &large)]),
        Files::new(&[("a", &small), ("b", &small), ("c", &small)]),
    ];
    for files in too_much {
        let log = machine.give(None, &files);
        assert_eq!(log.failed(), Some(FailureCode::DiskFull), "{:?}", log.synced);
        assert!(log.why().contains("the disk is full"), "{}", log.why());
        assert!(log.synced.is_none());
        // Less of it goes at once: nothing that failed is left in the way.
        let less = Files::new(&[("a", &small)]);
        let log = machine.give(None, &less);
        assert!(log.synced.is_some(), "{}", log.why());
        assert_eq!(machine.read("a"), small);
    }
}

#[test]
fn a_damaged_journal_makes_everything_new() {
    let machine = Machine::new();
    let files = Files::new(&[("a", "1"), ("b", "2"), ("c", "3")]);
    machine.give(None, &files);
    let journal = machine.root().join(".crabbox/trees/work/journal");
    let mut bytes = fs::read(&journal).expect("reads");
    // In the first record: all that follows would be forgotten.
    bytes[40] ^= 1;
    fs::write(&journal, bytes).expect("writes");
    let wanted = Files::new(&[("a", "1")]);
    let log = machine.give(Some(&files), &wanted);
    assert_eq!(counts(&log), Some((1, 0)), "{}", log.why());
    assert_eq!(fs::read_dir(machine.file("")).expect("reads").count(), 1);
}

#[test]
fn names_that_the_box_cannot_tell_apart_are_refused() {
    let machine = Machine::new();
    let Some(_disk) = case_folding(&machine) else {
        return;
    };
    for (one, other) in [("File", "file"), ("Dir/a", "dir/b")] {
        for content in ["the same", "another"] {
            let first = Files::new(&[(one, "the same")]);
            let both = Files::new(&[(one, "the same"), (other, content)]);
            assert!(machine.give(None, &first).synced.is_some());
            for base in [&first, &both] {
                let log = machine.give(Some(base), &both);
                assert_eq!(log.failed(), Some(FailureCode::Verify), "{one} {content}");
                assert!(log.why().contains("case"), "{}", log.why());
            }
            assert!(machine.give(Some(&both), &first).synced.is_some());
        }
    }
}

/// The box on a file system that folds case; `None`, with a word on it, where there is none.
fn case_folding(machine: &Machine) -> Option<Disk> {
    let disk = Disk::mount(&machine.root(), "size=4m,casefold")?;
    let folded = Command::new("chattr").arg("+F").arg(machine.root()).status();
    if folded.is_ok_and(|status| status.success()) {
        return Some(disk);
    }
    skipped("no file system here folds case");
    None
}
