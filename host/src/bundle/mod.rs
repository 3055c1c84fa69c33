//! Everything that is known of a run, in one file for somebody else: `.tar.zst`, with a folder in it that is called as the
//! run is.
//!
//! What goes in is text that this program made, or kept of what the program on the box printed; each passes
//! [`crate::redact`] once more on its way, whatever it passed before, but for the receipt: its writer has looked at each word, and
//! others read it.

use crate::redact;
use std::io::{self, Read, Write};
use tar::{Builder, EntryType, Header};
use zstd::stream::Encoder;

/// How much it is compressed: it is made once, and sent.
const LEVEL: i32 = 9;

/// A bundle that is being written.
pub struct Bundle<W: Write> {
    tar: Builder<Encoder<'static, W>>,
    folder: String,
    /// When the run began, in seconds since 1970: all that is in it is of then.
    time: u64,
}

impl<W: Write> Bundle<W> {
    /// Begins one of the run that is called `folder`.
    pub fn begin(out: W, folder: &str, time: u64) -> io::Result<Self> {
        Ok(Self { tar: Builder::new(Encoder::new(out, LEVEL)?), folder: folder.to_owned(), time })
    }

    /// Adds a text, without what is secret in it.
    pub fn text(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.file(name, redact::text(text).as_bytes())
    }

    /// Adds a text that is to stay as it is.
    pub fn finished(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.file(name, text.as_bytes())
    }

    /// Adds so many bytes of what somebody printed.
    pub fn stream(&mut self, name: &str, length: u64, from: impl Read) -> io::Result<()> {
        let mut header = self.header(length);
        self.tar.append_data(&mut header, format!("{}/{name}", self.folder), from)
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.stream(name, bytes.len() as u64, bytes)
    }

    fn header(&self, length: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_mtime(self.time);
        header.set_size(length);
        header
    }

    /// Ends it; all of it is written when this returns.
    pub fn finish(self) -> io::Result<W> {
        self.tar.into_inner()?.finish()
    }
}
