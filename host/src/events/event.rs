//! What is told. New events and new fields may come at any time; a reader skips what it doesn't know.

use crate::history::{Command, RunId};
use crate::results::{Place, Status};
use crate::run::Outcome;
use crabbox_wire::frame::Stream;
use serde::Serialize;

/// Changes only when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// Something that happens.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event<'a> {
    /// The run begins; always the first.
    Run {
        /// Which.
        run: &'a RunId,
        /// What is run, without secrets.
        command: Command,
        /// The folder that is sent, absolute.
        repository: &'a str,
    },
    /// It has a box now.
    Lease {
        /// The lease.
        lease: &'a str,
        /// Its name for people.
        slug: &'a str,
        /// Whose box it is.
        provider: &'a str,
    },
    /// A phase begins or ends.
    Phase {
        /// `scan`, `acquire`, `connect` and so on.
        name: &'a str,
        /// Which of the two.
        state: State,
        /// How long it took, in milliseconds; at its end.
        #[serde(skip_serializing_if = "Option::is_none")]
        ms: Option<u64>,
    },
    /// Something with a measure goes on; now and then.
    Progress {
        /// What, for people.
        what: &'a str,
        /// So many bytes are done.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// The program has printed something, which isn't in here.
    Output {
        /// Where.
        stream: Name,
        /// Where it begins in the joint stream of all output, in bytes.
        offset: u64,
        /// How much it is, in bytes.
        bytes: u64,
    },
    /// Something isn't as it should be, and the run goes on.
    Warning {
        /// For people.
        message: &'a str,
    },
    /// How a test came out: after the program has ended, from its reports.
    Test {
        /// Its class or suite, and its name.
        test: &'a str,
        /// How.
        status: Status,
        /// How long it took, in milliseconds, if the report says so.
        ms: Option<u64>,
        /// What was wrong, in one line.
        message: Option<&'a str>,
        /// Where.
        place: Option<&'a Place>,
    },
    /// A file has come here.
    Artifact {
        /// Where it lay on the box, relative to the tree's root.
        path: &'a str,
        /// Where it is here.
        local_path: &'a str,
        /// Its size.
        bytes: u64,
        /// BLAKE3 of its content, hex.
        digest: &'a str,
    },
    /// So many events before this one weren't told, since nobody read them in time.
    Dropped {
        /// How many.
        count: u64,
    },
    /// The run is over; always the last.
    Exit {
        /// As crabbox ends.
        outcome: Outcome,
        /// How long the command ran, in milliseconds; `null`: it didn't.
        wall_ms: Option<u64>,
        /// The whole, in milliseconds.
        total_ms: u64,
        /// Why it failed, if the failure isn't the command's.
        error: Option<&'a str>,
    },
}

/// Of a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It begins.
    Began,
    /// It is over.
    Ended,
}

impl Event<'_> {
    /// Told now and then, and worth nothing once there is a later one.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Progress { .. } | Self::Output { .. })
    }
}

/// Of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Name {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl From<Stream> for Name {
    fn from(stream: Stream) -> Self {
        match stream {
            Stream::Stdout => Self::Stdout,
            Stream::Stderr => Self::Stderr,
        }
    }
}
