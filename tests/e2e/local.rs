//! The provider whose boxes are folders here: a box is gone when it is, and not before.

use crabbox_tests::{Ran, World, led_by};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The leases that `list` shows, oldest first.
fn leases(world: &World, more: &[&str]) -> Vec<Value> {
    listed(&mut world.command(&[&["list", "--json"], more].concat()))
}

/// The same for the user whose world it is.
fn leases_of_nobody(world: &World) -> Vec<Value> {
    listed(&mut again_as_nobody(world, &["list", "--json"]))
}

fn listed(command: &mut Command) -> Vec<Value> {
    let list: Value = serde_json::from_str(&Ran::of(command).stdout).expect("JSON");
    let mut leases = list["leases"].as_array().expect("a list").clone();
    leases.sort_by_key(|lease| lease["created"].as_str().expect("a time").to_owned());
    leases
}

fn slug(lease: &Value) -> &str {
    lease["slug"].as_str().expect("a slug")
}

/// With `XDG_DATA_HOME` elsewhere.
fn elsewhere(world: &World, arguments: &[&str]) -> Ran {
    Ran::of(world.command(arguments).env("XDG_DATA_HOME", world.root().join("elsewhere")))
}

#[test]
fn a_deletion_that_was_interrupted_is_finished_by_the_next_stop() {
    let world = World::new();
    assert_eq!(world.shell("mkdir -p deep/er && touch deep/er/file").code, 0);
    let lease = leases(&world, &[]).remove(0);
    let whole = world.only_box();
    let name = whole.file_name().expect("a name").to_string_lossy().into_owned();
    let begun = whole.with_file_name(format!(".deleting-{name}"));
    fs::rename(&whole, &begun).expect("begins");
    let stopped = world.crabbox(&["stop", slug(&lease), "--delete", "--yes"]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert!(world.boxes().is_empty(), "{:?}", world.boxes());
    assert_eq!(leases(&world, &["--all"])[0]["state"], "released");
}

/// A lease whose command was killed before its box was made, and what its provider had done for that until it was:
/// so many of its steps.
fn interrupted_at(step: usize) -> (World, String) {
    let world = World::new();
    let mut run = world.command(&["run", "--", "true"]);
    let killed = run.env("CRABBOX_FAULT", "claim.after.checkpoint").status().expect("runs");
    assert_eq!(killed.signal(), Some(9));
    let lease = leases(&world, &[]).remove(0);
    let name = lease["id"].as_str().expect("an id").to_owned();
    let unfinished = world.root().join(format!("data/crabbox/local/.unfinished-{name}"));
    let ours = unfinished.join(".crabbox");
    let steps: [&dyn Fn() -> std::io::Result<()>; 4] = [
        &|| fs::create_dir(&unfinished),
        &|| fs::create_dir(&ours),
        &|| fs::write(ours.join("id"), ""),
        &|| fs::write(ours.join("id"), "0123456789abcdef0123456789abcdef"),
    ];
    for make in &steps[..=step] {
        make().expect("makes");
    }
    assert_eq!(world.boxes(), [unfinished]);
    (world, name)
}

#[test]
fn a_creation_that_was_interrupted_at_any_step_is_undone_by_the_next_stop_or_cleanup() {
    for step in 0..4 {
        let (world, name) = interrupted_at(step);
        let stopped = world.crabbox(&["stop", &name, "--delete", "--yes"]);
        assert_eq!(stopped.code, 0, "{step}: {}", stopped.stderr);
        assert!(world.boxes().is_empty(), "{step}: {:?}", world.boxes());
        assert_eq!(leases(&world, &["--all"])[0]["state"], "released", "{step}");

        let (world, _) = interrupted_at(step);
        let cleaned = world.crabbox(&["cleanup"]);
        assert_eq!(cleaned.code, 0, "{step}: {}", cleaned.stderr);
        assert!(world.boxes().is_empty(), "{step}: {:?}", world.boxes());
    }
}

#[test]
fn a_folder_without_an_id_is_nobodys_where_the_lease_has_none_either() {
    let (world, name) = interrupted_at(2);
    let whole = world.only_box().with_file_name(&name);
    fs::rename(world.only_box(), &whole).expect("renames");
    for words in [&["stop", &name, "--delete", "--yes"][..], &["stop", &name]] {
        let stopped = world.crabbox(words);
        assert_eq!(stopped.code, 5, "{}", stopped.stderr);
        assert!(stopped.stderr.contains(".crabbox/id` is gone"), "{}", stopped.stderr);
    }
    assert_eq!(world.boxes(), [whole]);
}

#[test]
fn a_run_finishes_a_deletion_and_takes_another_box() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let whole = world.only_box();
    let name = whole.file_name().expect("a name").to_string_lossy().into_owned();
    fs::rename(&whole, whole.with_file_name(format!(".deleting-{name}"))).expect("begins");
    let ran = world.shell("cat hello.txt");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
    assert!(!world.only_box().ends_with(&name), "{}", ran.stderr);
}

