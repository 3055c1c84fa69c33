//! Commands that must not run beside each other, whichever crabbox of this user runs them: those of one provider with the
//! same lock key. Whoever runs one holds a lock for as long; the others wait, never longer than their own deadline, so that
//! one that hangs keeps nobody for ever.

use super::message::shown;
use crate::output::waiting_within;
use crate::places::{FolderError, private_folder, runtime};
use crate::turn::Turn;
use crabbox_provider_api::exec::LONGEST_LOCK;
use crabbox_provider_api::{Command, ExecError, ExecErrorKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tracing::{debug, warn};

/// How often is looked.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// What the file of a lock begins with.
const NAME: &str = "exec";

/// Held while a command runs.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    _turn: Turn,
}

/// Nothing is left of it. Whoever waits for it sees that its file isn't the one that others try.
impl Drop for Held {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// What is wrong with a command's lock key, if anything is.
pub(super) fn objection(command: &Command) -> Option<String> {
    let key = command.lock.as_ref()?;
    let is_fine = !key.is_empty() && key.len() <= LONGEST_LOCK;
    (!is_fine).then(|| {
        let length = key.len();
        format!(
            "the lock key of {} has {length} bytes, and 1 to {LONGEST_LOCK} are allowed",
            shown(command)
        )
    })
}

/// Waits until no other command of this provider with this key runs; the command has so much less time then. `over`
/// becomes readable when nobody wants to know any more.
pub(super) fn wait(
    provider: &str,
    command: &mut Command,
    over: BorrowedFd<'_>,
) -> Result<Option<Held>, ExecError> {
    let Some(key) = &command.lock else { return Ok(None) };
    // It is for the sake of others, and not worth a failure where there is no place for it.
    let unlocked = |why: String| {
        warn!("{} runs without its lock: {why}", shown(command));
        Ok(None)
    };
    let path = match file(provider, key) {
        Ok(path) => path,
        Err(error) => return unlocked(error.to_string()),
    };
    let begun = Instant::now();
    let mut waiting = None;
    loop {
        let by = match Turn::attempt(&path) {
            Ok(Ok(turn)) => {
                let waited = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
                command.deadline_ms = command.deadline_ms.saturating_sub(waited).max(1);
                return Ok(Some(Held { path, _turn: turn }));
            }
            Ok(Err(by)) => by,
            // It was just taken away.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return unlocked(error.to_string()),
        };
        if begun.elapsed() >= Duration::from_millis(command.deadline_ms) {
            return Err(too_long(command, &by));
        }
        waiting.get_or_insert_with(|| {
            debug!("{} waits for {by}", shown(command));
            waiting_within(format!("waiting to run {}, as does {by}", shown(command)))
        });
        if is_over(over) {
            let message = format!("{} was cancelled while it waited for {by}", shown(command));
            return Err(ExecError::new(ExecErrorKind::Cancelled, message));
        }
    }
}

fn is_over(over: BorrowedFd<'_>) -> bool {
    let mut one = [PollFd::from_borrowed_fd(over, PollFlags::IN)];
    poll(&mut one, Some(&PAUSE)).is_ok_and(|ready| ready > 0)
}

fn too_long(command: &Command, by: &str) -> ExecError {
    let seconds = Duration::from_millis(command.deadline_ms).as_secs_f64();
    let message = format!(
        "{} wasn't run: {by} has run one like it for the {seconds}s that it had",
        shown(command)
    );
    ExecError::new(ExecErrorKind::Deadline, message)
}

/// Where the lock is, in a folder that is there.
fn file(provider: &str, key: &str) -> Result<PathBuf, FolderError> {
    let mut failed = FolderError::Io(io::ErrorKind::NotFound.into());
    for folder in runtime() {
        match private_folder(&folder) {
            Ok(()) => return Ok(folder.join(name(provider, key))),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Of one length, whatever the key is. A name can't hold what stands between the two.
fn name(provider: &str, key: &str) -> String {
    let hash = blake3::hash(format!("{provider}\0{key}").as_bytes()).to_hex();
    format!("{NAME}-{}", &hash[..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_file_of_its_own_with_a_name_of_one_length() {
        let names = [name("coder", "a"), name("coder", "b"), name("other", "a")];
        assert!(names[0] != names[1] && names[0] != names[2] && names[1] != names[2]);
        assert_eq!(name("coder", &"../".repeat(300)).len(), NAME.len() + 33);
    }

    #[test]
    fn a_key_that_is_none_or_beyond_measure_is_refused() {
        let of = |key: &str| objection(&Command::new("tool").lock(key));
        assert!(of("").is_some() && of(&"x".repeat(LONGEST_LOCK + 1)).is_some());
        assert!(of("x").is_none() && objection(&Command::new("tool")).is_none());
    }
}
