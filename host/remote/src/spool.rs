//! The command's output: to the host at once, and to a log in the run's folder.
//!
//! A log record is the stream (1 byte), a length (4, big-endian) and the bytes. What
//! the host has written out is cut out of the log when that grows large; when too much of it
//! isn't, the command waits. No byte is dropped.

use crate::connection::Connection;
use crabbox_wire::frame::{Stream, ToHost};
use rustix::fs::{FallocateFlags, fallocate};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Condvar, Mutex, PoisonError};

/// How large a log may get, in bytes, less what was cut out of it.
const CAP: u64 = 512 * 1024 * 1024;

/// Cut out at least this much at a time, in bytes.
const CUT: u64 = 16 * 1024 * 1024;

/// The output of one run.
pub(crate) struct Spool {
    state: Mutex<State>,
    room: Condvar,
}

struct State {
    log: File,
    /// Output so far.
    offset: u64,
    /// The log's length.
    length: u64,
    /// Up to here the host has written it out.
    told: u64,
    /// Up to here it has been cut out.
    cut: u64,
    /// Ends of records, as offset in the output and in the log.
    ends: VecDeque<(u64, u64)>,
    /// Nobody listens any more: nobody is waited for.
    abandoned: bool,
}

impl Spool {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let state = State {
            log: File::options().write(true).create_new(true).open(path)?,
            offset: 0,
            length: 0,
            told: 0,
            cut: 0,
            ends: VecDeque::new(),
            abandoned: false,
        };
        Ok(Self { state: Mutex::new(state), room: Condvar::new() })
    }

    /// Takes what the command wrote.
    pub(crate) fn write(&self, stream: Stream, bytes: &[u8], connection: &Connection) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while state.length - state.cut > CAP && !state.abandoned {
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut record = Vec::with_capacity(5 + bytes.len());
        record.push(stream as u8);
        record.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        record.extend_from_slice(bytes);
        // A full disk costs the log, not the run: the host has the bytes.
        if state.log.write_all(&record).is_ok() {
            state.length += record.len() as u64;
        }
        let frame = ToHost::Output { stream, offset: state.offset, bytes };
        state.offset += bytes.len() as u64;
        let end = (state.offset, state.length);
        state.ends.push_back(end);
        if connection.send(&frame).is_err() {
            state.abandoned = true;
        }
    }

    /// The host has written out everything before `offset`.
    pub(crate) fn acknowledge(&self, offset: u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some((_, end)) = state.ends.pop_front_if(|(out, _)| *out <= offset) {
            state.told = end;
        }
        // A log of ordinary size stays whole.
        if state.length > CAP / 2 && state.told > state.cut + CUT {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            // Where a file system can't, the log is just larger.
            let _ = fallocate(&state.log, flags, state.cut, state.told - state.cut);
            state.cut = state.told;
        }
        self.room.notify_all();
    }

    /// Stops waiting for a host that is gone.
    pub(crate) fn abandon(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).abandoned = true;
        self.room.notify_all();
    }

    /// Output so far, in bytes.
    pub(crate) fn offset(&self) -> u64 {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).offset
    }
}
