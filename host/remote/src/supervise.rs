//! Runs the command and ends it, with everything that it started.

use crate::connection::{Connection, Event};
use crate::descendants::{kill_all, start_time};
use crate::environment::variables;
use crate::failure::Failure;
use crate::layout::{Layout, make_private};
use crate::spool::Spool;
use crabbox_wire::frame::{CHUNK, Stream, ToHost};
use crabbox_wire::message::{
    self, Command as Wanted, Ended, Environment, FailureCode, Outcome, Run, Started,
};
use rustix::process::{Pid, Signal, kill_process_group, set_child_subreaper};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a command has between a request to end and the end.
const GRACE: Duration = Duration::from_secs(1);
const TIMEOUT_GRACE: Duration = Duration::from_secs(5);

/// How long output may be silent, after the command has ended, before what still
/// holds its pipes is given up.
const SILENCE: Duration = Duration::from_millis(200);

/// Folders of runs that are kept for later questions.
const KEPT_RUNS: usize = 20;

/// Runs the command to its end and reports it.
pub(crate) fn run(
    run: &Run,
    environment: &Environment,
    layout: &Layout,
    connection: &Arc<Connection>,
    events: &Receiver<Event>,
) -> Result<(), Failure> {
    // Orphans of the command become our children: they can be found, and ended.
    let _ = set_child_subreaper(Some(rustix::process::getpid()));
    let folder = prepare_folder(run, layout)?;
    let spool = Spool::create(&folder.join("log"))
        .map_err(|error| Failure::system("making the log in", &folder, &error))?;
    let spool = Arc::new(spool);
    let begun = Instant::now();
    let mut child = start(run, environment, layout)?;
    note_process(&folder, &child);
    connection.send(&ToHost::Started(Started { pid: child.id() }))?;
    let pid = Pid::from_child(&child);
    pump(&mut child, connection, &spool);
    let stdin = child.stdin.take().map(|pipe| feed(pipe, Arc::clone(connection)));
    let waiter = Arc::clone(connection);
    thread::spawn(move || {
        let status = child.wait();
        let _ = waiter.sender.send(Event::Exited(status));
    });

    let mut watch = Watch {
        pid,
        stdin,
        spool: &spool,
        deadline: run.timeout_ms.map(|allowed| begun + Duration::from_millis(allowed)),
        kill_at: None,
        timed_out: false,
        closed: false,
        open_pipes: 2,
    };
    let status = watch.until_exit(events);
    let wall = begun.elapsed();
    watch.drain(events);
    kill_all(None);
    let outcome = if watch.timed_out { Outcome::TimedOut } else { outcome_of(&status) };
    let ended = Ended {
        outcome,
        wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
        output: spool.offset(),
        warnings: Vec::new(),
    };
    record_end(&folder, &ended)
        .map_err(|error| Failure::system("recording the end in", &folder, &error))?;
    connection.send(&ToHost::Ended(ended))
}

/// Makes the run's folder. One that is there already is of the same id: a second
/// request never starts a second command.
fn prepare_folder(run: &Run, layout: &Layout) -> Result<PathBuf, Failure> {
    make_private(&layout.runs)?;
    forget_old_runs(&layout.runs);
    let folder = layout.runs.join(&run.id);
    fs::create_dir(&folder).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            Failure::new(FailureCode::Request, format!("`{}` was started before", run.id))
        }
        _ => Failure::system("making the folder", &folder, &error),
    })?;
    let spec = serde_json::to_vec(run).unwrap_or_default();
    fs::write(folder.join("spec"), spec)
        .map_err(|error| Failure::system("writing to", &folder, &error))?;
    Ok(folder)
}

/// Removes the oldest folders beyond those that are kept; one that runs has no end yet.
fn forget_old_runs(runs: &Path) {
    let mut ended: Vec<_> = fs::read_dir(runs)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let end = fs::metadata(entry.path().join("exit")).ok()?;
            Some((end.modified().ok()?, entry.path()))
        })
        .collect();
    ended.sort();
    let excess = ended.len().saturating_sub(KEPT_RUNS - 1);
    for (_, folder) in ended.into_iter().take(excess) {
        let _ = fs::remove_dir_all(folder);
    }
}

