//! What the workspace was last given: one record for each entry that was written or
//! removed, appended, so that a small change costs a small write.
//!
//! An entry is recorded *before* it is written, without stat data, and again after,
//! with it. So nothing that was written is unknown after a crash; a record that was
//! torn is dropped with all behind it, and what it spoke of hadn't been touched yet.

use crabbox_wire::tree::{Entry, Hash};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"cbxjrnl1";
const PUT: u8 = 1;
const DELETE: u8 = 2;

/// What `stat` says of a file that hasn't changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) inode: u64,
    pub(crate) size: u64,
    pub(crate) modified: i128,
    pub(crate) changed: i128,
}

/// An entry, and the stat data under which it is known to hold. `None`: look again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) entry: Entry,
    pub(crate) stamp: Option<Stamp>,
}

/// Everything that was written and not removed, by path.
pub(crate) type Rows = BTreeMap<Vec<u8>, Row>;

/// The open journal of a workspace.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Records in the file, live ones or not.
    records: usize,
}

/// What a journal says when it is opened.
pub(crate) enum Opened {
    /// There is none.
    Absent,
    /// It isn't one, or not of this version: what the workspace holds is unknown.
    Damaged,
    Known(Journal, Rows),
}

impl Journal {
    pub(crate) fn open(path: &Path) -> io::Result<Opened> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Opened::Absent),
            Err(error) => return Err(error),
        };
        let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
            return Ok(Opened::Damaged);
        };
        let mut rows = Rows::new();
        let mut records = 0;
        while read_record(&mut rest, &mut rows).is_some() {
            records += 1;
        }
        let file = File::options().append(true).open(path)?;
        // What is left is torn: the next record goes in its place.
        file.set_len((bytes.len() - rest.len()) as u64)?;
        Ok(Opened::Known(Self { path: path.to_owned(), file, records }, rows))
    }

    /// A new journal in the place of whatever is there.
    pub(crate) fn create(path: &Path, rows: &Rows) -> io::Result<Self> {
        let temporary = path.with_extension("new");
        let mut bytes = MAGIC.to_vec();
        for row in rows.values() {
            put(&mut bytes, row);
        }
        fs::write(&temporary, bytes)?;
        fs::rename(&temporary, path)?;
        let file = File::options().append(true).open(path)?;
        Ok(Self { path: path.to_owned(), file, records: rows.len() })
    }

    /// Records that these entries are there, or are about to be.
    pub(crate) fn put<'a>(&mut self, rows: impl IntoIterator<Item = &'a Row>) -> io::Result<()> {
        let mut bytes = Vec::new();
        for row in rows {
            put(&mut bytes, row);
            self.records += 1;
        }
        self.file.write_all(&bytes)
    }

    /// Records that these are gone.
    pub(crate) fn delete(&mut self, paths: &[Vec<u8>]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for path in paths {
            let mut payload = vec![DELETE];
            payload.extend_from_slice(path);
            frame(&mut bytes, &payload);
        }
        self.records += paths.len();
        self.file.write_all(&bytes)
    }

    /// Writes the journal anew when most of it is history.
    pub(crate) fn compact(&mut self, rows: &Rows) -> io::Result<()> {
        if self.records > 2 * rows.len() + 1000 {
            *self = Self::create(&self.path, rows)?;
        }
        Ok(())
    }
}

fn put(out: &mut Vec<u8>, row: &Row) {
    let mut payload = vec![PUT];
    row.entry.encode(&mut payload);
    payload.push(u8::from(row.stamp.is_some()));
    if let Some(stamp) = &row.stamp {
        payload.extend_from_slice(&stamp.inode.to_be_bytes());
        payload.extend_from_slice(&stamp.size.to_be_bytes());
        payload.extend_from_slice(&stamp.modified.to_be_bytes());
        payload.extend_from_slice(&stamp.changed.to_be_bytes());
    }
    frame(out, &payload);
}

/// Length, the first bytes of the payload's hash, the payload.
fn frame(out: &mut Vec<u8>, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("a payload holds one path and little else");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&Hash::of(payload).0[..8]);
    out.extend_from_slice(payload);
}

/// Takes one record; `None` at the end, or where a record is torn.
fn read_record(rest: &mut &[u8], rows: &mut Rows) -> Option<()> {
    let mut input = *rest;
    let length = u32::from_be_bytes(take(&mut input)?) as usize;
    let sum: [u8; 8] = take(&mut input)?;
    let (payload, after) = input.split_at_checked(length)?;
    if Hash::of(payload).0[..8] != sum {
        return None;
    }
    let (operation, mut payload) = payload.split_first()?;
    match *operation {
        PUT => {
            let entry = Entry::decode(&mut payload).ok()?;
            let [known] = take(&mut payload)?;
            let stamp = if known == 0 {
                None
            } else {
                Some(Stamp {
                    inode: u64::from_be_bytes(take(&mut payload)?),
                    size: u64::from_be_bytes(take(&mut payload)?),
                    modified: i128::from_be_bytes(take(&mut payload)?),
                    changed: i128::from_be_bytes(take(&mut payload)?),
                })
            };
            rows.insert(entry.path.clone(), Row { entry, stamp });
        }
        DELETE => drop(rows.remove(payload)),
        _ => return None,
    }
    *rest = after;
    Some(())
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, rest) = input.split_first_chunk::<N>()?;
    *input = rest;
    Some(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_wire::tree::Kind;

    fn row(path: &str, stamp: Option<Stamp>) -> Row {
        let entry =
            Entry { path: path.into(), kind: Kind::File, size: 1, hash: Hash::of(path.as_bytes()) };
        Row { entry, stamp }
    }

    fn rows(path: &Path) -> Rows {
        match Journal::open(path).expect("opens") {
            Opened::Known(_, rows) => rows,
            _ => panic!("a journal"),
        }
    }

    #[test]
    fn the_last_record_of_a_path_counts() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, &Rows::new()).expect("creates");
        let stamp = Stamp { inode: 1, size: 1, modified: 5, changed: 6 };
        journal.put(&[row("a", None), row("b", None)]).expect("writes");
        journal.put(&[row("a", Some(stamp))]).expect("writes");
        journal.delete(&[b"b".to_vec()]).expect("writes");
        let rows = rows(&path);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[b"a".as_slice()], row("a", Some(stamp)));
    }

    #[test]
    fn a_torn_tail_is_dropped_and_written_over() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("journal");
        let mut journal = Journal::create(&path, &Rows::new()).expect("creates");
        journal.put(&[row("a", None)]).expect("writes");
        journal.put(&[row("b", None)]).expect("writes");
        let bytes = fs::read(&path).expect("reads");
        for cut in 1..40 {
            fs::write(&path, &bytes[..bytes.len() - cut]).expect("tears");
            let Opened::Known(mut journal, rows) = Journal::open(&path).expect("opens") else {
                panic!("a journal")
            };
            assert_eq!(rows.len(), 1, "{cut}");
            journal.put(&[row("c", None)]).expect("writes");
            assert_eq!(self::rows(&path).len(), 2, "{cut}");
        }
    }

    #[test]
    fn another_file_is_no_journal() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("journal");
        assert!(matches!(Journal::open(&path).expect("opens"), Opened::Absent));
        fs::write(&path, "notes").expect("writes");
        assert!(matches!(Journal::open(&path).expect("opens"), Opened::Damaged));
    }
}
