//! What has become of a workspace: looking changes nothing, connecting does what it may.

use crabbox_test_coder::{Ending, Parameter, Transition};
use crabbox_tests::{Coder, Ran};
use serde_json::Value;

#[test]
fn looking_starts_touches_and_extends_nothing() {
    let (coder, name) = Coder::parked();
    for line in [&["status", "@last"][..], &["inspect", "@last"], &["list", "--refresh"]] {
        coder.deployment.forget_calls();
        let before = coder.deployment.state().workspace(&name).build.number;
        let ran = coder.crabbox(line);
        assert_eq!(ran.code, 0, "{line:?}: {ran:?}");
        assert!(coder.calls().iter().all(|call| call.starts_with("list ")), "{:?}", coder.calls());
        assert_eq!(coder.deployment.state().workspace(&name).build.number, before);
    }
}

#[test]
fn whatever_a_workspace_is_doing_is_told() {
    for (transition, goes_on, ends, state) in [
        (Transition::Start, true, Ending::Succeeds, "starting"),
        (Transition::Start, false, Ending::Succeeds, "ready"),
        (Transition::Start, false, Ending::Fails, "failed"),
        (Transition::Stop, true, Ending::Succeeds, "parked"),
        (Transition::Stop, false, Ending::Succeeds, "parked"),
        (Transition::Delete, true, Ending::Succeeds, "failed"),
    ] {
        let (coder, name) = Coder::parked();
        coder.deployment.change(|state| {
            state.builds(&name, transition).build.ends = ends;
            state.held = goes_on;
        });
        let ran = coder.crabbox(&["provider", "call", "coder", "resolve", "--id", "@last"]);
        let answer: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let seen = answer["state"].as_str();
        assert_eq!(seen, Some(state), "{transition:?} {goes_on} {ends:?}: {ran:?}");
        // The way there is told exactly when it leads there.
        let is_ready = !answer["endpoint"].is_null();
        assert_eq!(is_ready, state == "ready", "{ran:?}");
    }
}

/// A setting that only a new one needs is nothing to those that are there.
#[test]
fn a_work_root_that_cannot_be_keeps_nobody_from_one_that_is_there() {
    let (coder, name) = Coder::warm();
    for line in [&["status", "@last"][..], &["run", "--", "true"], &["stop", "@last"]] {
        let ran = Ran::of(coder.command(line).env("CRABBOX_CODER_WORK_ROOT", "~"));
        assert_eq!(ran.code, 0, "{line:?}: {ran:?}");
    }
    assert_eq!(coder.deployment.state().doing(&name), "stopped");
}

#[test]
fn a_stopped_one_is_started_by_a_run_without_a_question() {
    let (coder, name) = Coder::parked();
    let ran = coder.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let calls = coder.calls();
    let started: Vec<_> = calls.iter().filter(|call| call.starts_with("start ")).collect();
    assert_eq!(started.len(), 1, "{calls:?}");
    assert!(started[0].ends_with(" --yes --use-parameter-defaults"), "{calls:?}");
    assert_eq!(coder.deployment.state().doing(&name), "stopped");
}

#[test]
fn a_running_one_whose_agent_is_lost_is_not_ready() {
    let (coder, name) = Coder::warm();
    coder.deployment.change(|state| state.workspace(&name).lost = vec!["main".to_owned()]);
    let ran = coder.crabbox(&["provider", "call", "coder", "resolve", "--id", "@last"]);
    assert!(ran.stderr.contains("the agent `main` is lost"), "{ran:?}");
    assert!(ran.stdout.contains("starting") && !ran.stdout.contains("--stdio"), "{ran:?}");
}

