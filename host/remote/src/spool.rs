//! The command's output: to the host at once, and to a log in the run's folder.
//!
//! A log record is the stream (1 byte), a length (4, big-endian) and the bytes. What
//! the host has written out is cut out of the log when that grows large; when too much of it
//! isn't, the command waits. No byte is dropped.
//!
//! The two threads that bring output take turns, and one may wait for the host while it is its
//! turn: so the offsets of frames are in the order of the frames. The main thread only leaves
//! word and looks at a number, and never waits for a turn.

use crate::connection::Connection;
use crate::failure::reason;
use crabbox_wire::frame::{Stream, ToHost};
use rustix::fs::{FallocateFlags, fallocate};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How large a log may get, in bytes, less what was cut out of it.
const CAP: u64 = 512 * 1024 * 1024;

/// A log up to this size stays whole, in bytes. Of a larger one, what the host has is cut out
/// while it is still in memory: written to a disk, it would cost more than all the rest of its way.
const WHOLE: u64 = 64 * 1024 * 1024;

/// Cut out at least this much at a time, in bytes.
const CUT: u64 = 16 * 1024 * 1024;

/// Ends of records are remembered this far apart, in bytes of output: a command that writes
/// single bytes has as many records.
const STEP: u64 = 64 * 1024;

/// The output of one run.
pub(crate) struct Spool {
    connection: Arc<Connection>,
    turn: Mutex<Log>,
    /// Output so far.
    offset: AtomicU64,
    word: Mutex<Word>,
    news: Condvar,
}

/// What the main thread has left word of.
#[derive(Clone, Copy, Default)]
struct Word {
    /// Up to this offset of the output the host has written it out.
    acknowledged: u64,
    /// Nobody listens any more: nobody is waited for.
    abandoned: bool,
}

struct Log {
    /// `None` once it couldn't be written.
    file: Option<File>,
    failure: Option<io::Error>,
    length: u64,
    /// Up to here the host has it.
    told: u64,
    /// Up to here it has been cut out.
    cut: u64,
    /// Ends of records, as offset in the output and in the log.
    ends: VecDeque<(u64, u64)>,
}

impl Spool {
    pub(crate) fn create(path: &Path, connection: Arc<Connection>) -> io::Result<Self> {
        let file = File::options().write(true).create_new(true).open(path)?;
        let log = Log {
            file: Some(file),
            failure: None,
            length: 0,
            told: 0,
            cut: 0,
            ends: VecDeque::new(),
        };
        Ok(Self {
            connection,
            turn: Mutex::new(log),
            offset: AtomicU64::new(0),
            word: Mutex::default(),
            news: Condvar::new(),
        })
    }

    /// Takes what the command wrote.
    pub(crate) fn write(&self, stream: Stream, bytes: &[u8]) {
        let mut log = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.make_room(&mut log);
        let offset = self.offset.load(Ordering::Relaxed);
        let end = offset + bytes.len() as u64;
        log.append(stream, bytes, end);
        self.offset.store(end, Ordering::Relaxed);
        if self.connection.outbox.send(&ToHost::Output { stream, offset, bytes }).is_err() {
            self.abandon();
        }
    }

    /// Cuts what isn't needed any more; waits while too much is.
    fn make_room(&self, log: &mut Log) {
        loop {
            let word = *self.word();
            log.cut_to(word.acknowledged);
            if !log.is_full() || word.abandoned {
                return;
            }
            let same = |now: &mut Word| now.acknowledged == word.acknowledged && !now.abandoned;
            drop(self.news.wait_while(self.word(), same));
        }
    }

    fn word(&self) -> MutexGuard<'_, Word> {
        self.word.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host has written out everything before `offset`.
    pub(crate) fn acknowledge(&self, offset: u64) {
        let mut word = self.word();
        word.acknowledged = word.acknowledged.max(offset);
        self.news.notify_all();
    }

    /// Stops waiting for a host that is gone.
    pub(crate) fn abandon(&self) {
        self.word().abandoned = true;
        self.news.notify_all();
    }

