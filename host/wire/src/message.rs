//! The control messages: what the host asks of a session and what the helper answers.
//!
//! All are JSON objects. Unknown fields are ignored and missing ones have
//! defaults where that makes sense, so a message can grow.

use crate::collect::{Collect, Later};
use crate::copy::Copy;
use crate::place::{Place, PlaceOrder};
use crate::text::Text;
use crate::tree::Hash;
use crate::tunnel::Tunnel;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one session is for. Travels in the command line that starts the helper
/// (as base64url of its JSON), so it holds no secret and no file contents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// [`crate::PROTOCOL`].
    pub protocol: u32,
    /// The lease, `cbx_` and 12 hex digits.
    pub lease: String,
    /// What the box must prove before anything happens on it.
    pub identity: Identity,
    /// The marker that an earlier session left for this lease.
    pub marker: Marker,
    /// The folder on the box that holds the workspaces; a leading `~/` stands for the home folder.
    pub work_root: Text,
    /// The name of the workspace folder below the work root: one path component.
    pub workspace: Text,
    /// The tree that the workspace must hold. `None`: the host still reads it; it follows as a frame,
    /// once the box has proved itself.
    #[serde(default)]
    pub sync: Option<Sync>,
    /// The command to run once it does.
    pub run: Option<Run>,
    /// Only say what has become of this run, and change nothing on the box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub look: Option<String>,
    /// Only prove what is to be proved, and change nothing on the box.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub probe: bool,
    /// Only do this about the lease's place, which `work_root` is then: the box proves itself by that, and
    /// the answer is the end of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceOrder>,
    /// Only copy files; nothing else on the box is changed, and nobody is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<Copy>,
    /// Only bring back what a run has made; nothing on the box is changed, and nobody is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collect: Option<Later>,
    /// Only carry connections; nothing on the box is changed, and nobody is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tunnel: Option<Tunnel>,
    /// Who waits here, for others that want the same workspace: shown to them.
    pub holder: String,
}

/// How the box proves that it is the leased one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Identity {
    /// The provider has just vouched for the way to this box and names nothing
    /// to compare: the answer is recorded and compared from then on.
    Record,
    /// A variable of the box's environment must have this value.
    Environment {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A file on the box must hold exactly this, white space at both ends aside.
    File {
        /// Absolute, or with a leading `~/`.
        path: Text,
        /// At most 4 KiB.
        content: String,
    },
    /// The work root must be this place.
    Place {
        /// Which.
        place: Place,
    },
    /// The machine and its boot must be the ones that an earlier session recorded.
    Machine {
        /// As in [`Proof::machine_id`].
        machine_id: String,
        /// As in [`Proof::boot_id`].
        boot_id: String,
    },
}

/// The file that marks the box as belonging to a lease: it lies outside every
/// workspace and holds the lease id and a random nonce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Marker {
    /// The provider has just vouched for this box: write a new marker.
    Write,
    /// A marker with this hash (BLAKE3 of its content, hex) must be there.
    Expect {
        /// As in [`Proof::marker`].
        hash: String,
    },
}

/// The tree that the workspace must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sync {
    /// What the host believes the workspace holds now, and computes its delta from.
    pub base: Option<Hash>,
    /// What it must hold.
    pub wanted: Hash,
}

/// A command to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// `run_` and 12 hex digits, chosen by the host: a second request for the same
    /// id never starts a second command.
    pub id: String,
    /// What to execute.
    pub command: Command,
    /// The working directory, relative to the workspace root; empty for the root itself.
    #[serde(default)]
    pub directory: Text,
    /// Which variables the command starts with.
    pub environment: Inherit,
    /// Wait for an [`Environment`] frame before the start.
    #[serde(default)]
    pub await_environment: bool,
    /// Standard input follows in frames; else it is empty.
    #[serde(default)]
    pub stdin: bool,
    /// End the command after this many milliseconds.
    #[serde(default)]
    pub timeout_ms: Option<u64>,
    /// Bring this back once it has ended, however it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collect: Option<Collect>,
}

