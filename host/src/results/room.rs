//! How many tests are kept one by one. What is beyond that is counted; a test that failed is still named, for which there is
//! room of its own, so that nothing that went well hides it.

use super::case::{Case, Status};
use super::gather::Results;
use super::totals::Totals;
use crate::output::human;

/// What there is.
#[derive(Debug)]
pub(super) struct Room {
    /// For so many tests, of so many bytes altogether.
    cases: usize,
    bytes: usize,
    /// For those beyond that which didn't come out well, in bytes.
    unwell: usize,
}

impl Room {
    /// A quarter of it is there once more for what isn't well.
    pub(super) fn of(cases: usize, bytes: usize) -> Self {
        Self { cases, bytes, unwell: bytes / 4 }
    }

    /// Is there room for this one? Where what all share is used up, it goes without its texts.
    pub(super) fn take(&mut self, case: &mut Case) -> bool {
        if self.cases > 0
            && let Some(left) = self.bytes.checked_sub(case.size())
        {
            self.cases -= 1;
            self.bytes = left;
            return true;
        }
        // One that comes later doesn't overtake it.
        self.cases = 0;
        if matches!(case.status, Status::Passed | Status::Skipped) {
            return false;
        }
        bare(case);
        let size = case.size();
        let has_room = size <= self.unwell;
        self.unwell = if has_room { self.unwell - size } else { 0 };
        has_room
    }
}

impl Results {
    /// For people: which tests aren't kept one by one.
    #[must_use]
    pub fn only_counted(&self) -> Option<String> {
        let Totals { failed, .. } = self.counted;
        let tests = human::count(Some(self.counted.all()).filter(|all| *all > 0)?, "test");
        let failed = if failed > 0 { format!(", of which {failed} failed") } else { String::new() };
        Some(format!("the reports say too much to keep all: {tests}{failed}, only counted"))
    }
}

/// One line has to do.
fn bare(case: &mut Case) {
    case.tell_in_messages();
    case.output = String::new();
    if case.problem.is_some() {
        case.earlier = Vec::new();
    } else {
        case.earlier.drain(..case.earlier.len().saturating_sub(1));
    }
    for problem in case.problem.iter_mut().chain(&mut case.earlier) {
        problem.text = String::new();
    }
}
