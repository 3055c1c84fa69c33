//! Why a run took as long as it did: what is recorded of its way, and what is told of that.

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
    let world = World::new();
    world.configure("[provider.local]\nroot = '/proc/none'\n");
    assert_eq!(world.crabbox(&["run", "--", "true"]).code, 125);
    let way = way(&world);
    assert_eq!([&way["had"], &way["read_in_time"], &way["held"]], [&Value::Null; 3], "{way}");
}