#[test]
fn a_dormant_one_is_started_only_if_that_is_said() {
    let (coder, name) = Coder::parked();
    coder.deployment.change(|state| state.workspace(&name).is_dormant = true);
    let ran = coder.crabbox(&["run", "--id", "@last", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("dormant"), "{ran:?}");
    assert_eq!(coder.deployment.state().doing(&name), "stopped");
    let ran = coder.crabbox(&["run", "--coder-activate-dormant", "--id", "@last", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// The next one is asked for once it is over.
#[test]
fn one_that_is_stopping_is_waited_for() {
    let (coder, name) = Coder::parked();
    coder.deployment.change(|state| {
        let build = &mut state.workspace(&name).build;
        build.lasts = 2 * (build.lasts + 500) + 86_400_000;
    });
    let mut child = coder.command(&["run", "--", "true"]).spawn().expect("it runs");
    crabbox_tests::until("it is looked at", || !coder.calls().is_empty());
    coder.deployment.change(|state| state.workspace(&name).build.lasts = 0);
    assert!(child.wait().expect("it ends").success());
}

/// `coder` cleans up after it, and tries again.
#[test]
fn a_start_that_has_failed_is_tried_once_more() {
    let (coder, name) = Coder::parked();
    coder.deployment.change(|state| {
        state.builds(&name, Transition::Start).build.ends = Ending::Fails;
    });
    let ran = coder.crabbox(&["run", "--id", "@last", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// It is on its way to `failed`, or was queued and is `canceled`: then it is tried again.
#[test]
fn a_start_that_somebody_cancels_is_waited_for_and_made_again() {
    for ending in [Ending::Broken, Ending::Canceled] {
        let (coder, name) = Coder::parked();
        coder.deployment.change(|state| {
            state.builds(&name, Transition::Start).build.ends = ending;
            state.held = ending == Ending::Broken;
        });
        let mut child = coder.command(&["run", "--id", "@last", "--", "true"]);
        let mut child = child.spawn().expect("it runs");
        let looks = || coder.calls().iter().filter(|call| call.starts_with("list ")).count();
        crabbox_tests::until("it is looked at", || looks() >= 1);
        if ending == Ending::Broken {
            assert_eq!(coder.deployment.state().doing(&name), "canceling");
            coder.deployment.change(|state| state.held = false);
        }
        assert!(child.wait().expect("it ends").success());
        let starts = coder.calls().iter().filter(|call| call.starts_with("start ")).count();
        assert_eq!(starts, 1, "{:?}", coder.calls());
    }
}

/// It stops it, says that all is well, and its start fails: only what the deployment says of it tells. A run starts it
/// once more, and says why that fails, too.
#[test]
fn an_update_whose_start_fails_is_seen_in_the_next_run() {
    let (coder, name) = Coder::warm();
    coder.deployment.change(|state| {
        let log = ["Error: creating container", "", "no such image: demo:2"];
        state.template("demo").fails = Some(log.map(str::to_owned).into());
        state.builds(&name, Transition::Stop);
        state.builds(&name, Transition::Start);
    });
    let seen = coder.crabbox(&["provider", "call", "coder", "resolve", "--id", "@last"]);
    assert!(seen.stdout.contains("failed"), "{seen:?}");
    let ran = coder.crabbox(&["run", "--id", "@last", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("no such image: demo:2"), "{ran:?}");
    assert_eq!(coder.world.leases(&[]).len(), 1);
    // Somebody mends the template.
    coder.deployment.change(|state| state.template("demo").fails = None);
    let ran = coder.crabbox(&["run", "--id", "@last", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
}

#[test]
fn one_whose_template_is_newer_is_started_as_it_is_and_that_is_said() {
    let (coder, name) = Coder::parked();
    coder.deployment.change(|state| state.workspace(&name).is_outdated = true);
    let ran = coder.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains(&format!("`coder update {name}` takes")), "{ran:?}");
    assert!(coder.deployment.state().workspace(&name).is_outdated);
}

/// The version that has leased it took ids; this one doesn't find what they are of.
#[test]
fn an_older_coder_than_the_one_that_leased_it_starts_it_by_its_name() {
    let (coder, name) = Coder::parked();
    coder.deployment.change(|state| "v2.31.0+1234567".clone_into(&mut state.client));
    let ran = coder.crabbox(&["run", "--id", "@last", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
    let calls = coder.calls();
    assert!(calls.contains(&format!("start alice/{name} --yes")), "{calls:?}");
    // It is noted: what follows takes no other way.
    coder.deployment.forget_calls();
    assert_eq!(coder.crabbox(&["run", "--id", "@last", "--", "true"]).code, 0);
    assert!(!coder.calls().iter().any(|call| call.starts_with("version")), "{:?}", coder.calls());
}

/// No value that is set reaches a workspace that is there: `coder` asks for it on a terminal.
#[test]
fn a_parameter_of_a_newer_version_is_asked_for_by_an_update() {
    let (coder, name) = Coder::parked();
    coder.deployment.change(|state| {
        state.workspace(&name).is_outdated = true;
        let template = state.template("demo");
        template.requires_newest = true;
        template.parameters.push(Parameter::new("zone", None));
    });
    let ran = coder.crabbox(&["run", "--id", "@last", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("the template's parameter `zone` has no value"), "{ran:?}");
    assert!(ran.stderr.contains(&format!("hint: coder update alice/{name}\n")), "{ran:?}");
    assert!(!ran.stderr.contains("set parameters"), "{ran:?}");
    assert_eq!(coder.deployment.state().doing(&name), "stopped");
}

#[test]
fn one_that_is_being_deleted_is_not_started() {
    let (coder, name) = Coder::parked();
    coder.deployment.change(|state| {
        state.builds(&name, Transition::Delete);
        state.held = true;
    });
    let ran = coder.crabbox(&["run", "--id", "@last", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("was deleted meanwhile"), "{ran:?}");
    assert!(coder.calls().iter().all(|call| !call.starts_with("start")), "{:?}", coder.calls());
}

/// It is told again, and not each moment.
#[test]
fn a_start_that_finds_another_build_is_made_again() {
    let (coder, _) = Coder::parked();
    coder.deployment.change(|state| state.trouble.busy = 1);
    let ran = coder.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let calls = coder.calls();
    let starts = calls.iter().filter(|call| call.starts_with("start ")).count();
    let looks = calls.iter().filter(|call| call.starts_with("list ")).count();
    assert!(starts == 2 && looks <= 6, "{calls:?}");
}

/// Whatever its status says, nothing leads to it.
#[test]
fn a_dormant_one_that_runs_is_not_ready() {
    let (coder, name) = Coder::warm();
    coder.deployment.change(|state| state.workspace(&name).is_dormant = true);
    let ran = coder.crabbox(&["provider", "call", "coder", "resolve", "--id", "@last"]);
    assert!(ran.stderr.contains("it is dormant"), "{ran:?}");
    assert!(!ran.stdout.contains("--stdio") && !ran.stdout.contains("ready"), "{ran:?}");
}

/// It would be given away with what is in it.
#[test]
fn one_that_was_given_away_is_not_started() {
    let (coder, name) = Coder::parked();
    coder.deployment.change(|state| {
        let bob = state.user("bob").id.clone();
        state.workspace(&name).owner = bob;
    });
    let ran = coder.crabbox(&["run", "--id", "@last", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("the user `bob`"), "{ran:?}");
    assert_eq!(coder.deployment.state().doing(&name), "stopped");
}
