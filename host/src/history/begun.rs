//! Runs that have begun and have no record: each has a file in the folder `begun` of the state folder, from its beginning
//! until its record is written. Whoever leaves it holds it locked; so one that was killed is told from one that goes on.
//!
//! It is made beside the run, and isn't waited for on any disk. What can't be made is missing, and nothing else. Behind what
//! was known at the beginning is room for how the run ended: it takes no more of a full disk to say so there, where the
//! record can't be written.

use super::id::RunId;
use super::query::{Filter, Reader};
use super::record::RunRecord;
use super::{HistoryError, begun};
use crate::fault;
use crate::places::{FolderError, private_folder};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

/// What is larger is no such file, in bytes: a command line may be long.
const LIMIT: u64 = 4 * 1024 * 1024;

/// What is as young as this is taken for held where there are no locks, and is left alone while it is hidden.
pub(super) const YOUNG: Duration = Duration::from_hours(24);

/// So much room is left for how the run ended, in bytes.
const ROOM: usize = 16;

/// What is left of a run while it has no record.
#[derive(Debug, Default)]
pub(super) struct Sign(Option<JoinHandle<Option<Left>>>);

#[derive(Debug)]
struct Left {
    path: PathBuf,
    /// Locked as long as it is open.
    held: File,
    /// Where the room in it begins.
    room: u64,
}

/// How a run ended whose record couldn't be written.
#[derive(Debug, Serialize, Deserialize)]
struct Ended {
    exit: u8,
}

impl Sign {
    /// Leaves it, on a thread of its own.
    pub(super) fn leave(state: &Path, run: &RunRecord) -> Self {
        let (state, run) = (state.to_owned(), run.clone());
        let leave = move || Left::new(&state, &run).ok();
        Self(thread::Builder::new().name("begun".to_owned()).spawn(leave).ok())
    }

    /// Takes it away.
    pub(super) fn take_away(&mut self) {
        if let Some(Left { path, .. }) = self.take() {
            let _ = fs::remove_file(path);
        }
    }

    /// Lets go of it: it is all that there is of a run that has ended so. Where not even that can be written into it, the
    /// run is as one that was killed.
    pub(super) fn let_go(&mut self, exit: u8) {
        if let Some(left) = self.take() {
            fault::point("history.before.mark");
            let _ = left.mark(exit);
            fault::point("history.after.mark");
        }
    }

    fn take(&mut self) -> Option<Left> {
        self.0.take().and_then(|thread| thread.join().ok().flatten())
    }
}

/// Whoever gives a run up without a record was told why; a fault of this program is told of without the run.
impl Drop for Sign {
    fn drop(&mut self) {
        if thread::panicking() {
            drop(self.take());
        } else {
            self.take_away();
        }
    }
}

impl Left {
    fn new(state: &Path, run: &RunRecord) -> Result<Self, FolderError> {
        private_folder(state)?;
        let folder = begun(state);
        private_folder(&folder)?;
        let path = folder.join(run.id.as_str());
        // Nobody sees it before it is whole and locked.
        let hidden = folder.join(format!(".{}", run.id));
        let mut held = File::options().write(true).create_new(true).mode(0o600).open(&hidden)?;
        let made = serde_json::to_vec(run).map_err(io::Error::from).and_then(|mut text| {
            text.push(b'\n');
            let room = text.len() as u64;
            text.resize(text.len() + ROOM, b' ');
            held.write_all(&text)?;
            // Where there are no locks, its age has to do: see `is_held`.
            let _ = held.try_lock();
            fs::rename(&hidden, &path)?;
            Ok(room)
        });
        match made {
            Ok(room) => Ok(Self { path, held, room }),
            Err(error) => {
                let _ = fs::remove_file(hidden);
                Err(error.into())
            }
        }
    }

