//! Sends the files below a folder that match: a tree that holds those, and no folder without one.
//!
//! A link to a file that lies below the folder, too, is sent as that file. No other is followed, and so no file is
//! reached by a way that isn't its own.

use crate::Gone;
use crate::git::{is_git, is_within};
use crate::glob::{Files, Globs, Reach};
use crate::reason::in_words;
use crate::send::{Line, Listed, Sender, is_dots, not_all};
use crabbox_wire::collect::{Collected, Limits};
use crabbox_wire::copy::{MAX_DEPTH, Record};
use crabbox_wire::text::Text;
use rustix::fs::{AtFlags, CWD, Dir, DirEntry, FileType, Stat, stat, statat};
use rustix::io::Errno;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where not all entries are looked at, so many times as many names are read to find those that may match.
const NAMES_OF_ONE: u64 = 5;

/// What of a folder is sent.
pub struct Matching<'a> {
    /// The folder.
    pub root: &'a Path,
    /// What must match.
    pub globs: &'a Globs,
    /// What must not; a folder that does isn't entered.
    pub exclude: &'a Globs,
    /// A name at the top that is never searched, beside each `.git`.
    pub hidden: &'a [u8],
    /// How much is sent at most.
    pub limits: Limits,
    /// So many entries that may match, or lead to what does, are looked at: of each folder the first by their names. The others
    /// are left alone without a word.
    pub entries: u64,
    /// A file that several names lead to is sent once.
    pub once: bool,
    /// Is the file of this path and state wanted?
    pub is_wanted: &'a dyn Fn(&[u8], &Stat) -> bool,
}

/// Sends it as one tree.
pub fn send_matching(what: &Matching<'_>, line: &mut dyn Line) -> Result<Collected, Gone> {
    let root = fs::canonicalize(what.root).unwrap_or_else(|_| what.root.to_owned());
    let other_root = Some(&root).filter(|root| *root != what.root);
    let other_root = other_root.map(|root| Text(root.as_os_str().as_bytes().to_vec()));
    let mut walk = Walk {
        what,
        root: root.clone(),
        sender: Sender::new(line, what.limits),
        folders: Vec::new(),
        announced: 0,
        sent: HashSet::new(),
        left: what.entries,
        unread: what.entries.saturating_mul(NAMES_OF_ONE),
        collected: Collected {
            matched: vec![0; what.globs.len()],
            older: vec![0; what.globs.len()],
            unnamed: 0,
            gone: false,
            root: other_root,
        },
    };
    let (reach, exclude) = (what.globs.start(), what.exclude.start());
    walk.folder(CWD, root.as_os_str().as_bytes(), b"", [&reach, &exclude])?;
    let Walk { sender, mut collected, .. } = walk;
    collected.unnamed = sender.end()?;
    Ok(collected)
}

struct Walk<'a, 'b> {
    what: &'a Matching<'a>,
    /// Without links.
    root: PathBuf,
    sender: Sender<'b>,
    /// Those that are being looked through, the innermost last: names and modes.
    folders: Vec<(Vec<u8>, u32)>,
    /// So many of them were sent.
    announced: usize,
    /// What was sent by way of a link, by device and inode.
    sent: HashSet<(u64, u64)>,
    /// So many entries may still be looked at.
    left: u64,
    /// So many names may still be read.
    unread: u64,
    collected: Collected,
}

/// A folder that is still to be looked through.
struct Below {
    name: Vec<u8>,
    reach: Reach,
    exclude: Reach,
}

