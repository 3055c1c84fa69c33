//! The inventory: names that speak for a lease prove nothing, and nobody's secrets are in it.

use crabbox_test_coder::Workspace;
use crabbox_tests::Coder;

fn with_others() -> Coder {
    Coder::with(|state| {
        let (alice, bob) = (state.user("alice").id.clone(), state.user("bob").id.clone());
        let template = state.template("demo").clone();
        let named = Workspace::new("crabbox-amber-0123456789ab", &alice, &template);
        let theirs = Workspace::new("theirs", &bob, &template);
        state.workspaces = vec![named, theirs];
    })
}

#[test]
fn own_ones_or_all_are_listed_with_what_speaks_for_them() {
    let coder = with_others();
    let ran = coder.crabbox(&["provider", "call", "coder", "list"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("cbx_0123456789ab") && !ran.stdout.contains("theirs"), "{ran:?}");
    let ran = coder.crabbox(&["provider", "call", "coder", "list", "--coder-list-scope", "all"]);
    assert!(ran.stdout.contains("theirs") && ran.stdout.contains("bob"), "{ran:?}");
    assert!(!ran.stdout.contains("hunter2"), "{ran:?}");
}

#[test]
fn scripts_and_variables_of_agents_are_in_no_log() {
    let coder = with_others();
    let ran = coder.crabbox(&["-vvv", "run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
}

#[test]
fn anothers_workspace_is_used_and_never_stopped_unless_that_was_said() {
    let coder = with_others();
    let line = "adopt theirs --provider coder --coder-list-scope all --owner bob --yes";
    let ran = coder.crabbox(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = coder.crabbox(&["run", "--id", "@last", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
    let ran = coder.crabbox(&["stop", "@last", "--yes"]);
    assert_eq!(coder.deployment.state().doing("theirs"), "running", "{ran:?}");
}

#[test]
fn one_without_a_claim_is_no_lease() {
    let coder = with_others();
    let ran = coder.crabbox(&["run", "--id", "alice/crabbox-amber-0123456789ab", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("adopt"), "{ran:?}");
}
