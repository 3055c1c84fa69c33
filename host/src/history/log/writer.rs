//! Keeps what a run prints, beside it: who passes the output on only hands it over.
//!
//! Nothing is made before the first byte, which was passed on by then. What can't be kept costs the log, never the run.

use super::super::record::LogKept;
use super::mask::Mask;
use super::piece::Piece;
use super::queue::{Chunk, Next, Queue};
use super::reader::Log;
use super::segments::{self, Segments};
use crate::redact::Redactor;
use crabbox_wire::frame::Stream;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What has come is on the disk after so long, unless much comes all the time.
const IDLE: Duration = Duration::from_secs(1);

/// The same if it does.
const LONGEST: Duration = Duration::from_secs(5);

/// So long the end of a run waits for the end of its log.
const PATIENCE: Duration = Duration::from_millis(500);

/// So much of it is given back where the disk is full, in bytes: there has to be room for what matters more, the claims.
const GIVEN_BACK: u64 = 512 * 1024;

/// Why some of the output isn't kept, beyond what the limit leaves out.
#[derive(Debug, thiserror::Error)]
pub enum Cut {
    /// It can't be written.
    #[error("the output couldn't be kept")]
    Io(#[from] io::Error),
    /// The disk was slower than the output.
    #[error("{0} bytes of the output came faster than they could be kept")]
    Slow(u64),
    /// Its end isn't written in time.
    #[error("the end of the output isn't kept: the disk is too slow")]
    Late,
}

impl Cut {
    /// In one line, with the cause.
    #[must_use]
    pub fn in_one_line(&self) -> String {
        match self {
            Self::Io(error) => format!("{self}: {error}"),
            other => other.to_string(),
        }
    }
}

/// The log of one run. Every copy is the same one.
#[derive(Clone, Debug, Default)]
pub struct OutputLog(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    run: PathBuf,
    size: u64,
    queue: Arc<Queue>,
    /// How much was printed, in bytes.
    total: AtomicU64,
    /// How much of it is written by now.
    kept: Arc<AtomicU64>,
    started: OnceLock<Instant>,
    /// Where the end is told of, once something was printed.
    done: OnceLock<Mutex<Receiver<Option<Cut>>>>,
}

impl OutputLog {
    /// In the folder of the run, which is made when it is needed. `size`: how much is kept at most, in bytes; 0: nothing.
    #[must_use]
    pub fn new(run: PathBuf, size: u64) -> Self {
        let inner = Inner {
            run,
            size,
            queue: Arc::default(),
            total: AtomicU64::new(0),
            kept: Arc::default(),
            started: OnceLock::new(),
            done: OnceLock::new(),
        };
        Self((size > 0).then(|| Arc::new(inner)))
    }

    /// The command is started: times count from now on.
    pub fn started(&self) {
        if let Some(inner) = &self.0 {
            inner.started.get_or_init(Instant::now);
        }
    }

    /// This was printed, and passed on. Its memory may be kept, and other memory, with anything in it, be there instead.
    pub fn add(&self, stream: Stream, bytes: &mut Vec<u8>) {
        let Some(inner) = &self.0 else { return };
        inner.total.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        inner.done.get_or_init(|| Mutex::new(inner.begin()));
        let since = inner.started.get_or_init(Instant::now).elapsed();
        inner.queue.add(stream, u64::try_from(since.as_millis()).unwrap_or(u64::MAX), bytes);
    }

    /// Nothing is printed any more; what is still on its way is written meanwhile.
    pub fn ended(&self) {
        if let Some(inner) = &self.0 {
            inner.queue.end();
        }
    }

    /// What is kept of it, once that is on the disk; `None`: nothing was printed. And why it isn't more.
    #[must_use]
    pub fn finish(&self) -> (Option<LogKept>, Option<Cut>) {
        self.ended();
        let Some((inner, done)) =
            self.0.as_ref().and_then(|inner| Some((inner, inner.done.get()?)))
        else {
            return (None, None);
        };
        let bytes = inner.total.load(Ordering::Relaxed);
        let done = done.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(PATIENCE);
        let cut = done.unwrap_or(Some(Cut::Late));
        let kept = inner.kept.load(Ordering::Relaxed);
        (Some(LogKept { bytes, cut: bytes.saturating_sub(kept) }), cut)
    }
}

impl Inner {
    /// Starts the thread that writes.
    fn begin(&self) -> Receiver<Option<Cut>> {
        let (tell, done) = channel();
        let writer = Writer {
            run: self.run.clone(),
            size: self.size,
            queue: Arc::clone(&self.queue),
            kept: Arc::clone(&self.kept),
            tell: tell.clone(),
        };
        let started = thread::Builder::new().name("log".to_owned()).spawn(|| writer.run());
        if let Err(error) = started {
            self.queue.close();
            let _ = tell.send(Some(error.into()));
        }
        done
    }
}

/// What the thread has.
struct Writer {
    run: PathBuf,
    size: u64,
    queue: Arc<Queue>,
    kept: Arc<AtomicU64>,
    tell: Sender<Option<Cut>>,
}

impl Writer {
    fn run(self) {
        let cut = match self.write() {
            Ok(0) => None,
            Ok(lost) => Some(Cut::Slow(lost)),
            Err(error) => {
                self.queue.close();
                if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
                    self.give_back();
                }
                self.count();
                Some(error.into())
            }
        };
        // Whoever waited may have left.
        let _ = self.tell.send(cut);
    }

