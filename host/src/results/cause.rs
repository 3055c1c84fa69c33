//! Which tests failed by themselves: some tools say of each test round one that failed that it did, too, as Go's do of
//! `TestX` and `TestX/a` where `TestX/a/b` failed.

use super::case::{Case, Problem};
use super::compare::Compared;
use super::gather::Results;
use super::source::Source;
use std::collections::HashSet;

/// The number of its report, its suite, class and name: what another report says is of another tool, or of other code.
type Key<'a> = (usize, &'a str, Option<&'a str>, &'a str);

impl Results {
    /// Those that failed, without the ones that say no more than that and hold another that did.
    #[must_use]
    pub fn causes(&self) -> Vec<&Case> {
        let failed = self.failed_with_keys();
        let mut keys: Vec<Key<'_>> = failed.iter().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        let is_cause = |key, case| !holds_another(key, &keys) || !is_bare(case);
        failed.into_iter().filter_map(|(key, case)| is_cause(key, case).then_some(case)).collect()
    }

    /// The same, those first that fail newly.
    #[must_use]
    pub fn causes_with_new_first(&self, compared: Option<&Compared>) -> Vec<&Case> {
        let mut causes = self.causes();
        if let Some(Compared { newly_failing, .. }) = compared {
            let new: HashSet<&String> = newly_failing.iter().collect();
            causes.sort_by_cached_key(|case| !new.contains(&case.id()));
        }
        causes
    }

    fn failed_with_keys(&self) -> Vec<(Key<'_>, &Case)> {
        let mut rest = self.cases.as_slice();
        let mut failed = Vec::new();
        // What no report counts stands for one itself.
        let counts = self.files.iter().map(Source::listed).chain([usize::MAX]);
        for (report, count) in counts.enumerate() {
            let (cases, behind) = rest.split_at(count.min(rest.len()));
            rest = behind;
            let of = cases.iter().filter(|case| case.status.is_failure());
            failed.extend(of.map(|case| {
                ((report, case.suite.as_str(), case.class.as_deref(), case.name.as_str()), case)
            }));
        }
        failed
    }
}

fn is_bare(case: &Case) -> bool {
    case.problem.as_ref().is_none_or(Problem::is_bare)
}

/// Of sorted ones, those in it stand together.
fn holds_another((report, suite, class, name): Key<'_>, failed: &[Key<'_>]) -> bool {
    let inner = format!("{name}/");
    let at = failed.partition_point(|other| *other < (report, suite, class, inner.as_str()));
    let next = failed.get(at);
    next.is_some_and(|next| {
        (next.0, next.1, next.2) == (report, suite, class) && next.3.starts_with(&inner)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Gather, Status};

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

    #[test]
    fn a_test_holds_none_of_another_report() {
        let case =
            |name: &str| Case { name: name.to_owned(), status: Status::Failed, ..Case::default() };
        let file = |tests| Source { tests, ..Source::default() };
        let names = |counts: &[u64]| -> Vec<String> {
            let cases = ["other", "api", "api/users", "last"].map(case).to_vec();
            let files = counts.iter().copied().map(file).collect();
            let results = Results { files, cases, ..Results::default() };
            results.causes().iter().map(|case| case.name.clone()).collect()
        };
        let all = ["other", "api", "api/users", "last"];
        let without = ["other", "api/users", "last"];
        for counts in [&[4][..], &[1, 3], &[0, 1, 0, 2, 1], &[3], &[]] {
            assert_eq!(names(counts), without, "{counts:?}");
        }
        for counts in [&[2, 2][..], &[1, 1, 1, 1], &[1, 0, 1, 0, 2], &[2]] {
            assert_eq!(names(counts), all, "{counts:?}");
        }
    }

    #[test]
    fn reports_are_counted_as_they_were_read() {
        let mut gather = Gather::of("", false);
        for (path, names) in [("a.xml", &["x", "api"][..]), ("b.xml", &["api/users", "y"])] {
            let tests = names.iter().map(|name| {
                format!("<testcase name='{name}'><failure message='Failed'/></testcase>")
            });
            let xml = format!("<testsuite>{}</testsuite>", tests.collect::<String>());
            gather.add(path.to_owned(), Ok(xml.as_bytes()), true);
            gather.miss(format!("no {path}"), "it is gone".to_owned(), true);
        }
        assert_eq!(gather.results().causes().len(), 4);
    }
}