    /// In one piece: whoever reads it meanwhile, or after this was killed, finds all of it or nothing that can be read.
    fn mark(&self, exit: u8) -> io::Result<()> {
        self.held.write_all_at(&serde_json::to_vec(&Ended { exit })?, self.room)
    }
}

/// A run without a record.
#[derive(Clone, Debug)]
pub struct Unfinished {
    /// What was known of it when it began.
    pub run: RunRecord,
    /// It goes on. Else it was killed, its machine went down, or its record couldn't be written.
    pub goes_on: bool,
    /// What it ended with: its record couldn't be written. `None`: it goes on, or nobody knows.
    pub exit: Option<u8>,
}

impl Unfinished {
    /// In a word or two.
    #[must_use]
    pub fn word(&self) -> String {
        match self.exit {
            Some(exit) => format!("{exit} (no record)"),
            None if self.goes_on => "goes on".to_owned(),
            None => "no record".to_owned(),
        }
    }

    fn is_wanted(&self, filter: &Filter) -> bool {
        let Filter { repository, failed, since, command, .. } = filter;
        repository.as_ref().is_none_or(|one| *one == self.run.repository)
            && since.is_none_or(|since| self.run.began >= since)
            && command.as_ref().is_none_or(|part| self.run.command.to_string().contains(part))
            && !(*failed && (self.goes_on || self.exit == Some(0)))
    }
}

impl Reader {
    /// Those that are wanted, the latest first. Whether one that goes on fails, nobody knows yet.
    pub fn unfinished(&self, filter: &Filter) -> Result<Vec<Unfinished>, HistoryError> {
        let mut all = Vec::new();
        for id in ids(self.state()) {
            // One that was killed behind its record left both.
            if let Some(one) = look(self.state(), &id).filter(|one| one.is_wanted(filter))
                && self.beginning(id.as_str(), 1)?.is_empty()
            {
                all.push(one);
            }
        }
        all.sort_by_key(|one| std::cmp::Reverse(one.run.began));
        Ok(all)
    }

    /// The same of one run.
    #[must_use]
    pub fn unfinished_run(&self, id: &RunId) -> Option<Unfinished> {
        look(self.state(), id)
    }
}

/// Does it go on?
pub(super) fn goes_on(state: &Path, id: &RunId) -> bool {
    open(&begun(state).join(id.as_str())).is_some_and(|file| is_held(&file))
}

/// The runs that have left a file.
pub(super) fn ids(state: &Path) -> Vec<RunId> {
    let entries = fs::read_dir(begun(state)).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// Removes what was killed before anybody saw it.
pub(super) fn remove_hidden(state: &Path) {
    for entry in fs::read_dir(begun(state)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| name.strip_prefix('.'));
        if id.is_none_or(|id| id.parse::<RunId>().is_err()) {
            continue;
        }
        let path = entry.path();
        // Whoever makes one hasn't locked it in its first moments.
        if open(&path).is_some_and(|file| !is_young(&file) && !is_held(&file)) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Opens such a file. Nothing else lies there, unless somebody has put it there: a pipe would be waited for.
fn open(path: &Path) -> Option<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path).ok()?;
    file.metadata().is_ok_and(|found| found.is_file()).then_some(file)
}

fn is_held(file: &File) -> bool {
    says_held(&file.try_lock_shared(), || is_young(file))
}

/// What an attempt to lock it too says of that.
pub(super) fn says_held(
    attempt: &Result<(), TryLockError>,
    is_young: impl FnOnce() -> bool,
) -> bool {
    match attempt {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => is_young(),
    }
}

/// A time that is yet to come is as young.
fn is_young(file: &File) -> bool {
    let written = file.metadata().and_then(|found| found.modified());
    let age = written.ok().and_then(|written| SystemTime::now().duration_since(written).ok());
    age.is_none_or(|age| age < YOUNG)
}

