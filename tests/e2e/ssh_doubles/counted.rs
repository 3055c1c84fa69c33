//! The slow line, and what is counted on it.

use super::{fed, noise, piped};
use crabbox_tests::ssh::{Server, SshHost, relay};
use crabbox_tests::until;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::mem;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// Questions one after the other are turns; those that don't wait for an answer are none.
#[test]
fn a_turn_is_what_is_sent_after_an_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("counts");
    let mut line = Command::new(relay());
    line.args(["--rtt", "2ms", "--rate", "100mbit", "--count"]).arg(&file);
    let mut line = piped(line.args(["--", "sh", "-c", "cat; exit 6"]));
    let (mut to, mut from) = (line.stdin.take().expect("a pipe"), line.stdout.take());
    let mut ask = |question: &[u8]| {
        for byte in question {
            to.write_all(&[*byte]).expect("it reads");
        }
        let mut answer = vec![0; question.len()];
        from.as_mut().expect("a pipe").read_exact(&mut answer).expect("an answer");
        assert_eq!(answer, question);
    };
    ask(b"1");
    ask(b"2");
    ask(b"3");
    drop(to);
    assert_eq!(line.wait().expect("an end").code(), Some(6));
    let text = fs::read_to_string(file).expect("counts");
    let events: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let all = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((all("connection"), all("to_server"), all("to_client")), (1, 3, 3), "{text}");
    assert_eq!(events.iter().filter(|event| event["turn"] == true).count(), 2, "{text}");
    assert_eq!(events.last().expect("an end")["code"], 6);
}

/// The command waits for the session's answer, and the client's last word comes after the end. With
/// OpenSSH's server the end of input waits for the command's answer.
#[test]
fn a_command_over_a_connection_that_is_open_takes_two_turns() {
    for server in [Server::Russh, Server::OpenSsh] {
        let host = SshHost::with(server).rtt(Duration::from_millis(10)).multiplexed();
        let Some(host) = host.build() else {
            continue;
        };
        assert_eq!(host.runs("true").code, 0);
        let settled = || {
            let mut before = host.counts();
            until("the line is quiet", || {
                thread::sleep(Duration::from_millis(50));
                let now = host.counts();
                mem::replace(&mut before, now.clone()) == now
            });
            before
        };
        let most = if server == Server::Russh { 2 } else { 3 };
        // On a busy machine an answer may come in two pieces, with something said between them.
        let mut turns = (2..6).map(|execs| {
            let before = settled();
            assert_eq!(host.runs("true").code, 0);
            let after = settled();
            assert_eq!((after.connections, after.execs, after.ended), (1, execs, 0));
            after.turns - before.turns
        });
        assert!(turns.any(|turns| (2..=most).contains(&turns)), "{server:?}: {:?}", host.counts());
    }
}

#[test]
fn a_slow_line_loses_nothing() {
    let data = noise(4 << 20);
    for server in [Server::Russh, Server::OpenSsh] {
        let host = SshHost::with(server).rtt(Duration::from_millis(6)).rate("200mbit");
        let Some(host) = host.build() else {
            continue;
        };
        let output = fed(host.ssh().args([host.alias(), "cat"]), &data);
        assert!(output.status.success() && output.stdout == data);
        until("the line has ended", || host.counts().ended == 1);
        let counts = host.counts();
        let bytes = data.len() as u64;
        assert!(counts.to_server > bytes && counts.to_client > bytes, "{counts:?}");
        assert!(counts.to_server < bytes * 11 / 10, "{counts:?}");
        assert_eq!(counts.connections, 1);
    }
}
