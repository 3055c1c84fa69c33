//! What the workspace was last given: each entry that was written or removed, appended, so that
//! a small change costs a small write.
//!
//! An entry is recorded *before* it is written, without stat data, and again after,
//! with it. So nothing that was written is unknown after a crash: a record that the end of
//! the file cuts off is dropped, and what it spoke of hadn't been touched yet. A record that
//! is there in full and wrong is another matter: whatever follows would be forgotten with it,
//! and what was forgotten would stay in the workspace for ever. So that is no journal any more.
//!
//! A record is the length of its payload (4 bytes, big-endian), the length's complement (a
//! length that was damaged must not look like a cut), the first 8 bytes of the payload's
//! hash, and the payload: changes, one after the other, as many as were made at once. One hash
//! for each change would cost a session on a large tree more than all else that it reads.

use crabbox_wire::tree::{Entry, Hash};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::mem;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"cbxjrnl3";
const PUT: u8 = 1;
const DELETE: u8 = 2;

/// A record ends with the change that takes it beyond this, in bytes.
const RECORD: usize = 64 * 1024;

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
    /// Changes in the file, whether they still count or not.
    changes: usize,
}

/// What a journal says when it is opened.
pub(crate) enum Opened {
    /// There is none.
    Absent,
    /// It isn't one, not of this version, or not whole: what the workspace holds is unknown.
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
        let Ok(History { rows, changes, length }) = read(&bytes) else {
            return Ok(Opened::Damaged);
        };
        let file = File::options().append(true).open(path)?;
        // What is left is torn: the next record goes in its place.
        file.set_len(length as u64)?;
        Ok(Opened::Known(Self { path: path.to_owned(), file, changes }, rows))
    }

    /// What one says, for whoever changes nothing; nothing where it is none.
    pub(crate) fn rows(path: &Path) -> Rows {
        let history = fs::read(path).ok().and_then(|bytes| read(&bytes).ok());
        history.map_or_else(Rows::new, |history| history.rows)
    }

    /// A new journal in the place of whatever is there.
    pub(crate) fn create(path: &Path, rows: &Rows) -> io::Result<Self> {
        let temporary = path.with_extension("new");
        let mut records = Records::after(MAGIC);
        for row in rows.values() {
            records.add(|payload| put(payload, row));
        }
        fs::write(&temporary, records.finish())?;
        fs::rename(&temporary, path)?;
        let file = File::options().append(true).open(path)?;
        Ok(Self { path: path.to_owned(), file, changes: rows.len() })
    }

    /// Records that these entries are there, or are about to be.
    pub(crate) fn put<'a>(&mut self, rows: impl IntoIterator<Item = &'a Row>) -> io::Result<()> {
        let mut records = Records::default();
        for row in rows {
            records.add(|payload| put(payload, row));
        }
        self.append(records)
    }

    /// Records that these are gone.
    pub(crate) fn delete(&mut self, paths: &[Vec<u8>]) -> io::Result<()> {
        let mut records = Records::default();
        for path in paths {
            records.add(|payload| delete(payload, path));
        }
        self.append(records)
    }

    fn append(&mut self, records: Records) -> io::Result<()> {
        self.changes += records.changes;
        self.file.write_all(&records.finish())
    }

    /// Writes the journal anew when much of it is history: each session reads all of it.
    pub(crate) fn compact(&mut self, rows: &Rows) -> io::Result<()> {
        if self.changes > rows.len() + rows.len() / 4 + 1000 {
            *self = Self::create(&self.path, rows)?;
        }
        Ok(())
    }
}

/// Changes on their way into the file.
#[derive(Default)]
struct Records {
    bytes: Vec<u8>,
    /// The record that is being filled.
    payload: Vec<u8>,
    changes: usize,
}

impl Records {
    fn after(beginning: &[u8]) -> Self {
        Self { bytes: beginning.to_vec(), ..Self::default() }
    }

