//! The lines at the end of a run, as many as there is room for. They stand in the order in which they are read; which of them
//! stay where not all can is another one.

use crate::output::{Printer, Screen, rows_of, shown};

/// What stands before each line, and before one to type.
const MARK: &str = "crabbox: ";
const TO_TYPE: &str = "crabbox:   hint: ";

/// What each line to type leaves to the tests that failed, in rows: to one of them its name, or its message, too, and to
/// how many more there are a row.
const LEAST: [usize; 2] = [2, 3];

/// How much room there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) lines: usize,
    pub(super) screen: Option<Screen>,
}

impl Room {
    /// How long a line to type may be that stands in one of the screen's; what is said may be longer.
    pub(super) fn width(self) -> usize {
        self.screen.map_or(usize::MAX, |screen| screen.columns.saturating_sub(TO_TYPE.len()))
    }

    /// How many rows of the screen something takes that is said.
    pub(super) fn said(self, line: &str) -> usize {
        self.rows(MARK, line)
    }

    fn rows(self, mark: &str, line: &str) -> usize {
        self.screen.map_or(1, |screen| rows_of(&format!("{mark}{}", shown(line)), screen.columns))
    }

    fn height(self, line: &Line) -> usize {
        match line {
            Line::Said(line) => self.rows(MARK, line),
            Line::ToType(line) => self.rows(TO_TYPE, line),
        }
    }
}

/// What lines are about: the later it stands here, the earlier it goes where room is short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// How the run ended, and how many tests came out how.
    Verdict,
    /// Which tests failed.
    Failed,
    /// How all of it is seen.
    More,
    /// How the same is run again.
    Again,
    /// What is new since the run before, and what is flaky.
    Changes,
    /// How it is seen what one of them printed.
    Printed,
    /// What was brought here.
    Files,
    /// Where the time went.
    Phases,
    /// What becomes of the box.
    Box,
    /// Which tests took longest.
    Slowest,
}

/// A line, and whether it is one to type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Said(String),
    ToType(String),
}

/// All that could be said.
#[derive(Debug, Default)]
pub(super) struct Summary(Vec<(Part, Line)>);

impl Summary {
    pub(super) fn say(&mut self, part: Part, lines: impl IntoIterator<Item = String>) {
        self.0.extend(lines.into_iter().map(|line| (part, Line::Said(line))));
    }

    pub(super) fn hint(&mut self, part: Part, lines: impl IntoIterator<Item = String>) {
        self.0.extend(lines.into_iter().map(|line| (part, Line::ToType(line))));
    }

    /// How much room there is for the tests that failed below what stands here, and before as many of these lines to type
    /// as leave some.
    pub(super) fn left(&self, room: Room, to_type: [Option<&String>; 2]) -> usize {
        let said = self.0.iter().map(|(_, line)| room.height(line)).sum();
        let mut left = room.lines.saturating_sub(said);
        for (line, least) in to_type.into_iter().zip(LEAST) {
            let Some(line) = line else { continue };
            match left.checked_sub(room.rows(TO_TYPE, line)).filter(|left| *left >= least) {
                Some(less) => left = less,
                None => break,
            }
        }
        left
    }

    /// What there is room for; how it ended always is said. Of each part the first that doesn't fit is its end: a line that
    /// stood without those before it would be taken for another's.
    fn within(self, room: Room) -> Vec<Line> {
        let mut by_weight: Vec<usize> = (0..self.0.len()).collect();
        by_weight.sort_by_key(|at| self.0[*at].0);
        let mut left = room.lines;
        let mut ended = None;
        by_weight.retain(|at| {
            let (part, line) = &self.0[*at];
            let height = room.height(line);
            let fits = *at == 0 || height <= left && ended != Some(*part);
            if fits {
                left = left.saturating_sub(height);
            } else {
                ended = Some(*part);
            }
            fits
        });
        let lines = self.0.into_iter().enumerate();
        lines.filter(|(at, _)| by_weight.contains(at)).map(|(_, (_, line))| line).collect()
    }

