//! All reports of a run, put together.

use super::case::{Case, Status};
use super::junit::{self, Trouble};
use super::place;
use super::room::Room;
use super::source::Source;
use super::totals::Totals;
use super::tries::tries_together;
use crate::output::human;
use crate::redact::Redactor;
use crabbox_wire::tree::Hash;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::HashSet;
use std::io::{self, Read};
use std::iter;

/// A larger report isn't read, in bytes.
const MAX_FILE: u64 = 64 * 1024 * 1024;

/// So much text is kept of all tests together, in bytes: those that come first have theirs.
const MAX_TEXTS: usize = 64 * 1024 * 1024;

/// So much is kept altogether, in bytes. The tests beyond that are counted, and of those that failed a line is kept.
const MAX_KEPT: usize = 256 * 1024 * 1024;

/// So many tests are kept; the others are counted.
const MAX_CASES: usize = 1_000_000;

/// What the reports of a run say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// Where that is from.
    pub files: Vec<Source>,
    /// So many more didn't come from the box.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_left_out: u64,
    /// The tests, in the order of the reports.
    pub cases: Vec<Case>,
    /// Those of which no more than this is kept: there are too many, or the reports say too much of them.
    #[serde(default, skip_serializing_if = "Totals::is_nothing")]
    pub counted: Totals,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Puts reports together. They are written by the program on the box, which was given the secrets, and whoever opens what is
/// kept of them later can't know those: all that is registered by now goes out of each text as it comes.
#[derive(Debug)]
pub struct Gather {
    results: Results,
    redactor: Redactor,
    /// What the tree is called on the box, as reports say it, with a slash at the end of each.
    roots: Vec<String>,
    /// Hashes of those that were read.
    read: HashSet<Hash>,
    texts: usize,
    room: Room,
    /// The command ended well: a test that failed in between was tried again.
    well: bool,
}

impl Gather {
    /// Those of a run whose tree was at `root` on the box: what a test says of files there counts from it. `well`: did
    /// its command end well?
    #[must_use]
    pub fn of(root: &str, well: bool) -> Self {
        let gather = Self {
            results: Results::default(),
            redactor: Redactor::of_now(),
            roots: Vec::new(),
            read: HashSet::new(),
            texts: 0,
            room: Room::of(MAX_CASES, MAX_KEPT),
            well,
        };
        gather.also_at(root)
    }

    /// The tree is called so, too, if this isn't empty: programs know a folder by its path without links.
    #[must_use]
    pub fn also_at(mut self, root: &str) -> Self {
        let root = self.redactor.clean(root.trim_end_matches('/'));
        self.roots.extend((!root.is_empty()).then(|| format!("{root}/")));
        self
    }

    /// Adds a report, which is called `path` on the box. `asked`: somebody said that it is one; what
    /// was merely found where reports lie, and is none, is nothing to be told of.
    pub fn add(&mut self, path: String, report: io::Result<impl Read>, asked: bool) {
        match report.and_then(content) {
            Ok(bytes) => self.add_bytes(path, &bytes, asked),
            Err(error) => self.miss(path, error.to_string(), false),
        }
    }

    pub(super) fn add_bytes(&mut self, path: String, bytes: &[u8], asked: bool) {
        // By two ways, or copied to where another tool looks for it.
        if !self.read.insert(Hash::of(bytes)) {
            return;
        }
        let report = junit::read(bytes, &self.redactor);
        if matches!(report.trouble, Some(Trouble::Empty | Trouble::Foreign)) && !asked {
            return;
        }
        let cases =
            if self.well { tries_together(report.cases, &report.elements) } else { report.cases };
        let before = self.results.cases.len();
        let tests = cases.len() as u64 + report.counted.all();
        self.results.counted.add(report.counted);
        for mut case in cases {
            self.place(&mut case);
            self.spend(&mut case);
            if self.room.take(&mut case) {
                self.results.cases.push(case);
            } else {
                self.results.counted.count(case.status);
            }
        }
        let listed = (self.results.cases.len() - before) as u64;
        let listed = Some(listed).filter(|listed| *listed < tests);
        let trouble = report.trouble.map(|trouble| trouble.to_string());
        let ms = Some(report.ms).filter(|ms| *ms > 0);
        self.source(Source { path, tests, listed, ms, trouble, left_out: false });
    }

