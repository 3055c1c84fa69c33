//! A file, from its announcement until it is in its place: small ones come whole, of large ones the sender is told first
//! what is there.

use super::answers::{Answers, Placed};
use super::error::ReceiveError;
use super::receiver::Receiver;
use crate::kept::{OTHER, There, is_file, look};
use crate::partial::{Before, Partial, PartialError, place};
use crabbox_wire::copy::Word;
use crabbox_wire::tree::Hash;
use rustix::fs::{AtFlags, FileType, statat};
use rustix::io::Errno;

pub(super) const NOT_IT: &str = "what arrived isn't what was announced";

/// What is said of one that became longer.
pub(super) fn longer(size: u64) -> String {
    format!("it became longer while it was read: its first {size} bytes are there")
}

/// A file whose content comes.
#[derive(Debug)]
pub(super) struct File {
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
    pub(super) fn open(
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

    pub(super) fn from(&mut self, at: u64, answers: &mut dyn Answers) -> Result<(), ReceiveError> {
        let Some(file) = &mut self.file else { return Err(ReceiveError::Order) };
        let content = std::mem::replace(&mut file.content, Content::Dropped);
        let part = match content {
            Content::Asked(part) => part,
            Content::There if at == file.size => {
                file.content = Content::There;
                answers.advance(at);
                return Ok(());
            }
            // As much as is to come behind it is added to this.
            Content::There if at > file.size => return Err(ReceiveError::Order),
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

    pub(super) fn data(
        &mut self,
        bytes: &[u8],
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
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

    pub(super) fn whole(
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
        answers.placed(Placed { path, local, at: 0, size, hash });
        if grew {
            self.remark(&shown, &longer(size), false, answers)?;
        }
        Ok(())
    }

    pub(super) fn broken(
        &mut self,
        why: &str,
        answers: &mut dyn Answers,
    ) -> Result<(), ReceiveError> {
        let File { shown, content, .. } = self.file.take().ok_or(ReceiveError::Order)?;
        if let Content::Stored(part) | Content::Asked(part) = content {
            part.discard(self.innermost());
        }
        self.remark(&shown, why, true, answers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Gone;
    use crate::target::Target;
    use crabbox_wire::copy::{RESUMABLE, Record};
    use std::fs;

    struct Nobody;

    impl Answers for Nobody {
        fn say(&mut self, _word: Word) -> Result<(), Gone> {
            Ok(())
        }
    }

    #[test]
    fn nothing_comes_from_beyond_the_end_of_what_is_here() {
        let temporary = tempfile::tempdir().expect("a folder");
        let content = vec![b'x'; usize::try_from(RESUMABLE).expect("fits")];
        fs::write(temporary.path().join("f"), &content).expect("writes");
        let after = |at: u64| {
            let target = Target { path: temporary.path().to_owned(), name: None };
            let mut receiver = Receiver::collecting_files(target, Before::Stays);
            let (size, key) = (RESUMABLE, Some(Hash::of(b"key")));
            let mut records = Vec::new();
            for record in [
                Record::Folder { name: b"", mode: 0o755 },
                Record::File { name: b"f", mode: 0o644, size, key },
                Record::From(at),
                Record::Data(b"more"),
            ] {
                record.encode(&mut records);
            }
            receiver.block(&records, &mut Nobody)
        };
        assert!(matches!(after(u64::MAX), Err(ReceiveError::Order)));
        assert!(matches!(after(RESUMABLE + 1), Err(ReceiveError::Order)));
        assert!(matches!(after(RESUMABLE - 1), Err(ReceiveError::TooMuch(_))));
        assert!(matches!(after(RESUMABLE - 4), Ok(false)));
        assert_eq!(fs::read(temporary.path().join("f")).expect("reads"), content);
    }
}
