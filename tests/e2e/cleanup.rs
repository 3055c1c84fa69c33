//! `crabbox cleanup`: what nobody looks after is let go of, and nothing else.

use crate::desk::Desk;
use crabbox::claims::{Claim, Event, LeaseId, Owned, Store, Way};
use crabbox_provider_api::payload::{Attributes, Endpoint, ReleaseAction, Scope, Transport};
use crabbox_tests::{Ran, World, until};
use serde_json::Value;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

/// What was done, and why, for each lease.
fn done(ran: &Ran) -> Vec<String> {
    let document = document(ran);
    let word = |one: &Value, key: &str| one[key].as_str().expect("a word").to_owned();
    let leases = document["leases"].as_array().expect("a list");
    leases.iter().map(|one| format!("{} {}", word(one, "done"), word(one, "why"))).collect()
}

/// Without a process beside the test: what is let go of is let go of by the test.
fn quietly(command: &mut Command) -> Ran {
    Ran::of(command.env("CI", "true"))
}

fn cleanup(world: &World, more: &[&str]) -> Ran {
    world.crabbox(&[&["cleanup", "--json"], more].concat())
}

pub(crate) fn faulted(command: &mut Command, order: &str) {
    let ran = quietly(command.env("CRABBOX_FAULT", order));
    assert_eq!(ran.code, -1, "{ran:?}");
}

pub(crate) fn states(world: &World) -> Vec<String> {
    let leases = world.leases(&["--all"]);
    leases.iter().map(|lease| lease["state"].as_str().expect("a state").to_owned()).collect()
}

impl Desk {
    fn cleanup(&self, more: &[&str]) -> Ran {
        self.crabbox(&[&["cleanup", "--json"], more].concat())
    }

    /// Where the helper keeps its notes.
    fn notes(&self) -> PathBuf {
        self.machine().join("home/crabbox/.crabbox")
    }

    /// A run whose host was killed while the command ran.
    fn killed_run(&self) {
        faulted(&mut self.command(&["--", "true"]), "session.started");
        let lock = self.lock();
        until("the session ends", || File::open(&lock).expect("a lock").try_lock().is_ok());
        self.calls();
    }

    /// The lock of the only workspace.
    fn lock(&self) -> PathBuf {
        let mut trees = fs::read_dir(self.notes().join("trees")).expect("trees");
        trees.next().expect("one").expect("an entry").path().join("lock")
    }

    fn forget_ends(&self) {
        for run in fs::read_dir(self.notes().join("runs")).expect("runs") {
            let _ = fs::remove_file(run.expect("an entry").path().join("exit"));
        }
    }
}

#[test]
fn what_was_never_made_is_closed_and_what_was_left_half_done_is_finished() {
    let world = World::new();
    let run = || world.command(&["run", "--", "true"]);
    faulted(&mut run(), "claim.after.insert");
    let before = world.leases(&[]);
    let planned = cleanup(&world, &["--dry-run"]);
    assert_eq!((planned.code, done(&planned)), (0, vec!["planned abandoned".to_owned()]));
    assert_eq!(document(&planned)["leases"][0]["planned"], "close");
    assert_eq!(world.leases(&[]), before, "nothing is done");
    assert_eq!(done(&cleanup(&world, &[])), ["closed abandoned"]);
    for (point, wanted) in [
        ("claim.after.leased", "parked abandoned"),
        ("claim.after.release", "parked unfinished"),
        ("call.after.lease", "parked abandoned"),
    ] {
        faulted(&mut world.command(&["run", "--fresh", "--", "true"]), point);
        let ran = cleanup(&world, &[]);
        assert_eq!((ran.code, done(&ran)), (0, vec![wanted.to_owned()]), "{point}: {ran:?}");
    }
    assert_eq!(states(&world), ["released", "parked", "parked", "parked"]);
    let logs = || fs::read_dir(world.root().join("state/crabbox/logs")).expect("logs").count();
    let before = logs();
    let again = world.crabbox(&["cleanup"]);
    assert_eq!(logs(), before, "there is nothing to keep of it");
    assert!(again.stderr.contains("nothing is to be cleaned up"), "{again:?}");
}

