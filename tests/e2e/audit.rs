//! The audit log: a line before and a line after whatever is done to a resource.

use crate::desk::Desk;
use crabbox_tests::World;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;

fn file(world: &World) -> PathBuf {
    world.root().join("state/crabbox/audit.jsonl")
}

fn lines(world: &World) -> Vec<Value> {
    let text = fs::read_to_string(file(world)).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What was noted since the last time.
fn noted(world: &World) -> String {
    let text = |line: &Value, key: &str| line[key].as_str().expect("text").to_owned();
    let all: Vec<_> = lines(world)
        .iter()
        .map(|line| format!("{} {}", text(line, "action"), text(line, "outcome")))
        .collect();
    let _ = fs::remove_file(file(world));
    all.join(", ")
}

#[test]
fn every_mutation_has_a_line_before_and_a_line_after() {
    let desk = Desk::new("");
    let world = &desk.world;
    let check = |words: &[&str], code: i32, expected: &str| {
        let ran = desk.crabbox(words);
        assert_eq!(ran.code, code, "{words:?}: {}", ran.stderr);
        assert_eq!(noted(world), expected, "{words:?}");
    };
    let run = ["run", "--provider", "desk", "--", "true"];
    let lease = "lease begun, lease done, start begun, start done, ";
    let parked = format!("{lease}park begun, park done");
    check(&run, 0, &parked);
    let slug = world.only_slug();
    check(&["list"], 0, "");
    check(&["status", &slug], 0, "");
    check(&["provider", "call", "desk", "resolve", "--id", &slug], 0, "");
    let started = "start begun, start done, extend begun, extend done";
    check(&["run", "--provider", "desk", "--keep", "--", "true"], 0, started);
    check(&run, 0, "");
    check(&["extend", &slug, "9h"], 0, "extend begun, extend done");
    desk.mood("release fails");
    check(&["stop", &slug], 6, "park begun, park failed");
    desk.mood("");
    check(&["stop", &slug], 0, "park begun, park done");
    let name = world.leases(&[])[0]["resource"]["name"].as_str().expect("a name").to_owned();
    check(&["forget", &slug], 2, "");
    check(&["forget", &slug, "--yes"], 0, "forget begun, forget done");
    let adopt = ["adopt", &name, "--provider", "desk", "--slug", &slug, "--yes"];
    check(&adopt, 0, "adopt begun, adopt done");
    check(&adopt, 5, "");
    check(&["stop", &slug, "--delete", "--yes"], 0, "delete begun, delete done");
    desk.mood("lease fails");
    check(&run, 125, "lease begun, lease failed, park begun, park done");
}

#[test]
fn a_line_says_who_did_what_to_which_resource() {
    let desk = Desk::new("");
    let world = &desk.world;
    let mut run = desk.command(&["--env", "A=b", "--", "echo", "some", "more", "words"]);
    assert_eq!(
        run.env("CRABBOX_FAULT", "call.after.release").status().expect("runs").signal(),
        Some(9)
    );
    assert_eq!(fs::metadata(file(world)).expect("is there").mode() & 0o7777, 0o600);
    let lines = lines(world);
    // Killed in between, it has a beginning and no end.
    assert_eq!(lines.len(), 5, "{lines:?}");
    let lease = &world.leases(&[])[0];
    for line in &lines {
        for (key, value) in [("lease", "id"), ("slug", "slug"), ("provider", "provider")] {
            assert_eq!(line[key], lease[value], "{line}");
        }
        assert_eq!(line["user"], rustix::process::geteuid().as_raw());
        let time = line["time"].as_str().expect("a time");
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        let command = line["command"].as_str().expect("a command");
        assert!(command.contains("--env A=... -- echo ..."), "{command}");
    }
    assert_eq!(lines[0]["resource"], Value::Null);
    assert_eq!(lines[0]["call"], lines[1]["call"]);
    assert_ne!(lines[1]["call"], lines[2]["call"]);
    for (key, value) in [("name", &lease["resource"]["name"]), ("id", &lease["resource"]["id"])] {
        assert_eq!(lines[4]["resource"][key], *value);
    }
    assert_eq!(lines[4]["resource"]["deployment"], "under the desk");
}

#[test]
fn no_secret_gets_into_it() {
    let desk = Desk::new("");
    let folder = desk.world.root().join("desk/one");
    fs::create_dir_all(folder.join("home")).expect("a folder");
    fs::write(folder.join("id"), "id-of-one").expect("a file");
    let line = ["adopt", "one", "--provider", "desk", "--slug", "c4nary-word", "--yes"];
    let mut adopt = desk.crabbox_command(&line);
    assert!(adopt.env("MY_TOKEN", "c4nary-word").output().expect("runs").status.success());
    let text = fs::read_to_string(file(&desk.world)).expect("reads");
    assert!(text.contains("[redacted]") && !text.contains("c4nary-word"), "{text}");
}

#[test]
fn without_it_nothing_new_is_begun_and_everything_is_let_go_of() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    desk.calls();
    let file = file(&desk.world);
    fs::remove_file(&file).expect("removes");
    fs::create_dir(&file).expect("a folder in its place");
    let said = format!("the audit log `{}` can't be written", file.display());
    let refused = desk.run(&["--fresh", "--", "true"]);
    assert_eq!(refused.code, 125);
    assert!(refused.stderr.contains(&format!("error: {said}")), "{}", refused.stderr);
    assert_eq!(desk.calls(), "");
    let ran = desk.run(&["--", "cat", "hello.txt"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches(&format!("warning: {said}")).count(), 1, "{}", ran.stderr);
    assert_eq!(desk.calls_in_turn(), "resolve release");
    let leases = desk.world.leases(&[]);
    let parked = leases.iter().find(|lease| lease["state"] == "parked").expect("one is parked");
    let slug = parked["slug"].as_str().expect("a slug");
    let stopped = desk.crabbox(&["stop", slug, "--delete", "--yes"]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert!(stopped.stderr.contains(&said), "{}", stopped.stderr);
}