    /// Says what there is room for.
    pub(super) fn show(self, room: Room, printer: Printer) {
        for line in self.within(room) {
            match line {
                Line::Said(line) => printer.phase(&line),
                Line::ToType(line) => printer.hint(&line),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_most_stays_in_the_order_in_which_it_is_read() {
        let summary = || {
            let mut summary = Summary::default();
            for (part, line) in [
                (Part::Verdict, "exit 1"),
                (Part::Failed, "FAILED a"),
                (Part::Changes, "newly failing: a"),
                (Part::Slowest, "slowest: a"),
                (Part::Files, "1 artifact"),
                (Part::Phases, "phases"),
                (Part::Box, "stays ready"),
            ] {
                summary.say(part, [line.to_owned()]);
            }
            summary.hint(Part::More, ["results".to_owned()]);
            summary.hint(Part::Again, ["run".to_owned()]);
            summary
        };
        let within = |lines| {
            let lines =
                summary().within(Room { lines, screen: None }).into_iter().map(|line| match line {
                    Line::Said(line) => line,
                    Line::ToType(line) => format!("hint: {line}"),
                });
            lines.collect::<Vec<_>>().join(", ")
        };
        assert_eq!(within(0), "exit 1");
        assert_eq!(within(2), "exit 1, FAILED a");
        assert_eq!(within(4), "exit 1, FAILED a, hint: results, hint: run");
        assert_eq!(
            within(6),
            "exit 1, FAILED a, newly failing: a, 1 artifact, hint: results, hint: run"
        );
        assert_eq!(
            within(9),
            "exit 1, FAILED a, newly failing: a, slowest: a, 1 artifact, phases, stays ready, \
             hint: results, hint: run"
        );
        assert_eq!(within(60), within(9));
    }

    #[test]
    fn a_line_that_is_longer_than_the_screen_is_wide_takes_several() {
        let mut summary = Summary::default();
        let [short, long] = [10, 100].map(|length| "x".repeat(length));
        summary.say(Part::Verdict, [short.clone()]);
        summary.say(Part::Changes, [long]);
        summary.say(Part::Phases, [short.clone()]);
        let screen = Some(Screen { columns: 80, rows: 3 });
        let said = Line::Said(short);
        assert_eq!(summary.within(Room { lines: 2, screen }), [said.clone(), said]);
    }

    #[test]
    fn a_part_ends_where_a_line_of_it_does_not_fit() {
        let mut summary = Summary::default();
        summary.say(Part::Verdict, ["x".to_owned()]);
        summary.say(Part::Changes, ["x".repeat(100), "short".to_owned()]);
        summary.say(Part::Phases, ["phases".to_owned()]);
        let screen = Some(Screen { columns: 80, rows: 4 });
        let lines = summary.within(Room { lines: 2, screen });
        assert_eq!(lines, ["x", "phases"].map(|line| Line::Said(line.to_owned())));
    }

    #[test]
    fn lines_to_type_leave_room_for_a_test() {
        let mut summary = Summary::default();
        summary.say(Part::Verdict, ["x".to_owned(), "x".to_owned()]);
        let [short, long] = ["x".to_owned(), "x".repeat(100)];
        let left = |lines, columns, to_type: [&String; 2]| {
            let screen = Some(Screen { columns, rows: lines + 1 });
            summary.left(Room { lines, screen }, to_type.map(Some))
        };
        assert_eq!(
            [3, 4, 5, 6, 10].map(|lines| left(lines, 80, [&short, &short])),
            [1, 2, 2, 3, 6]
        );
        assert_eq!(left(10, 60, [&short, &long]), 5);
        // One that wouldn't be there anyway takes none.
        assert_eq!(left(6, 60, [&short, &long]), 3);
    }
}
