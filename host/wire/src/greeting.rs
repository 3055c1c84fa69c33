//! The first bytes of a session: how the host finds the helper's voice among
//! whatever the box's start-up files print before it.

use std::io::{self, Read, Write};

/// Printed by the helper before its first frame. It may follow an unfinished line
/// that an rc file left.
pub const MAGIC: &[u8] = b"<<crabbox-helper-1>>\n";

/// Printed by the bootstrap script, with a newline, before it becomes a helper that is there already.
pub const HAVE: &[u8] = b"<<crabbox-have-1>>";

/// Printed by the bootstrap script when no folder holds the helper; a space, the
/// output of `uname -sm` and a newline follow. Printable throughout: the script
/// travels through login shells of all kinds and can't hold a backslash.
pub const MISS: &[u8] = b"<<crabbox-miss-1>>";

/// Printed by the bootstrap script when the helper could not be put or run
/// anywhere; a space, the reason in one line and a newline follow.
pub const FAIL: &[u8] = b"<<crabbox-fail-1>>";

/// How much may come before the greeting, in bytes: message of the day, rc files. Ten thousand lines of it are
/// less than this.
pub const NOISE_LIMIT: usize = 2 * 1024 * 1024;

/// How much of it is kept, in bytes: its end.
const KEPT: usize = 64 * 1024;

/// How long the line after [`MISS`] or [`FAIL`] may be.
pub const LINE_LIMIT: usize = 4096;

/// What the far side said first.
#[derive(Debug, PartialEq, Eq)]
pub enum Opening {
    /// The helper runs: frames follow.
    Helper,
    /// No helper there. Holds `uname -sm`, for example `Linux x86_64`.
    Miss(String),
    /// The script gave up. Holds its reason.
    Fail(String),
    /// The stream ended after [`HAVE`]: what is there isn't a helper, or none that runs. Holds what it said.
    Broken(Vec<u8>),
    /// The stream ended, or the noise limit was reached, before any of them.
    /// Holds the end of what was said instead.
    Noise(Vec<u8>),
}

/// Writes the helper's greeting.
pub fn greet(out: &mut impl Write) -> io::Result<()> {
    out.write_all(MAGIC)?;
    out.flush()
}

/// Reads up to and including the opening, byte by byte: what follows it belongs
/// to the next reader, so nothing may be read ahead. Give it a buffered reader.
pub fn read_opening(input: &mut impl Read) -> io::Result<Opening> {
    let mut seen = Vec::new();
    let mut is_there = false;
    for _ in 0..NOISE_LIMIT {
        let Some(byte) = read_byte(input)? else {
            return Ok(if is_there { Opening::Broken(seen) } else { Opening::Noise(seen) });
        };
        if seen.len() == 2 * KEPT {
            seen.drain(..KEPT);
        }
        seen.push(byte);
        if seen.ends_with(MAGIC) {
            return Ok(Opening::Helper);
        }
        if seen.ends_with(HAVE) {
            is_there = true;
            seen.clear();
        }
        if seen.ends_with(MISS) {
            return Ok(Opening::Miss(read_line(input)?));
        }
        if seen.ends_with(FAIL) {
            return Ok(Opening::Fail(read_line(input)?));
        }
    }
    Ok(Opening::Noise(seen))
}

fn read_line(input: &mut impl Read) -> io::Result<String> {
    let mut line = Vec::new();
    while line.len() < LINE_LIMIT {
        match read_byte(input)? {
            None | Some(b'\n') => break,
            Some(byte) => line.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&line).trim().to_owned())
}

fn read_byte(input: &mut impl Read) -> io::Result<Option<u8>> {
    let mut byte = [0];
    loop {
        match input.read(&mut byte) {
            Ok(0) => return Ok(None),
            Ok(_) => return Ok(Some(byte[0])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_before_the_greeting_is_skipped_and_nothing_after_it_is_read() {
        let mut input: &[u8] = b"Welcome!\nno newline<<crabbox-helper-1>>\nframes";
        assert_eq!(read_opening(&mut input).expect("reads"), Opening::Helper);
        assert_eq!(input, b"frames");
    }

    #[test]
    fn a_miss_carries_the_machine() {
        let mut input: &[u8] = b"motd\n<<crabbox-miss-1>> Linux aarch64\nrest";
        let opening = read_opening(&mut input).expect("reads");
        assert_eq!(opening, Opening::Miss("Linux aarch64".to_owned()));
        assert_eq!(input, b"rest");
    }

    #[test]
    fn a_helper_that_is_there_and_says_nothing_is_broken() {
        let mut input: &[u8] = b"motd\n<<crabbox-have-1>>\nSegmentation fault\n";
        let said = b"\nSegmentation fault\n".to_vec();
        assert_eq!(read_opening(&mut input).expect("reads"), Opening::Broken(said));
        let mut input: &[u8] = b"<<crabbox-have-1>>\n<<crabbox-helper-1>>\n";
        assert_eq!(read_opening(&mut input).expect("reads"), Opening::Helper);
    }

    #[test]
    fn endless_noise_ends_at_the_limit() {
        let mut input = io::repeat(b'x');
        let Opening::Noise(seen) = read_opening(&mut input).expect("reads") else {
            panic!("noise expected")
        };
        assert!((KEPT..=2 * KEPT).contains(&seen.len()), "{}", seen.len());
    }
}
