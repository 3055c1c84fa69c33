//! A session on a live connection, or on one that is made for it.
//!
//! A session that rides can't open a connection of its own: were the one that it rides to die, or to be full, OpenSSH
//! would make another without a word. Who makes one holds a lock until the box has answered, so that those
//! who come meanwhile ride it. What is asked of a box twice is done once: the run has an id.

use super::super::bootstrap::{self, Link};
use super::super::error::{Noise, TransportError};
use super::super::process::{Killed, LocalEnd, Process, Started};
use super::super::route::Route;
use super::config;
use super::detour::{self, Reason};
use super::end::end_deaf;
use super::error::{Remedy, SshError, SshFailure, classify, is_of_ssh, takes_no_session};
use super::fingerprint;
use super::folder::Folder;
use super::lock;
use super::master::{self, Master};
use super::proxy;
use super::recorded::Recorded;
use super::riders;
use crate::output::waiting_within;
use crate::sys::in_own_session;
use crate::turn::Turn;
use crabbox_provider_api::payload::{HostKey, Ssh, Transport};
use crabbox_wire::message::Request;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use tracing::debug;

/// How many connections a lease may have. A stock server takes 10 sessions on one.
pub(super) const SLOTS: usize = 4;

/// How long is waited for a session to end where no further connection can be made without somebody's answer, and how
/// often is tried: a try is a process.
const PATIENCE: Duration = Duration::from_mins(3);
const PAUSE: Duration = Duration::from_secs(1);

/// Is there a live connection?
pub(in super::super) fn is_open(route: &Route<'_>) -> bool {
    let Transport::Ssh(ssh) = route.transport else { return false };
    let folder = Folder::find(route.lease, ssh);
    folder.is_some_and(|folder| matches!(master::look(&folder.socket(0)), Master::Alive(_)))
}

/// Opens a session. Where the first connection is full and a further one can't be made unless somebody answers, it waits
/// for an end of those who ride it; unless there is somebody.
pub(in super::super) fn open(
    route: &Route<'_>,
    ssh: &Ssh,
    request: &Request,
    started: &mut dyn FnMut(LocalEnd),
) -> Result<Link, TransportError> {
    let way = Way::to(route, ssh)?;
    let error = match way.open(request, started)? {
        Opened::Link(link) => return Ok(*link),
        Opened::Unless(error) if route.may_ask => return Err(error),
        Opened::Unless(error) => error,
    };
    let _waiting = waiting_within("waiting for another session to end".to_owned());
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        thread::sleep(PAUSE);
        match way.ride_any(request, started)? {
            Ridden::Link(link) => return Ok(*link),
            Ridden::Full => {}
            Ridden::Gone => break,
        }
    }
    Err(error)
}

/// What rides a connection of the lease between the streams of this process, or makes one of its own if
/// that one is full by then: what it becomes on the box has the box prove itself.
pub(in super::super) fn attach(
    route: &Route<'_>,
    ssh: &Ssh,
    socket: &Path,
    script: &str,
    terminal: bool,
) -> Result<Command, TransportError> {
    let way = Way::to(route, ssh)?;
    let mut command = client();
    command.arg("-F").arg(way.folder.config()).arg("-S").arg(as_option(socket));
    command.args(["-o", "ControlMaster=no", "-o", "LogLevel=ERROR"]);
    if terminal {
        command.arg("-t");
    }
    command.arg(way.destination()).arg(line(script));
    Ok(command)
}

/// What comes of all connections.
enum Opened {
    Link(Box<Link>),
    /// Those that are there are full, and this is what a further one fails by, unless somebody answers.
    Unless(TransportError),
}

/// What comes of riding a connection.
enum Ridden {
    Link(Box<Link>),
    /// It takes no more sessions.
    Full,
    /// There is none, or none any more.
    Gone,
}

/// The way to a box, and the folder of its connections.
pub(super) struct Way<'a> {
    route: &'a Route<'a>,
    ssh: &'a Ssh,
    pub(super) folder: Folder,
}

impl<'a> Way<'a> {
    pub(super) fn to(route: &'a Route<'a>, ssh: &'a Ssh) -> Result<Self, TransportError> {
        Ok(Self { route, ssh, folder: Folder::make(route.lease, ssh)? })
    }

    /// Makes the folder once more, should somebody have ended the connections of the lease meanwhile.
    pub(super) fn made(&self) -> Result<(), TransportError> {
        Folder::make(self.route.lease, self.ssh).map(drop)
    }