/// What to execute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Command {
    /// A program and its arguments, without a shell.
    Argv(Vec<Text>),
    /// A line for `/bin/sh -c`.
    Shell(Text),
}

/// Which variables of the helper's own environment the command gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inherit {
    /// All, except those named (a trailing `*` stands for any ending).
    AllBut(Vec<String>),
    /// Only what a login on a fresh box gives: `HOME`, `USER`, `LOGNAME`, `SHELL`,
    /// `PATH` (a default one when there is none), `LANG`, `LC_*`, `TZ`, `TMPDIR`.
    Clean,
}

/// Environment values for the command; they win over inherited ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment(pub BTreeMap<Text, Text>);

/// A signal for the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signal {
    /// SIGINT to the command's process group.
    Interrupt,
    /// SIGTERM to the command's process group.
    Terminate,
    /// SIGKILL to the command and every descendant.
    Kill,
}

/// The box proved itself, and what it says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// [`crate::PROTOCOL`].
    pub protocol: u32,
    /// The content of `/etc/machine-id`, or empty: it has none.
    pub machine_id: String,
    /// The kernel's boot id, or empty.
    pub boot_id: String,
    /// BLAKE3 of the marker's content, hex.
    pub marker: String,
    /// The workspace root, absolute.
    pub workspace: Text,
    /// What kind of machine it is.
    #[serde(default)]
    pub facts: Facts,
}

/// What kind of machine a box is, as far as its kernel says so at once. Whatever can't be known is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// As `uname -m` says it.
    pub arch: String,
    /// The kernel's release.
    pub kernel: String,
    /// What the distribution calls itself.
    pub system: String,
    /// How many processors a program there may use.
    pub cpus: u32,
    /// Its memory, in bytes.
    pub memory: u64,
}

/// Somebody else uses the workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The [`Request::holder`] of the session that holds it, or empty.
    pub holder: String,
}

/// What the workspace holds, when that isn't the wanted tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The tree on the box now; `None` for an empty workspace that never held one.
    pub root: Option<Hash>,
    /// A manifest of that tree follows, because it isn't the base that the
    /// host named.
    pub manifest: bool,
}

/// The workspace holds the wanted tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Synced {
    /// Computed on the box, from what it holds.
    pub root: Hash,
    /// Entries written.
    pub written: u64,
    /// Entries removed.
    pub removed: u64,
}

/// The command runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// Its process id on the box.
    pub pid: u32,
}

/// The command ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How.
    pub outcome: Outcome,
    /// How long it ran, in milliseconds.
    pub wall_ms: u64,
    /// How many bytes of output there are altogether.
    pub output: u64,
    /// What went wrong beside it and changes nothing about it; for people, a line each.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// With this exit code.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
    /// The time limit passed; it was ended for that.
    TimedOut,
}

/// What has become of a run that was asked for with [`Request::look`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// A session works in its workspace, and its end isn't recorded.
    GoesOn,
    /// Its end is recorded, or nobody works in its workspace.
    Over,
}

/// The session failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// For decisions.
    pub code: FailureCode,
    /// For people: one line, no trailing full stop.
    pub message: String,
}

/// What went wrong on the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCode {
    /// This is not the box of the lease.
    Identity,
    /// The marker is another lease's, or gone.
    Marker,
    /// The request can't be carried out as it is.
    Request,
    /// The workspace can't be made to hold the tree.
    Sync,
    /// The bytes that arrived aren't the tree that was announced.
    Verify,
    /// The program isn't there.
    CommandNotFound,
    /// The program is there and can't be executed.
    CommandNotExecutable,
    /// The working directory isn't there.
    Directory,
    /// The box's system refused something: permission, memory.
    System,
    /// There is no room on the box, or none that is ours.
    DiskFull,
    /// The workspace holds what crabbox didn't put there.
    Occupied,
    /// What was to be copied isn't there.
    Missing,
    /// There is no place for what was to be copied.
    Place,
    /// Locks keep nobody out where the workspace lies.
    Locks,
    /// A code of a newer helper.
    #[serde(other)]
    Other,
}
