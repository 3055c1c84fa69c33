//! Which tests failed, in as much room as there is. Of each stand which and where, and what was wrong, or nothing.

use super::lines::place;
use crate::output::{columns_of, cut, cut_start};
use crate::results::{Case, Compared, Results, Status};

/// So many are named.
const NAMED: usize = 20;

/// The longest message that stands in a line, in columns.
const MESSAGE: usize = 160;

/// So much of one, or of a name, says something on any screen.
const SHORTEST: usize = 20;

/// How much longer what stands before a name is than what stands before a hint, in columns.
const MARK: usize = 2;

/// All that there is to say of them.
pub(in crate::cli) struct Failed {
    /// The lines of each.
    tests: Vec<Vec<String>>,
    /// How many there are.
    all: usize,
    /// How many more failed because one of these did.
    with: usize,
}

impl Failed {
    /// Of these results, those first that are new, in lines that fit on a screen which is as wide as a hint of so many columns.
    pub(in crate::cli) fn of(results: &Results, compared: Option<&Compared>, width: usize) -> Self {
        let causes = results.causes_with_new_first(compared);
        let tests = causes.iter().take(NAMED).map(|case| told(case, width)).collect();
        Self { tests, all: causes.len(), with: results.failed().count() - causes.len() }
    }

    /// All of them that are named.
    pub(super) fn lines(&self) -> Vec<String> {
        self.within(usize::MAX, |_| 1)
    }

    /// Those that there is room for, in rows, and how many there are beside them.
    pub(in crate::cli) fn within(
        &self,
        room: usize,
        height: impl Fn(&str) -> usize,
    ) -> Vec<String> {
        let rows = |lines: &[String]| lines.iter().map(|line| height(line)).sum::<usize>();
        let (mut shown, mut taken) = (0, 0);
        for test in &self.tests {
            taken += rows(test);
            if taken + rows(self.rest(shown + 1).as_slice()) > room {
                break;
            }
            shown += 1;
        }
        if shown > 0 {
            return self.tests[..shown].concat().into_iter().chain(self.rest(shown)).collect();
        }
        // Of the first the name has to do.
        let name = self.tests.first().and_then(|test| test.first().cloned());
        let mut left = room;
        let fits = |line: &String| {
            let rest = left.checked_sub(height(line));
            left = rest.unwrap_or(left);
            rest.is_some()
        };
        name.into_iter().chain(self.rest(1)).take_while(fits).collect()
    }

    /// How many there are beside so many that are shown.
    fn rest(&self, shown: usize) -> Option<String> {
        let with = |whom| format!("{} that failed with {whom}", self.with);
        match (self.all.saturating_sub(shown), self.with) {
            (0, 0) => None,
            (0, _) => Some(format!("  ... and {}", with("these"))),
            (more, 0) => Some(format!("  ... and {more} more")),
            (more, _) => Some(format!("  ... and {more} more, and {}", with("them"))),
        }
    }
}

fn told(case: &Case, width: usize) -> Vec<String> {
    let mark = if case.status == Status::Error { "ERROR" } else { "FAILED" };
    let name = named(case, width.saturating_sub(MARK).max(SHORTEST));
    let message = case.telling();
    let message = (!message.is_empty())
        .then(|| format!("    {}", cut(&message, width.clamp(SHORTEST, MESSAGE))));
    [format!("  {mark} {name}")].into_iter().chain(message).collect()
}

/// Its name and where it failed; that goes before the name is hard to recognise.
fn named(case: &Case, room: usize) -> String {
    let place = place(case);
    match room.checked_sub(columns_of(&place)).filter(|left| *left >= SHORTEST) {
        Some(left) => format!("{}{}", name(case, left), cut(&place, room)),
        None => name(case, room),
    }
}

