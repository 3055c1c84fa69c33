//! What is made of secrets that are known, and of words that merely look like one: a page stays a page, a receipt a receipt.

use crate::secrets::{VARIABLE, look, look_at_all_that_is_kept};
use crabbox_tests::{Ran, World};
use std::fs;

/// Runs this line of shell with a secret in `API_TOKEN`.
fn run(world: &World, more: &[&str], line: &str) -> Ran {
    let value = format!("API_TOKEN={VARIABLE}");
    world.crabbox(&[&["run", "--env", &value], more, &["--shell", line]].concat())
}

#[test]
fn the_name_of_a_file_that_came_is_remembered_without_its_secret() {
    let world = World::new();
    let ran = run(&world, &["--artifact", "out/*"], "mkdir out; echo hi >out/$API_TOKEN.txt");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // Who asks later knows of no secret.
    let listed = world.crabbox(&["artifacts", "@last"]).stdout;
    assert!(listed.contains("out/[redacted].txt"), "{listed}");
    for line in
        [&["artifacts", "--json"][..], &["inspect", "@last", "--json"], &["history", "receipt"]]
    {
        let ran = world.crabbox(line);
        assert_eq!(ran.code, 0, "{line:?}: {}", ran.stderr);
        look(&format!("{line:?}"), ran.stdout.as_bytes());
    }
    fs::remove_dir_all(world.only_box()).expect("the box itself has it");
    look_at_all_that_is_kept(&world);
}
