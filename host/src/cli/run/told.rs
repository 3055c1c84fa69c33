//! What is said of a run at its end beside its exit code: how much of it on the screen, and its receipt in a file.

use super::summary::Room;
use super::tested::Tested;
use crate::cli::order::remember;
use crate::cli::whole;
use crate::events::{self, Target};
use crate::history::{Recording, RunRecord};
use crate::output::{CommandError, Exit, Printer};
use crate::places::real;
use crate::receipt::Receipt;
use crate::results::Results;
use crate::sync::{Source, uncommitted};
use clap::{Args, ValueHint};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// What is said.
#[derive(Clone, Debug, Args)]
pub(super) struct Told {
    /// Say at most so many lines at the end
    #[arg(long, value_name = "N", default_value = "60", hide_default_value = true)]
    pub(super) summary_lines: usize,
    /// Write down what was run, for `crabbox verify`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    receipt: Option<PathBuf>,
    /// Tell what happens, as lines of JSON
    #[arg(long, value_name = "FILE|fd:N", value_hint = ValueHint::FilePath)]
    events: Option<Target>,
}

/// What a run is to write down, with what git says of the checkout while it begins.
pub(super) struct ToWrite {
    path: PathBuf,
    uncommitted: JoinHandle<Option<String>>,
    stop: Arc<AtomicBool>,
}

impl Told {
    /// It would be a pity to hear of it after the run.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        let Some(path) = &self.receipt else { return Ok(()) };
        let above = path.parent().filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        let shown = path.display();
        if path.is_dir() {
            return Err(CommandError::usage(format!("`--receipt {shown}` is a folder")));
        }
        if !above.is_dir() {
            let message = format!("there is no folder `{}` for the receipt", above.display());
            return Err(CommandError::new(Exit::NotFound, message));
        }
        Ok(())
    }

    /// The checkout without the receipt that will be written into it.
    pub(super) fn without_receipt(&self, source: Source) -> Source {
        let Some(path) = &self.receipt else { return source };
        source.without([&*real(path)])
    }

    /// From now on events are told, if somebody wants them.
    pub(super) fn begin_events(&self) -> Result<(), CommandError> {
        let Some(target) = &self.events else { return Ok(()) };
        events::begin(target).map_err(|error| {
            let shown = match target {
                Target::File(path) => path.display().to_string(),
                Target::Descriptor(number) => format!("fd:{number}"),
            };
            let result = CommandError::usage(format!("`--events {shown}` can't be written"));
            let is_unread = error.raw_os_error() == Some(Errno::NXIO.raw_os_error());
            let result = result.because(error);
            if is_unread { result.note("nobody has opened the pipe to read it") } else { result }
        })
    }

    /// How much room there is: a screen's, if it goes to one, where the next prompt takes a line.
    pub(super) fn room(&self, printer: Printer) -> Room {
        let screen = printer.screen();
        let lines = screen.map_or(usize::MAX, |screen| screen.rows.saturating_sub(1));
        Room { lines: self.summary_lines.min(lines), screen }
    }

    /// Begins to ask git, beside everything else.
    pub(super) fn begin(&self, source: &Source) -> Option<ToWrite> {
        let path = self.receipt.clone()?;
        let stop = Arc::new(AtomicBool::new(false));
        let (source, wanted) = (source.clone(), Arc::clone(&stop));
        let uncommitted = thread::spawn(move || uncommitted(&source, &wanted));
        Some(ToWrite { path, uncommitted, stop })
    }
}

impl ToWrite {
    /// Writes it, once the run is recorded, which that needs. A run that has ended doesn't wait for git.
    pub(super) fn write(
        self,
        recording: &Recording,
        tested: Option<&Tested>,
        printer: Printer,
    ) -> Result<(), CommandError> {
        if !self.uncommitted.is_finished() {
            self.stop.store(true, Ordering::Relaxed);
        }
        let uncommitted = self.uncommitted.join().ok().flatten();
        recording.note(|run| run.uncommitted = uncommitted);
        match remember(recording, printer) {
            Some(record) => write(&self.path, &record, tested.map(Tested::results)),
            None => Ok(()),
        }
    }
}

/// Writes the receipt.
fn write(path: &Path, record: &RunRecord, results: Option<&Results>) -> Result<(), CommandError> {
    let receipt = Receipt::of(record, results);
    let written = whole::write(path, |out| out.write_all(receipt.to_json()?.as_bytes()));
    written.map(drop).map_err(|error| {
        CommandError::failed(format!("the receipt `{}` can't be written", path.display()))
            .because(error)
    })
}