fn look(state: &Path, id: &RunId) -> Option<Unfinished> {
    let file = open(&begun(state).join(id.as_str()))?;
    let is_held = is_held(&file);
    let mut text = Vec::new();
    file.take(LIMIT).read_to_end(&mut text).ok()?;
    let (run, exit) = parse(&text)?;
    // Where there are no locks, what has ended is known all the same.
    let goes_on = is_held && exit.is_none();
    (run.id == *id).then_some(Unfinished { run, goes_on, exit })
}

/// What was known of it when it began, and what it ended with.
fn parse(text: &[u8]) -> Option<(RunRecord, Option<u8>)> {
    let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    let (run, room) = text.split_at(end);
    let ended: Option<Ended> = serde_json::from_slice(room).ok();
    Some((serde_json::from_slice(run).ok()?, ended.map(|ended| ended.exit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Command;
    use jiff::Timestamp;

    fn run(id: &str) -> RunRecord {
        let command = crate::history::Command::Shell("true".to_owned());
        RunRecord::begun(id.parse().expect("an id"), command, "local", jiff::Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn how_it_ended_has_room_and_only_what_is_whole_counts() {
        let state = tempfile::tempdir().expect("a folder");
        let run = run("run_0123456789ab");
        let left = Left::new(state.path(), &run).expect("is left");
        let read = || look(state.path(), &run.id).expect("is there");
        assert_eq!((read().goes_on, read().exit), (true, None));
        let size = fs::metadata(&left.path).expect("there").len();
        for exit in [3, 255] {
            left.mark(exit).expect("is marked");
            assert_eq!((read().goes_on, read().exit), (false, Some(exit)));
            assert_eq!(fs::metadata(&left.path).expect("there").len(), size);
        }
        drop(left);
        assert_eq!((read().goes_on, read().exit), (false, Some(255)));
        let text = serde_json::to_vec(&run).expect("text");
        for rest in
            ["", "\n", "\n{\"exit\":2", "\n{\"exit\":256}", "\n{\"exit\":-1}", "\n3", "\n\u{0}"]
        {
            let (found, exit) = parse(&[&text, rest.as_bytes()].concat()).expect(rest);
            assert_eq!((found, exit), (run.clone(), None), "{rest}");
        }
        let large =
            [text.as_slice(), b"\n", &b" ".repeat(8 * 1024 * 1024), b"{\"exit\":1}"].concat();
        fs::write(begun(state.path()).join(run.id.as_str()), large).expect("writes");
        assert_eq!(read().exit, None);
    }

    #[test]
    fn where_there_are_no_locks_what_is_young_goes_on() {
        let refused = || Err(TryLockError::Error(io::ErrorKind::Unsupported.into()));
        assert!(says_held(&refused(), || true) && !says_held(&refused(), || false));
        assert!(
            says_held(&Err(TryLockError::WouldBlock), || false) && !says_held(&Ok(()), || true)
        );
        let file = tempfile::tempfile().expect("a file");
        for (back, expected) in [(YOUNG / 2, true), (YOUNG * 2, false)] {
            file.set_modified(SystemTime::now() - back).expect("a time");
            assert_eq!(is_young(&file), expected, "{back:?}");
        }
        file.set_modified(SystemTime::now() + YOUNG).expect("a time");
        assert!(is_young(&file));
    }

    #[test]
    fn a_fault_of_this_program_leaves_the_run() {
        let state = tempfile::tempdir().expect("a folder");
        let id = RunId::from_bits(9);
        let command = Command::Argv(vec!["true".to_owned()]);
        let record = RunRecord::begun(id.clone(), command, "desk", Timestamp::UNIX_EPOCH);
        let fails = || {
            let _sign = Sign::leave(state.path(), &record);
            panic!("a fault");
        };
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(fails)).is_err());
        assert!(look(state.path(), &id).is_some_and(|left| !left.goes_on));
        drop(Sign::leave(state.path(), &record));
        assert!(look(state.path(), &id).is_none());
    }
}