#[test]
fn a_run_whose_end_nobody_saw_is_asked_for_on_its_box() {
    let desk = Desk::new("");
    desk.killed_run();
    desk.forget_ends();
    let session = File::open(desk.lock()).expect("a lock");
    session.try_lock().expect("nobody has it");
    let planned = desk.cleanup(&["--dry-run"]);
    assert_eq!(
        (done(&planned), desk.calls().as_str()),
        (vec!["planned abandoned".to_owned()], "list")
    );
    let ran = desk.cleanup(&[]);
    assert_eq!((ran.code, done(&ran)), (6, vec!["left run_goes_on".to_owned()]), "{ran:?}");
    assert_eq!(
        (desk.calls().as_str(), states(&desk.world)),
        ("resolve list", vec!["busy".to_owned()])
    );
    desk.mood("resolve fails");
    let ran = desk.cleanup(&[]);
    assert_eq!((ran.code, done(&ran)), (6, vec!["left run_unknown".to_owned()]), "{ran:?}");
    assert_eq!(states(&desk.world), ["busy"]);
    desk.mood("");
    drop(session);
    desk.calls();
    let ran = desk.cleanup(&[]);
    assert_eq!((ran.code, done(&ran)), (0, vec!["parked abandoned".to_owned()]), "{ran:?}");
    assert_eq!(desk.calls(), "resolve release list");
}

#[test]
fn a_run_that_goes_on_has_its_time_and_no_more() {
    let desk = Desk::new("");
    faulted(&mut desk.command(&["--ttl", "1s", "--", "true"]), "session.started");
    let lock = desk.lock();
    until("the session ends", || File::open(&lock).expect("a lock").try_lock().is_ok());
    let deadline = &desk.world.leases(&[])[0]["deadline"];
    assert!(deadline.is_string(), "a provider's own deadline is at least a minute");
    // A box that is switched off runs nothing.
    fs::remove_file(desk.machine().join("on")).expect("switches off");
    assert_eq!(done(&desk.cleanup(&[])), ["parked abandoned"]);
}

#[test]
fn what_is_in_use_is_never_touched_however_late_it_is() {
    let world = World::new();
    let go = world.root().join("go");
    let line = format!("touch '{0}.up'; while [ ! -e '{0}' ]; do sleep 0.02; done", go.display());
    let mut command = world.command(&["run", "--ttl", "10ms", "--shell", &line]);
    let running = command.env("CI", "true").spawn().expect("runs");
    until("the command runs", || world.root().join("go.up").exists());
    let ran = cleanup(&world, &["--expired"]);
    assert_eq!((ran.code, done(&ran)), (0, Vec::new()), "{ran:?}");
    assert_eq!(states(&world), ["busy"]);
    fs::write(go, "").expect("a file");
    assert!(running.wait_with_output().expect("ends").status.success());
}

#[test]
fn a_kept_box_is_told_of_when_nobody_uses_it_and_let_go_of_at_its_deadline() {
    let world = World::new();
    let keep = |ttl: &str| {
        let line = ["run", "--keep", "--fresh", "--idle", "1ms", "--ttl", ttl, "--", "true"];
        assert_eq!(quietly(&mut world.command(&line)).code, 0);
    };
    keep("8h");
    let ran = cleanup(&world, &[]);
    assert_eq!((ran.code, done(&ran)), (0, vec!["left kept_idle".to_owned()]), "{ran:?}");
    let told = world.crabbox(&["cleanup"]);
    assert!(told.stderr.contains("hint: crabbox extend "), "{told:?}");
    keep("1ms");
    let ran = cleanup(&world, &["--expired"]);
    let mut done = done(&ran);
    done.sort();
    assert_eq!(
        (ran.code, done),
        (0, vec!["left kept_idle".to_owned(), "parked expired".to_owned()])
    );
    assert_eq!(states(&world), ["ready", "parked"]);
}

