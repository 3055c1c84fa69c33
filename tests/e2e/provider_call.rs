//! One hook at a time, as a provider's author calls it: what changes something goes through a claim.

use crate::desk::Desk;
use crabbox_tests::{Ran, World};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::process::Stdio;

fn call(desk: &Desk, arguments: &[&str]) -> Ran {
    desk.crabbox(&[&["provider", "call", "desk"], arguments].concat())
}

fn value(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stderr))
}

fn state(desk: &Desk, slug: &str) -> String {
    let status = desk.crabbox(&["status", slug, "--json"]);
    value(&status)["lease"]["state"].as_str().expect("a state").to_owned()
}

#[test]
fn a_lease_is_made_looked_at_reached_parked_and_deleted_by_its_claim() {
    let desk = Desk::new("");
    let leased = value(&call(&desk, &["lease"]));
    let slug = leased["slug"].as_str().expect("a slug").to_owned();
    assert_eq!((desk.calls().as_str(), state(&desk, &slug).as_str()), ("lease resolve", "ready"));

    let found = value(&call(&desk, &["resolve", "--id", &slug]));
    assert_eq!((&found["outcome"], &found["state"]), (&json!("found"), &json!("ready")));
    let parked = call(&desk, &["release", "--id", &slug]);
    assert_eq!(value(&parked)["state"], "parked", "{}", parked.stderr);
    assert_eq!(desk.calls(), "resolve resolve release");

    // Looking starts nothing and changes nothing.
    let found = value(&call(&desk, &["resolve", "--id", &slug]));
    assert_eq!((&found["state"], state(&desk, &slug).as_str()), (&json!("parked"), "parked"));
    let connect = ["resolve", "--id", &slug, "--request", r#"{"intent":"connect"}"#];
    for _ in 0..2 {
        let reached = call(&desk, &connect);
        assert_eq!(value(&reached)["state"], "ready", "{}", reached.stderr);
    }
    assert_eq!(desk.calls(), "resolve resolve resolve");

    let delete = ["release", "--id", &slug, "--request", r#"{"action":"delete"}"#];
    assert_eq!(call(&desk, &delete).code, 2, "it must be confirmed");
    assert!(desk.machine().exists());
    let deleted = call(&desk, &[&delete[..], &["--yes"]].concat());
    assert_eq!(value(&deleted)["state"], "released", "{}", deleted.stderr);
    assert_eq!(desk.calls(), "resolve release");
}

#[test]
fn nobody_is_asked_about_a_box_that_is_in_use() {
    let desk = Desk::new("");
    let slug = value(&call(&desk, &["lease"]))["slug"].as_str().expect("a slug").to_owned();
    let go = desk.world.root().join("go");
    let line = format!("while [ ! -e '{}' ]; do sleep 0.02; done", go.display());
    let running = desk.command(&["--id", &slug, "--shell", &line]).spawn().expect("runs");
    crabbox_tests::until("the command runs", || state(&desk, &slug) == "busy");
    let delete = ["release", "--id", &slug, "--request", r#"{"action":"delete"}"#];
    let refused = call(&desk, &delete);
    assert!(refused.code == 5 && refused.stderr.contains("is in use"), "{}", refused.stderr);
    std::fs::write(go, "").expect("a file");
    assert!(running.wait_with_output().expect("ends").status.success());
}

#[test]
fn a_resource_never_comes_from_the_request() {
    let desk = Desk::new("");
    let slug = value(&call(&desk, &["lease"]))["slug"].as_str().expect("a slug").to_owned();
    desk.calls();
    let foreign = r#"{"resource":{"name":"another","id":"another"}}"#;
    for hook in ["resolve", "release"] {
        let refused = call(&desk, &[hook, "--id", &slug, "--request", foreign]);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains("and not `resource`"), "{}", refused.stderr);
        let refused = call(&desk, &[hook]);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains("needs `--id LEASE`"), "{}", refused.stderr);
    }
    assert_eq!(call(&desk, &["list", "--id", &slug]).code, 2);
    assert_eq!(call(&desk, &["list", "--request", "[]"]).code, 2);
    let other = desk.crabbox(&["provider", "call", "local", "release", "--id", &slug]);
    assert_eq!(other.code, 5, "{}", other.stderr);
    assert_eq!(desk.calls(), "");
    // The other name of the same provider is no other provider.
    let same = desk.crabbox(&["provider", "call", "under-the-desk", "resolve", "--id", &slug]);
    assert_eq!(value(&same)["outcome"], "found", "{}", same.stderr);
}

#[test]
fn a_hook_that_changes_nothing_answers_as_it_is() {
    let world = World::new();
    let path = world.provider_path("crabbox_provider_tools").display().to_string();
    world.configure("[provider.tools]\nisolation = 'none'\n");
    let line = ["--provider-path", &path, "provider", "call", "tools", "doctor"];
    let ran = world.crabbox(&line);
    assert!(ran.stderr.contains("the provider `tools` runs inside of crabbox"), "{}", ran.stderr);
    let settings = [&line[..], &["--request", r#"{"settings":{"commands":[]}}"#]].concat();
    let refused = world.crabbox(&settings);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("takes nothing, and not `settings`"), "{}", refused.stderr);
    assert!(refused.stderr.contains(" provider options tools"), "{}", refused.stderr);
    assert_eq!((ran.code, value(&ran)), (0, json!({ "checks": [] })), "{}", ran.stderr);
    let refused = world.crabbox(&[&line[..5], &["list"]].concat());
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("this provider has no `list`"), "{}", refused.stderr);
}

#[test]
fn what_both_sides_say_is_shown_without_secrets() {
    let world = World::new();
    let secret = "canary-of-trace";
    world.configure(&format!("[provider.misbehaving]\nlease = 'refuse'\ntoken = '{secret}'\n"));
    let path = world.provider_path("crabbox_provider_misbehaving").display().to_string();
    let line = ["--provider-path", &path, "provider", "call", "misbehaving", "lease"];
    let plain = world.crabbox(&line);
    assert!(!plain.stderr.contains(r#"{"call":"#), "{}", plain.stderr);
    let traced = world.crabbox(&[&line[..], &["--trace"]].concat());
    for part in [r#"-> {"call":{"#, r#"<- "ready""#, r#"<- {"answer":{"#, r#""token":"[redacted]""#]
    {
        assert!(traced.stderr.contains(part), "{part}: {}", traced.stderr);
    }
    assert!(!traced.stderr.contains(secret), "{}", traced.stderr);
}

#[test]
fn connecting_keeps_to_what_the_machine_enforces_and_to_the_file_of_the_leases_checkout() {
    let desk = Desk::new("");
    let slug = value(&call(&desk, &["lease"]))["slug"].as_str().expect("a slug").to_owned();
    desk.calls();
    if !desk.world.configure_machine("[enforced]\nlease.idle = '1h'\n") {
        return;
    }
    let connect = ["resolve", "--id", &slug, "--request", r#"{"intent":"connect"}"#];
    desk.world.write(".crabbox.toml", "[lease]\nidle = '2h'\n");
    // Also from elsewhere: the checkout that it was leased for counts.
    let line = [&["provider", "call", "desk"][..], &connect].concat();
    let mut elsewhere = desk.crabbox_command(&line);
    for ran in [call(&desk, &connect), Ran::of(elsewhere.current_dir(desk.world.root()))] {
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("`lease.idle` can't be `2h`"), "{}", ran.stderr);
    }
    desk.world.write(".crabbox.toml", "");
    // The lease's provider is forbidden, whatever it is called on the line.
    let forbids = "[enforced]\nlease.provider = ['under-the-desk', 'local']\n";
    assert!(desk.world.configure_machine(forbids));
    let line = [&["provider", "call", "under-the-desk"][..], &connect].concat();
    let refused = desk.crabbox(&line);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("can't be used: it is from `desk`"), "{}", refused.stderr);
    assert_eq!(desk.calls(), "");
    let looked = call(&desk, &["resolve", "--id", &slug]);
    assert_eq!(looked.code, 0, "{}", looked.stderr);
    let released = call(&desk, &["release", "--id", &slug]);
    assert_eq!(released.code, 0, "{}", released.stderr);
}

#[test]
fn a_box_that_was_not_kept_is_not_kept_by_connecting() {
    let desk = Desk::new("");
    let ran = desk.run(&["--", "true"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let leases = value(&desk.crabbox(&["list", "--json"]));
    let slug = leases["leases"][0]["slug"].as_str().expect("a slug").to_owned();
    let connect = ["resolve", "--id", &slug, "--request", r#"{"intent":"connect"}"#];
    let reached = value(&call(&desk, &connect));
    assert_eq!((&reached["state"], &reached["keep"]), (&json!("ready"), &json!(false)));
}

#[test]
fn an_interrupted_call_ends_with_the_signals_code_and_a_line_to_type() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    let leases = value(&desk.crabbox(&["list", "--json"]));
    let slug = leases["leases"][0]["slug"].as_str().expect("a slug").to_owned();
    desk.mood("resolve waits");
    let connect = ["resolve", "--id", &slug, "--request", r#"{"intent":"connect"}"#];
    let mut command = desk.crabbox_command(&[&["provider", "call", "desk"][..], &connect].concat());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    let waited_for = desk.world.root().join("desk/waited-for");
    crabbox_tests::until("the provider waits", || waited_for.exists());
    kill_process(Pid::from_child(&child), Signal::INT).expect("signals");
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!(" stop {slug}")), "{}", ran.stderr);
}

#[test]
fn a_box_that_was_leased_to_be_deleted_is_let_go_of_where_deleting_is_no_longer_allowed() {
    let desk = Desk::new("[lease]\nrelease = 'delete'");
    let slug = value(&call(&desk, &["lease"]))["slug"].as_str().expect("a slug").to_owned();
    if !desk.world.configure_machine("[enforced]\nlease.release = 'park'\n") {
        return;
    }
    let delete = ["release", "--id", &slug, "--request", r#"{"action":"delete"}"#, "--yes"];
    let refused = call(&desk, &delete);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains(&format!(" stop {slug}")), "{}", refused.stderr);
    let released = call(&desk, &["release", "--id", &slug]);
    assert_eq!(value(&released)["state"], "released", "{}", released.stderr);
}
