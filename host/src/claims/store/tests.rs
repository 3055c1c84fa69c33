use super::super::life::tests::{claim as any, owned, way};
use super::super::stage::Stage;
use super::super::{LastRun, Owned, State, skew};
use super::*;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

fn claim(bits: u64, slug: &str) -> Claim {
    let made = Some(owned("1").into());
    let id = LeaseId::from_bits(bits);
    Claim { id, slug: slug.to_owned(), ..any(Stage::Leasing { made }) }
}

fn leased() -> Event {
    let run = Some(LastRun::new("run_1".to_owned()));
    Event::Leased { owned: owned("1"), way: way(), run, deadline: None, ttl: None }
}

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("temporary folder");
    let store = Store::open(&folder.path().join("state")).expect("opens");
    (folder, store)
}

#[test]
fn what_was_stored_is_there_after_opening_again() {
    let (folder, mut store) = store();
    let mut claim = claim(1, "amber-crab");
    assert!(store.insert(&claim).expect("inserts"));
    store.transition(&mut claim, &leased()).expect("transition");
    assert_eq!(claim.state(), State::Busy);
    drop(store);
    let store = Store::open(&folder.path().join("state")).expect("opens again");
    assert_eq!(store.get(&claim.id).expect("finds"), Some(claim));
}

#[test]
fn a_checkout_whose_path_is_no_text_has_claims_of_its_own() {
    let (_folder, mut store) = store();
    let path = |byte| Path::new(OsStr::from_bytes(&[b'/', byte])).to_owned();
    for (bits, byte) in [(1, 0xfe), (2, 0xff)] {
        let repository = path(byte);
        let slug = format!("crab-{bits}");
        let claim = Claim { repository, ..claim(bits, &slug) };
        assert!(store.insert(&claim).expect("inserts"));
        assert_eq!(store.of_repository(&path(byte), "local").expect("lists"), [claim]);
    }
}

#[test]
fn the_slower_of_two_writers_changes_nothing() {
    let (_folder, mut store) = store();
    let mut first = claim(1, "amber-crab");
    store.insert(&first).expect("inserts");
    let mut second = first.clone();
    store.transition(&mut first, &leased()).expect("first");
    let failed = Event::LeaseFailed { left: None, why: String::new() };
    let error = store.transition(&mut second, &failed).expect_err("raced");
    assert!(matches!(error, ClaimError::Raced(_)));
    assert_eq!(store.get(&first.id).expect("finds"), Some(first));
}

#[test]
fn whoever_gives_a_box_more_time_is_in_nobodys_way() {
    let (_folder, mut store) = store();
    let mut held = claim(1, "amber-crab");
    store.insert(&held).expect("inserts");
    store.transition(&mut held, &leased()).expect("leases");
    let mut seen = held.clone();
    let deadline = Moment::now();
    let extended = Event::Extended { deadline: deadline.clone(), idle_until: None };
    store.transition(&mut seen, &extended).expect("extends");
    let free = Event::Free {
        keep: false,
        idle_until: None,
        run_is_over: true,
        deadline: None,
        idle: None,
    };
    store.transition(&mut held, &free).expect("frees");
    assert_eq!((held.state(), held.deadline), (State::Ready, Some(deadline)));
}

#[test]
fn what_was_used_last_is_so_whatever_the_clock_says() {
    let (_folder, mut store) = store();
    skew::reset();
    let mut claims = [claim(1, "amber-crab"), claim(2, "blue-crab"), claim(3, "red-crab")];
    for claim in &mut claims {
        let owned = Owned { id: claim.slug.clone(), ..owned("") };
        claim.stage = Stage::Leasing { made: Some(owned.into()) };
        assert!(store.insert(claim).expect("inserts"));
    }
    // The second is used while the clock is a year ahead.
    for (at, ahead) in [(0, 0), (1, 24 * 365), (2, -24 * 365), (0, 0), (1, 0), (2, 0)] {
        skew::set_wall(jiff::SignedDuration::from_hours(ahead));
        let used = &mut claims[at];
        let event = match used.stage() {
            Stage::Leasing { .. } => {
                let owned = Owned { id: used.slug.clone(), ..owned("") };
                Event::Leased { owned, way: way(), run: None, deadline: None, ttl: None }
            }
            _ => Event::Free {
                keep: true,
                idle_until: None,
                run_is_over: true,
                deadline: None,
                idle: None,
            },
        };
        store.transition(used, &event).expect("is used");
        let last = store.last_used().expect("looks").expect("is there");
        assert_eq!(last.slug, used.slug);
        assert_eq!(store.get(&used.id).expect("reads").as_ref(), Some(&*used));
    }
    skew::reset();
}

#[test]
fn what_is_decided_by_time_is_decided_anew_when_that_was_changed() {
    let (_folder, mut store) = store();
    let mut held = claim(1, "amber-crab");
    store.insert(&held).expect("inserts");
    store.transition(&mut held, &leased()).expect("leases");
    let mut seen = held.clone();
    let extended = Event::Extended { deadline: Moment::now(), idle_until: None };
    store.transition(&mut seen, &extended).expect("extends");
    let free = Event::Free {
        keep: false,
        idle_until: None,
        run_is_over: true,
        deadline: None,
        idle: None,
    };
    let was_due = |now: &Claim| now.deadline.is_none();
    assert!(!store.transition_if(&mut held, &free, was_due).expect("asks"));
    assert_eq!(held, seen, "and it holds what is stored");
    assert!(store.transition_if(&mut held, &free, was_due).expect("nothing changed since"));
}

#[test]
fn a_slug_is_free_again_when_its_lease_is_over() {
    let (_folder, mut store) = store();
    let mut old = claim(1, "amber-crab");
    store.insert(&old).expect("inserts");
    assert!(!store.insert(&claim(2, "amber-crab")).expect("refused"));
    store.transition(&mut old, &Event::Gone).expect("gone");
    assert!(store.insert(&claim(2, "amber-crab")).expect("inserts"));
}

#[test]
fn many_may_be_the_first() {
    for _ in 0..10 {
        let folder = tempfile::tempdir().expect("temporary folder");
        let state = folder.path().join("state");
        std::thread::scope(|scope| {
            for bits in 0..16 {
                let state = &state;
                scope.spawn(move || {
                    let mut store = Store::open(state).expect("opens");
                    let claim = claim(bits, &format!("crab-{bits}"));
                    assert!(store.insert(&claim).expect("inserts"));
                });
            }
        });
        let (claims, _) = Store::open(&state).expect("opens").all(true).expect("lists");
        assert_eq!(claims.len(), 16);
    }
}

#[test]
fn one_bad_row_hides_no_other() {
    let (_folder, mut store) = store();
    store.insert(&claim(1, "amber-crab")).expect("inserts");
    store.insert(&claim(2, "blue-crab")).expect("inserts");
    store
        .database()
        .execute("UPDATE claims SET record = '{' WHERE slug = 'blue-crab'", [])
        .expect("damages");
    let (claims, unreadable) = store.all(false).expect("lists");
    assert_eq!(claims.len(), 1);
    assert_eq!(unreadable.len(), 1);
}

#[test]
fn a_newer_database_is_left_alone() {
    let (folder, store) = store();
    store.database().pragma_update(None, "user_version", SCHEMA + 1).expect("ages");
    drop(store);
    let error = Store::open(&folder.path().join("state")).expect_err("refuses");
    assert!(matches!(error, ClaimError::Newer { .. }));
}
