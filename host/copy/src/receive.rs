//! Makes what the records say, below the place that was given. What can't be made is told of, and the rest goes on.

use crate::Gone;
use crate::begun::Begun;
use crate::git::{WHY, is_git};
use crate::kept::{OTHER, There, is_file, is_link, look};
use crate::partial::{Before, Partial, PartialError, place, place_link};
use crate::reason::{in_words, is_full};
use crate::target::{Place, Target, TargetError};
use crabbox_wire::copy::{Copied, MAX_DEPTH, MAX_ENTRIES, Record, RecordError, Remark, Word};
use crabbox_wire::text::Text;
use crabbox_wire::tree::Hash;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fchmod, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What carries words to the sender, or to whoever watches.
pub trait Answers {
    /// Says it.
    fn say(&mut self, word: Word) -> Result<(), Gone>;
    /// So much content has come, or was there.
    fn advance(&mut self, _bytes: u64) {}
    /// So much there will be, as far as is known.
    fn expect(&mut self, _total: u64) {}
    /// A file is in its place.
    fn placed(&mut self, _file: Placed) {}
}

/// A file that is in its place, or was there as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Below what is copied; empty for that itself.
    pub path: PathBuf,
    /// Where it is.
    pub local: PathBuf,
    /// In bytes.
    pub size: u64,
    /// Of its content.
    pub hash: Hash,
}

/// The copy can't go on.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// There is no place for it.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// There is no room left.
    #[error("there is no room for `{}`: {}", path.display(), std::io::Error::from(*.error))]
    Full {
        /// What was written.
        path: PathBuf,
        /// What the system says.
        error: Errno,
    },
    /// What comes isn't records.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// They come in an order that makes no sense.
    #[error("the records come in an order that makes no sense")]
    Order,
    /// A file has more content than was said.
    #[error("`{}` has more content than was announced", .0.display())]
    TooMuch(PathBuf),
    /// There is no end of entries.
    #[error("there are more than {MAX_ENTRIES} entries")]
    TooMany,
    /// The sender is gone.
    #[error(transparent)]
    Gone(#[from] Gone),
}

/// The end of a copy that writes.
#[derive(Debug)]
pub struct Receiver {
    target: Target,
    /// Folders that were entered, the innermost last. The first is the one that the source goes to.
    folders: Vec<Folder>,
    /// So many folders were entered below one that can't be had.
    lost: usize,
    file: Option<File>,
    copied: Copied,
    entries: u64,
    /// The folder that is made, and whether an earlier copy has begun it: then all in it is ours.
    begun: Option<(Begun, bool)>,
    /// The place is settled: what comes now has a name.
    settled: bool,
    /// Nothing goes into a `.git`.
    spares_git: bool,
    /// What becomes of what is there.
    before: Before,
    /// What of the source comes.
    choice: Choice,
}

/// What of the source comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Everything,
    /// A folder that nothing came into goes again.
    Some,
    /// The same, and no link is among it: where it would lead is for whoever sends it to say.
    Files,
}

#[derive(Debug)]
struct Folder {
    open: OwnedFd,
    /// As it is called here in the one before.
    called: Vec<u8>,
    /// As it is called in the one before; empty for those that hold everything.
    name: Vec<u8>,
    /// What it gets at the end, when it is ours.
    mode: Option<u32>,
}

/// A file whose content comes.
#[derive(Debug)]
struct File {
    name: Vec<u8>,
    /// As it is called in the source.
    shown: Vec<u8>,
    mode: u32,
    size: u64,
    /// What has come.
    at: u64,
    hasher: blake3::Hasher,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Memory(Vec<u8>),
    /// The sender was told what is there of it.
    Asked(Partial),
    Stored(Partial),
    /// A file that is here, and may be the same.
    There,
    /// It has no place any more.
    Dropped,
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

    /// The same for what was chosen there: a folder of which nothing came isn't made. A file that is here and is the
    /// same counts as brought.
    #[must_use]
    pub fn collecting(target: Target, before: Before) -> Self {
        Self { before, choice: Choice::Some, ..Self::sparing_git(target) }
    }

