//! What a run costs on the way: connections, commands, round trips, processes.

use crabbox_tests::led_by;
use crabbox_tests::ssh::{Counts, Reached, Server};
use std::fs;
use std::process::Stdio;
use std::time::Duration;

/// What one more command of this world's costs.
fn cost(reached: &Reached, arguments: &[&str]) -> Counts {
    let before = reached.host.counts();
    let ran = reached.crabbox(arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    let after = reached.host.counts();
    Counts {
        connections: after.connections - before.connections,
        execs: after.execs - before.execs,
        sessions: after.sessions - before.sessions,
        turns: after.turns - before.turns,
        ..Counts::default()
    }
}

fn run(line: &[&str]) -> Vec<String> {
    let words = [&["run"], line, &["--", "true"]].concat();
    words.into_iter().map(str::to_owned).collect()
}

#[test]
fn a_warm_run_makes_no_connection_and_asks_for_one_command_in_two_round_trips() {
    for server in [Server::Russh, Server::OpenSsh] {
        let slow = Reached::by(server, |host| host.rtt(Duration::from_millis(40)));
        let Some(reached) = slow else { continue };
        reached.warm_up();
        let words = run(&[]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let costs = cost(&reached, &words);
        assert_eq!((costs.connections, costs.execs), (0, 1), "{server:?}: {}", reached.host.log());
        // Each round trip, and last words that nobody waits for: the end of input, and the channel's.
        assert!(costs.turns <= 4, "{server:?}: {costs:?}");
    }
}

#[test]
fn a_box_that_stood_ready_without_a_connection_costs_one() {
    let Some(reached) = Reached::on(Server::OpenSsh) else { return };
    reached.warm_up();
    reached.hang_up();
    let costs = cost(&reached, &["run", "--", "true"]);
    assert_eq!((costs.connections, costs.execs), (1, 1), "{}", reached.host.log());
    assert_eq!(reached.calls(), ["lease", "resolve"], "the way there could lead to another box");
}

#[test]
fn a_way_that_leads_to_one_box_alone_is_gone_before_the_provider_is_asked() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    let warm = |reached: &Reached, words: &[&str]| {
        let ran = reached.command(words).env("CRABBOX_ROUTE_IMMUTABLE", "true").output();
        assert!(ran.expect("it runs").status.success());
    };
    warm(&reached, &["warmup"]);
    reached.hang_up();
    warm(&reached, &["run", "--", "true"]);
    assert_eq!(reached.calls(), ["lease"]);
}

#[test]
fn the_first_session_brings_the_helper_and_no_second_command() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    let costs = cost(&reached, &["run", "--keep", "--", "true"]);
    assert_eq!((costs.connections, costs.execs), (1, 1), "{}", reached.host.log());
}

#[test]
fn what_is_asked_of_a_connection_needs_no_process() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    let trace = reached.world.root().join("trace");
    let output = trace.display().to_string();
    let words = ["strace", "-f", "-qq", "-e", "trace=execve", "-o", &output];
    let mut strace = led_by(&words, &reached.command(&["run", "-q", "--", "true"]));
    // Else it might start the caretaker, and the trace would last as long as that does.
    strace.env("CI", "true").stdin(Stdio::null());
    match strace.status() {
        Ok(status) if status.success() => {}
        other => {
            assert!(other.is_err(), "{other:?}");
            return;
        }
    }
    let text = fs::read_to_string(trace).expect("a trace");
    let started = text.lines().filter(|line| line.ends_with("= 0")).filter_map(|line| {
        let at = line.find("execve(\"")?;
        line[at + 8..].split('"').next()?.rsplit('/').next()
    });
    let mut started: Vec<&str> = started.collect();
    started.sort_unstable();
    // Git says what the checkout holds.
    started.retain(|program| *program != "git");
    assert_eq!(started, ["crabbox", "ssh"]);
}
