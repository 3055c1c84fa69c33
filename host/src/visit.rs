//! A session of whoever only visits a box: it takes no lock and changes nothing of the lease. Opened here until the box has
//! proved itself; what is said then is the visitor's.

use crate::tail::said;
use crate::transport::{self, Link, Process, Route, TransportError, Watchdog};
use crabbox_wire::PROTOCOL;
use crabbox_wire::frame::{FrameError, ToHost};
use crabbox_wire::message::{Failure, Request};
use rustix::process::Pid;
use std::io::{BufReader, BufWriter};
use std::process::{ChildStdin, ChildStdout};
use std::time::Duration;

/// How long the helper may take to prove the box, once it is there.
const PATIENCE: Duration = Duration::from_secs(30);

/// A visit that can't be made, or can't go on.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// The box can't be reached.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The helper reports a failure.
    #[error("{}", .0.message)]
    Box(Failure),
    /// What the helper says can't be understood.
    #[error("the remote helper's answer can't be understood")]
    Frame(#[source] FrameError),
    /// It says things in an order that makes no sense.
    #[error("the remote helper doesn't keep to the protocol")]
    Order,
    /// The connection ended in the middle.
    #[error("the connection to the box ended{}", said(.stderr))]
    Ended {
        /// What the far side said last.
        stderr: String,
    },
}

impl From<FrameError> for VisitError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) => TransportError::Broken(error).into(),
            other => Self::Frame(other),
        }
    }
}

/// A session in which the box has proved itself.
pub(crate) struct Proved {
    /// From the helper.
    pub(crate) input: BufReader<ChildStdout>,
    /// To the helper.
    pub(crate) output: BufWriter<ChildStdin>,
    /// Our end.
    pub(crate) process: Process,
    /// For frames.
    pub(crate) buffer: Vec<u8>,
}

impl Proved {
    /// Opens it for `request`. `started` is told of each process at our end as it starts.
    pub(crate) fn open(
        route: &Route<'_>,
        request: &Request,
        started: &mut dyn FnMut(Pid),
    ) -> Result<Self, VisitError> {
        let Link { mut input, output, process, .. } = transport::open(route, request, started)?;
        let watchdog = Watchdog::over(process.id(), PATIENCE);
        let mut buffer = Vec::new();
        let proved = match ToHost::read(&mut input, &mut buffer) {
            Ok(Some(ToHost::Proved(proof))) if proof.protocol == PROTOCOL => Ok(()),
            Ok(Some(ToHost::Failed(failure))) => Err(VisitError::Box(failure)),
            Ok(None) => Err(VisitError::Ended { stderr: process.stderr_tail() }),
            Ok(Some(_)) => Err(VisitError::Order),
            Err(error) => Err(error.into()),
        };
        if watchdog.call_off() {
            let stderr = process.stderr_tail();
            return Err(TransportError::Silent { patience: PATIENCE, stderr }.into());
        }
        proved?;
        Ok(Self { input, output, process, buffer })
    }
}
