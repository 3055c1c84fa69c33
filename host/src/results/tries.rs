//! The tries of a test that is written once for each, as some tools do it.

use super::case::{Case, Status};
use super::junit::MAX_TRIES;
use std::collections::HashMap;

/// A test that failed and stands in the same element again was tried again: some tools write it so. Two that are merely
/// called alike can't be told from that: so this is for reports of a command that ended well. Of a try that there was no room
/// for nothing is known here: where the last one is such, the test stays one that failed.
pub(super) fn tries_together(cases: Vec<Case>, elements: &[usize]) -> Vec<Case> {
    let mut failed: HashMap<(usize, Option<String>, String), usize> = HashMap::new();
    let mut together: Vec<Case> = Vec::with_capacity(cases.len());
    for (case, element) in cases.into_iter().zip(elements) {
        let key = (*element, case.class.clone(), case.name.clone());
        let is_failure = case.status.is_failure();
        if let Some(at) = failed.get(&key).copied() {
            tried_again(&mut together[at], case);
            if !is_failure {
                failed.remove(&key);
            }
            continue;
        }
        if is_failure {
            failed.insert(key, together.len());
        }
        together.push(case);
    }
    together
}

/// The tries of one go into one list, as many as there is room for.
fn tried_again(case: &mut Case, again: Case) {
    let Case { ms, status, problem, earlier, output, .. } = again;
    case.ms = case.ms.map_or(ms, |before| Some(before.saturating_add(ms.unwrap_or_default())));
    // That it wasn't tried again doesn't mend it.
    let is_try = status != Status::Skipped;
    let before = case.problem.take_if(|_| is_try);
    let room = MAX_TRIES.saturating_sub(case.earlier.len());
    case.earlier.extend(before.into_iter().chain(earlier).take(room));
    match status {
        Status::Skipped => {}
        Status::Passed => case.status = Status::Flaky,
        _ => (case.status, case.problem, case.output) = (status, problem, output),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Gather, Results};

    fn gathered(xml: &str, well: bool) -> Results {
        let mut gather = Gather::of("", well);
        gather.add_bytes("a.xml".to_owned(), xml.as_bytes(), true);
        gather.results()
    }

    #[test]
    fn a_test_that_is_there_again_after_it_failed_was_tried_again() {
        let results = gathered("<testsuite name='s'>
            <testcase name='a' time='1'><failure message='1st'/></testcase>
            <testcase name='b'/><testcase name='b'><failure/></testcase>
            <testcase name='a' time='1'><failure message='2nd'/></testcase>
            <testcase name='a' time='1'/>
            <testcase name='c'><failure message='1st'/></testcase><testcase name='c'><skipped/></testcase>
            </testsuite>", true);
        let found: Vec<_> =
            results.cases.iter().map(|case| (case.name.as_str(), case.status, case.ms)).collect();
        let expected = [
            ("a", Status::Flaky, Some(3000)),
            ("b", Status::Passed, None),
            ("b", Status::Failed, None),
            ("c", Status::Failed, None),
        ];
        assert_eq!(found, expected);
        let messages: Vec<_> =
            results.cases[0].earlier.iter().map(|problem| problem.message.as_str()).collect();
        assert_eq!(messages, ["1st", "2nd"]);
        assert_eq!(results.cases[3].shown().expect("one").message, "1st");
    }

    #[test]
    fn of_many_tries_as_many_are_kept_as_of_those_in_one_element() {
        let one = |at| format!("<testcase name='a' time='1'><failure message='{at}'/></testcase>");
        let tries = (0..2 * MAX_TRIES).map(one).collect::<Vec<_>>().concat();
        for (last, status) in [("<testcase name='a'/>", Status::Flaky), ("", Status::Failed)] {
            let results = gathered(&format!("<testsuite>{tries}{last}</testsuite>"), true);
            let case = &results.cases[0];
            assert_eq!((results.cases.len(), case.status), (1, status));
            assert_eq!((case.earlier.len(), case.ms), (MAX_TRIES, Some(40_000)));
            let last = (2 * MAX_TRIES - 1).to_string();
            let problem = case.problem.as_ref().map(|problem| problem.message.as_str());
            assert_eq!(problem, (status == Status::Failed).then_some(last.as_str()));
        }
    }

    #[test]
    fn tests_that_are_called_alike_are_no_tries_of_one() {
        let alike =
            "<testsuites><testsuite name='s'><testcase name='a'><failure/></testcase></testsuite>
            <testsuite name='s'><testcase name='a'/></testsuite></testsuites>";
        let statuses = |results: &Results| -> Vec<Status> {
            results.cases.iter().map(|case| case.status).collect()
        };
        assert_eq!(statuses(&gathered(alike, true)), [Status::Failed, Status::Passed]);
        // Nor is anything flaky where the command says that something failed.
        let again =
            "<testsuite><testcase name='a'><failure/></testcase><testcase name='a'/></testsuite>";
        assert_eq!(statuses(&gathered(again, false)), [Status::Failed, Status::Passed]);
    }
}
