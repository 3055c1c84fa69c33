use super::*;
use crate::claims::{Ending, Event, LeaseId, Machine, Owned, Way, skew};
use crabbox_provider_api::payload::{Endpoint, Scope, Transport};
use jiff::Timestamp;
use std::collections::BTreeMap;

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(1000 + minutes)
}

fn owned() -> Owned {
    let (name, id) = ("box".to_owned(), "1".to_owned());
    let attributes = serde_json::Map::new();
    Owned { name, id, scope: Scope::default(), attributes, owner: None }
}

fn way() -> Way {
    let transport = Transport::Exec { prefix: Vec::new() };
    let endpoint = Endpoint::new(transport, "~/crabbox");
    Way { endpoint, identity: None, machine: None, marker: None, login: None }
}

fn run() -> LastRun {
    LastRun::new("run_0123456789ab".to_owned())
}

/// A claim after these events, the first of which are those that lead to a busy box.
fn after(events: &[Event]) -> Claim {
    let claim = Claim::new(LeaseId::from_bits(1), "amber-crab".to_owned());
    let step = |claim: Claim, event: &Event| claim.after(event, at(0)).expect("a transition");
    events.iter().fold(claim, step)
}

fn busy() -> Vec<Event> {
    let machine = Machine { machine_id: String::new(), boot_id: String::new() };
    vec![
        Event::Checkpoint(owned().into()),
        Event::Leased { owned: owned(), way: way(), run: Some(run()), deadline: None, ttl: None },
        Event::Note { machine, marker: "m".to_owned() },
    ]
}

fn free(keep: bool) -> Event {
    let idle_until = Some(at(30).into());
    Event::Free { keep, idle_until, run_is_over: true, deadline: None, idle: None }
}

/// The link to its run was lost.
fn leave() -> Event {
    let idle_until = Some(at(30).into());
    Event::Free { keep: false, idle_until, run_is_over: false, deadline: None, idle: None }
}

fn release() -> Event {
    Event::Release { found: None, action: ReleaseAction::Park, failed: false, run_is_over: true }
}

/// One of each kind, by name.
fn claims() -> BTreeMap<&'static str, Claim> {
    let more = |more: &[Event]| after(&[busy(), more.to_vec()].concat());
    let why = String::new;
    let failed = |left| Event::LeaseFailed { left, why: why() };
    let made = || Event::Checkpoint(owned().into());
    let mut all = BTreeMap::from([
        ("leasing nothing", after(&[])),
        ("leasing", after(&[made()])),
        ("failed nothing", after(&[failed(None)])),
        ("failed", after(&[made(), failed(Some(owned().into()))])),
        ("unproven busy", after(&busy()[..2])),
        ("busy", more(&[])),
        ("ready", more(&[free(false)])),
        ("kept", more(&[free(true)])),
        ("left", more(&[leave()])),
        ("doubtful", more(&[Event::Unproven { why: why() }])),
        ("started", more(&[release(), Event::Parked, Event::Start { deadline: None }])),
        (
            "unanswered",
            more(&[
                release(),
                Event::Parked,
                Event::Start { deadline: None },
                Event::Unproven { why: why() },
            ]),
        ),
        ("releasing", more(&[release()])),
        ("parked", more(&[release(), Event::Parked])),
        ("released", more(&[release(), Event::Deleted])),
        ("lost", more(&[Event::Gone])),
    ]);
    for claim in all.values_mut() {
        if !matches!(claim.stage(), Stage::Parked { .. }) {
            claim.deadline = Some(at(60).into());
        }
    }
    all
}

const ORDER: Order =
    Order { expired: false, delete_parked: false, parked_ttl: Duration::from_mins(45) };

fn facts(minutes: i64) -> Facts {
    Facts { now: at(minutes).into(), held: false, run: RunSeen::Unasked }
}

#[test]
fn every_state_has_its_verdict_before_and_after_its_deadlines() {
    use ReleaseAction::Park;
    use Verdict::{Ask, Check, Close, Leave, Release, Report};
    let rows = [
        // Before all, after the idle, and after the last deadline.
        ("leasing nothing", [Close(Why::Abandoned); 3]),
        ("leasing", [Release(Why::Abandoned, Park); 3]),
        ("failed nothing", [Close(Why::Failed); 3]),
        ("failed", [Release(Why::Failed, Park); 3]),
        ("releasing", [Release(Why::Unfinished, Park); 3]),
        (
            "unproven busy",
            [
                Release(Why::Abandoned, Park),
                Release(Why::Abandoned, Park),
                Release(Why::Expired, Park),
            ],
        ),
        ("busy", [Ask(Why::Abandoned), Ask(Why::Abandoned), Release(Why::Expired, Park)]),
        ("ready", [Leave, Release(Why::Idle, Park), Release(Why::Expired, Park)]),
        ("kept", [Leave, Report(Why::KeptIdle), Release(Why::Expired, Park)]),
        ("left", [Leave, Ask(Why::Idle), Release(Why::Expired, Park)]),
        ("doubtful", [Check(Why::InDoubt), Check(Why::InDoubt), Release(Why::Expired, Park)]),
        (
            "started",
            [
                Release(Why::Abandoned, Park),
                Release(Why::Abandoned, Park),
                Release(Why::Expired, Park),
            ],
        ),
        (
            "unanswered",
            [Release(Why::InDoubt, Park), Release(Why::InDoubt, Park), Release(Why::Expired, Park)],
        ),
        ("parked", [Leave, Leave, Report(Why::LongParked)]),
        ("released", [Leave; 3]),
        ("lost", [Leave; 3]),
    ];
    let claims = claims();
    assert_eq!(claims.len(), rows.len());
    for (name, wanted) in rows {
        for (minutes, wanted) in [0, 31, 61].into_iter().zip(wanted) {
            let said = verdict(&claims[name], &facts(minutes), &ORDER);
            assert_eq!(said, wanted, "{name} at {minutes}");
        }
    }
}

