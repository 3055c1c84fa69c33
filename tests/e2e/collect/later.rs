//! `crabbox artifacts`: what came with an earlier run, and what is still to be had of it.

use super::{document, files, folder, run, texts};
use crabbox_tests::World;
use std::fs;

const LINE: &str = "mkdir -p out; echo 1 >out/a.txt; echo 2 >out/b.log";

#[test]
fn what_came_is_listed_with_where_it_is() {
    let world = World::new();
    let done = run(&world, &["--artifact", "out"], LINE);
    let folder = folder(&world, &done);
    let listed = document(&world.crabbox(&["artifacts", "--json"]));
    assert_eq!(texts(&listed["files"], "path"), ["out/a.txt", "out/b.log"]);
    let local = folder.join("out/a.txt").display().to_string();
    assert_eq!(listed["files"][0]["local_path"], local);
    assert_eq!(listed["files"][0]["digest"], done["artifacts"]["files"][0]["digest"]);
    fs::remove_file(&local).expect("removes");
    let id = done["run"].as_str().expect("a run");
    let ran = world.crabbox(&["artifacts", id, "out/*.txt"]);
    insta::assert_snapshot!(ran.snapshot(&world), @"
    exit 0
    --- stdout
    PATH       SIZE  HERE
    out/a.txt  2 B   -
    --- stderr
    ");
    let _ = run(&world, &[], "true");
    let ran = world.crabbox(&["artifacts"]);
    assert!(ran.code == 0 && ran.stderr.contains("hint: crabbox artifacts @last GLOB --fetch"));
    let ran = world.crabbox(&["artifacts", "run_0000"]);
    assert_eq!(ran.code, 4, "{ran:?}");
}

#[test]
fn the_box_is_asked_for_more_while_it_has_it() {
    let world = World::new();
    let done = run(&world, &["--keep", "--artifact", "out/a.txt"], LINE);
    let folder = folder(&world, &done);
    let ran = world.crabbox(&["artifacts", "@last", "out/*.log", "--fetch"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(files(&folder), ["out/a.txt", "out/b.log"]);
    // What isn't there is told of as it was typed.
    let ran = world.crabbox(&["artifacts", "@last", "many/**", "--fetch"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    let slug = done["lease"]["slug"].as_str().expect("a slug");
    let said = format!("no file on {slug} matches `many/**`");
    assert!(ran.stderr.contains(&said), "{ran:?}");
    let ran = world.crabbox(&["artifacts", "@last", "many/**", "out/*.log", "--fetch"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("warning: no file matches `many/**`"), "{ran:?}");
    // What lies elsewhere comes by the line that is led to.
    fs::write(world.root().join("elsewhere"), "far").expect("writes");
    let elsewhere = world.root().join("elsewhere").to_string_lossy().into_owned();
    let ran = world.crabbox(&["artifacts", "@last", &elsewhere, "--fetch"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let line = ran.stderr.lines().find_map(|line| line.split_once("hint: crabbox "));
    let (_, line) = line.unwrap_or_else(|| panic!("no hint: {ran:?}"));
    let copied = world.crabbox(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(copied.code, 0, "{copied:?}");
    assert_eq!(fs::read(world.checkout().join("elsewhere")).expect("reads"), b"far");
    fs::remove_file(world.checkout().join("elsewhere")).expect("removes");
    // What the run had brought, once more: it is there already, or isn't what it was.
    fs::remove_file(folder.join("out/a.txt")).expect("removes");
    fs::write(world.workspace().join("out/a.txt"), "other").expect("writes");
    let ran = world.crabbox(&["artifacts", "--fetch", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(texts(&document(&ran)["fetched"]["files"], "path"), ["out/a.txt"]);
    assert!(ran.stderr.contains("`out/a.txt` isn't what it was when the run ended"), "{ran:?}");
    fs::write(folder.join("out/a.txt"), "mine").expect("writes");
    let ran = world.crabbox(&["artifacts", "--fetch"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("is here already, and stays"), "{ran:?}");
    assert_eq!(fs::read(folder.join("out/a.txt")).expect("reads"), b"mine");
    let ran = world.crabbox(&["artifacts", "--fetch", "--artifact-dir", "../mine"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(files(&world.root().join("mine")), ["out/a.txt"]);
    // A box that has forgotten the run says so.
    let run = done["run"].as_str().expect("a run");
    fs::remove_dir_all(world.only_box().join(".crabbox/runs").join(run)).expect("removes");
    let ran = world.crabbox(&["artifacts", "--fetch"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains(&format!("the box doesn't know `{run}` any more")), "{ran:?}");
    assert_eq!(world.crabbox(&["stop", "@last"]).code, 0);
    let ran = world.crabbox(&["artifacts", "--fetch"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("is parked"), "{ran:?}");
}
