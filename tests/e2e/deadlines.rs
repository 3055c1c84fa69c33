//! A box has its time: more while a run goes on, and none when nobody uses it.

use crate::desk::Desk;
use crabbox_tests::{Ran, World, is_alive, until};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::fs;
use std::process::{Child, Stdio};

fn time(value: &Value) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{value}"))
}

fn left(lease: &Value) -> SignedDuration {
    time(&lease["deadline"]).duration_since(Timestamp::now())
}

fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}

/// A run that goes on until it is let go on.
struct Running {
    child: Child,
    go: std::path::PathBuf,
}

impl Running {
    fn start(
        world: &World,
        mut command: impl FnMut(&[&str]) -> std::process::Command,
        more: &[&str],
    ) -> Self {
        let (go, up) = (world.root().join("go"), world.root().join("up"));
        let line = format!(
            "touch '{}'; while [ ! -e '{}' ]; do sleep 0.02; done",
            up.display(),
            go.display()
        );
        let mut command = command(&[more, &["--shell", &line]].concat());
        let child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("runs");
        until("the command runs", || up.exists());
        fs::remove_file(up).expect("removes");
        Self { child, go }
    }

    fn end(self) -> Ran {
        fs::write(&self.go, "").expect("a file");
        let ran = Ran::from(self.child.wait_with_output().expect("ends"));
        fs::remove_file(self.go).expect("removes");
        ran
    }
}

#[test]
fn a_box_gets_more_time_again_and_again_while_its_run_goes_on() {
    let world = World::new();
    let running = Running::start(
        &world,
        |words| world.command(&[&["run"], words].concat()),
        &["--ttl", "2s"],
    );
    let first = time(&world.leases(&[])[0]["deadline"]);
    until("it has been given time twice", || {
        time(&world.leases(&[])[0]["deadline"]) > first + SignedDuration::from_secs(2)
    });
    assert_eq!(world.leases(&[])[0]["state"], "busy");
    let ran = running.end();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stderr.contains("warning"), "{ran:?}");
    assert_eq!(world.leases(&[])[0]["state"], "parked");
}

#[test]
fn a_box_that_took_the_place_of_one_that_is_gone_gets_more_time() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    fs::remove_dir_all(desk.machine()).expect("removes");
    let running = Running::start(&desk.world, |words| desk.command(words), &["--ttl", "2s"]);
    let deadline = || {
        let leases = desk.world.leases(&[]);
        time(&leases.iter().find(|lease| lease["state"] == "busy").expect("a lease")["deadline"])
    };
    let first = deadline();
    until("it has been given time", || deadline() > first);
    let ran = running.end();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stderr.contains("can't be extended"), "{ran:?}");
}

#[test]
fn time_for_the_run_is_no_time_without_use() {
    let world = World::new();
    let command = |words: &[&str]| {
        let mut command = world.command(&[&["run", "--keep"], words].concat());
        command.env("CI", "true");
        command
    };
    let running = Running::start(&world, command, &["--ttl", "2s", "--idle", "1ms"]);
    let first = time(&world.leases(&[])[0]["deadline"]);
    until("it has been given time", || time(&world.leases(&[])[0]["deadline"]) > first);
    assert_eq!(running.end().code, 0);
    let lease = &world.leases(&[])[0];
    assert!(time(&lease["idle_deadline"]) < time(&lease["deadline"]), "{lease}");
}

#[test]
fn a_provider_is_asked_only_when_less_than_half_is_left() {
    let desk = Desk::new("");
    let run = |ttl: &str| {
        let ran = Ran::of(desk.command(&["--", "true"]).env("CRABBOX_LEASE_TTL", ttl));
        assert_eq!(ran.code, 0, "{ran:?}");
        desk.calls()
    };
    let mut first = desk.command(&["--keep", "--", "true"]);
    assert_eq!(Ran::of(first.env("CRABBOX_LEASE_TTL", "4h")).code, 0);
    desk.calls();
    assert_eq!(run("7h"), "", "more than half of what is wanted is left");
    assert!(left(&desk.world.leases(&[])[0]) <= hours(4));
    assert_eq!(run("9h"), "extend");
    assert!(left(&desk.world.leases(&[])[0]) > hours(8));
    assert_eq!(run("100h"), "extend", "it never gives more than a day");
    assert!(left(&desk.world.leases(&[])[0]) > hours(23));
    assert_eq!(run("100h"), "", "it has given what it gives");
}