    fn add(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.payload);
        self.changes += 1;
        if self.payload.len() > RECORD {
            self.end_record();
        }
    }

    fn end_record(&mut self) {
        let length =
            u32::try_from(self.payload.len()).expect("a record is hardly longer than its limit");
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(&(!length).to_be_bytes());
        self.bytes.extend_from_slice(&Hash::of(&self.payload).0[..8]);
        self.bytes.append(&mut self.payload);
    }

    fn finish(mut self) -> Vec<u8> {
        if !self.payload.is_empty() {
            self.end_record();
        }
        self.bytes
    }
}

fn put(out: &mut Vec<u8>, row: &Row) {
    out.push(PUT);
    row.entry.encode(out);
    out.push(u8::from(row.stamp.is_some()));
    if let Some(stamp) = &row.stamp {
        out.extend_from_slice(&stamp.inode.to_be_bytes());
        out.extend_from_slice(&stamp.size.to_be_bytes());
        out.extend_from_slice(&stamp.modified.to_be_bytes());
        out.extend_from_slice(&stamp.changed.to_be_bytes());
    }
}

fn delete(out: &mut Vec<u8>, path: &[u8]) {
    let length = u16::try_from(path.len()).expect("a path of a tree");
    out.push(DELETE);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(path);
}

/// What a journal's bytes say.
#[derive(Debug)]
struct History {
    rows: Rows,
    changes: usize,
    /// How many of the bytes are whole records.
    length: usize,
}

/// These bytes aren't what was written.
#[derive(Debug)]
struct Damage;

fn read(bytes: &[u8]) -> Result<History, Damage> {
    let mut rest = bytes.strip_prefix(MAGIC).ok_or(Damage)?;
    let mut replay = Replay::default();
    while let Some(mut payload) = next_payload(&mut rest)? {
        while !payload.is_empty() {
            replay.change(&mut payload).ok_or(Damage)?;
        }
    }
    let Replay { changes, .. } = replay;
    Ok(History { rows: replay.finish(), changes, length: bytes.len() - rest.len() })
}

/// Takes the next record; `None` where the bytes end, in the middle of one or not.
fn next_payload<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Damage> {
    let mut input = *rest;
    let (Some(length), Some(complement)) = (take(&mut input), take(&mut input)) else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(length);
    if u32::from_be_bytes(complement) != !length {
        return Err(Damage);
    }
    let Some(sum) = take::<8>(&mut input) else {
        return Ok(None);
    };
    let Some((payload, after)) = input.split_at_checked(length as usize) else {
        return Ok(None);
    };
    if Hash::of(payload).0[..8] != sum {
        return Err(Damage);
    }
    *rest = after;
    Ok(Some(payload))
}

/// Does again what the changes say.
#[derive(Default)]
struct Replay {
    /// The first changes, as long as they come in order: most of a journal does, and a map that
    /// is built at once takes a third of the time.
    ordered: Vec<(Vec<u8>, Row)>,
    rows: Rows,
    changes: usize,
}

impl Replay {
    /// Takes the next change; `None` when it can't be understood.
    fn change(&mut self, payload: &mut &[u8]) -> Option<()> {
        self.changes += 1;
        match take(payload)? {
            [PUT] => {
                let row = read_row(payload)?;
                let path = row.entry.path.clone();
                let is_next = self.ordered.last().is_none_or(|(last, _)| *last < path);
                if self.rows.is_empty() && is_next {
                    self.ordered.push((path, row));
                } else {
                    self.begun().insert(path, row);
                }
            }
            [DELETE] => {
                let length = u16::from_be_bytes(take(payload)?);
                let (path, rest) = payload.split_at_checked(length.into())?;
                *payload = rest;
                self.begun().remove(path);
            }
            _ => return None,
        }
        Some(())
    }

    /// The rows, with those that came in order.
    fn begun(&mut self) -> &mut Rows {
        if !self.ordered.is_empty() {
            self.rows = mem::take(&mut self.ordered).into_iter().collect();
        }
        &mut self.rows
    }