    /// A report that couldn't be had. `left_out`: it isn't here at all.
    pub fn miss(&mut self, path: String, why: String, left_out: bool) {
        let trouble = Some(why);
        self.source(Source { path, trouble, left_out, ..Source::default() });
    }

    /// So many more aren't here.
    pub fn miss_more(&mut self, count: u64) {
        self.results.more_left_out = self.results.more_left_out.saturating_add(count);
    }

    /// All of them.
    #[must_use]
    pub fn results(self) -> Results {
        self.results
    }

    fn source(&mut self, mut source: Source) {
        source.path = self.redactor.clean(&source.path).into_owned();
        source.trouble = source.trouble.map(|why| self.redactor.clean(&why).into_owned());
        self.results.files.push(source);
    }

    fn place(&self, case: &mut Case) {
        let problems = case.problem.iter_mut().chain(&mut case.earlier);
        for problem in problems.filter(|_| !self.roots.is_empty()) {
            let Some(place) = problem.place.as_mut() else { continue };
            let below = |file: &str| {
                self.roots
                    .iter()
                    .find_map(|root| file.strip_prefix(root.as_str()).map(str::to_owned))
            };
            let is_outside = |file: &str| file.starts_with('/') && below(file).is_none();
            if is_outside(&place.file) {
                let inside = place::find_cause(&[&problem.text], |file| !is_outside(file));
                *place = inside.unwrap_or_else(|| place.clone());
            }
            if let Some(below) = below(&place.file) {
                place.file = below;
            }
        }
    }

    /// Where too much was kept already, the one line of each has to do.
    fn spend(&mut self, case: &mut Case) {
        let problems = case.problem.iter().chain(&case.earlier);
        let length = problems.map(|problem| problem.text.len()).sum::<usize>() + case.output.len();
        if self.texts + length > MAX_TEXTS {
            case.tell_in_messages();
        }
        let problems = case.problem.iter_mut().chain(&mut case.earlier);
        let texts = problems.map(|problem| &mut problem.text).chain([&mut case.output]);
        for text in texts {
            self.texts += text.len();
            if self.texts > MAX_TEXTS {
                *text = String::new();
            }
        }
    }
}

fn content(report: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    report.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!("it is larger than {}", human::bytes(MAX_FILE))));
    }
    Ok(bytes)
}

