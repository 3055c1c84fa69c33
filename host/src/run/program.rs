//! The second half of a session: the command, and its output on its way to ours.

use super::error::RunError;
use super::outcome::Outcome;
use super::session::{Conversation, Ended, Finished};
use super::stdin::{self, Taken};
use crate::events::{self, Event};
use crate::fault;
use crate::output;
use crate::transport::TransportError;
use crabbox_wire::frame::{Stream, ToHelper, ToHost};
use crabbox_wire::message::Synced;
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;
use signal_hook::consts::SIGHUP;
use std::io::{self, Write};
use tracing::info_span;

/// The helper is told after this many bytes that they are written out, so that it may forget them.
const ACK_EVERY: u64 = 1024 * 1024;

impl Conversation<'_> {
    /// From the start of the command to its end. `None`: the session ended before.
    pub(super) fn until_ended(
        &mut self,
        input: &mut impl io::Read,
        synced: Synced,
    ) -> Result<Option<Finished>, RunError> {
        let run = self.job.request.run.as_ref();
        let _span = info_span!("program", run = run.map(|run| run.id.as_str())).entered();
        let taken = Taken::default();
        if let Some(run) = run {
            if run.await_environment {
                ToHelper::Environment(self.job.environment.clone()).write(&mut self.outbox)?;
                self.outbox.flush().map_err(TransportError::Broken)?;
            }
            self.listener.command(self.outbox.clone()).map_err(RunError::Interrupted)?;
            if run.stdin {
                stdin::forward(self.outbox.clone(), taken.clone());
            }
        }
        let mut buffer = Vec::new();
        let (mut printed, mut acknowledged) = (0, 0);
        let silence = self.job.printer.silence(format!("running on {}", self.job.lease));
        loop {
            match ToHost::read(input, &mut buffer)? {
                None => return Ok(None),
                Some(ToHost::Output { stream, offset, bytes }) => {
                    silence.advance(bytes.len() as u64);
                    write_out(stream, bytes, self.job.output_to_stderr)?;
                    let bytes = bytes.len() as u64;
                    self.job.log.add(stream, &mut buffer);
                    events::tell(&Event::Output { stream: stream.into(), offset, bytes });
                    printed = offset.saturating_add(bytes);
                    if printed.saturating_sub(acknowledged) >= ACK_EVERY {
                        acknowledged = printed;
                        // A helper that has said everything may be gone: what it has said is read to its end.
                        let _ = ToHelper::Ack(printed).write(&mut self.outbox);
                        let _ = self.outbox.flush();
                    }
                }
                Some(ToHost::Taken(total)) => taken.set(total),
                Some(ToHost::Started(_)) => {
                    self.job.log.started();
                    fault::point("session.started");
                }
                Some(ToHost::Ended(ended)) => {
                    self.job.log.ended();
                    fault::point("session.ended");
                    let warnings = ended.warnings;
                    for warning in &warnings {
                        self.job.printer.warning(warning);
                    }
                    let outcome = Outcome::of(ended.outcome);
                    let ended = Some(Ended { outcome, wall_ms: ended.wall_ms, printed });
                    return Ok(Some(Finished { warnings, ..self.finished(ended, synced) }));
                }
                Some(ToHost::Failed(failure)) => return Err(RunError::Box(failure)),
                Some(_) => {}
            }
        }
    }
}

fn write_out(stream: Stream, bytes: &[u8], to_stderr: bool) -> Result<(), RunError> {
    let to_stderr = to_stderr || stream == Stream::Stderr;
    let written = if to_stderr { output::stderr(bytes) } else { output::stdout(bytes) };
    written.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::PIPE) => RunError::Unread,
        // So answers a terminal that is gone; its signal may come later, or to others only.
        Some(Errno::IO) if is_device(to_stderr) => RunError::Stopped(SIGHUP),
        _ => RunError::Output(error),
    })
}

/// Is our output, or our standard error, a terminal or the like? One that is gone can't be asked
/// whether it is a terminal.
fn is_device(stderr: bool) -> bool {
    let found = if stderr { fstat(io::stderr()) } else { fstat(io::stdout()) };
    found.is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice)
}
