//! An abandoned workspace stops by itself.

use crabbox_tests::Coder;

#[test]
fn a_new_one_is_told_when_to_stop() {
    let coder = Coder::new();
    assert_eq!(coder.crabbox(&["warmup", "--ttl", "90m"]).code, 0);
    assert_eq!(coder.deployment.state().workspaces[0].ttl_ms, Some(90 * 60 * 1000));
}

/// Coder takes a minute to thirty days.
#[test]
fn a_time_that_the_deployment_does_not_take_is_made_one_that_it_does() {
    for (asked, minutes) in [("10s", 1), ("40d", 30 * 24 * 60), ("90s", 2)] {
        let coder = Coder::new();
        let ran = coder.crabbox(&["warmup", "--ttl", asked]);
        assert_eq!(ran.code, 0, "{asked}: {ran:?}");
        let told = coder.deployment.state().workspaces[0].ttl_ms;
        assert_eq!(told, Some(minutes * 60 * 1000), "{asked}");
    }
}

#[test]
fn more_time_is_told_to_the_deployment() {
    let coder = Coder::new();
    assert_eq!(coder.crabbox(&["warmup", "--ttl", "1h"]).code, 0);
    coder.deployment.forget_calls();
    let ran = coder.crabbox(&["extend", "@last", "3h"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let calls = coder.calls();
    let told = calls.iter().filter(|call| call.starts_with("schedule extend ")).count();
    assert_eq!(told, 1, "{calls:?}");
    assert!(calls.last().is_some_and(|call| call.ends_with(" 180m")), "{calls:?}");
    assert!(coder.deployment.state().workspaces[0].deadline.is_some());
}

/// Coder moves it by half an hour at least.
#[test]
fn what_is_sooner_than_the_deployment_takes_isnt_told_to_it() {
    let coder = Coder::new();
    assert_eq!(coder.crabbox(&["warmup", "--ttl", "1h"]).code, 0);
    coder.deployment.forget_calls();
    let ran = coder.crabbox(&["extend", "@last", "5m"]);
    assert!(
        coder.calls().iter().all(|call| !call.ends_with(" 5m")),
        "{ran:?}: {:?}",
        coder.calls()
    );
}

#[test]
fn a_template_that_forbids_it_is_said_to() {
    let coder = Coder::with(|state| state.template("demo").allows_autostop = false);
    let doctor = coder.crabbox(&["doctor"]);
    assert!(doctor.stdout.contains("can't be told to stop by themselves"), "{doctor:?}");
    let ran = coder.crabbox(&["warmup"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("runs until it is stopped"), "{ran:?}");
    let ran = coder.crabbox(&["extend", "@last", "9h"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("never stops by itself"), "{ran:?}");
}
