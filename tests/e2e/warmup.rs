//! `crabbox warmup`: a box that is ready before anybody needs it.

use crate::cancel::Running;
use crate::desk::Desk;
use crate::together;
use crabbox_tests::{Ran, World, until};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::io;
use std::process::Command;

impl Desk {
    fn warmup_command(&self, more: &[&str]) -> Command {
        self.crabbox_command(&[&["warmup", "--provider", "desk"], more].concat())
    }

    fn warmup(&self, more: &[&str]) -> Ran {
        Ran::of(&mut self.warmup_command(more))
    }

    fn only_lease(&self) -> Value {
        let mut leases = self.world.leases(&[]);
        assert_eq!(leases.len(), 1, "{leases:?}");
        leases.remove(0)
    }

    /// A box that is parked, and holds the tree.
    fn parked() -> Self {
        let desk = Self::new("");
        assert_eq!(desk.run(&["--", "true"]).code, 0);
        desk.calls();
        desk
    }
}

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn the_next_run_finds_the_box_ready_and_the_tree_on_it() {
    let desk = Desk::new("");
    let ran = desk.warmup(&[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    assert_eq!(desk.calls(), "lease resolve");
    let lease = desk.only_lease();
    let slug = lease["slug"].as_str().expect("a slug");
    let said = format!("{slug} ({}) is warm for 30m, until ", lease["id"].as_str().expect("an id"));
    assert!(ran.stderr.contains(&said) && ran.stderr.contains("1 file sent"), "{ran:?}");
    let path = &desk.path;
    for line in [
        format!("hint: crabbox --provider-path {path} run --provider desk -- ls\n"),
        format!("hint: crabbox --provider-path {path} stop {slug}\n"),
    ] {
        assert!(ran.stderr.contains(&line), "{line}: {ran:?}");
    }
    let first = ran.stderr.lines().find_map(|line| line.strip_prefix("crabbox:   hint: crabbox "));
    let mut pasted = desk.world.command_of("sh".as_ref(), &["-c", "eval \"$CRABBOX $LINE\""]);
    pasted.env("CRABBOX", &crabbox_tests::built().crabbox).env("LINE", first.expect("a line"));
    let ran = Ran::of(&mut pasted);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello.txt\n"), "{ran:?}");
    assert_eq!(lease["state"], "ready");
    assert_eq!(lease["keep"], false, "nobody asked for that");
    assert_eq!(lease["run"], Value::Null, "nothing has run");
    let ends: Vec<_> =
        ["deadline", "idle_deadline"].iter().filter_map(|key| lease[key].as_str()).collect();
    assert_eq!(ends.len(), 2, "{lease}");

    let ran = desk.run(&["--", "cat", "hello.txt"]);
    assert_eq!((ran.stdout.as_str(), desk.calls().as_str()), ("hello\n", ""), "{ran:?}");
    assert!(ran.stderr.contains("tree unchanged"), "{ran:?}");
    assert_eq!(desk.only_lease()["state"], "ready", "and it is left as it was found");
}

#[test]
fn a_box_that_is_warm_already_is_given_the_tree_of_now_in_one_session() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    desk.calls();
    let run = desk.only_lease()["run"].clone();
    desk.world.write("more.txt", "more\n");
    let points = desk.world.root().join("points");
    let order = format!(">{}", points.display());
    let ran = Ran::of(desk.warmup_command(&["--json"]).env("CRABBOX_FAULT", order));
    let document = json(&ran);
    assert_eq!((ran.code, desk.calls().as_str()), (0, ""), "{ran:?}");
    assert_eq!(document["already_warm"], true);
    assert_eq!(document["sync"]["written"], 1);
    assert_eq!(document["lease"]["state"], "ready");
    assert_eq!(document["lease"]["keep"], true, "as it was");
    let points = fs::read_to_string(points).expect("points");
    let met = |name: &str| points.lines().filter(|point| *point == name).count();
    assert_eq!((met("session.opened"), met("session.synced")), (1, 1), "{points}");
    assert_eq!((met("session.started"), met("claim.before.take")), (0, 1), "{points}");
    assert_eq!(document["lease"]["run"], run, "the last run is still the last one");
    let ran = desk.warmup(&[]);
    assert!(ran.stderr.contains("is already warm for 8h 00m, until"), "{ran:?}");
    assert!(ran.stderr.contains("tree unchanged"), "{ran:?}");
    assert_eq!(desk.world.leases(&["--all"]).len(), 1);
}

#[test]
fn a_parked_box_is_switched_on_and_no_other_leased() {
    let desk = Desk::parked();
    let ran = desk.warmup(&["--keep"]);
    assert_eq!((ran.code, desk.calls().as_str()), (0, "resolve extend"), "{ran:?}");
    assert!(ran.stderr.contains(" is warm for 8h 00m, until"), "{ran:?}");
    let lease = desk.only_lease();
    assert_eq!((&lease["state"], &lease["keep"]), (&"ready".into(), &true.into()));
    let ran = desk.warmup(&["--fresh"]);
    assert_eq!((ran.code, desk.calls().as_str()), (0, "lease resolve"), "{ran:?}");
    assert_eq!(desk.world.leases(&[]).len(), 2);
}

#[test]
fn the_provider_of_a_box_that_was_started_is_told_of_a_warm_up_that_is_not_kept_either() {
    let desk = Desk::parked();
    let ran = desk.warmup(&[]);
    assert_eq!((ran.code, desk.calls().as_str()), (0, "resolve extend"), "{ran:?}");
}

#[test]
fn somebody_lets_go_of_it_in_time() {
    let world = World::new();
    assert_eq!(world.crabbox(&["warmup", "--idle", "1s"]).code, 0);
    until("it is parked", || world.leases(&[])[0]["state"] == "parked");
}

#[test]
fn a_box_in_use_is_waited_for_and_no_other_leased() {
    let world = World::new();
    let running = together::Running::on(&world, &[]);
    let slug = running.slug.clone();
    let warming = Running::of(&mut world.command(&["warmup"]));
    until("it is told whom it waits for", || {
        let log = world.crabbox(&["debug", "last"]).stdout;
        log.contains(&format!("waiting for {slug}, used by"))
    });
    running.end();
    let ran = warming.ends();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains(&format!("{slug} (")), "{ran:?}");
    assert_eq!(world.only_slug(), slug);
    assert_eq!(world.leases(&[])[0]["state"], "ready");
}

