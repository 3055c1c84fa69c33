//! The lines at the end of a run, as many as there is room for. They stand in the order in which they are read; which of them
//! stay where not all can is another one.

use crate::output::{Printer, Screen};

/// What stands before each line, in characters.
const MARK: usize = "crabbox:   hint: ".len();

/// How much room there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    pub(super) lines: usize,
    pub(super) screen: Option<Screen>,
}

impl Room {
    /// How long a line may be that stands in one of the screen's.
    pub(super) fn width(self) -> usize {
        self.screen.map_or(usize::MAX, |screen| screen.columns.saturating_sub(MARK))
    }

    /// How many lines of the screen this one takes.
    fn height(self, line: &Line) -> usize {
        let (Line::Said(text) | Line::ToType(text)) = line;
        let length = MARK + text.chars().count();
        self.screen.map_or(1, |screen| length.div_ceil(screen.columns))
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

    /// What there is room for; how it ended always is said.
    fn within(self, room: Room) -> Vec<Line> {
        let mut by_weight: Vec<usize> = (0..self.0.len()).collect();
        by_weight.sort_by_key(|at| self.0[*at].0);
        let mut left = room.lines;
        by_weight.retain(|at| {
            let height = room.height(&self.0[*at].1);
            let fits = *at == 0 || height <= left;
            left = if fits { left.saturating_sub(height) } else { left };
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
}
