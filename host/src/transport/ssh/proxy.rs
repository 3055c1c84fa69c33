//! Stands round a provider's own command on the way to a box: `ssh` runs this program with a hidden word, and this
//! program the command.
//!
//! OpenSSH sends what such a command says on standard error to nowhere, and one whose `ssh` is killed may wait for
//! ever. So its last words are kept in the connection's folder, it gets the environment that the
//! provider declares and no more, and it ends with its `ssh`. Not one byte of the stream passes through here. It leaves
//! the terminal that its `ssh` was started at: the connection is of others, too, and an interrupt key, or a window that
//! is closed, is no end of it.

use super::folder::Folder;
use super::recorded::Recorded;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, kill_process_group, pidfd_open,
    set_child_subreaper, setsid, test_kill_process_group, waitpgid,
};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use std::collections::VecDeque;
use std::env;
use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitCode, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The hidden word; the folder of the connection follows.
pub(crate) const COMMAND: &str = "__proxy";

/// How much of its last words is kept, in bytes.
const LIMIT: usize = 64 * 1024;

/// How long the command has between SIGTERM and SIGKILL.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// What a shell says of a program that isn't there.
const NOT_FOUND: u8 = 127;

/// What is to be run.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Proxy {
    /// Program and arguments.
    words: Vec<String>,
    /// The variables that it gets, as far as they are set.
    declared: Vec<String>,
}

/// Notes what is to be run.
pub(super) fn write(folder: &Folder, words: &[String], declared: Vec<String>) -> io::Result<()> {
    let proxy = Proxy { words: words.to_vec(), declared };
    let json = serde_json::to_vec(&proxy)?;
    super::config::replace(&folder.proxy(), &json)
}

/// What the command said last.
pub(super) fn said(folder: &Folder) -> String {
    let bytes = fs::read(folder.proxy_said()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// Does all that this process is for, if that is to stand round a command.
pub(crate) fn answer() -> Option<ExitCode> {
    let words: Vec<_> = env::args_os().skip(1).take(2).collect();
    match words.as_slice() {
        [word, folder] if word == COMMAND => Some(main(Path::new(folder))),
        _ => None,
    }
}

/// Runs the command of this folder between our standard streams.
fn main(folder: &Path) -> ExitCode {
    let folder = Folder { path: PathBuf::from(folder) };
    match run(&folder) {
        Ok(status) => status
            .code()
            .and_then(|code| u8::try_from(code).ok())
            .map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            let _ = fs::write(folder.proxy_said(), error.to_string());
            ExitCode::from(NOT_FOUND)
        }
    }
}

fn run(folder: &Folder) -> io::Result<ExitStatus> {
    let Proxy { words, declared } = serde_json::from_slice(&fs::read(folder.proxy())?)?;
    let [program, arguments @ ..] = words.as_slice() else {
        return Err(io::Error::other("no command leads there"));
    };
    // It fails only for the first of a process group, which no child of `ssh` is.
    let _ = setsid();
    // What the command leaves behind is ours to wait for: in a container, nobody else may ever do so.
    set_child_subreaper(Some(getpid()))?;
    // Nothing without a trace: whoever ends the connection ends this, too.
    if let Some(here) = Recorded::of(getpid()) {
        here.note(folder)?;
    }
    // OpenSSH sends SIGHUP when it leaves.
    let (told, teller) = UnixStream::pair()?;
    for signal in [SIGHUP, SIGTERM, SIGINT] {
        pipe::register(signal, teller.try_clone()?)?;
    }
    let variables = declared.iter().filter_map(|name| Some((name, env::var_os(name)?)));
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(variables)
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| {
            io::Error::new(error.kind(), format!("`{program}` can't be started: {error}"))
        })?;
    // Should this process be killed, too: the command would live on.
    if let Some(command) = Recorded::of(Pid::from_child(&child)) {
        let _ = command.note(folder);
    }
    let stderr = child.stderr.take();
    let result = watch(folder, &child, stderr, &told);
    end(&mut child);
    result?;
    child.wait()
}

