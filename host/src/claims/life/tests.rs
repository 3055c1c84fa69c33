use super::super::id::LeaseId;
use super::*;
use crabbox_provider_api::payload::{Endpoint, Scope, Transport};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

pub(in super::super) fn owned(id: &str) -> Owned {
    let attributes = serde_json::Map::new();
    Owned {
        name: "box-000000000001".to_owned(),
        id: id.to_owned(),
        scope: Scope::default(),
        attributes,
        owner: None,
    }
}

pub(in super::super) fn way() -> Way {
    let transport = Transport::Exec { prefix: Vec::new() };
    let endpoint = Endpoint::new(transport, "~/crabbox");
    Way { endpoint, identity: None, machine: None, marker: None, login: None }
}

pub(in super::super) fn claim(stage: Stage) -> Claim {
    Claim {
        id: LeaseId::from_bits(1),
        slug: "amber-crab".to_owned(),
        revision: 1,
        provider: "local".to_owned(),
        provider_version: "0.1.0".to_owned(),
        name: String::new(),
        ending: Ending::Park,
        keep: false,
        repository: "/checkout".into(),
        profile: String::new(),
        owner: None,
        created: Timestamp::UNIX_EPOCH,
        updated: Timestamp::UNIX_EPOCH,
        used: Timestamp::UNIX_EPOCH,
        deadline: None,
        stays_until: None,
        idle: None,
        ttl: None,
        run: None,
        trouble: None,
        stage,
    }
}

fn run() -> LastRun {
    LastRun::new("run_0123456789ab".to_owned())
}

/// One of each kind and, where it matters, with and without what it may hold.
fn stages() -> Vec<Stage> {
    let since = Moment::from(Timestamp::UNIX_EPOCH);
    let made = || Some(owned("1").into());
    let named = || Some(Made { id: None, ..owned("1").into() });
    vec![
        Stage::Leasing { made: None },
        Stage::Leasing { made: made() },
        Stage::Leasing { made: named() },
        Stage::Ready { owned: owned("1"), way: None, idle_until: None },
        Stage::Ready { owned: owned("1"), way: Some(way()), idle_until: None },
        Stage::Busy { owned: owned("1"), way: way() },
        Stage::Releasing { owned: owned("1"), failed: false },
        Stage::Releasing { owned: owned("1"), failed: true },
        Stage::Parked { owned: owned("1"), since },
        Stage::Released { made: None },
        Stage::Lost { made: None },
        Stage::Failed { made: None },
        Stage::Failed { made: made() },
        Stage::Failed { made: named() },
    ]
}

fn events(owned: &Owned) -> Vec<Event> {
    let owned = || owned.clone();
    let why = String::new;
    let action = ReleaseAction::Park;
    let found = || Some((owned(), way()));
    let machine = Machine { machine_id: String::new(), boot_id: String::new() };
    vec![
        Event::Checkpoint(owned().into()),
        Event::Leased { owned: owned(), way: way(), run: Some(run()), deadline: None, ttl: None },
        Event::LeaseFailed { left: None, why: why() },
        Event::LeaseFailed { left: Some(owned().into()), why: why() },
        Event::Nothing,
        Event::Start { deadline: None },
        Event::NotStarted { since: Moment::now() },
        Event::Take { found: None, run: Some(run()), deadline: None, ttl: None },
        Event::Take { found: found(), run: Some(run()), deadline: None, ttl: None },
        Event::Note { machine, marker: String::new() },
        Event::Free {
            keep: false,
            idle_until: None,
            run_is_over: true,
            deadline: None,
            idle: None,
        },
        Event::Unproven { why: why() },
        Event::Unreached { why: why() },
        Event::Extended { deadline: Moment::now(), idle_until: None },
        Event::Release { found: None, action, failed: false, run_is_over: true },
        Event::Release { found: Some(owned()), action, failed: false, run_is_over: true },
        Event::Parked,
        Event::Deleted,
        Event::LetGo,
        Event::Gone,
    ]
}

/// Everything that can happen to any claim.
fn all() -> impl Iterator<Item = (Claim, Event, Result<Claim, Refused>)> {
    let endings = [Ending::None, Ending::Park, Ending::Delete];
    let claims = stages()
        .into_iter()
        .flat_map(move |stage| endings.map(|ending| Claim { ending, ..claim(stage.clone()) }));
    claims.flat_map(|claim| {
        events(&owned("1")).into_iter().map(move |event| {
            let next = claim.after(&event, Timestamp::UNIX_EPOCH);
            (claim.clone(), event, next)
        })
    })
}

