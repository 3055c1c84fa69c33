//! The lease's mark on the box: on what isn't its box, nothing is done. What the box's clock says is no part of it.

use crabbox_tests::ssh::{Reached, Server};
use crabbox_tests::{Ran, until};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

const YEAR: Duration = Duration::from_hours(365 * 24);

fn ready() -> Reached {
    let reached = Reached::on(Server::Russh).expect("a host");
    reached.warm_up();
    reached
}

/// The marker of the only lease there is.
fn marker(reached: &Reached) -> PathBuf {
    let leases = fs::read_dir(reached.home().join("crabbox/.crabbox/leases")).expect("leases");
    let leases: Vec<PathBuf> = leases.map(|lease| lease.expect("an entry").path()).collect();
    let [lease] = &*leases else { panic!("{leases:?}") };
    lease.join("marker")
}

/// A command that would leave a file: is it run?
fn runs(reached: &Reached, more: &[&str]) -> (Ran, bool) {
    let file = reached.world.root().join("ran");
    let path = file.display().to_string();
    let ran = reached.crabbox(&[&["run", "--keep"], more, &["--", "touch", &path]].concat());
    (ran, fs::remove_file(file).is_ok())
}

/// On the way that leads to its box alone nothing can be wrong but the box.
#[test]
fn a_shell_is_refused_on_a_box_without_the_mark_or_with_another() {
    for content in [None, Some("cbx_000000000000\n0\n")] {
        let reached = ready();
        let marker = marker(&reached);
        fs::remove_file(&marker).expect("a marker");
        if let Some(content) = content {
            fs::write(&marker, content).expect("a file");
        }
        let file = reached.world.root().join("ran");
        let ran = reached.crabbox(&["ssh", "@last", "--", "touch", &file.display().to_string()]);
        assert_ne!(ran.code, 0, "{content:?}: {ran:?}");
        let why = if content.is_some() { "is another one" } else { "is not there" };
        assert!(ran.stderr.contains(&format!("the lease's marker {why}")), "{ran:?}");
        assert!(!file.exists());
    }
}

/// The provider says that it is the box: some homes don't outlive a stop.
#[test]
fn a_box_that_has_lost_the_mark_gets_it_again_once_its_provider_has_named_it() {
    let reached = ready();
    let marker = marker(&reached);
    fs::remove_file(&marker).expect("a marker");
    let before = reached.calls().len();
    let (ran, is_run) = runs(&reached, &[]);
    assert_eq!((ran.code, is_run), (0, true), "{ran:?}");
    assert_eq!(reached.calls()[before..], ["resolve"]);
    assert!(marker.exists());
}

#[test]
fn leases_that_share_a_home_have_a_mark_each() {
    let reached = ready();
    let (ran, _) = runs(&reached, &["--fresh"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let leases = reached.world.leases(&[]);
    assert_eq!(leases.len(), 2, "{leases:?}");
    for lease in &leases {
        let (ran, is_run) = runs(&reached, &["--id", lease["slug"].as_str().expect("a slug")]);
        assert_eq!((ran.code, is_run), (0, true), "{ran:?}");
    }
    let marks = reached.home().join("crabbox/.crabbox/leases");
    assert_eq!(fs::read_dir(marks).expect("marks").count(), 2);
}

/// As if the clock of the box had been a year off, and was set since.
#[test]
fn what_is_a_year_old_or_young_on_the_box_is_as_good() {
    for when in [SystemTime::now() - YEAR, SystemTime::now() + YEAR] {
        let reached = ready();
        age(&reached.home(), when);
        let (ran, is_run) = runs(&reached, &["--json"]);
        assert_eq!((ran.code, is_run), (0, true), "{ran:?}");
        reached.world.write("hello.txt", "changed\n");
        let cat = || reached.crabbox(&["run", "--keep", "--", "cat", "hello.txt"]);
        let ran = cat();
        assert_eq!((ran.code, &*ran.stdout), (0, "changed\n"), "{ran:?}");
        // What is changed there, without a trace in its length or time, is sent again.
        let there = reached.copy().join("hello.txt");
        let time = fs::metadata(&there).and_then(|found| found.modified()).expect("a time");
        fs::write(&there, "CHANGED\n").expect("a file");
        File::options()
            .write(true)
            .open(&there)
            .and_then(|file| file.set_modified(time))
            .expect("a time");
        let ran = cat();
        assert_eq!((ran.code, &*ran.stdout), (0, "changed\n"), "{ran:?}");
        assert!(ran.stderr.contains("1 file sent"), "{ran:?}");
    }
}

/// Nor is a lock that somebody has any staler for its age.
#[test]
fn a_lock_that_is_a_year_old_is_waited_for() {
    for when in [SystemTime::now() - YEAR, SystemTime::now() + YEAR] {
        let reached = ready();
        let (up, go) = (reached.world.root().join("up"), reached.world.root().join("go"));
        let line =
            format!("touch {}; until [ -e {} ];do sleep 0.05;done", up.display(), go.display());
        let start = |words: &[&str]| {
            let mut command = reached.command(words);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
        };
        let first = start(&["run", "--shell", &line]);
        until("the command", || up.exists());
        age(&reached.home(), when);
        let slug = reached.world.only_slug();
        let waits = reached.world.root().join("waits");
        let second =
            start(&["run", "--id", &slug, "--shell", &format!("touch {}", waits.display())]);
        std::thread::sleep(Duration::from_millis(700));
        assert!(!waits.exists());
        fs::write(go, "").expect("a file");
        for child in [first, second] {
            let ran = Ran::from(child.wait_with_output().expect("it ends"));
            assert_eq!(ran.code, 0, "{ran:?}");
        }
        assert!(waits.exists());
    }
}

/// Sets the time of all that is below.
fn age(path: &Path, when: SystemTime) {
    let metadata = fs::symlink_metadata(path).expect("a file");
    if metadata.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            age(&entry.expect("an entry").path(), when);
        }
    }
    if !metadata.is_symlink() {
        File::open(path).and_then(|file| file.set_modified(when)).expect("a time");
    }
}
