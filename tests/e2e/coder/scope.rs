//! A workspace belongs to a deployment and an owner. What isn't found is gone only to that owner, there.

use crabbox_test_coder::{Transition, Workspace};
use crabbox_tests::Coder;

/// Somebody has deleted it.
fn deleted(coder: &Coder, name: &str) {
    coder.deployment.change(|state| {
        state.builds(name, Transition::Delete);
    });
}

#[test]
fn found_by_its_id_it_needs_no_more() {
    let (coder, _) = Coder::warm();
    let ran = coder.crabbox(&["provider", "call", "coder", "resolve", "--id", "@last"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let calls = coder.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    assert!(calls[0].starts_with("list -o json --search id:"), "{calls:?}");
}

#[test]
fn absent_to_its_owner_it_is_deleted() {
    let (coder, name) = Coder::warm();
    deleted(&coder, &name);
    let ran = coder.crabbox(&["stop", "@last"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(coder.world.leases(&[]).is_empty());
    assert!(coder.calls().contains(&"whoami -o json".to_owned()));
}

#[test]
fn absent_to_another_login_it_is_not_visible_and_nothing_is_touched() {
    let (coder, name) = Coder::warm();
    coder.log_in("bob");
    let ran = coder.crabbox(&["stop", "@last"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    let alice = coder.deployment.state().user("alice").id.clone();
    assert!(ran.stderr.contains(&alice) && ran.stderr.contains("logged in as `bob`"), "{ran:?}");
    assert_eq!(coder.deployment.state().doing(&name), "running");
    assert_eq!(coder.world.leases(&[]).len(), 1);
    let calls = coder.calls().join("\n");
    assert!(!calls.contains("stop") && !calls.contains("delete"), "{calls}");
}

#[test]
fn another_deployment_proves_nothing() {
    let (coder, name) = Coder::warm();
    deleted(&coder, &name);
    coder.deployment.change(|state| "http://other.example.test".clone_into(&mut state.url));
    coder.log_in("alice");
    let ran = coder.crabbox(&["stop", "@last"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("http://other.example.test"), "{ran:?}");
    assert_eq!(coder.world.leases(&[]).len(), 1);
}

#[test]
fn one_that_has_another_owner_by_now_is_left_alone() {
    let (coder, name) = Coder::warm();
    coder.deployment.change(|state| {
        let bob = state.user("bob").id.clone();
        state.workspace(&name).owner = bob;
    });
    for line in [&["stop", "@last"][..], &["stop", "@last", "--delete", "--yes"]] {
        let ran = coder.crabbox(line);
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(ran.stderr.contains("bob"), "{ran:?}");
    }
    assert_eq!(coder.deployment.state().doing(&name), "running");
}

/// The new one is never looked at.
#[test]
fn one_that_was_replaced_under_its_name_is_missing() {
    let (coder, name) = Coder::warm();
    deleted(&coder, &name);
    coder.deployment.change(|state| {
        let alice = state.user("alice").id.clone();
        let other = Workspace::new(&name, &alice, state.template("demo"));
        state.workspaces.push(other);
    });
    let ran = coder.crabbox(&["stop", "@last", "--delete", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(coder.deployment.state().doing(&name), "running");
    let calls = coder.calls().join("\n");
    assert!(!calls.contains(&name), "{calls}");
}
