//! What a box is called at its provider: crabbox chooses the name, before the provider is asked.

use crate::desk::Desk;
use serde_json::Value;
use std::fs;
use std::os::unix::process::ExitStatusExt;

/// The digits of a lease's id.
fn digits(lease: &Value) -> &str {
    lease["id"].as_str().and_then(|id| id.strip_prefix("cbx_")).expect("an id")
}

fn name(desk: &Desk) -> String {
    desk.machine().file_name().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn a_new_box_has_the_slug_and_the_digits_of_its_lease_in_its_name() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    let lease = desk.world.leases(&[]).remove(0);
    let slug = lease["slug"].as_str().expect("a slug");
    assert_eq!(name(&desk), format!("crabbox-{slug}-{}", digits(&lease)));
}

#[test]
fn a_prefix_is_the_users_and_disowns_nothing() {
    let desk = Desk::new("prefix = 'ci'");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    let first = name(&desk);
    assert!(first.starts_with("ci-"), "{first}");
    desk.calls();
    // Neither for another one of these is another box leased, nor is the provider told of it.
    let ran = desk.run(&["--desk-prefix", "team-", "--", "true"]);
    assert_eq!((ran.code, desk.calls_in_turn().as_str()), (0, "resolve release"), "{ran:?}");
    assert_eq!(desk.run(&["--desk-prefix", "team-", "--fresh", "--", "true"]).code, 0);
    let names: Vec<Value> =
        desk.world.leases(&[]).iter().map(|lease| lease["resource"]["name"].clone()).collect();
    assert!(names.iter().any(|name| name == first.as_str()), "{names:?}");
    let is_new = |name: &Value| name.as_str().is_some_and(|name| name.starts_with("team-"));
    assert!(names.iter().any(is_new), "{names:?}");
}

#[test]
fn a_prefix_that_begins_no_name_is_refused_and_no_repository_has_one() {
    let desk = Desk::new("prefix = 'C.I'");
    let ran = desk.run(&["--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(
        ran.stderr.contains("`provider.desk.prefix` must be lower-case letters, digits and single")
            && ran.stderr.contains("`C.I`"),
        "{ran:?}"
    );
    let desk = Desk::new("");
    desk.world.write(".crabbox.toml", "[provider.desk]\nprefix = 'mine'\n");
    let ran = desk.run(&["--", "true"]);
    assert_eq!((ran.code, desk.calls().as_str()), (125, ""), "{ran:?}");
    assert!(ran.stderr.contains("provider.desk.prefix"), "{ran:?}");
    // Local boxes are called after their lease: there is nothing to set.
    desk.world.write(".crabbox.toml", "");
    let ran = desk.world.crabbox(&["run", "--provider", "local", "--local-prefix", "x", "--", "a"]);
    assert_eq!(ran.code, 125, "{ran:?}");
}

#[test]
fn the_name_is_known_before_its_provider_and_stays_the_same() {
    let desk = Desk::new("");
    let mut killed = desk.command(&["--", "true"]);
    let status = killed.env("CRABBOX_FAULT", "call.after.lease").output().expect("runs").status;
    assert_eq!(status.signal(), Some(9));
    let made = name(&desk);
    desk.calls();
    // Under another prefix, too, the same is asked for again.
    let ran = desk.run(&["--desk-prefix", "other", "--", "true"]);
    assert_eq!((ran.code, desk.calls().as_str()), (0, "resolve lease resolve release"), "{ran:?}");
    assert_eq!(name(&desk), made);
    fs::remove_dir_all(desk.machine()).expect("removes");
}
