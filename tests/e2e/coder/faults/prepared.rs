//! What a scene finds: each makes that of whatever the scene before has left.

use super::scene::{done, is_done, own};
use crabbox_test_coder::{Transition, Workspace};
use crabbox_tests::{Coder, until};
use std::os::unix::process::ExitStatusExt;

pub(super) const ADOPT: &str =
    "adopt theirs --provider coder --coder-list-scope all --owner bob --yes";

pub(super) fn all_is_deleted(coder: &Coder) {
    for lease in coder.world.leases(&[]) {
        let id = lease["id"].as_str().expect("an id");
        let ran = coder.crabbox(&["stop", id, "--delete", "--yes"]);
        assert!(is_done(&ran), "{ran:?}");
    }
    assert_eq!(own(coder), [""; 0]);
}

/// What was adopted stays.
pub(super) fn all_is_forgotten(coder: &Coder) {
    for lease in coder.world.leases(&[]) {
        done(coder, &format!("forget {} --yes", lease["id"].as_str().expect("an id")));
    }
}

pub(super) fn one_is_parked(coder: &Coder) {
    coder.deployment.change(|state| state.template("demo").over_quota = false);
    let is_one = coder.world.leases(&[]).iter().any(|lease| lease["state"] == "parked");
    if !is_one || own(coder).len() != 1 {
        all_is_deleted(coder);
        done(coder, "run -- true");
    }
}

pub(super) fn one_is_ready(coder: &Coder) {
    one_is_parked(coder);
    done(coder, "warmup");
}

/// A run is killed at that point.
pub(super) fn a_run_is_killed(coder: &Coder, point: &str) {
    let mut command = coder.command(&["run", "--slug", "broken", "--", "true"]);
    let status = command.env("CRABBOX_FAULT", point).status().expect("runs");
    assert_eq!(status.signal(), Some(9), "{point}");
}

pub(super) fn one_is_adopted(coder: &Coder) {
    all_is_forgotten(coder);
    done(coder, ADOPT);
}

/// Somebody has ours built at the deployment.
pub(super) fn ours_builds(coder: &Coder, transition: Transition, then: fn(&mut Workspace)) {
    coder.deployment.change(|state| {
        let ours = state.workspaces.last().expect("the last one is ours").name.clone();
        then(state.builds(&ours, transition));
    });
}

pub(super) fn ours_is_of(coder: &Coder, user: &str) {
    coder.deployment.change(|state| {
        let user = state.user(user).id.clone();
        state.workspaces.last_mut().expect("the last one is ours").owner = user;
    });
}

/// It stays ready, and nothing leads to it: the deployment counts too many requests of whoever wants to.
pub(super) fn one_is_ready_and_out_of_reach(coder: &Coder) {
    one_is_ready(coder);
    ours_builds(coder, Transition::Stop, |_| {});
    until("the connection is over", || coder.processes().is_empty());
    ours_builds(coder, Transition::Start, |_| {});
    coder.deployment.change(|state| {
        state.trouble.limited = u32::MAX;
        state.trouble.limited_command = Some("ssh".to_owned());
    });
}
