//! Why a run took as long as it did: what is recorded of its way, and what is told of that.

use crate::desk::Desk;
use crabbox_tests::World;
use serde_json::{Value, json};

/// What is remembered of the way of the last run.
pub(crate) fn way(world: &World) -> Value {
    let ran = world.crabbox(&["history", "--json", "--limit", "1"]);
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    document["runs"][0]["way"].clone()
}

/// The same after a run of this line of shell, as far as these fields say it.
fn after(world: &World, more: &[&str], line: &str, fields: &[&str]) -> Vec<Value> {
    let ran = world.crabbox(&[&["run"], more, &["--shell", line]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let way = way(world);
    fields.iter().map(|field| way[field].clone()).collect()
}

#[test]
fn what_a_run_had_to_do_on_its_way_is_recorded() {
    let world = World::new();
    let fields = ["had", "held", "connected", "asked_again", "waited_ms", "variables_sent"];
    let after = |more: &[&str], line| after(&world, more, line, &fields);
    let rest = |had, held, variables| {
        [json!(had), json!(held), json!(null), json!(false), json!(0), json!(variables)]
    };
    assert_eq!(after(&[], "true"), rest("leased", "nothing", false));
    assert_eq!(after(&["--keep"], "true"), rest("started", "as_believed", false));
    assert_eq!(after(&["--env", "A=1"], "true"), rest("ready", "as_believed", true));
    // Whoever writes into what is sent has it sent again.
    assert_eq!(after(&[], "echo other >hello.txt"), rest("ready", "as_believed", false));
    assert_eq!(after(&[], "true"), rest("ready", "another", false));
    world.write("hello.txt", "changed\n");
    assert_eq!(after(&[], "true"), rest("ready", "as_believed", false));
    assert_eq!(way(&world)["entries"], 1);
}

#[test]
fn a_run_that_had_no_box_has_no_way() {
    let desk = Desk::new("");
    desk.mood("lease fails");
    assert_eq!(desk.run(&["--", "true"]).code, 125);
    let way = way(&desk.world);
    assert_eq!(way["waited_ms"], 0);
    assert_eq!([&way["had"], &way["read_in_time"], &way["held"]], [&Value::Null; 3], "{way}");
}

/// What is told of the last run.
fn told(world: &World) -> Value {
    let ran = world.crabbox(&["slow", "--json"]);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// The detours of the last run.
fn detours(world: &World) -> Vec<Value> {
    let told = told(world);
    told["detours"].as_array().expect("a list").iter().map(|one| one["kind"].clone()).collect()
}

#[test]
fn each_detour_of_a_run_is_told_of_with_a_way_round_it() {
    let world = World::new();
    let run = |more: &[&str]| {
        let ran = world.crabbox(&[&["run"], more, &["--", "true"]].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        // A machine that is busy may read even one file too late.
        let mut detours = detours(&world);
        detours.retain(|kind| kind != "read_late");
        detours
    };
    let cold = run(&[]);
    assert!(
        cold.starts_with(&[json!("leased")]) && cold.ends_with(&[json!("first_tree")]),
        "{cold:?}"
    );
    let cold = told(&world);
    assert_eq!((&cold["compared_with"], &cold["straight"]), (&json!(0), &json!(false)));
    let advice = &cold["detours"][0]["advice"][0]["line"];
    assert_eq!(
        (advice, &cold["detours"][0]["at_most"]),
        (&json!("crabbox warmup --provider local"), &json!(true))
    );

    assert_eq!(run(&["--keep"]), ["started"]);
    assert_eq!(run(&[]), [""; 0]);
    assert_eq!(run(&["--env", "A=1"]), ["variables_sent"]);
    // One stood ready meanwhile: what it takes without a detour is known.
    let slug = world.only_slug();
    assert_eq!(world.crabbox(&["stop", &slug]).code, 0);
    assert_eq!(run(&[]), ["started"]);
    let told = told(&world);
    assert_eq!(
        (&told["compared_with"], &told["detours"][0]["at_most"]),
        (&json!(4), &json!(false))
    );
    // The command is a phase like all others.
    let names: Vec<&Value> =
        told["phases"].as_array().expect("rows").iter().map(|row| &row["name"]).collect();
    for name in ["scan", "acquire", "connect", "sync", "program", "release", "overhead", "total"] {
        assert!(names.contains(&&json!(name)), "{name}: {names:?}");
    }
}

#[test]
fn what_the_box_held_is_told_of() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--keep", "--shell", "echo other >hello.txt"]).code, 0);
    assert_eq!(world.shell("true").code, 0);
    let text = world.crabbox(&["slow"]).stdout;
    assert!(text.contains("files on the box had changed since"), "{text}");
    assert!(text.contains("no earlier run of this command here says what is usual"), "{text}");
}

#[test]
fn the_fastest_run_is_said_to_be_that() {
    let world = World::new();
    assert_eq!(world.crabbox(&["warmup"]).code, 0);
    // A machine that is busy may read even one file too late.
    let is_straight = |_| world.shell("true").code == 0 && told(&world)["straight"] == true;
    assert!((0..20).any(is_straight), "{}", told(&world));
    let text = world.crabbox(&["slow"]).stdout;
    assert!(text.contains("It was as fast as it can be") && !text.contains("doesn't do"), "{text}");
}

#[test]
fn a_run_that_came_to_no_box_is_told_of_and_one_that_is_unknown_refused() {
    let desk = Desk::new("");
    let ran = desk.world.crabbox(&["slow"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    desk.mood("lease fails");
    assert_eq!(desk.run(&["--", "true"]).code, 125);
    let ran = desk.world.crabbox(&["slow", "@last-failed"]);
    assert!(ran.code == 0 && ran.stdout.ends_with("It had no box\n"), "{ran:?}");
}
