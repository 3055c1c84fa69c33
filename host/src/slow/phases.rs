//! Where the time of a run went, against where it usually goes.

use super::budget::{self, Budget};
use super::median::median;
use crate::history::{Phase, RunRecord};

/// All but the command.
pub const OVERHEAD: &str = "overhead";
/// From the first to the last.
pub const TOTAL: &str = "total";

/// In the order in which they begin.
const ORDER: [&str; 9] =
    ["scan", "acquire", "connect", "prove", "sync", PROGRAM, "collect", "release", "results"];
const PROGRAM: &str = "program";

/// A difference that is shorter, in milliseconds, is noise.
const NOISE: u64 = 20;

/// A part of a run, or the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// A phase, [`OVERHEAD`] or [`TOTAL`].
    pub name: String,
    /// How long it took, in milliseconds; `None`: this run had no such phase.
    pub ms: Option<u64>,
    /// How long it usually takes, in milliseconds; `None`: no earlier run had one.
    pub usual_ms: Option<u64>,
    /// How long it may take.
    pub budget: Option<Budget>,
    /// Why it deserves a look.
    pub stands_out: Vec<Mark>,
}

/// Why a row deserves a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// It took half as long again as usual, or longer.
    Slower,
    /// It took longer than it may.
    OverBudget,
}

impl Mark {
    /// As it stands in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slower => "slower",
            Self::OverBudget => "over_budget",
        }
    }

    /// For people.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Slower => "slower than usual",
            Self::OverBudget => "over its budget",
        }
    }
}

/// Compares this run with those before it.
#[must_use]
pub fn compare(run: &RunRecord, before: &[RunRecord]) -> Vec<Row> {
    let mut names: Vec<&str> = ORDER.to_vec();
    for Phase { name, .. } in &run.phases {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    names.extend([OVERHEAD, TOTAL]);
    let rows = names.into_iter().map(|name| row(name, run, before));
    rows.filter(|row| row.ms.is_some() || row.usual_ms.is_some()).collect()
}

fn row(name: &str, run: &RunRecord, before: &[RunRecord]) -> Row {
    let ms = time_of(name, run);
    let usual_ms = median(before.iter().filter_map(|before| time_of(name, before)));
    let budget = match name {
        "scan" => budget::of_scan(run),
        OVERHEAD => budget::of_overhead(run),
        _ => None,
    };
    let is_slower = |(ms, usual): (u64, u64)| ms > usual.saturating_add(NOISE.max(usual / 2));
    let marks = [
        (Mark::Slower, ms.zip(usual_ms).is_some_and(is_slower)),
        (Mark::OverBudget, ms.zip(budget).is_some_and(|(ms, budget)| ms > budget.ms)),
    ];
    let stands_out = marks.into_iter().filter(|(_, holds)| *holds).map(|(mark, _)| mark).collect();
    Row { name: name.to_owned(), ms, usual_ms, budget, stands_out }
}

fn time_of(name: &str, run: &RunRecord) -> Option<u64> {
    match name {
        TOTAL => Some(run.total_ms),
        OVERHEAD => Some(run.total_ms.saturating_sub(spent(run, &[PROGRAM])?)),
        phase => spent(run, &[phase]),
    }
}

/// What it spent in these phases altogether: one may come several times. `None`: it had none of them.
pub(super) fn spent(run: &RunRecord, phases: &[&str]) -> Option<u64> {
    let wanted = run.phases.iter().filter(|phase| phases.contains(&phase.name.as_str()));
    wanted.map(|phase| phase.ms).reduce(u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::super::detour::tests::{ready, run};
    use super::*;
    use crate::history::{Synced, Way};

    fn named<'a>(rows: &'a [Row], name: &str) -> &'a Row {
        rows.iter().find(|row| row.name == name).expect("a row")
    }

    #[test]
    fn what_takes_longer_than_usual_stands_out_and_what_is_noise_does_not() {
        let usual = [("acquire", 5), ("program", 100), ("release", 40)];
        let before =
            [run(ready(), &usual), run(ready(), &usual), run(ready(), &[("program", 900)])];
        let now = run(ready(), &[("acquire", 3), ("acquire", 20), ("program", 151), ("other", 1)]);
        let rows = compare(&now, &before);
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["acquire", "program", "release", "other", OVERHEAD, TOTAL]);
        let acquire = named(&rows, "acquire");
        assert_eq!((acquire.ms, acquire.usual_ms), (Some(23), Some(5)));
        assert_eq!(acquire.stands_out, []);
        assert_eq!(named(&rows, "program").stands_out, [Mark::Slower]);
        assert_eq!(named(&rows, "release").ms, None);
        assert_eq!(named(&rows, "other").usual_ms, None);
        assert_eq!(named(&rows, OVERHEAD).ms, Some(24));
    }

    #[test]
    fn a_budget_is_for_those_of_whom_it_is_said() {
        let budgets = |way: Way, changed: u64| {
            let mut run = run(way, &[("scan", 101), ("program", 5)]);
            run.sync = Some(Synced { written: changed, removed: 0, bytes: 0 });
            let rows = compare(&run, &[]);
            let of = |name| named(&rows, name).budget.map(|budget| budget.ms);
            (of("scan"), of(OVERHEAD))
        };
        assert_eq!(budgets(ready(), 0), (Some(100), Some(40)));
        assert_eq!(budgets(ready(), 1), (None, Some(70)));
        assert_eq!(budgets(ready(), 2), (None, None));
        let large = Way { entries: Some(20_001), ..ready() };
        assert_eq!(budgets(large, 0), (Some(400), Some(440)));
        assert_eq!(budgets(Way { entries: Some(100_001), ..ready() }, 0), (None, None));
        let far = Way { connected: Some(true), ..ready() };
        assert_eq!(budgets(far, 0), (Some(100), None));
        assert_eq!(budgets(Way { helper_sent: true, ..ready() }, 0).1, None);
        assert_eq!(budgets(Way::default(), 0), (None, None));
    }

    #[test]
    fn what_is_over_its_budget_stands_out() {
        let mut now = run(ready(), &[("scan", 101)]);
        now.sync = Some(Synced { written: 0, removed: 0, bytes: 0 });
        assert_eq!(named(&compare(&now, &[]), "scan").stands_out, [Mark::OverBudget]);
    }
}