fn start(run: &Run, environment: &Environment, layout: &Layout) -> Result<Child, Failure> {
    // Joining an empty path would leave a slash at the end, for every `pwd` to show.
    let directory = if run.directory.0.is_empty() {
        layout.workspace.clone()
    } else {
        layout.workspace.join(OsStr::from_bytes(&run.directory.0))
    };
    // Links in the tree may lead out of it; the working directory must not.
    let inside = fs::canonicalize(&directory)
        .ok()
        .zip(fs::canonicalize(&layout.workspace).ok())
        .is_some_and(|(directory, root)| directory.is_dir() && directory.starts_with(root));
    if !inside {
        return Err(Failure::new(
            FailureCode::Directory,
            format!("there is no folder `{}` in the workspace", run.directory),
        ));
    }
    let mut command = match &run.command {
        Wanted::Shell(line) => {
            let mut shell = Command::new("/bin/sh");
            shell.arg("-c").arg(OsStr::from_bytes(&line.0));
            shell
        }
        Wanted::Argv(words) => {
            let (program, arguments) = words
                .split_first()
                .ok_or_else(|| Failure::new(FailureCode::Request, "there is no command to run"))?;
            let mut command = Command::new(OsStr::from_bytes(&program.0));
            command.args(arguments.iter().map(|word| OsStr::from_bytes(&word.0)));
            command
        }
    };
    command
        .env_clear()
        .envs(variables(&run.environment, environment, &run.id, &directory, layout))
        .current_dir(&directory)
        .stdin(if run.stdin { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    command.spawn().map_err(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Failure::new(
                FailureCode::CommandNotFound,
                format!("there is no program `{program}` on the box"),
            ),
            io::ErrorKind::PermissionDenied => Failure::new(
                FailureCode::CommandNotExecutable,
                format!("`{program}` can't be executed: {error}"),
            ),
            _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
                Failure::new(
                    FailureCode::CommandNotExecutable,
                    format!("`{program}` can't be executed: {error}"),
                )
            }
            _ => Failure::new(FailureCode::System, format!("starting `{program}`: {error}")),
        }
    })
}

/// Notes which process it is; should memory run out, the command goes before the helper.
fn note_process(folder: &Path, child: &Child) {
    let pid = child.id();
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let note = serde_json::json!({
        "pid": pid,
        "start_time": start_time(pid),
        "boot_id": boot.trim(),
    });
    // Notes for later questions: a run goes on without them.
    let _ = fs::write(folder.join("pid"), note.to_string());
    let _ = fs::write(format!("/proc/{pid}/oom_score_adj"), "500");
}

/// Moves the command's output, a thread for each stream.
fn pump(child: &mut Child, connection: &Arc<Connection>, spool: &Arc<Spool>) {
    fn copy<R: Read + AsFd + Send + 'static>(
        pipe: Option<R>,
        stream: Stream,
        connection: Arc<Connection>,
        spool: Arc<Spool>,
    ) {
        thread::spawn(move || {
            if let Some(mut pipe) = pipe {
                // Fewer, larger reads; a system that doesn't grant it is only slower.
                let _ = rustix::pipe::fcntl_setpipe_size(&pipe, 1024 * 1024);
                let mut chunk = vec![0; CHUNK];
                while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                    spool.write(stream, &chunk[..count], &connection);
                }
            }
            let _ = connection.sender.send(Event::PipeEnded);
        });
    }
    copy(child.stdout.take(), Stream::Stdout, Arc::clone(connection), Arc::clone(spool));
    copy(child.stderr.take(), Stream::Stderr, Arc::clone(connection), Arc::clone(spool));
}