#[test]
fn what_somebody_holds_is_never_touched() {
    for (name, claim) in claims() {
        for (expired, delete_parked) in [(false, false), (true, true)] {
            let order = Order { expired, delete_parked, ..ORDER };
            let held = Facts { held: true, ..facts(1_000_000) };
            assert_eq!(verdict(&claim, &held, &order), Verdict::Leave, "{name}");
        }
    }
}

#[test]
fn a_run_that_may_go_on_has_its_time() {
    let busy = claims().remove("busy").expect("one");
    let said = |run, minutes| verdict(&busy, &Facts { run, ..facts(minutes) }, &ORDER);
    assert_eq!(said(RunSeen::GoesOn, 59), Verdict::Report(Why::RunGoesOn));
    assert_eq!(said(RunSeen::Unknown, 59), Verdict::Report(Why::RunUnknown));
    let park = ReleaseAction::Park;
    assert_eq!(said(RunSeen::Over, 59), Verdict::Release(Why::Abandoned, park));
    assert_eq!(said(RunSeen::GoesOn, 60), Verdict::Release(Why::Expired, park));
    let left = claims().remove("left").expect("one");
    for expired in [false, true] {
        let order = Order { expired, ..ORDER };
        let said = |run, minutes| verdict(&left, &Facts { run, ..facts(minutes) }, &order);
        assert_eq!(said(RunSeen::GoesOn, 31), Verdict::Report(Why::RunGoesOn));
        assert_eq!(said(RunSeen::Unknown, 31), Verdict::Report(Why::RunUnknown));
        assert_eq!(said(RunSeen::Over, 31), Verdict::Release(Why::Idle, park));
        assert_eq!(said(RunSeen::GoesOn, 60), Verdict::Release(Why::Expired, park));
        assert_eq!(said(RunSeen::GoesOn, 29), Verdict::Leave);
    }
    let mut seen = busy.clone();
    seen.run = Some(LastRun { over: true, ..run() });
    assert_eq!(verdict(&seen, &facts(0), &ORDER), Verdict::Release(Why::Abandoned, park));
}

#[test]
fn those_whose_time_is_over_are_no_others() {
    let order = Order { expired: true, ..ORDER };
    for (name, claim) in claims() {
        assert_eq!(verdict(&claim, &facts(0), &order), Verdict::Leave, "{name}");
        let why = verdict(&claim, &facts(61), &order).why();
        let times =
            ["unproven busy", "busy", "ready", "kept", "left", "doubtful", "started", "unanswered"];
        let has_time = times.contains(&name);
        assert_eq!(why, has_time.then_some(Why::Expired), "{name}");
    }
}

#[test]
fn a_parked_box_is_deleted_by_order_or_by_what_was_settled() {
    let parked = claims().remove("parked").expect("one");
    let delete = Verdict::Release(Why::LongParked, ReleaseAction::Delete);
    let order = Order { delete_parked: true, ..ORDER };
    assert_eq!(verdict(&parked, &facts(46), &order), delete);
    assert_eq!(verdict(&parked, &facts(44), &order), Verdict::Leave);
    let mut settled = parked.clone();
    settled.ending = Ending::Delete;
    assert_eq!(verdict(&settled, &facts(46), &ORDER), delete);
    // The clock was set back since.
    assert_eq!(verdict(&parked, &facts(-46), &order), Verdict::Leave);
    let mut doubtful = parked;
    doubtful.trouble = Some(String::new());
    assert_eq!(verdict(&doubtful, &facts(0), &ORDER), Verdict::Check(Why::InDoubt));
}

#[test]
fn a_clock_that_is_set_parks_no_box_for_longer() {
    let order = Order { delete_parked: true, ..ORDER };
    skew::reset();
    let releasing = after(&[busy(), vec![release()]].concat());
    let parked = releasing.after(&Event::Parked, Moment::now()).expect("parks");
    let said = || {
        let now = Moment::now();
        let is_long = is_long_parked(&parked, order.parked_ttl, &now);
        let facts = Facts { now, ..facts(0) };
        assert_eq!(is_long, verdict(&parked, &facts, &order) != Verdict::Leave);
        is_long
    };
    skew::set_wall(SignedDuration::from_hours(24 * 30));
    assert!(!said());
    skew::set_wall(SignedDuration::from_hours(-24 * 60));
    skew::pass(SignedDuration::from_mins(46));
    assert!(said());
    skew::reset();
}

#[test]
fn what_was_somebody_elses_before_is_never_released() {
    for (name, mut claim) in claims() {
        claim.ending = Ending::None;
        for minutes in [0, 31, 61] {
            let said = verdict(&claim, &facts(minutes), &ORDER);
            assert!(!matches!(said, Verdict::Release(..)), "{name} at {minutes}");
        }
        assert_eq!(due(&claim), None, "{name}");
    }
}

#[test]
fn a_box_is_due_when_it_is_released_and_not_before() {
    let order = Order { expired: true, ..ORDER };
    for (name, claim) in claims() {
        let Some(due) = due(&claim).map(|due| due.wall) else {
            assert!(!matches!(claim.stage(), Stage::Ready { .. }), "{name}");
            continue;
        };
        let facts = |now: Timestamp| Facts { now: now.into(), held: false, run: RunSeen::Unasked };
        let is_released = |now| {
            matches!(verdict(&claim, &facts(now), &order), Verdict::Release(..) | Verdict::Ask(_))
        };
        assert!(is_released(due) && !is_released(due - SignedDuration::from_secs(1)), "{name}");
    }
}
