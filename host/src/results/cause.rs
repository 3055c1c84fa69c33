//! Which tests failed by themselves: some tools say of each test round one that failed that it did, too, as Go's do of
//! `TestX` and `TestX/a` where `TestX/a/b` failed.

use super::case::{Case, Problem};
use super::gather::Results;

/// Suite, class and name.
type Key<'a> = (&'a str, Option<&'a str>, &'a str);

impl Results {
    /// Those that failed, without the ones that say no more than that and hold another that did.
    #[must_use]
    pub fn causes(&self) -> Vec<&Case> {
        let mut failed: Vec<Key<'_>> = self.failed().map(key).collect();
        failed.sort_unstable();
        let is_cause = |case: &&Case| !holds_another(case, &failed) || !is_bare(case);
        self.failed().filter(is_cause).collect()
    }
}

fn key(case: &Case) -> Key<'_> {
    (&case.suite, case.class.as_deref(), &case.name)
}

fn is_bare(case: &Case) -> bool {
    case.problem.as_ref().is_none_or(Problem::is_bare)
}

/// Of sorted ones, those in it stand together.
fn holds_another(case: &Case, failed: &[Key<'_>]) -> bool {
    let (suite, class, name) = key(case);
    let inner = format!("{name}/");
    let at = failed.partition_point(|other| *other < (suite, class, inner.as_str()));
    let next = failed.get(at);
    next.is_some_and(|next| (next.0, next.1) == (suite, class) && next.2.starts_with(&inner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Status;

    #[test]
    fn what_failed_with_a_test_in_it_is_no_cause() {
        let case = |class: &str, name: &str, message: &str| Case {
            class: Some(class.to_owned()),
            name: name.to_owned(),
            status: if message.is_empty() { Status::Passed } else { Status::Failed },
            problem: Some(Problem { message: message.to_owned(), ..Problem::default() }),
            ..Case::default()
        };
        let cases = vec![
            case("p", "X", "Failed"),
            case("p", "X/#17", "Failed"),
            case("p", "X/#17/Value", "Failed"),
            case("p", "X#1", "Failed"),
            case("p", "Y", "its own words"),
            case("p", "Y/a", "Failed"),
            case("p", "Z", "Failed"),
            case("q", "Z/a", "Failed"),
            case("p", "V", "Failed"),
            case("p", "V/a", ""),
        ];
        let results = Results { cases, ..Results::default() };
        let names: Vec<_> = results.causes().iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["X/#17/Value", "X#1", "Y", "Y/a", "Z", "Z/a", "V"]);
    }
}