#[test]
fn a_box_that_is_extended_while_a_cleanup_asks_for_it_stays() {
    let world = World::new();
    let line = ["run", "--keep", "--ttl", "1ms", "--", "true"];
    assert_eq!(quietly(&mut world.command(&line)).code, 0);
    let pause = world.root().join("pause");
    let mut command = world.command(&["cleanup", "--json"]);
    command.env("CRABBOX_FAULT", format!("call.after.resolve@{}", pause.display()));
    let cleaning = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    until("its provider has answered", || pause.exists());
    let mut extend = world.command(&["extend", &world.only_slug(), "2h"]);
    assert_eq!(quietly(&mut extend).code, 0);
    fs::remove_file(pause).expect("removes");
    let ran = Ran::from(cleaning.wait_with_output().expect("ends"));
    assert_eq!((ran.code, done(&ran)), (0, Vec::new()), "{ran:?}");
    assert_eq!(states(&world), ["ready"]);
}

#[test]
fn a_lease_that_failed_is_released_once_it_is_seen_again() {
    let desk = Desk::new("");
    desk.mood("lease fails");
    let root = desk.world.root().join("desk");
    fs::write(root.join("unseen"), "").expect("a file");
    assert_eq!(desk.run(&["--", "true"]).code, 125);
    fs::write(desk.machine().join("on"), "").expect("switches on");
    let ran = desk.cleanup(&[]);
    assert_eq!((ran.code, done(&ran)), (6, vec!["failed failed".to_owned()]), "{ran:?}");
    desk.mood("");
    let ran = desk.cleanup(&[]);
    assert_eq!((ran.code, done(&ran)), (0, vec!["parked unfinished".to_owned()]), "{ran:?}");
    let ran = desk.cleanup(&[]);
    assert_eq!((ran.code, done(&ran)), (0, vec!["left failed".to_owned()]), "{ran:?}");
    assert!(document(&ran)["leases"][0]["hints"][0].as_str().expect("a hint").contains("--delete"));
    fs::remove_dir_all(desk.machine()).expect("removes");
    assert_eq!(done(&desk.cleanup(&[])), ["deleted failed"]);
    assert_eq!(states(&desk.world), ["lost"]);
}

#[test]
fn a_box_of_a_failed_lease_that_is_parked_is_not_parked_again() {
    let world = World::new();
    faulted(&mut world.command(&["run", "--", "true"]), "call.after.lease");
    let mut store = Store::open(&world.root().join("state/crabbox")).expect("opens");
    let mut claim = store.all(false).expect("reads").0.remove(0);
    let left = claim.made();
    assert!(left.is_some(), "a box was made");
    let failed = Event::LeaseFailed { left, why: "its way leads nowhere".to_owned() };
    store.transition(&mut claim, &failed).expect("fails");
    drop(store);
    assert_eq!(done(&cleanup(&world, &[])), ["parked failed"]);
    for _ in 0..2 {
        let ran = cleanup(&world, &[]);
        assert_eq!((ran.code, done(&ran)), (0, vec!["left failed".to_owned()]), "{ran:?}");
    }
    assert_eq!(states(&world), ["failed"]);
}

#[test]
fn a_box_in_doubt_is_closed_when_it_is_gone_and_left_when_it_is_there() {
    let desk = Desk::new("");
    assert_eq!(quietly(&mut desk.command(&["--keep", "--", "true"])).code, 0);
    fs::remove_file(desk.machine().join("on")).expect("switches off");
    desk.mood("resolve fails");
    assert_eq!(desk.run(&["--", "true"]).code, 125);
    let ran = desk.cleanup(&[]);
    assert_eq!((ran.code, done(&ran)), (6, vec!["failed in_doubt".to_owned()]), "{ran:?}");
    desk.mood("");
    let ran = desk.cleanup(&[]);
    assert_eq!((ran.code, done(&ran)), (0, vec!["found in_doubt".to_owned()]), "{ran:?}");
    assert!(!desk.machine().join("on").exists(), "nothing is switched on");
    fs::remove_dir_all(desk.machine()).expect("removes");
    assert_eq!(done(&desk.cleanup(&[])), ["deleted in_doubt"]);
}

