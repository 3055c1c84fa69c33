//! What a run costs on the way: connections, commands, round trips, processes.

use super::mounted::behind;
use crabbox_tests::ssh::{Counts, Reached, Server, SshHostBuilder};
use crabbox_tests::{Ran, led_by, until};
use crabbox_wire::frame::{ToHelper, ToHost};
use crabbox_wire::greeting::{Opening, read_opening};
use std::env;
use std::fmt::Debug;
use std::fs;
use std::iter;
use std::process::Stdio;
use std::time::Duration;

/// Two round trips, and last words that nobody waits for: the end of input, and the channel's.
const LAST_WORDS: usize = 4;

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

/// So often something is tried, and so often it has to be as cheap as it is said to be. On a busy machine an answer may
/// come in two pieces, with something said between them; what is waited for is one turn more each time.
const TRIES: usize = 9;
const CHEAP: usize = 3;

/// Costs this at most so many turns?
fn assert_turns(most: usize, turns: impl FnMut() -> usize) {
    let mut found = Vec::new();
    for turns in iter::repeat_with(turns).take(TRIES) {
        found.push(turns);
        if found.iter().filter(|turns| **turns <= most).count() == CHEAP {
            return;
        }
    }
    panic!("{found:?} turns, and at most {most} are needed");
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
        assert_turns(LAST_WORDS, || {
            let costs = cost(&reached, &words);
            let log = reached.host.log();
            assert_eq!((costs.connections, costs.execs), (0, 1), "{server:?}: {log}");
            costs.turns
        });
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

/// One round trip more than a session that finds it there.
#[test]
fn bringing_the_helper_costs_a_round_trip() {
    let slow = |host: SshHostBuilder| host.rtt(Duration::from_millis(40)).window(16 << 20);
    let Some(reached) = Reached::by(Server::Russh, slow) else { return };
    reached.warm_up();
    let run = ["run", "--keep", "--", "true"];
    if behind(&reached, "true", &run).is_none() {
        return;
    }
    assert_turns(LAST_WORDS, || cost(&reached, &run).turns);
    assert_turns(LAST_WORDS + 1, || {
        fs::remove_dir_all(reached.home().join(".cache/crabbox/helper")).expect("a helper");
        let mut command = behind(&reached, "true", &run).expect("it can be mounted");
        let before = reached.host.counts();
        let ran = Ran::of(&mut command);
        assert_eq!(ran.code, 0, "{ran:?}");
        let after = reached.host.counts();
        assert_eq!((after.connections, after.execs), (before.connections, before.execs + 1));
        after.turns - before.turns
    });
}

/// The request is in the command line: nothing follows it but the end of what was piped in, and the box says what it must.
#[test]
fn a_warm_run_sends_one_frame_and_gets_six() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    let (sent, got) = (reached.world.root().join("sent"), reached.world.root().join("got"));
    reached.ssh_between(&format!("tee '{}'", sent.display()), &format!("tee '{}'", got.display()));
    // Which waits for that end.
    let ran = reached.crabbox(&["run", "--", "cat"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let sent = fs::read(sent).expect("what was sent");
    let (mut input, mut buffer) = (&*sent, Vec::new());
    let mut kinds = Vec::new();
    while let Some(frame) = ToHelper::read(&mut input, &mut buffer).expect("a frame") {
        kinds.push(kind(&frame));
    }
    assert_eq!(kinds, ["StdinEnd"]);
    let got = fs::read(got).expect("what came");
    let mut input = &*got;
    assert_eq!(read_opening(&mut input).expect("an opening"), Opening::Helper);
    kinds.clear();
    while let Some(frame) = ToHost::read(&mut input, &mut buffer).expect("a frame") {
        kinds.push(kind(&frame));
    }
    // The last two: there are no reports of tests.
    assert_eq!(kinds, ["Proved", "Synced", "Started", "Ended", "Copy", "Collected"]);
}

fn kind(frame: &impl Debug) -> String {
    let text = format!("{frame:?}");
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

#[test]
fn what_is_asked_of_a_connection_needs_no_process() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    let folder = reached.world.root().join("traces");
    fs::create_dir(&folder).expect("a folder");
    // One for each process: what two do at once isn't mixed.
    let output = folder.join("of").display().to_string();
    let words = ["strace", "-ff", "-qq", "-e", "trace=execve", "-o", &output];
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
    let traces = fs::read_dir(folder).expect("traces");
    let text: String = traces
        .map(|trace| fs::read_to_string(trace.expect("an entry").path()).expect("a trace"))
        .collect();
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

/// Where it has to be made, it is made while the checkout is still being read.
#[test]
fn the_connection_does_not_wait_for_the_checkout() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    reached.hang_up();
    let before = reached.host.counts().logins;
    let (reads, go) = (reached.world.root().join("reads"), reached.world.root().join("go"));
    let stock = env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .map(|folder| folder.join("git"))
        .find(|file| file.exists())
        .expect("a git");
    let script = reached.world.root().join("script");
    let waits =
        format!("touch {}; until [ -e {} ];do sleep 0.05;done", reads.display(), go.display());
    let line =
        format!("case \"$*\" in *ls-files*) {waits};; esac; exec {} \"$@\"", stock.display());
    fs::write(&script, format!("#!/bin/sh\n{line}\n")).expect("a file");
    let _ = reached.world.executable("bin/git", &script);
    let mut run = reached.command(&["run", "--", "true"]);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    until("the checkout is read", || reads.exists());
    until("a connection", || reached.host.counts().logins > before);
    fs::write(go, "").expect("a file");
    let ran = Ran::from(run.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(reached.host.counts().logins, before + 1);
}
