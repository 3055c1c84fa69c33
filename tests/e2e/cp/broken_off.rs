//! Copies that are broken off, and go on where they stopped.

use super::{LARGE, in_the_middle, large, mode, names, warm, well};
use crabbox_tests::{Ran, World, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The only file in a folder that is on its way, and how long it is.
fn part(folder: &Path) -> (PathBuf, u64) {
    let parts: Vec<_> =
        names(folder).into_iter().filter(|name| name.contains(".crabbox-")).collect();
    assert_eq!(parts.len(), 1, "{parts:?}");
    let path = folder.join(&parts[0]);
    let length = path.metadata().expect("a part").len();
    (path, length)
}

#[test]
fn a_copy_that_is_killed_goes_on_where_it_stopped() {
    let world = warm();
    let (there, here) = (world.root().join("there"), world.root().join("here"));
    for folder in [&there, &here] {
        fs::create_dir(folder).expect("a folder");
    }
    fs::write(world.root().join("large"), large()).expect("a file");
    let to_box = ["cp", "../large", &format!("@last:{}", there.display()), "--json"];
    let from_box = ["cp", &format!("@last:{}/large", there.display()), "../here", "--json"];
    for (line, target) in [(to_box, &there), (from_box, &here)] {
        let mut killed = world.command(&line);
        let killed = killed.env("CRABBOX_FAULT", "copy.block:30").output().expect("runs");
        assert_eq!(killed.status.code(), None, "{killed:?}");
        assert!(!target.join("large").exists());
        // The box takes in what was on its way to it.
        until("the helper's end", || helpers(&world).is_empty());
        let (_, length) = part(target);
        assert!(length > 0 && length < LARGE as u64, "{length}");
        let ran = world.crabbox(&line);
        let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(document["resumed_bytes"], length, "{document:#}");
        assert_eq!((names(target), ran.code), (vec!["large".to_owned()], 0));
        assert!(fs::read(target.join("large")).expect("reads") == large());
    }
}

/// It was to become what was typed: the same line doesn't put it in there.
#[test]
fn a_folder_that_was_broken_off_goes_on_in_its_place() {
    let world = warm();
    let folders = ["there", "here"].map(|name| world.root().join(name));
    for folder in &folders {
        fs::create_dir(folder).expect("a folder");
    }
    let [there, here] = &folders;
    let source = world.root().join("source");
    fs::create_dir_all(source.join("deep")).expect("a folder");
    fs::set_permissions(source.join("deep"), fs::Permissions::from_mode(0o755)).expect("a mode");
    fs::write(source.join("deep/large"), large()).expect("a file");
    let to_box = ["cp", "../source", &format!("@last:{}/new", there.display())];
    let from_box = ["cp", &format!("@last:{}", source.display()), "../here/new"];
    for (line, target) in [(to_box, there), (from_box, here)] {
        let mut killed = world.command(&line);
        let killed = killed.env("CRABBOX_FAULT", "copy.block:30").output().expect("runs");
        assert_eq!(killed.status.code(), None, "{killed:?}");
        until("the helper's end", || helpers(&world).is_empty());
        let ran = world.crabbox(&line);
        well(&ran);
        assert!(ran.stderr.contains("of that was there"), "{ran:?}");
        assert_eq!(names(target), ["new"]);
        assert_eq!(names(&target.join("new")), ["deep"]);
        assert_eq!(mode(&target.join("new/deep")), 0o755);
        assert!(fs::read(target.join("new/deep/large")).expect("reads") == large());
        // What is whole is a folder like any other.
        well(&world.crabbox(&line));
        assert_eq!(names(&target.join("new")), ["deep", "source"]);
    }
}

/// Whoever presses Ctrl-C is told what that leaves, and the line that goes on.
#[test]
fn a_copy_that_is_interrupted_says_what_is_left_and_goes_on() {
    let world = warm();
    fs::write(world.root().join("large"), large()).expect("a file");
    let stopped = world.root().join("stopped");
    for more in [&[][..], &["--json"]] {
        let line = [&["cp", "../large", "@last:"], more].concat();
        let mut command = world.command(&line);
        command.env("CRABBOX_FAULT", format!("copy.block:30@{}", stopped.display()));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        until("the middle", || stopped.exists());
        kill_process(Pid::from_child(&child), Signal::INT).expect("it runs");
        let output = child.wait_with_output().expect("ends");
        assert_eq!(output.status.signal(), Some(2), "{output:?}");
        fs::remove_file(&stopped).expect("removes");
        let ran = Ran::from(output);
        let said = "error: the copy was interrupted: what was copied whole is there";
        assert!(ran.stderr.contains(said), "{ran:?}");
        let again = line.join(" ");
        assert!(ran.stderr.contains(&format!("hint: crabbox {again}\n")), "{ran:?}");
        if more.is_empty() {
            assert_eq!(ran.stdout, "");
        } else {
            let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
            assert_eq!(document["error"]["hints"][0], format!("crabbox {again}"));
        }
        until("the helper's end", || helpers(&world).is_empty());
        let again = world.crabbox(&line);
        well(&again);
        assert!(more.len() == 1 || again.stderr.contains("of that was there"), "{again:?}");
        fs::remove_file(world.workspace().join("large")).expect("removes");
    }
}

/// The helpers of this world that still run.
fn helpers(world: &World) -> Vec<Pid> {
    let ours = world.root().join("cache").display().to_string();
    let entries = fs::read_dir("/proc").expect("the processes");
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let is_ours = |id: &i32| {
        let program = fs::read_link(format!("/proc/{id}/exe")).unwrap_or_default();
        program.starts_with(&ours)
    };
    ids.filter(is_ours).filter_map(Pid::from_raw).collect()
}

#[test]
fn a_helper_that_is_killed_is_told_of_and_the_same_line_goes_on() {
    let world = warm();
    fs::write(world.root().join("large"), large()).expect("a file");
    let (child, stopped) = in_the_middle(&world, &["cp", "../large", "@last:"], "copy.block:30");
    for helper in helpers(&world) {
        kill_process(helper, Signal::KILL).expect("kills");
    }
    fs::remove_file(&stopped).expect("removes");
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("the connection to the box ended"), "{ran:?}");
    assert!(ran.stderr.contains("hint: crabbox cp ../large @last:"), "{ran:?}");
    let again = world.crabbox(&["cp", "../large", "@last:"]);
    well(&again);
    assert!(again.stderr.contains("of that was there"), "{again:?}");
    assert!(fs::read(world.workspace().join("large")).expect("reads") == large());
}