#[test]
fn folders_that_nobody_may_change_are_deleted_with_their_box() {
    let world = World::new();
    let line = "mkdir -p a/b c && touch a/b/file && ln -s ../../../.. a/up && chmod 0555 a/b a && chmod 0 c";
    let Some(mut run) = world.command_of_nobody(&["run", "--shell", line]) else {
        return;
    };
    let ran = Ran::of(&mut run);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lease = leases_of_nobody(&world).remove(0);
    let stop = ["stop", slug(&lease), "--delete", "--yes"];
    let stopped = Ran::of(&mut again_as_nobody(&world, &stop));
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert!(world.boxes().is_empty(), "{:?}", world.boxes());
    assert!(world.checkout().join("hello.txt").exists());
}

#[test]
fn a_deletion_that_is_refused_keeps_its_claim_until_it_can_be_finished() {
    let world = World::new();
    let Some(mut run) = world.command_of_nobody(&["run", "--", "true"]) else {
        return;
    };
    assert_eq!(Ran::of(&mut run).code, 0);
    let lease = leases_of_nobody(&world).remove(0);
    let stop = ["stop", slug(&lease), "--delete", "--yes"];
    // As a container leaves them: somebody else's files.
    let foreign = world.only_box().join("foreign");
    fs::create_dir(&foreign).expect("a folder");
    fs::write(foreign.join("file"), "").expect("a file");
    fs::set_permissions(&foreign, fs::Permissions::from_mode(0o755)).expect("a mode");
    let refused = Ran::of(&mut again_as_nobody(&world, &stop));
    assert_eq!(refused.code, 6, "{}", refused.stderr);
    assert!(refused.stderr.contains("foreign/file`: Permission denied"), "{}", refused.stderr);
    let left = world.only_box();
    assert!(left.join(".crabbox/id").exists(), "its id goes last");
    let kept = leases_of_nobody(&world).remove(0);
    assert_eq!(kept["state"], "releasing");
    // A run isn't held up by it.
    let ran = Ran::of(&mut again_as_nobody(&world, &["run", "--", "true"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("left alone: it is to be deleted"), "{}", ran.stderr);
    chown(left.join("foreign"), Some(65534), Some(65534)).expect("an owner");
    let stopped = Ran::of(&mut again_as_nobody(&world, &["stop", slug(&kept)]));
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert!(!left.exists());
    assert_eq!(world.boxes().len(), 1, "{:?}", world.boxes());
}

/// Once the world is theirs; what has come to it since isn't.
fn again_as_nobody(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command_of(Path::new("setpriv"), &["--reuid", "65534"]);
    command
        .args(["--regid", "65534", "--clear-groups"])
        .arg(world.root().join("program/crabbox"))
        .args(arguments);
    command
}

#[test]
fn another_data_folder_proves_nothing() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let whole = world.only_box();
    let lease = leases(&world, &[]).remove(0);
    // Even where that folder is in use itself.
    for _ in 0..2 {
        let ran = elsewhere(&world, &["run", "--fresh", "--", "true"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let stop = ["stop", slug(&lease), "--delete", "--yes"];
        let stopped = elsewhere(&world, &stop);
        assert_eq!(stopped.code, 5, "{}", stopped.stderr);
        let here = world.root().join("data/crabbox/local");
        assert!(stopped.stderr.contains(&*here.to_string_lossy()), "{}", stopped.stderr);
        let ran = elsewhere(&world, &["run", "--id", slug(&lease), "--", "true"]);
        assert_eq!(ran.code, 125, "{}", ran.stderr);
    }
    assert!(whole.join(".crabbox/id").exists());
    let stopped = world.crabbox(&["stop", slug(&lease), "--delete", "--yes"]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert!(!whole.exists());
}

#[test]
fn a_data_folder_that_is_not_mounted_now_loses_no_claim() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let lease = leases(&world, &[]).remove(0);
    let (data, away) = (world.root().join("data"), world.root().join("away"));
    fs::rename(&data, &away).expect("unmounts");
    let ran = world.crabbox(&["run", "--id", slug(&lease), "--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("isn't there: it was deleted, or isn't mounted"), "{}", ran.stderr);
    // A run has a box in an empty folder of the same name.
    let ran = world.shell("true");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("left alone: its resource can't be seen"), "{}", ran.stderr);
    // Parking what can't be seen is no success either, although the claim calls it parked.
    let stop = ["stop", slug(&lease), "--delete", "--yes"];
    for stop in [&stop[..2], &stop] {
        let stopped = world.crabbox(stop);
        assert_eq!(stopped.code, 5, "{}", stopped.stderr);
        assert!(stopped.stderr.contains("isn't the folder that held it"), "{}", stopped.stderr);
    }
    fs::remove_dir_all(&data).expect("removes");
    fs::rename(&away, &data).expect("mounts");
    assert_eq!(world.crabbox(&stop).code, 0);
    assert!(world.boxes().is_empty());
}

#[test]
fn a_data_folder_that_was_deleted_can_be_given_up() {
    for another_box in [false, true] {
        let world = World::new();
        assert_eq!(world.shell("true").code, 0);
        let lease = leases(&world, &[]).remove(0);
        fs::remove_dir_all(world.root().join("data")).expect("removes");
        if another_box {
            assert_eq!(world.shell("true").code, 0);
        }
        let stop = ["stop", slug(&lease), "--delete", "--yes"];
        let stopped = world.crabbox(&stop);
        assert_eq!(stopped.code, 5, "{}", stopped.stderr);
        let line = stopped.stderr.lines().find_map(|line| line.split_once("this says so: "));
        let (_, line) = line.expect("a line to type");
        let typed = Command::new("sh").args(["-c", line]).status();
        assert!(typed.expect("a shell").success());
        let stopped = world.crabbox(&stop);
        assert_eq!(stopped.code, 0, "{}", stopped.stderr);
        assert_eq!(leases(&world, &["--all"])[0]["state"], "lost");
        // Those that are there aren't touched by it.
        assert_eq!(world.boxes().len(), usize::from(another_box));
        assert_eq!(world.shell("true").code, 0);
        assert_eq!(world.boxes().len(), 1);
    }
}

/// Whether a command has left anything behind is no question to each of the box's processes: there may be thousands.
#[test]
fn only_a_command_that_leaves_something_behind_has_all_processes_looked_at() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    for (line, is_looked_for) in [("true", false), ("sleep 300 >/dev/null 2>&1 &", true)] {
        let trace = world.root().join("trace").display().to_string();
        let words = ["strace", "-f", "-qq", "-e", "trace=open,openat", "-o", &trace];
        let mut strace = led_by(&words, &world.command(&["run", "-q", "--shell", line]));
        // No caretaker: the trace would last as long as that does.
        strace.env("CI", "true").stdin(Stdio::null());
        match strace.status() {
            Ok(status) => assert!(status.success(), "{status}"),
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "skipped: strace: {error}");
                return;
            }
        }
        let text = fs::read_to_string(trace).expect("a trace");
        assert_eq!(text.contains("\"/proc/1/stat\""), is_looked_for, "{line}");
    }
}