#[test]
fn a_time_on_the_line_is_for_a_box_that_is_there_too_and_takes_nothing_away() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--ttl", "4h", "--", "true"]).code, 0);
    desk.calls();
    let ran = desk.run(&["--ttl", "5h", "--", "true"]);
    assert_eq!((ran.code, desk.calls().as_str()), (0, "extend"), "{ran:?}");
    assert!(left(&desk.world.leases(&[])[0]) > hours(4));
    let ran = desk.run(&["--ttl", "1h", "--", "true"]);
    assert_eq!((ran.code, desk.calls().as_str()), (0, ""), "{ran:?}");
    assert!(ran.stderr.contains("already, and `--ttl` takes nothing away"), "{ran:?}");
    assert!(left(&desk.world.leases(&[])[0]) > hours(4));
    // Where no provider has to be told.
    let world = World::new();
    for (ttl, at_least) in [("2h", 1), ("5h", 4), ("1h", 4)] {
        let ran = world.crabbox(&["warmup", "--ttl", ttl]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(left(&world.leases(&[])[0]) > hours(at_least), "{ttl}");
    }
}

#[test]
fn an_idle_time_that_was_asked_for_is_the_leases_own_until_another_is() {
    let world = World::new();
    let idle = |line: &[&str]| {
        let ran = world.crabbox(line);
        assert_eq!(ran.code, 0, "{ran:?}");
        let leases = world.leases(&[]);
        let end = time(&leases.last().expect("a lease")["idle_deadline"]);
        end.duration_since(Timestamp::now()).as_hours()
    };
    assert_eq!(idle(&["warmup", "--idle", "3h"]), 2);
    assert_eq!(idle(&["run", "--", "true"]), 2);
    assert_eq!(idle(&["warmup"]), 2);
    assert_eq!(idle(&["run", "--idle", "5h", "--", "true"]), 4);
    assert_eq!(idle(&["run", "--keep", "--", "true"]), 4);
    assert_eq!(idle(&["warmup", "--fresh"]), 0, "another has what the settings say");
}

#[test]
fn a_time_to_live_that_was_asked_for_is_the_leases_own_until_another_is() {
    let world = World::new();
    let after = |line: &[&str]| {
        let ran = world.crabbox(line);
        assert_eq!(ran.code, 0, "{ran:?}");
        let used = |lease: &Value| time(&lease["used"]);
        let lease = world.leases(&[]).into_iter().max_by_key(used).expect("a lease");
        let left = left(&lease).as_hours();
        let stopped = world.crabbox(&["stop", lease["slug"].as_str().expect("a slug")]);
        assert_eq!(stopped.code, 0, "{stopped:?}");
        left
    };
    // Also of one that was begun without it, by a command that was killed.
    let mut killed = world.command(&["run", "--slug", "red-eel", "--", "true"]);
    assert_eq!(Ran::of(killed.env("CRABBOX_FAULT", "claim.after.insert")).code, -1);
    assert_eq!(after(&["run", "--keep", "--slug", "red-eel", "--ttl", "3h", "--", "true"]), 2);
    assert_eq!(world.leases(&[]).len(), 1);
    assert_eq!(after(&["run", "--keep", "--", "true"]), 2, "it was started again");
    assert_eq!(after(&["warmup", "--ttl", "5h"]), 4);
    assert_eq!(after(&["warmup"]), 4);
    assert_eq!(after(&["warmup", "--fresh"]), 7, "another has what the settings say");
    if world.configure_machine("[enforced.lease]\nttl = '2h'\n") {
        assert_eq!(after(&["warmup", "--slug", "red-eel"]), 1, "no more than is allowed now");
    }
    // A run that goes on gives the box as much each time.
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--ttl", "4h", "--", "true"]).code, 0);
    desk.calls();
    let mut later = desk.command(&["--", "true"]);
    assert_eq!(Ran::of(later.env("CRABBOX_LEASE_TTL", "20h")).code, 0);
    assert_eq!(desk.calls(), "", "more than half of what is its own is left");
}

#[test]
fn the_provider_of_a_box_that_was_started_is_told_until_when_it_may_stay() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--ttl", "1m", "--", "true"]).code, 0);
    desk.calls();
    assert_eq!(desk.run(&["--keep", "--ttl", "8h", "--", "true"]).code, 0);
    assert_eq!(desk.calls(), "resolve extend");
    let own = fs::read_to_string(desk.machine().join("deadline")).expect("a deadline");
    let own = Timestamp::from_millisecond(own.parse().expect("a number")).expect("a time");
    assert!(own.duration_since(Timestamp::now()) > hours(7));
}

#[test]
fn a_run_whose_box_gets_no_more_time_is_as_good_as_it_was() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--ttl", "1m", "--", "true"]).code, 0);
    desk.mood("extend fails");
    let ran = desk.run(&["--ttl", "8h", "--shell", "exit 7"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.stderr.contains("warning: the box gets no more time, it may stay for "), "{ran:?}");
    assert!(ran.stderr.contains("nobody is at the desk"), "{ran:?}");
}

