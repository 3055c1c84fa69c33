//! Reads one report: JUnit's XML, as many tools write it and no two alike.
//!
//! It comes from a box, so all of it is bounded: depth, names, texts, tests. What a tool gets wrong costs as little as
//! possible: a number that is none is no number, and of a file that ends in the middle the tests before that count.
//!
//! The XML itself is [`quick_xml`]'s, which expands no entity that a document declares. Of the two libraries that know
//! JUnit on top of it, `quick-junit` reads what its own writer writes, without suites in suites; `junit-parser` (1.7.0)
//! gives up a whole file for one time such as `1,234.5` (Surefire's) and for a missing end, leaves `&lt;` out of
//! texts, and ends the process where suites are nested a million deep.

use super::case::{Case, Place, Problem, Status};
use super::place;
use quick_xml::Reader;
use quick_xml::escape::{resolve_predefined_entity, unescape};
use quick_xml::events::{BytesRef, BytesStart, Event};
use std::mem;

/// So deep may elements be nested.
const MAX_DEPTH: usize = 100;

/// So many tests may a report have.
const MAX_CASES: usize = 1_000_000;

/// The longest name, message or path that is kept, in bytes.
const MAX_WORD: usize = 4 * 1024;

/// The longest text that is kept, in bytes, of each problem and of each test's output.
const MAX_TEXT: usize = 64 * 1024;

/// So much of all names, messages and texts of a report is kept, in bytes.
const MAX_KEPT: usize = 64 * 1024 * 1024;

/// What failed where a suite failed as a whole.
const THE_SUITE: &str = "(the suite itself)";

/// Tries of a test that are kept.
const MAX_TRIES: usize = 20;

/// What could be read of a report.
#[derive(Debug, Default)]
pub struct Report {
    /// Its tests, in its order.
    pub cases: Vec<Case>,
    /// In which element each of them stands: tests of one suite that are called alike may be tries of one.
    pub elements: Vec<usize>,
    /// Why it isn't all. `None`: it is.
    pub trouble: Option<Trouble>,
}

/// Why a report wasn't read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It is something else.
    #[error("it is no JUnit report")]
    Foreign,
    /// It ends too early.
    #[error("it ends in the middle")]
    Truncated,
    /// It isn't XML.
    #[error("at byte {at}: {what}")]
    Malformed {
        /// From the start of the file.
        at: u64,
        /// What the parser says.
        what: String,
    },
    /// More than [`MAX_DEPTH`].
    #[error("its elements are nested deeper than {MAX_DEPTH}")]
    Depth,
    /// More than [`MAX_CASES`].
    #[error("it has more than {MAX_CASES} tests")]
    Cases,
    /// More than [`MAX_KEPT`].
    #[error("it says more than {MAX_KEPT} bytes of its tests")]
    Size,
}

/// Reads a report, as far as it can be read.
#[must_use]
pub fn read(bytes: &[u8]) -> Report {
    let text = String::from_utf8_lossy(bytes);
    let mut xml = Reader::from_str(text.trim_start_matches('\u{feff}'));
    // Failures are full of it, and not every tool escapes.
    xml.config_mut().allow_dangling_amp = true;
    let mut builder = Builder::default();
    let trouble = loop {
        match xml.read_event() {
            Ok(Event::Eof) if builder.open.is_empty() && builder.is_report => break None,
            Ok(Event::Eof) if builder.open.is_empty() => break Some(Trouble::Foreign),
            Ok(Event::Eof) => break Some(Trouble::Truncated),
            Ok(event) => {
                if let Err(trouble) = builder.take(&event) {
                    break Some(trouble);
                }
            }
            Err(quick_xml::Error::Syntax(_)) if builder.is_report => {
                break Some(Trouble::Truncated);
            }
            Err(error) => {
                let (at, what) = (xml.error_position(), error.to_string());
                break Some(Trouble::Malformed { at, what });
            }
        }
    };
    builder.break_off();
    Report { cases: builder.cases, elements: builder.elements, trouble }
}

