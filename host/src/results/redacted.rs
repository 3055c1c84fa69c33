//! Results without what is secret in them: reports are written by the program on the box, which was given the secrets, and
//! whoever opens what is kept of them later can't know those.

use super::case::{Case, Problem};
use super::gather::Results;
use super::source::Source;
use crate::redact::Redactor;

impl Results {
    /// The same without the registered values, in names and paths as in texts.
    #[must_use]
    pub fn redacted(mut self) -> Self {
        let redactor = Redactor::of_now();
        if !redactor.is_idle() {
            self.files.iter_mut().flat_map(Source::words).for_each(|word| redactor.clean(word));
            self.cases.iter_mut().for_each(|case| case.redact(&redactor));
        }
        self
    }
}

impl Source {
    fn words(&mut self) -> impl Iterator<Item = &mut String> {
        [&mut self.path].into_iter().chain(&mut self.trouble)
    }
}

impl Case {
    fn redact(&mut self, redactor: &Redactor) {
        if !self.words().any(|word| redactor.finds(word)) {
            return;
        }
        let before = self.said();
        self.words().for_each(|word| redactor.clean(word));
        let after = self.said();
        // A place is looked for in what is said, and may have been found within a secret.
        let is_piece = |file: &str| before.contains(file) && !after.contains(file);
        for problem in self.problem.iter_mut().chain(&mut self.earlier) {
            problem.place.take_if(|place| is_piece(&place.file));
        }
    }

    /// Where a place may have been found.
    fn said(&self) -> String {
        let problems = self.problem.iter().chain(&self.earlier);
        let said = problems.flat_map(|problem| [&*problem.message, &*problem.text]);
        said.chain([&*self.output]).collect::<Vec<_>>().join("\n")
    }

    fn words(&mut self) -> impl Iterator<Item = &mut String> {
        let Self { suite, class, name, problem, earlier, output, status: _, ms: _ } = self;
        let problems = problem.iter_mut().chain(earlier).flat_map(Problem::words);
        [suite, name, output].into_iter().chain(class).chain(problems)
    }
}

impl Problem {
    fn words(&mut self) -> impl Iterator<Item = &mut String> {
        let Self { message, text, place } = self;
        [message, text].into_iter().chain(place.iter_mut().map(|place| &mut place.file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact;
    use crate::results::{Place, Status};

    #[test]
    fn a_secret_is_taken_out_of_every_corner() {
        const CANARY: &str = "c4nary-of-a-report";
        redact::register(CANARY);
        let word = || format!("a {CANARY} b");
        let problem = || Problem {
            message: word(),
            text: word(),
            place: Some(Place { file: word(), line: Some(1) }),
        };
        let case = Case {
            suite: word(),
            class: Some(word()),
            name: word(),
            status: Status::Failed,
            ms: Some(1),
            problem: Some(problem()),
            earlier: vec![problem()],
            output: word(),
        };
        let file = Source { path: word(), tests: 1, trouble: Some(word()), ..Source::default() };
        let results = Results { files: vec![file], cases: vec![case], ..Results::default() };
        let text = |results: &Results| serde_json::to_string(results).expect("JSON");
        let before = text(&results);
        assert_eq!(before.matches(CANARY).count(), 12);
        let clean = results.redacted();
        assert_eq!(text(&clean), before.replace(CANARY, redact::REDACTED));
    }

    #[test]
    fn a_place_that_was_found_within_a_secret_goes_and_another_stays() {
        redact::register("c4nary<src/of.rs:3>it");
        let placed = |file: &str| {
            let place = Some(Place { file: file.to_owned(), line: Some(3) });
            let text = "a.rs:3: <c4nary<src/of.rs:3>it>".to_owned();
            let problem = Some(Problem { text, place, ..Problem::default() });
            let cases = vec![Case { problem, ..Case::default() }];
            let clean = Results { cases, ..Results::default() }.redacted();
            clean.cases[0].problem.as_ref().and_then(|problem| problem.place.clone()).is_some()
        };
        assert_eq!(["src/of.rs", "a.rs", "declared.rs"].map(placed), [false, true, true]);
    }
}
