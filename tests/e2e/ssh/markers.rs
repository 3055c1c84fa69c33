//! The lease's mark on the box: on what isn't its box, nothing is done. What the box's clock says is no part of it.

use crabbox_tests::Ran;
use crabbox_tests::ssh::{Reached, Server};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
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
        let ran = reached.crabbox(&["run", "--keep", "--", "cat", "hello.txt"]);
        assert_eq!((ran.code, &*ran.stdout), (0, "changed\n"), "{ran:?}");
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
