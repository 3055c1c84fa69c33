//! `crabbox extend`: a box stays for longer, at its provider, too.

use crate::desk::Desk;
use crabbox_tests::{Ran, World};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::fs;

fn lease(ran: &Ran) -> Value {
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    document["lease"].clone()
}

fn time(value: &Value) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value}"))
}

/// So far from now, give or take a minute.
fn is_in(time: Timestamp, hours: i64) -> bool {
    let off = time.duration_since(Timestamp::now()) - SignedDuration::from_hours(hours);
    off.abs() < SignedDuration::from_mins(1)
}

/// When the machine goes off by itself.
fn own_deadline(desk: &Desk) -> Timestamp {
    let text = fs::read_to_string(desk.machine().join("deadline")).expect("a deadline");
    Timestamp::from_millisecond(text.parse().expect("a number")).expect("a time")
}

#[test]
fn a_kept_box_stays_for_longer_and_never_for_less() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--keep", "--ttl", "3h", "--", "true"]).code, 0);
    let slug = world.only_slug();
    let before = lease(&world.crabbox(&["status", &slug, "--json"]));
    assert!(is_in(time(&before["deadline"]), 3), "{before}");
    for (given, ends) in [("10h", 10), ("1h", 10)] {
        let ran = world.crabbox(&["extend", &slug, given, "--json"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let lease = lease(&ran);
        for deadline in ["deadline", "idle_deadline"] {
            assert!(is_in(time(&lease[deadline]), ends), "{given}: {lease}");
        }
        assert_eq!(lease["state"], "ready");
    }
    let ran = world.crabbox(&["extend", &slug, "2h"]);
    assert!(ran.stderr.contains(" stays for 10h 00m at least"), "{ran:?}");
}

#[test]
fn a_provider_with_deadlines_of_its_own_is_told_within_its_limits() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--ttl", "100s", "--", "true"]).code, 0);
    // A multiple of a minute.
    let first = own_deadline(&desk).duration_since(Timestamp::now());
    let minute = SignedDuration::from_mins(1);
    assert!(first > minute && first <= minute * 2, "{first}");
    desk.calls();
    let slug = desk.world.only_slug();
    for (given, ends) in [("10h", 10), ("1h", 10), ("20000h", 24)] {
        let ran = desk.crabbox(&["extend", &slug, given, "--json"]);
        assert_eq!((ran.code, desk.calls().as_str()), (0, "extend"), "{ran:?}");
        assert!(is_in(own_deadline(&desk), ends));
        assert!(is_in(time(&lease(&ran)["deadline"]), ends), "{ran:?}");
    }
    desk.mood("extend fails");
    let before = lease(&desk.crabbox(&["status", &slug, "--json"]));
    let ran = desk.crabbox(&["extend", &slug, "30h"]);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert_eq!(lease(&desk.crabbox(&["status", &slug, "--json"])), before);
}

#[test]
fn no_answer_of_its_provider_takes_its_deadline_away() {
    let desk = Desk::new("");
    desk.mood("extend gives ages");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    let slug = desk.world.only_slug();
    let ran = desk.crabbox(&["extend", &slug, "10h", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(is_in(time(&lease(&ran)["deadline"]), 24), "{ran:?}");
    let said =
        format!("warning: the provider `desk` lets `{slug}` stay until 9999-01-01 00:00:00Z");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
}

#[test]
fn a_time_that_has_no_end_is_refused_with_the_longest() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    let slug = desk.world.only_slug();
    desk.calls();
    let ages = "99999999999999h";
    let run = ["run", "--fresh", "--keep", "--ttl", ages, "--", "true"];
    for (line, code) in
        [(&run[..], 125), (&["warmup", "--ttl", ages], 2), (&["extend", &slug, ages], 2)]
    {
        let ran = desk.crabbox(line);
        let said = "a duration is at most 1000 years";
        assert!(ran.code == code && ran.stderr.contains(said), "{ran:?}");
    }
    assert_eq!((desk.calls().as_str(), desk.world.leases(&[]).len()), ("", 1));
}

#[test]
fn its_provider_gets_what_the_line_says() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    let slug = desk.world.only_slug();
    let root = desk.world.root().join("desk").display().to_string();
    desk.world.configure("");
    desk.calls();
    let line = ["extend", &slug, "5h"];
    let ran = desk.crabbox(&line);
    assert_eq!((ran.code, desk.calls().as_str()), (2, ""), "{ran:?}");
    let ran = desk.crabbox(&[&line[..], &["--desk-root", &root]].concat());
    assert_eq!((ran.code, desk.calls().as_str()), (0, "extend"), "{ran:?}");
}

