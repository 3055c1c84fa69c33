//! External commands with a lock key: one at a time, whoever asks, and nobody waits for ever.

use crate::exec::{LONG, doctor, open, run, shell};
use crabbox_provider_api::exec::{Command, LONGEST_LOCK};
use crabbox_tests::{World, until};
use serde_json::{Value, json};
use std::fs;
use std::thread;
use std::time::Duration;

/// A key of this world's own.
fn locked(world: &World, line: &str) -> Command {
    shell(line).lock(world.root().display().to_string()).deadline(LONG)
}

/// One that runs until `over` is there, and says so with `held`.
fn holder(world: &World) -> Value {
    let at = world.root().display();
    let line = format!(": >{at}/held; until test -e {at}/over; do sleep 0.01; done");
    json!([{ "command": locked(world, &line) }])
}

#[test]
fn those_of_one_key_run_one_after_the_other_whoever_asks() {
    let world = World::new();
    let at = world.root().display();
    // Fails with 99 beside another of its kind.
    let line = format!("set -C; : >{at}/alone || exit 99; sleep 0.03; rm {at}/alone");
    let orders = json!([(); 5].map(|()| json!({ "command": locked(&world, &line) })));
    thread::scope(|scope| {
        let ask = || {
            let provider = World::new();
            doctor(&mut open(&provider), &orders, LONG).expect("the hook answers")
        };
        let asked: Vec<_> = (0..2).map(|_| scope.spawn(ask)).collect();
        for one in asked {
            let came = one.join().expect("no panic");
            assert!(came.iter().all(|one| one["status"] == "exit 0"), "{came:?}");
        }
    });
}

#[test]
fn those_of_other_keys_run_at_once() {
    let world = World::new();
    let at = world.root().display();
    let meet = |mine: &str, other: &str| {
        let line = format!(": >{at}/{mine}; until test -e {at}/{other}; do sleep 0.01; done");
        json!({ "command": shell(&line).lock(format!("{at}/{mine}")).deadline(LONG) })
    };
    let both = json!([meet("a", "b"), meet("b", "a")]);
    let came = doctor(&mut open(&world), &both, LONG).expect("the hook answers");
    assert!(came.iter().all(|one| one["status"] == "exit 0"), "{came:?}");
}

#[test]
fn whoever_waits_for_one_that_hangs_gives_up_at_its_deadline_and_says_for_whom() {
    let world = World::new();
    let mut orders = holder(&world);
    let at = world.root().display();
    let waiter = json!({
        "command": locked(&world, &format!(": >{at}/ran")).deadline(Duration::from_millis(50)),
        "after": format!("{at}/held"),
        "then": format!("{at}/over"),
    });
    orders.as_array_mut().expect("a list").push(waiter);
    let came = doctor(&mut open(&world), &orders, LONG).expect("the hook answers");
    assert_eq!((&came[0]["status"], &came[1]["error"]), (&json!("exit 0"), &json!("deadline")));
    let us = format!("crabbox (process {})", std::process::id());
    assert!(came[1]["message"].as_str().is_some_and(|text| text.contains(&us)), "{came:?}");
    assert!(!world.root().join("ran").exists());
}

#[test]
fn whoever_waits_stops_with_the_hook() {
    let world = World::new();
    thread::scope(|scope| {
        let holds = scope.spawn(|| doctor(&mut open(&world), &holder(&world), LONG));
        until("it is held", || world.root().join("held").exists());
        let waiter = json!([{ "command": locked(&world, "true") }]);
        let other = World::new();
        let came = doctor(&mut open(&other), &waiter, Duration::from_millis(100));
        assert_eq!(came.expect("the hook answers")[0]["error"], "cancelled");
        fs::write(world.root().join("over"), "").expect("a file");
        let came = holds.join().expect("no panic").expect("the hook answers");
        assert_eq!(came[0]["status"], "exit 0", "{came:?}");
    });
}

#[test]
fn a_key_that_is_none_is_refused() {
    for key in [String::new(), "x".repeat(LONGEST_LOCK + 1)] {
        let came = run(shell("true").lock(key));
        assert_eq!(came["error"], "refused", "{came}");
    }
}
