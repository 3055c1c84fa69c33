//! Opens a session, and waits for its first answer.

use super::error::VisitError;
use crate::transport::{self, Link, LocalEnd, Process, Route, TransportError, Watchdog};
use crabbox_wire::PROTOCOL;
use crabbox_wire::frame::ToHost;
use crabbox_wire::message::Request;
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout};
use std::time::Duration;

/// How long the helper may take to answer, once it is there.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A session whose first answer is there.
pub(crate) struct Session {
    /// From the helper.
    pub(crate) input: BufReader<ChildStdout>,
    /// To the helper.
    pub(crate) output: BufWriter<ChildStdin>,
    /// Our end.
    pub(crate) process: Process,
    /// For frames.
    pub(crate) buffer: Vec<u8>,
    /// The socket of the connection that it rides or has made, if it is one of ssh's.
    pub(super) socket: Option<PathBuf>,
}

impl Session {
    /// Opens one in which the box has proved itself, and nothing else was said.
    pub(crate) fn proved(route: &Route<'_>, request: &Request) -> Result<Self, VisitError> {
        Self::proved_by(route, request, &mut |_| {})
    }

    /// The same; `started` is told of each process at our end as it starts.
    pub(crate) fn proved_by(
        route: &Route<'_>,
        request: &Request,
        started: &mut dyn FnMut(LocalEnd),
    ) -> Result<Self, VisitError> {
        let first = |frame: ToHost<'_>| match frame {
            ToHost::Proved(proof) if proof.protocol == PROTOCOL => Some(Ok(())),
            _ => Some(Err(VisitError::Order)),
        };
        let (proved, session) = Self::open(route, request, PATIENCE, started, first)?;
        proved.map(|()| session)
    }

    /// Opens one, and waits that long for the first frame that `wanted` takes. `started` is told of each process at our
    /// end as it starts.
    pub(super) fn open<T>(
        route: &Route<'_>,
        request: &Request,
        patience: Duration,
        started: &mut dyn FnMut(LocalEnd),
        wanted: impl Fn(ToHost<'_>) -> Option<T>,
    ) -> Result<(T, Self), VisitError> {
        let Link { mut input, output, process, socket, .. } =
            transport::open(route, request, started)?;
        let watchdog = Watchdog::over(process.local_end(), patience);
        let mut buffer = Vec::new();
        let mut answer = || loop {
            match ToHost::read(&mut input, &mut buffer)? {
                None => return Err(VisitError::Ended { stderr: process.stderr_tail() }),
                Some(ToHost::Failed(failure)) => return Err(VisitError::Box(failure)),
                Some(frame) => {
                    if let Some(answer) = wanted(frame) {
                        return Ok(answer);
                    }
                }
            }
        };
        let answer = answer();
        if watchdog.call_off() {
            return Err(TransportError::Silent { patience, stderr: process.stderr_tail() }.into());
        }
        Ok((answer?, Self { input, output, process, buffer, socket }))
    }
}