#[test]
fn the_names_are_those_of_the_events() {
    let names: BTreeSet<_> = events(&owned("1")).iter().map(Event::name).collect();
    assert_eq!(names, BTreeSet::from(Event::NAMES));
}

#[test]
fn the_picture_shows_every_transition_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/explanation/leases.md");
    let document = fs::read_to_string(path).expect("reads");
    let drawn: BTreeSet<String> = document
        .lines()
        .map(str::trim)
        .filter(|line| line.contains(" --> ") && line.contains(": "))
        .map(str::to_owned)
        .collect();
    let real: BTreeSet<String> = all()
        .filter_map(|(from, event, to)| {
            let name = event.name().replace('_', " ");
            Some(format!("{} --> {}: {name}", from.state(), to.ok()?.state()))
        })
        .collect();
    assert_eq!(drawn, real);
}

#[test]
fn nothing_happens_after_the_end() {
    for (from, event, to) in all() {
        assert!(!from.state().is_final() || to.is_err(), "{from:?} {event:?}");
    }
}

#[test]
fn a_resource_is_never_exchanged_for_another() {
    let elsewhere = |scope| Owned { scope, ..owned("1") };
    let (deployment, account) = ("there".to_owned(), "another".to_owned());
    let others = [
        owned("2"),
        elsewhere(Scope { deployment, ..Scope::default() }),
        elsewhere(Scope { account, ..Scope::default() }),
    ];
    for (stage, other) in
        stages().into_iter().flat_map(|stage| others.each_ref().map(|other| (stage.clone(), other)))
    {
        for event in events(other) {
            let before = claim(stage.clone());
            // What is left of a lease that failed is what the caller knows.
            if matches!(event, Event::LeaseFailed { .. }) {
                continue;
            }
            let Ok(after) = before.after(&event, Timestamp::UNIX_EPOCH) else { continue };
            let (Some(before), Some(after)) = (before.made(), after.made()) else { continue };
            assert!(before.id.is_none() || before.id == after.id, "{event:?}");
            assert_eq!(before.scope, after.scope, "{event:?}");
        }
    }
}

#[test]
fn a_name_proves_nothing_unless_it_holds_the_number_of_the_lease() {
    for (name, is_ours) in [("box-000000000001", true), ("machine-1", false)] {
        let made = Made { name: name.to_owned(), id: None, ..owned("1").into() };
        let claim = claim(Stage::Leasing { made: Some(made) });
        let found = Owned { name: name.to_owned(), ..owned("1") };
        assert_eq!(claim.is_about(&found.resource(), &found.scope), is_ours, "{name}");
        let release = Event::Release {
            found: Some(found),
            action: ReleaseAction::Delete,
            failed: true,
            run_is_over: true,
        };
        assert_eq!(claim.after(&release, Timestamp::UNIX_EPOCH).is_ok(), is_ours, "{name}");
    }
}

#[test]
fn a_checkpoint_never_loses_sight_of_what_was_made() {
    let made = |name: &str, id: Option<&str>| Made {
        name: name.to_owned(),
        id: id.map(str::to_owned),
        ..owned("1").into()
    };
    let after = |claim: &Claim, made| claim.after(&Event::Checkpoint(made), Timestamp::UNIX_EPOCH);
    let id_of = |claim: Claim| claim.made().and_then(|made| made.id);
    let named = claim(Stage::Leasing { made: Some(made("box", None)) });
    let known = after(&named, made("box", Some("1"))).expect("its id is known now");
    for leasing in [&named, &known] {
        assert!(after(leasing, made("another", Some("1"))).is_err());
        assert!(after(leasing, made("another", None)).is_err());
    }
    assert!(after(&known, made("box", Some("2"))).is_err());
    let again = after(&known, made("box", None)).expect("it is asked for once more");
    assert_eq!(id_of(again), Some("1".to_owned()));
}

#[test]
fn what_is_to_be_deleted_is_not_kept_after_all() {
    let deleting = Claim {
        ending: Ending::Delete,
        ..claim(Stage::Releasing { owned: owned("1"), failed: false })
    };
    let action = ReleaseAction::Park;
    let park = Event::Release { found: None, action, failed: false, run_is_over: true };
    assert!(deleting.after(&park, Timestamp::UNIX_EPOCH).is_err());
}

