//! A box in a folder, and the host's side of a session with the helper on it.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use crabbox_wire::delta::Record;
use crabbox_wire::frame::{FrameError, ToHelper, ToHost};
use crabbox_wire::greeting::{Opening, read_opening};
use crabbox_wire::message::{
    Base, Command, Failure, Identity, Inherit, Marker, Outcome, Request, Run, Sync, Synced,
};
use crabbox_wire::text::Text;
use crabbox_wire::tree::{self, Entry, Hash, Kind, Tree};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

const HELPER: &str = env!("CARGO_BIN_EXE_crabbox-remote");

/// A folder that plays the box.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
    /// What starts the helper.
    words: Vec<String>,
}

impl Machine {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::create_dir(folder.path().join("box")).expect("folder");
        Self { folder, words: vec![HELPER.to_owned()] }
    }

    /// One whose processes start with this umask.
    pub(crate) fn with_umask(mask: &str) -> Self {
        let line = format!("umask {mask}; exec \"$0\" \"$@\"");
        let words = ["sh", "-c", &line, HELPER].map(str::to_owned).to_vec();
        Self { words, ..Self::new() }
    }

    /// One of a user without rights; `None`, with a word on it, where there is no such user.
    pub(crate) fn of_nobody() -> Option<Self> {
        let mut machine = Self::new();
        let folder = machine.folder.path();
        // The build's own folder may be out of that user's reach.
        let helper = folder.join("helper");
        fs::copy(HELPER, &helper).expect("copies");
        let given = process::Command::new("chown").args(["-R", "65534:65534"]).arg(folder).status();
        if !given.is_ok_and(|status| status.success()) {
            skipped("only root can run as somebody else");
            return None;
        }
        let words = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
        machine.words = words.map(str::to_owned).to_vec();
        machine.words.push(helper.display().to_string());
        Some(machine)
    }

    /// From now on it has no id, and a disk of its own with this name. `false`, with a word on it, where nothing can be
    /// mounted.
    pub(crate) fn loses_its_id(&mut self, disk: &str) -> bool {
        let disk = self.outside(disk);
        fs::create_dir(&disk).expect("a folder");
        let line = format!(
            "for id in /etc/machine-id /var/lib/dbus/machine-id; do \
             if [ -e $id ]; then mount --bind /dev/null $id || exit 99; fi; done; \
             mount --bind '{}' /var/tmp || exit 99; exec \"$0\" \"$@\"",
            disk.display()
        );
        let words = ["unshare", "-m", "sh", "-c", &line];
        let tried = process::Command::new(words[0]).args(&words[1..]).arg("true").status();
        if !tried.is_ok_and(|status| status.success()) {
            skipped("nothing can be mounted here");
            return false;
        }
        self.words = [&words[..], &[HELPER]].concat().into_iter().map(str::to_owned).collect();
        true
    }

    /// Where the box may keep to itself what the test needs.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("box")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.root().join("work").join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).expect("reads")
    }

    /// A file that the helper keeps of a run.
    pub(crate) fn run_file(&self, id: &str, name: &str) -> PathBuf {
        self.root().join(".crabbox/runs").join(id).join(name)
    }

    pub(crate) fn request(&self, base: Option<Hash>, wanted: Hash) -> Request {
        Request {
            protocol: crabbox_wire::PROTOCOL,
            lease: "cbx_0123456789ab".to_owned(),
            identity: Identity::Record,
            marker: Marker::Write,
            work_root: Text(self.root().into_os_string().into_encoded_bytes()),
            workspace: Text::from("work"),
            sync: Some(Sync { base, wanted }),
            run: None,
            look: None,
            probe: false,
            place: None,
            copy: None,
            collect: None,
            tunnel: None,
            holder: "a test".to_owned(),
        }
    }

    /// What a visitor asks, who changes nothing of the lease, with nothing in it yet.
    pub(crate) fn visit(&self) -> Request {
        let hash = self.give(None, &Files::new(&[])).marker;
        let marker = Marker::Expect { hash };
        Request { sync: None, marker, ..self.request(None, Files::new(&[]).root()) }
    }

    /// What is asked to run a command on an empty tree.
    pub(crate) fn request_to_run(&self, run: Run) -> Request {
        Request { run: Some(run), ..self.request(None, Files::new(&[]).root()) }
    }

    /// A session.
    pub(crate) fn open(&self, request: &Request) -> Session {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        Session::open_by(&words, request)
    }

    /// A session that syncs files and asks for nothing else.
    pub(crate) fn give(&self, base: Option<&Files>, files: &Files) -> Log {
        let request = self.request(base.map(Files::root), files.root());
        let mut manifest = Vec::new();
        self.open(&request).finish(|frame, host| match frame {
            ToHost::Proved(_) if base.map(Files::root) != Some(files.root()) => {
                files.send(base.map(Files::tree).as_ref(), host);
            }
            _ => correct(files, &mut manifest, frame, host),
        })
    }

    /// A session that runs a line of shell on an empty tree.
    pub(crate) fn run(&self, run: Run, each: impl FnMut(&ToHost<'_>, &mut ChildStdin)) -> Log {
        self.open(&self.request_to_run(run)).with_nothing(each)
    }
}