#[test]
fn what_goes_wrong_has_the_codes_of_every_command_and_leaves_no_box_on() {
    let desk = Desk::new("");
    desk.mood("lease fails");
    let ran = desk.warmup(&["--json"]);
    let document = json(&ran);
    assert_eq!((ran.code, &document["error"]["exit"]), (6, &6.into()), "{ran:?}");
    assert_eq!(document["outcome"], Value::Null, "that is a run's");

    let desk = Desk::new("impostor = true");
    let ran = desk.warmup(&["--json"]);
    assert_eq!((ran.code, &json(&ran)["error"]["exit"]), (1, &1.into()), "{ran:?}");
    assert_eq!(desk.calls(), "lease resolve release");
    assert_eq!(desk.only_lease()["state"], "parked");

    let ran = desk.warmup(&["--no-such"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let mut nested = desk.warmup_command(&[]);
    let ran = Ran::of(nested.env("CRABBOX_RUN", "run_0123456789ab"));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("`crabbox warmup` doesn't nest"), "{ran:?}");
}

#[test]
fn a_signal_before_the_box_is_ready_ends_it_and_parks_the_box() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let desk = Desk::parked();
        fs::write(desk.machine().join("sleepy"), "").expect("a file");
        let warming = Running::of(&mut desk.warmup_command(&["--json"]));
        let waited_for = desk.machine().join("waited-for");
        until("the machine is waited for", || waited_for.exists());
        warming.signal(signal);
        let ran = warming.ends();
        assert_eq!(ran.code, code, "{ran:?}");
        let document = json(&ran);
        assert_eq!(document["error"]["message"], "interrupted before the box was ready");
        assert_eq!(document["error"]["exit"], code);
        assert_eq!(desk.calls_in_turn(), "resolve release");
        assert_eq!(desk.only_lease()["state"], "parked");
    }
}

#[test]
fn a_signal_right_before_the_end_is_not_forgotten() {
    let desk = Desk::new("");
    let reached = desk.world.root().join("reached");
    let order = format!("session.synced@{}", reached.display());
    let warming = Running::of(desk.warmup_command(&[]).env("CRABBOX_FAULT", order));
    until("the box holds the tree", || reached.exists());
    let tasks = format!("/proc/{}/task", warming.child.id());
    let insists = |task: io::Result<fs::DirEntry>| {
        let name = fs::read_to_string(task.expect("a thread").path().join("comm"));
        name.is_ok_and(|name| name == "insist\n")
    };
    warming.signal(Signal::TERM);
    until("a thread makes sure that it ends", || {
        fs::read_dir(&tasks).expect("threads").any(insists)
    });
    fs::remove_file(reached).expect("removes");
    let ran = warming.ends();
    assert_eq!(ran.code, 143, "{ran:?}");
    assert_eq!(desk.only_lease()["state"], "parked");
}

#[test]
fn a_signal_while_the_provider_works_tells_it_to_stop() {
    let desk = Desk::parked();
    desk.mood("resolve waits");
    let warming = Running::of(&mut desk.warmup_command(&[]));
    let waited_for = desk.world.root().join("desk/waited-for");
    until("the provider waits", || waited_for.exists());
    warming.signal(Signal::INT);
    let ran = warming.ends();
    assert_eq!(ran.code, 130, "{ran:?}");
    assert!(ran.stderr.contains("interrupted before the box was ready"), "{ran:?}");
    assert!(ran.stderr.contains(" stop "), "{ran:?}");
}

#[test]
fn a_box_is_warmed_up_under_settings_from_the_line() {
    let world = World::new();
    let path = world.provider_path("crabbox_provider_desk").display().to_string();
    let root = world.root().join("desk").display().to_string();
    let warm = ["warmup", "--provider-path", &path, "--provider", "desk", "--desk-root", &root];
    let ran = world.crabbox(&warm);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(world.leases(&[])[0]["state"], "ready");
}

#[test]
fn a_quiet_warm_up_says_nothing() {
    let world = World::new();
    let ran = world.crabbox(&["warmup", "-q"]);
    assert_eq!((ran.code, ran.stdout.as_str(), ran.stderr.as_str()), (0, "", ""));
}

#[test]
fn a_kept_box_is_said_to_stay_for_as_long_as_it_does() {
    let world = World::new();
    let ran = world.crabbox(&["warmup", "--keep", "--idle", "3s", "--ttl", "1h"]);
    assert!(ran.stderr.contains(" is warm for 1h 00m, until "), "{ran:?}");
    let list = world.crabbox(&["list"]);
    assert!(list.stdout.contains(" 59m 5"), "{list:?}");
    let status = world.crabbox(&["status", "@last"]);
    assert!(status.stdout.contains(", and is told of then\n"), "{status:?}");
    let ran = world.crabbox(&["warmup", "--fresh", "--idle", "1m", "--ttl", "1h"]);
    assert!(ran.stderr.contains(" is warm for 59s, until "), "{ran:?}");
}