impl Walk<'_, '_> {
    fn folder(
        &mut self,
        parent: BorrowedFd<'_>,
        at: &[u8],
        name: &[u8],
        [reach, exclude]: [&Reach; 2],
    ) -> Result<(), Gone> {
        let Listed { folder, mode, entries } = match Listed::of(parent, at) {
            Ok(listed) => listed,
            // Where something is looked for everywhere, nobody means each folder.
            Err(Errno::NOENT) if name.is_empty() => {
                self.collected.gone = true;
                return Ok(());
            }
            Err(_) if self.what.once && !name.is_empty() && !reach.is_by_name() => return Ok(()),
            Err(error) => return self.skip(name, &in_words(error)),
        };
        self.folders.push((name.to_vec(), mode));
        let below = self.entries(&folder, entries, [reach, exclude])?;
        for Below { name, reach, exclude } in below {
            if self.folders.len() >= MAX_DEPTH {
                self.skip(&name, &format!("folders are nested deeper than {MAX_DEPTH}"))?;
            } else {
                self.folder(folder.as_fd(), &name, &name, [&reach, &exclude])?;
            }
        }
        self.folders.pop();
        if self.announced > self.folders.len() {
            self.announced -= 1;
            self.sender.say(&Record::Leave)?;
        }
        Ok(())
    }

    /// Sends what of a folder is none itself. The folders in it come later: first those that a pattern names, so that
    /// what somebody meant is found before there were too many others.
    fn entries(
        &mut self,
        folder: &OwnedFd,
        entries: Dir,
        [reach, exclude]: [&Reach; 2],
    ) -> Result<Vec<Below>, Gone> {
        let mut below = Vec::new();
        let (entries, error) = self.in_order(entries, reach);
        if let Some(error) = error {
            self.skip(b"", &not_all(error))?;
        }
        for entry in entries {
            let name = entry.file_name().to_bytes();
            let exclude = self.what.exclude.enter(exclude, name);
            let reach = self.what.globs.enter(reach, name);
            if !reach.is_nowhere()
                && !self.what.exclude.is_match(&exclude)
                && self.entry(folder, name, entry.file_type(), &reach)?
            {
                below.push(Below { name: name.to_vec(), reach, exclude });
            }
        }
        below.sort_by_key(|folder| !folder.reach.is_by_name());
        Ok(below)
    }

    /// Those that may matter, by their names: which of too many are sent isn't up to the file system. And why there may be
    /// more.
    fn in_order(&mut self, entries: Dir, reach: &Reach) -> (Vec<DirEntry>, Option<Errno>) {
        let (mut kept, mut failed) = (Vec::new(), None);
        let files = self.what.globs.files(reach);
        for entry in entries {
            if self.left == 0 || self.unread == 0 {
                break;
            }
            self.unread -= 1;
            match entry {
                Ok(entry) if self.may_matter(&entry, &files) => kept.push(entry),
                Ok(_) => {}
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        kept.sort_unstable_by(|one, other| one.file_name().cmp(other.file_name()));
        kept.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= kept.len() as u64;
        (kept, failed)
    }

    fn may_matter(&self, entry: &DirEntry, files: &Files<'_>) -> bool {
        let name = entry.file_name().to_bytes();
        let is_file = entry.file_type() == FileType::RegularFile;
        !is_dots(name)
            && !is_git(name)
            && !self.is_hidden(name)
            && (!is_file || files.is_match(name))
    }

    fn is_hidden(&self, name: &[u8]) -> bool {
        self.folders.len() == 1 && name == self.what.hidden
    }

    /// Sends it. `true`: it is a folder, and still to be looked through.
    fn entry(
        &mut self,
        folder: &OwnedFd,
        name: &[u8],
        kind: FileType,
        reach: &Reach,
    ) -> Result<bool, Gone> {
        let kind = match kind {
            // Some file systems don't say it in passing.
            FileType::Unknown => match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(found) => FileType::from_raw_mode(found.st_mode),
                Err(error) => return self.skip(name, &in_words(error)).map(|()| false),
            },
            known => known,
        };
        let is_match = self.what.globs.is_match(reach);
        match kind {
            FileType::Directory => return Ok(true),
            FileType::Symlink if is_match || reach.is_by_name() => self.link(name, reach),
            FileType::RegularFile if is_match => {
                match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                    Ok(found) => self.file(folder.as_fd(), name, name, &found, reach),
                    Err(error) => self.skip(name, &in_words(error)),
                }
            }
            FileType::Symlink | FileType::RegularFile => Ok(()),
            _ if is_match => self.skip(name, "it is no file, folder or link"),
            _ => Ok(()),
        }?;
        Ok(false)
    }

