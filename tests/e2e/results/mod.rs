//! The tests of a run: from the reports that it writes to what is said of them, at its end and later.

mod later;
mod reports;
mod room;
mod summary;

use crabbox_tests::{Ran, World};
use serde_json::Value;

/// A command that writes a report with these tests, and ends with this code.
fn writes(world: &World, tests: &str, exit: u8) {
    let report = format!("<testsuites><testsuite name='suite'>{tests}</testsuite></testsuites>");
    world.write("check.sh", &format!("cat >junit.xml <<'END'\n{report}\nEND\nexit {exit}\n"));
}

/// A test that is well.
fn well(name: &str) -> String {
    format!("<testcase classname='m' name='{name}' time='0.25'/>")
}

/// One that isn't.
fn wrong(name: &str) -> String {
    format!(
        "<testcase classname='m' name='{name}' time='1.5'><failure message='{name} is wrong'>\
        at src/{name}.rs:7: {name} is wrong</failure><system-out>printed by {name}</system-out></testcase>"
    )
}

/// Runs it.
fn check(world: &World, options: &[&str]) -> Ran {
    world.crabbox(&[&["run"], options, &["--", "sh", "check.sh"]].concat())
}

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}