    /// Opens a session on the first connection that takes one, or on one that is made for it.
    fn open(
        &self,
        request: &Request,
        started: &mut dyn FnMut(LocalEnd),
    ) -> Result<Opened, TransportError> {
        for number in 0..SLOTS {
            let ridden = match self.ride(number, request, started)? {
                Ridden::Gone => match self.make(number, request, started) {
                    // Nobody need be asked who can wait.
                    Err(error) if number > 0 && error.may_be_answered() => {
                        return Ok(Opened::Unless(error));
                    }
                    made => made?,
                },
                ridden => ridden,
            };
            match ridden {
                Ridden::Link(link) => return Ok(Opened::Link(link)),
                // Who rides one that somebody else has just made may find it full, or gone again.
                Ridden::Full | Ridden::Gone => {}
            }
        }
        Err(self.failed(SshFailure::NoSession, String::new()).into())
    }

    /// Opens a session on any of the connections that are there.
    fn ride_any(
        &self,
        request: &Request,
        started: &mut dyn FnMut(LocalEnd),
    ) -> Result<Ridden, TransportError> {
        let mut any = Ridden::Gone;
        for number in 0..SLOTS {
            match self.ride(number, request, started)? {
                link @ Ridden::Link(_) => return Ok(link),
                Ridden::Full => any = Ridden::Full,
                Ridden::Gone => {}
            }
        }
        Ok(any)
    }

