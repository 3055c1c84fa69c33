//! `kill -9` between the steps of taking and removing a place, and two who want the last one.

use super::Cluster;
use crabbox_tests::{Ran, until};
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};

fn killed_at(cluster: &Cluster, point: &str, words: &[&str]) {
    let mut command = cluster.command(words);
    let status = command.env("CRABBOX_FAULT", point).output().expect("runs").status;
    assert_eq!(status.signal(), Some(9), "{point}: {status}");
}

/// Begins, and stands still at a point until the file that is returned is removed.
fn held_at(cluster: &Cluster, name: &str, point: &str, words: &[&str]) -> (Child, PathBuf) {
    let file = cluster.world.root().join(name);
    let mut command = cluster.command(words);
    command.env("CRABBOX_FAULT", format!("{point}@{}", file.display()));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    until(point, || file.exists());
    (child, file)
}

fn end_of(child: Child) -> Ran {
    child.wait_with_output().expect("ends").into()
}

#[test]
fn whoever_is_killed_while_taking_a_place_leaves_one_that_is_found() {
    // Before it is taken; after it is taken and before the claim says so; after that.
    for (point, taken) in [
        ("claim.after.checkpoint:1", false),
        ("claim.before.checkpoint:2", true),
        ("claim.after.checkpoint:2", true),
    ] {
        let Some(cluster) = Cluster::of(&["desk"]) else { return };
        killed_at(&cluster, point, &["run", "--", "true"]);
        assert_eq!(cluster.counts(), [usize::from(taken)], "{point}");
        let before = cluster.machine("desk").places();
        assert_eq!(cluster.lease()["state"], "leasing", "{point}");
        // The next run goes on with it, whatever there is.
        cluster.done(&["run", "--", "true"]);
        assert_eq!(cluster.counts(), [1], "{point}");
        assert!(!taken || cluster.machine("desk").places() == before, "{point}");
        let slug = cluster.slug();
        cluster.done(&["stop", &slug, "--delete", "--yes"]);
        assert_eq!(cluster.counts(), [0], "{point}");
    }
}

#[test]
fn what_was_taken_for_nobody_can_be_deleted() {
    for point in ["claim.after.checkpoint:1", "claim.before.checkpoint:2"] {
        let Some(cluster) = Cluster::of(&["desk"]) else { return };
        killed_at(&cluster, point, &["run", "--", "true"]);
        let slug = cluster.slug();
        cluster.done(&["stop", &slug, "--delete", "--yes"]);
        assert_eq!(cluster.counts(), [0], "{point}");
        assert!(["released", "lost"].contains(&cluster.lease()["state"].as_str().expect("one")));
    }
}

#[test]
fn a_removal_that_was_broken_off_is_finished_by_the_next() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["run", "--", "true"]);
    let place = cluster.place("desk");
    let name = place.file_name().expect("a name").to_string_lossy().into_owned();
    // As the helper leaves it that is killed in the middle: without its name, half empty, with its marker.
    let rest = place.with_file_name(format!(".removing-{name}"));
    fs::rename(&place, &rest).expect("renames");
    fs::remove_dir_all(rest.join(".crabbox/trees")).expect("removes");
    let slug = cluster.slug();
    let list = cluster.done(&["list", "--refresh"]);
    assert!(list.stdout.contains("broken"), "{}", list.stdout);
    // It is no place any more: nobody runs there.
    let ran = cluster.crabbox(&["run", "--id", &slug, "--", "true"]);
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    cluster.done(&["stop", &slug, "--delete", "--yes"]);
    assert!(!rest.exists());
    assert_eq!(cluster.lease()["state"], "released");
}

#[test]
fn whoever_is_killed_after_a_removal_has_nothing_left_to_do() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["run", "--", "true"]);
    let slug = cluster.slug();
    killed_at(&cluster, "claim.before.deleted", &["stop", &slug, "--delete", "--yes"]);
    assert_eq!(cluster.counts(), [0]);
    cluster.done(&["stop", &slug, "--delete", "--yes"]);
    assert_eq!(cluster.lease()["state"], "released");
}

#[test]
fn of_two_who_want_the_last_place_one_gets_it() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.configure(&["desk"], "max-leases = { desk = '1' }");
    // Both have seen that there is room, and neither has taken it.
    let words = ["warmup", "--fresh"];
    let (one, first) = held_at(&cluster, "one", "claim.after.checkpoint:1", &words);
    let (other, second) = held_at(&cluster, "other", "claim.after.checkpoint:1", &words);
    for file in [first, second] {
        fs::remove_file(file).expect("goes on");
    }
    let (one, other) = (end_of(one), end_of(other));
    let mut codes = [one.code, other.code];
    codes.sort_unstable();
    assert_eq!(codes, [0, 7], "{}{}", one.stderr, other.stderr);
    assert_eq!(cluster.counts(), [1]);
}

#[test]
fn what_somebody_put_where_the_place_was_to_be_stays() {
    for planted in ["folder", "file", "link"] {
        let Some(cluster) = Cluster::of(&["desk"]) else { return };
        // There is a work root.
        cluster.done(&["run", "--", "true"]);
        let words = ["warmup", "--fresh"];
        let (child, file) = held_at(&cluster, "held", "claim.after.checkpoint:1", &words);
        let id = cluster.leases()[1]["id"].as_str().expect("an id").to_owned();
        let place = cluster.machine("desk").work_root().join(id);
        match planted {
            "folder" => fs::create_dir_all(place.join("theirs")).expect("a folder"),
            "file" => fs::write(&place, "theirs").expect("a file"),
            _ => symlink(cluster.machine("desk").home(), &place).expect("a link"),
        }
        fs::remove_file(file).expect("goes on");
        let ran = end_of(child);
        assert_ne!(ran.code, 0, "{planted}");
        assert!(ran.stderr.contains("crabbox hasn't made it"), "{planted}: {}", ran.stderr);
        assert!(fs::symlink_metadata(&place).is_ok(), "{planted}");
        assert!(cluster.machine("desk").home().join("crabbox").exists(), "{planted}");
        // Nothing was made, and the lease is over; a folder without a marker could be a place that lost it, and isn't
        // taken along.
        let slug = cluster.leases()[1]["slug"].as_str().expect("a slug").to_owned();
        if planted == "folder" {
            let stopped = cluster.crabbox(&["stop", &slug, "--delete", "--yes"]);
            assert_eq!(stopped.code, 5, "{}", stopped.stderr);
            assert!(stopped.stderr.contains("its marker is gone"), "{}", stopped.stderr);
            cluster.done(&["forget", &slug, "--yes"]);
        } else {
            assert_eq!(cluster.leases()[1]["state"], "lost", "{planted}");
        }
        assert!(fs::symlink_metadata(&place).is_ok(), "{planted}");
        assert!(planted != "folder" || place.join("theirs").exists());
    }
}
