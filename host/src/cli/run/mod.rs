//! `crabbox run`: [`arguments`] are what it takes, [`report`] what is said at the end; the way there is
//! that of every [`order`](super::order).

mod arguments;
mod report;

pub(in crate::cli) use arguments::Run;

use super::Shared;
use super::order::Failed;
use crate::run::Purpose;

impl Run {
    /// Returns the exit code.
    pub(in crate::cli) fn execute(self, shared: &Shared) -> u8 {
        let printer = shared.printer;
        let order = self.check(shared).map_err(Failed::from);
        match order.and_then(|order| order.carry_out(shared)) {
            Ok(done) => match done.finished.ended {
                Some(ended) => report::show(&done, ended, printer),
                None => done.finished.outcome().exit,
            },
            Err(failed) => failed.show(Purpose::Run, printer),
        }
    }
}