/// Until the command has ended, or nobody is there any more whom it could speak to.
fn watch(
    folder: &Folder,
    child: &Child,
    mut stderr: Option<ChildStderr>,
    told: &UnixStream,
) -> io::Result<()> {
    let ended: OwnedFd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let stdout = io::stdout();
    let mut kept = VecDeque::new();
    loop {
        let (over, left, speaks) = {
            // No event is asked for of our output: that its reader is gone is always told.
            let mut watched = vec![
                PollFd::new(&ended, PollFlags::IN),
                PollFd::from_borrowed_fd(stdout.as_fd(), PollFlags::empty()),
                PollFd::new(told, PollFlags::IN),
            ];
            if let Some(pipe) = &stderr {
                watched.push(PollFd::new(pipe, PollFlags::IN));
            }
            match poll(&mut watched, None) {
                Err(Errno::INTR) => continue,
                other => other?,
            };
            let seen = |at: usize| watched.get(at).is_some_and(|one| !one.revents().is_empty());
            (seen(0), seen(1) || seen(2), seen(3))
        };
        if speaks && !keep(folder, &mut stderr, &mut kept)? {
            stderr = None;
        }
        // All that it said comes before its end.
        if left || (over && !speaks) {
            return Ok(());
        }
    }
}

/// Keeps what comes next. Is there more to come?
fn keep(
    folder: &Folder,
    stderr: &mut Option<ChildStderr>,
    kept: &mut VecDeque<u8>,
) -> io::Result<bool> {
    let mut chunk = [0; 4096];
    let count = stderr.as_mut().map_or(Ok(0), |pipe| pipe.read(&mut chunk))?;
    if count == 0 {
        return Ok(false);
    }
    kept.extend(&chunk[..count]);
    let excess = kept.len().saturating_sub(LIMIT);
    kept.drain(..excess);
    // A folder that is gone takes no words, and the stream goes on.
    let _ = fs::write(folder.proxy_said(), kept.make_contiguous());
    Ok(true)
}

/// Ends the command, and all that it started in its process group.
fn end(child: &mut Child) {
    let group = Pid::from_child(child);
    let _ = kill_process_group(group, Signal::TERM);
    let until = Instant::now() + GRACE;
    while matches!(child.try_wait(), Ok(None)) || is_alive(group) {
        if Instant::now() >= until {
            let _ = kill_process_group(group, Signal::KILL);
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Is there anybody in this group, whose first has ended and was asked about? One that has ended, and that nobody has
/// asked how, is still of it.
fn is_alive(group: Pid) -> bool {
    while let Ok(Some(_)) = waitpgid(group, WaitOptions::NOHANG) {}
    test_kill_process_group(group).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_command_has_started_is_reaped_when_it_has_ended() {
        set_child_subreaper(Some(getpid())).expect("of its children's children");
        let mut command = Command::new("sh");
        let started = command.args(["-c", "sleep 9 &"]).process_group(0).spawn();
        let mut child = started.expect("a shell");
        let group = Pid::from_child(&child);
        while matches!(child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
        end(&mut child);
        // Not as one that has ended, either.
        assert!(test_kill_process_group(group).is_err());
    }

    #[test]
    fn what_the_command_has_started_has_time_to_end_when_the_command_has_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name).display().to_string();
        let line = format!(
            "(trap 'sleep 0.1; touch {}; exit' TERM; touch {}; while :; do sleep 0.02; done) &
             until [ -e {1} ]; do sleep 0.02; done",
            at("ended"),
            at("ready")
        );
        let mut command = Command::new("sh");
        let mut child = command.args(["-c", &line]).process_group(0).spawn().expect("a shell");
        while matches!(child.try_wait(), Ok(None)) {
            thread::sleep(Duration::from_millis(5));
        }
        end(&mut child);
        assert!(folder.path().join("ended").exists());
    }
}
