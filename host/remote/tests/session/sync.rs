//! Making a workspace hold a tree.

use crate::machine::{Files, Machine, correct, counts, send_delta, serve, shell};
use crabbox_wire::delta::Record;
use crabbox_wire::frame::{ToHelper, ToHost};
use crabbox_wire::message::{FailureCode, Identity, Marker, Request, Sync};
use crabbox_wire::text::Text;
use crabbox_wire::tree::Hash;
use std::fs;

#[test]
fn a_tree_is_given_once_and_changes_are_given_alone() {
    let machine = Machine::new();
    let one = Files::new(&[("a", "1"), ("d/b", "2"), ("d/c", "3")]);
    assert_eq!(counts(&machine.give(None, &one)), Some((3, 0)));
    assert_eq!(machine.read("d/c"), "3");

    let again = machine.give(Some(&one), &one);
    assert_eq!(counts(&again), Some((0, 0)));
    assert_eq!(again.base, None);

    let two = Files::new(&[("a", "changed"), ("d/b", "2")]);
    assert_eq!(counts(&machine.give(Some(&one), &two)), Some((1, 1)));
    assert_eq!(machine.read("a"), "changed");
    assert!(!machine.file("d/c").exists());
}

#[test]
fn what_a_command_changed_is_found_and_mended() {
    let machine = Machine::new();
    let files = Files::new(&[("a", "1"), ("b", "2")]);
    machine.give(None, &files);
    fs::write(machine.file("a"), "x").expect("writes");
    fs::write(machine.file("ours"), "build output").expect("writes");
    let request = machine.request(Some(files.root()), files.root());
    let mut manifest = Vec::new();
    let log = serve(&request, |frame, host| correct(&files, &mut manifest, frame, host));
    assert!(log.base.as_ref().is_some_and(|base| base.manifest && base.root != Some(files.root())));
    assert_eq!(counts(&log), Some((1, 0)));
    assert_eq!(machine.read("a"), "1");
    assert_eq!(machine.read("ours"), "build output");
}

#[test]
fn a_delta_from_another_tree_is_not_applied() {
    let machine = Machine::new();
    machine.give(None, &Files::new(&[("a", "1"), ("b", "2")]));
    let believed = Files::new(&[("a", "1"), ("c", "3")]);
    let wanted = Files::new(&[("a", "1"), ("c", "3"), ("d", "4")]);
    let request = machine.request(Some(believed.root()), wanted.root());
    let mut manifest = Vec::new();
    let log = serve(&request, |frame, host| {
        if let ToHost::Proved(_) = frame {
            wanted.send(Some(&believed.tree()), host);
        }
        correct(&wanted, &mut manifest, frame, host);
    });
    assert_eq!(counts(&log), Some((2, 1)));
    assert_eq!(machine.read("c"), "3");
}

#[test]
fn content_that_is_not_what_was_announced_never_arrives() {
    let machine = Machine::new();
    let files = Files::new(&[("a", "1")]);
    let request = machine.request(None, files.root());
    let log = serve(&request, |frame, host| {
        if let ToHost::Proved(_) = frame {
            let mut bytes = Vec::new();
            Record::Put(files.tree().entries()[0].clone()).encode(&mut bytes);
            bytes.extend_from_slice(b"2");
            Record::End.encode(&mut bytes);
            send_delta(&bytes, host);
        }
    });
    assert_eq!(log.failed(), Some(FailureCode::Verify));
    assert!(log.synced.is_none());
    assert!(!machine.file("a").exists());
}

#[test]
fn a_delta_that_breaks_off_is_made_good_by_the_next_session() {
    let machine = Machine::new();
    let files = Files::new(&[("a", "1"), ("b", "2")]);
    let request = machine.request(None, files.root());
    let log = serve(&request, |frame, host| {
        if let ToHost::Proved(_) = frame {
            ToHelper::Abort.write(host).expect("writes");
        }
    });
    assert!(log.proved && log.synced.is_none() && log.failure.is_none());
    let mut manifest = Vec::new();
    let log = serve(&request, |frame, host| {
        if let ToHost::Proved(_) = frame {
            files.send(None, host);
        }
        correct(&files, &mut manifest, frame, host);
    });
    assert_eq!(counts(&log), Some((2, 0)));
}

#[test]
fn a_box_that_is_not_the_leased_one_is_left_as_it_is() {
    let machine = Machine::new();
    let mut request = machine.request(None, Files::new(&[]).root());
    let identity = machine.outside("id");
    fs::write(&identity, "another box\n").expect("writes");
    request.identity = Identity::File {
        path: Text(identity.into_os_string().into_encoded_bytes()),
        content: "this box".to_owned(),
    };
    let log = serve(&request, |_, _| {});
    assert_eq!(log.failed(), Some(FailureCode::Identity));
    assert!(!log.proved);
    assert_eq!(fs::read_dir(machine.root()).expect("reads").count(), 0);
}

#[test]
fn a_marker_is_expected_once_it_is_known() {
    let machine = Machine::new();
    let files = Files::new(&[("a", "1")]);
    let hash = machine.give(None, &files).marker;
    let mut request = machine.request(Some(files.root()), files.root());
    request.marker = Marker::Expect { hash };
    assert_eq!(counts(&serve(&request, |_, _| {})), Some((0, 0)));
    request.marker = Marker::Expect { hash: Hash::of(b"another").to_string() };
    let log = serve(&request, |_, _| {});
    assert_eq!((log.proved, log.failed()), (false, Some(FailureCode::Marker)));
}

#[test]
fn what_is_wanted_may_follow_while_the_helper_looks_at_what_it_has() {
    let machine = Machine::new();
    let (old, new) = (Files::new(&[("a", "1"), ("b", "2")]), Files::new(&[("a", "1"), ("b", "3")]));
    machine.give(None, &old);
    let late = Request { sync: None, ..machine.request(None, old.root()) };
    let log = machine.open(&late).finish(|frame, host| {
        if let ToHost::Proved(_) = frame {
            let sync = Sync { base: Some(old.root()), wanted: new.root() };
            ToHelper::Sync(sync).write(host).expect("writes");
            new.send(Some(&old.tree()), host);
        }
    });
    assert_eq!(counts(&log), Some((1, 0)), "{}", log.why());
    assert_eq!(machine.read("b"), "3");
}

#[test]
fn a_host_that_never_says_what_it_wants_changes_nothing() {
    let machine = Machine::new();
    let files = Files::new(&[("a", "1")]);
    machine.give(None, &files);
    let late = Request {
        sync: None,
        run: Some(shell("echo ran >ran")),
        ..machine.request(None, files.root())
    };
    let mut session = machine.open(&late);
    session.until(|frame, _| matches!(frame, ToHost::Proved(_)));
    drop(session.host);
    session.helper.wait().expect("ends");
    assert_eq!(machine.read("a"), "1");
    assert!(!machine.file("ran").exists());
    assert_eq!(counts(&machine.give(Some(&files), &files)), Some((0, 0)));
}
