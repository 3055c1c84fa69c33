//! `crabbox run`: [`arguments`] are what it takes, and [`bring`] what it is to bring here; [`tested`] is what its tests came to,
//! [`report`] what is said at the end, with [`brought`] about files, [`summary`] what of it where room is short, and [`told`] how
//! much room there is, and its receipt;
//! [`watched`] is what machines are told. The way there is
//! that of every [`order`](super::order).

mod arguments;
mod bring;
pub(in crate::cli) mod brought;
mod report;
mod summary;
mod tested;
mod told;
mod watched;

pub(in crate::cli) use arguments::Run;

use self::report::Report;
use self::tested::{Tested, note_artifacts, remove_reports};
use super::Shared;
use super::order::{Done, Failed, Order, remember};
use crate::history::Recording;
use crate::output::Printer;
use crate::run::Purpose;
use std::time::Instant;
use tracing::info_span;

impl Run {
    /// Returns the exit code.
    pub(in crate::cli) fn execute(self, shared: &Shared) -> u8 {
        let printer = shared.printer;
        let told = self.told.clone();
        let order = match self.check(shared) {
            // What is written here when it is over is no part of what was run.
            Ok(order) => Order { source: told.without_receipt(order.source), ..order },
            Err(error) => return Failed::from(error).show(Purpose::Run, printer),
        };
        if let Err(error) = told.begin_events() {
            return Failed::from(error).show(Purpose::Run, printer);
        }
        let begun = Instant::now();
        watched::begin(&order);
        let recording = order.recording();
        let receipt = told.begin(&order.source);
        let mut result = order.carry_out(shared, recording.as_ref());
        // What was typed wrong was no run.
        let is_run = result.as_ref().map_or_else(|failed| !failed.is_of_usage(), |_| true);
        if let Some(recording) = recording.as_ref().filter(|_| !is_run) {
            recording.give_up();
        }
        let recording = recording.filter(|_| is_run);
        let done = result.as_ref().ok();
        let tested = done.and_then(|done| read_tests(done, &order, recording.as_ref(), printer));
        remove_reports(&order);
        if let Some(done) = result.as_mut().ok().filter(|_| tested.is_some()) {
            done.total = begun.elapsed();
        }
        let mut end = watched::End::of(&result);
        if let Some((receipt, recording)) = receipt.zip(recording.as_ref())
            && let Err(error) = receipt.write(recording, tested.as_ref(), printer)
        {
            printer.explain(&error);
            end.fail();
        }
        let exit = match result {
            Ok(done) => {
                watched::tell_what_came(&done, tested.as_ref());
                let room = told.room(printer);
                match done.finished.ended {
                    Some(ended) => {
                        let report = Report {
                            done: &done,
                            ended,
                            outcome: end.outcome(),
                            tested: tested.as_ref(),
                            is_remembered: recording.is_some(),
                        };
                        report.show(room, printer)
                    }
                    None => end.outcome().exit,
                }
            }
            Err(failed) => failed.show(Purpose::Run, printer),
        };
        if let Some(recording) = recording {
            // Done already where there is a receipt.
            let _ = remember(&recording, printer);
        }
        end.tell(exit, begun.elapsed(), printer);
        exit
    }
}

/// What the tests of a run came to, kept for later, as are the names of what came here.
fn read_tests(
    done: &Done,
    order: &Order,
    recording: Option<&Recording>,
    printer: Printer,
) -> Option<Tested> {
    let collected = done.finished.collected.as_ref()?;
    if let Some(recording) = recording {
        note_artifacts(recording, collected);
    }
    let _span = (!collected.reports.is_empty()).then(|| info_span!("results").entered());
    let well = done.finished.ended.is_some_and(|ended| ended.outcome.exit == 0);
    let mut tested = Tested::read(collected, &order.settings.junit, well)?;
    if let Some(recording) = recording {
        tested.keep(recording, &order.places.state, printer);
    }
    Some(tested)
}
