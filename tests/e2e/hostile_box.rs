//! A box that is out to do harm to whoever copies to and from it, or reaches its ports: it takes up no memory and no
//! screen without bound, and nobody waits for it.

use crabbox::sync::{Source, scan};
use crabbox_tests::{Ran, World};
use crabbox_wire::PROTOCOL;
use crabbox_wire::copy::{Copied, Record, Remark, Word};
use crabbox_wire::frame::{Stream, ToHost};
use crabbox_wire::greeting::greet;
use crabbox_wire::message::{Ended, Facts, Outcome, Proof, Started, Synced, Waiting};
use crabbox_wire::text::Text;
use crabbox_wire::tree::Hash;
use crabbox_wire::tunnel::Piece;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

/// More than a pipe holds, less than is asked about before it is sent.
const SOME: usize = 3 * 1024 * 1024;

/// A box that is as it should be until it was leased.
pub(crate) struct Turncoat {
    pub(crate) world: World,
    providers: PathBuf,
}

impl Turncoat {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let providers = world.provider_path("crabbox_provider_route");
        let box_ = Self { world, providers };
        fs::write(box_.way(), "exec \"$@\"\n").expect("a file");
        let ran = box_.crabbox(&["warmup"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        box_
    }

    /// What leads to it.
    fn way(&self) -> PathBuf {
        self.world.root().join("way")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(arguments);
        let way = self.way().display().to_string();
        let transport = serde_json::json!({ "kind": "exec", "prefix": ["/bin/sh", way] });
        command
            .env("CRABBOX_PROVIDER", "route")
            .env("CRABBOX_PROVIDER_PATH", &self.providers)
            .env("CRABBOX_ROUTE_TRANSPORT", transport.to_string());
        command
    }

    pub(crate) fn crabbox(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// From now on it says this, whatever it is asked, and then stays silent without an end, if it is to.
    pub(crate) fn says(&self, frames: &[ToHost<'_>], stays: bool) {
        let mut said = Vec::new();
        greet(&mut said).expect("writes");
        let proof = Proof {
            protocol: PROTOCOL,
            machine_id: String::new(),
            boot_id: String::new(),
            marker: String::new(),
            workspace: Text::default(),
            facts: Facts::default(),
        };
        ToHost::Proved(Box::new(proof)).write(&mut said).expect("writes");
        for frame in frames {
            frame.write(&mut said).expect("writes");
        }
        let file = self.world.root().join("said");
        fs::write(&file, said).expect("a file");
        let end = if stays { "exec sleep 300" } else { "exit 0" };
        fs::write(self.way(), format!("cat '{}'; {end}\n", file.display())).expect("a file");
    }

    /// The same, but from the moment on that something stands in the file `seen`, nothing that is written to it can be
    /// read any more, and then it says the rest.
    fn says_and_hears_no_more(&self, first: &[ToHost<'_>], seen: &Path, rest: &[ToHost<'_>]) {
        self.says(first, false);
        let mut said = Vec::new();
        for frame in rest {
            frame.write(&mut said).expect("writes");
        }
        let file = self.world.root().join("rest");
        fs::write(&file, said).expect("a file");
        let first = fs::read_to_string(self.way()).expect("reads").replace("; exit 0\n", "");
        let waits = format!("until [ -s '{}' ]; do sleep 0.01; done", seen.display());
        let script = format!("{first}; {waits}; exec <&-; cat '{}'\n", file.display());
        fs::write(self.way(), script).expect("a file");
    }

    /// From now on it says this, and no more; what is written to it is read for as long as anybody writes.
    fn says_and_hears(&self, frames: &[ToHost<'_>]) {
        self.says(frames, false);
        let said = fs::read_to_string(self.way()).expect("reads");
        let script = said.replace("exit 0\n", "exec >&-; exec cat >/dev/null\n");
        fs::write(self.way(), script).expect("a file");
    }

    /// That it holds the tree which is here, as it should.
    fn synced(&self) -> ToHost<'static> {
        let source = Source::checkout(&self.world.checkout()).expect("a checkout");
        let cache = self.world.root().join("scans");
        let tree = scan(&source, &[], &cache, &AtomicBool::new(false)).expect("scans").tree;
        ToHost::Synced(Synced { root: tree.root(), written: 0, removed: 0 })
    }
}

/// What doesn't shrink.
fn noise() -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    (0..SOME).map(|_| next()).collect()
}

#[test]
fn words_that_nobody_asked_for_end_a_copy() {
    let turncoat = Turncoat::new();
    fs::write(turncoat.world.root().join("file"), noise()).expect("a file");
    let word = || ToHost::CopyWord(Word::Have { at: 0, hash: Hash::of(b"") });
    turncoat.says(&[word(), word(), word()], true);
    let ran = turncoat.crabbox(&["cp", "../file", "@last:"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("doesn't keep to the protocol"), "{ran:?}");
}

#[test]
fn a_box_that_is_done_before_it_has_everything_is_not_believed_nor_waited_for() {
    let turncoat = Turncoat::new();
    fs::write(turncoat.world.root().join("file"), noise()).expect("a file");
    turncoat.says(&[ToHost::CopyWord(Word::Done(Copied::default()))], true);
    let ran = turncoat.crabbox(&["cp", "../file", "@last:"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("doesn't keep to the protocol"), "{ran:?}");
}

#[test]
fn what_a_box_remarks_is_cut_and_counted() {
    let turncoat = Turncoat::new();
    fs::write(turncoat.world.root().join("file"), "x").expect("a file");
    let remark = |failed| {
        let path = Text::from(&*"p".repeat(100_000));
        let what = "w".repeat(100_000);
        ToHost::CopyWord(Word::Remark(Remark { path, what, failed }))
    };
    let mut frames: Vec<_> = (0..60).map(|at| remark(at % 2 == 0)).collect();
    frames.push(ToHost::CopyWord(Word::Done(Copied::default())));
    turncoat.says(&frames, false);
    let ran = turncoat.crabbox(&["cp", "../file", "@last:"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.len() < 300_000, "{}", ran.stderr.len());

    // The same from a box that sends files which grow.
    let mut block = Vec::new();
    Record::Folder { name: b"", mode: 0o755 }.encode(&mut block);
    for at in 0..500 {
        let name = format!("f{at}");
        let name = name.as_bytes();
        Record::File { name, mode: 0o644, size: 0, key: None }.encode(&mut block);
        Record::Whole { hash: Hash::of(b""), grew: true }.encode(&mut block);
        Record::Skipped { name, why: "no" }.encode(&mut block);
    }
    Record::Leave.encode(&mut block);
    Record::End.encode(&mut block);
    turncoat.says(&[ToHost::Copy(&block)], false);
    let ran = turncoat.crabbox(&["cp", "@last:x", "../here"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.stderr.matches("became longer").count(), 20, "{}", ran.stderr);
    assert!(ran.stderr.contains("warning: and 480 more files of which"), "{}", ran.stderr);
    assert!(ran.stderr.contains("500 entries couldn't be copied"), "{}", ran.stderr);
    assert!(ran.stderr.contains("and 480 more\n"), "{}", ran.stderr);
}

#[test]
fn a_box_that_hears_nothing_any_more_is_read_to_its_end() {
    let turncoat = Turncoat::new();
    let seen = turncoat.world.root().join("seen");
    let block = vec![b'x'; 64 * 1024];
    let output = |offset, bytes| ToHost::Output { stream: Stream::Stdout, offset, bytes };
    let first = [turncoat.synced(), ToHost::Started(Started { pid: 1 }), output(0, b"up")];
    // Enough to be acknowledged more than once.
    let mut rest: Vec<_> = (0..40).map(|at| output(2 + at * block.len() as u64, &block)).collect();
    let written = 2 + 40 * block.len() as u64;
    let outcome = Outcome::Exited(7);
    rest.push(ToHost::Ended(Ended { outcome, wall_ms: 1, output: written, warnings: Vec::new() }));
    turncoat.says_and_hears_no_more(&first, &seen, &rest);
    let mut command = turncoat.command(&["run", "-q", "--", "true"]);
    let ran = Ran::of(command.stdout(File::create(&seen).expect("a file")));
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    assert_eq!(fs::metadata(&seen).expect("there").len(), written);
}

/// Whoever reads it wants to know whether the command had begun.
#[test]
fn a_session_that_ends_is_said_to_end_where_it_did() {
    let turncoat = Turncoat::new();
    let somebody = || ToHost::Waiting(Waiting { holder: "somebody".to_owned() });
    let so_far = [
        (vec![], "before it said that it holds the tree"),
        (vec![somebody()], "while it was in use by another"),
        (vec![somebody(), turncoat.synced()], "before the command did"),
    ];
    for (frames, said) in so_far {
        turncoat.says_and_hears(&frames);
        let ran = turncoat.crabbox(&["run", "--id", "@last", "--", "true"]);
        assert_eq!(ran.code, 125, "{ran:?}");
        let error = format!("error: the connection to the box ended {said}\n");
        assert!(ran.stderr.contains(&error), "{ran:?}");
    }
}

#[test]
fn what_a_box_warns_of_is_kept_short() {
    let turncoat = Turncoat::new();
    let warnings = vec!["w".repeat(10_000); 50];
    let ended = Ended { outcome: Outcome::Exited(7), wall_ms: 1, output: 0, warnings };
    turncoat.says(&[turncoat.synced(), ToHost::Ended(ended)], false);
    assert_eq!(turncoat.crabbox(&["run", "-q", "--", "true"]).code, 7);
    let history = turncoat.crabbox(&["history", "--limit", "1", "--json"]).stdout;
    let history: serde_json::Value = serde_json::from_str(&history).expect("JSON");
    let kept = history["runs"][0]["warnings"].as_array().expect("a list");
    assert_eq!((kept.len(), kept[0].as_str().map(|one| one.chars().count())), (20, Some(2001)));
}

#[test]
fn connections_that_nobody_made_are_refused_without_a_word() {
    let turncoat = Turncoat::new();
    let mut payload = Vec::new();
    Piece::Refused("flood").encode(7, &mut payload);
    let frames: Vec<_> = (0..500).map(|_| ToHost::Tunnel(&payload)).collect();
    turncoat.says(&frames, false);
    let ran = turncoat.crabbox(&["tunnel", "@last", "80"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(!ran.stderr.contains("flood"), "{}", ran.stderr);
}
