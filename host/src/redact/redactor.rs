//! Looks for all values at once, however many there are.

use super::known::{REDACTED, SURE};
use super::plain::{Plain, between};
use aho_corasick::{AhoCorasick, MatchKind};
use memchr::{memchr_iter, memrchr_iter};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// So much of each value is looked for, in bytes, and the rest compared where that is found: some are whole files, in many
/// forms.
const HEAD: usize = 32;

/// The values that were registered when it was made, for any number of texts.
#[derive(Clone, Debug, Default)]
pub struct Redactor(Option<Arc<Finder>>);

#[derive(Debug)]
struct Finder {
    values: Vec<String>,
    /// The values that begin with each of the heads that are looked for.
    with_head: Vec<Vec<usize>>,
    /// Says quickly that there is none, as is so of nearly all texts.
    first: AhoCorasick,
    /// Finds each of them, also in another one.
    all: OnceLock<AhoCorasick>,
}

/// What there is of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// More follows.
    Start,
    /// More stood before it.
    End,
}

impl Redactor {
    /// Of these, of which none is empty.
    pub(crate) fn of(values: Vec<String>) -> Self {
        Self((!values.is_empty()).then(|| Arc::new(Finder::of(values))))
    }

    /// Is there nothing to look for?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.is_none()
    }

    /// The text without them.
    #[must_use]
    pub fn clean<'a>(&self, text: &'a str) -> Cow<'a, str> {
        self.cleaned(text, Part::Whole)
    }

    /// So many bytes of its start at most, without them; nor is the beginning of one left that ends behind that.
    #[must_use]
    pub fn start_of<'a>(&self, text: &'a str, length: usize) -> Cow<'a, str> {
        let start = &text[..text.floor_char_boundary(length)];
        let part = if start.len() < text.len() { Part::Start } else { Part::Whole };
        self.cleaned(start, part)
    }

    /// So many bytes of its end at most, without them; nor is the end of one left that begins before that.
    #[must_use]
    pub fn end_of<'a>(&self, text: &'a str, length: usize) -> Cow<'a, str> {
        let cut = text.ceil_char_boundary(text.len().saturating_sub(length));
        let end = &text[behind_sequence(text, cut)..];
        let part = if end.len() < text.len() { Part::End } else { Part::Whole };
        self.cleaned(end, part)
    }

    /// Does the text hold one, and surely not by chance?
    #[must_use]
    pub fn holds_for_sure(&self, text: &str) -> bool {
        self.found(text.as_bytes()).iter().any(|range| range.len() >= SURE)
    }

    /// From where to where they stand, in no order; some may be in each other.
    #[must_use]
    pub fn found(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        self.0.as_ref().map(|finder| finder.found(bytes)).unwrap_or_default()
    }

    /// How many bytes at the end are the beginning of one, and not all of it.
    #[must_use]
    pub fn begun(&self, bytes: &[u8]) -> usize {
        self.longest(|value| {
            let tail = &bytes[bytes.len().saturating_sub(value.len() - 1)..];
            let starts = memchr_iter(value[0], tail).map(|at| &tail[at..]);
            starts.filter(|end| value.starts_with(end)).map(<[u8]>::len).next()
        })
    }

    /// How many bytes at the start are the end of one, and not all of it.
    fn ended(&self, bytes: &[u8]) -> usize {
        self.longest(|value| {
            let head = &bytes[..bytes.len().min(value.len() - 1)];
            let ends = memrchr_iter(value[value.len() - 1], head).map(|at| &head[..=at]);
            ends.filter(|start| value.ends_with(start)).map(<[u8]>::len).next()
        })
    }

    fn longest(&self, of: impl Fn(&[u8]) -> Option<usize>) -> usize {
        let values = self.0.iter().flat_map(|finder| &finder.values);
        values.filter_map(|value| of(value.as_bytes())).max().unwrap_or(0)
    }

    fn cleaned<'a>(&self, text: &'a str, part: Part) -> Cow<'a, str> {
        if self.is_idle() {
            return Cow::Borrowed(text);
        }
        let mut covered = self.covered(text.as_bytes(), part);
        if let Some(plain) = Plain::of(text.as_bytes()) {
            let found = self.covered(&plain.bytes, part);
            covered.extend(found.iter().map(|range| plain.back(range)));
        }
        replaced(text, covered)
    }

    /// What may not stay of this part.
    fn covered(&self, bytes: &[u8], part: Part) -> Vec<Range<usize>> {
        let mut covered = self.found(bytes);
        let edge = match part {
            Part::Whole => 0..0,
            Part::Start => bytes.len() - self.begun(bytes)..bytes.len(),
            Part::End => 0..self.ended(bytes),
        };
        covered.extend(Some(edge).filter(|edge| !edge.is_empty()));
        covered
    }
}

impl Finder {
    fn of(values: Vec<String>) -> Self {
        let mut with_head: BTreeMap<&[u8], Vec<usize>> = BTreeMap::new();
        for (at, value) in values.iter().enumerate() {
            with_head.entry(head(value)).or_default().push(at);
        }
        let first = automaton(MatchKind::LeftmostFirst, with_head.keys());
        let with_head = with_head.into_values().collect();
        Self { values, with_head, first, all: OnceLock::new() }
    }

