//! The passages of a log that name something, each with the lines round it. The log is read through and not held.

use super::plain::plain;
use crate::history::Piece;
use memchr::memmem::Finder;
use serde::Serialize;
use std::collections::VecDeque;

/// So many lines before and behind one that names it.
const ROUND: usize = 3;

/// So many passages are shown.
const MOST: usize = 20;

/// So many lines, of all passages together.
const MOST_LINES: usize = 400;

/// So much of a line is looked at and shown, in bytes.
const LONGEST: usize = 4 * 1024;

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    /// From 1 on, in all that is shown of the log otherwise.
    pub(super) number: u64,
    /// Without its end, and its beginning only where it is very long. What is no UTF-8 is replaced.
    pub(super) text: String,
    /// It is one of those that the passage is shown for.
    pub(super) names: bool,
}

/// Lines one after the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Passage {
    pub(super) lines: Vec<Line>,
}

/// Gathers passages from the pieces of a log.
pub(super) struct Passages {
    words: Vec<Finder<'static>>,
    /// The beginning of the line that isn't ended.
    begun: Vec<u8>,
    is_begun: bool,
    number: u64,
    before: VecDeque<Line>,
    /// So many lines more belong to the last passage.
    behind: usize,
    found: Vec<Passage>,
    lines: usize,
    /// Passages that aren't shown.
    more: u64,
    cut: u64,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) passages: Vec<Passage>,
    /// How many there are beside these.
    pub(super) more: u64,
    /// How much of the output isn't kept, in bytes.
    pub(super) cut: u64,
}

impl Passages {
    /// Those that name one of these as a word.
    pub(super) fn of(words: &[String]) -> Self {
        Self {
            words: words.iter().map(|word| Finder::new(word.as_bytes()).into_owned()).collect(),
            begun: Vec::new(),
            is_begun: false,
            number: 0,
            before: VecDeque::new(),
            behind: 0,
            found: Vec::new(),
            lines: 0,
            more: 0,
            cut: 0,
        }
    }

    /// The next piece of the log.
    pub(super) fn add(&mut self, piece: Piece<'_>) {
        let mut rest = match piece {
            Piece::Output { bytes, .. } => bytes,
            Piece::Cut(count) => {
                self.end_line();
                self.cut += count;
                // The log is shown with a line that says so.
                self.number += 1;
                // What stands there has nothing to do with what follows.
                self.before.clear();
                self.behind = 0;
                return;
            }
        };
        while let Some(end) = memchr::memchr(b'\n', rest) {
            self.append(&rest[..end]);
            self.is_begun = true;
            self.end_line();
            rest = &rest[end + 1..];
        }
        self.append(rest);
        self.is_begun |= !rest.is_empty();
    }

