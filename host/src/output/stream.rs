//! The only code that writes to the standard streams. Lines that are drawn over ([`super::progress`])
//! make room for what stays.
//!
//! A program may end in the middle of a line, and a terminal may have shown `^C` there. What crabbox has
//! to say then begins on a line of its own: each stream remembers how its last line was left.

use super::printer::Screen;
use super::progress;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::fstat;
use rustix::io::Errno;
use rustix::termios::{isatty, tcgetwinsize};
use std::io;
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// Is the last line on standard output without its end? And the one on standard error?
static STDOUT_OPEN: AtomicBool = AtomicBool::new(false);
static STDERR_OPEN: AtomicBool = AtomicBool::new(false);

/// Bytes for standard output, as they are.
pub(crate) fn stdout(bytes: &[u8]) -> io::Result<()> {
    progress::make_room(|| {
        let stdout = io::stdout().lock();
        note(&STDOUT_OPEN, bytes);
        write_whole(&stdout, bytes)
    })
}

/// Whole chunks come, and go out as they are: the library's own buffer would look for the last line
/// in each, and give up on a stream that never waits. Its lock must be held.
pub(super) fn write_whole(stream: &impl AsFd, bytes: &[u8]) -> io::Result<()> {
    let mut left = bytes;
    while !left.is_empty() {
        match rustix::io::write(stream, left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => left = &left[count..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait_for_room(stream)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Somebody whose end of the stream this is, too, has told it never to wait.
fn wait_for_room(stream: &impl AsFd) -> io::Result<()> {
    match poll(&mut [PollFd::new(stream, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Bytes for standard error, as they are.
pub(crate) fn stderr(bytes: &[u8]) -> io::Result<()> {
    progress::make_room(|| {
        let stderr = io::stderr().lock();
        note(&STDERR_OPEN, bytes);
        write_whole(&stderr, bytes)
    })
}

/// A whole line of ours on standard error.
pub(super) fn line(line: &str) -> io::Result<()> {
    progress::make_room(|| {
        let stderr = io::stderr().lock();
        end_line_of(&stderr)?;
        write_whole(&stderr, line.as_bytes())
    })
}

/// Something was shown on the terminal that this program didn't write, in a line that isn't ended. In
/// one that is drawn over it goes with the line.
pub(super) fn broken_into() {
    if !progress::is_drawn() {
        STDERR_OPEN.store(true, Ordering::Relaxed);
    }
}

/// Ends the line in which standard error is, if it is in one. Off a terminal nothing is ever added to
/// standard output; where both go to the same place, standard error ends the other's line, too.
pub(super) fn end_line() -> io::Result<()> {
    end_line_of(&io::stderr().lock())
}

fn end_line_of(stderr: &impl AsFd) -> io::Result<()> {
    let mut open = STDERR_OPEN.swap(false, Ordering::Relaxed);
    if go_together() {
        open |= STDOUT_OPEN.swap(false, Ordering::Relaxed);
    }
    if open { write_whole(stderr, b"\n") } else { Ok(()) }
}

/// How wide the terminal is that standard output goes to, if it goes to one that knows.
pub(super) fn columns() -> Option<usize> {
    let size = tcgetwinsize(io::stdout()).ok().filter(|size| size.ws_col > 0)?;
    Some(size.ws_col.into())
}

/// How large the terminal is that standard error goes to, if it goes to one that knows.
pub(super) fn screen() -> Option<Screen> {
    let size = tcgetwinsize(io::stderr()).ok()?;
    let screen = Screen { columns: size.ws_col.into(), rows: size.ws_row.into() };
    (screen.columns > 0 && screen.rows > 0).then_some(screen)
}

fn note(open: &AtomicBool, bytes: &[u8]) {
    if let Some(last) = bytes.last() {
        open.store(*last != b'\n', Ordering::Relaxed);
    }
}

/// Do both streams lead to the same terminal, pipe or file?
fn go_together() -> bool {
    static TOGETHER: OnceLock<bool> = OnceLock::new();
    *TOGETHER.get_or_init(|| {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        match (fstat(&stdout), fstat(&stderr)) {
            _ if isatty(&stdout) && isatty(&stderr) => true,
            (Ok(one), Ok(other)) => (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino),
            _ => false,
        }
    })
}
