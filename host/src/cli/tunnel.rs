//! `crabbox tunnel`

use super::Shared;
use super::list::to_json;
use super::visit::Visit;
use crate::output::{CommandError, Exit, Printer, Typed};
use crate::run::{Outcome, aside, end_log};
use crate::tunnel::{Refusal, TunnelError, carry, listen};
use crate::visit::{Session, VisitError};
use clap::Args;
use crabbox_wire::message::Request;
use crabbox_wire::tunnel::Tunnel as Wanted;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Reach a port of a box at a port of this machine
///
/// Prints the address here, and carries each connection to it to PORT of the box's loopback
/// address until Ctrl-C. Without LOCAL it is the same port if that is free, else any. Every
/// user and program of this machine can connect to it. The box must be ready or in use; the
/// tunnel keeps it no longer than it stays anyway.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox tunnel amber-crab 8080
  crabbox tunnel @last 15432:5432 --json")]
pub(super) struct Tunnel {
    /// The lease: its id, its slug, `@last` or `@repo`
    id: String,
    /// The port on the box; before it, the one here
    #[arg(value_name = "[LOCAL:]PORT", value_parser = parse)]
    ports: Ports,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ports {
    here: Option<u16>,
    there: u16,
}

fn parse(text: &str) -> Result<Ports, String> {
    let port = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0);
    let ports = match text.split_once(':') {
        None => port(text).map(|there| Ports { here: None, there }),
        Some((here, there)) => {
            port(here).zip(port(there)).map(|(here, there)| Ports { here: Some(here), there })
        }
    };
    ports.ok_or_else(|| "expected a port from 1 to 65535, or two with a colon between".to_owned())
}

impl Ports {
    /// The line as it was typed, for any port here.
    fn elsewhere(self) -> String {
        let Self { here, there } = self;
        let typed = here.map_or_else(String::new, |here| format!("{here}:{there}"));
        Typed::here().replaced(&typed, &there.to_string()).to_string()
    }
}

impl Tunnel {
    pub(super) fn execute(self, shared: &Shared) -> Result<Exit, CommandError> {
        let Ports { here, there } = self.ports;
        let visit = Visit::to(&self.id, shared)?;
        let printer = shared.printer;
        let elsewhere = self.ports.elsewhere();
        let listener = listen(here, there).map_err(|error| explain(&error, &visit, &elsewhere))?;
        let address = listener
            .local_addr()
            .map_err(|error| CommandError::failed("the port here has no address").because(error))?;
        let ending = Ending::listen(printer)?;
        let request = Request { tunnel: Some(Wanted { port: there }), ..visit.request.clone() };
        let connecting = printer.progress(format!("connecting to {}", visit.claim.slug));
        let session = visit
            .by_route(
                |route| Session::proved(route, &request),
                |error| match error {
                    VisitError::Transport(error) => Some(error),
                    _ => None,
                },
            )
            .map_err(|error| visit.explain(&error))?;
        drop(connecting);
        ending.ends(session.process.id());
        if printer.json {
            printer.document(&json!({
                "schema_version": 1,
                "lease": to_json(&visit.claim),
                "address": address.to_string(),
                "port": there,
            }))?;
        } else {
            printer.data(&format!("{address}\n"))?;
            let slug = &visit.claim.slug;
            printer.phase(&format!("{address} leads to port {there} of {slug}; Ctrl-C ends it"));
        }
        let slug = visit.claim.slug.clone();
        let told = move |refusal| tell(printer, &slug, there, &refusal);
        let error = carry(listener, session, told);
        if ending.is_wanted() {
            return Ok(Exit::Ok);
        }
        let error = explain(&error, &visit, &elsewhere);
        // The one document is out.
        printer.explain(&error);
        Ok(error.kind())
    }
}

fn tell(printer: Printer, slug: &str, port: u16, refusal: &Refusal) {
    printer.warning(&match refusal {
        Refusal::There(why) => format!("no connection to port {port} of {slug}: {why}"),
        Refusal::Here(why) => format!("a connection was closed: {why}"),
    });
}

/// `elsewhere`: the line for any port here.
fn explain(error: &TunnelError, visit: &Visit, elsewhere: &str) -> CommandError {
    match error {
        TunnelError::Visit(error) => visit.explain(error),
        TunnelError::Listen { source, .. } => {
            let error = CommandError::new(Exit::Conflict, error.to_string());
            error.because(source.to_string()).hint(elsewhere)
        }
        TunnelError::Streams(_) => CommandError::failed(error.to_string()).code("transport"),
    }
}

/// Ctrl-C ends the tunnel in order; a second one, and every other signal, ends this program as it is.
struct Ending(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What carries the tunnel.
    process: Option<Pid>,
    wanted: bool,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ending {
    fn listen(printer: Printer) -> Result<Self, CommandError> {
        let mut signals = Signals::new([SIGINT, SIGTERM])
            .map_err(|error| CommandError::failed("signals can't be listened to").because(error))?;
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            signals.forever().for_each(|signal| receive(signal, &shared, printer));
        });
        Ok(Self(state))
    }

    /// From here on this process is what ends.
    fn ends(&self, process: Pid) {
        lock(&self.0).process = Some(process);
    }

    fn is_wanted(&self) -> bool {
        lock(&self.0).wanted
    }
}

fn receive(signal: i32, state: &Mutex<State>, printer: Printer) {
    let mut state = lock(state);
    if let Some(process) = state.process.take().filter(|_| signal == SIGINT) {
        state.wanted = true;
        printer.interrupted();
        // The session ends with it, and the command with the session.
        let _ = kill_process(process, Signal::TERM);
        return;
    }
    drop(state);
    aside(move || printer.leave());
    end_log(Outcome::of_signal(signal).exit);
    // It can't fail for these two.
    let _ = emulate_default_handler(signal);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_one_or_two() {
        assert_eq!(parse("80"), Ok(Ports { here: None, there: 80 }));
        assert_eq!(parse("8080:80"), Ok(Ports { here: Some(8080), there: 80 }));
        for text in ["", "0", "65536", "80:", ":80", "a:80", "0:80", "1:2:3", "-1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
