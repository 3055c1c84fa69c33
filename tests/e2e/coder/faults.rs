//! `kill -9` at the steps of a workspace's life: afterwards the next run works, in no other workspace, and everything
//! can be deleted.

use crabbox_tests::{Coder, until};
use std::os::unix::process::ExitStatusExt;

fn killed_at(coder: &Coder, point: &str, words: &[&str]) {
    let mut command = coder.command(words);
    let output = command.env("CRABBOX_FAULT", point).output().expect("it runs");
    assert_eq!(output.status.signal(), Some(9), "{point}: {output:?}");
    until("nothing of coder is left but a connection", || {
        coder.processes().len() <= 2 * usize::from(!coder.world.leases(&[]).is_empty())
    });
}

fn ends_well(coder: &Coder, point: &str) {
    let ran = coder.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{point}: {ran:?}");
    assert_eq!(coder.deployment.state().names().len(), 1, "{point}");
    for lease in coder.world.leases(&[]) {
        let id = lease["id"].as_str().expect("an id");
        let ran = coder.crabbox(&["stop", id, "--delete", "--yes"]);
        assert_eq!(ran.code, 0, "{point}: {ran:?}");
    }
    assert!(coder.deployment.state().names().is_empty(), "{point}");
    until("nothing of coder is left", || coder.processes().is_empty());
}

#[test]
fn whoever_is_killed_in_a_first_run_leaves_one_that_is_found() {
    for point in [
        "call.before.lease",
        "claim.before.checkpoint:1",
        "claim.after.checkpoint:1",
        "claim.before.checkpoint:2",
        "claim.after.checkpoint:2",
        "call.after.lease",
        "claim.after.leased",
        "call.before.release",
        "call.after.release",
    ] {
        let coder = Coder::new();
        killed_at(&coder, point, &["run", "--", "true"]);
        ends_well(&coder, point);
    }
}

#[test]
fn whoever_is_killed_while_starting_one_leaves_it_to_the_next() {
    for point in
        ["claim.after.start", "call.before.resolve", "call.after.resolve", "claim.after.take"]
    {
        let coder = Coder::new();
        assert_eq!(coder.crabbox(&["run", "--", "true"]).code, 0);
        killed_at(&coder, point, &["run", "--", "true"]);
        ends_well(&coder, point);
    }
}

#[test]
fn a_deletion_that_was_broken_off_is_finished_by_the_next() {
    for point in
        ["claim.after.release", "call.before.release", "call.after.release", "claim.before.deleted"]
    {
        let coder = Coder::new();
        assert_eq!(coder.crabbox(&["run", "--", "true"]).code, 0);
        let slug = coder.world.only_slug();
        let line = ["stop", &slug, "--delete", "--yes"];
        killed_at(&coder, point, &line);
        let ran = coder.crabbox(&line);
        assert_eq!(ran.code, 0, "{point}: {ran:?}");
        assert!(coder.deployment.state().names().is_empty(), "{point}");
        assert!(coder.world.leases(&[]).is_empty(), "{point}");
    }
}