    /// Opens a session on a live connection.
    fn ride(
        &self,
        number: usize,
        request: &Request,
        started: &mut dyn FnMut(LocalEnd),
    ) -> Result<Ridden, TransportError> {
        let socket = self.folder.socket(number);
        match master::look(&socket) {
            Master::Alive(_) => {}
            // It may answer again, and what somebody does over it goes on then.
            Master::Deaf if riders::are_there(&socket) => return Ok(Ridden::Full),
            Master::Deaf | Master::Absent => return Ok(Ridden::Gone),
        }
        let mut run = |script: &str| self.start(riding(&socket), script);
        match bootstrap::open(&mut run, request, started) {
            Ok(link) => Ok(Ridden::Link(Box::new(Link { socket: Some(socket), ..link }))),
            Err(TransportError::Noise(noise)) if takes_no_session(&noise) => Ok(Ridden::Full),
            Err(TransportError::Noise(noise)) if is_of_ssh(&noise) => {
                debug!("the connection of {} broke: {}", self.route.lease, noise.stderr);
                Ok(Ridden::Gone)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes a connection, and opens a session on it.
    fn make(
        &self,
        number: usize,
        request: &Request,
        started: &mut dyn FnMut(LocalEnd),
    ) -> Result<Ridden, TransportError> {
        let _lock = self.lock()?;
        // Somebody else may have made one meanwhile.
        if let ridden @ (Ridden::Link(_) | Ridden::Full) = self.ride(number, request, started)? {
            return Ok(ridden);
        }
        let socket = self.folder.socket(number);
        self.clear(number);
        self.prepare()?;
        let mut run = |script: &str| match master::look(&socket) {
            // A second try, for another folder or helper, finds what the first has made.
            Master::Alive(_) => self.start(riding(&socket), script),
            _ => self.start(self.making_alone(&socket), script),
        };
        let opened = bootstrap::open(&mut run, request, started);
        if let Err(TransportError::Silent { .. }) = opened {
            // Its first session has hung, and so would all that were to ride it.
            master::terminate(&socket);
        }
        let link = opened.map_err(|error| self.explain(error))?;
        self.note_master(number);
        Ok(Ridden::Link(Box::new(Link { socket: Some(socket), ..link })))
    }

    /// Makes room for a connection, while the lock is held: `ssh` would leave a socket that is there to whoever left it,
    /// and make a connection that nobody can ride.
    pub(super) fn clear(&self, number: usize) {
        let socket = self.folder.socket(number);
        match master::look(&socket) {
            Master::Alive(_) | Master::Absent => drop(fs::remove_file(socket)),
            // It is of no use to anybody, and keeps the place.
            Master::Deaf => end_deaf(&self.folder, number),
        }
    }

    /// What makes a connection.
    pub(super) fn making(&self, socket: &Path) -> Command {
        let mut command = client();
        command.arg("-F").arg(self.folder.config()).arg("-S").arg(as_option(socket));
        command.args(["-o", "ControlMaster=yes"]);
        command
    }

    /// The same where nobody can be asked.
    fn making_alone(&self, socket: &Path) -> Command {
        let mut command = self.making(socket);
        command.args(["-o", "BatchMode=yes"]);
        ask_nobody(&mut command);
        command
    }

    fn start(&self, mut ssh: Command, script: &str) -> Result<Started, TransportError> {
        ssh.arg(self.destination());
        debug!("{ssh:?}");
        // What is in its group may carry the connection.
        Process::start(ssh.arg(line(script)), Killed::Alone)
    }

    /// Writes what `ssh` reads when it makes a connection.
    pub(super) fn prepare(&self) -> Result<(), TransportError> {
        let _ = fs::remove_file(self.folder.proxy_said());
        let Route { lease, state, declared, .. } = *self.route;
        config::write(&self.folder, lease, self.ssh, state, declared)
    }

    pub(super) fn destination(&self) -> String {
        config::destination(self.route.lease, self.ssh)
    }

    /// Held while a connection is made.
    pub(super) fn lock(&self) -> Result<Turn, TransportError> {
        lock::wait(self)
    }

    /// Notes who holds the connection, if there is one.
    pub(super) fn note_master(&self, number: usize) -> bool {
        let socket = self.folder.socket(number);
        let Master::Alive(pid) = master::look(&socket) else { return false };
        // Without it, its socket is what ends it.
        let _ = Recorded::of(pid).map(|recorded| recorded.note_master(&self.folder, number));
        true
    }

    fn explain(&self, error: TransportError) -> TransportError {
        match error {
            TransportError::Noise(noise) if is_of_ssh(&noise) => self.explain_noise(&noise).into(),
            TransportError::Silent { stderr, .. } => {
                self.failed(SshFailure::TimedOut, self.words(&stderr)).into()
            }
            other => other,
        }
    }

    fn explain_noise(&self, noise: &Noise) -> SshError {
        let proxy = (!self.ssh.proxy.is_empty()).then(|| proxy::said(&self.folder));
        let failure = classify(&noise.stderr, proxy.as_deref());
        let theirs = failure == SshFailure::Closed && self.ssh.use_user_config;
        if let Some(reason) = theirs.then(|| detour::reason(self, &noise.stderr)).flatten() {
            return self.explain_detour(reason);
        }
        let said = match failure {
            SshFailure::KeyChanged => changed_key(&noise.stderr),
            SshFailure::KeyUnknown => self.unknown_key(&noise.stderr),
            _ => self.words(&noise.stderr),
        };
        let remedy = (failure == SshFailure::KeyChanged).then(|| match self.ssh.host_key {
            HostKey::Pinned { .. } => Remedy::Provider,
            _ => Remedy::forget(&noise.stderr),
        });
        SshError { remedy, ..self.failed(failure, said) }
    }

    fn unknown_key(&self, stderr: &str) -> String {
        fingerprint::shown(self).map_or_else(|| self.words(stderr), |key| shows(&key))
    }

    fn explain_detour(&self, reason: Reason) -> SshError {
        let Reason { failure, on_the_way, said } = reason;
        let is_changed = failure == SshFailure::KeyChanged;
        let remedy = is_changed.then(|| Remedy::forget(&said));
        let said = match failure {
            SshFailure::KeyChanged => changed_key(&said),
            SshFailure::KeyUnknown => self.unknown_key(&said),
            _ => self.words(&said),
        };
        SshError { on_the_way, remedy, ..self.failed(failure, said) }
    }

    /// What was said on the way, the provider's own command first: it knows the reason.
    fn words(&self, stderr: &str) -> String {
        let proxy =
            if self.ssh.proxy.is_empty() { String::new() } else { proxy::said(&self.folder) };
        let lines = proxy.lines().chain(stderr.lines()).map(str::trim);
        lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
    }

    pub(super) fn misconfigured(&self, said: String) -> SshError {
        self.failed(SshFailure::Config, said)
    }

    pub(super) fn failed(&self, failure: SshFailure, said: String) -> SshError {
        SshError::new(self.ssh, failure, said)
    }
}

/// As every login shell reads it: the script holds nothing that would end the quotes.
fn line(script: &str) -> String {
    format!("exec /bin/sh -c '{script}'")
}

/// What is said beside that is for whoever reads `known_hosts`.
fn changed_key(said: &str) -> String {
    said.split_whitespace().find(|word| word.starts_with("SHA256:")).map_or_else(String::new, shows)
}

fn shows(key: &str) -> String {
    format!("the key that it shows is {}", key.trim_end_matches('.'))
}

/// What rides a connection, and can't make another one: no configuration is needed for that.
fn riding(socket: &Path) -> Command {
    let options = ["ControlMaster=no", "ProxyCommand=false", "BatchMode=yes", "LogLevel=ERROR"];
    let mut command = client();
    command.args(["-F", "none", "-S"]).arg(as_option(socket));
    command.args(options.into_iter().flat_map(|option| ["-o", option])).process_group(0);
    command
}

/// OpenSSH expands what stands behind `-S`.
pub(super) fn as_option(socket: &Path) -> String {
    config::expanded(&socket.to_string_lossy())
}

/// Whoever leads there for `ssh`, as another `ssh` over a jump host, is in no batch, and would ask at a terminal, or in a
/// window of its own.
pub(super) fn ask_nobody(command: &mut Command) -> &mut Command {
    in_own_session(command.env("SSH_ASKPASS_REQUIRE", "never"))
}

/// OpenSSH runs commands of the user's shell; one that is no shell of this kind must not read ours.
pub(super) fn client() -> Command {
    let mut command = Command::new("ssh");
    command.env("SHELL", "/bin/sh");
    command
}
