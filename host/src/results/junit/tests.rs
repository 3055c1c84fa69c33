//! Reports as tools write them, and as nobody should.

use super::bounds::{MAX_KEPT, MAX_TEXT, MAX_WORD};
use super::build::THE_SUITE;
use super::*;
use crate::results::{Place, Status};
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Report {
    super::read(bytes, &Redactor::default())
}

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
        <testcase name="e"><error type="java.io.IOException"><![CDATA[	at x.B.<init>(B.java:3)
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
fn all_lines_of_a_message_are_kept_in_the_text_and_none_twice() {
    let problem = |element: &str| {
        let xml = format!("<testsuite><testcase name='t'>{element}</testcase></testsuite>");
        let problem = cases(&xml).remove(0).problem.expect("one");
        (problem.message, problem.text)
    };
    let kept = |message: &str, text: &str| {
        problem(&format!("<failure message='{message}'>{text}</failure>"))
    };
    let said = |message: &str, text: &str| (message.to_owned(), text.to_owned());
    let two = "first&#10;  second: want 5&#10;";
    assert_eq!(kept(two, ""), said("first", "first\n  second: want 5"));
    assert_eq!(kept(two, "\tat a.rs:3"), said("first", "first\n  second: want 5\n\tat a.rs:3"));
    // Whatever the tool puts round them.
    let there = "X: first\nE second: want 5\nat a.rs:3";
    assert_eq!(kept(two, there), said("first", there));
    let turned = "second: want 5\nfirst";
    assert_eq!(kept(two, turned).1, format!("first\n  second: want 5\n{turned}"));
    assert_eq!(kept("&#10;one&#10;", "text"), said("one", "text"));
    let long = "ü".repeat(MAX_TEXT);
    for message in [format!("first&#10;{long}"), format!("{long}&#10;second")] {
        let (first, text) = kept(&message, "text");
        assert!(first.len() <= MAX_WORD, "{}", first.len());
        assert!((MAX_TEXT - 64..=MAX_TEXT).contains(&text.len()), "{}", text.len());
        assert!(text.starts_with(&first[..2]) && text.ends_with("text"));
    }
}

/// As `ctest --output-junit` of CMake 3.25 writes it.
#[test]
fn what_ctest_prints_of_a_test_tells_why_it_failed() {
    let cases = cases(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="(empty)"
	tests="3"
	failures="3"
	time="1"
	timestamp="2026-01-31T08:00:00"
	>
	<testcase name="a" classname="a" time="0.00125556" status="fail">
		<failure message=""/>
		<system-out>starting
a: /box/a.c:3: main: Assertion `1+1==3&apos; failed.
</system-out>
	</testcase>
	<testcase name="b" classname="b" time="0.00149628" status="fail">
		<failure message="Error regular expression found in output. Regex=[FATAL]"/>
		<system-out>all bad FATAL here
</system-out>
	</testcase>
	<testcase name="c" classname="c" time="1.00298" status="fail">
		<failure message=""/>
		<system-out></system-out>
	</testcase>
</testsuite>"#,
    );
    let told: Vec<_> = cases.iter().map(Case::telling).collect();
    let assertion = "a: /box/a.c:3: main: Assertion `1+1==3' failed.";
    let regex = "Error regular expression found in output. Regex=[FATAL]";
    assert_eq!(told, [assertion, regex, ""]);
    let place = cases[0].shown().and_then(|problem| problem.place.clone());
    assert_eq!(place, Some(Place { file: "/box/a.c".to_owned(), line: Some(3) }));
}

/// Go's tests write what they log before what they stop at, and Java's what went wrong before all frames.
#[test]
fn of_a_long_text_the_line_is_said_that_tells_why() {
    let of_go = format!(
        "=== RUN   TestX\n{}    x_test.go:9: got 1, want 2\n--- FAIL: TestX (0.00s)\n",
        "    x_test.go:4: one more step\n".repeat(MAX_TEXT / 8)
    );
    let of_java = format!("a.B: is null\n{}", "\tat a.C.d(C.java:3)\n".repeat(MAX_TEXT / 8));
    let skipped = of_go.replace("--- FAIL", "--- SKIP");
    for (element, expected) in [
        (format!("<failure message='Failed'>{of_go}</failure>"), "got 1, want 2"),
        (format!("<failure message='{}'/>", of_go.replace('\n', "&#10;")), "got 1, want 2"),
        (format!("<skipped message='{}'/>", skipped.replace('\n', "&#10;")), "got 1, want 2"),
        (format!("<failure>{of_java}</failure>"), "a.B: is null"),
    ] {
        let xml = format!("<testsuite><testcase name='t'>{element}</testcase></testsuite>");
        assert_eq!(cases(&xml)[0].telling(), expected);
    }
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
        // What isn't escaped looks like elements in elements.
        (
            "<failure message='m'/><system-out>a <T> b</system-out>",
            &[Status::Passed, Status::Failed],
        ),
        ("<failure message='m'>a <b>x <i>y</failure>", &[Status::Passed, Status::Failed]),
        ("<failure/><properties><property name='a'>", &[Status::Passed, Status::Failed]),
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
    for xml in ["hello", "<project><testsuite/></project>", "{}", "<!-- x -->"] {
        let report = read(xml.as_bytes());
        assert_eq!((report.trouble, report.cases.len()), (Some(Trouble::Foreign), 0), "{xml}");
    }
}

#[test]
fn a_report_in_another_encoding_is_one() {
    let text = "<?xml version='1.0' encoding='utf-16'?><testsuite><testcase name='ü'/></testsuite>";
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let report = read(&[&[0xff, 0xfe], &bytes[..]].concat());
    assert_eq!((report.trouble, report.cases[0].name.as_str()), (None, "ü"));
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><testsuite><testcase name='\xfc'/></testsuite>";
    assert_eq!(read(latin).cases[0].name, "ü");
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
    assert_eq!(report.trouble, None);
    let kept: usize = report.cases.iter().map(Case::size).sum();
    assert!(kept <= MAX_KEPT && report.cases.len() > 10_000, "{kept}");
    assert_eq!(report.cases.len() as u64 + report.counted.passed, 100_000);
}

#[test]
fn a_test_that_failed_is_there_however_many_were_well_before() {
    let well = "<testcase name='a'/>".repeat(300_000);
    let text = "x".repeat(MAX_TEXT);
    let failed = format!(
        "<testcase name='last'><failure message='is wrong'>a.rs:7\n{text}</failure><system-out>{text}</system-out></testcase>"
    );
    let report = read(format!("<testsuite>{well}{failed}</testsuite>").as_bytes());
    assert_eq!(report.trouble, None);
    let last = report.cases.last().expect("one");
    let problem = last.problem.as_ref().expect("one");
    assert_eq!((last.name.as_str(), problem.message.as_str()), ("last", "is wrong"));
    assert_eq!((last.output.as_str(), problem.text.as_str()), ("", ""));
    let place = Some(Place { file: "a.rs".to_owned(), line: Some(7) });
    assert_eq!(problem.place, place);
    assert!(report.counted.passed > 0 && report.counted.failed == 0);
    // Where only the text says why, that line is the message.
    let of_go = "<testcase name='TestX'><failure message='Failed'>=== RUN   TestX\n    x_test.go:9: got 1</failure></testcase>";
    let of_ctest = "<testcase name='c'><failure message=''/><system-out>begin\nerror: no table\n</system-out></testcase>";
    let flaky = "<testcase name='f'><flakyFailure>is slow\nat a.rs:7</flakyFailure></testcase>";
    let xml = format!("<testsuite>{well}{of_go}{of_ctest}{flaky}</testsuite>");
    let cases = read(xml.as_bytes()).cases;
    let told: Vec<_> = cases[cases.len() - 3..]
        .iter()
        .map(|case| (case.telling().into_owned(), case.output.as_str()))
        .collect();
    assert_eq!(told, ["got 1", "error: no table", "is slow"].map(|line| (line.to_owned(), "")));
    assert_eq!(report.cases.len() as u64 + report.counted.all(), 300_001);
    // Of those there may be too many, too.
    let report = read(format!("<testsuite>{well}{}</testsuite>", failed.repeat(400)).as_bytes());
    assert_eq!(
        (
            report.counted.failed,
            report.cases.iter().filter(|case| case.status.is_failure()).count()
        ),
        (0, 400)
    );
    let many = "<testcase><failure/></testcase>".repeat(400_000);
    let report = read(format!("<testsuite>{many}</testsuite>").as_bytes());
    let kept: usize = report.cases.iter().map(Case::size).sum();
    assert!(report.counted.failed > 0 && kept <= MAX_KEPT + MAX_KEPT / 4);
    assert_eq!(report.cases.len() as u64 + report.counted.failed, 400_000);
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
    let text = &report.cases[0].problem.as_ref().expect("one").text;
    assert!((MAX_TEXT - 64..=MAX_TEXT).contains(&text.len()), "{}", text.len());
    let failed = "<testsuite><testcase name='a'><failure/><system-out>begin";
    let pieces = "<![CDATA[ü]]>".repeat(MAX_TEXT * 2);
    for output in ["ü".repeat(MAX_TEXT * 3), pieces] {
        let report = read(format!("{failed}{output} end").as_bytes());
        let case = report.cases.first().expect("one");
        assert!((MAX_TEXT - 1..=MAX_TEXT).contains(&case.output.len()), "{}", case.output.len());
        assert!(case.output.ends_with("üü end"));
    }
    let report = read(b"");
    assert_eq!((report.trouble, report.cases.len()), (Some(Trouble::Empty), 0));
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
