//! What `crabbox doctor` asks of providers, and what it makes of whatever comes back.

use crate::desk::Desk;
use crate::doctor::{checks, expect, find};
use crate::settings::Gallery;
use crabbox_tests::{Ran, World};
use serde_json::Value;
use std::fs;

/// A desk, a provider that fails as it is told beside it, and the folder of both.
fn with_misbehaving(doctor: &str) -> Desk {
    let desk = Desk::new(&format!("[provider.misbehaving]\ndoctor = '{doctor}'"));
    let _ = desk.world.provider_path("crabbox_provider_misbehaving");
    desk
}

fn has(found: &[Value], provider: &str) -> bool {
    found.iter().any(|check| check["provider"] == provider)
}

#[test]
fn providers_with_settings_are_asked_and_each_fault_has_a_hint() {
    let desk = Desk::new("");
    desk.mood("doctor finds");
    let (code, found) = checks(&mut desk.crabbox_command(&["doctor", "--json"]));
    assert_eq!(code, 1);
    expect(&found, "desk-power", "pass", "there is some");
    expect(&found, "desk-lamp", "fail", "dark");
    let hint = find(&found, "desk-lamp")["hint"].as_str().expect("a hint");
    assert!(hint.ends_with(" doctor -vv --provider desk"), "{hint}");
    expect(&found, "desk-dust", "warn", "some");
    assert_eq!(find(&found, "desk-dust")["hint"], "wipe it");
    assert_eq!(find(&found, "desk-dust")["provider"], "desk");
    // The one that a run would use, and those of this machine.
    expect(&found, "local-data-folder", "pass", "can be written");
    assert_eq!(find(&found, "git")["provider"], Value::Null);
    assert_eq!(desk.calls(), "doctor");
    let text = desk.crabbox(&["doctor"]);
    assert_eq!(text.code, 1);
    assert!(text.stdout.contains("FAIL  desk-lamp "), "{}", text.stdout);
    assert!(text.stdout.contains("dark \\u{1b}[2J"), "{}", text.stdout);
    desk.mood("");
    assert_eq!(checks(&mut desk.crabbox_command(&["doctor", "--json"])).0, 0);
}

#[test]
fn a_provider_that_breaks_is_a_check_and_hides_no_other() {
    for (how, said) in [
        ("panic", "failed in `doctor`"),
        ("exit", "without an answer"),
        ("hang", "did not answer `doctor`"),
    ] {
        let desk = with_misbehaving(how);
        let (code, found) = checks(&mut desk.crabbox_command(&["doctor", "--json"]));
        assert_eq!(code, 1);
        expect(&found, "misbehaving-doctor", "fail", said);
        expect(&found, "desk-power", "pass", "");
        expect(&found, "git", "pass", "");
    }
    let desk = with_misbehaving("lacks");
    let (code, found) = checks(&mut desk.crabbox_command(&["doctor", "--json"]));
    assert_eq!(code, 0);
    expect(&found, "misbehaving-doctor", "skip", "no checks of its own");
}

#[test]
fn providers_are_asked_at_the_same_time() {
    let desk = Desk::new("");
    // Each of the two waits for the other.
    let root = desk.world.root().join("desk");
    desk.mood("doctor meets");
    let _ = desk.world.provider_path("crabbox_provider_misbehaving");
    let config = desk.world.root().join("config/crabbox/config.toml");
    let text = fs::read_to_string(&config).expect("reads");
    let more = format!("[provider.misbehaving]\ndoctor = 'meets in {}'\n", root.display());
    fs::write(config, text + &more).expect("writes");
    let (_, found) = checks(&mut desk.crabbox_command(&["doctor", "--json"]));
    expect(&found, "desk-power", "pass", "");
    expect(&found, "misbehaving-doctor", "pass", "nothing to say");
}

#[test]
fn providers_that_are_named_or_have_leases_are_asked_and_no_others() {
    let world = World::new();
    let path = world.provider_path("crabbox_provider_misbehaving").display().to_string();
    let line = ["doctor", "--json", "--provider-path", &path];
    let (_, found) = checks(&mut world.command(&line));
    assert!(has(&found, "local") && !has(&found, "misbehaving"), "{found:#?}");
    let named = [&line[..], &["--provider", "misbehaving"]].concat();
    let (_, found) = checks(&mut world.command(&named));
    assert!(!has(&found, "local") && has(&found, "misbehaving"), "{found:#?}");
    assert_eq!(world.shell("true").code, 0);
    let (_, found) = checks(&mut world.command(&named));
    assert!(has(&found, "local") && has(&found, "misbehaving"), "{found:#?}");
}

#[test]
fn a_repository_does_not_choose_whose_code_is_asked() {
    let world = World::new();
    world.write(".crabbox.toml", "[lease]\nprovider = 'desk'\n");
    let path = world.provider_path("crabbox_provider_desk").display().to_string();
    let (code, found) = checks(&mut world.command(&["doctor", "--json", "--provider-path", &path]));
    assert_eq!(code, 0);
    expect(&found, "desk-doctor", "skip", "you haven't configured it");
}

#[test]
fn a_provider_with_wrong_settings_is_not_asked() {
    let desk = Desk::new("impostor = 'perhaps'");
    let (code, found) = checks(&mut desk.crabbox_command(&["doctor", "--json"]));
    assert_eq!(code, 1);
    expect(&found, "config", "fail", "impostor");
    expect(&found, "desk-doctor", "skip", "its settings are wrong");
    assert_eq!(desk.calls(), "");
}

#[test]
fn leases_of_a_provider_that_is_gone_are_named() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    let (code, found) = checks(&mut desk.world.command(&["doctor", "--json"]));
    assert_eq!(code, 1);
    expect(&found, "desk-doctor", "fail", "there are leases of it");
}

#[test]
fn a_provider_that_the_machine_forbids_is_not_asked() {
    let desk = Desk::new("");
    if !desk.world.configure_machine("[enforced]\nlease.provider = ['local']\n") {
        return;
    }
    let (_, found) = checks(&mut desk.crabbox_command(&["doctor", "--json"]));
    expect(&found, "desk-doctor", "skip", "the machine doesn't allow it");
    assert_eq!(desk.calls(), "");
}

#[test]
fn the_checks_of_a_provider_run_where_its_hooks_run() {
    let desk = Desk::new("isolation = 'none'");
    let ran = desk.crabbox(&["doctor"]);
    assert!(ran.stdout.contains("desk-"), "{}", ran.stdout);
    assert!(ran.stderr.contains("the provider `desk` runs inside of crabbox"), "{}", ran.stderr);
}

#[test]
fn what_only_the_provider_would_find_wrong_is_a_failure() {
    let gallery = Gallery::new("token-file = '/nowhere/token'\n");
    let (code, found) = checks(&mut gallery.command(&["doctor", "--json"]));
    assert_eq!(code, 1);
    expect(&found, "config", "fail", "`/nowhere/token` for `provider.gallery.token`");
    expect(&found, "gallery-doctor", "skip", "its settings are wrong");
    let ran = gallery.crabbox(&["config", "check"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("`/nowhere/token`"), "{}", ran.stderr);
    // One that is needed, and missing, where another provider would be used.
    let gallery = Gallery::new("");
    assert_eq!(Ran::of(&mut gallery.run_command(&[])).code, 0);
    gallery.world.configure("");
    let (code, found) = checks(&mut gallery.command(&["doctor", "--json"]));
    assert_eq!(code, 1);
    expect(&found, "gallery-settings", "fail", "`provider.gallery.root` isn't set");
}
