//! What nobody wants to hear from a tool: nothing is lost by it, and nothing obeyed.

use crabbox_test_coder::{Answers, Template, Workspace};
use crabbox_tests::Coder;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_server_that_answers_otherwise_ends_no_claim() {
    let (coder, name) = Coder::warm();
    for answers in [
        Answers::Refused,
        Answers::Page,
        Answers::Empty,
        Answers::Broken,
        Answers::ErrorPage,
        Answers::Untrusted,
        Answers::TooOften,
        Answers::Says("null\n".to_owned()),
        Answers::Says("No workspaces found!\n".to_owned()),
        Answers::Says("{\"workspaces\": 7}\n".to_owned()),
    ] {
        coder.deployment.change(|state| state.trouble.answers = answers.clone());
        let ran = coder.crabbox(&["stop", "@last", "--delete", "--yes"]);
        assert_ne!(ran.code, 0, "{answers:?}: {ran:?}");
        assert_eq!(coder.world.leases(&[]).len(), 1, "{answers:?}");
    }
    coder.deployment.change(|state| state.trouble.answers = Answers::Well);
    assert_eq!(coder.deployment.state().doing(&name), "running");
    assert_eq!(coder.crabbox(&["stop", "@last", "--delete", "--yes"]).code, 0);
    assert!(coder.deployment.state().names().is_empty());
}

/// What is in a list may be anybody's words, also those that a list of none is told with.
#[test]
fn a_list_that_cannot_be_read_proves_nothing() {
    let (coder, name) = Coder::warm();
    coder.deployment.change(|state| {
        "No workspaces found".clone_into(&mut state.template("demo").name);
        state.trouble.answers = Answers::Retyped;
    });
    for line in [&["stop", "@last"][..], &["stop", "@last", "--delete", "--yes"]] {
        let ran = coder.crabbox(line);
        assert_ne!(ran.code, 0, "{ran:?}");
        assert!(ran.stderr.contains("makes no sense"), "{ran:?}");
    }
    assert_eq!(coder.world.leases(&[]).len(), 1);
    assert_eq!(coder.deployment.state().doing(&name), "running");
}

#[test]
fn what_would_move_the_cursor_reaches_no_terminal() {
    let (coder, _) = Coder::warm();
    let evil = "\u{1b}[2J\u{1b}]0;mine\u{7} gone\n".to_owned();
    coder.deployment.change(|state| state.trouble.answers = Answers::Says(evil));
    let ran = coder.crabbox(&["stop", "@last"]);
    assert_ne!(ran.code, 0);
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\u{7}'), "{ran:?}");
}

#[test]
fn a_program_that_cannot_be_run_changes_nothing() {
    let coder = Coder::new();
    let plain = coder.world.root().join("plain");
    fs::write(&plain, "#!/bin/sh\n").expect("a file");
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o644)).expect("a mode");
    for program in [plain.display().to_string(), "/no/such/coder".to_owned()] {
        let ran = coder.crabbox(&["warmup", "--coder-cli", &program]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(&program), "{ran:?}");
    }
    assert_eq!(coder.calls(), [""; 0]);
}

#[test]
fn one_of_another_major_version_is_warned_of_and_used() {
    let coder = Coder::with(|state| {
        for version in [&mut state.client, &mut state.server] {
            "v3.40.0+1234567".clone_into(version);
        }
    });
    let ran = coder.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let doctor = coder.crabbox(&["doctor"]);
    assert!(doctor.stdout.contains("nobody has tried that"), "{doctor:?}");
}

