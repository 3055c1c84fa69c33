//! The caretaker: a process without a terminal that lets go of boxes in time where their provider doesn't
//! do so itself. There is one for a state folder at most, and only while a box there has a time: it
//! sleeps until the earliest, has [`super::cleanup`] let go of what is due, looks again, and ends.
//!
//! [`mod@start`] starts it, [`ready`] says which boxes it looks after, [`agenda`] when each of them is due.
//! It decides nothing of its own: what is in use, or has more time by now, is left alone by the
//! cleanup that it starts, which reads the claim once more under its lock.

mod agenda;
mod ready;
mod start;

use super::Shared;
use crate::claims::Moment;
use crate::config::{Flags, Settings};
use crate::output::CommandError;
use crate::registry::{self, Registry};
use crate::sys::{self, Changes};
use agenda::Agenda;
use rustix::process::setsid;
use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

pub(super) use start::{is_ephemeral, look_after, options};

/// What it is called by crabbox itself.
pub(super) const COMMAND: &str = "__caretaker";

/// Held while it lives; its content is its process id.
const LOCK: &str = "caretaker.lock";

/// It looks this often, whatever it is told of: a clock may be set, and not every file system tells.
const LOOK: Duration = Duration::from_mins(1);

/// One change seldom comes alone.
const MOMENT: Duration = Duration::from_millis(200);

/// So often in a row the claims may be unreadable.
const PATIENCE: u32 = 10;

pub(super) fn execute(shared: &Shared) -> Result<(), CommandError> {
    // Without a terminal, nobody's Ctrl-C is for this process. A leader of a group can't leave it, and
    // needn't.
    let _ = setsid();
    sys::keep_from_children();
    let state = shared.places()?.state;
    let wrap = |error| CommandError::failed("the caretaker can't work").because(error);
    // Before whoever sees the lock held relies on it.
    let changes = Changes::of(&state).ok();
    let Some(lock) = Lock::take(&state).map_err(wrap)? else {
        return Ok(());
    };
    Caretaker { shared, state, program: env::current_exe().map_err(wrap)? }
        .work(lock, changes.as_ref())
}

/// Does one live for this state folder?
fn is_alive(state: &Path) -> bool {
    let lock = File::open(state.join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// `None`: somebody else has it.
    fn take(state: &Path) -> io::Result<Option<Self>> {
        let path = state.join(LOCK);
        let mut options = File::options();
        let mut file = options.write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        if !sys::lock_beside_lookers(&file)? {
            return Ok(None);
        }
        file.set_len(0)?;
        write!(file, "{}", std::process::id())?;
        Ok(Some(Self { file, path }))
    }

    /// Is the folder still the one that it was taken in?
    fn is_there(&self) -> bool {
        let same = |one: &fs::Metadata, other: &fs::Metadata| {
            (one.dev(), one.ino()) == (other.dev(), other.ino())
        };
        let here = fs::metadata(&self.path);
        here.is_ok_and(|here| self.file.metadata().is_ok_and(|held| same(&here, &held)))
    }
}

struct Caretaker<'a> {
    shared: &'a Shared,
    state: PathBuf,
    program: PathBuf,
}

impl Caretaker<'_> {
    fn work(&self, mut lock: Lock, changes: Option<&Changes>) -> Result<(), CommandError> {
        let mut agenda = Agenda::default();
        let mut failures = 0;
        while lock.is_there() {
            let wait = match self.ready() {
                Ok(ready) => {
                    failures = 0;
                    agenda.update(&ready);
                    let Some(next) = agenda.next() else {
                        match self.leave(lock, &mut agenda)? {
                            Some(again) => lock = again,
                            None => return Ok(()),
                        }
                        continue;
                    };
                    next
                }
                // Somebody may mend that.
                Err(_) if failures < PATIENCE => {
                    failures += 1;
                    LOOK
                }
                Err(error) => return Err(error),
            };
            let due = agenda.due();
            if due.is_empty() {
                sleep(changes, wait.min(LOOK));
                continue;
            }
            self.let_go(&due);
            for lease in &due {
                agenda.tried(lease);
            }
        }
        Ok(())
    }

    fn ready(&self) -> Result<BTreeMap<String, Moment>, CommandError> {
        ready::of(&self.state, &self.registry()?)
    }

    /// Providers may come and go meanwhile.
    fn registry(&self) -> Result<Registry, CommandError> {
        let places = self.shared.places()?;
        let flags = Flags { of_lease: true, ..self.shared.flags() };
        let settings = Settings::load(flags, None, &places)?;
        Ok(Registry::new(registry::Places::discover(settings.provider_path)))
    }

    /// Lets go of the lock, and takes it again if there is something to do: whoever came in between has
    /// seen it held, and relies on this one.
    fn leave(&self, lock: Lock, agenda: &mut Agenda) -> Result<Option<Lock>, CommandError> {
        drop(lock);
        agenda.update(&self.ready()?);
        if agenda.next().is_none() {
            return Ok(None);
        }
        Ok(Lock::take(&self.state).unwrap_or(None))
    }

    /// Has those be let go of whose time is over by the claims, too. What is said of it is in the kept
    /// log of that command.
    fn let_go(&self, leases: &[String]) {
        let mut command = Command::new(&self.program);
        command.args(["cleanup", "--expired", "--quiet", "--state-dir"]).arg(&self.state);
        for folder in &self.shared.common.provider_path {
            command.arg("--provider-path").arg(folder);
        }
        for lease in leases {
            command.args(["--lease", lease]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // What comes of it stands in the claims.
        let _ = command.status();
    }
}

fn sleep(changes: Option<&Changes>, time: Duration) {
    // The index is touched by whoever reads, this process included.
    let counts = |name: &[u8]| !name.ends_with(b"-shm");
    match changes.map(|changes| changes.wait(time, counts)) {
        Some(Ok(true)) => thread::sleep(MOMENT),
        Some(Ok(false)) => {}
        Some(Err(_)) | None => thread::sleep(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn whoever_only_looks_is_never_taken_for_a_caretaker() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path();
        assert!(!is_alive(state), "and makes nothing");
        let end = AtomicBool::new(false);
        drop(Lock::take(state).expect("io").expect("free"));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !end.load(Ordering::Relaxed) {
                    let _ = is_alive(state);
                }
            });
            let taken = (0..200).all(|_| Lock::take(state).expect("io").is_some());
            end.store(true, Ordering::Relaxed);
            assert!(taken);
        });
        let _lock = Lock::take(state).expect("io").expect("free");
        assert!(is_alive(state) && Lock::take(state).expect("io").is_none());
    }
}