/// An element that was entered and not left.
#[derive(Debug)]
enum Open {
    /// Suites, and the outermost of them: with what the one around it is called.
    Suite(String),
    /// With where the report says that it stands.
    Case(Box<Case>, Option<Place>),
    /// Something that wasn't well.
    Problem(Kind, Problem),
    /// A stack trace in a [`Open::Problem`], which is a part of its text.
    Trace,
    /// What a test printed.
    Output,
    /// Nothing that is looked at.
    Other,
}

/// What it says of its test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Is(Status),
    /// A try before the one that counts.
    Was,
    /// The same, after which the test was well.
    WasNot,
}

#[derive(Debug, Default)]
struct Builder {
    cases: Vec<Case>,
    open: Vec<Open>,
    elements: Vec<usize>,
    suite: String,
    /// The number of each suite that was entered and not left, and of the last one.
    suites: Vec<usize>,
    last: usize,
    /// In bytes.
    kept: usize,
    /// There was one of its elements.
    is_report: bool,
}

impl Builder {
    fn take(&mut self, event: &Event<'_>) -> Result<(), Trouble> {
        match event {
            Event::Start(start) => self.enter(start)?,
            Event::Empty(start) => {
                self.enter(start)?;
                self.leave()?;
            }
            Event::End(_) => self.leave()?,
            Event::Text(text) => self.text(text),
            Event::CData(text) => self.text(text),
            Event::GeneralRef(reference) => self.text(&resolved(reference)),
            _ => {}
        }
        Ok(())
    }