    /// A file that matches under this name, and is found as `at`.
    fn file(
        &mut self,
        parent: BorrowedFd<'_>,
        at: &[u8],
        name: &[u8],
        found: &Stat,
        reach: &Reach,
    ) -> Result<(), Gone> {
        if !(self.what.is_wanted)(&self.path_of(name), found) {
            for glob in self.what.globs.matched(reach) {
                self.collected.older[glob] += 1;
            }
            return Ok(());
        }
        for glob in self.what.globs.matched(reach) {
            self.collected.matched[glob] += 1;
        }
        if let Some(why) = self.sender.is_used_up() {
            return self.skip(name, &why);
        }
        self.announce()?;
        self.sender.file(parent, at, name)
    }

    fn link(&mut self, name: &[u8], reach: &Reach) -> Result<(), Gone> {
        let path = self.path_of(name);
        let target = match fs::canonicalize(self.root.join(OsStr::from_bytes(&path))) {
            Ok(target) => target,
            Err(error) => {
                let errno = Errno::from_io_error(&error);
                let why = match errno {
                    Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) | None => {
                        "it is a link that leads nowhere".to_owned()
                    }
                    Some(error) => in_words(error),
                };
                return self.skip(name, &why);
            }
        };
        let below = target.strip_prefix(&self.root).map(Path::to_path_buf);
        let below = match below {
            Ok(below) if !self.is_searched(&below) => {
                return self.skip(name, "it is a link to what is never searched");
            }
            Ok(below) => below,
            Err(_) => return self.skip(name, "it is a link that leads out of the workspace"),
        };
        let found = match stat(&target) {
            Ok(found) => found,
            Err(error) => return self.skip(name, &in_words(error)),
        };
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile if !self.what.globs.is_match(reach) => Ok(()),
            FileType::RegularFile if self.what.once && self.is_sent(&below, &found) => Ok(()),
            FileType::RegularFile => {
                self.file(CWD, target.as_os_str().as_bytes(), name, &found, reach)
            }
            FileType::Directory => {
                self.skip(name, "it is a link to a folder, and such aren't followed")
            }
            _ => self.skip(name, "it is a link to what is no file"),
        }
    }

    fn is_searched(&self, below: &Path) -> bool {
        let first = below.iter().next().map(OsStrExt::as_bytes);
        !is_within(below) && first != Some(self.what.hidden)
    }

    /// Is the file that a link leads to sent anyway, or was it?
    fn is_sent(&mut self, below: &Path, found: &Stat) -> bool {
        let path = below.as_os_str().as_bytes();
        let is_out = !self.what.exclude.matched_path(path).is_empty();
        let by_itself = !is_out && !self.what.globs.matched_path(path).is_empty();
        by_itself || !self.sent.insert((found.st_dev, found.st_ino))
    }

    fn skip(&mut self, name: &[u8], why: &str) -> Result<(), Gone> {
        if self.sender.names_another() {
            self.announce()?;
            self.sender.say(&Record::Skipped { name, why })?;
        }
        Ok(())
    }

    /// Enters the folders that nothing was sent of by now.
    fn announce(&mut self) -> Result<(), Gone> {
        for (name, mode) in &self.folders[self.announced..] {
            self.sender.say(&Record::Folder { name, mode: *mode })?;
        }
        self.announced = self.folders.len();
        Ok(())
    }

    /// Below the root.
    fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let folders = self.folders.iter().skip(1).map(|(name, _)| name.as_slice());
        folders.chain([name]).collect::<Vec<_>>().join(&b'/')
    }
}