    fn found(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        if !self.first.is_match(bytes) {
            return Vec::new();
        }
        let heads = || self.with_head.iter().map(|values| head(&self.values[values[0]]));
        let all = self.all.get_or_init(|| automaton(MatchKind::Standard, heads()));
        let of_head = |found: aho_corasick::Match| {
            let values = self.with_head[found.pattern().as_usize()].iter();
            let values = values.map(|value| self.values[*value].as_bytes());
            let whole = values.filter(move |value| bytes[found.start()..].starts_with(value));
            whole.map(move |value| found.start()..found.start() + value.len())
        };
        all.find_overlapping_iter(bytes).flat_map(of_head).collect()
    }
}

fn head(value: &str) -> &[u8] {
    &value.as_bytes()[..value.len().min(HEAD)]
}

fn automaton(kind: MatchKind, heads: impl Iterator<Item = impl AsRef<[u8]>>) -> AhoCorasick {
    let built = AhoCorasick::builder().match_kind(kind).build(heads);
    built.expect("as many heads as there are values are far from 2 GiB of states")
}

/// Where that falls within what a terminal would obey, the end of it: the rest of one would be taken for text.
fn behind_sequence(text: &str, cut: usize) -> usize {
    if cut == 0 {
        return 0;
    }
    let part = between(text.as_bytes()).find(|part| part.end >= cut);
    part.map_or(text.len(), |part| part.start.max(cut))
}

/// What overlaps goes together.
fn replaced(text: &str, mut covered: Vec<Range<usize>>) -> Cow<'_, str> {
    if covered.is_empty() {
        return Cow::Borrowed(text);
    }
    covered.sort_unstable_by_key(|range| range.start);
    covered.dedup_by(|next, last| {
        let is_one = next.start < last.end;
        if is_one {
            last.end = last.end.max(next.end);
        }
        is_one
    });
    let mut result = String::with_capacity(text.len());
    let mut from = 0;
    for range in covered {
        result.push_str(&text[from..range.start]);
        result.push_str(REDACTED);
        from = range.end;
    }
    result.push_str(&text[from..]);
    Cow::Owned(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(values: &[&str]) -> Redactor {
        Redactor::of(values.iter().map(|&value| value.to_owned()).collect())
    }

    #[test]
    fn of_values_that_overlap_nothing_is_left() {
        let redactor = redactor(&["hunter2-alpha9", "alpha9-omega-long-1", "omega"]);
        for (text, expected) in [
            ("<hunter2-alpha9-omega-long-1>", "<[redacted]>"),
            ("hunter2-alpha9hunter2-alpha9", "[redacted][redacted]"),
            ("alpha9-omega", "alpha9-[redacted]"),
            ("hunter2", "hunter2"),
        ] {
            assert_eq!(redactor.clean(text), expected);
        }
    }

    #[test]
    fn values_that_begin_alike_are_told_apart_behind_that() {
        let begin = "x".repeat(HEAD);
        let values = [format!("{begin}-one"), format!("{begin}-two"), format!("{begin}-two-more")];
        let redactor = Redactor::of(values.to_vec());
        for (end, expected) in
            [("-one", "[redacted]"), ("-two-more!", "[redacted]!"), ("-two-mo", "[redacted]-mo")]
        {
            assert_eq!(redactor.clean(&format!("{begin}{end}")), expected);
        }
        assert!(matches!(redactor.clean(&begin), Cow::Borrowed(_)));
    }

    #[test]
    fn where_a_text_is_cut_no_part_of_one_is_left() {
        let secret = "s3cret-that-is-long";
        let redactor = redactor(&[secret, "long-and-more"]);
        let text = format!("é before {secret} after é");
        for length in 0..=text.len() {
            let start = redactor.start_of(&text, length).replace(REDACTED, "");
            assert!("é before  after é".starts_with(&start), "{length}: {start}");
            let end = redactor.end_of(&text, length).replace(REDACTED, "");
            assert!("é before  after é".ends_with(&end), "{length}: {end}");
        }
        // Whole, and the beginning of another one.
        assert_eq!(redactor.start_of(&format!("{secret}-and"), secret.len()), REDACTED);
        // A text that isn't cut may end as it likes.
        assert_eq!(redactor.start_of("s3c", 3), "s3c");
    }

    #[test]
    fn colours_within_one_hide_nothing() {
        let redactor = redactor(&["s3cret-token"]);
        let clean = |text: &str| redactor.clean(text).into_owned();
        assert_eq!(
            clean("a \u{1b}[1ms3cr\u{1b}[0met-\u{1b}]8;;x\u{7}token\u{1b}[0m b"),
            "a \u{1b}[1m[redacted]\u{1b}[0m b"
        );
        assert_eq!(clean("s3cr\u{1b}[0met\n-token"), "s3cr\u{1b}[0met\n-token");
        let text = "ab s3cr\u{1b}[0met-token";
        assert_eq!(redactor.start_of(text, text.len() - 3), "ab [redacted]");
        assert_eq!(redactor.end_of("s3cr\u{1b}[0met-token yz", 15), "\u{1b}[0m[redacted] yz");
    }

    #[test]
    fn where_a_cut_falls_within_a_colour_no_part_of_a_secret_is_left() {
        let redactor = redactor(&["s3cret-that-is-long"]);
        let text = "before s3cr\u{1b}[0;31met-that-is-\u{1b}(B\u{1b}[mlong\u{1b}[0m after";
        for length in 0..=text.len() {
            let end = redactor.end_of(text, length);
            let [shown, start] =
                [end.replace(REDACTED, ""), redactor.start_of(text, length).into_owned()];
            let parts = ["s3", "et-", "-is-", "ong", "long"];
            assert!(!parts.iter().any(|part| shown.contains(part)), "{length}: {end:?}");
            assert!(!start.replace(REDACTED, "").contains("s3"), "{length}: {start:?}");
        }
    }
}