/// A run of its own: what carries its id is ended by whoever thinks it lost.
pub(crate) fn shell(line: &str) -> Run {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    Run {
        id: format!("run_{:08x}{count:04x}", process::id()),
        command: Command::Shell(Text::from(line)),
        directory: Text::default(),
        environment: Inherit::Clean,
        await_environment: false,
        stdin: false,
        timeout_ms: None,
        collect: None,
    }
}

/// A checkout.
pub(crate) struct Files(BTreeMap<String, (Kind, String)>);

impl Files {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let plain: Vec<_> =
            files.iter().map(|(name, content)| (*name, Kind::File, *content)).collect();
        Self::of(&plain)
    }

    pub(crate) fn of(files: &[(&str, Kind, &str)]) -> Self {
        let owned = |(name, kind, content): &(&str, Kind, &str)| {
            ((*name).to_owned(), (*kind, (*content).to_owned()))
        };
        Self(files.iter().map(owned).collect())
    }

    pub(crate) fn entries(&self) -> Vec<Entry> {
        let entry = |(name, (kind, content)): (&String, &(Kind, String))| Entry {
            path: name.clone().into_bytes(),
            kind: *kind,
            size: content.len() as u64,
            hash: Hash::of(content.as_bytes()),
        };
        self.0.iter().map(entry).collect()
    }

    pub(crate) fn tree(&self) -> Tree {
        Tree::from_sorted(self.entries()).expect("sorted")
    }

    pub(crate) fn root(&self) -> Hash {
        tree::root(&self.entries())
    }

    /// The delta from `base`, as the host sends it.
    pub(crate) fn send(&self, base: Option<&Tree>, host: &mut ChildStdin) {
        let entries = self.entries();
        let old = base.map_or(&[][..], Tree::entries);
        let mut bytes = Vec::new();
        for entry in entries.iter().filter(|entry| !old.contains(entry)) {
            Record::Put(entry.clone()).encode(&mut bytes);
            let name = String::from_utf8_lossy(&entry.path).into_owned();
            bytes.extend_from_slice(self.0[&name].1.as_bytes());
        }
        for gone in old.iter().filter(|old| !entries.iter().any(|e| e.path == old.path)) {
            Record::Delete(gone.path.clone()).encode(&mut bytes);
        }
        Record::End.encode(&mut bytes);
        send_delta(&bytes, host);
    }
}

pub(crate) fn send_delta(records: &[u8], host: &mut ChildStdin) {
    let packed = zstd::encode_all(records, 3).expect("packs");
    for frame in [ToHelper::Delta(&packed), ToHelper::DeltaEnd] {
        match frame.write(host) {
            // A helper that needs none may be gone: what it said is read.
            Err(FrameError::Io(error)) if error.kind() == ErrorKind::BrokenPipe => return,
            written => written.expect("writes"),
        }
    }
}

/// Answers a manifest with the delta from it.
pub(crate) fn correct(
    files: &Files,
    manifest: &mut Vec<u8>,
    frame: &ToHost<'_>,
    host: &mut ChildStdin,
) {
    match frame {
        ToHost::Manifest(bytes) => manifest.extend_from_slice(bytes),
        ToHost::ManifestEnd => {
            let held = tree::decode(manifest).expect("a manifest");
            files.send(Some(&held), host);
        }
        _ => {}
    }
}

/// What the helper said.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) proved: bool,
    pub(crate) marker: String,
    pub(crate) base: Option<Base>,
    pub(crate) manifest: Vec<u8>,
    pub(crate) synced: Option<Synced>,
    pub(crate) started: bool,
    pub(crate) stdout: Vec<u8>,
    pub(crate) pongs: u32,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) warnings: Vec<String>,
    pub(crate) failure: Option<Failure>,
}

impl Log {
    fn add(&mut self, frame: ToHost<'_>) {
        match frame {
            ToHost::Proved(proof) => {
                self.proved = true;
                self.marker = proof.marker;
            }
            ToHost::Base(base) => self.base = Some(base),
            ToHost::Manifest(bytes) => self.manifest.extend_from_slice(bytes),
            ToHost::Synced(synced) => self.synced = Some(synced),
            ToHost::Started(_) => self.started = true,
            ToHost::Output { bytes, .. } => self.stdout.extend_from_slice(bytes),
            ToHost::Ended(ended) => {
                self.outcome = Some(ended.outcome);
                self.warnings = ended.warnings;
            }
            ToHost::Failed(failure) => self.failure = Some(failure),
            ToHost::Pong => self.pongs += 1,
            _ => {}
        }
    }

