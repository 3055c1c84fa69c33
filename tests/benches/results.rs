//! What it costs to read the reports of a run: a thousand files with a hundred tests each.

use crate::figures::{Figures, in_turn, time};
use crate::history::with_runs;
use crate::table::Table;
use crate::worlds::fill;
use crabbox_tests::Built;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const FILES: usize = 1000;
const TESTS: usize = 100;

pub(crate) fn measure(crabbox: &Path, _: &Built, table: &mut Table) {
    let world = fill(100);
    let made = world.root().join("made");
    fs::create_dir(&made).expect("a folder");
    for file in 0..FILES {
        fs::write(made.join(format!("TEST-{file}.xml")), report(file, TESTS)).expect("writes");
    }
    time(&mut world.command_of(crabbox, &["warmup", "-q"]));
    // Written over: some disks take ten times as long for files in place of such as went a moment ago.
    let line = format!("mkdir -p out && cp {}/*.xml out", made.display());
    let run = |more: &[&str]| {
        let words = [&["run", "-q"], more, &["--shell", &line]].concat();
        time(&mut world.command_of(crabbox, &words))
    };
    let [plain, read]: [Figures; 2] =
        in_turn(15, [&mut || run(&[]), &mut || run(&["--junit", "out/*.xml"])]);
    table.baseline("warm run that makes 1,000 files", &plain);
    table.ratio("1,000 reports with 100,000 tests read", &read, "not read", &plain);
    // The last one was either of them.
    run(&["--junit", "out/*.xml"]);
    let [later]: [Figures; 1] =
        in_turn(15, [&mut || time(&mut world.command_of(crabbox, &["results", "@last"]))]);
    table.ratio("results @last of them", &later, "not read", &plain);
    look_back(crabbox, &report(0, 5 * TESTS), table);
}

/// Looks at the results of a run, of which there are many others.
fn look_back(crabbox: &Path, report: &str, table: &mut Table) {
    let world = with_runs(crabbox, 10_000);
    let made = world.root().join("made.xml");
    fs::write(&made, report).expect("writes");
    let line = format!("cp {} junit.xml", made.display());
    time(&mut world.command_of(crabbox, &["run", "-q", "--junit", "junit.xml", "--shell", &line]));
    let run = |words: &[&str]| time(&mut world.command_of(crabbox, words));
    let [version, later] =
        in_turn(30, [&mut || run(&["--version"]), &mut || run(&["results", "@last"])]);
    table.baseline("crabbox --version", &version);
    table.ratio("results @last, 500 tests, 10,000 runs", &later, "--version", &version);
}

/// One with so many tests.
fn report(file: usize, tests: usize) -> String {
    let mut report = format!("<testsuite name='suite {file}'>");
    for test in 0..tests {
        write!(report, "<testcase classname='a.Suite{file}' name='case_{test}' time='0.0{test}'/>")
            .expect("a string takes everything");
    }
    report + "</testsuite>"
}
