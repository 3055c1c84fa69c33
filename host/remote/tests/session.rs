//! The built helper, spoken to over its pipes as the host does.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use crabbox_wire::delta::Record;
use crabbox_wire::frame::{ToHelper, ToHost};
use crabbox_wire::greeting::{Opening, read_opening};
use crabbox_wire::message::{
    Base, Command, Environment, FailureCode, Identity, Inherit, Marker, Outcome, Request, Run,
    Signal, Sync, Synced,
};
use crabbox_wire::text::Text;
use crabbox_wire::tree::{self, Entry, Hash, Kind, Tree};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, Write};
use std::path::PathBuf;
use std::process::{self, ChildStdin, Stdio};

/// A folder that plays the box.
struct Machine(tempfile::TempDir);

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::create_dir(folder.path().join("box")).expect("folder");
        Self(folder)
    }

    fn root(&self) -> PathBuf {
        self.0.path().join("box")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root().join("work").join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).expect("reads")
    }

    fn request(&self, base: Option<Hash>, wanted: Hash) -> Request {
        Request {
            protocol: crabbox_wire::PROTOCOL,
            lease: "cbx_0123456789ab".to_owned(),
            identity: Identity::Record,
            marker: Marker::Write,
            work_root: Text(self.root().into_os_string().into_encoded_bytes()),
            workspace: Text::from("work"),
            sync: Sync { base, wanted },
            run: None,
            holder: "a test".to_owned(),
        }
    }

    /// A session that syncs files and asks for nothing else.
    fn give(&self, base: Option<&Files>, files: &Files) -> Log {
        let request = self.request(base.map(Files::root), files.root());
        serve(&request, |frame, host| match frame {
            ToHost::Proved(_) if request.sync.base != Some(request.sync.wanted) => {
                files.send(base.map(Files::tree).as_ref(), host);
            }
            _ => {}
        })
    }

    /// A session that runs a line of shell on an empty tree.
    fn run(&self, run: Run, each: impl FnMut(&ToHost<'_>, &mut ChildStdin)) -> Log {
        let nothing = Files::new(&[]);
        let mut request = self.request(None, nothing.root());
        request.run = Some(run);
        let mut each = each;
        serve(&request, |frame, host| {
            if let ToHost::Proved(_) = frame {
                nothing.send(None, host);
            }
            each(frame, host);
        })
    }
}

fn shell(line: &str) -> Run {
    Run {
        id: "run_0123456789ab".to_owned(),
        command: Command::Shell(Text::from(line)),
        directory: Text::default(),
        environment: Inherit::Clean,
        await_environment: false,
        stdin: false,
        timeout_ms: None,
    }
}

/// A checkout.
struct Files(BTreeMap<String, String>);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let owned = |(name, content): &(&str, &str)| ((*name).to_owned(), (*content).to_owned());
        Self(files.iter().map(owned).collect())
    }

    fn tree(&self) -> Tree {
        let entry = |(name, content): (&String, &String)| Entry {
            path: name.clone().into_bytes(),
            kind: Kind::File,
            size: content.len() as u64,
            hash: Hash::of(content.as_bytes()),
        };
        Tree::from_sorted(self.0.iter().map(entry).collect()).expect("sorted")
    }

    fn root(&self) -> Hash {
        self.tree().root()
    }

    /// The delta from `base`, as the host sends it.
    fn send(&self, base: Option<&Tree>, host: &mut ChildStdin) {
        let tree = self.tree();
        let old = base.map_or(&[][..], Tree::entries);
        let mut bytes = Vec::new();
        for entry in tree.entries().iter().filter(|entry| !old.contains(entry)) {
            Record::Put(entry.clone()).encode(&mut bytes);
            let name = String::from_utf8_lossy(&entry.path).into_owned();
            bytes.extend_from_slice(self.0[&name].as_bytes());
        }
        for gone in old.iter().filter(|old| !tree.entries().iter().any(|e| e.path == old.path)) {
            Record::Delete(gone.path.clone()).encode(&mut bytes);
        }
        Record::End.encode(&mut bytes);
        send_delta(&bytes, host);
    }
}

fn send_delta(records: &[u8], host: &mut ChildStdin) {
    let packed = zstd::encode_all(records, 3).expect("packs");
    ToHelper::Delta(&packed).write(host).expect("writes");
    ToHelper::DeltaEnd.write(host).expect("writes");
}

/// What the helper said.
#[derive(Debug, Default)]
struct Log {
    proved: bool,
    marker: String,
    base: Option<Base>,
    manifest: Vec<u8>,
    synced: Option<Synced>,
    started: bool,
    stdout: Vec<u8>,
    outcome: Option<Outcome>,
    failed: Option<FailureCode>,
}

