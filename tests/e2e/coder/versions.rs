//! Another version of `coder` than the one that has leased a workspace: newer ones call it by its immutable id, older ones
//! by its name. Which it is is asked again once it is another file, and not each time.

use crabbox_test_coder::{State, Transition, Workspace};
use crabbox_tests::{Coder, Ran, until};
use serde_json::Value;

const NEW: &str = "v2.35.1+8b44bd6";

/// It takes no ids.
const OLD: &str = "v2.29.0+ba71b32";

/// A lease of one version, its workspace ready, and then another version.
fn warm(with: &str, now: &str) -> (Coder, String) {
    let coder = Coder::with(|state: &mut State| with.clone_into(&mut state.client));
    assert_eq!(coder.crabbox(&["warmup", "--ttl", "1h"]).code, 0);
    let name = coder.deployment.state().names()[0].to_owned();
    coder.install(now);
    coder.deployment.forget_calls();
    (coder, name)
}

/// What it was asked; the ways there aside.
fn asked(coder: &Coder) -> Vec<String> {
    let first = |call: &String| call.split(' ').next().unwrap_or_default().to_owned();
    coder.calls().iter().filter(|call| !call.contains("ssh --stdio")).map(first).collect()
}

#[track_caller]
fn reads(ran: &Ran) {
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
}

/// A run on it asks once what it would ask of another login, and which version that is; the next one asks nothing.
#[track_caller]
fn runs_go_to(coder: &Coder, whom: &str) -> Ran {
    let line = ["run", "--", "cat", "hello.txt"];
    let first = coder.crabbox(&line);
    reads(&first);
    assert_eq!(asked(coder), ["list", "version"]);
    coder.deployment.forget_calls();
    reads(&coder.crabbox(&line));
    assert_eq!(asked(coder), [""; 0]);
    let lease = coder.crabbox(&["inspect", "@last", "--json"]);
    let lease: Value = serde_json::from_str(&lease.stdout).expect("JSON");
    let way = lease["endpoint"]["transport"]["proxy"].as_array().expect("a command");
    assert_eq!(way.last(), Some(&Value::from(format!("{whom}.main"))), "{lease}");
    first
}

#[test]
fn a_warm_run_with_an_older_one_goes_there_by_the_name() {
    let (coder, name) = warm(NEW, OLD);
    let ran = runs_go_to(&coder, &format!("alice/{name}"));
    assert!(ran.stderr.contains("or another version, since it vouched"), "{ran:?}");
}

#[test]
fn a_warm_run_with_a_newer_one_goes_there_by_the_id() {
    let (coder, name) = warm(OLD, NEW);
    runs_go_to(&coder, &coder.deployment.state().workspace(&name).id.clone());
}

#[test]
fn the_same_version_in_another_file_is_asked_which_it_is_once() {
    let (coder, name) = warm(NEW, NEW);
    runs_go_to(&coder, &coder.deployment.state().workspace(&name).id.clone());
}

/// A name may be another's by the time: where a connection would be made by one, the workspace is looked at first.
#[test]
fn nothing_is_gone_to_by_its_name_unseen() {
    let coder = Coder::with(|state| OLD.clone_into(&mut state.client));
    assert_eq!(coder.crabbox(&["warmup"]).code, 0);
    let name = coder.deployment.state().names()[0].to_owned();
    let line = ["run", "--", "cat", "hello.txt"];
    coder.deployment.forget_calls();
    reads(&coder.crabbox(&line));
    assert_eq!(asked(&coder), [""; 0]);
    coder.deployment.change(|state| {
        state.builds(&name, Transition::Delete);
        let alice = state.user("alice").id.clone();
        let other = Workspace::new(&name, &alice, state.template("demo"));
        state.workspaces.push(other);
    });
    until("the connection is gone", || coder.processes().is_empty());
    coder.deployment.forget_calls();
    reads(&coder.crabbox(&line));
    let calls = coder.calls();
    assert!(calls[0].starts_with("list -o json --search id:"), "{calls:?}");
    let to_other = format!("alice/{name}");
    assert!(!calls.iter().any(|call| call.contains(&to_other)), "{calls:?}");
    assert_eq!(coder.deployment.state().doing(&name), "running");
}

#[test]
fn more_time_is_told_with_an_older_one_by_the_name() {
    let (coder, name) = warm(NEW, OLD);
    let ran = coder.crabbox(&["extend", "@last", "3h"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let calls = coder.calls();
    assert_eq!(asked(&coder), ["list", "version", "schedule"], "{calls:?}");
    assert!(calls[2].starts_with(&format!("schedule extend alice/{name} ")), "{calls:?}");
}

/// A wrapper stays the file that it is, whatever it starts.
#[test]
fn more_time_is_told_by_the_name_where_only_a_refusal_shows_an_older_one() {
    let (coder, name) = Coder::warm();
    coder.deployment.change(|state| OLD.clone_into(&mut state.client));
    let ran = coder.crabbox(&["extend", "@last", "9h"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let calls = coder.calls();
    assert_eq!(asked(&coder), ["list", "schedule", "version", "schedule"], "{calls:?}");
    assert!(calls[3].starts_with(&format!("schedule extend alice/{name} ")), "{calls:?}");
}

#[test]
fn one_that_stopped_meanwhile_is_started_by_an_older_one_without_a_refusal() {
    let (coder, name) = Coder::parked();
    coder.install(OLD);
    reads(&coder.crabbox(&["run", "--id", "@last", "--", "cat", "hello.txt"]));
    let calls = coder.calls();
    let starts: Vec<_> = calls.iter().filter(|call| call.starts_with("start ")).collect();
    assert_eq!(starts, [&format!("start alice/{name} --yes")]);
    assert_eq!(coder.deployment.state().doing(&name), "stopped");
}
