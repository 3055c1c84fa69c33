//! Sessions that only ask: what has become of a run, whether the box is the leased one, or for something about a
//! place.

use super::error::VisitError;
use super::session::{PATIENCE, Session};
use crate::provider::Stop;
use crate::transport::{LocalEnd, Route, TransportError};
use crabbox_wire::frame::ToHost;
use crabbox_wire::message::{Fate, Proof, Request};
use crabbox_wire::place::PlaceAnswer;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How often is looked whether somebody wants to leave.
const LOOK: Duration = Duration::from_millis(50);

/// What the helper says of the run that the request names.
pub fn look(route: &Route<'_>, request: &Request) -> Result<Fate, VisitError> {
    let asked = ask(route, request, |frame| match frame {
        ToHost::Fate(fate) => Some(fate),
        _ => None,
    });
    Ok(asked?.0)
}

/// What the box shows of itself, where the request only probes it; and the socket of the connection to it, if there
/// is one. The helper is there then.
pub fn prove(route: &Route<'_>, request: &Request) -> Result<(Proof, Option<PathBuf>), VisitError> {
    ask(route, request, |frame| match frame {
        ToHost::Proved(proof) => Some(*proof),
        _ => None,
    })
}

/// What comes of the request's order about a place, within so long from now on, with the connection; and not
/// for longer than `stop` isn't set.
pub fn of_place(
    route: &Route<'_>,
    request: &Request,
    within: Duration,
    stop: Option<&Stop>,
) -> Result<PlaceAnswer, VisitError> {
    let end = Instant::now() + within;
    let (over, wait) = channel::<()>();
    let (process, started) = channel::<LocalEnd>();
    thread::scope(|scope| {
        let watch = scope.spawn(move || {
            let mut late = false;
            while wait.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                late |= Instant::now() >= end;
                if late || stop.is_some_and(Stop::is_set) {
                    // More than one may be tried, one after the other.
                    for process in started.try_iter() {
                        process.kill();
                    }
                }
            }
            late
        });
        let mut tell = |pid| {
            let _ = process.send(pid);
        };
        let answer = Session::open(route, request, within, &mut tell, |frame| match frame {
            ToHost::Place(answer) => Some(*answer),
            _ => None,
        });
        drop(over);
        match (answer, watch.join().unwrap_or(false)) {
            (Err(_), true) => {
                Err(TransportError::Silent { patience: within, stderr: String::new() }.into())
            }
            (answer, _) => Ok(answer?.0),
        }
    })
}

/// The first frame that `wanted` takes. The session ends with that.
fn ask<T>(
    route: &Route<'_>,
    request: &Request,
    wanted: impl Fn(ToHost<'_>) -> Option<T>,
) -> Result<(T, Option<PathBuf>), VisitError> {
    let (answer, session) = Session::open(route, request, PATIENCE, &mut |_| {}, wanted)?;
    Ok((answer, session.socket))
}