/// Of a long one what tells it from the others of its class.
fn name(case: &Case, room: usize) -> String {
    let id = case.id();
    if columns_of(&id) <= room {
        cut(&id, room)
    } else if columns_of(&case.name) < room {
        cut_start(&id, room)
    } else {
        cut(&case.name, room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{Place, Problem};

    fn failed(name: &str, message: &str) -> Case {
        let place = Some(Place { file: "a.rs".to_owned(), line: Some(7) });
        let problem = Some(Problem { message: message.to_owned(), text: String::new(), place });
        Case { name: name.to_owned(), status: Status::Failed, problem, ..Case::default() }
    }

    fn all(cases: Vec<Case>, width: usize) -> Failed {
        Failed::of(&Results { cases, ..Results::default() }, None, width)
    }

    #[test]
    fn what_fails_newly_comes_first() {
        let cases = ["a", "b", "c"].map(|name| failed(name, "")).to_vec();
        let compared = Compared { newly_failing: vec!["c".to_owned()], ..Compared::default() };
        let results = Results { cases, ..Results::default() };
        let lines = Failed::of(&results, Some(&compared), usize::MAX).within(2, |_| 1);
        assert_eq!(lines, ["  FAILED c (a.rs:7)", "  ... and 2 more"]);
    }

    fn many(count: usize) -> Failed {
        all((0..count).map(|at| failed(&format!("t{at}"), "is wrong")).collect(), usize::MAX)
    }

    #[test]
    fn there_are_never_more_lines_than_room() {
        let hundred = many(100);
        for room in [0, 1, 2, 5, 20, 60, 200] {
            let lines = hundred.within(room, |_| 1);
            assert!(lines.len() <= room, "{room}: {lines:#?}");
        }
        let lines = hundred.within(60, |_| 1);
        assert_eq!(lines.iter().filter(|line| line.contains("FAILED")).count(), 20);
        assert!(lines.contains(&"  ... and 80 more".to_owned()));
        assert_eq!(hundred.within(2, |_| 1), ["  FAILED t0 (a.rs:7)", "  ... and 99 more"]);
    }

    #[test]
    fn a_test_is_there_with_all_its_lines_and_the_rest_is_counted() {
        // The second message takes three rows.
        let height = |line: &str| if line.contains("long") { 3 } else { 1 };
        let tests = all(
            vec![failed("a", "short"), failed("b", "long"), failed("c", "short"), failed("d", "")],
            usize::MAX,
        );
        let first = ["  FAILED a (a.rs:7)", "    short", "  ... and 3 more"];
        for room in 3..7 {
            assert_eq!(tests.within(room, height), first, "{room}");
        }
        assert_eq!(
            tests.within(7, height)[2..],
            ["  FAILED b (a.rs:7)", "    long", "  ... and 2 more"]
        );
        assert_eq!(tests.within(9, height).len(), 7);
        assert_eq!(tests.within(0, height), [""; 0]);
    }

    #[test]
    fn what_failed_with_another_is_counted_and_not_named() {
        let nested = |rest: &[&str]| {
            let names = ["x", "x/1", "x/1/a"].iter().chain(rest);
            all(names.map(|name| failed(name, "Failed")).collect(), usize::MAX)
        };
        let told = ["  FAILED x/1/a (a.rs:7)", "    Failed"];
        let lines = nested(&[]).lines();
        assert_eq!(lines, [told[0], told[1], "  ... and 2 that failed with these"]);
        let lines = nested(&["y", "z"]).within(3, |_| 1);
        assert_eq!(lines, [told[0], told[1], "  ... and 2 more, and 2 that failed with them"]);
    }

    #[test]
    fn names_and_messages_are_as_long_as_the_screen_is_wide() {
        let one =
            |name: &str, message: &str, width| all(vec![failed(name, message)], width).lines();
        let long = "x".repeat(200);
        assert_eq!(one("t", "is wrong", 0)[1], "    is wrong");
        assert_eq!(one("t", &long, 60)[1], format!("    {}…", &long[..59]));
        assert_eq!(one("t", &long, 500)[1], format!("    {}…", &long[..159]));
        assert_eq!(one(&long, "", 60), [format!("  FAILED {}… (a.rs:7)", &long[..48])]);
        assert_eq!(one(&long, "", 22), [format!("  FAILED {}…", &long[..19])]);
        assert_eq!(one(&long, "", usize::MAX), [format!("  FAILED {long} (a.rs:7)")]);
        let of = |class: &str, name: &str| {
            let class = Some(class.to_owned());
            all(vec![Case { class, ..failed(name, "") }], 60).lines().concat()
        };
        let class = "c".repeat(60);
        assert_eq!(of(&class, "works"), format!("  FAILED …{}::works (a.rs:7)", &class[..41]));
        assert_eq!(of(&class, &long), format!("  FAILED {}… (a.rs:7)", &long[..48]));
        assert_eq!(one("日本\u{1b}語", "", 60), ["  FAILED 日本\\u{1b}語 (a.rs:7)"]);
    }
}
