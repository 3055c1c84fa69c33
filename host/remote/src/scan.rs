//! What the workspace holds now: one `stat` for each entry that it was given, and a
//! look into those that changed since.

use crate::failure::Failure;
use crate::folders::{Folders, TO_LOOK, split};
use crate::journal::{Row, Rows, Stamp};
use crabbox_wire::tree::{Entry, Hash, Kind};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;

/// A file that changed less than this before it was looked at may change again under the
/// same time stamp: several ticks of the kernel's coarse clock.
const RACY_NANOS: i128 = 20_000_000;

/// The same where a file system stamps whole seconds (ext4 with small inodes, old network file
/// systems) or, at the coarsest, every second one (FAT).
const COARSE_RACY_NANOS: i128 = 2_000_000_000;

const SECOND: i128 = 1_000_000_000;

/// The hash of content that couldn't be read: that of no file.
const UNKNOWN: Hash = Hash([0; 32]);

/// Fewer rows than this aren't worth a second thread.
const SHARE: usize = 2_000;

/// The clock that file systems stamp with, now.
pub(crate) fn now() -> i128 {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    i128::from(now.tv_sec) * SECOND + i128::from(now.tv_nsec)
}

/// What a look at the workspace found out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Rows that the journal doesn't have like this.
    pub(crate) changed: Vec<Row>,
    /// Paths that aren't there any more, or hold nothing that a tree can.
    pub(crate) gone: Vec<Vec<u8>>,
}

/// Brings `rows` in line with what is in `workspace`, with as many threads as there are
/// processors; returns what is news to the journal.
pub(crate) fn refresh(workspace: &Path, rows: &mut Rows) -> Result<News, Failure> {
    let now = now();
    let threads = thread::available_parallelism().map_or(1, Into::into);
    let share = rows.len().div_ceil(threads).max(SHARE);
    let mut all: Vec<(&[u8], &mut Row)> =
        rows.iter_mut().map(|(path, row)| (path.as_slice(), row)).collect();
    let mut news = News::default();
    thread::scope(|scope| {
        let workers: Vec<_> = all
            .chunks_mut(share)
            .map(|some| scope.spawn(move || refresh_some(workspace, some, now)))
            .collect();
        for worker in workers {
            let found = worker.join().expect("a scanning thread doesn't panic")?;
            news.changed.extend(found.changed);
            news.gone.extend(found.gone);
        }
        Ok::<_, Failure>(())
    })?;
    for path in &news.gone {
        rows.remove(path);
    }
    Ok(news)
}

fn refresh_some(
    workspace: &Path,
    rows: &mut [(&[u8], &mut Row)],
    now: i128,
) -> Result<News, Failure> {
    let mut folders = Folders::open(workspace, TO_LOOK)
        .map_err(|error| Failure::system("opening", workspace, &error))?;
    let mut news = News::default();
    for (path, row) in rows {
        let (parent, name) = split(path);
        let found = match folders.existing(parent) {
            Ok(folder) => look(folder, name, row, now),
            Err(error) if is_absent(&error) => Ok(Found::Nothing),
            Err(error) => Err(error),
        };
        match found.map_err(|error| Failure::entry("reading", path, &error))? {
            Found::Same => {}
            Found::Other(found) => {
                **row = found;
                news.changed.push(row.clone());
            }
            Found::Nothing => news.gone.push(path.to_vec()),
        }
    }
    Ok(news)
}

/// What is at a name, beside what its row says.
enum Found {
    Same,
    Other(Row),
    /// Nothing, or nothing that a tree can hold.
    Nothing,
}

fn look(folder: BorrowedFd<'_>, name: &[u8], row: &Row, now: i128) -> io::Result<Found> {
    let stat = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat,
        Err(error) => {
            let error = io::Error::from(error);
            return if is_absent(&error) { Ok(Found::Nothing) } else { Err(error) };
        }
    };
    let Some(kind) = kind_of(&stat) else {
        return Ok(Found::Nothing);
    };
    let stamp = stamp_of(&stat);
    if kind == row.entry.kind && row.stamp == Some(stamp) {
        return Ok(Found::Same);
    }
    // A folder's times change with what is in it, which is no business of the tree's.
    let (size, hash, stamp) = if kind == Kind::Folder {
        (0, Hash::of(b""), row.stamp)
    } else {
        match read(folder, name, kind) {
            Ok((size, hash)) => (size, hash, settled(stamp, now)),
            // What can't be read, or was exchanged since it was looked at, isn't as it was given.
            Err(error) if is_in_the_way(&error) => (stamp.size, UNKNOWN, None),
            Err(error) => return Err(error),
        }
    };
    let found = Row { entry: Entry { kind, size, hash, ..row.entry.clone() }, stamp };
    Ok(if found == *row { Found::Same } else { Found::Other(found) })
}

