//! A session that only copies files, in one of the two directions. It waits for nobody who works in the workspace.

use crate::connection::Connection;
use crate::failure::Failure;
use crate::inbox::Event;
use crate::layout::{Layout, expand};
use crabbox_copy::Gone;
use crabbox_copy::packing::Packing;
use crabbox_copy::receive::{Answers, ReceiveError, Receiver};
use crabbox_copy::send::{Answer, Line, SendError, send};
use crabbox_copy::target::Target;
use crabbox_wire::copy::{BLOCK, Copy, Word};
use crabbox_wire::frame::ToHost;
use crabbox_wire::message::FailureCode;
use crabbox_wire::text::Text;
use ruzstd::decoding::FrameDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Copies what the request says.
pub(crate) fn serve(copy: &Copy, layout: &Layout, connection: &Connection) -> Result<(), Failure> {
    match copy {
        Copy::Get { path, packed } => {
            let from = place(path, layout)?;
            let mut line = ToTheHost::new(connection, *packed);
            send(&from, &mut line).map_err(|error| match error {
                SendError::Gone(_) => Failure::HostGone,
                error @ SendError::Missing => Failure::new(FailureCode::Missing, error.to_string()),
                error @ SendError::Look(_) => Failure::new(FailureCode::System, error.to_string()),
            })
        }
        Copy::Put { path, name } => {
            if is_in_workspace(path) && !layout.is_synced() {
                let what = "the checkout isn't there yet";
                return Err(Failure::new(FailureCode::Missing, what));
            }
            let name = name.as_ref().map(|name| name.0.clone());
            receive(Target { path: place(path, layout)?, name }, connection)
        }
    }
}

/// Relative to the workspace root; `~` is the home folder.
pub(crate) fn place(path: &Text, layout: &Layout) -> Result<PathBuf, Failure> {
    if path.0.contains(&0) {
        return Err(Failure::new(FailureCode::Request, "a path holds no NUL byte"));
    }
    match path.0.as_slice() {
        b"~" => expand(&Text::from("~/")),
        absolute if !is_in_workspace(path) => expand(&Text::from(absolute)),
        // What is joined to nothing gets a slash, as whoever wants a folder types it.
        b"" => Ok(layout.workspace.clone()),
        path => Ok(layout.workspace.join(OsStr::from_bytes(path))),
    }
}

/// Does it count from the workspace root?
fn is_in_workspace(path: &Text) -> bool {
    let path = path.0.as_slice();
    path != b"~" && !path.starts_with(b"/") && !path.starts_with(b"~/")
}

/// Carries what is sent to the host.
pub(crate) struct ToTheHost<'a> {
    connection: &'a Connection,
    /// The host takes compressed blocks.
    packing: Option<Packing>,
}

impl Line for ToTheHost<'_> {
    fn block(&mut self, records: &[u8]) -> Result<(), Gone> {
        let compress = |block: &[u8]| Some(compress_to_vec(block, CompressionLevel::Fastest));
        // A way that keeps up with us is faster than we compress.
        let packing = self.packing.as_mut().filter(|_| self.connection.outbox.is_behind());
        match packing.and_then(|packing| packing.pack(records, compress)) {
            Some(packed) => self.frame(&ToHost::CopyPacked(&packed)),
            None => self.frame(&ToHost::Copy(records)),
        }
    }

    fn answer(&mut self) -> Result<Answer, Gone> {
        loop {
            match self.connection.inbox.next() {
                Some(Event::CopyWord(Word::Have { at, hash })) => {
                    return Ok(Answer::Have(at, hash));
                }
                Some(Event::CopyWord(Word::Skip)) => return Ok(Answer::Skip),
                // What was still on its way to a command that has ended, and what was noted of it.
                Some(
                    Event::Stdin(_)
                    | Event::StdinEnd
                    | Event::Signal(_)
                    | Event::Ack(_)
                    | Event::Exited
                    | Event::PipeEnded,
                ) => {}
                _ => return Err(Gone),
            }
        }
    }
}

impl<'a> ToTheHost<'a> {
    /// `packed`: the host takes compressed blocks.
    pub(crate) fn new(connection: &'a Connection, packed: bool) -> Self {
        Self { connection, packing: packed.then(Packing::default) }
    }

    fn frame(&self, frame: &ToHost<'_>) -> Result<(), Gone> {
        self.connection.outbox.send(frame).map_err(|_| Gone)
    }
}

struct OfTheHost<'a>(&'a Connection);

impl Answers for OfTheHost<'_> {
    fn say(&mut self, word: Word) -> Result<(), Gone> {
        self.0.outbox.send(&ToHost::CopyWord(word)).map_err(|_| Gone)
    }
}

fn receive(target: Target, connection: &Connection) -> Result<(), Failure> {
    let mut receiver = Receiver::new(target);
    let mut answers = OfTheHost(connection);
    let mut decoder = FrameDecoder::new();
    let mut unpacked = Vec::new();
    while let Some(event) = connection.inbox.next() {
        let block = match &event {
            Event::Copy(block) => block,
            Event::CopyPacked(packed) => {
                unpack(packed, &mut decoder, &mut unpacked)?;
                &unpacked
            }
            _ => continue,
        };
        match receiver.block(block, &mut answers) {
            Ok(false) => {}
            Ok(true) => return Ok(()),
            Err(error) => return Err(failure(&error)),
        }
    }
    Err(Failure::HostGone)
}

/// One block, and no more than that.
fn unpack(packed: &[u8], decoder: &mut FrameDecoder, block: &mut Vec<u8>) -> Result<(), Failure> {
    block.clear();
    block.reserve_exact(BLOCK);
    decoder.decode_all_to_vec(packed, block).map_err(|error| {
        Failure::new(FailureCode::Verify, format!("a block can't be unpacked: {error}"))
    })
}

fn failure(error: &ReceiveError) -> Failure {
    let code = match error {
        ReceiveError::Gone(_) => return Failure::HostGone,
        ReceiveError::Target(_) => FailureCode::Place,
        ReceiveError::Full { .. } => FailureCode::DiskFull,
        ReceiveError::Record(_)
        | ReceiveError::Order
        | ReceiveError::TooMuch(_)
        | ReceiveError::TooMany => FailureCode::Verify,
    };
    Failure::new(code, error.to_string())
}