    fn enter(&mut self, start: &BytesStart<'_>) -> Result<(), Trouble> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Trouble::Depth);
        }
        let name = start.local_name();
        let open = match (name.as_ref(), self.open.last()) {
            ("testsuites" | "testrun" | "testsuite", None | Some(Open::Suite(_))) => {
                self.is_report = true;
                self.last += 1;
                self.suites.push(self.last);
                let outer = mem::take(&mut self.suite);
                let own = attribute(start, "name").unwrap_or_default();
                let is_inner = name.as_ref() == "testsuite";
                self.suite = if is_inner && !own.is_empty() { own } else { outer.clone() };
                Open::Suite(outer)
            }
            (_, None) if !self.is_report => return Err(Trouble::Foreign),
            ("testcase", Some(Open::Suite(_))) => {
                Open::Case(Box::new(self.case(start)), declared_place(start))
            }
            (name, Some(Open::Case(..))) => match kind(name) {
                Some(kind) => Open::Problem(kind, problem(start)),
                None if name == "system-out" || name == "system-err" => Open::Output,
                None => Open::Other,
            },
            (name, Some(Open::Suite(_))) => match kind(name) {
                Some(kind @ Kind::Is(Status::Failed | Status::Error)) => {
                    Open::Problem(kind, problem(start))
                }
                _ => Open::Other,
            },
            ("stackTrace" | "system-out" | "system-err", Some(Open::Problem(..))) => Open::Trace,
            _ => Open::Other,
        };
        self.open.push(open);
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Trouble> {
        match self.open.pop() {
            Some(Open::Suite(outer)) => {
                self.suite = outer;
                self.suites.pop();
            }
            Some(Open::Case(mut case, _)) => {
                settle(&mut case);
                self.keep(*case)?;
            }
            Some(Open::Problem(kind, problem)) => {
                match self.open.last_mut() {
                    Some(Open::Case(case, declared)) => {
                        add(case, kind, complete(problem, declared.as_ref()));
                    }
                    // Something failed before or after all tests of it.
                    Some(Open::Suite(_)) => {
                        let (suite, name) = (self.suite.clone(), THE_SUITE.to_owned());
                        let mut case = Case { suite, name, ..Case::default() };
                        add(&mut case, kind, complete(problem, None));
                        self.keep(case)?;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn keep(&mut self, case: Case) -> Result<(), Trouble> {
        if self.cases.len() >= MAX_CASES {
            return Err(Trouble::Cases);
        }
        self.kept += case.size();
        if self.kept > MAX_KEPT {
            return Err(Trouble::Size);
        }
        self.elements.push(self.suites.last().copied().unwrap_or_default());
        self.cases.push(case);
        Ok(())
    }

    /// The file ends here. Of a test in whose middle that is, it is only known how it came out if it has failed by now.
    fn break_off(&mut self) {
        if let Some(Open::Trace | Open::Other | Open::Output) = self.open.last() {
            self.open.pop();
        }
        if let Some(Open::Problem(..)) = self.open.last() {
            let _ = self.leave();
        }
        if let Some(Open::Case(case, _)) = self.open.last()
            && case.status.is_failure()
        {
            let _ = self.leave();
        }
    }

    fn case(&self, start: &BytesStart<'_>) -> Case {
        Case {
            suite: self.suite.clone(),
            class: attribute(start, "classname").or_else(|| attribute(start, "group")),
            name: attribute(start, "name").unwrap_or_else(|| "(without a name)".to_owned()),
            ms: attribute(start, "time").and_then(|time| millis(&time)),
            ..Case::default()
        }
    }

    fn text(&mut self, text: &str) {
        match self.open.as_mut_slice() {
            [.., Open::Problem(_, problem), Open::Trace] | [.., Open::Problem(_, problem)] => {
                append(&mut problem.text, text);
            }
            [.., Open::Case(case, _), Open::Output] => append(&mut case.output, text),
            _ => {}
        }
    }
}

/// What an element in a test says of it.
fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "failure" => Kind::Is(Status::Failed),
        "error" => Kind::Is(Status::Error),
        "skipped" | "disabled" => Kind::Is(Status::Skipped),
        "rerunFailure" | "rerunError" => Kind::Was,
        "flakyFailure" | "flakyError" => Kind::WasNot,
        _ => return None,
    })
}

fn add(case: &mut Case, kind: Kind, problem: Problem) {
    match kind {
        // Of several the first is the cause, and what says that it failed counts more than anything else.
        Kind::Is(status) if case.problem.is_none() || !case.status.is_failure() => {
            case.status = status;
            case.problem = Some(problem);
        }
        Kind::Is(_) => {}
        Kind::Was | Kind::WasNot => {
            if kind == Kind::WasNot && case.status == Status::Passed {
                case.status = Status::Flaky;
            }
            if case.earlier.len() < MAX_TRIES {
                case.earlier.push(problem);
            }
        }
    }
}

/// What a test printed is of use where something is wrong with it.
fn settle(case: &mut Case) {
    if !case.status.is_failure() && case.status != Status::Flaky {
        case.output = String::new();
    }
}

/// The element's own words.
fn problem(start: &BytesStart<'_>) -> Problem {
    let message = attribute(start, "message").or_else(|| attribute(start, "type"));
    Problem { message: message.unwrap_or_default(), ..Problem::default() }
}

fn declared_place(start: &BytesStart<'_>) -> Option<Place> {
    let line = attribute(start, "line").and_then(|line| line.trim().parse().ok());
    attribute(start, "file").map(|file| Place { file, line })
}

/// Where the text says a line, that is nearer than where the test begins.
fn complete(mut problem: Problem, declared: Option<&Place>) -> Problem {
    problem.text = problem.text.trim_matches(['\n', '\r']).trim_end().to_owned();
    let said = place::find(&problem.message).or_else(|| place::find(&problem.text));
    problem.place = said.or_else(|| declared.cloned());
    let first = problem.message.lines().chain(problem.text.lines()).map(str::trim);
    problem.message = first.into_iter().find(|line| !line.is_empty()).unwrap_or("").to_owned();
    problem
}

/// As `1.5`, and with separators: `1,234.5`.
fn millis(seconds: &str) -> Option<u64> {
    let seconds: f64 = seconds.trim().replace(',', "").parse().ok()?;
    let time = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    u64::try_from(time.as_millis()).ok()
}

/// What can't be unescaped stands for itself.
fn attribute(start: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut all = start.attributes();
    let found = all.with_checks(false).flatten().find(|one| one.key.as_ref() == name)?;
    let text = unescape(&found.value).map_or_else(|_| found.value.to_string(), Into::into);
    Some(cut(&text, MAX_WORD).to_owned())
}

fn resolved(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(char)) = reference.resolve_char_ref() {
        return char.to_string();
    }
    resolve_predefined_entity(reference)
        .map_or_else(|| format!("&{};", &**reference), str::to_owned)
}

fn append(into: &mut String, text: &str) {
    into.push_str(cut(text, MAX_TEXT.saturating_sub(into.len())));
}

fn cut(text: &str, length: usize) -> &str {
    &text[..text.floor_char_boundary(length)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cases(xml: &str) -> Vec<Case> {
        let report = read(xml.as_bytes());
        assert_eq!(report.trouble, None, "{xml}");
        report.cases
    }

    #[test]
    fn suites_in_suites_count_once_and_the_inner_name_counts() {
        let cases = cases(
            r#"<?xml version="1.0"?><testsuites name="all" tests="9"><testsuite name="a" tests="9">
            <testsuite name="b"><testcase name="x" time="1.5"/></testsuite>
            <testsuite><testcase name="y" classname="a.B"/></testsuite><testcase name="z"/>
            </testsuite></testsuites>"#,
        );
        let ids: Vec<_> = cases.iter().map(Case::id).collect();
        assert_eq!(ids, ["b::x", "a.B::y", "a::z"]);
        assert_eq!(cases[0].ms, Some(1500));
    }

    #[test]
    fn failures_errors_and_skipped_ones_are_told_apart() {
        let cases = cases(
            r#"<testsuite name="s">
            <testcase name="f" file="tests/a.py" line="3"><failure message="want 1 &lt; 2"> tests/a.py:7: a &lt; b &amp; c </failure></testcase>
            <testcase name="e"><error type="java.io.IOException"><![CDATA[at x <b>
            ]]></error><system-out>said</system-out></testcase>
            <testcase name="s"><skipped/><system-out>said</system-out></testcase>
            <testcase name="p"><system-out>said</system-out></testcase></testsuite>"#,
        );
        let of = |at: usize| (cases[at].status, cases[at].output.as_str());
        assert_eq!(of(0), (Status::Failed, ""));
        assert_eq!(of(1), (Status::Error, "said"));
        assert_eq!(of(2), (Status::Skipped, ""));
        assert_eq!(of(3), (Status::Passed, ""));
        let failed = cases[0].problem.as_ref().expect("one");
        assert_eq!(failed.message, "want 1 < 2");
        assert_eq!(failed.text, " tests/a.py:7: a < b & c");
        assert_eq!(failed.place, Some(Place { file: "tests/a.py".to_owned(), line: Some(7) }));
        assert_eq!(cases[1].problem.as_ref().expect("one").message, "java.io.IOException");
    }

    #[test]
    fn tries_are_kept_and_a_test_that_was_well_in_the_end_is_flaky() {
        let cases = cases(
            r#"<testsuite name="s">
            <testcase name="a"><flakyFailure message="first" timestamp="x"><stackTrace>at a.rs:3</stackTrace></flakyFailure></testcase>
            <testcase name="b"><failure message="first"/><rerunFailure message="second"/></testcase></testsuite>"#,
        );
        assert_eq!((cases[0].status, cases[0].earlier.len()), (Status::Flaky, 1));
        assert_eq!(cases[0].shown().expect("one").text, "at a.rs:3");
        assert_eq!((cases[1].status, cases[1].earlier.len()), (Status::Failed, 1));
        assert_eq!(cases[1].shown().expect("one").message, "first");
    }

    #[test]
    fn what_a_tool_gets_wrong_costs_little() {
        let cases = cases(
            r#"<testsuite><testcase name="a" time="1,234.5"/><testcase name="b" time="?" line="x"/>
            <testcase time="-1" name="x & y"><failure message="a & b &nbsp;">c & d &nbsp;</failure></testcase>
            <testcase/></testsuite>"#,
        );
        let times: Vec<_> = cases.iter().map(|case| case.ms).collect();
        assert_eq!(times, [Some(1_234_500), None, None, None]);
        assert_eq!(cases[2].name, "x & y");
        assert_eq!(cases[2].problem.as_ref().expect("one").text, "c & d &nbsp;");
        assert_eq!(cases[3].name, "(without a name)");
    }

    #[test]
    fn what_comes_before_the_trouble_counts() {
        let begun = r#"<testsuite name="s"><testcase name="a"/><testcase name="b">"#;
        for (rest, expected) in [
            (r#"<failure message="m">x"#, &[Status::Passed, Status::Failed][..]),
            (r#"<failure message="m"/><system-out>x"#, &[Status::Passed, Status::Failed]),
            // How it would have come out, nobody knows.
            ("<fail", &[Status::Passed]),
            ("<system-out>a <T> b", &[Status::Passed]),
            ("<system-out>x</system-out>", &[Status::Passed]),
        ] {
            let report = read(format!("{begun}{rest}").as_bytes());
            assert!(report.trouble.is_some(), "{rest}");
            let statuses: Vec<_> = report.cases.iter().map(|case| case.status).collect();
            assert_eq!(statuses, expected, "{rest}");
        }
        let report = read(b"<testsuite><testcase name='a'/></wrong>");
        assert!(matches!(report.trouble, Some(Trouble::Malformed { .. })));
        assert_eq!(report.cases.len(), 1);
        let report = read(b"<testsuite><testcase name='a'/><testcase name=\"b");
        assert_eq!((report.trouble, report.cases.len()), (Some(Trouble::Truncated), 1));
    }

    #[test]
    fn other_documents_are_none() {
        for xml in ["", "hello", "<project><testsuite/></project>", "{}", "<!-- x -->"] {
            let report = read(xml.as_bytes());
            assert_eq!((report.trouble, report.cases.len()), (Some(Trouble::Foreign), 0), "{xml}");
        }
    }

    #[test]
    fn a_suite_that_failed_as_a_whole_is_no_success() {
        let cases = cases(
            "<testsuite name='s'><error message='beforeAll broke'/><testcase name='a'/></testsuite>",
        );
        let told: Vec<_> = cases.iter().map(|case| (case.id(), case.status)).collect();
        let suite = format!("s::{THE_SUITE}");
        assert_eq!(told, [(suite, Status::Error), ("s::a".to_owned(), Status::Passed)]);
    }

    #[test]
    fn names_that_are_long_and_many_cost_no_more_than_is_kept() {
        let name = "n".repeat(MAX_WORD);
        let cases = "<testcase/>".repeat(100_000);
        let report = read(format!("<testsuite name='{name}'>{cases}</testsuite>").as_bytes());
        assert_eq!(report.trouble, Some(Trouble::Size));
        let kept: usize = report.cases.iter().map(Case::size).sum();
        assert!(kept <= MAX_KEPT && report.cases.len() > 10_000, "{kept}");
    }

    #[test]
    fn hostile_ones_are_bounded() {
        let deep = "<testsuite>".repeat(1_000_000);
        assert_eq!(read(deep.as_bytes()).trouble, Some(Trouble::Depth));
        let laughs = r#"<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>
            <testsuite><testcase name="&b;"><failure>&b;</failure></testcase></testsuite>"#;
        let read_laughs = cases(laughs);
        assert_eq!(read_laughs[0].name, "&b;");
        assert_eq!(read_laughs[0].problem.as_ref().expect("one").text, "&b;");
        let long = "ü".repeat(MAX_TEXT);
        let xml = format!(
            "<testsuite><testcase name='{long}'><failure>{long}</failure></testcase></testsuite>"
        );
        let report = read(xml.as_bytes());
        assert_eq!(report.cases[0].name.len(), MAX_WORD);
        assert_eq!(report.cases[0].problem.as_ref().expect("one").text.len(), MAX_TEXT);
        let report = read(b"<testsuite><testcase name='a\xff\x1b[2J'/></testsuite>");
        assert_eq!(report.cases[0].name, "a\u{fffd}\u{1b}[2J");
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let _ = read(&bytes);
        }

        #[test]
        fn pieces_of_a_report_never_panic(parts in proptest::collection::vec(0_usize..12, 0..60)) {
            const PARTS: [&str; 12] = [
                "<testsuites>", "<testsuite name='s'>", "<testcase name='c' classname='k'>", "</testcase>",
                "<failure message='m'>", "</failure>", "<flakyFailure/>", "</testsuite>", "text & ", "<![CDATA[x]]>",
                "<system-out>", "</system-out>",
            ];
            let xml: String = parts.iter().map(|part| PARTS[*part]).collect();
            // A suite that failed as a whole counts, too.
            let count = parts.iter().filter(|part| [2, 4].contains(*part)).count();
            prop_assert!(read(xml.as_bytes()).cases.len() <= count);
        }
    }
}
