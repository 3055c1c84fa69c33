//! `crabbox run`: [`arguments`] are what it takes, and [`bring`] what it is to bring here; [`report`] is what is said at the end,
//! and [`brought`] what of it is about that. The way there is that of every [`order`](super::order).

mod arguments;
mod bring;
mod brought;
mod report;

pub(in crate::cli) use arguments::Run;

use super::Shared;
use super::order::{Failed, remember};
use crate::run::Purpose;

impl Run {
    /// Returns the exit code.
    pub(in crate::cli) fn execute(self, shared: &Shared) -> u8 {
        let printer = shared.printer;
        let order = match self.check(shared) {
            Ok(order) => order,
            Err(error) => return Failed::from(error).show(Purpose::Run, printer),
        };
        let recording = order.recording();
        let result = order.carry_out(shared, recording.as_ref());
        // What was typed wrong was no run.
        let is_run = result.as_ref().map_or_else(|failed| !failed.is_of_usage(), |_| true);
        let exit = match result {
            Ok(done) => match done.finished.ended {
                Some(ended) => report::show(&done, ended, printer),
                None => done.finished.outcome().exit,
            },
            Err(failed) => failed.show(Purpose::Run, printer),
        };
        if let Some(recording) = recording.filter(|_| is_run) {
            remember(&recording, printer);
        }
        exit
    }
}
