//! A session that only asks: what has become of a run, or whether the box is the leased one.

use super::error::RunError;
use crate::transport::{self, Route, Watchdog};
use crabbox_wire::frame::ToHost;
use crabbox_wire::message::{Fate, Proof, Request};
use std::path::PathBuf;
use std::time::Duration;

/// How long the helper may take to answer, once it is there.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the helper says of the run that the request names.
pub fn look(route: &Route<'_>, request: &Request) -> Result<Fate, RunError> {
    let asked = ask(route, request, |said| match said {
        ToHost::Fate(fate) => Some(fate),
        _ => None,
    });
    Ok(asked?.0)
}

/// What the box shows of itself, where the request only probes it; and the socket of the connection to it, if there
/// is one. The helper is there then.
pub fn prove(route: &Route<'_>, request: &Request) -> Result<(Proof, Option<PathBuf>), RunError> {
    ask(route, request, |said| match said {
        ToHost::Proved(proof) => Some(*proof),
        _ => None,
    })
}

fn ask<T>(
    route: &Route<'_>,
    request: &Request,
    pick: impl Fn(ToHost<'_>) -> Option<T>,
) -> Result<(T, Option<PathBuf>), RunError> {
    let transport::Link { mut input, output, process, socket } =
        transport::open(route, request, &mut |_| {})?;
    let watchdog = Watchdog::over(process.id(), PATIENCE);
    let mut buffer = Vec::new();
    let mut answer = || loop {
        match ToHost::read(&mut input, &mut buffer)? {
            None => return Err(RunError::Ended { stderr: process.stderr_tail() }),
            Some(ToHost::Failed(failure)) => return Err(RunError::Box(failure)),
            Some(said) => {
                if let Some(answer) = pick(said) {
                    return Ok(answer);
                }
            }
        }
    };
    let answer = answer();
    watchdog.call_off();
    drop(output);
    Ok((answer?, socket))
}
