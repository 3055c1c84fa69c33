//! `crabbox run`: [`arguments`] are what it takes, and [`bring`] what it is to bring here; [`tested`] is what its tests came to,
//! [`report`] what is said at the end, with [`brought`] about files, and [`told`] how much of it, and its receipt;
//! [`watched`] is what machines are told. The way there is
//! that of every [`order`](super::order).

mod arguments;
mod bring;
pub(in crate::cli) mod brought;
mod report;
mod tested;
mod told;
mod watched;

pub(in crate::cli) use arguments::Run;

use self::tested::{Tested, note_artifacts};
use super::Shared;
use super::order::{Done, Failed, Order, remember};
use crate::history::Recording;
use crate::output::Printer;
use crate::run::{CRABBOX_FAILED, Purpose};
use std::time::Instant;

impl Run {
    /// Returns the exit code.
    pub(in crate::cli) fn execute(self, shared: &Shared) -> u8 {
        let printer = shared.printer;
        let told = self.told.clone();
        let order = match self.check(shared) {
            Ok(order) => order,
            Err(error) => return Failed::from(error).show(Purpose::Run, printer),
        };
        if let Err(error) = told.begin_events() {
            return Failed::from(error).show(Purpose::Run, printer);
        }
        let begun = Instant::now();
        watched::begin(&order);
        let recording = order.recording();
        let receipt = told.begin(&order.source);
        let result = order.carry_out(shared, recording.as_ref());
        // What was typed wrong was no run.
        let is_run = result.as_ref().map_or_else(|failed| !failed.is_of_usage(), |_| true);
        let mut tested = None;
        let end = watched::End::of(&result);
        let mut exit = match result {
            Ok(done) => {
                tested = read_tests(&done, &order, recording.as_ref(), printer);
                watched::tell_what_came(&done, tested.as_ref());
                let room = told.room(printer);
                match done.finished.ended {
                    Some(ended) => report::show(&done, ended, tested.as_ref(), room, printer),
                    None => done.finished.outcome().exit,
                }
            }
            Err(failed) => failed.show(Purpose::Run, printer),
        };
        let Some(recording) = recording.filter(|_| is_run) else {
            end.tell(exit, begun.elapsed(), printer);
            return exit;
        };
        let mut path = None;
        if let Some(receipt) = receipt {
            recording.note(|run| path = Some(receipt.uncommitted(&mut run.uncommitted)));
        }
        let record = remember(&recording, printer);
        if let Some((path, record)) = path.zip(record)
            && let Err(error) = told::write(&path, &record, tested.as_ref().map(Tested::results))
        {
            printer.explain(&error);
            exit = if exit == 0 { CRABBOX_FAILED } else { exit };
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
    let mut tested = Tested::read(collected, &order.settings.junit)?;
    if let Some(recording) = recording {
        tested.keep(recording, &order.places.state, printer);
    }
    Some(tested)
}
