//! A line that stands still for a while, or for ever, and one that forgets whoever says nothing.

use crate::tunnel::Open;
use crabbox_tests::ssh::{Counts, Reached, Server};
use crabbox_tests::{Ran, until};
use rustix::process::{Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// A box that stands ready at the end of a line, to which a word is said each second, and given up after so many
/// without an answer.
fn ready(words: u32) -> Reached {
    let line = |host: crabbox_tests::ssh::SshHostBuilder| host.rtt(Duration::ZERO);
    let reached = Reached::by(Server::Russh, line).expect("a host");
    patient(&reached, words);
    reached.warm_up();
    reached
}

fn patient(reached: &Reached, words: u32) {
    let most = format!("ServerAliveCountMax={words}");
    reached.ssh_with(&["ServerAliveInterval=1", &most]);
}

fn line(reached: &Reached, signal: Signal) {
    let lines = reached.host.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    kill_process(lines[0], signal).expect("it is there");
}

/// A run whose command has started, and ends when the file is there.
fn running(reached: &Reached) -> (Child, PathBuf) {
    let (started, go) = (reached.world.root().join("started"), reached.world.root().join("go"));
    let line = format!(
        "echo begins; touch {}; until [ -e {} ];do sleep 0.05;done; echo done; exit 3",
        started.display(),
        go.display()
    );
    let mut command = reached.command(&["run", "--json", "--shell", &line]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    until("the command", || started.exists());
    (child, go)
}

fn end_of(child: Child) -> (Ran, Value) {
    let ran = Ran::from(child.wait_with_output().expect("it ends"));
    let document = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    (ran, document)
}

#[test]
fn a_line_that_stands_still_for_a_while_is_waited_for() {
    let reached = ready(30);
    let (child, go) = running(&reached);
    line(&reached, Signal::STOP);
    fs::write(&go, "").expect("a file");
    // The command ends while nobody can be told, and words without an answer are said.
    sleep(Duration::from_secs(3));
    line(&reached, Signal::CONT);
    let (ran, document) = end_of(child);
    assert_eq!((ran.code, &document["outcome"]["origin"]), (3, &"program".into()), "{ran:?}");
    assert!(ran.stderr.contains("done\n"), "{ran:?}");
    assert_eq!(reached.host.counts().connections, 1);
}

#[test]
fn a_line_that_stands_still_for_ever_is_an_end_of_the_way() {
    let reached = ready(2);
    let (child, _) = running(&reached);
    line(&reached, Signal::STOP);
    let (ran, document) = end_of(child);
    assert_eq!((ran.code, &document["outcome"]["origin"]), (125, &"transport".into()), "{ran:?}");
    assert_eq!(reached.host.counts().connections, 1);
    until("the end of the line", || reached.host.lines().is_empty());
    // The box has a new one, and what ran there has ended or is ended.
    let ran = reached.crabbox(&["run", "--shell", "echo here"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "here\n"), "{ran:?}");
    assert_eq!(reached.host.counts().connections, 2);
}

/// Waits for so many words on a line on which nothing else is said.
fn idle(reached: &Reached, words: u64) {
    let sent = || reached.host.counts().to_server;
    let mut last = sent();
    for _ in 0..words {
        until("a word on the line", || sent() > last);
        last = sent();
    }
}

#[test]
fn who_says_nothing_for_long_is_not_forgotten() {
    let forgets =
        |host: crabbox_tests::ssh::SshHostBuilder| host.forget_after(Duration::from_secs(5));
    let reached = Reached::by(Server::Russh, forgets).expect("a host");
    patient(&reached, 3);
    reached.warm_up();
    let open =
        Open::by(reached.command(&["tunnel", "@last", &crate::tunnel::server().to_string()]));
    let (child, go) = running(&reached);
    // Longer than the line remembers anybody.
    idle(&reached, 8);
    assert_eq!(crate::tunnel::ask(open.connect(), b"still"), b"STILL");
    fs::write(&go, "").expect("a file");
    let (ran, _) = end_of(child);
    assert_eq!(ran.code, 3, "{ran:?}");
    let Counts { forgotten, connections, .. } = reached.host.counts();
    assert_eq!((forgotten, connections), (0, 1));
}

/// So the test above is one.
#[test]
fn a_line_forgets_who_says_nothing() {
    let forgets =
        |host: crabbox_tests::ssh::SshHostBuilder| host.forget_after(Duration::from_millis(500));
    let reached = Reached::by(Server::Russh, forgets).expect("a host");
    reached.ssh_with(&["ServerAliveInterval=1", "ServerAliveCountMax=2"]);
    let (child, _) = running(&reached);
    let (ran, document) = end_of(child);
    assert_eq!((ran.code, &document["outcome"]["origin"]), (125, &"transport".into()), "{ran:?}");
    assert_eq!(reached.host.counts().forgotten, 1);
}

/// What holds where nobody has said anything else.
#[test]
fn each_connection_says_a_word_now_and_then() {
    let reached = Reached::on(Server::Russh).expect("a host");
    reached.warm_up();
    let config = reached.connections()[0].join("config");
    let text = fs::read_to_string(config).expect("a configuration");
    assert!(text.contains("  ServerAliveInterval 5\n  ServerAliveCountMax 3\n"), "{text}");
}