    /// All that there is.
    pub(super) fn finish(mut self) -> Found {
        self.end_line();
        Found { passages: self.found, more: self.more, cut: self.cut }
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = LONGEST - self.begun.len();
        self.begun.extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    fn end_line(&mut self) {
        if !std::mem::take(&mut self.is_begun) {
            return;
        }
        self.number += 1;
        let plain = plain(&self.begun);
        let names = self.words.iter().any(|word| is_named(word, &plain));
        let text = String::from_utf8_lossy(&self.begun).into_owned();
        self.take(Line { number: self.number, text, names });
        self.begun.clear();
    }

    fn take(&mut self, line: Line) {
        if !line.names && self.behind == 0 {
            if self.before.len() == ROUND {
                self.before.pop_front();
            }
            self.before.push_back(line);
            return;
        }
        if self.behind == 0 {
            self.begin_passage(line.number);
        }
        self.behind = if line.names { ROUND } else { self.behind - 1 };
        // Behind the last that is shown, nothing is.
        let is_shown = self.more == 0 && self.lines < MOST_LINES;
        if let Some(passage) = self.found.last_mut().filter(|_| is_shown) {
            passage.lines.push(line);
            self.lines += 1;
        } else {
            // It goes on where nothing is shown any more.
            self.more = self.more.max(1);
        }
    }

    /// With what stands before the line with this number. What meets the last passage is a part of it.
    fn begin_passage(&mut self, number: u64) {
        let before: Vec<_> = self.before.drain(..).collect();
        let first = before.first().map_or(number, |line| line.number);
        let count = self.found.len();
        let last = self.found.last_mut().filter(|_| self.more == 0);
        let met =
            last.filter(|last| last.lines.last().is_some_and(|line| line.number + 1 == first));
        let is_full = self.lines >= MOST_LINES;
        match met {
            Some(_) if is_full => {}
            Some(passage) => {
                self.lines += before.len();
                passage.lines.extend(before);
            }
            None if is_full || count >= MOST => self.more += 1,
            None => {
                self.lines += before.len();
                self.found.push(Passage { lines: before });
            }
        }
    }
}

/// Does it stand there as a word? `adds` isn't named by `adds_up`.
fn is_named(word: &Finder<'_>, line: &[u8]) -> bool {
    let is_part = |byte: Option<&u8>| {
        byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80)
    };
    let (first, last) = (word.needle().first(), word.needle().last());
    word.find_iter(line).any(|at| {
        let before = at.checked_sub(1).and_then(|at| line.get(at));
        let behind = line.get(at + word.needle().len());
        let goes_on = is_part(first) && is_part(before) || is_part(last) && is_part(behind);
        !goes_on
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_wire::frame::Stream;

    fn found(words: &[&str], output: &str, size: usize) -> Found {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        let mut passages = Passages::of(&words);
        for bytes in output.as_bytes().chunks(size) {
            passages.add(Piece::Output { stream: Stream::Stdout, ms: 0, bytes });
        }
        passages.finish()
    }

    fn numbers(found: &Found) -> Vec<Vec<u64>> {
        let of = |passage: &Passage| passage.lines.iter().map(|line| line.number).collect();
        found.passages.iter().map(of).collect()
    }

    /// Lines from 1 on; these name it.
    fn lines(count: u64, naming: &[u64]) -> String {
        let line = |number| if naming.contains(&number) { "it adds\n" } else { "x\n" };
        (1..=count).map(line).collect()
    }

    #[test]
    fn each_has_the_lines_round_it_and_those_that_meet_are_one() {
        for size in [1, 3, 1000] {
            let found = found(&["adds"], &lines(40, &[2, 12, 14, 30, 37]), size);
            let expected: [Vec<u64>; 3] =
                [(1..=5).collect(), (9..=17).collect(), (27..=40).collect()];
            assert_eq!(numbers(&found), expected, "{size}");
            let named = found.passages[1].lines.iter().filter(|line| line.names);
            assert_eq!(named.map(|line| line.number).collect::<Vec<_>>(), [12, 14]);
            assert_eq!((found.more, found.cut), (0, 0));
        }
    }

    #[test]
    fn it_stands_there_as_a_word() {
        let is = |word: &str, line: &str| !found(&[word], line, 100).passages.is_empty();
        for line in ["adds", "a::adds", "test adds ... ok", "(adds)", "adds_up adds", "adds\n"] {
            assert!(is("adds", line), "{line}");
        }
        for line in ["adds_up", "reads adders", "addsü", "", "\n", "add s"] {
            assert!(!is("adds", line), "{line}");
        }
        assert!(is("[1-2]", "test_x[1-2]y") && is("a b", "it is a b"));
    }

    #[test]
    fn colours_are_no_part_of_a_word_and_are_shown_as_they_came() {
        let line = "\u{1b}[31madds\u{1b}[0m is red, a\u{1b}[1mdd\u{1b}[22ms too";
        for word in ["adds", "adds is red"] {
            let found = found(&[word], line, 1);
            assert_eq!(found.passages[0].lines[0].text, line, "{word}");
        }
        assert!(found(&["add"], line, 1).passages.is_empty());
    }

    #[test]
    fn there_are_so_many_and_no_more_whatever_the_log() {
        let naming: Vec<u64> = (0..1000).map(|at| 10 * at).collect();
        let many = found(&["adds"], &lines(10_000, &naming), 7);
        assert_eq!((many.passages.len(), many.more), (MOST, 999 - MOST as u64));
        let all: Vec<u64> = (1..=10_000).collect();
        let one = found(&["adds"], &lines(10_000, &all), 7);
        assert_eq!((one.passages[0].lines.len(), one.more), (MOST_LINES, 1));
        let long =
            format!("{} adds\nadds{}", "x".repeat(100 * LONGEST), "y ".repeat(100 * LONGEST));
        let long = found(&["adds"], &long.replace("addsy", "adds y"), 1000);
        assert_eq!(numbers(&long), [[1, 2]]);
        assert_eq!(long.passages[0].lines[1].text.len(), LONGEST);
    }

    #[test]
    fn what_is_not_kept_stands_between_passages() {
        let mut passages = Passages::of(&["adds".to_owned()]);
        for piece in [b"one\nadds".as_slice(), b"two\nadds\n".as_slice()] {
            passages.add(Piece::Output { stream: Stream::Stdout, ms: 0, bytes: piece });
            passages.add(Piece::Cut(7));
        }
        let found = passages.finish();
        assert_eq!((numbers(&found), found.cut), (vec![vec![1, 2], vec![4, 5]], 14));
    }
}
