//! Takes the records of a copy in their order, and settles where they go. What an entry comes to is its own file's.

use super::answers::{Answers, LINK, below, remark};
use super::chosen::Choice;
use super::error::ReceiveError;
use super::files::File;
use super::folders::Folder;
use crate::begun::Begun;
use crate::git::{WHY, is_git};
use crate::kept::{OTHER, is_link};
use crate::partial::{Before, place_link};
use crate::reason::{in_words, is_full};
use crate::target::{Place, Target};
use crabbox_wire::copy::{Copied, MAX_ENTRIES, Record, Word};
use crabbox_wire::text::Text;
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The end of a copy that writes.
#[derive(Debug)]
pub struct Receiver {
    target: Target,
    /// Folders that were entered, the innermost last. The first is the one that the source goes to.
    pub(super) folders: Vec<Folder>,
    /// So many folders were entered below one that can't be had.
    pub(super) lost: usize,
    pub(super) file: Option<File>,
    pub(super) copied: Copied,
    entries: u64,
    /// The folder that is made, and whether an earlier copy has begun it: then all in it is ours.
    pub(super) begun: Option<(Begun, bool)>,
    /// The place is settled: what comes now has a name.
    settled: bool,
    /// Nothing goes into a `.git`.
    spares_git: bool,
    /// What becomes of what is there.
    pub(super) before: Before,
    /// What of the source comes.
    pub(super) choice: Choice,
}

impl Receiver {
    /// Nothing is touched before the first entry comes.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self {
            target,
            folders: Vec::new(),
            lost: 0,
            file: None,
            copied: Copied::default(),
            entries: 0,
            begun: None,
            settled: false,
            spares_git: false,
            before: Before::GivesWay,
            choice: Choice::Everything,
        }
    }

    /// The same, where what comes is a box's and the place is ours: what git reads there is trusted.
    #[must_use]
    pub fn sparing_git(target: Target) -> Self {
        Self { spares_git: true, ..Self::new(target) }
    }

    /// Does what the records of a block say. `true`: that was all.
    pub fn block(
        &mut self,
        mut records: &[u8],
        answers: &mut dyn Answers,
    ) -> Result<bool, ReceiveError> {
        while !records.is_empty() {
            let record = Record::take(&mut records)?;
            if record == Record::End {
                return self.end(answers);
            }
            self.record(&record, answers)?;
        }
        Ok(false)
    }

    fn end(&mut self, answers: &mut dyn Answers) -> Result<bool, ReceiveError> {
        let is_whole = self.file.is_none() && self.lost == 0 && self.folders.len() <= 1;
        if !is_whole {
            return Err(ReceiveError::Order);
        }
        if let (Some((begun, _)), Some(outermost)) = (&self.begun, self.folders.first()) {
            begun.clear(outermost.open.as_fd());
        }
        answers.say(Word::Done(self.copied.clone()))?;
        Ok(true)
    }

    fn record(
        &mut self,
        record: &Record<'_>,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        match (record, self.file.is_some()) {
            (Record::From(at), true) => self.from(*at, answers),
            (Record::Data(bytes), true) => self.data(bytes, answers),
            (Record::Whole { hash, grew }, true) => self.whole(*hash, *grew, answers),
            (Record::Broken { why }, true) => self.broken(why, answers),
            (Record::Total(bytes), false) => {
                answers.expect(*bytes);
                Ok(())
            }
            (Record::Folder { name, mode }, false) => self.enter(name, *mode, answers),
            (Record::Leave, false) => self.leave(answers),
            (Record::File { name, mode, size, key }, false) => {
                self.open(name, *mode, *size, *key, answers)
            }
            (Record::Link { name, target }, false) => self.link(name, target, answers),
            (Record::Skipped { name, why }, false) => self.remark(name, why, true, answers),
            _ => Err(ReceiveError::Order),
        }
    }

    /// Another entry; the name that it gets. `None`: its folder can't be had, or it can't itself.
    pub(super) fn next(
        &mut self,
        name: &[u8],
        is_folder: bool,
        answers: &mut dyn Answers,
    ) -> Result<Option<Vec<u8>>, ReceiveError> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES {
            return Err(ReceiveError::TooMany);
        }
        if self.lost > 0 {
            return Ok(None);
        }
        let called = match (self.settled, name.is_empty()) {
            (false, true) => self.settle(is_folder)?,
            (true, false) if self.folders.len() > 1 => name.to_vec(),
            _ => return Err(ReceiveError::Order),
        };
        if self.spares_git && is_git(&called) {
            self.remark(name, WHY, true, answers)?;
            return Ok(None);
        }
        Ok(Some(called))
    }

    fn settle(&mut self, is_folder: bool) -> Result<Vec<u8>, ReceiveError> {
        if self.spares_git {
            self.target.check_git()?;
        }
        let (place, path) = self.target.settle(is_folder)?;
        self.settled = true;
        self.copied.place = Text(path.as_os_str().as_bytes().to_vec());
        let (open, name) = match place {
            Place::New(folder, name) => {
                self.begun = self.target.name.as_ref().map(|source| {
                    let begun = Begun::of(&name, source);
                    let is_there = begun.is_there(folder.as_fd());
                    (begun, is_there)
                });
                (folder, name)
            }
            Place::Beside(folder, name) => (folder, name),
            Place::Into(folder) => (folder, Vec::new()),
        };
        self.folders.push(Folder { open, called: Vec::new(), name: Vec::new(), mode: None });
        Ok(name)
    }

    fn link(
        &mut self,
        shown: &[u8],
        target: &[u8],
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        let Some(name) = self.next(shown, false, answers)? else { return Ok(()) };
        if !self.choice.takes_links() {
            return self.remark(shown, LINK, true, answers);
        }
        match place_link(self.innermost(), &name, target, self.before) {
            Err(Errno::EXIST) if !is_link(self.innermost(), &name, target) => {
                self.remark(shown, OTHER, true, answers)
            }
            Ok(()) | Err(Errno::EXIST) => {
                self.copied.links += 1;
                Ok(())
            }
            Err(error) => self.refuse(shown, error, answers),
        }
    }

    /// The system doesn't let us; where there is no room, nothing else has any, either.
    pub(super) fn refuse(
        &mut self,
        shown: &[u8],
        error: Errno,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        if is_full(error) {
            return Err(ReceiveError::Full { path: self.place_of(shown), error });
        }
        self.remark(shown, &in_words(error), true, answers)
    }

    pub(super) fn remark(
        &mut self,
        shown: &[u8],
        what: &str,
        failed: bool,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        Ok(remark(&self.path_of(shown), what, failed, answers)?)
    }

    /// Where it is written.
    pub(super) fn place_of(&self, shown: &[u8]) -> PathBuf {
        let place = PathBuf::from(OsStr::from_bytes(&self.copied.place.0));
        let path = self.path_of(shown);
        // Joining nothing would leave a slash at the end.
        if path.as_os_str().is_empty() { place } else { place.join(path) }
    }

    /// Below what is copied.
    pub(super) fn path_of(&self, shown: &[u8]) -> PathBuf {
        below(self.folders.iter().map(|folder| folder.name.as_slice()), shown)
    }
}
