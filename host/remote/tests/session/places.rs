//! Places on a box that several leases share.

use crate::machine::{Machine, Session, patiently};
use crabbox_wire::frame::ToHost;
use crabbox_wire::message::{FailureCode, Identity, Request};
use crabbox_wire::place::{Place, PlaceAnswer, PlaceOrder, Survey};
use crabbox_wire::text::Text;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::thread;

const ROOT: &str = "0123456789abcdef0123456789abcdef";

fn lease(number: u32) -> String {
    format!("cbx_{number:012x}")
}

fn folder(machine: &Machine, number: u32) -> PathBuf {
    machine.root().join(lease(number))
}

fn request(machine: &Machine, number: u32, order: PlaceOrder) -> Request {
    let nothing = crate::machine::Files::new(&[]).root();
    Request {
        lease: lease(number),
        work_root: Text(folder(machine, number).as_os_str().as_bytes().to_vec()),
        place: Some(order),
        sync: None,
        ..machine.request(None, nothing)
    }
}

/// The answer, or why there is none.
fn ask(machine: &Machine, number: u32, order: PlaceOrder) -> Result<PlaceAnswer, FailureCode> {
    let mut answer = None;
    let log = machine.open(&request(machine, number, order)).finish(|frame, _| {
        if let ToHost::Place(said) = frame {
            answer = Some(PlaceAnswer::clone(said));
        }
    });
    answer.ok_or_else(|| log.failed().expect("an answer or a failure"))
}

fn survey(machine: &Machine, root: Option<&str>) -> Survey {
    let order = PlaceOrder::Survey { root: root.map(str::to_owned) };
    match ask(machine, 0, order) {
        Ok(PlaceAnswer::Surveyed(survey)) => survey,
        other => panic!("{other:?}"),
    }
}

fn place(machine: &Machine, number: u32) -> Place {
    Place {
        machine_id: survey(machine, Some(ROOT)).machine_id,
        root: ROOT.to_owned(),
        folder: Text(folder(machine, number).as_os_str().as_bytes().to_vec()),
        nonce: format!("nonce-{number}"),
    }
}

fn take(machine: &Machine, number: u32, limit: u32) -> Result<PlaceAnswer, FailureCode> {
    let place = place(machine, number);
    ask(machine, number, PlaceOrder::Take { place, limit: Some(limit) })
}

fn look(machine: &Machine, place: &Place, number: u32) -> PlaceAnswer {
    ask(machine, number, PlaceOrder::Look { place: place.clone() }).expect("an answer")
}

fn remove(machine: &Machine, number: u32) -> Result<PlaceAnswer, FailureCode> {
    ask(machine, number, PlaceOrder::Remove { place: place(machine, number) })
}

#[test]
fn who_only_looks_changes_nothing() {
    let machine = Machine::new();
    let surveyed = survey(&machine, None);
    assert_eq!((surveyed.root, surveyed.used), (None, 0));
    assert_eq!(fs::read_dir(machine.root()).expect("reads").count(), 0);
    let place = place(&machine, 1);
    assert_eq!(look(&machine, &place, 1), PlaceAnswer::Gone);
    assert_eq!(fs::read_dir(machine.root()).expect("reads").count(), 1, "the work root's number");
    assert_eq!(survey(&machine, Some("another")).root.as_deref(), Some(ROOT));
}

#[test]
fn taking_twice_takes_once_and_the_limit_holds_for_many_at_once() {
    let machine = Machine::new();
    assert_eq!(take(&machine, 1, 3), Ok(PlaceAnswer::Here));
    assert_eq!(take(&machine, 1, 1), Ok(PlaceAnswer::Here), "its own doesn't count against it");
    let answers: Vec<_> = thread::scope(|scope| {
        let machine = &machine;
        let all: Vec<_> = (2..10).map(|at| scope.spawn(move || take(machine, at, 3))).collect();
        all.into_iter().map(|one| one.join().expect("ends")).collect()
    });
    let taken = answers.iter().filter(|answer| **answer == Ok(PlaceAnswer::Here)).count();
    let full = answers.iter().filter(|answer| **answer == Ok(PlaceAnswer::Full { used: 3 }));
    assert_eq!((taken, full.count()), (2, 6), "{answers:?}");
    assert_eq!(survey(&machine, None).used, 3);
}

#[test]
fn only_the_same_machine_and_work_root_prove_that_a_place_is_gone() {
    let machine = Machine::new();
    take(&machine, 1, 9).expect("takes");
    let ours = place(&machine, 1);
    let other_machine = Place { machine_id: "another".to_owned(), ..ours.clone() };
    let other_root = Place { root: "another".to_owned(), ..ours.clone() };
    for other in [other_machine, other_root] {
        assert!(matches!(look(&machine, &other, 1), PlaceAnswer::Elsewhere { .. }));
        let removed = ask(&machine, 1, PlaceOrder::Remove { place: other });
        assert!(matches!(removed, Ok(PlaceAnswer::Elsewhere { .. })), "{removed:?}");
    }
    let other_nonce = Place { nonce: "another".to_owned(), ..ours.clone() };
    assert!(matches!(look(&machine, &other_nonce, 1), PlaceAnswer::Foreign { .. }));
    let removed = ask(&machine, 1, PlaceOrder::Remove { place: other_nonce });
    assert!(matches!(removed, Ok(PlaceAnswer::Foreign { .. })), "{removed:?}");
    assert_eq!(look(&machine, &ours, 1), PlaceAnswer::Here);
    assert_eq!(remove(&machine, 1), Ok(PlaceAnswer::Removed));
    assert_eq!(remove(&machine, 1), Ok(PlaceAnswer::Gone));
    assert_eq!(look(&machine, &ours, 1), PlaceAnswer::Gone);
}