#[test]
fn a_parked_box_that_cant_be_seen_stays_parked_and_one_without_an_answer_isnt_ready() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--", "true"]).code, 0);
    let slug = world.only_slug();
    let data = world.root().join("data");
    fs::rename(&data, world.root().join("elsewhere")).expect("moves");
    assert_eq!(world.crabbox(&["run", "--", "true"]).code, 0);
    let lease = &world.leases(&[])[0];
    assert_eq!((&lease["slug"], &lease["state"]), (&(&*slug).into(), &"parked".into()));
    assert!(lease["deadline"].is_null(), "{lease}");
    assert!(lease["trouble"].as_str().is_some_and(|why| why.contains("can't be seen")), "{lease}");
    let ran = cleanup(&world, &[]);
    assert_eq!((ran.code, done(&ran)), (6, vec!["failed in_doubt".to_owned()]), "{ran:?}");
    // Of one that was to be started nobody knows more.
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    desk.mood("resolve fails");
    assert_eq!(desk.run(&["--", "true"]).code, 125);
    let list = desk.crabbox(&["list"]);
    assert!(list.stdout.contains(" ready, in doubt "), "{list:?}");
    desk.mood("");
    let ran = desk.cleanup(&[]);
    assert_eq!((ran.code, done(&ran)), (0, vec!["parked in_doubt".to_owned()]), "{ran:?}");
}

#[test]
fn one_broken_provider_and_one_that_is_gone_stand_in_nobodys_way() {
    let desk = Desk::new("");
    faulted(&mut desk.world.command(&["run", "--", "true"]), "claim.after.leased");
    faulted(&mut desk.command(&["--", "true"]), "claim.after.leased");
    desk.mood("resolve fails");
    let ran = desk.cleanup(&[]);
    assert_eq!(
        (ran.code, done(&ran)),
        (6, vec!["failed abandoned".to_owned(), "parked abandoned".to_owned()])
    );
    let ran = desk.world.crabbox(&["cleanup", "--json"]);
    assert_eq!((ran.code, done(&ran)), (6, vec!["failed abandoned".to_owned()]), "{ran:?}");
    assert!(!document(&ran)["leases"][0]["hints"].as_array().expect("hints").is_empty());
}

#[test]
fn what_has_no_claim_is_told_of_and_left_alone() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--", "true"]).code, 0);
    fs::remove_dir_all(world.root().join("state")).expect("removes");
    let ran = cleanup(&world, &[]);
    assert_eq!((ran.code, done(&ran)), (0, Vec::new()), "{ran:?}");
    let name = world.only_box().file_name().expect("a name").to_string_lossy().into_owned();
    let unclaimed = &document(&ran)["unclaimed"][0];
    assert_eq!(unclaimed["resource"]["name"], *name);
    let told = world.crabbox(&["cleanup"]);
    assert!(told.stderr.contains(&format!("crabbox adopt {name} --provider local")), "{told:?}");
    assert!(world.only_box().exists());
}

