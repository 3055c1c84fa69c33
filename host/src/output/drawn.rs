//! The terminal that lines are drawn over on. The keys that are pressed meanwhile are shown by the
//! terminal itself, such as `^C`, and where the line is full they begin the next one, which nobody would
//! clear: here each line leaves room for them.

use super::stream::write_whole;
use indicatif::TermLike;
use rustix::termios::tcgetwinsize;
use std::fmt::Write as _;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// For two keys of two characters.
const ROOM: u16 = 4;

/// Standard error, as a terminal.
#[derive(Debug, Default)]
pub(super) struct Drawn(Mutex<Pending>);

/// What goes out with the next flush.
#[derive(Debug, Default)]
struct Pending {
    text: String,
    /// A line was filled: what comes next is another one.
    filled: bool,
}

impl Drawn {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn order(&self, count: usize, letter: char) {
        let mut pending = self.pending();
        pending.filled = false;
        if count > 0 {
            let _ = write!(pending.text, "\x1b[{count}{letter}");
        }
    }
}

impl TermLike for Drawn {
    fn width(&self) -> u16 {
        let columns = tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_col);
        (if columns == 0 { 80 } else { columns }).saturating_sub(ROOM).max(1)
    }

    fn height(&self) -> u16 {
        let rows = tcgetwinsize(io::stderr()).map_or(0, |size| size.ws_row);
        if rows == 0 { 24 } else { rows }
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.order(n, 'A');
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.order(n, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.order(n, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.order(n, 'D');
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)?;
        let mut pending = self.pending();
        pending.text.push('\n');
        pending.filled = false;
        Ok(())
    }

    /// Blanks fill a line up, so that the next one would begin by itself: the rest of the line is
    /// cleared instead.
    fn write_str(&self, text: &str) -> io::Result<()> {
        let mut pending = self.pending();
        if text.bytes().all(|byte| byte == b' ') {
            pending.text.push_str("\x1b[K");
            pending.filled = true;
        } else {
            if pending.filled && text != "\r" {
                pending.text.push('\n');
            }
            pending.text.push_str(text);
            pending.filled = false;
        }
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        let mut pending = self.pending();
        pending.text.push_str("\r\x1b[2K");
        pending.filled = false;
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let text = std::mem::take(&mut self.pending().text);
        write_whole(&io::stderr().lock(), text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lines_stand_below_each_other_and_the_last_one_is_left_open() {
        let drawn = Drawn::default();
        for text in ["\r", "one", "   ", "two", ""] {
            drawn.write_str(text).expect("collects");
        }
        assert_eq!(drawn.pending().text, "\rone\x1b[K\ntwo\x1b[K");
    }
}