/// Hands input to the command from a thread of its own, and tells the host what was taken: the
/// host sends no more than a window ahead, so this queue is bounded by it.
fn feed(mut pipe: ChildStdin, connection: Arc<Connection>) -> Sender<Vec<u8>> {
    let (sender, chunks) = channel::<Vec<u8>>();
    thread::spawn(move || {
        let mut taken = 0;
        for chunk in chunks {
            taken += chunk.len() as u64;
            // A command that has closed its input takes everything and reads nothing.
            let _ = pipe.write_all(&chunk);
            if connection.send(&ToHost::Taken(taken)).is_err() {
                return;
            }
        }
    });
    sender
}

struct Watch<'a> {
    pid: Pid,
    stdin: Option<Sender<Vec<u8>>>,
    spool: &'a Spool,
    deadline: Option<Instant>,
    kill_at: Option<Instant>,
    timed_out: bool,
    /// The host is gone.
    closed: bool,
    open_pipes: u32,
}

impl Watch<'_> {
    fn until_exit(&mut self, events: &Receiver<Event>) -> io::Result<ExitStatus> {
        loop {
            let next = self.kill_at.into_iter().chain(self.deadline).min();
            let event = match next {
                Some(next) => events.recv_timeout(next.saturating_duration_since(Instant::now())),
                None => events.recv().map_err(RecvTimeoutError::from),
            };
            match event {
                Ok(Event::Exited(status)) => return status,
                Ok(event) => self.handle(event),
                Err(RecvTimeoutError::Timeout) => self.time_is_up(),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(io::Error::other("nobody waits for the command"));
                }
            }
        }
    }

    /// After the exit: until both streams have ended, or are silent.
    fn drain(&mut self, events: &Receiver<Event>) {
        let mut before = self.spool.offset();
        while self.open_pipes > 0 && !self.closed {
            match events.recv_timeout(SILENCE) {
                Ok(event) => self.handle(event),
                Err(_) if self.spool.offset() == before => return,
                Err(_) => before = self.spool.offset(),
            }
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Signal(message::Signal::Interrupt) => self.signal(Signal::INT),
            Event::Signal(message::Signal::Terminate) => self.signal(Signal::TERM),
            Event::Signal(message::Signal::Kill) => self.kill(),
            Event::Stdin(bytes) => {
                if let Some(stdin) = &self.stdin {
                    // The feeding thread leaves only with the host.
                    let _ = stdin.send(bytes);
                }
            }
            Event::StdinEnd => self.stdin = None,
            Event::Ack(offset) => self.spool.acknowledge(offset),
            Event::PipeEnded => self.open_pipes -= 1,
            Event::Closed => {
                self.closed = true;
                self.spool.abandon();
                self.signal(Signal::TERM);
                self.kill_at = Some(Instant::now() + GRACE);
            }
            _ => {}
        }
    }

    fn time_is_up(&mut self) {
        let now = Instant::now();
        if self.kill_at.is_some_and(|at| at <= now) {
            self.kill_at = None;
            self.kill();
        }
        if self.deadline.is_some_and(|at| at <= now) {
            self.deadline = None;
            self.timed_out = true;
            self.signal(Signal::TERM);
            self.kill_at = Some(now + TIMEOUT_GRACE);
        }
    }

    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.pid, signal);
    }

    fn kill(&self) {
        self.signal(Signal::KILL);
        kill_all(Some(self.pid));
    }
}

fn outcome_of(status: &io::Result<ExitStatus>) -> Outcome {
    match status {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Outcome::Exited(code),
            (None, signal) => Outcome::Signaled(signal.unwrap_or(0)),
        },
        // Its end can't be seen: nothing is made up that looks like success.
        Err(_) => Outcome::Signaled(0),
    }
}

/// Absent or whole, never half.
fn record_end(folder: &Path, ended: &Ended) -> io::Result<()> {
    let temporary = folder.join("exit.new");
    let mut file = File::create(&temporary)?;
    file.write_all(&serde_json::to_vec(ended)?)?;
    file.sync_all()?;
    fs::rename(temporary, folder.join("exit"))
}
