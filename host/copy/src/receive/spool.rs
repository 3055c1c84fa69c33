//! Files that are read once and then gone: they come into one file, one behind the other. To make a thousand small files, and to
//! remove them, takes some file systems longer than all else that is done for them.

use super::answers::{Answers, LINK, Placed, below, remark};
use super::error::ReceiveError;
use crate::reason::{in_words, is_full};
use crabbox_wire::copy::{Copied, MAX_DEPTH, MAX_ENTRIES, Record, Word};
use crabbox_wire::tree::Hash;
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// The end of a copy that writes, for chosen files. No name that comes is one here: it only says what is what.
#[derive(Debug)]
pub struct Spool {
    path: PathBuf,
    /// Once something has come, with how long it is.
    open: Option<(File, u64)>,
    /// The names on the way, that of the source first.
    folders: Vec<Vec<u8>>,
    coming: Option<Coming>,
    copied: Copied,
    entries: u64,
}

/// A file whose content comes.
#[derive(Debug)]
struct Coming {
    shown: Vec<u8>,
    size: u64,
    /// Where it begins. `None`: it can't be written.
    begin: Option<u64>,
    at: u64,
    /// Whoever sends it waits to hear what is here of it.
    asked: bool,
    hasher: blake3::Hasher,
}

impl Spool {
    /// Appends to the file at `path`, which nobody else may write to. It is made when the first file comes.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        let (folders, copied) = (Vec::new(), Copied::default());
        Self { path, open: None, folders, coming: None, copied, entries: 0 }
    }

    /// Takes the records of a block. `true`: that was all.
    pub fn block(
        &mut self,
        mut records: &[u8],
        answers: &mut dyn Answers,
    ) -> Result<bool, ReceiveError> {
        while !records.is_empty() {
            match (Record::take(&mut records)?, self.coming.is_some()) {
                (Record::End, false) if self.folders.is_empty() => {
                    answers.say(Word::Done(self.copied.clone()))?;
                    return Ok(true);
                }
                (Record::From(at), true) => self.from(at)?,
                (Record::Data(bytes), true) => self.data(bytes, answers)?,
                (Record::Whole { hash, grew }, true) => self.whole(hash, grew, answers)?,
                (Record::Broken { why }, true) => {
                    let coming = self.coming.take().ok_or(ReceiveError::Order)?;
                    self.remark(&coming.shown, why, true, answers)?;
                }
                (Record::Total(bytes), false) => answers.expect(bytes),
                (Record::Folder { name, .. }, false) => self.enter(name)?,
                (Record::Leave, false) => {
                    self.folders.pop().ok_or(ReceiveError::Order)?;
                }
                (Record::File { name, size, key, .. }, false) => {
                    self.begin(name, size, key, answers)?;
                }
                (Record::Link { name, .. }, false) => {
                    self.remark(name, LINK, true, answers)?;
                }
                (Record::Skipped { name, why }, false) => self.remark(name, why, true, answers)?,
                _ => return Err(ReceiveError::Order),
            }
        }
        Ok(false)
    }

    fn count(&mut self) -> Result<(), ReceiveError> {
        self.entries += 1;
        if self.entries > MAX_ENTRIES { Err(ReceiveError::TooMany) } else { Ok(()) }
    }

    fn enter(&mut self, name: &[u8]) -> Result<(), ReceiveError> {
        self.count()?;
        if self.folders.len() > MAX_DEPTH || name.is_empty() != self.folders.is_empty() {
            return Err(ReceiveError::Order);
        }
        self.folders.push(name.to_vec());
        Ok(())
    }

    fn begin(
        &mut self,
        shown: &[u8],
        size: u64,
        key: Option<Hash>,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        self.count()?;
        if self.folders.is_empty() {
            return Err(ReceiveError::Order);
        }
        let begin = match self.end() {
            Ok(end) => Some(end),
            Err(error) => {
                self.refuse(shown, &error, answers)?;
                None
            }
        };
        let hasher = blake3::Hasher::new();
        match (key, begin) {
            (Some(_), None) => return Ok(answers.say(Word::Skip)?),
            // What had come of it before the connection ended isn't gone on with.
            (Some(_), Some(_)) => {
                answers.say(Word::Have { at: 0, hash: Hash(*hasher.finalize().as_bytes()) })?;
            }
            (None, _) => {}
        }
        let (shown, asked) = (shown.to_vec(), key.is_some());
        self.coming = Some(Coming { shown, size, begin, at: 0, asked, hasher });
        Ok(())
    }

    /// How long the file is, which is made if it isn't there.
    fn end(&mut self) -> io::Result<u64> {
        if let Some((_, length)) = &self.open {
            return Ok(*length);
        }
        let file = File::options().append(true).create(true).mode(0o600).open(&self.path)?;
        let length = file.metadata()?.len();
        self.open = Some((file, length));
        Ok(length)
    }

    fn from(&mut self, at: u64) -> Result<(), ReceiveError> {
        match &mut self.coming {
            Some(coming) if coming.asked && at == 0 => {
                coming.asked = false;
                Ok(())
            }
            _ => Err(ReceiveError::Order),
        }
    }

    fn data(&mut self, bytes: &[u8], answers: &mut dyn Answers) -> Result<(), ReceiveError> {
        let Some(coming) = self.coming.as_mut().filter(|coming| !coming.asked) else {
            return Err(ReceiveError::Order);
        };
        coming.at += bytes.len() as u64;
        if coming.at > coming.size {
            let shown = coming.shown.clone();
            return Err(ReceiveError::TooMuch(self.path_of(&shown)));
        }
        answers.advance(bytes.len() as u64);
        coming.hasher.update(bytes);
        let Some(((file, length), begin)) = self.open.as_mut().zip(coming.begin) else {
            return Ok(());
        };
        let Err(error) = file.write_all(bytes) else {
            *length += bytes.len() as u64;
            return Ok(());
        };
        // The room is wanted elsewhere, too.
        let _ = file.set_len(begin);
        coming.begin = None;
        let shown = coming.shown.clone();
        // How long it is now is looked up again.
        self.open = None;
        self.refuse(&shown, &error, answers)
    }

    fn whole(
        &mut self,
        hash: Hash,
        grew: bool,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        let coming = self.coming.take().filter(|coming| !coming.asked);
        let Coming { shown, size, begin, at, hasher, .. } = coming.ok_or(ReceiveError::Order)?;
        // It was told of when it couldn't be written.
        let Some(begin) = begin else { return Ok(()) };
        if at != size || *hasher.finalize().as_bytes() != hash.0 {
            return self.remark(&shown, super::files::NOT_IT, true, answers);
        }
        self.copied.files += 1;
        self.copied.bytes += size;
        let path = self.path_of(&shown);
        answers.placed(Placed { path, local: self.path.clone(), at: begin, size, hash });
        if grew {
            return self.remark(&shown, &super::files::longer(size), false, answers);
        }
        Ok(())
    }

    fn refuse(
        &self,
        shown: &[u8],
        error: &io::Error,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        let error = Errno::from_io_error(error).unwrap_or(Errno::IO);
        if is_full(error) {
            return Err(ReceiveError::Full { path: self.path.clone(), error });
        }
        self.remark(shown, &in_words(error), true, answers)
    }

    fn remark(
        &self,
        shown: &[u8],
        what: &str,
        failed: bool,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        Ok(remark(&self.path_of(shown), what, failed, answers)?)
    }

    /// Below what is copied.
    fn path_of(&self, shown: &[u8]) -> PathBuf {
        below(self.folders.iter().map(Vec::as_slice), shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Gone;
    use crabbox_wire::copy::{RESUMABLE, Remark};
    use std::fs;

    #[derive(Default)]
    struct Heard {
        words: Vec<Word>,
        placed: Vec<Placed>,
    }

    impl Answers for Heard {
        fn say(&mut self, word: Word) -> Result<(), Gone> {
            self.words.push(word);
            Ok(())
        }

        fn placed(&mut self, file: Placed) {
            self.placed.push(file);
        }
    }

    fn block(records: &[Record<'_>]) -> Vec<u8> {
        let mut block = Vec::new();
        for record in records {
            record.encode(&mut block);
        }
        block
    }

    const SOURCE: Record<'_> = Record::Folder { name: b"", mode: 0o755 };

    fn file(name: &[u8], size: u64) -> Record<'_> {
        Record::File { name, mode: 0o644, size, key: None }
    }

    fn whole(content: &[u8]) -> Record<'_> {
        Record::Whole { hash: Hash::of(content), grew: false }
    }

    #[test]
    fn what_comes_stands_in_one_file_behind_what_came_before() {
        let temporary = tempfile::tempdir().expect("a folder");
        let path = temporary.path().join("spool");
        for first in [0, 11] {
            let mut heard = Heard::default();
            let mut spool = Spool::new(path.clone());
            let is_over = spool.block(
                &block(&[
                    SOURCE,
                    file(b"a", 5),
                    Record::Data(b"hel"),
                    Record::Data(b"lo"),
                    whole(b"hello"),
                    Record::Folder { name: b"f", mode: 0o755 },
                    file(b"b", 3),
                    Record::Data(b"not"),
                    whole(b"it"),
                    file(b"../c", 3),
                    Record::Data(b"yes"),
                    whole(b"yes"),
                    Record::Leave,
                    Record::Leave,
                    Record::End,
                ]),
                &mut heard,
            );
            // A name of two parts is none.
            assert!(matches!(is_over, Err(ReceiveError::Record(_))), "{is_over:?}");
            assert_eq!(heard.placed.len(), 1);
            let Placed { path: shown, at, size, .. } = &heard.placed[0];
            assert_eq!((shown.to_str(), *at, *size), (Some("a"), first, 5));
            let said = heard.words.iter().map(|word| match word {
                Word::Remark(Remark { path, failed, .. }) => (path.to_string(), *failed),
                other => (format!("{other:?}"), false),
            });
            assert_eq!(said.collect::<Vec<_>>(), [("f/b".to_owned(), true)]);
            fs::write(&path, "hellonotxxx").expect("writes");
        }
        assert!(!temporary.path().join("c").exists());
    }

    #[test]
    fn a_large_one_comes_from_its_beginning() {
        let temporary = tempfile::tempdir().expect("a folder");
        let size = RESUMABLE;
        let ask = Record::File { name: b"a", mode: 0o644, size, key: Some(Hash::of(b"key")) };
        let after = |records: &[Record<'_>]| {
            let mut heard = Heard::default();
            let mut spool = Spool::new(temporary.path().join("spool"));
            spool.block(&block(&[SOURCE, ask]), &mut heard).expect("asks");
            let nothing = Word::Have { at: 0, hash: Hash::of(b"") };
            assert_eq!(heard.words, [nothing]);
            spool.block(&block(records), &mut heard)
        };
        assert!(matches!(after(&[Record::Data(b"x")]), Err(ReceiveError::Order)));
        assert!(matches!(after(&[whole(b"")]), Err(ReceiveError::Order)));
        assert!(matches!(after(&[Record::From(1)]), Err(ReceiveError::Order)));
        assert!(matches!(after(&[Record::From(0), Record::From(0)]), Err(ReceiveError::Order)));
        assert!(matches!(after(&[Record::From(0), Record::Data(b"x")]), Ok(false)));
    }

    #[test]
    fn an_order_that_makes_no_sense_is_refused() {
        let temporary = tempfile::tempdir().expect("a folder");
        let inner = Record::Folder { name: b"f", mode: 0o755 };
        for records in [
            &[Record::Leave][..],
            &[inner],
            &[SOURCE, SOURCE],
            &[SOURCE, Record::End],
            &[file(b"a", 1)],
            &[SOURCE, Record::Data(b"x")],
            &[SOURCE, file(b"a", 1), Record::Leave],
            &[SOURCE, file(b"a", 1), Record::From(0)],
        ] {
            let mut spool = Spool::new(temporary.path().join("spool"));
            let taken = spool.block(&block(records), &mut Heard::default());
            assert!(matches!(taken, Err(ReceiveError::Order)), "{records:?}: {taken:?}");
        }
        let mut spool = Spool::new(temporary.path().join("spool"));
        let much = [SOURCE, file(b"a", 1), Record::Data(b"xx")];
        let taken = spool.block(&block(&much), &mut Heard::default());
        assert!(matches!(taken, Err(ReceiveError::TooMuch(_))), "{taken:?}");
    }

    #[test]
    fn where_nothing_can_be_written_each_file_is_told_of() {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut heard = Heard::default();
        let mut spool = Spool::new(temporary.path().join("no/where"));
        let records = [SOURCE, file(b"a", 1), Record::Data(b"x"), whole(b"x"), Record::Leave];
        spool.block(&block(&records), &mut heard).expect("goes on");
        assert!(spool.block(&block(&[Record::End]), &mut heard).expect("ends"));
        assert!(heard.placed.is_empty());
        let remark = Remark { path: "a".into(), what: "it isn't there".to_owned(), failed: true };
        assert_eq!(heard.words, [Word::Remark(remark), Word::Done(Copied::default())]);
        if let Ok(full) = fs::metadata("/dev/full") {
            assert!(!full.is_file());
            let mut spool = Spool::new("/dev/full".into());
            let taken = spool.block(&block(&records), &mut heard);
            assert!(matches!(taken, Err(ReceiveError::Full { .. })), "{taken:?}");
        }
    }
}