#[test]
fn in_ci_no_box_is_used_whose_provider_isnt_told_until_when_it_may_stay() {
    let desk = Desk::new("");
    let run = || Ran::of(desk.command(&["--keep", "--", "echo", "ran"]).env("CI", "true"));
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    desk.mood("extend fails");
    let is_refused = |ran: &Ran| {
        assert_eq!((ran.code, ran.stdout.as_str()), (125, ""), "{ran:?}");
        assert!(ran.stderr.contains("isn't told until when it may stay"), "{ran:?}");
        assert!(ran.stderr.contains("nobody is at the desk"), "{ran:?}");
        assert!(ran.stderr.contains("it is parked"), "{ran:?}");
        assert!(!desk.machine().join("on").exists());
        assert_eq!(state(&desk.world, &desk.world.only_slug()), "parked");
    };
    is_refused(&run());
    desk.mood("");
    desk.calls();
    let ran = run();
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "ran\n"), "{ran:?}");
    assert_eq!(desk.calls(), "resolve extend");
    // The same of one that has to be started once more.
    fs::remove_file(desk.machine().join("on")).expect("switches off");
    desk.mood("extend fails");
    is_refused(&run());
}

/// A kept run, and what its lease is called.
fn keep(world: &World, more: &[&str]) -> String {
    let before: Vec<_> = world.leases(&[]).iter().map(|lease| lease["id"].clone()).collect();
    let ran = world.crabbox(&[&["run", "--fresh", "--keep"], more, &["--", "true"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let new = world.leases(&[]).into_iter().find(|lease| !before.contains(&lease["id"]));
    new.expect("a new one")["slug"].as_str().expect("a slug").to_owned()
}

fn state(world: &World, slug: &str) -> String {
    let leases = world.leases(&[]);
    let lease = leases.iter().find(|lease| lease["slug"] == *slug).expect("the lease");
    lease["state"].as_str().expect("a state").to_owned()
}

#[test]
fn a_box_is_let_go_of_in_time_without_anybodys_doing_and_nobody_is_left_then() {
    let world = World::new();
    let slug = keep(&world, &["--ttl", "1s"]);
    until("it is parked", || state(&world, &slug) == "parked");
    until("nobody is left", || world.caretaker().is_none());
}

#[test]
fn one_caretaker_looks_after_all_boxes_and_notices_new_times() {
    let world = World::new();
    let long = keep(&world, &[]);
    until("it lives", || world.caretaker().is_some());
    let first = world.caretaker();
    let extended = keep(&world, &["--ttl", "2s"]);
    let short = keep(&world, &["--ttl", "2s"]);
    assert_eq!(world.crabbox(&["extend", &extended, "10h"]).code, 0);
    until("it is parked", || state(&world, &short) == "parked");
    assert_eq!((state(&world, &long), state(&world, &extended)), ("ready".into(), "ready".into()));
    assert_eq!(world.caretaker(), first);
    for slug in [&long, &extended] {
        assert_eq!(world.crabbox(&["stop", slug]).code, 0);
    }
    until("nobody is left", || world.caretaker().is_none());
}

#[test]
fn nobody_is_left_behind_where_that_is_not_wanted() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--", "true"]).code, 0);
    let mut kept = world.command(&["run", "--keep", "--", "true"]);
    let kept = Ran::of(kept.env("CI", "true"));
    assert_eq!(kept.code, 0);
    let slug = world.leases(&[])[0]["slug"].as_str().expect("a slug").to_owned();
    let told = format!(
        "nothing lets go of {slug} in time, but for its job\ncrabbox:   hint: crabbox stop {slug}\n"
    );
    assert!(kept.stderr.contains(&told), "{kept:?}");
    assert!(!world.root().join("state/crabbox/caretaker.lock").exists());
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    assert!(!desk.world.root().join("state/crabbox/caretaker.lock").exists());
}

#[test]
fn the_caretaker_goes_with_its_folder_and_makes_none_anew() {
    let world = World::new();
    keep(&world, &[]);
    until("it lives", || world.caretaker().is_some());
    let process = world.caretaker().expect("it lives");
    let state = world.root().join("state");
    fs::remove_dir_all(&state).expect("removes");
    until("it ends", || !is_alive(process));
    assert!(!state.exists());
}

#[test]
fn a_box_that_lingers_is_there_for_the_next_run_and_let_go_of_then() {
    let world = World::new();
    world.configure("[lease]\nlinger = '10m'\n");
    let ran = world.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains(" stays ready for 9m 59s, and is parked then\n"), "{ran:?}");
    assert!(ran.stderr.contains("hint: crabbox warmup"), "{ran:?}");
    let lease = &world.leases(&[])[0];
    assert_eq!((&lease["state"], &lease["keep"]), (&"ready".into(), &false.into()));
    until("somebody looks after it", || world.caretaker().is_some());
    world.configure("[lease]\nlinger = '1ms'\n");
    let slug = lease["slug"].as_str().expect("a slug").to_owned();
    assert_eq!(world.crabbox(&["stop", &slug]).code, 0);
    assert_eq!(world.crabbox(&["run", "--", "true"]).code, 0);
    until("it is parked", || state(&world, &slug) == "parked");
    // Nobody would let go of it there.
    world.configure("[lease]\nlinger = '10m'\n");
    assert_eq!(Ran::of(world.command(&["run", "--", "true"]).env("CI", "true")).code, 0);
    assert_eq!(state(&world, &slug), "parked");
}

#[test]
fn a_provider_is_told_how_long_a_box_lingers_and_parks_it_if_it_cannot_be() {
    let desk = Desk::new("[lease]\nlinger = '10m'");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    assert_eq!(desk.calls(), "lease resolve extend");
    let ends = |name: &str| time(&desk.world.leases(&[])[0][name]);
    let own = fs::read_to_string(desk.machine().join("deadline")).expect("a deadline");
    let own = Timestamp::from_millisecond(own.parse().expect("a number")).expect("a time");
    assert_eq!((ends("deadline"), ends("idle_deadline")), (own, own), "earlier than at first");
    assert!(desk.world.caretaker().is_none());
    let slug = desk.world.only_slug();
    assert_eq!(desk.crabbox(&["stop", &slug]).code, 0);
    desk.mood("extend fails");
    let ran = desk.run(&["--shell", "exit 7"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.stderr.contains("can't stay ready: desk: nobody is at the desk"), "{ran:?}");
    assert_eq!(state(&desk.world, &slug), "parked");
}

/// A desk whose machine allows boxes so much time; its provider gives whole minutes.
fn allowing(ttl: &str) -> Option<Desk> {
    let desk = Desk::new("");
    let enforced = format!("[enforced]\nlease.ttl = '{ttl}'\n");
    desk.world.configure_machine(&enforced).then_some(desk)
}

#[test]
fn no_rounding_of_a_provider_gives_a_box_more_time_than_the_machine_allows() {
    let Some(desk) = allowing("150s") else { return };
    let before = Timestamp::now();
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    let lease = desk.world.leases(&[])[0].clone();
    let given = |lease: &Value| time(&lease["deadline"]).duration_since(before);
    assert!(given(&lease) >= SignedDuration::from_mins(2), "as much as there can be: {lease}");
    let slug = lease["slug"].as_str().expect("a slug");
    assert_eq!(desk.crabbox(&["extend", slug, "130s"]).code, 0);
    let lease = desk.world.leases(&[])[0].clone();
    // The clock goes on between the two.
    let most = Timestamp::now().duration_since(before) + SignedDuration::from_secs(150);
    assert!(given(&lease) <= most, "{lease}");
    let own = fs::read_to_string(desk.machine().join("deadline")).expect("a deadline");
    let own = Timestamp::from_millisecond(own.trim().parse().expect("a number")).expect("a time");
    assert!(own.duration_since(before) <= most);
}

#[test]
fn a_provider_that_gives_no_time_so_short_is_not_asked_and_both_are_named() {
    let Some(desk) = allowing("90s") else { return };
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    desk.calls();
    let refused = desk.crabbox(&["extend", "@last", "80s"]);
    let why = "`desk` gives a box no less than 2m 00s, and for `lease.ttl`, ";
    assert_eq!(refused.code, 2, "{refused:?}");
    for words in [why, "etc/config.toml:2 allows at most `1m 30s`"] {
        assert!(refused.stderr.contains(words), "{words}: {}", refused.stderr);
    }
    assert_eq!(desk.calls(), "");
    assert!(desk.world.configure_machine("[enforced]\nlease.ttl = '59s'\n"));
    let refused = desk.run(&["--fresh", "--", "true"]);
    let why = "`desk` gives a box no less than 1m 00s, and for `lease.ttl`, ";
    assert!(refused.code == 125 && refused.stderr.contains(why), "{refused:?}");
    assert_eq!((desk.calls().as_str(), desk.world.leases(&["--all"]).len()), ("", 1));
}

#[test]
fn what_a_provider_gives_beyond_what_the_machine_allows_is_told_and_not_used() {
    let Some(desk) = allowing("10m") else { return };
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    desk.mood("extend gives more");
    let extended = desk.crabbox(&["extend", "@last", "5m"]);
    assert_eq!(extended.code, 0, "{extended:?}");
    let told = "warning: `desk` keeps the box of `";
    let why = "etc/config.toml:2 allows at most `10m`";
    assert!(extended.stderr.contains(told) && extended.stderr.contains(why), "{extended:?}");
    let lease = desk.world.leases(&[])[0].clone();
    assert!(left(&lease) > hours(9), "it is what it is: {lease}");
    let ours = time(&lease["idle_deadline"]).duration_since(Timestamp::now());
    assert!(ours <= SignedDuration::from_mins(10), "{lease}");
}