/// The lease of a run that was extended by 12 hours while its command ran, once that has ended.
fn extended_in_use(desk: &Desk, more: &[&str]) -> Value {
    let go = desk.world.root().join("go");
    let line = format!("while [ ! -e '{}' ]; do sleep 0.02; done", go.display());
    let running = desk.command(&[more, &["--shell", &line]].concat()).spawn().expect("runs");
    crabbox_tests::until("the command runs", || {
        desk.world.leases(&[]).first().is_some_and(|lease| lease["state"] == "busy")
    });
    let slug = desk.world.only_slug();
    let ran = desk.crabbox(&["extend", &slug, "12h", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(lease(&ran)["state"], "busy");
    fs::write(go, "").expect("a file");
    assert!(running.wait_with_output().expect("ends").status.success());
    lease(&desk.crabbox(&["status", &slug, "--json"]))
}

#[test]
fn a_box_in_use_is_extended_and_stays_for_so_long_however_it_was_come_by() {
    for (settings, more) in [("", &["--keep"][..]), ("", &[]), ("[lease]\nlinger = '5m'", &[])] {
        let desk = Desk::new(settings);
        let after = extended_in_use(&desk, more);
        // Used or not, as it was said.
        assert_eq!(after["state"], "ready", "{settings} {more:?}");
        for deadline in ["deadline", "idle_deadline"] {
            assert!(is_in(time(&after[deadline]), 12), "{settings} {more:?}: {after}");
        }
        assert!(is_in(own_deadline(&desk), 12), "{settings} {more:?}");
        assert_eq!(after["keep"], !more.is_empty());
    }
}

#[test]
fn what_has_no_box_that_is_on_is_not_extended() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--", "true"]).code, 0);
    let slug = world.only_slug();
    let ran = world.crabbox(&["extend", &slug, "1h"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("its box is parked"), "{ran:?}");
    let id = lease(&world.crabbox(&["status", &slug, "--json"]))["id"].clone();
    assert_eq!(world.crabbox(&["stop", &slug, "--delete", "--yes"]).code, 0);
    let ran = world.crabbox(&["extend", id.as_str().expect("an id"), "1h"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    for bad in ["0s", "-1h", "soon", ""] {
        assert_eq!(world.crabbox(&["extend", &slug, "--", bad]).code, 2, "{bad}");
    }
    assert_eq!(world.crabbox(&["extend", "no-such-lease", "1h"]).code, 4);
}

#[test]
fn nobody_gets_more_time_than_the_machine_allows() {
    let world = World::new();
    if !world.configure_machine("[enforced.lease]\nttl = '2h'\n") {
        return;
    }
    let ran = world.crabbox(&["run", "--ttl", "3h", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("at most `2h`"), "{ran:?}");
    assert_eq!(world.crabbox(&["run", "--keep", "--", "true"]).code, 0);
    let slug = world.only_slug();
    let lease = lease(&world.crabbox(&["status", &slug, "--json"]));
    assert!(is_in(time(&lease["deadline"]), 2), "{lease}");
    let ran = world.crabbox(&["extend", &slug, "3h"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("at most `2h`"), "{ran:?}");
    assert_eq!(world.crabbox(&["extend", &slug, "90m"]).code, 0);
}

#[test]
fn an_idle_time_of_before_is_bounded_by_what_the_machine_allows_now() {
    let world = World::new();
    assert_eq!(world.crabbox(&["warmup", "--idle", "5h"]).code, 0);
    if !world.configure_machine("[enforced.lease]\nidle = '1h'\n") {
        return;
    }
    assert_eq!(world.crabbox(&["run", "--", "true"]).code, 0);
    let lease = lease(&world.crabbox(&["status", "@last", "--json"]));
    assert!(is_in(time(&lease["idle_deadline"]), 1), "{lease}");
}

#[test]
fn the_hook_is_called_for_a_claim_alone() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    let slug = desk.world.only_slug();
    let end = (Timestamp::now() + SignedDuration::from_hours(20)).as_millisecond();
    let request = format!(r#"{{"deadline":{end}}}"#);
    let call = |more: &[&str]| {
        desk.crabbox(&[&["provider", "call", "desk", "extend", "--json"], more].concat())
    };
    desk.calls();
    let ran = call(&["--id", &slug, "--request", &request]);
    assert_eq!((ran.code, desk.calls().as_str()), (0, "extend"), "{ran:?}");
    assert!(is_in(time(&lease(&ran)["deadline"]), 20), "{ran:?}");
    assert!(is_in(own_deadline(&desk), 20));
    for request in
        [r#"{"deadline":1}"#, r#"{"deadline":"soon"}"#, r#"{"resource":{"name":"x"}}"#, "{}"]
    {
        let ran = call(&["--id", &slug, "--request", request]);
        assert_eq!((ran.code, desk.calls().as_str()), (2, ""), "{request}: {ran:?}");
    }
    assert_eq!(call(&["--request", &request]).code, 2);
}

#[test]
fn a_time_below_nothing_is_a_time_that_is_wrong() {
    let world = World::new();
    for option in ["--ttl", "--idle"] {
        let ran = world.crabbox(&["warmup", option, "-5m"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("`-5m` is no "), "{ran:?}");
    }
}