#[test]
fn what_was_extended_stays_after_the_next_run_too() {
    let late = Moment::at("2030-01-01T00:00:00Z".parse().expect("a time"));
    let busy = claim(Stage::Busy { owned: owned("1"), way: way() });
    let idle_until = Some(late.clone());
    let extended = Event::Extended { deadline: late.clone(), idle_until };
    let extended = busy.after(&extended, Timestamp::UNIX_EPOCH).expect("extends");
    let soon = Some(Moment::now());
    let free = Event::Free {
        keep: false,
        idle_until: soon,
        run_is_over: true,
        deadline: None,
        idle: None,
    };
    let ready = extended.after(&free, Timestamp::UNIX_EPOCH).expect("frees");
    assert_eq!(ready.ends(), Some(late));
}

#[test]
fn a_failed_lease_is_never_used_again() {
    for (from, event, to) in all().filter(|(from, ..)| from.has_failed()) {
        let used =
            to.is_ok_and(|to| matches!(to.state(), State::Busy | State::Ready | State::Parked));
        assert!(!used, "{from:?} {event:?}");
    }
}

#[test]
fn nothing_is_parked_or_deleted_without_a_durable_intent() {
    for (from, event, to) in all().filter(|(_, _, to)| to.is_ok()) {
        let ends = matches!(event, Event::Parked | Event::Deleted);
        assert!(!ends || from.state() == State::Releasing, "{to:?}");
    }
}

#[test]
fn what_was_somebody_elses_before_is_never_released_by_itself() {
    for (from, event, to) in all().filter(|(from, ..)| from.ending == Ending::None) {
        assert!(from.to_release().is_none());
        let is_order = matches!(event, Event::Release { .. });
        assert!(is_order || to.is_err() || to.is_ok_and(|to| to.ending == Ending::None));
    }
}

#[test]
fn a_deadline_is_never_moved_back_by_an_extension() {
    let late: Timestamp = "2030-01-01T00:00:00Z".parse().expect("a time");
    let late = Moment::at(late);
    let idle_until = Some(late.clone());
    let ready = Stage::Ready { owned: owned("1"), way: None, idle_until };
    let ready = Claim { deadline: Some(late.clone()), ..claim(ready) };
    let deadline = Moment::now();
    let event = Event::Extended { deadline: deadline.clone(), idle_until: Some(deadline) };
    let after = ready.after(&event, Timestamp::UNIX_EPOCH).expect("extends");
    assert_eq!(after.ends(), Some(late));
}

#[test]
fn whoever_runs_nothing_leaves_the_last_run_in_the_claim() {
    let now = Timestamp::UNIX_EPOCH;
    let ready = Stage::Ready { owned: owned("1"), way: Some(way()), idle_until: None };
    let ready = Claim { run: Some(run()), ..claim(ready) };
    let take = Event::Take { found: None, run: None, deadline: None, ttl: None };
    let taken = ready.after(&take, now).expect("takes");
    assert_eq!(taken.run, Some(run()), "its end may not have been seen");
    let made = Some(owned("1").into());
    let leasing = Claim { run: Some(run()), ..claim(Stage::Leasing { made }) };
    let leased =
        Event::Leased { owned: owned("1"), way: way(), run: None, deadline: None, ttl: None };
    assert_eq!(leasing.after(&leased, now).expect("leases").run, None, "it never began");
}

#[test]
fn an_ordinary_claim_becomes_kept_only_by_asking_and_ordinary_again_by_letting_go() {
    let busy = claim(Stage::Busy { owned: owned("1"), way: way() });
    let free = |keep| Event::Free {
        keep,
        idle_until: None,
        run_is_over: true,
        deadline: None,
        idle: None,
    };
    let now = Timestamp::UNIX_EPOCH;
    assert!(!busy.after(&free(false), now).expect("frees").keep);
    let kept = busy.after(&free(true), now).expect("frees");
    let take = Event::Take { found: None, run: Some(run()), deadline: None, ttl: None };
    let again = kept.after(&take, now).expect("takes");
    assert!(again.after(&free(false), now).expect("frees").keep);
    let action = ReleaseAction::Park;
    let release = Event::Release { found: None, action, failed: false, run_is_over: true };
    let releasing = again.after(&release, now);
    let parked = releasing.expect("releases").after(&Event::Parked, now).expect("parks");
    assert!(!parked.keep);
}

#[test]
fn a_box_that_is_stopped_or_gone_runs_nothing() {
    let now = Timestamp::now();
    let run = Some(run());
    let releasing = Stage::Releasing { owned: owned("1"), failed: false };
    let claim = Claim { run, ..claim(releasing) };
    for event in [Event::Parked, Event::Deleted, Event::Gone] {
        let after = claim.after(&event, now).expect("happens");
        assert!(after.run.expect("it was there").over, "{event:?}");
        assert_eq!(after.used, claim.used, "{event:?}");
    }
}
