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
use super::end::close_folder;
use super::error::{SshError, SshFailure, classify, is_of_ssh, takes_no_session};
use super::fingerprint;
use super::folder::Folder;
use super::master::{self, Master};
use super::proxy;
use super::recorded::Recorded;
use crabbox_provider_api::payload::{Ssh, Transport};
use crabbox_wire::message::Request;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use tracing::debug;

/// How many connections a lease may have. A stock server takes 10 sessions on one.
pub(super) const SLOTS: usize = 4;

/// How long is waited for somebody else who makes a connection, and how often is looked.
const PATIENCE: Duration = Duration::from_mins(3);
const PAUSE: Duration = Duration::from_millis(10);

/// Is there a live connection?
pub(in super::super) fn is_open(route: &Route<'_>) -> bool {
    let Transport::Ssh(ssh) = route.transport else { return false };
    let folder = Folder::find(route.lease, ssh);
    folder.is_some_and(|folder| matches!(master::look(&folder.socket(0)), Master::Alive(_)))
}

/// Opens a session.
pub(in super::super) fn open(
    route: &Route<'_>,
    ssh: &Ssh,
    request: &Request,
    started: &mut dyn FnMut(LocalEnd),
) -> Result<Link, TransportError> {
    let way = Way::to(route, ssh)?;
    for number in 0..SLOTS {
        match way.ride(number, request, started)? {
            Ridden::Link(link) => return Ok(*link),
            Ridden::Full => {}
            Ridden::Gone => match way.make(number, request, started)? {
                Ridden::Link(link) => return Ok(*link),
                // Who rides one that somebody else has just made may find it full, or gone again.
                Ridden::Full | Ridden::Gone => {}
            },
        }
    }
    Err(way.failed(SshFailure::NoSession, String::new()).into())
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
    command.arg("-F").arg(way.folder.config()).arg("-S").arg(socket);
    // That a connection is full is nobody's business.
    command.args(["-o", "ControlMaster=no", "-o", "LogLevel=FATAL"]);
    if terminal {
        command.arg("-t");
    }
    command.arg(way.destination()).arg(line(script));
    Ok(command)
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
        let folder = if let Some(folder) = Folder::find(route.lease, ssh) {
            folder
        } else {
            // Another way led there before: what it left is of no use.
            super::close(route.lease);
            Folder::make(route.lease, ssh)?
        };
        Ok(Self { route, ssh, folder })
    }

    /// Opens a session on a live connection.
    fn ride(
        &self,
        number: usize,
        request: &Request,
        started: &mut dyn FnMut(LocalEnd),
    ) -> Result<Ridden, TransportError> {
        let socket = self.folder.socket(number);
        if !matches!(master::look(&socket), Master::Alive(_)) {
            return Ok(Ridden::Gone);
        }
        let mut run = |script: &str| self.start(&riding(&socket), script);
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
        match master::look(&socket) {
            Master::Alive(_) | Master::Absent => drop(fs::remove_file(&socket)),
            // It is of no use to anybody, and keeps the place.
            Master::Deaf => {
                close_folder(&self.folder);
                Folder::make(self.route.lease, self.ssh)?;
            }
        }
        self.prepare()?;
        let options =
            [self.making(&socket), vec!["-o".to_owned(), "BatchMode=yes".to_owned()]].concat();
        let mut run = |script: &str| match master::look(&socket) {
            // A second try, for another folder or helper, finds what the first has made.
            Master::Alive(_) => self.start(&riding(&socket), script),
            _ => self.start(&options, script),
        };
        let opened = bootstrap::open(&mut run, request, started);
        if let Err(TransportError::Silent { .. }) = opened {
            // Its first session has hung, and so would all that were to ride it.
            master::terminate(&socket);
        }
        let link = opened.map_err(|error| self.explain(error))?;
        self.note_master(&socket);
        Ok(Ridden::Link(Box::new(Link { socket: Some(socket), ..link })))
    }

    /// What makes a connection, in words for `ssh`.
    pub(super) fn making(&self, socket: &Path) -> Vec<String> {
        let config = self.folder.config().to_string_lossy().into_owned();
        let socket = socket.to_string_lossy().into_owned();
        ["-F", &config, "-S", &socket, "-o", "ControlMaster=yes"].map(str::to_owned).to_vec()
    }

    fn start(&self, options: &[String], script: &str) -> Result<Started, TransportError> {
        let destination = self.destination();
        debug!("ssh {} {destination}", options.join(" "));
        let mut ssh = client();
        ssh.args(options).arg(destination).arg(line(script)).process_group(0);
        // What is in its group may carry the connection.
        Process::start(&mut ssh, Killed::Alone)
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
    pub(super) fn lock(&self) -> Result<File, TransportError> {
        let wrap = |error: io::Error| self.failed(SshFailure::Folder, error.to_string());
        let mut options = File::options();
        let options = options.write(true).create(true).truncate(false).mode(0o600);
        let until = Instant::now() + PATIENCE;
        loop {
            let file = options.open(self.folder.lock()).map_err(wrap)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                Err(Errno::WOULDBLOCK) if Instant::now() < until => thread::sleep(PAUSE),
                Err(error) => return Err(wrap(error.into()).into()),
            }
        }
    }

    pub(super) fn note_master(&self, socket: &Path) {
        if let Master::Alive(pid) = master::look(socket)
            && let Some(recorded) = Recorded::of(pid)
        {
            // Without it, its socket is what ends it.
            let _ = recorded.note(&self.folder);
        }
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
        let said = match failure {
            // What it says beside that is for whoever reads known_hosts.
            SshFailure::KeyChanged => {
                let key = noise.stderr.split_whitespace().find(|word| word.starts_with("SHA256:"));
                key.map_or_else(String::new, shows)
            }
            SshFailure::KeyUnknown => fingerprint::shown(self)
                .map_or_else(|| self.words(&noise.stderr), |key| shows(&key)),
            _ => self.words(&noise.stderr),
        };
        self.failed(failure, said)
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
        SshError { host: self.ssh.host.clone(), failure, said }
    }
}

/// As every login shell reads it: the script holds nothing that would end the quotes.
fn line(script: &str) -> String {
    format!("exec /bin/sh -c '{script}'")
}

fn shows(key: &str) -> String {
    format!("the key that it shows is {}", key.trim_end_matches('.'))
}

/// What rides a connection, and can't make another one: no configuration is needed for that.
fn riding(socket: &Path) -> Vec<String> {
    let socket = socket.to_string_lossy().into_owned();
    let options = ["ControlMaster=no", "ProxyCommand=false", "BatchMode=yes", "LogLevel=ERROR"];
    let options = options.into_iter().flat_map(|option| ["-o", option]);
    ["-F", "none", "-S", &socket].into_iter().chain(options).map(str::to_owned).collect()
}

/// OpenSSH runs commands of the user's shell; one that is no shell of this kind must not read ours.
pub(super) fn client() -> Command {
    let mut command = Command::new("ssh");
    command.env("SHELL", "/bin/sh");
    command
}
