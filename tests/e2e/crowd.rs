//! Many runs at once: none meets another on a box, none is told of a lock that it should have
//! waited for, each comes back with its program's own code, and the claims name every box.

use crabbox_tests::{Ran, World, scale};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Command, Stdio};

/// Fails with 99 beside another of its kind in the same workspace; else its code is the number.
fn alone(number: usize) -> (String, i32) {
    let code = i32::try_from(number % 90).expect("a small number");
    (format!("set -C; : >alone || exit 99; sleep 0.03; rm alone; exit {code}"), code)
}

fn start(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("runs")
}

/// Waits for all, each with the code that it must have.
fn all_end(runs: Vec<(Child, i32)>) {
    for (child, code) in runs {
        let ran = Ran::from(child.wait_with_output().expect("ends"));
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(!ran.stderr.contains("is locked"), "{}", ran.stderr);
    }
}

/// Every claim is at rest, and has the one box that is called after it. How many there are.
fn check_claims(world: &World) -> usize {
    let list = world.crabbox(&["list", "--json"]).stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let claims = list["leases"].as_array().expect("a list");
    for claim in claims {
        assert!(
            ["parked", "ready"].contains(&claim["state"].as_str().expect("a state")),
            "{claim}"
        );
        assert_eq!(claim["trouble"], Value::Null);
    }
    let name = |claim: &Value| claim["resource"]["name"].as_str().expect("a name").to_owned();
    let claimed: BTreeSet<String> = claims.iter().map(name).collect();
    let boxes = world.boxes();
    let there = boxes.iter().map(|path| path.file_name().expect("a name").display().to_string());
    assert_eq!(claimed, there.collect());
    assert_eq!(claimed.len(), claims.len());
    claims.len()
}

#[test]
fn fifty_runs_at_once_of_one_checkout_have_a_box_each() {
    let world = World::new();
    for round in 0..2 * scale() {
        let runs = (0..50).map(|number| {
            let (line, code) = alone(number);
            // A few leave their box ready, and so are warm in the next round.
            let keep: &[&str] = if number % 10 == 0 && round == 0 { &["--keep"] } else { &[] };
            (start(world.command(&[&["run"], keep, &["--shell", &line]].concat())), code)
        });
        all_end(runs.collect());
        let claims = check_claims(&world);
        assert!(claims <= 50, "a run leased beside a box that was free all the time: {claims}");
    }
}

#[test]
fn fifty_runs_at_once_of_as_many_checkouts_do_not_meet() {
    let world = World::new();
    let count = if scale() > 1 { 50 } else { 25 };
    let checkouts: Vec<_> =
        (0..count).map(|number| world.root().join(format!("of-{number}"))).collect();
    for checkout in &checkouts {
        fs::create_dir(checkout).expect("a folder");
        fs::write(checkout.join("which"), checkout.as_os_str().as_encoded_bytes()).expect("a file");
        let git = Command::new("git").args(["init", "-q"]).current_dir(checkout).status();
        assert!(git.expect("git runs").success());
    }
    for _ in 0..2 {
        let runs = checkouts.iter().enumerate().map(|(number, checkout)| {
            let (line, code) = alone(number);
            let line = format!("test $(cat which) = '{}' || exit 98; {line}", checkout.display());
            let mut command = world.command(&["run", "--shell", &line]);
            command.current_dir(checkout);
            (start(command), code)
        });
        all_end(runs.collect());
        assert_eq!(check_claims(&world), count, "each has its own");
    }
}

#[test]
fn a_queue_for_one_lease_is_served_one_at_a_time() {
    for keep in [&["--keep"][..], &[]] {
        let world = World::new();
        assert_eq!(world.crabbox(&[&["run"], keep, &["--", "true"]].concat()).code, 0);
        let box_of_all = world.only_box();
        let id = box_of_all.file_name().expect("a name").to_str().expect("text");
        let runs = (0..15 * scale()).map(|number| {
            let (line, code) = alone(number);
            (start(world.command(&["run", "--id", id, "--shell", &line])), code)
        });
        all_end(runs.collect());
        assert_eq!(check_claims(&world), 1);
    }
}