    /// Output so far, in bytes.
    pub(crate) fn offset(&self) -> u64 {
        self.offset.load(Ordering::Relaxed)
    }

    /// What went wrong with the log. Call it when no more output comes.
    pub(crate) fn failure(&self) -> Option<String> {
        let log = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let error = log.failure.as_ref()?;
        Some(format!("the log of this run on the box isn't whole: {}", reason(error)))
    }
}

impl Log {
    /// Appends a record; `end` is the offset of the output behind it. A full disk costs the
    /// log, not the run: the host has the bytes.
    fn append(&mut self, stream: Stream, bytes: &[u8], end: u64) {
        let Some(file) = &mut self.file else {
            return;
        };
        let [a, b, c, d] = u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes();
        let head = [stream as u8, a, b, c, d];
        if let Err(error) = write_both(file, &head, bytes) {
            // What follows a gap can't be read: the log ends with its last whole record.
            let _ = file.set_len(self.length);
            self.file = None;
            self.failure = Some(error);
            return;
        }
        self.length += (head.len() + bytes.len()) as u64;
        if self.ends.back().is_none_or(|(out, _)| *out + STEP <= end) {
            self.ends.push_back((end, self.length));
        }
    }

    /// Cuts out what the host has, up to this offset of the output; a log of ordinary size
    /// stays [whole](WHOLE).
    fn cut_to(&mut self, offset: u64) {
        while let Some((_, end)) = self.ends.pop_front_if(|(out, _)| *out <= offset) {
            self.told = end;
        }
        if let Some(file) = &self.file
            && self.length > WHOLE
            && self.told > self.cut + CUT
        {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            // Where a file system can't, the log is just larger.
            let _ = fallocate(file, flags, self.cut, self.told - self.cut);
            self.cut = self.told;
        }
    }

    fn is_full(&self) -> bool {
        self.file.is_some() && self.length - self.cut > CAP
    }
}

/// In one call, unless the system takes less at a time.
fn write_both(file: &mut File, head: &[u8], bytes: &[u8]) -> io::Result<()> {
    let written = file.write_vectored(&[IoSlice::new(head), IoSlice::new(bytes)])?;
    match written.checked_sub(head.len()) {
        Some(written) => file.write_all(&bytes[written..]),
        None => file.write_all(&head[written..]).and_then(|()| file.write_all(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Duration;

    fn spool() -> (tempfile::TempDir, Arc<Spool>) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let spool = Spool::create(&folder.path().join("log"), Arc::default()).expect("creates");
        (folder, Arc::new(spool))
    }

    #[test]
    fn a_host_that_does_not_read_holds_up_the_output_alone() {
        let (_folder, spool) = spool();
        let writer = Arc::clone(&spool);
        // Nothing is ever written to this host: the room for frames fills.
        let pump = thread::spawn(move || {
            while !writer.word().abandoned {
                writer.write(Stream::Stdout, &vec![0; 100_000]);
            }
        });
        let mut before = 0;
        while spool.offset() == 0 || spool.offset() != before {
            before = spool.offset();
            thread::sleep(Duration::from_millis(20));
        }
        // From another thread, so that waiting shows as a failure and not as a hang.
        let (done, is_done) = channel();
        let main = Arc::clone(&spool);
        thread::spawn(move || {
            main.acknowledge(1);
            main.abandon();
            main.connection.outbox.close();
            let _ = done.send(main.offset());
        });
        is_done.recv_timeout(Duration::from_secs(20)).expect("nothing is waited for");
        pump.join().expect("leaves");
    }

    #[test]
    fn single_bytes_cost_no_memory_each() {
        let (_folder, spool) = spool();
        spool.connection.outbox.close();
        for _ in 0..3 * STEP {
            spool.write(Stream::Stderr, b"x");
        }
        assert_eq!(spool.offset(), 3 * STEP);
        let log = spool.turn.lock().expect("a turn");
        assert!(log.ends.len() <= 4, "{}", log.ends.len());
        assert_eq!(log.length, 3 * STEP * 6);
    }
}
