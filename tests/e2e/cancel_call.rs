//! Ctrl-C and SIGTERM for the commands that call a provider and run nothing: `stop` and `provider call`.

use crate::cancel::Running;
use crate::place::Place;
use crabbox_tests::{Ran, until};
use rustix::process::Signal;
use serde_json::Value;

const SIGNALS: [(Signal, i32); 2] = [(Signal::INT, 130), (Signal::TERM, 143)];

impl Place {
    /// The last line of the log that was kept last.
    fn end_of_log(&self) -> String {
        let log = self.crabbox(&["debug", "last"]).stdout;
        log.lines().last().unwrap_or_default().to_owned()
    }
}

#[test]
fn a_stop_that_is_interrupted_says_the_line_that_finishes_it() {
    let place = Place::new();
    assert_eq!(place.crabbox(&["run", "--", "true"]).code, 0);
    let slug = place.claims()[0]["slug"].as_str().expect("a slug").to_owned();
    let words = ["stop", &slug, "--delete", "--yes", "--json"];
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let running = place.reach("release polite", &words);
        running.signal(signal);
        let ran = running.ends();
        assert_eq!(ran.code, code, "{}", ran.stderr);
        let document: Value = serde_json::from_str(&ran.stdout).expect("one document");
        assert_eq!(document["error"]["exit"], code);
        let hint = format!("hint: crabbox stop {slug} --delete --yes\n");
        assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
        assert_eq!(place.boxes(), 1);
    }
    // The second one leaves as it is.
    let mut running = place.reach("release hang", &words);
    running.signal(Signal::INT);
    running.is_told();
    running.signal(Signal::INT);
    let ran = running.ends();
    assert_eq!(ran.code, -1, "a signal has ended it: {}", ran.stderr);
    let said = "error: left before the provider had stopped\ncrabbox:   hint: crabbox stop ";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert_eq!(place.end_of_log(), "# exit: 130");
    place.next_works_and_all_can_be_stopped("stop");
}

#[test]
fn a_lease_that_is_called_for_and_interrupted_leaves_nothing() {
    for (signal, code) in SIGNALS {
        let place = Place::new();
        let words = ["provider", "call", "misbehaving", "lease"];
        let running = place.reach("lease polite", &words);
        running.signal(signal);
        let ran = running.ends();
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(ran.stderr.contains("was told to stop in `lease`, and stopped"), "{}", ran.stderr);
        assert!(ran.stderr.contains("hint: crabbox list\n"), "{}", ran.stderr);
        assert_eq!(place.claims(), Vec::<Value>::new(), "nothing was made, and nothing is left");
        assert_eq!(place.end_of_log(), format!("# exit: {code}"));
        place.next_works_and_all_can_be_stopped("a lease that was called for");
    }
}

#[test]
fn a_release_that_is_called_for_and_interrupted_says_the_line_that_finishes_it() {
    let place = Place::new();
    assert_eq!(place.crabbox(&["run", "--", "true"]).code, 0);
    let slug = place.claims()[0]["slug"].as_str().expect("a slug").to_owned();
    let delete = r#"{"action":"delete"}"#;
    let words = ["provider", "call", "misbehaving", "release", "--id", &slug];
    let words = [&words[..], &["--request", delete, "--yes"]].concat();
    for (signal, code) in SIGNALS {
        let running = place.reach("release polite", &words);
        running.signal(signal);
        let ran = running.ends();
        assert_eq!(ran.code, code, "{}", ran.stderr);
        let hint = format!("hint: crabbox stop {slug} --delete --yes\n");
        assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
        assert_eq!(place.claims()[0]["state"], "releasing");
        assert_eq!(place.end_of_log(), format!("# exit: {code}"));
    }
    place.next_works_and_all_can_be_stopped("a release that was called for");
}

#[test]
fn a_termination_does_not_wait_for_all_that_is_to_be_undone() {
    let place = Place::new();
    let hold = place.world.root().join("hold");
    let mut command = place.command(&["provider", "call", "misbehaving", "lease"]);
    // The box is there, and nobody can be asked for it while it is undone.
    command.env("CRABBOX_FAULT", format!("child.after.checkpoint:2@{}", hold.display()));
    let mut running = Running::of(&mut command);
    until("the box is made", || hold.exists());
    place.mood("resolve hang");
    running.signal(Signal::TERM);
    running.is_told();
    let ran: Ran = running.ends();
    assert_eq!(ran.code, -1, "the signal has ended it: {}", ran.stderr);
    let said = "error: left before the provider had stopped\ncrabbox:   hint: crabbox list\n";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert_eq!(place.claims().len(), 1, "{}", ran.stderr);
    assert_eq!(place.end_of_log(), "# exit: 143");
    place.nothing_runs("a termination");
    place.next_works_and_all_can_be_stopped("a termination");
}
