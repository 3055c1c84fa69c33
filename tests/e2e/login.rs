//! A box that stands ready was vouched for with a login. While that is the same, nobody is asked; once it may be another, the
//! provider is asked before anything else, and only what it vouches for again is used.

use crate::desk::Desk;
use crabbox_tests::Ran;
use std::fs;

impl Desk {
    fn run_as(&self, login: &str) -> Ran {
        Ran::of(self.command(&["--", "cat", "hello.txt"]).env("DESK_LOGIN", login))
    }

    fn log_in(&self, text: &str) {
        fs::write(self.world.root().join("desk/login"), text).expect("a file");
    }

    fn states(&self) -> Vec<String> {
        let leases = self.world.leases(&[]);
        let state =
            |lease: &serde_json::Value| lease["state"].as_str().expect("a state").to_owned();
        leases.iter().map(state).collect()
    }
}

/// With a box that stands ready, vouched for with the login `ann`.
fn warm() -> Desk {
    let desk = Desk::new("");
    let mut warm_up = desk.crabbox_command(&["warmup", "--provider", "desk", "--keep"]);
    let ran = Ran::of(warm_up.env("DESK_LOGIN", "ann"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(desk.calls_in_turn(), "lease resolve");
    desk
}

#[track_caller]
fn goes_well(ran: &Ran) {
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
}

#[test]
fn with_the_same_login_nobody_is_asked_and_with_another_once() {
    let desk = warm();
    goes_well(&desk.run_as("ann"));
    assert_eq!(desk.calls_in_turn(), "");
    let ran = desk.run_as("bob");
    goes_well(&ran);
    assert_eq!(desk.calls_in_turn(), "resolve");
    assert!(
        ran.stderr
            .contains("desk may have another login, or another version, since it vouched for"),
        "{}",
        ran.stderr
    );
    goes_well(&desk.run_as("bob"));
    assert_eq!(desk.calls_in_turn(), "");
    for text in ["one", "another"] {
        desk.log_in(text);
        goes_well(&desk.run_as("bob"));
        assert_eq!(desk.calls_in_turn(), "resolve", "{text}");
        goes_well(&desk.run_as("bob"));
        assert_eq!(desk.calls_in_turn(), "");
    }
    // It was found ready, and is left so, with everything that was on it.
    assert_eq!(desk.states(), ["ready"]);
}

#[test]
fn what_the_other_login_does_not_vouch_for_keeps_its_claim_and_another_box_is_leased() {
    for (as_what, why) in [
        ("foreign", "its resource belongs to the neighbours"),
        ("unseen", "its resource can't be seen with this login"),
    ] {
        let desk = warm();
        let before = desk.world.leases(&[]).remove(0);
        let shown = desk.machine().join(as_what);
        fs::write(&shown, "").expect("a file");
        // Nobody asks while the login is the same.
        goes_well(&desk.run_as("ann"));
        let ran = desk.run_as("bob");
        goes_well(&ran);
        assert!(ran.stderr.contains(&format!("is left alone: {why}")), "{}", ran.stderr);
        assert_eq!(desk.calls_in_turn(), "resolve lease resolve release");
        assert_eq!(desk.states(), ["ready", "parked"]);
        let kept = desk.world.leases(&[]).remove(0);
        assert_eq!((&kept["id"], &kept["resource"]), (&before["id"], &before["resource"]));
        // Vouched for again, it is used again.
        fs::remove_file(shown).expect("removes");
        let run = ["--id", before["slug"].as_str().expect("a slug"), "--", "true"];
        assert_eq!(Ran::of(desk.command(&run).env("DESK_LOGIN", "ann")).code, 0);
        assert_eq!(desk.calls_in_turn(), "resolve");
    }
}

#[test]
fn where_nobody_can_be_asked_the_box_is_not_used() {
    let desk = warm();
    desk.mood("resolve fails");
    let ran = desk.run_as("bob");
    assert_eq!((ran.code, ran.stdout.as_str()), (125, ""), "{}", ran.stderr);
    assert_eq!(desk.calls(), "resolve");
    desk.mood("");
    goes_well(&desk.run_as("bob"));
    assert_eq!(desk.states(), ["ready"]);
}
