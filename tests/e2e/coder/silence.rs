//! What says nothing is waited for so long and no longer, and that is the reason.

use crabbox_test_coder::Answers;
use crabbox_tests::{Coder, Ran, until};
use std::fs;

/// Impatient ones, so that a minute isn't waited for.
fn hurried(coder: &Coder, line: &[&str]) -> Ran {
    Ran::of(coder.command(line).env("CRABBOX_FAULT", "<1500"))
}

#[test]
fn a_server_that_says_nothing_ends_no_claim_and_holds_nobody() {
    let (coder, name) = Coder::warm();
    let slug = coder.world.only_slug();
    coder.deployment.change(|state| state.trouble.answers = Answers::Silent);
    for line in [&["stop", &*slug][..], &["warmup", "--fresh"], &["doctor"]] {
        let ran = hurried(&coder, line);
        assert_ne!(ran.code, 0, "{ran:?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("took longer than 1.5s") && said.contains("coder whoami"), "{ran:?}");
    }
    // Of what wasn't begun, nothing is to be deleted.
    let leases = coder.world.leases(&[]);
    let made = leases.iter().filter(|lease| lease["resource"]["name"] != "");
    assert_eq!(made.count(), 1, "{leases:?}");
    coder.deployment.change(|state| state.trouble.answers = Answers::Well);
    assert_eq!(coder.deployment.state().names(), [&*name]);
    assert_eq!(coder.crabbox(&["stop", &slug]).code, 0);
    until("nothing of coder is left", || coder.processes().is_empty());
}

#[test]
fn a_program_that_hangs_is_ended_with_all_that_it_has_started() {
    let coder = Coder::new();
    let (noted, made) = (coder.world.root().join("noted"), coder.world.root().join("hangs.sh"));
    let script = format!("#!/bin/sh\nsleep 300 &\necho $! >>'{}'\nwait\n", noted.display());
    fs::write(&made, script).expect("a script");
    let program = coder.world.executable("hangs/coder", &made).display().to_string();
    let ran = hurried(&coder, &["warmup", "--coder-cli", &program]);
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("took longer than 1.5s"), "{ran:?}");
    assert!(coder.world.leases(&[]).is_empty(), "nothing was made");
    let noted = fs::read_to_string(noted).expect("it was started");
    for pid in noted.lines() {
        let folder = format!("/proc/{pid}");
        until("what it has started is gone", || !fs::exists(&folder).unwrap_or(true));
    }
}

/// `coder ssh` waits for such a one for ever, and so would its own wait for an agent.
#[test]
fn an_agent_that_is_lost_is_waited_for_so_long_and_is_the_reason() {
    let (coder, name) = Coder::warm();
    coder.deployment.change(|state| state.workspace(&name).lost = vec!["main".to_owned()]);
    until("the connection is gone", || coder.processes().is_empty());
    let ran = Ran::of(coder.command(&["run", "--", "true"]).env("CRABBOX_FAULT", "<<3000"));
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("did not answer `resolve` within 3s"), "{ran:?}");
    assert!(ran.stderr.contains("it said: cancelled while the agent `main` is lost"), "{ran:?}");
    // It may come back: nothing of it is let go of.
    assert_eq!(coder.deployment.state().doing(&name), "running");
    assert_eq!(coder.world.leases(&[]).len(), 1);
    until("nothing of coder is left", || coder.processes().is_empty());
}

#[test]
fn an_agent_that_never_connects_is_waited_for_so_long_and_is_the_reason() {
    let coder = Coder::with(|state| state.agents_held = true);
    let ran = Ran::of(coder.command(&["warmup"]).env("CRABBOX_FAULT", "<<4000"));
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("it said: cancelled while the agent `main` connects"), "{ran:?}");
    until("nothing of coder is left", || coder.processes().is_empty());
}