/// Its workspace is there, and its claim says so until somebody logs in again.
#[test]
fn a_login_that_ends_after_the_create_loses_nothing() {
    let coder = Coder::with(|state| state.trouble.signs_out = true);
    let ran = coder.crabbox(&["warmup"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert_eq!(coder.deployment.state().names().len(), 1);
    assert_eq!(coder.world.leases(&[]).len(), 1, "{ran:?}");
    coder.log_in("alice");
    let leases = coder.world.leases(&[]);
    let slug = leases[0]["slug"].as_str().expect("a slug");
    let ran = coder.crabbox(&["stop", slug, "--delete", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(coder.deployment.state().names().is_empty());
}

#[test]
fn a_template_of_several_organizations_needs_one() {
    let coder = Coder::with(|state| {
        let other = Template { organization: "other".to_owned(), ..Template::new("demo") };
        state.templates.push(other);
    });
    for line in [&["warmup"][..], &["doctor"]] {
        let ran = coder.crabbox(line);
        assert_ne!(ran.code, 0, "{ran:?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("coder, other") && said.contains("organization"), "{ran:?}");
    }
    let ran = coder.crabbox(&["warmup", "--coder-organization", "other"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn one_that_was_renamed_is_the_same() {
    let (coder, name) = Coder::warm();
    coder.deployment.change(|state| "renamed".clone_into(&mut state.workspace(&name).name));
    let ran = coder.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
    assert_eq!(coder.crabbox(&["stop", "@last", "--delete", "--yes"]).code, 0);
    assert!(coder.deployment.state().names().is_empty());
}

/// An owner's name that isn't one is shown, and stands for nobody.
#[test]
fn odd_names_of_owners_are_shown_as_they_are() {
    let coder = Coder::with(|state| {
        state.users[1].name = "b\u{1b}[31mob; rm -rf".to_owned();
        let bob = state.users[1].id.clone();
        let theirs = Workspace::new("theirs", &bob, state.template("demo"));
        state.workspaces.push(theirs);
    });
    let line = ["provider", "call", "coder", "list", "--coder-list-scope", "all"];
    let ran = coder.crabbox(&line);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("theirs") && !ran.stdout.contains('\u{1b}'), "{ran:?}");
}

/// Where workspaces are called by what their owners are, it would be read as a flag.
#[test]
fn an_owner_whose_name_is_a_flag_reaches_no_command_line() {
    let coder = Coder::with(|state| "v2.29.0+ba71b32".clone_into(&mut state.client));
    assert_eq!(coder.crabbox(&["warmup"]).code, 0);
    coder.deployment.change(|state| "--orphan".clone_into(&mut state.users[0].name));
    coder.deployment.forget_calls();
    let ran = coder.crabbox(&["stop", "@last", "--delete", "--yes"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("makes no sense"), "{ran:?}");
    let calls = coder.calls().join("\n");
    assert!(!calls.contains("orphan") && !calls.contains("delete"), "{calls}");
}

/// 64 MB of JSON: of an inventory that is all right, and of one workspace it isn't.
#[test]
fn ten_thousand_workspaces_are_an_inventory_and_no_workspace() {
    let (coder, name) = Coder::warm();
    coder.deployment.change(|state| state.trouble.crowd = 12_000);
    let doctor = coder.crabbox(&["doctor"]);
    assert!(doctor.stdout.contains("12000 workspaces can be seen"), "{doctor:?}");
    coder.deployment.change(|state| {
        let much = format!("[{}]\n", " ".repeat(17 << 20));
        state.trouble.answers = Answers::Says(much);
    });
    let ran = coder.crabbox(&["stop", "@last"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("said more than it may"), "{ran:?}");
    coder.deployment.change(|state| state.trouble.answers = Answers::Well);
    assert_eq!(coder.deployment.state().doing(&name), "running");
    assert_eq!(coder.world.leases(&[]).len(), 1);
}

#[test]
fn a_build_log_moves_no_cursor() {
    let coder = Coder::with(|state| {
        let log = ["Error: \u{1b}[2J\u{1b}]0;mine\u{7} no room"];
        state.template("demo").fails = Some(log.map(str::to_owned).into());
    });
    let ran = coder.crabbox(&["warmup"]);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.stderr.contains("no room"), "{ran:?}");
    assert!(!ran.stderr.contains('\u{1b}') && !ran.stderr.contains('\u{7}'), "{ran:?}");
}

/// The deployment starts it with that, and it is said.
#[test]
fn a_template_that_requires_its_newest_version_gets_it() {
    let coder = Coder::with(|state| state.template("demo").requires_newest = true);
    assert_eq!(coder.crabbox(&["run", "--", "true"]).code, 0);
    coder.deployment.change(|state| state.workspaces[0].is_outdated = true);
    let ran = coder.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("wants it started with that"), "{ran:?}");
    assert!(!coder.deployment.state().workspaces[0].is_outdated);
}