/// Size and hash of what is at a name, which must be of this kind.
pub(crate) fn read(folder: BorrowedFd<'_>, name: &[u8], kind: Kind) -> io::Result<(u64, Hash)> {
    if kind == Kind::Symlink {
        let target = readlinkat(folder, name, Vec::new())?.into_bytes();
        return Ok((target.len() as u64, Hash::of(&target)));
    }
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let mut file = File::from(openat(folder, name, flags, Mode::empty())?);
    let mut hasher = blake3::Hasher::new();
    let size = io::copy(&mut file, &mut hasher)?;
    Ok((size, Hash(*hasher.finalize().as_bytes())))
}

/// Does the file hold what its row says?
pub(crate) fn is_still(path: &Path, row: &Row) -> bool {
    let Entry { kind, size, hash, .. } = row.entry;
    read(CWD, path.as_os_str().as_bytes(), kind).is_ok_and(|found| found == (size, hash))
}

/// May what bears the first time have been written before the other one was taken?
pub(crate) fn is_doubtful(modified: i128, taken: i128) -> bool {
    let limit = if taken % SECOND == 0 { COARSE_RACY_NANOS } else { RACY_NANOS };
    modified - taken < limit
}

/// The stamp, if it can be relied on: no change after `now` can carry it.
pub(crate) fn settled(stamp: Stamp, now: i128) -> Option<Stamp> {
    // The time of the last change can't be set: it is whole by chance once in a thousand million.
    let is_coarse = stamp.changed % SECOND == 0 && stamp.modified % SECOND == 0;
    let limit = if is_coarse { COARSE_RACY_NANOS } else { RACY_NANOS };
    (stamp.changed.max(stamp.modified) < now - limit).then_some(stamp)
}

#[allow(clippy::useless_conversion, reason = "the fields' types differ between architectures")]
pub(crate) fn stamp_of(stat: &Stat) -> Stamp {
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * SECOND + i128::from(nanos);
    Stamp {
        inode: stat.st_ino,
        size: u64::try_from(stat.st_size).unwrap_or(0),
        modified: nanos(stat.st_mtime.into(), i64::try_from(stat.st_mtime_nsec).unwrap_or(0)),
        changed: nanos(stat.st_ctime.into(), i64::try_from(stat.st_ctime_nsec).unwrap_or(0)),
    }
}

pub(crate) fn kind_of(stat: &Stat) -> Option<Kind> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if stat.st_mode & 0o100 == 0 => Some(Kind::File),
        FileType::RegularFile => Some(Kind::Executable),
        FileType::Symlink => Some(Kind::Symlink),
        FileType::Directory => Some(Kind::Folder),
        _ => None,
    }
}

/// Not there, or a link or a file where its folder should be.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    matches!(errno, Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP))
}

/// No right to read it, or no longer what it was a moment ago.
fn is_in_the_way(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    is_absent(error)
        || matches!(errno, Some(Errno::ACCESS | Errno::INVAL | Errno::ISDIR | Errno::NXIO))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::thread::sleep;
    use std::time::Duration;

    fn given(root: &Path, name: &str, content: &str) -> Rows {
        fs::write(root.join(name), content).expect("writes");
        let entry = Entry {
            path: name.into(),
            kind: Kind::File,
            size: content.len() as u64,
            hash: Hash::of(content.as_bytes()),
        };
        Rows::from([(name.into(), Row { entry, stamp: None })])
    }

    #[test]
    fn a_change_of_the_same_size_with_its_old_time_is_seen() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut rows = given(folder.path(), "a", "old");
        sleep(Duration::from_millis(60));
        refresh(folder.path(), &mut rows).expect("looks");
        assert!(rows[b"a".as_slice()].stamp.is_some());
        assert_eq!(refresh(folder.path(), &mut rows).expect("looks"), News::default());

        let path = folder.path().join("a");
        let time = fs::metadata(&path).expect("stat").modified().expect("time");
        fs::write(&path, "new").expect("writes");
        File::options().write(true).open(&path).expect("opens").set_modified(time).expect("sets");
        let news = refresh(folder.path(), &mut rows).expect("looks");
        assert_eq!(news.changed[0].entry.hash, Hash::of(b"new"));
    }

    #[test]
    fn what_was_removed_drops_out() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut rows = given(folder.path(), "a", "x");
        fs::remove_file(folder.path().join("a")).expect("removes");
        let news = refresh(folder.path(), &mut rows).expect("looks");
        assert_eq!(news.gone, [b"a".to_vec()]);
        assert!(rows.is_empty());
    }

    #[test]
    fn whole_seconds_are_distrusted_for_longer() {
        let now = 1_000 * SECOND;
        let stamp = |modified, changed| Stamp { inode: 1, size: 1, modified, changed };
        let fine = stamp(now - 50_000_000, now - 50_000_001);
        assert_eq!(settled(fine, now), Some(fine));
        assert_eq!(settled(stamp(now - 10_000_000, now - 10_000_001), now), None);
        let coarse = |age| stamp(now - age * SECOND, now - age * SECOND);
        assert_eq!(settled(coarse(1), now), None);
        assert_eq!(settled(coarse(2), now), None);
        assert_eq!(settled(coarse(3), now), Some(coarse(3)));
        // A time that was set to a whole second says nothing about the file system.
        let set = stamp(0, now - 50_000_001);
        assert_eq!(settled(set, now), Some(set));
    }
}
