//! Another version of `coder` than the one that has leased a workspace: newer ones call it by its immutable id, older ones
//! by its name. Which it is is asked again once it is another file, and not each time.

use crabbox_test_coder::State;
use crabbox_tests::{Coder, Ran};

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

#[test]
fn a_warm_run_with_an_older_one_goes_there_by_the_name_and_so_do_those_after_it() {
    let (coder, name) = warm(NEW, OLD);
    let ran = coder.crabbox(&["run", "--", "cat", "hello.txt"]);
    reads(&ran);
    assert!(ran.stderr.contains("or another version, since it vouched"), "{ran:?}");
    assert_eq!(asked(&coder), ["list", "version"], "{:?} {ran:?}", coder.calls());
    let to = format!("--wait=no alice/{name}.main");
    assert!(coder.calls().iter().any(|call| call.ends_with(&to)), "{:?}", coder.calls());
    coder.deployment.forget_calls();
    reads(&coder.crabbox(&["run", "--", "cat", "hello.txt"]));
    assert_eq!(asked(&coder), [""; 0]);
}

#[test]
fn a_warm_run_with_a_newer_one_goes_there_by_the_id_from_then_on() {
    let (coder, name) = warm(OLD, NEW);
    let id = coder.deployment.state().workspace(&name).id.clone();
    reads(&coder.crabbox(&["run", "--", "cat", "hello.txt"]));
    assert_eq!(asked(&coder), ["list", "version"]);
    let to = format!("--wait=no {id}.main");
    assert!(coder.calls().iter().any(|call| call.ends_with(&to)), "{:?}", coder.calls());
    coder.deployment.forget_calls();
    reads(&coder.crabbox(&["run", "--", "cat", "hello.txt"]));
    assert_eq!(asked(&coder), [""; 0]);
}

/// It is written anew, and nothing else: the deployment is asked what it would be asked of another login.
#[test]
fn the_same_version_in_another_file_is_asked_once() {
    let (coder, _) = warm(NEW, NEW);
    reads(&coder.crabbox(&["run", "--", "cat", "hello.txt"]));
    assert_eq!(asked(&coder), ["list", "version"]);
    coder.deployment.forget_calls();
    reads(&coder.crabbox(&["run", "--", "cat", "hello.txt"]));
    assert_eq!(asked(&coder), [""; 0]);
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