    fn finish(mut self) -> Rows {
        mem::take(self.begun())
    }
}

fn read_row(payload: &mut &[u8]) -> Option<Row> {
    let entry = Entry::decode(payload).ok()?;
    let [known] = take(payload)?;
    let stamp = if known == 0 {
        None
    } else {
        Some(Stamp {
            inode: u64::from_be_bytes(take(payload)?),
            size: u64::from_be_bytes(take(payload)?),
            modified: i128::from_be_bytes(take(payload)?),
            changed: i128::from_be_bytes(take(payload)?),
        })
    };
    Some(Row { entry, stamp })
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

    /// Records with one change each.
    fn append(bytes: &mut Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) {
        let mut records = Records::after(bytes);
        records.add(change);
        *bytes = records.finish();
    }

    /// A journal's bytes, and what it says after each of its records.
    fn sample() -> (Vec<u8>, Vec<(usize, Rows)>) {
        let stamp = Stamp { inode: 1, size: 1, modified: 5, changed: 6 };
        let mut bytes = MAGIC.to_vec();
        let mut rows = Rows::new();
        let mut history = vec![(bytes.len(), rows.clone())];
        for row in [row("a", None), row("b/c", Some(stamp)), row("a", Some(stamp))] {
            append(&mut bytes, |out| put(out, &row));
            rows.insert(row.entry.path.clone(), row);
            history.push((bytes.len(), rows.clone()));
        }
        append(&mut bytes, |out| delete(out, b"a"));
        rows.remove(b"a".as_slice());
        history.push((bytes.len(), rows));
        (bytes, history)
    }

    #[test]
    fn whatever_the_order_the_rows_are_those_that_were_written() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("journal");
        let names: Vec<String> = (0..3000).map(|number| format!("{number:04}")).collect();
        let ordered: Rows =
            names.iter().map(|name| (name.clone().into(), row(name, None))).collect();
        let mut journal = Journal::create(&path, &ordered).expect("creates");
        assert!(fs::metadata(&path).expect("stat").len() > 2 * RECORD as u64, "several records");
        assert_eq!(rows(&path), ordered);
        // Out of order, twice, and gone.
        journal.put(&[row("5000", None), row("4000", None), row("0001", None)]).expect("writes");
        journal
            .delete(&names[10..].iter().map(|name| name.clone().into()).collect::<Vec<_>>())
            .expect("writes");
        let mut expected: Rows = ordered.into_iter().take(10).collect();
        for name in ["4000", "5000"] {
            expected.insert(name.into(), row(name, None));
        }
        assert_eq!(rows(&path), expected);
        journal.compact(&expected).expect("compacts");
        assert_eq!((rows(&path), journal.changes), (expected, 12));
    }

    #[test]
    fn a_cut_anywhere_leaves_what_was_whole_before_it() {
        let (bytes, history) = sample();
        for cut in MAGIC.len()..=bytes.len() {
            let whole = history.iter().rev().find(|(end, _)| *end <= cut).expect("a beginning");
            let read = read(&bytes[..cut]).expect("a journal");
            assert_eq!((read.length, &read.rows), (whole.0, &whole.1), "{cut}");
        }
    }

    #[test]
    fn a_damaged_byte_anywhere_is_never_taken_for_a_cut() {
        let (mut bytes, _) = sample();
        for at in 0..bytes.len() {
            for damage in 1..=u8::MAX {
                bytes[at] ^= damage;
                assert!(read(&bytes).is_err(), "byte {at}, {damage:#x}");
                bytes[at] ^= damage;
            }
        }
        assert!(read(&bytes).is_ok());
    }

    #[test]
    fn a_record_that_says_nothing_known_is_damage() {
        let (mut bytes, _) = sample();
        append(&mut bytes, |out| out.extend_from_slice(&[77, b'a']));
        assert!(read(&bytes).is_err());
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
