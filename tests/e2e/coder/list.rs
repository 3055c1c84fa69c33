//! The inventory: names that speak for a lease prove nothing, and nobody's secrets are in it.

use crabbox_test_coder::Workspace;
use crabbox_tests::Coder;
use serde_json::Value;

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
fn anothers_workspace_is_stopped_or_deleted_if_that_was_said() {
    for (release, is) in [("park", "stopped"), ("delete", "gone")] {
        let coder = with_others();
        let line =
            "adopt theirs --provider coder --coder-list-scope all --owner bob --yes --release";
        let ran = coder.crabbox(&[&line.split(' ').collect::<Vec<_>>()[..], &[release]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        let ran = coder.crabbox(&["stop", "@last", "--yes"]);
        assert_eq!(coder.deployment.state().doing("theirs"), is, "{ran:?}");
    }
}

#[test]
fn anothers_workspace_is_shown_as_anothers() {
    let coder = with_others();
    coder.deployment.change(|state| state.users[1].name = "b\u{1b}[2Job".to_owned());
    for line in [
        &["adopt", "crabbox-amber-0123456789ab", "--provider", "coder", "--yes"][..],
        &["adopt", "theirs", "--provider", "coder", "--yes", "--coder-list-scope", "all"],
    ] {
        let owner = ["--owner", "b\u{1b}[2Job"];
        let more = if line.contains(&"theirs") { &owner[..] } else { &[] };
        let ran = coder.crabbox(&[line, more].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let ran = coder.crabbox(&["list"]);
    let is_anothers = |line: &&str| line.contains("coder of b");
    assert_eq!(ran.stdout.lines().filter(is_anothers).count(), 1, "{ran:?}");
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
    let owners: Vec<_> =
        coder.world.leases(&[]).iter().map(|lease| lease["owner"].clone()).collect();
    assert_eq!(owners, [Value::Null, "b\u{1b}[2Job".into()]);
}

/// What speaks for it is shown, whatever it would do to a terminal.
#[test]
fn what_speaks_for_a_workspace_is_shown_to_whoever_decides() {
    let coder = with_others();
    let name = "crabbox-amber-0123456789ab";
    let evidence = "initiator `alice`, template `demo`";
    let ran = coder.crabbox(&["cleanup", "--dry-run"]);
    assert!(
        ran.stderr.contains(&format!("looks like crabbox's ({evidence}), and no lease")),
        "{ran:?}"
    );
    let ran = coder.crabbox(&["cleanup", "--dry-run", "--json"]);
    assert!(ran.stdout.contains("\"template\": \"demo\""), "{ran:?}");
    coder.deployment.change(|state| state.users[0].name = "\u{1b}[2Jal\u{7}ice".to_owned());
    let ran = coder.crabbox(&["adopt", name, "--provider", "coder", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("template `demo`") && ran.stderr.contains("[2Jal"), "{ran:?}");
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\u{7}'), "{ran:?}");
}

#[test]
fn one_without_a_claim_is_no_lease() {
    let coder = with_others();
    let ran = coder.crabbox(&["run", "--id", "alice/crabbox-amber-0123456789ab", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    let line = "adopt alice/crabbox-amber-0123456789ab --provider coder";
    assert!(ran.stderr.contains(&format!("hint: crabbox {line}\n")), "{ran:?}");
    let ran = coder.crabbox(&[&line.split(' ').collect::<Vec<_>>()[..], &["--yes"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_claim_is_found_by_what_coder_calls_its_workspace() {
    let (coder, made) = Coder::warm();
    coder.deployment.change(|state| {
        let bob = state.user("bob").id.clone();
        let theirs = Workspace::new("theirs", &bob, state.template("demo"));
        state.workspaces.push(theirs);
    });
    let line = "adopt bob/theirs --provider coder --coder-list-scope all --owner bob --yes";
    let ran = coder.crabbox(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(ran.code, 0, "{ran:?}");
    for (word, code) in [
        ("bob/theirs", 0),
        (&*format!("alice/{made}"), 0),
        // Nobody else's of the same name.
        ("alice/theirs", 4),
        (&format!("bob/{made}"), 4),
    ] {
        let ran = coder.crabbox(&["status", word]);
        assert_eq!(ran.code, code, "{word}: {ran:?}");
    }
    let ran = coder.crabbox(&["run", "--id", "bob/theirs", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
    assert_eq!(coder.crabbox(&["status", "bob/theirs"]).code, 0);
}