#[test]
fn a_question_about_many_boxes_names_ten() {
    let world = World::new();
    world.configure("[lease]\nparked_ttl = '1ms'\n");
    let mut store = Store::open(&world.root().join("state/crabbox")).expect("opens");
    let mut asked = |count: u64| {
        let name = format!("red-eel-{count:02}");
        let owned = Owned {
            id: name.clone(),
            name: name.clone(),
            scope: Scope::default(),
            attributes: Attributes::new(),
            owner: None,
        };
        let mut claim = Claim::new(LeaseId::from_bits(count), name);
        "local".clone_into(&mut claim.provider);
        assert!(store.insert(&claim).expect("inserts"));
        let transport = Transport::Exec { prefix: Vec::new() };
        let way = Way {
            endpoint: Endpoint::new(transport, "~/crabbox"),
            identity: None,
            machine: None,
            marker: None,
            login: None,
        };
        let action = ReleaseAction::Park;
        for event in [
            Event::Checkpoint(owned.clone().into()),
            Event::Leased { owned, way, run: None, deadline: None, ttl: None },
            Event::Release { found: None, action, failed: false, run_is_over: true },
            Event::Parked,
        ] {
            store.transition(&mut claim, &event).expect("goes on");
        }
        let ran = world.crabbox(&["cleanup", "--delete-parked"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        let names = ran.stderr.lines().next().and_then(|line| line.rsplit_once(": "));
        names.expect("names").1.to_owned()
    };
    let mut said = Vec::new();
    for count in 1..=12 {
        said.push(asked(count));
    }
    let ten = "red-eel-10, red-eel-09, red-eel-08, red-eel-07, red-eel-06, red-eel-05, red-eel-04, \
               red-eel-03, red-eel-02, red-eel-01";
    assert_eq!(said[9], ten);
    let later = "red-eel-12, red-eel-11, red-eel-10, red-eel-09, red-eel-08, red-eel-07, red-eel-06, \
                 red-eel-05, red-eel-04, red-eel-03 and 2 more";
    assert_eq!(said[11], later);
}

#[test]
fn parked_boxes_are_deleted_by_order_only() {
    let world = World::new();
    world.configure("[lease]\nparked_ttl = '1ms'\n");
    assert_eq!(world.crabbox(&["run", "--", "true"]).code, 0);
    let ran = cleanup(&world, &[]);
    assert_eq!((ran.code, done(&ran)), (0, vec!["left long_parked".to_owned()]), "{ran:?}");
    let told = "1 box is parked for longer than `lease.parked_ttl`\ncrabbox:   hint: crabbox cleanup --delete-parked";
    for command in [&["list"][..], &["run", "--fresh", "--keep", "--", "true"]] {
        let ran = quietly(&mut world.command(command));
        assert!(ran.stderr.contains(told), "{ran:?}");
    }
    let kept = world.leases(&[])[1]["slug"].as_str().expect("a slug").to_owned();
    assert_eq!(world.crabbox(&["stop", &kept, "--delete", "--yes"]).code, 0);
    let slug = world.only_slug();
    let asked = world.crabbox(&["cleanup", "--delete-parked"]);
    let said = format!("error: deleting 1 box must be confirmed: {slug}\n");
    assert!(asked.code == 2 && asked.stderr.contains(&said), "{asked:?}");
    let told = world.crabbox(&["cleanup", "--yes"]);
    assert_eq!(
        (told.code, told.stdout.matches("it is parked for long").count()),
        (0, 1),
        "{told:?}"
    );
    assert!(!told.stderr.contains("parked for long"), "why is said once: {told:?}");
    let plan = world.crabbox(&["cleanup", "--delete-parked", "--dry-run"]).stdout;
    assert!(plan.contains(" PLAN ") && plan.contains(" would be deleted "), "{plan}");
    let ran = cleanup(&world, &["--delete-parked", "--dry-run"]);
    assert_eq!(done(&ran), ["planned long_parked"], "{ran:?}");
    let ran = cleanup(&world, &["--delete-parked", "--yes"]);
    assert_eq!((ran.code, done(&ran)), (0, vec!["deleted long_parked".to_owned()]), "{ran:?}");
    assert!(world.boxes().is_empty());
    let nothing = cleanup(&world, &["--delete-parked"]);
    assert_eq!(nothing.code, 0, "nobody is asked about nothing: {nothing:?}");
}

#[test]
fn many_at_once_let_go_of_each_box_once() {
    let desk = Desk::new("");
    for slug in ["one", "two", "three"] {
        let mut warmup = desk.crabbox_command(&["warmup", "--provider", "desk", "--fresh"]);
        warmup.args(["--slug", slug, "--idle", "1ms"]);
        assert_eq!(quietly(&mut warmup).code, 0);
    }
    desk.calls();
    let cleanup = || desk.crabbox_command(&["cleanup", "--json"]);
    let all = (0..12).map(|_| cleanup().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn());
    let all: Vec<_> = all.map(|child| child.expect("runs")).collect();
    for child in all {
        let ran = Ran::from(child.wait_with_output().expect("ends"));
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(!ran.stderr.contains("is locked"), "{ran:?}");
    }
    let calls = desk.calls();
    assert_eq!(calls.matches("release").count(), 3, "{calls}");
    assert_eq!(states(&desk.world), ["parked", "parked", "parked"]);
}