    pub(crate) fn failed(&self) -> Option<crabbox_wire::message::FailureCode> {
        self.failure.as_ref().map(|failure| failure.code)
    }

    /// What was said of the failure.
    pub(crate) fn why(&self) -> &str {
        self.failure.as_ref().map_or("", |failure| &failure.message)
    }
}

/// A helper that has greeted.
pub(crate) struct Session {
    pub(crate) helper: Child,
    pub(crate) host: ChildStdin,
    pub(crate) input: BufReader<ChildStdout>,
    pub(crate) log: Log,
}

impl Session {
    pub(crate) fn open(request: &Request) -> Self {
        Self::open_by(&[HELPER], request)
    }

    fn open_by(words: &[&str], request: &Request) -> Self {
        let argument = BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(request).expect("json"));
        let mut helper = process::Command::new(words[0])
            .args(&words[1..])
            .args(["serve", &argument])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let host = helper.stdin.take().expect("a pipe");
        let mut input = BufReader::new(helper.stdout.take().expect("a pipe"));
        assert_eq!(read_opening(&mut input).expect("reads"), Opening::Helper);
        Self { helper, host, input, log: Log::default() }
    }

    /// Reads frames until `each`, which may answer, has enough, or the helper ends.
    pub(crate) fn until(&mut self, mut each: impl FnMut(&ToHost<'_>, &mut ChildStdin) -> bool) {
        let mut buffer = Vec::new();
        while let Some(frame) = ToHost::read(&mut self.input, &mut buffer).expect("a frame") {
            let enough = each(&frame, &mut self.host);
            self.log.add(frame);
            if enough {
                return;
            }
        }
    }

    /// To the helper's end.
    pub(crate) fn finish(mut self, mut each: impl FnMut(&ToHost<'_>, &mut ChildStdin)) -> Log {
        self.until(|frame, host| {
            each(frame, host);
            false
        });
        self.helper.wait().expect("ends");
        self.log
    }

    /// To the helper's end, with a tree that holds nothing.
    pub(crate) fn with_nothing(self, mut each: impl FnMut(&ToHost<'_>, &mut ChildStdin)) -> Log {
        self.finish(|frame, host| {
            answer_with_nothing(frame, host);
            each(frame, host);
        })
    }

    /// Gives a tree that holds nothing, and reads until the command has said a whole line.
    pub(crate) fn until_line(&mut self) -> String {
        let mut said = Vec::new();
        self.until(|frame, host| {
            answer_with_nothing(frame, host);
            if let ToHost::Output { bytes, .. } = frame {
                said.extend_from_slice(bytes);
            }
            said.contains(&b'\n')
        });
        let line = said.split(|byte| *byte == b'\n').next().expect("a line");
        String::from_utf8_lossy(line).into_owned()
    }

    pub(crate) fn send(&mut self, frame: &ToHelper<'_>) {
        frame.write(&mut self.host).expect("writes");
        self.host.flush().expect("flushes");
    }
}

fn answer_with_nothing(frame: &ToHost<'_>, host: &mut ChildStdin) {
    let nothing = Files::new(&[]);
    match frame {
        ToHost::Proved(_) => nothing.send(None, host),
        ToHost::ManifestEnd => nothing.send(Some(&nothing.tree()), host),
        _ => {}
    }
}

/// Has the request served to its end; `each` sees every frame and may answer.
pub(crate) fn serve(request: &Request, each: impl FnMut(&ToHost<'_>, &mut ChildStdin)) -> Log {
    Session::open(request).finish(each)
}

pub(crate) fn counts(log: &Log) -> Option<(u64, u64)> {
    log.synced.as_ref().map(|synced| (synced.written, synced.removed))
}

/// Waits for something that must come true.
pub(crate) fn patiently(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{what}: not so after a long time");
}

/// Is there no process of this number, or only what is left of one?
pub(crate) fn is_gone(pid: &str) -> bool {
    match fs::read_to_string(format!("/proc/{}/stat", pid.trim())) {
        Ok(stat) => stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")),
        Err(_) => true,
    }
}

/// A small disk, for as long as this lives.
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// Mounts one; `None`, with a word on it, where that isn't possible.
    pub(crate) fn mount(path: &Path, options: &str) -> Option<Self> {
        let mounted = process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "crabbox-test"])
            .arg(path)
            .status();
        if mounted.is_ok_and(|status| status.success()) {
            return Some(Self(path.to_owned()));
        }
        skipped("nothing can be mounted here");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[expect(clippy::print_stderr, reason = "a test that was skipped must say so")]
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}