impl Results {
    /// How many there are of each.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let mut totals = Totals { ms: self.ms(), ..self.counted };
        self.cases.iter().for_each(|case| totals.count(case.status));
        totals
    }

    /// The time of all reports. Before they were asked for theirs, the tests' own was all that was kept.
    fn ms(&self) -> u64 {
        let sum = |times: &mut dyn Iterator<Item = u64>| times.fold(0, u64::saturating_add);
        let mut of_reports = self.files.iter().filter_map(|file| file.ms).peekable();
        if of_reports.peek().is_some() {
            return sum(&mut of_reports);
        }
        sum(&mut self.cases.iter().filter_map(|case| case.ms))
    }

    /// Each test with the report that it stands in: their order is that of the reports.
    pub fn reported(&self) -> impl Iterator<Item = (Option<&Source>, &Case)> {
        let of = self.files.iter().flat_map(|file| iter::repeat_n(Some(file), file.listed()));
        // One that no report counts is of none.
        of.chain(iter::repeat(None)).zip(&self.cases)
    }

    /// Those that didn't come out well.
    pub fn failed(&self) -> impl Iterator<Item = &Case> {
        self.cases.iter().filter(|case| case.status.is_failure())
    }

    /// Those that ran and took time, the slowest first, with their times in milliseconds.
    #[must_use]
    pub fn slowest(&self) -> Vec<(u64, &Case)> {
        let ran = self.cases.iter().filter(|case| case.status != Status::Skipped);
        let timed = ran.filter_map(|case| Some((case.ms.filter(|ms| *ms > 0)?, case)));
        let mut timed: Vec<_> = timed.collect();
        timed.sort_by_key(|(ms, _)| Reverse(*ms));
        timed
    }

    /// There is nothing in it: nobody wrote a report.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gathered(reports: &[&str]) -> Results {
        let mut gather = Gather::of("", true);
        for (at, xml) in reports.iter().enumerate() {
            gather.add_bytes(format!("{at}.xml"), xml.as_bytes(), true);
        }
        gather.results()
    }

    #[test]
    fn a_bad_report_is_named_and_hides_nothing() {
        let results = gathered(&[
            "<testsuite><testcase name='a'/></testsuite>",
            "<testsuite><testcase name='b'/><testcase name='c",
            "no report",
            "<testsuite><testcase name='d'><failure/></testcase></testsuite>",
        ]);
        let totals = Totals { passed: 2, failed: 1, ..Totals::default() };
        assert_eq!(results.totals(), totals);
        let troubles: Vec<_> = results.files.iter().map(|file| file.trouble.as_deref()).collect();
        let expected = [None, Some("it ends in the middle"), Some("it is no JUnit report"), None];
        assert_eq!(troubles, expected);
    }

    #[test]
    fn the_time_is_what_the_reports_say_of_all_their_tests() {
        let ms = |reports: &[&str]| gathered(reports).totals().ms;
        let cases = "<testcase name='a' time='3'/><testcase name='b' time='4'/>";
        let suite = |time: &str| format!("<testsuite {time}>{cases}</testsuite>");
        let all = |time: &str, suites: &str| format!("<testsuites {time}>{suites}</testsuites>");
        let [timed, bare] = [suite("time='5'"), suite("")];
        assert_eq!(ms(&[&all("time='6.5'", &timed)]), 6500);
        assert_eq!(ms(&[&all("", &(timed.clone() + &bare))]), 12_000);
        assert_eq!(ms(&[&all("time='0'", &bare)]), 7000);
        let nested = format!("<testsuite time='8'>{timed}{bare}</testsuite>");
        assert_eq!(ms(&[&nested, &timed, "<testsuite/>"]), 13_000);
        // What was kept by a version that didn't ask the reports.
        let mut old = gathered(&[&timed]);
        old.files[0].ms = None;
        assert_eq!(old.totals().ms, 7000);
    }

    #[test]
    fn places_count_from_the_tree() {
        let mut gather = Gather::of("/box/tree", false);
        let xml = "<testsuite><testcase name='a'><failure>/box/tree/src/a.rs:3</failure></testcase>
            <testcase name='b' file='/box/treetop/b.py'><failure/></testcase></testsuite>";
        gather.add_bytes("a.xml".to_owned(), xml.as_bytes(), true);
        let results = gather.results();
        let files: Vec<_> = results
            .failed()
            .filter_map(|case| Some(case.shown()?.place.as_ref()?.file.as_str()))
            .collect();
        assert_eq!(files, ["src/a.rs", "/box/treetop/b.py"]);
    }

    #[test]
    fn a_place_within_a_secret_is_none_though_there_is_no_room_for_the_text() {
        crate::redact::register("qzjxvkw<src/inner.rs:3>more");
        let mut gather = Gather::of("", false);
        gather.texts = MAX_TEXTS;
        let xml = "<testsuite><testcase name='a'>
            <failure><![CDATA[at qzjxvkw<src/inner.rs:3>more src/outer.rs:4]]></failure></testcase></testsuite>";
        gather.add_bytes("a.xml".to_owned(), xml.as_bytes(), true);
        let results = gather.results();
        let problem = results.cases[0].shown().expect("one");
        let file = problem.place.as_ref().map(|place| place.file.as_str());
        let said = (problem.message.as_str(), problem.text.as_str(), file);
        assert_eq!(said, ("at [redacted] src/outer.rs:4", "", Some("src/outer.rs")));
    }

    #[test]
    fn places_count_from_the_tree_by_whatever_path_it_is_known() {
        for (place, expected) in [
            ("/disk/tree/src/a.rs:3", "src/a.rs"),
            ("/box/tree/src/a.rs:3", "src/a.rs"),
            ("/usr/src/lib.rs:9 and at src/b.rs:3", "src/b.rs"),
        ] {
            let mut gather = Gather::of("/box/tree", false).also_at("").also_at("/disk/tree/");
            let xml = format!(
                "<testsuite><testcase name='a'><failure>at {place}\nx.rs:1</failure></testcase></testsuite>"
            );
            gather.add_bytes("a.xml".to_owned(), xml.as_bytes(), true);
            let place = gather.results().cases[0].shown().and_then(|one| one.place.clone());
            assert_eq!(place.map(|place| place.file).as_deref(), Some(expected));
        }
    }

    #[test]
    fn one_report_by_two_ways_counts_once() {
        let xml = "<testsuite><testcase name='a'/></testsuite>";
        let results = gathered(&[xml, xml]);
        assert_eq!((results.cases.len(), results.files.len()), (1, 1));
    }

    #[test]
    fn a_box_that_counts_too_far_is_believed_as_far_as_one_can_count() {
        let mut gather = Gather::of("", false);
        gather.miss_more(u64::MAX);
        gather.miss_more(2);
        assert_eq!(gather.results().more_left_out, u64::MAX);
    }

    #[test]
    fn what_was_merely_found_and_is_no_report_is_not_told_of() {
        let mut gather = Gather::of("", false);
        gather.add_bytes("report.xml".to_owned(), b"<coverage/>", false);
        assert!(gather.results().is_empty());
    }

    #[test]
    fn where_there_is_no_room_for_texts_the_line_is_kept_that_tells_why() {
        let mut gather = Gather::of("/src", false);
        gather.texts = MAX_TEXTS;
        let case = |name: &str, said: &str| format!("<testcase name='{name}'>{said}</testcase>");
        let xml = [
            case(
                "A",
                "<failure message='Failed'>=== RUN   A\n    a_test.go:3: own words</failure>",
            ),
            case("A/b", "<failure message='Failed'>=== RUN   A/b\n    a_test.go:4: more</failure>"),
            case("c", "<failure message=''/><system-out>error: no table</system-out>"),
            case("d", "<failure message='says it'>and more</failure>"),
        ];
        let xml = format!("<testsuite>{}</testsuite>", xml.concat());
        gather.add_bytes("a.xml".to_owned(), xml.as_bytes(), true);
        let results = gather.results();
        assert!(results.cases.iter().all(|case| case.output.is_empty()));
        let told: Vec<_> = results.causes().into_iter().map(Case::telling).collect();
        assert_eq!(told, ["own words", "more", "error: no table", "says it"]);
        assert_eq!(results.cases[0].shown().expect("one").text, "");
    }

    #[test]
    fn a_report_that_is_too_large_is_not_read() {
        let mut gather = Gather::of("", false);
        gather.add("large.xml".to_owned(), Ok(io::repeat(b' ').take(MAX_FILE + 1)), true);
        let gone: io::Result<io::Empty> = Err(io::ErrorKind::NotFound.into());
        gather.add("gone.xml".to_owned(), gone, true);
        let files = gather.results().files;
        assert_eq!(files[0].trouble.as_deref(), Some("it is larger than 64.0 MiB"));
        assert!(files[1].trouble.is_some());
    }
}
