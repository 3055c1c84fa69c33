//! What holds a connection is stopped for a while, or for ever, and doesn't answer.

use super::connections::{master, processes, start};
use crabbox_tests::ssh::{Reached, Server, SshHostBuilder};
use crabbox_tests::until;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::{Signal, kill_process};
use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

#[test]
fn a_master_that_is_stopped_for_a_while_during_a_run_is_waited_for() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    let (started, go) = (reached.world.root().join("started"), reached.world.root().join("go"));
    let line = format!(
        "touch {}; until [ -e {} ];do sleep 0.1;done; echo done",
        started.display(),
        go.display()
    );
    let child = start(&reached, &["run", "--shell", &line]);
    until("the command", || started.exists());
    let master = master(&reached);
    kill_process(master, Signal::STOP).expect("it is there");
    fs::write(&go, "").expect("a file");
    // The command ends while nobody can say so.
    sleep(Duration::from_secs(3));
    kill_process(master, Signal::CONT).expect("it is there");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"done\n");
    assert_eq!(reached.host.counts().connections, 1);
}

#[test]
fn a_master_that_is_stopped_when_a_run_begins_is_replaced() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    let stopped = master(&reached);
    kill_process(stopped, Signal::STOP).expect("it is there");
    let ran = reached.crabbox(&["run", "--keep", "--shell", "echo here"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "here\n"), "{ran:?}");
    assert_eq!(reached.host.counts().connections, 2);
    assert!(!processes(&reached).contains(&stopped), "it would be a connection for ever");
}

/// Who comes meanwhile makes a connection of their own, and ends nothing of the run's.
#[test]
fn a_master_that_is_stopped_during_a_run_is_left_to_the_run_by_whoever_comes() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    let (started, go) = (reached.world.root().join("started"), reached.world.root().join("go"));
    let line =
        format!("touch {}; until [ -e {} ];do sleep 0.1;done", started.display(), go.display());
    let child = start(&reached, &["run", "--keep", "--shell", &line]);
    until("the command", || started.exists());
    let master = master(&reached);
    kill_process(master, Signal::STOP).expect("it is there");
    let visit = reached.crabbox(&["ssh", "@last", "--", "true"]);
    kill_process(master, Signal::CONT).expect("it was left alone");
    fs::write(&go, "").expect("a file");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(visit.code, 0, "{visit:?}");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(reached.host.counts().connections, 2);
}

#[test]
fn whoever_replaces_a_master_ends_none_of_the_other_connections() {
    let kind = |host: SshHostBuilder| host.max_sessions(1);
    let Some(reached) = Reached::by(Server::Russh, kind) else { return };
    reached.warm_up();
    let first = master(&reached);
    let visit = |name: &str| {
        let at = |what: &str| reached.world.root().join(format!("{name}-{what}"));
        let line = format!(
            "touch {}; until [ -e {} ];do sleep 0.1;done",
            at("in").display(),
            at("go").display()
        );
        let child = start(&reached, &["ssh", "@last", "--", "sh", "-c", &line]);
        until("a session", || at("in").exists());
        (child, at("go"))
    };
    let leave = |(child, go): (Child, PathBuf)| {
        fs::write(go, "").expect("a file");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
    };
    let (one, other) = (visit("one"), visit("other"));
    assert_eq!(reached.host.counts().connections, 2);
    leave(one);
    kill_process(first, Signal::STOP).expect("it is there");
    let ran = reached.crabbox(&["run", "--keep", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!processes(&reached).contains(&first), "it would be a connection for ever");
    leave(other);
}

/// It takes up nothing, and as much waits for it as may.
#[test]
fn a_master_that_nobody_can_speak_to_any_more_is_replaced() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    let stopped = master(&reached);
    kill_process(stopped, Signal::STOP).expect("it is there");
    let socket = reached.connections()[0].join("0");
    let address = SocketAddrUnix::new(&socket).expect("a path");
    let waiting = std::iter::from_fn(|| {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let stream = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None);
        let stream = stream.expect("a socket");
        connect(&stream, &address).ok().map(|()| stream)
    });
    let waiting: Vec<_> = waiting.collect();
    assert!(!waiting.is_empty());
    let ran = reached.crabbox(&["run", "--keep", "--shell", "echo here"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "here\n"), "{ran:?}");
    assert_eq!(reached.host.counts().connections, 2);
    assert!(!processes(&reached).contains(&stopped), "it would be a connection for ever");
}
