//! A machine behind another one, as the user's own configuration has it.

use super::Cluster;
use super::asked::{encrypt, encrypt_of, fingerprint};
use crabbox_tests::{Left, Ran, Typist};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;

/// `desk`, which is reached through `attic`.
fn behind() -> Option<Cluster> {
    let cluster = Cluster::of(&["attic", "desk"])?;
    cluster.configure(&["desk"], "");
    let config = cluster.world.root().join("home/.ssh/config");
    let text = fs::read_to_string(&config).expect("reads");
    fs::write(config, text.replace("Host desk\n", "Host desk\n  ProxyJump attic\n"))
        .expect("writes");
    Some(cluster)
}

fn connections(cluster: &Cluster) -> [usize; 2] {
    ["attic", "desk"].map(|name| cluster.machine(name).connections())
}

#[test]
fn runs_share_one_connection_through_the_other() {
    let Some(cluster) = behind() else { return };
    cluster.done(&["warmup"]);
    let ran = cluster.done(&["run", "--shell", "cat hello.txt"]);
    assert_eq!((&*ran.stdout, connections(&cluster)), ("hello\n", [1, 1]));
    assert_eq!(cluster.counts(), [0, 1], "nothing is left where it only passes");
    cluster.done(&["stop", "@last", "--delete", "--yes"]);
    assert_eq!(cluster.counts(), [0, 0]);
}

/// What keeps the way from getting there is said by whoever stands on it, whom `ssh` itself doesn't hear.
#[test]
fn why_the_way_ends_is_what_is_said_on_it() {
    let Some(mut cluster) = behind() else { return };
    cluster.done(&["run", "--", "true"]);
    let says = |cluster: &Cluster, why: &str, hint: &str| {
        let ran = cluster.crabbox(&["run", "--", "true"]);
        assert_eq!(ran.code, 125, "{why}: {ran:?}");
        assert!(ran.stderr.contains(&format!("can't be reached by ssh: {why}")), "{why}: {ran:?}");
        let first = ran.stderr.lines().find_map(|line| line.split_once("hint: "));
        assert_eq!(first.map(|(_, hint)| hint), Some(hint), "{why}: {ran:?}");
    };
    let (ask, trial) = ("crabbox warmup", "ssh -v desk true");
    cluster.machine_mut("desk").off();
    let refused = "the connection is refused; it said: channel 0: open failed: connect failed: ";
    says(&cluster, refused, trial);
    cluster.machine_mut("desk").on();
    let known = cluster.known_hosts();
    let all = fs::read_to_string(&known).expect("reads");
    fs::write(&known, cluster.machine("desk").known()).expect("writes");
    let shown = fingerprint(&cluster.machine("attic").host_key_file());
    let unknown =
        "at a host on the way, its host key isn't known here; it said: the key that it shows is";
    says(&cluster, &format!("{unknown} ssh-ed25519 {shown}"), ask);
    // The other way round the one on the way is known, and shown no more.
    fs::write(&known, cluster.machine("attic").known()).expect("writes");
    let shown = fingerprint(&cluster.machine("desk").host_key_file());
    let unknown = "its host key isn't known here; it said: the key that it shows is";
    says(&cluster, &format!("{unknown} ssh-ed25519 {shown}"), ask);
    fs::write(&known, all).expect("writes");
    let key = cluster.machine("attic").user_key();
    let kept = key.with_extension("kept");
    fs::rename(&key, &kept).expect("moves");
    says(&cluster, "at a host on the way, it doesn't let us in; it said: ", ask);
    fs::rename(&kept, &key).expect("moves");
    cluster.done(&["run", "--", "true"]);
    cluster.machine_mut("attic").off();
    says(&cluster, "at a host on the way, the connection is refused", trial);
    cluster.prefers("Host desk\n  ProxyCommand sh -c 'read ours; echo gone fishing >&2'\n");
    says(&cluster, "it hung up; it said: gone fishing", ask);
}

/// Nor in a window, which a desktop has its `ssh` ask in: a run is nobody's who sits there.
#[test]
fn a_run_has_a_host_on_the_way_ask_nobody() {
    let Some(cluster) = behind() else { return };
    encrypt_of(&cluster, "attic");
    let asked = cluster.world.root().join("asked");
    let script = cluster.world.root().join("script");
    fs::write(&script, format!("#!/bin/sh\n:>'{}'\nexit 1\n", asked.display())).expect("writes");
    let window = cluster.world.executable("window", &script);
    let mut run = cluster.command(&["run", "--", "true"]);
    let ran = Ran::of(run.env("DISPLAY", ":99").env("SSH_ASKPASS", window));
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("at a host on the way, it doesn't let us in"), "{ran:?}");
    assert!(!asked.exists());
}

/// A key that was changed on the way ends it as well as one of the host's own.
#[test]
fn a_changed_key_on_the_way_is_told_of_with_the_line_that_forgets_the_old_one() {
    let Some(mut cluster) = behind() else { return };
    cluster.done(&["run", "--", "true"]);
    let attic = cluster.machine_mut("attic");
    attic.off();
    attic.change_key();
    attic.on();
    let ran = cluster.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("at a host on the way, its host key isn't the one"), "{ran:?}");
    assert!(ran.stderr.contains("hint: ssh-keygen -f "), "{ran:?}");
    assert!(ran.stderr.contains("the key that it shows is SHA256:"), "{ran:?}");
}

/// What leads there is a process of its own, which the key doesn't reach.
#[test]
fn the_interrupt_key_ends_what_asked_for_the_connection_and_not_the_connection() {
    let Some(mut cluster) = behind() else { return };
    cluster.done(&["warmup"]);
    encrypt(&cluster);
    cluster.machine_mut("desk").off();
    cluster.machine_mut("desk").on();
    let mut typist = Typist::before(&cluster.command(&["tunnel", "@last", "9"]));
    typist.reads("Enter passphrase for key");
    typist.types("open sesame\n");
    typist.reads("leads to port 9");
    typist.types("\u{3}");
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(0), "{shown}");
    let before = connections(&cluster);
    cluster.done(&["run", "--keep", "--", "true"]);
    assert_eq!(connections(&cluster), before);
}

/// What it leaves behind may keep what it said it to for as long as it likes.
#[test]
fn what_is_left_behind_on_the_way_is_not_waited_for() {
    let Some(cluster) = behind() else { return };
    let left = cluster.world.root().join("left");
    let leave =
        format!("read ours; setsid sleep 300 >/dev/null </dev/null & echo $! >>{}", left.display());
    cluster.prefers(&format!("Host desk\n  ProxyCommand sh -c '{leave}; echo gone fishing >&2'\n"));
    let ran = cluster.crabbox(&["run", "--", "true"]);
    let is_there = |pid: &&str| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| stat.contains(" (sleep) ") && !stat.contains(") Z"))
    };
    let all = fs::read_to_string(&left).expect("reads");
    let left: Vec<_> = all.lines().filter(is_there).collect();
    for pid in &left {
        let pid = Pid::from_raw(pid.parse().expect("a number")).expect("a process");
        kill_process(pid, Signal::KILL).expect("it ends");
    }
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("it hung up; it said: gone fishing"), "{ran:?}");
    assert!(!left.is_empty(), "all that was left behind had ended before");
}