    /// The same where links come as the files that they lead to.
    #[must_use]
    pub fn collecting_files(target: Target, before: Before) -> Self {
        Self { choice: Choice::Files, ..Self::collecting(target, before) }
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
    fn next(
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

    fn innermost(&self) -> BorrowedFd<'_> {
        // Settled before anything is asked of it.
        self.folders.last().map_or(CWD, |folder| folder.open.as_fd())
    }

    fn enter(
        &mut self,
        name: &[u8],
        mode: u32,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        if self.folders.len() + self.lost > MAX_DEPTH + 1 {
            return Err(ReceiveError::Order);
        }
        let Some(called) = self.next(name, true, answers)? else {
            self.lost += 1;
            return Ok(());
        };
        let entered = if called.is_empty() {
            // The place itself is the folder.
            rustix::io::fcntl_dupfd_cloexec(self.innermost(), 0).map(|open| (open, None))
        } else {
            let all_ours = matches!(self.begun, Some((_, true)));
            enter(self.innermost(), &called, mode, all_ours)
        };
        match entered {
            Ok((open, mode)) => {
                if let ([outermost], Some((begun, false))) = (&*self.folders, &self.begun) {
                    // Without it, the same copy once more makes another one in there.
                    let _ = begun.mark(outermost.open.as_fd());
                }
                self.copied.folders += 1;
                self.folders.push(Folder { open, called, name: name.to_vec(), mode });
                Ok(())
            }
            Err(error) => {
                self.lost = 1;
                self.refuse(name, error, answers)
            }
        }
    }

    fn leave(&mut self, answers: &mut dyn Answers) -> Result<(), ReceiveError> {
        if self.lost > 0 {
            self.lost -= 1;
            return Ok(());
        }
        if self.folders.len() < 2 {
            return Err(ReceiveError::Order);
        }
        let Some(Folder { open, called, name, mode }) = self.folders.pop() else {
            return Err(ReceiveError::Order);
        };
        // Only an empty one goes.
        let goes = self.choice != Choice::Everything && mode.is_some();
        if goes && unlinkat(self.innermost(), &*called, AtFlags::REMOVEDIR).is_ok() {
            self.copied.folders -= 1;
            return Ok(());
        }
        match mode.map(|mode| fchmod(&open, Mode::from_raw_mode(mode & 0o777))) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(error)) => self.refuse(&name, error, answers),
        }
    }

    fn open(
        &mut self,
        shown: &[u8],
        mode: u32,
        size: u64,
        key: Option<Hash>,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        let called = self.next(shown, false, answers)?;
        let (mode, hasher) = (mode & 0o777, blake3::Hasher::new());
        let (at, hasher, content) = match (called.as_deref(), key) {
            (None, Some(_)) => return Ok(answers.say(Word::Skip)?),
            (None, None) => (0, hasher, Content::Dropped),
            (Some(_), None) if size >= crabbox_wire::copy::RESUMABLE => {
                return Err(ReceiveError::Order);
            }
            (Some(_), None) => (0, hasher, Content::Memory(Vec::new())),
            (Some(name), Some(key)) => match self.held(name, key, size) {
                Ok((content, at, hasher)) => {
                    let hash = Hash(*hasher.finalize().as_bytes());
                    answers.say(Word::Have { at, hash })?;
                    (at, hasher, content)
                }
                Err(error) => {
                    answers.say(Word::Skip)?;
                    return self.refuse_part(shown, error, answers);
                }
            },
        };
        let (name, shown) = (called.unwrap_or_default(), shown.to_vec());
        self.file = Some(File { name, shown, mode, size, at, hasher, content });
        Ok(())
    }

    fn refuse_part(
        &mut self,
        shown: &[u8],
        error: PartialError,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        match error {
            PartialError::System(Errno::EXIST) => self.remark(shown, OTHER, true, answers),
            PartialError::System(error) => self.refuse(shown, error, answers),
            error @ PartialError::Taken => self.remark(shown, &error.to_string(), true, answers),
        }
    }

    /// What is here of a large file.
    fn held(
        &self,
        name: &[u8],
        key: Hash,
        size: u64,
    ) -> Result<(Content, u64, blake3::Hasher), PartialError> {
        if self.before == Before::Stays {
            match look(self.innermost(), name, size)? {
                There::Nothing => {}
                There::Alike(hasher) => return Ok((Content::There, size, *hasher)),
                There::Other => return Err(Errno::EXIST.into()),
            }
        }
        // A folder in its place would be noticed only once everything is there.
        if let Ok(found) = statat(self.innermost(), name, AtFlags::SYMLINK_NOFOLLOW)
            && FileType::from_raw_mode(found.st_mode) == FileType::Directory
        {
            return Err(Errno::ISDIR.into());
        }
        let part = Partial::open(self.innermost(), name, key)?;
        let (at, hasher) = part.held(size)?;
        Ok((Content::Asked(part), at, hasher))
    }

    fn from(&mut self, at: u64, answers: &mut dyn Answers) -> Result<(), ReceiveError> {
        let Some(file) = &mut self.file else { return Err(ReceiveError::Order) };
        let content = std::mem::replace(&mut file.content, Content::Dropped);
        let part = match content {
            Content::Asked(part) => part,
            Content::There if at == file.size => {
                file.content = Content::There;
                answers.advance(at);
                return Ok(());
            }
            Content::There => {
                // All of it comes, and none of it has a place.
                file.at = at;
                let shown = file.shown.clone();
                return self.remark(&shown, OTHER, true, answers);
            }
            _ => return Err(ReceiveError::Order),
        };
        if at == 0 {
            (file.at, file.hasher) = (0, blake3::Hasher::new());
        }
        if at != file.at {
            return Err(ReceiveError::Order);
        }
        if let Err(error) = part.begin(at) {
            let shown = file.shown.clone();
            return self.refuse(&shown, error, answers);
        }
        file.content = Content::Stored(part);
        self.copied.resumed += at;
        answers.advance(at);
        Ok(())
    }

    fn data(&mut self, bytes: &[u8], answers: &mut dyn Answers) -> Result<(), ReceiveError> {
        let Some(file) = &mut self.file else { return Err(ReceiveError::Order) };
        file.at += bytes.len() as u64;
        if file.at > file.size {
            let shown = file.shown.clone();
            return Err(ReceiveError::TooMuch(self.path_of(&shown)));
        }
        answers.advance(bytes.len() as u64);
        match &mut file.content {
            Content::Memory(content) => content.extend_from_slice(bytes),
            Content::Asked(_) | Content::There => return Err(ReceiveError::Order),
            Content::Dropped => return Ok(()),
            Content::Stored(part) => {
                if let Err(error) = part.write(bytes) {
                    let shown = file.shown.clone();
                    if let Content::Stored(part) =
                        std::mem::replace(&mut file.content, Content::Dropped)
                    {
                        part.discard(self.innermost());
                    }
                    return self.refuse(&shown, error, answers);
                }
            }
        }
        file.hasher.update(bytes);
        Ok(())
    }

    fn whole(
        &mut self,
        hash: Hash,
        grew: bool,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        let file = self.file.take().ok_or(ReceiveError::Order)?;
        let File { name, shown, mode, size, at, hasher, content } = file;
        let is_it = at == size && *hasher.finalize().as_bytes() == hash.0;
        let placed = match content {
            Content::Dropped => return Ok(()),
            Content::Asked(_) => return Err(ReceiveError::Order),
            Content::Stored(part) if !is_it => {
                part.discard(self.innermost());
                return self.remark(&shown, NOT_IT, true, answers);
            }
            _ if !is_it => return self.remark(&shown, NOT_IT, true, answers),
            Content::There => Ok(()),
            Content::Stored(part) => part.finish(self.innermost(), &name, mode, self.before),
            Content::Memory(content) => place(self.innermost(), &name, mode, &content, self.before),
        };
        match placed {
            Ok(()) => {}
            Err(Errno::EXIST) if is_file(self.innermost(), &name, size, hash) => {}
            Err(Errno::EXIST) => return self.remark(&shown, OTHER, true, answers),
            Err(error) => return self.refuse(&shown, error, answers),
        }
        self.copied.files += 1;
        self.copied.bytes += size;
        let (path, local) = (self.path_of(&shown), self.place_of(&shown));
        answers.placed(Placed { path, local, size, hash });
        if grew {
            let what =
                format!("it became longer while it was read: its first {size} bytes are there");
            self.remark(&shown, &what, false, answers)?;
        }
        Ok(())
    }

    fn broken(&mut self, why: &str, answers: &mut dyn Answers) -> Result<(), ReceiveError> {
        let File { shown, content, .. } = self.file.take().ok_or(ReceiveError::Order)?;
        if let Content::Stored(part) | Content::Asked(part) = content {
            part.discard(self.innermost());
        }
        self.remark(&shown, why, true, answers)
    }

    fn link(
        &mut self,
        shown: &[u8],
        target: &[u8],
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        let Some(name) = self.next(shown, false, answers)? else { return Ok(()) };
        if self.choice == Choice::Files {
            return self.remark(shown, "it is a link where only files come", true, answers);
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
    fn refuse(
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

    fn remark(
        &mut self,
        shown: &[u8],
        what: &str,
        failed: bool,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        let path = Text(self.path_of(shown).as_os_str().as_bytes().to_vec());
        Ok(answers.say(Word::Remark(Remark { path, what: what.to_owned(), failed }))?)
    }

    /// Where it is written.
    fn place_of(&self, shown: &[u8]) -> PathBuf {
        let place = PathBuf::from(OsStr::from_bytes(&self.copied.place.0));
        let below = self.path_of(shown);
        // Joining nothing would leave a slash at the end.
        if below.as_os_str().is_empty() { place } else { place.join(below) }
    }

    /// Below what is copied.
    fn path_of(&self, shown: &[u8]) -> PathBuf {
        let folders = self.folders.iter().map(|folder| folder.name.as_slice());
        let parts = folders.chain([shown]).filter(|part| !part.is_empty());
        parts.map(OsStr::from_bytes).collect()
    }
}

const NOT_IT: &str = "what arrived isn't what was announced";

/// Opens a folder, made if it isn't there; the mode is for one that was. A link is no folder.
fn enter(
    parent: BorrowedFd<'_>,
    name: &[u8],
    mode: u32,
    all_ours: bool,
) -> Result<(OwnedFd, Option<u32>), Errno> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let is_ours = match mkdirat(parent, name, Mode::RWXU) {
        Ok(()) => true,
        Err(Errno::EXIST) => all_ours,
        Err(error) => return Err(error),
    };
    if is_ours {
        let open = openat(parent, name, flags | OFlags::RDONLY, Mode::empty())?;
        return Ok((open, Some(mode)));
    }
    Ok((openat(parent, name, flags | OFlags::PATH, Mode::empty())?, None))
}
