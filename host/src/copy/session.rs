//! The conversation with the helper: one session, in which records go one way and words the other.

use super::error::CopyError;
use super::packing::{Packer, Unpacker};
use crate::fault;
use crate::output::Progress;
use crate::transport::{Process, Route};
use crate::visit::{Session, VisitError};
use crabbox_copy::Gone;
use crabbox_copy::receive::{Answers, Receiver};
use crabbox_copy::send::{Answer, Line, SendError, send};
use crabbox_copy::target::Target;
use crabbox_wire::copy::{Copied, Remark, Word};
use crabbox_wire::frame::{FrameError, ToHelper, ToHost};
use crabbox_wire::message::Request;
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::process::ChildStdin;
use std::sync::mpsc::{Receiver as Channel, SyncSender as ToSender, TrySendError, sync_channel};
use std::thread;

/// Sees how a copy goes.
pub struct Watch<'a> {
    /// For people.
    pub progress: &'a Progress,
    /// What is to be known of an entry.
    pub remark: &'a mut dyn FnMut(Remark),
}

/// Brings what the request names to the target.
pub fn get(
    route: &Route<'_>,
    request: &Request,
    target: Target,
    watch: &mut Watch<'_>,
) -> Result<Copied, CopyError> {
    let Session { mut input, output, process, mut buffer, .. } = Session::proved(route, request)?;
    let mut unpacker = Unpacker::new().map_err(CopyError::Unpack)?;
    let mut receiver = Receiver::sparing_git(target);
    let mut here = Here { output, watch, done: None };
    let mut take = || loop {
        fault::point("copy.block");
        let over = match ToHost::read(&mut input, &mut buffer)? {
            None => return Err(VisitError::Ended { stderr: process.stderr_tail() }.into()),
            Some(ToHost::Copy(block)) => receiver.block(block, &mut here)?,
            Some(ToHost::CopyPacked(packed)) => {
                let block = unpacker.unpack(packed).map_err(CopyError::Unpack)?;
                receiver.block(&block, &mut here)?
            }
            Some(ToHost::Failed(failure)) => return Err(VisitError::Box(failure).into()),
            Some(_) => return Err(VisitError::Order.into()),
        };
        if over {
            return here.done.take().ok_or_else(|| VisitError::Order.into());
        }
    };
    let taken = take();
    if taken.is_err() {
        // The box may still be sending.
        process.terminate();
    }
    taken
}

/// What the receiver here says: partly to the box, partly to whoever watches.
struct Here<'a, 'b> {
    output: BufWriter<ChildStdin>,
    watch: &'a mut Watch<'b>,
    done: Option<Copied>,
}

impl Answers for Here<'_, '_> {
    fn say(&mut self, word: Word) -> Result<(), Gone> {
        match word {
            Word::Remark(remark) => (self.watch.remark)(remark),
            Word::Done(copied) => self.done = Some(copied),
            word => write(&ToHelper::CopyWord(word), &mut self.output)?,
        }
        Ok(())
    }

    fn advance(&mut self, bytes: u64) {
        self.watch.progress.advance(bytes);
    }

    fn expect(&mut self, total: u64) {
        self.watch.progress.expect(total);
    }
}

fn write(frame: &ToHelper<'_>, output: &mut BufWriter<ChildStdin>) -> Result<(), Gone> {
    let written = frame.write(output).and_then(|()| Ok::<_, FrameError>(output.flush()?));
    written.map_err(|_| Gone)
}

/// Brings what lies at `from` to where the request says; `compress`: where that pays.
pub fn put(
    route: &Route<'_>,
    request: &Request,
    from: &Path,
    compress: bool,
    watch: &mut Watch<'_>,
) -> Result<Copied, CopyError> {
    let Session { mut input, output, process, mut buffer, .. } = Session::proved(route, request)?;
    let packer = if compress { Packer::new().ok() } else { None };
    // One question is open at a time.
    let (answer, answers) = sync_channel(1);
    let progress = watch.progress;
    // One thread sends and another reads: were one to do both, each side could wait for the other to read.
    thread::scope(|scope| {
        let mut line = ToTheBox { output, packer, answers, progress };
        // The way there stays open until the box has said its last: to close it is to give up.
        let sending = scope.spawn(move || send(from, &mut line).map(|()| line));
        let listened = listen(&mut input, &mut buffer, &answer, &process, watch);
        drop(answer);
        if listened.is_err() || !sending.is_finished() {
            // The sender may be stuck in a write that nobody reads. One that has sent all doesn't notice.
            process.terminate();
        }
        match (listened, sending.join()) {
            // Why we stopped says more than that the box saw us stop.
            (_, Ok(Err(error @ (SendError::Missing | SendError::Look(_))))) => Err(error.into()),
            // What it hasn't been sent it can't have put in its place.
            (Ok(_), Ok(Err(SendError::Gone(_)))) => Err(VisitError::Order.into()),
            (listened, _) => listened,
        }
    })
}

fn listen(
    input: &mut impl Read,
    buffer: &mut Vec<u8>,
    answer: &ToSender<Answer>,
    process: &Process,
    watch: &mut Watch<'_>,
) -> Result<Copied, CopyError> {
    loop {
        let answered = match ToHost::read(input, buffer)? {
            None => return Err(VisitError::Ended { stderr: process.stderr_tail() }.into()),
            Some(ToHost::Failed(failure)) => return Err(VisitError::Box(failure).into()),
            Some(ToHost::CopyWord(Word::Done(copied))) => return Ok(copied),
            Some(ToHost::CopyWord(Word::Remark(remark))) => {
                (watch.remark)(remark);
                continue;
            }
            Some(ToHost::CopyWord(Word::Have { at, hash })) => Answer::Have(at, hash),
            Some(ToHost::CopyWord(Word::Skip)) => Answer::Skip,
            Some(_) => return Err(VisitError::Order.into()),
        };
        // A sender that has given up says why itself.
        if let Err(TrySendError::Full(_)) = answer.try_send(answered) {
            return Err(VisitError::Order.into());
        }
    }
}

struct ToTheBox<'a> {
    output: BufWriter<ChildStdin>,
    packer: Option<Packer>,
    answers: Channel<Answer>,
    progress: &'a Progress,
}

impl Line for ToTheBox<'_> {
    fn block(&mut self, records: &[u8]) -> Result<(), Gone> {
        fault::point("copy.block");
        match self.packer.as_mut().and_then(|packer| packer.pack(records)) {
            Some(packed) => write(&ToHelper::CopyPacked(&packed), &mut self.output),
            None => write(&ToHelper::Copy(records), &mut self.output),
        }
    }

    fn answer(&mut self) -> Result<Answer, Gone> {
        self.answers.recv().map_err(|_| Gone)
    }

    fn advance(&mut self, bytes: u64) {
        self.progress.advance(bytes);
    }

    fn expect(&mut self, total: u64) {
        self.progress.expect(total);
    }
}