#[test]
fn a_place_that_lost_its_marker_is_neither_gone_nor_removed() {
    let machine = Machine::new();
    take(&machine, 1, 9).expect("takes");
    let ours = place(&machine, 1);
    let marker = folder(&machine, 1).join(".crabbox/place");
    let text = fs::read(&marker).expect("a marker");
    fs::remove_file(&marker).expect("removes");
    let unmarked = || PlaceAnswer::Foreign { why: "its marker is gone".to_owned() };
    assert_eq!(look(&machine, &ours, 1), unmarked());
    assert_eq!(remove(&machine, 1), Ok(unmarked()));
    assert!(folder(&machine, 1).exists());
    fs::write(&marker, text).expect("writes");
    assert_eq!(remove(&machine, 1), Ok(PlaceAnswer::Removed));
    // A file under its name is no place, nor was one.
    fs::write(folder(&machine, 1), "theirs").expect("writes");
    assert_eq!(look(&machine, &ours, 1), PlaceAnswer::Gone);
}

#[test]
fn machines_without_an_id_that_share_a_home_do_not_prove_each_others_places() {
    let mut machine = Machine::new();
    if !machine.loses_its_id("one") {
        return;
    }
    assert_eq!(take(&machine, 1, 9), Ok(PlaceAnswer::Here));
    let ours = place(&machine, 1);
    assert_eq!(look(&machine, &ours, 1), PlaceAnswer::Here);
    assert_eq!(survey(&machine, None).used, 1);
    let nobodys = Place { machine_id: String::new(), ..ours.clone() };
    assert!(matches!(look(&machine, &nobodys, 1), PlaceAnswer::Elsewhere { .. }));
    // The same home, boot and kernel.
    machine.loses_its_id("other");
    assert_eq!(survey(&machine, None).machine_id, "", "who only looks makes none");
    assert!(matches!(look(&machine, &ours, 1), PlaceAnswer::Elsewhere { .. }));
    assert_ne!(place(&machine, 1).machine_id, ours.machine_id);
    let removed = ask(&machine, 1, PlaceOrder::Remove { place: ours.clone() });
    assert!(matches!(removed, Ok(PlaceAnswer::Elsewhere { .. })), "{removed:?}");
    for place in [ours, nobodys] {
        let session = Request {
            place: None,
            identity: Identity::Place { place },
            ..request(&machine, 1, PlaceOrder::Survey { root: None })
        };
        let log = machine.open(&session).with_nothing(|_, _| {});
        assert_eq!(log.failed(), Some(FailureCode::Identity));
    }
}

#[test]
fn no_folder_but_a_leases_own_is_ever_named() {
    let machine = Machine::new();
    let ours = place(&machine, 1);
    for path in [machine.root(), machine.root().join(".."), folder(&machine, 2)] {
        let folder = Text(path.as_os_str().as_bytes().to_vec());
        let place = Place { folder, ..ours.clone() };
        let asked = ask(&machine, 1, PlaceOrder::Remove { place });
        assert_eq!(asked, Err(FailureCode::Request), "{}", path.display());
    }
}

#[test]
fn a_session_without_its_place_does_nothing() {
    let machine = Machine::new();
    take(&machine, 1, 9).expect("takes");
    let ours = place(&machine, 1);
    let with = |place: &Place| Request {
        place: None,
        identity: Identity::Place { place: place.clone() },
        ..request(&machine, 1, PlaceOrder::Survey { root: None })
    };
    let refused = |request: &Request| machine.open(request).with_nothing(|_, _| {}).failed();
    let other = Place { nonce: "another".to_owned(), ..ours.clone() };
    assert_eq!(refused(&with(&other)), Some(FailureCode::Identity));
    // Elsewhere, with a link that leads there.
    let away = machine.outside("away");
    fs::rename(folder(&machine, 1), &away).expect("moves");
    symlink(&away, folder(&machine, 1)).expect("links");
    assert_eq!(refused(&with(&ours)), Some(FailureCode::Identity));
    assert!(!away.join(".crabbox/leases").exists(), "nothing was marked");
}

#[test]
fn a_work_root_where_everybody_may_write_holds_no_places() {
    let machine = Machine::new();
    fs::set_permissions(machine.root(), fs::Permissions::from_mode(0o777)).expect("a mode");
    let asked = ask(&machine, 1, PlaceOrder::Survey { root: Some(ROOT.to_owned()) });
    assert_eq!(asked, Err(FailureCode::Occupied));
}

#[test]
fn a_removal_that_is_killed_is_finished_by_the_next() {
    let machine = Machine::new();
    take(&machine, 1, 9).expect("takes");
    for at in 0..200 {
        let folder = folder(&machine, 1).join(format!("work/{at}"));
        fs::create_dir_all(&folder).expect("a folder");
        for file in 0..50 {
            fs::write(folder.join(file.to_string()), "").expect("writes");
        }
    }
    let ours = place(&machine, 1);
    let rest = machine.root().join(format!(".removing-{}", lease(1)));
    let order = PlaceOrder::Remove { place: ours.clone() };
    let Session { mut helper, host, .. } = machine.open(&request(&machine, 1, order));
    patiently("the place has lost its name", || !folder(&machine, 1).exists());
    helper.kill().expect("kills");
    helper.wait().expect("ends");
    drop(host);
    if rest.exists() {
        assert!(rest.join(".crabbox/place").exists(), "its marker goes last");
        assert_eq!(look(&machine, &ours, 1), PlaceAnswer::Rest);
        assert_eq!(survey(&machine, None).used, 0, "it is no place any more");
        assert_eq!(remove(&machine, 1), Ok(PlaceAnswer::Removed));
    }
    assert_eq!(look(&machine, &ours, 1), PlaceAnswer::Gone);
    assert!(!rest.exists());
}
