//! What claims say of boxes that nobody vouches for, and of leases that failed.

use crate::desk::Desk;
use crate::place::Place;
use crabbox_tests::{Ran, World};
use serde_json::Value;
use std::fs;
use std::process::Command;

/// The leases that `list` shows, oldest first.
fn slug(lease: &Value) -> &str {
    lease["slug"].as_str().expect("a slug")
}

/// A kept box that doesn't answer any more.
fn switched_off() -> Desk {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    fs::remove_file(desk.machine().join("on")).expect("switches off");
    desk.calls();
    desk
}

#[test]
fn a_box_that_became_anothers_is_asked_for_once_and_is_not_in_use() {
    let desk = switched_off();
    desk.mood("resolve foreign");
    let ran = desk.run(&["--", "true"]);
    // The new one can't be reached either.
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("left alone: its resource belongs to the neighbours"),
        "{}",
        ran.stderr
    );
    assert_eq!(desk.calls(), "resolve lease resolve resolve", "the first one once");
    let old = &desk.world.leases(&[])[0];
    assert_eq!(old["state"], "ready");
    assert!(old["trouble"].as_str().expect("trouble").contains("the neighbours"), "{old}");
    let list = desk.crabbox(&["list"]).stderr;
    assert!(list.contains(&format!("{} may be out of reach", slug(old))), "{list}");

    let ran = desk.run(&["--id", slug(old), "--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("can't be used: its resource belongs to"), "{}", ran.stderr);
    // As soon as it is ours again, it is used.
    desk.mood("");
    let ran = desk.run(&["--id", slug(old), "--", "true"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(desk.world.leases(&[])[0]["trouble"], Value::Null);
}

#[test]
fn a_provider_that_can_not_be_asked_leaves_no_claim_in_use() {
    let desk = switched_off();
    desk.mood("resolve fails");
    let ran = desk.run(&["--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("desk: nobody is at the desk"), "{}", ran.stderr);
    assert!(ran.stderr.contains(" --fresh -- true\n"), "{}", ran.stderr);
    assert_eq!(desk.calls(), "resolve", "and no second box is leased");
    let old = &desk.world.leases(&[])[0];
    assert_eq!((&old["state"], &old["keep"]), (&"ready".into(), &true.into()), "{old}");
    desk.mood("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    assert_eq!(desk.calls(), "resolve extend", "it is the same box, and still kept");
}

#[test]
fn a_lease_that_named_nothing_is_closed_without_its_provider() {
    let world = World::new();
    world.configure("[provider.misbehaving]\nlease = 'segfault'\n");
    let path = world.provider_path("crabbox_provider_misbehaving");
    let path = path.display().to_string();
    let run = ["run", "--provider-path", &path, "--provider", "misbehaving", "--", "true"];
    assert_eq!(world.crabbox(&run).code, 125);
    fs::remove_dir_all(&path).expect("removes");
    let failed = world.leases(&[]).remove(0);
    assert_eq!(failed["state"], "failed");
    let list = world.crabbox(&["list"]).stderr;
    assert!(
        list.contains(&format!("{} failed: the provider `misbehaving`", slug(&failed))),
        "{list}"
    );
    assert!(list.contains(&format!("hint: crabbox stop {}\n", slug(&failed))), "{list}");
    let stopped = world.crabbox(&["stop", slug(&failed)]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert!(stopped.stderr.contains("no box of it was ever made"), "{}", stopped.stderr);
    assert!(world.leases(&[]).is_empty());
}

#[test]
fn what_a_failed_lease_has_made_is_parked_and_never_used() {
    let desk = Desk::new("");
    desk.mood("lease fails");
    let ran = desk.run(&["--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("error: desk: the machine smokes"), "{}", ran.stderr);
    let failed = desk.world.leases(&[]).remove(0);
    assert_eq!(failed["state"], "failed");
    let made = failed["resource"]["name"].as_str().expect("a name");
    let said = format!("what it made (`{made}`) is parked");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    desk.mood("");
    // Parking it again changes nothing.
    let stopped = desk.crabbox(&["stop", slug(&failed)]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert!(stopped.stderr.contains("never used again"), "{}", stopped.stderr);
    assert_eq!(desk.world.leases(&[])[0]["state"], "failed");
    desk.calls();
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    assert_eq!(desk.calls(), "lease resolve release", "a box of its own");
    let stopped = desk.crabbox(&["stop", slug(&failed), "--delete", "--yes"]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    desk.machine();
    assert_eq!(desk.world.leases(&[]).len(), 1);
}

#[test]
fn what_a_failed_lease_has_made_is_kept_where_that_was_asked_for() {
    let desk = Desk::new("");
    desk.mood("lease fails");
    let ran = desk.run(&["--keep", "--", "true"]);
    assert_eq!(ran.code, 125);
    assert_eq!(desk.calls(), "lease resolve");
    let failed = desk.world.leases(&[]).remove(0);
    assert_eq!((&failed["state"], &failed["keep"]), (&"failed".into(), &false.into()));
    let made = failed["resource"]["name"].as_str().expect("a name");
    assert!(failed["resource"]["id"].is_string(), "{failed}");
    let slug = slug(&failed);
    let said = [
        "error: desk: the machine smokes".to_owned(),
        format!("note: what it made (`{made}`) is kept as it is\n"),
        format!(" inspect {slug}\n"),
        format!(" stop {slug} --delete --yes\n"),
    ];
    for said in said {
        assert!(ran.stderr.contains(&said), "{said}: {}", ran.stderr);
    }
    desk.mood("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    let stopped = desk.crabbox(&["stop", slug, "--delete", "--yes"]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    desk.machine();
}

#[test]
fn a_line_leads_to_what_a_failed_lease_has_made_and_kept_if_it_is_on() {
    let world = World::new();
    let root = world.root().join("boxes");
    world.configure(&format!(
        "[provider.misbehaving]\nlease = 'answers an id: of another'\nroot = '{}'\n",
        root.display()
    ));
    let path = world.provider_path("crabbox_provider_misbehaving").display().to_string();
    let provider = ["--provider-path", &path, "run", "--provider", "misbehaving"];
    let ran = world.crabbox(&[&provider[..], &["--keep", "--", "true"]].concat());
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    let failed = world.leases(&[]).remove(0);
    assert_eq!(failed["state"], "failed");
    let shell = ran.stderr.lines().find_map(|line| line.strip_prefix("crabbox:   hint: cd "));
    let made = root.join(failed["resource"]["name"].as_str().expect("a name")).join("work");
    assert_eq!(shell, made.to_str(), "{}", ran.stderr);
    let mut pasted = Command::new("sh");
    pasted.args(["-c", &format!("cd {} && pwd -P", made.display())]);
    assert_eq!(Ran::of(&mut pasted).stdout, format!("{}\n", made.display()));
}

#[test]
fn a_roll_back_that_proves_nothing_says_so_and_can_be_finished() {
    let desk = Desk::new("");
    desk.mood("lease fails");
    fs::write(desk.world.root().join("desk/unseen"), "").expect("a file");
    let ran = desk.run(&["--", "true"]);
    assert_eq!(ran.code, 125);
    let failed = desk.world.leases(&[]).remove(0);
    let made = failed["resource"]["name"].as_str().expect("a name");
    let said = format!("`{made}` may be left at the provider: its resource can't be seen");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    assert!(!ran.stderr.contains("is parked"), "{}", ran.stderr);
    let next = format!(" stop {} --delete --yes\n", slug(&failed));
    assert!(ran.stderr.contains(&next), "{}", ran.stderr);
    assert!(desk.crabbox(&["list"]).stderr.contains(&next));
    desk.mood("");
    let stopped = desk.crabbox(&["stop", slug(&failed), "--delete", "--yes"]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert!(!desk.world.root().join("desk").join(made).exists());
    assert!(desk.world.leases(&[]).is_empty());
}

#[test]
fn a_box_that_is_to_be_deleted_is_not_used_in_between() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    let lease = desk.world.leases(&[]).remove(0);
    desk.mood("release fails");
    assert_eq!(desk.crabbox(&["stop", slug(&lease), "--delete", "--yes"]).code, 6);
    desk.mood("");
    let ran = desk.run(&["--keep", "--", "true"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("left alone: it is to be deleted"), "{}", ran.stderr);
    // The action that was asked for is known, and finished.
    assert_eq!(desk.crabbox(&["stop", slug(&lease)]).code, 0);
    desk.machine();
    assert_eq!(desk.world.leases(&["--all"])[0]["state"], "released");
}

#[test]
fn a_lease_that_fails_before_anything_is_made_is_named() {
    let place = Place::new();
    place.mood("lease panic");
    let ran = place.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    let claims = place.claims();
    let slug = claims[0]["slug"].as_str().expect("a slug");
    let hint = format!("  hint: crabbox stop {slug}\n");
    assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
    assert_eq!(place.crabbox(&["stop", slug]).code, 0);
    assert_eq!(place.claims(), Vec::<Value>::new());
}

#[test]
fn a_lease_is_used_with_the_settings_of_its_own_provider() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    let slug = desk.world.only_slug();
    // No provider is named, and the default one has no `root`.
    let ran = desk.crabbox(&["run", "--id", &slug, "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_provider_that_changes_its_mind_again_and_again_ends_no_lease_and_makes_no_other() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--slug", "mine", "--", "true"]).code, 0);
    desk.calls();
    let unseen = desk.machine().join("unseen");
    let use_it = || desk.run(&["--id", "mine", "--", "true"]).code;
    for mood in ["resolve foreign", "resolve fails", "unseen", "resolve foreign", "unseen"] {
        // Nothing but the provider knows the way by now.
        fs::remove_file(desk.machine().join("on")).expect("switches off");
        if mood == "unseen" {
            fs::write(&unseen, "").expect("a file");
        } else {
            desk.mood(mood);
        }
        assert_eq!(use_it(), 125, "{mood}");
        assert_ne!(desk.crabbox(&["stop", "mine"]).code, 0, "{mood}");
        assert_ne!(desk.crabbox(&["cleanup"]).code, 0, "{mood}");
        let lease = &desk.world.leases(&[])[0];
        assert!(lease["state"] == "ready" && lease["trouble"].is_string(), "{mood}: {lease}");
        desk.mood("");
        let _ = fs::remove_file(&unseen);
        assert_eq!(use_it(), 0, "{mood}");
        assert_eq!(desk.world.leases(&[])[0]["trouble"], Value::Null, "{mood}");
    }
    let calls = desk.calls();
    assert!(!calls.contains("release") && !calls.contains("lease"), "{calls}");
    assert_eq!(desk.world.leases(&["--all"]).len(), 1);
}