/// Has the request served to its end; `each` sees every frame and may answer.
fn serve(request: &Request, mut each: impl FnMut(&ToHost<'_>, &mut ChildStdin)) -> Log {
    let argument = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(request).expect("json"));
    let mut helper = process::Command::new(env!("CARGO_BIN_EXE_crabbox-remote"))
        .args(["serve", &argument])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut host = helper.stdin.take().expect("a pipe");
    let mut input = BufReader::new(helper.stdout.take().expect("a pipe"));
    assert_eq!(read_opening(&mut input).expect("reads"), Opening::Helper);
    let mut log = Log::default();
    let mut buffer = Vec::new();
    while let Some(frame) = ToHost::read(&mut input, &mut buffer).expect("a frame") {
        each(&frame, &mut host);
        match frame {
            ToHost::Proved(proof) => {
                log.proved = true;
                log.marker = proof.marker;
            }
            ToHost::Base(base) => log.base = Some(base),
            ToHost::Manifest(bytes) => log.manifest.extend_from_slice(bytes),
            ToHost::Synced(synced) => log.synced = Some(synced),
            ToHost::Started(_) => log.started = true,
            ToHost::Output { bytes, .. } => log.stdout.extend_from_slice(bytes),
            ToHost::Ended(ended) => log.outcome = Some(ended.outcome),
            ToHost::Failed(failure) => log.failed = Some(failure.code),
            _ => {}
        }
    }
    helper.wait().expect("ends");
    log
}

fn counts(log: &Log) -> Option<(u64, u64)> {
    log.synced.as_ref().map(|synced| (synced.written, synced.removed))
}

#[test]
fn a_tree_is_given_once_and_changes_are_given_alone() {
    let machine = Machine::new();
    let one = Files::new(&[("a", "1"), ("d/b", "2"), ("d/c", "3")]);
    assert_eq!(counts(&machine.give(None, &one)), Some((3, 0)));
    assert_eq!(machine.read("d/c"), "3");

    let again = machine.give(Some(&one), &one);
    assert_eq!(counts(&again), Some((0, 0)));
    assert_eq!(again.base, None);

    let two = Files::new(&[("a", "changed"), ("d/b", "2")]);
    assert_eq!(counts(&machine.give(Some(&one), &two)), Some((1, 1)));
    assert_eq!(machine.read("a"), "changed");
    assert!(!machine.file("d/c").exists());
}

/// Answers a manifest with the delta from it.
fn correct(files: &Files, manifest: &mut Vec<u8>, frame: &ToHost<'_>, host: &mut ChildStdin) {
    match frame {
        ToHost::Manifest(bytes) => manifest.extend_from_slice(bytes),
        ToHost::ManifestEnd => {
            let held = tree::decode(manifest).expect("a manifest");
            files.send(Some(&held), host);
        }
        _ => {}
    }
}

#[test]
fn what_a_command_changed_is_found_and_mended() {
    let machine = Machine::new();
    let files = Files::new(&[("a", "1"), ("b", "2")]);
    machine.give(None, &files);
    fs::write(machine.file("a"), "x").expect("writes");
    fs::write(machine.file("ours"), "build output").expect("writes");
    let request = machine.request(Some(files.root()), files.root());
    let mut manifest = Vec::new();
    let log = serve(&request, |frame, host| correct(&files, &mut manifest, frame, host));
    assert!(log.base.as_ref().is_some_and(|base| base.manifest && base.root != Some(files.root())));
    assert_eq!(counts(&log), Some((1, 0)));
    assert_eq!(machine.read("a"), "1");
    assert_eq!(machine.read("ours"), "build output");
}

#[test]
fn a_delta_from_another_tree_is_not_applied() {
    let machine = Machine::new();
    machine.give(None, &Files::new(&[("a", "1"), ("b", "2")]));
    let believed = Files::new(&[("a", "1"), ("c", "3")]);
    let wanted = Files::new(&[("a", "1"), ("c", "3"), ("d", "4")]);
    let request = machine.request(Some(believed.root()), wanted.root());
    let mut manifest = Vec::new();
    let log = serve(&request, |frame, host| {
        if let ToHost::Proved(_) = frame {
            wanted.send(Some(&believed.tree()), host);
        }
        correct(&wanted, &mut manifest, frame, host);
    });
    assert_eq!(counts(&log), Some((2, 1)));
    assert_eq!(machine.read("c"), "3");
}

#[test]
fn content_that_is_not_what_was_announced_never_arrives() {
    let machine = Machine::new();
    let files = Files::new(&[("a", "1")]);
    let request = machine.request(None, files.root());
    let log = serve(&request, |frame, host| {
        if let ToHost::Proved(_) = frame {
            let mut bytes = Vec::new();
            Record::Put(files.tree().entries()[0].clone()).encode(&mut bytes);
            bytes.extend_from_slice(b"2");
            Record::End.encode(&mut bytes);
            send_delta(&bytes, host);
        }
    });
    assert_eq!(log.failed, Some(FailureCode::Verify));
    assert!(log.synced.is_none());
    assert!(!machine.file("a").exists());
}

