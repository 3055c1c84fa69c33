//! Tries of one test, which some tools write as so many tests.

use super::case::{Case, Status};
use std::collections::HashMap;

/// A test that failed and stands in the same element again was tried again: some tools write it so. Two that are merely
/// called alike can't be told from that: so this is for reports of a command that ended well.
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

fn tried_again(case: &mut Case, again: Case) {
    let before = std::mem::take(case);
    *case = again;
    let own = std::mem::take(&mut case.earlier);
    case.earlier = before.earlier.into_iter().chain(before.problem).chain(own).collect();
    case.ms = before.ms.map_or(case.ms, |ms| Some(ms + case.ms.unwrap_or_default()));
    match case.status {
        Status::Passed => {
            case.status = Status::Flaky;
            case.output = before.output;
        }
        // That it wasn't tried again doesn't mend it.
        Status::Skipped => {
            case.status = before.status;
            case.problem = case.earlier.pop();
        }
        _ => {}
    }
}
