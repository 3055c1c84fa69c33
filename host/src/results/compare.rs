//! What is new since another run.

use super::case::{Case, Status};
use super::gather::Results;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The tests that changed sides, by their ids, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// They fail, and didn't fail before, or weren't there.
    pub newly_failing: Vec<String>,
    /// They are well again.
    pub newly_passing: Vec<String>,
}

/// What `now` has that `before` hadn't. What failed only because a test in it did isn't named.
#[must_use]
pub fn compare(before: &Results, now: &Results) -> Compared {
    // A test that stands there twice failed if one of the two did.
    let failed = |results: &Results| results.failed().map(Case::id).collect::<HashSet<_>>();
    let causes = |results: &Results| -> HashSet<String> {
        results.causes().into_iter().map(Case::id).collect()
    };
    let (then, today) = (failed(before), failed(now));
    let (causes_then, causes_today) = (causes(before), causes(now));
    let mut seen = HashSet::new();
    let mut compared = Compared::default();
    for case in &now.cases {
        let id = case.id();
        if !seen.insert(id.clone()) {
            continue;
        }
        match (then.contains(&id), today.contains(&id)) {
            (false, true) if causes_today.contains(&id) => compared.newly_failing.push(id),
            (true, false) if case.status != Status::Skipped && causes_then.contains(&id) => {
                compared.newly_passing.push(id);
            }
            _ => {}
        }
    }
    compared
}

/// The tests of one run, for the question which of them are unreliable.
#[derive(Clone, Debug)]
pub struct Seen<'a> {
    /// The run's id.
    pub run: &'a str,
    /// What tells its tree and its command from others: the same code was tested where this is the same.
    pub code: &'a str,
    /// Its tests.
    pub cases: &'a [Case],
}

/// A test that comes out now so and now so, with the same code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreliable {
    /// Its id.
    pub test: String,
    /// Runs in which it came out.
    pub runs: u64,
    /// Runs in which it wasn't well at the first try.
    pub unwell: u64,
    /// The latest of these.
    pub last: String,
}

/// The unreliable ones of several runs, the latest run first; those that weren't well most often come first.
#[must_use]
pub fn unreliable(runs: &[Seen<'_>]) -> Vec<Unreliable> {
    #[derive(Default)]
    struct Of<'a> {
        runs: u64,
        unwell: u64,
        last: Option<&'a str>,
        is_flaky: bool,
        /// For each code: was it well, was it not?
        with: HashMap<&'a str, (bool, bool)>,
    }
    let mut tests: BTreeMap<String, Of<'_>> = BTreeMap::new();
    for seen in runs {
        for (id, status) in once_each(seen.cases) {
            let test = tests.entry(id).or_default();
            let is_well = status == Status::Passed;
            test.runs += 1;
            test.unwell += u64::from(!is_well);
            test.is_flaky |= status == Status::Flaky;
            if !is_well && test.last.is_none() {
                test.last = Some(seen.run);
            }
            let with = test.with.entry(seen.code).or_default();
            with.0 |= !status.is_failure();
            with.1 |= status.is_failure();
        }
    }
    let mut found: Vec<_> = tests
        .into_iter()
        .filter(|(_, of)| of.is_flaky || of.with.values().any(|with| *with == (true, true)))
        .map(|(test, of)| {
            let last = of.last.unwrap_or_default().to_owned();
            Unreliable { test, runs: of.runs, unwell: of.unwell, last }
        })
        .collect();
    found.sort_by(|a, b| b.unwell.cmp(&a.unwell).then_with(|| a.test.cmp(&b.test)));
    found
}

/// Each test of a run that came out; of several that are called alike, how the worst did.
fn once_each(cases: &[Case]) -> BTreeMap<String, Status> {
    let rank = |status: Status| match status {
        Status::Error | Status::Failed => 2,
        Status::Flaky => 1,
        Status::Passed | Status::Skipped => 0,
    };
    let mut each = BTreeMap::new();
    for case in cases.iter().filter(|case| case.status != Status::Skipped) {
        let known = each.entry(case.id()).or_insert(case.status);
        if rank(case.status) > rank(*known) {
            *known = case.status;
        }
    }
    each
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(all: &[(&str, Status)]) -> Vec<Case> {
        let case = |(name, status): &(&str, Status)| Case {
            name: (*name).to_owned(),
            status: *status,
            ..Case::default()
        };
        all.iter().map(case).collect()
    }

    #[test]
    fn tests_that_change_sides_are_named() {
        use Status::{Error, Failed, Flaky, Passed, Skipped};
        let before = cases(&[
            ("a", Passed),
            ("b", Failed),
            ("c", Failed),
            ("d", Failed),
            ("e", Passed),
            ("gone", Failed),
        ]);
        let now = cases(&[
            ("a", Failed),
            ("b", Flaky),
            ("c", Error),
            ("d", Skipped),
            ("e", Passed),
            ("new", Failed),
            ("new", Failed),
        ]);
        let compared = compared(before, now);
        assert_eq!(compared.newly_failing, ["a", "new"]);
        assert_eq!(compared.newly_passing, ["b"]);
    }

    fn compared(before: Vec<Case>, now: Vec<Case>) -> Compared {
        let results = |cases| Results { cases, ..Results::default() };
        compare(&results(before), &results(now))
    }

    #[test]
    fn of_tests_in_tests_the_one_that_changed_is_named() {
        use Status::{Failed, Passed};
        let well = cases(&[("x", Passed), ("x/1", Passed), ("y", Passed)]);
        let not = cases(&[("x", Failed), ("x/1", Failed), ("y", Failed)]);
        assert_eq!(compared(well.clone(), not.clone()).newly_failing, ["x/1", "y"]);
        assert_eq!(compared(not, well).newly_passing, ["x/1", "y"]);
    }

    #[test]
    fn tests_that_are_called_alike_in_one_run_are_no_change() {
        let both = cases(&[("a", Status::Failed), ("a", Status::Passed)]);
        assert_eq!(unreliable(&[Seen { run: "1", code: "x", cases: &both }]), []);
    }

    #[test]
    fn only_what_changes_with_the_same_code_is_unreliable() {
        use Status::{Failed, Flaky, Passed, Skipped};
        let latest = cases(&[("a", Failed), ("b", Failed), ("c", Passed), ("d", Skipped)]);
        let middle = cases(&[("a", Passed), ("b", Failed), ("c", Flaky), ("d", Failed)]);
        let first = cases(&[("a", Passed), ("b", Passed), ("c", Passed)]);
        let seen = |run, code, cases| Seen { run, code, cases };
        let runs = [seen("3", "x", &latest), seen("2", "x", &middle), seen("1", "y", &first)];
        let found = unreliable(&runs);
        let expected = [("a", 3, 1, "3"), ("c", 3, 1, "2")];
        let found: Vec<_> = found
            .iter()
            .map(|one| (one.test.as_str(), one.runs, one.unwell, one.last.as_str()))
            .collect();
        assert_eq!(found, expected);
    }
}