#[test]
fn a_delta_that_breaks_off_is_made_good_by_the_next_session() {
    let machine = Machine::new();
    let files = Files::new(&[("a", "1"), ("b", "2")]);
    let request = machine.request(None, files.root());
    let log = serve(&request, |frame, host| {
        if let ToHost::Proved(_) = frame {
            ToHelper::Abort.write(host).expect("writes");
        }
    });
    assert!(log.proved && log.synced.is_none() && log.failed.is_none());
    let mut manifest = Vec::new();
    let log = serve(&request, |frame, host| {
        if let ToHost::Proved(_) = frame {
            files.send(None, host);
        }
        correct(&files, &mut manifest, frame, host);
    });
    assert_eq!(counts(&log), Some((2, 0)));
}

#[test]
fn a_box_that_is_not_the_leased_one_is_left_as_it_is() {
    let machine = Machine::new();
    let mut request = machine.request(None, Files::new(&[]).root());
    let identity = machine.0.path().join("id");
    fs::write(&identity, "another box\n").expect("writes");
    request.identity = Identity::File {
        path: Text(identity.into_os_string().into_encoded_bytes()),
        content: "this box".to_owned(),
    };
    let log = serve(&request, |_, _| {});
    assert_eq!(log.failed, Some(FailureCode::Identity));
    assert!(!log.proved);
    assert_eq!(fs::read_dir(machine.root()).expect("reads").count(), 0);
}

#[test]
fn a_marker_is_expected_once_it_is_known() {
    let machine = Machine::new();
    let files = Files::new(&[("a", "1")]);
    let hash = machine.give(None, &files).marker;
    let mut request = machine.request(Some(files.root()), files.root());
    request.marker = Marker::Expect { hash };
    assert_eq!(counts(&serve(&request, |_, _| {})), Some((0, 0)));
    request.marker = Marker::Expect { hash: Hash::of(b"another").to_string() };
    let log = serve(&request, |_, _| {});
    assert_eq!((log.proved, log.failed), (false, Some(FailureCode::Marker)));
}

#[test]
fn a_command_ends_as_it_ends() {
    let cases = [
        ("echo out; exit 7", Outcome::Exited(7)),
        ("kill -9 $$", Outcome::Signaled(9)),
        ("exit 255", Outcome::Exited(255)),
    ];
    for (line, outcome) in cases {
        assert_eq!(Machine::new().run(shell(line), |_, _| {}).outcome, Some(outcome), "{line}");
    }
    let log = Machine::new().run(Run { timeout_ms: Some(50), ..shell("sleep 60") }, |_, _| {});
    assert_eq!(log.outcome, Some(Outcome::TimedOut));
}

#[test]
fn a_run_is_started_once() {
    let machine = Machine::new();
    let first = machine.run(shell("echo ran >>../count"), |_, _| {});
    assert_eq!(first.outcome, Some(Outcome::Exited(0)));
    let second = machine.run(shell("echo ran >>../count"), |_, _| {});
    assert_eq!((second.started, second.failed), (false, Some(FailureCode::Request)));
    assert_eq!(fs::read_to_string(machine.root().join("count")).expect("reads"), "ran\n");
}

#[test]
fn input_values_and_signals_reach_the_command() {
    let line = "trap 'echo interrupted; exit 3' INT; cat; echo $VALUE; while :; do sleep 0.1; done";
    let run = Run { stdin: true, await_environment: true, ..shell(line) };
    let mut seen = Vec::new();
    let log = Machine::new().run(run, |frame, host| match frame {
        ToHost::Synced(_) => {
            let values = BTreeMap::from([(Text::from("VALUE"), Text::from("secret"))]);
            ToHelper::Environment(Environment(values)).write(host).expect("writes");
        }
        ToHost::Started(_) => {
            ToHelper::Stdin(b"typed\n").write(host).expect("writes");
            ToHelper::StdinEnd.write(host).expect("writes");
        }
        ToHost::Output { bytes, .. } => {
            seen.extend_from_slice(bytes);
            if seen.ends_with(b"secret\n") {
                ToHelper::Signal(Signal::Interrupt).write(host).expect("writes");
                host.flush().expect("flushes");
            }
        }
        _ => {}
    });
    assert_eq!(String::from_utf8_lossy(&log.stdout), "typed\nsecret\ninterrupted\n");
    assert_eq!(log.outcome, Some(Outcome::Exited(3)));
}