    /// Gives the end of what it has written back to a disk that is full.
    fn give_back(&self) {
        let mut left = GIVEN_BACK;
        for (_, path) in segments::list(&self.run.join("log")).into_iter().flatten().rev() {
            let length = path.metadata().map_or(0, |found| found.len());
            if length > left {
                let file = File::options().write(true).open(&path);
                if file.and_then(|file| file.set_len(length - left)).is_ok() {
                    return;
                }
                // Some file systems need room to shorten a file, and none to remove it.
            }
            let _ = fs::remove_file(path);
            left = left.saturating_sub(length);
            if left == 0 {
                return;
            }
        }
    }

    /// Counts what can be read of what it has written.
    fn count(&self) {
        let mut kept = 0;
        let counted = Log::of(&self.run).each(|piece| {
            if let Piece::Output { bytes, .. } = piece {
                kept += bytes.len() as u64;
            }
            Ok::<_, io::Error>(())
        });
        self.kept.store(if counted.is_ok() { kept } else { 0 }, Ordering::Relaxed);
    }

    /// Returns how much came too fast.
    fn write(&self) -> io::Result<u64> {
        let mut segments = Segments::begin(self.run.join("log"), self.size)?;
        // Whoever tidies up leaves it alone as long as this is held. Where there are no locks, its age does.
        let held = File::open(&self.run)?;
        let _ = held.try_lock_shared();
        let mut flushed = Instant::now();
        let mut all_lost = 0;
        let mut last = 0;
        let mut mask = Mask::default();
        loop {
            let next = self.queue.next(IDLE, &mut segments.done);
            let is_end = matches!(next, Next::End { .. });
            let written = match next {
                Next::Chunk(chunk) => {
                    last = chunk.ms;
                    all_lost += chunk.lost;
                    keep(&mut segments, &mut mask, chunk)
                }
                Next::Idle => segments.flush(),
                Next::End { lost } => {
                    all_lost += lost;
                    flush(&mut segments, &mut mask, last)
                        .and_then(|()| segments.lose(last, lost))
                        .and_then(|()| segments.finish())
                }
            };
            self.kept.store(segments.kept(), Ordering::Relaxed);
            written?;
            if flushed.elapsed() > LONGEST {
                flushed = Instant::now();
                segments.flush()?;
            }
            if is_end {
                return Ok(all_lost);
            }
        }
    }
}

fn keep(segments: &mut Segments, mask: &mut Mask, chunk: Chunk) -> io::Result<()> {
    let Chunk { stream, ms, bytes, lost, is_fast } = chunk;
    segments.hurry(is_fast);
    if lost > 0 {
        // What waits isn't followed by what came next.
        flush(segments, mask, ms)?;
        segments.lose(ms, lost)?;
    }
    let passed = mask.pass(&Redactor::of_now(), stream, bytes);
    if passed.is_empty() { Ok(()) } else { segments.add(stream, ms, passed) }
}

/// What waits is kept: nothing follows it.
fn flush(segments: &mut Segments, mask: &mut Mask, ms: u64) -> io::Result<()> {
    for stream in [Stream::Stdout, Stream::Stderr] {
        let rest = mask.rest(stream);
        if !rest.is_empty() {
            segments.add(stream, ms, rest)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_late_log_is_what_is_written_by_then() {
        let log = OutputLog::new(PathBuf::from("nowhere"), 100);
        let inner = log.0.as_ref().expect("one");
        let (_tell, done) = channel();
        inner.done.set(Mutex::new(done)).expect("the first");
        inner.total.store(80, Ordering::Relaxed);
        inner.kept.store(50, Ordering::Relaxed);
        let (kept, cut) = log.finish();
        assert_eq!(kept, Some(LogKept { bytes: 80, cut: 30 }));
        assert!(matches!(cut, Some(Cut::Late)), "{cut:?}");
    }
}
