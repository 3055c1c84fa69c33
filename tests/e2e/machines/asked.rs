//! What `ssh` asks whoever sits at a terminal: whether a host key is the right one, and a passphrase. It is asked once,
//! and what comes after it rides the connection.

use super::Cluster;
use crabbox_tests::{Left, Ran, Typist, built};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

const SURE: &str = "Are you sure you want to continue connecting";

/// A machine whose key isn't known yet.
fn unknown() -> Option<Cluster> {
    let cluster = Cluster::of(&["desk"])?;
    fs::write(cluster.known_hosts(), "").expect("writes");
    Some(cluster)
}

pub(super) fn fingerprint(key: &Path) -> String {
    let output = Command::new("ssh-keygen").arg("-lf").arg(key).output().expect("ssh-keygen runs");
    let text = String::from_utf8(output.stdout).expect("text");
    text.split_whitespace().nth(1).expect("a fingerprint").to_owned()
}

fn known(cluster: &Cluster) -> String {
    fs::read_to_string(cluster.known_hosts()).expect("reads")
}

#[test]
fn an_unknown_key_is_shown_confirmed_once_and_known_from_then_on() {
    let Some(cluster) = unknown() else { return };
    let mut typist = Typist::before(&cluster.command(&["warmup"]));
    typist.reads(&fingerprint(&cluster.machine("desk").host_key_file()));
    typist.reads(SURE);
    typist.types("yes\n");
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(shown.matches(SURE).count(), 1, "{shown}");
    let key = cluster.machine("desk").host_key();
    assert!(known(&cluster).contains(&key), "{}", known(&cluster));
    assert_eq!(cluster.machine("desk").connections(), 1);
    // In batch, over that connection and over another one.
    cluster.done(&["run", "--", "true"]);
    assert_eq!(cluster.machine("desk").connections(), 1);
    let slug = cluster.slug();
    cluster.done(&["stop", &slug]);
    cluster.done(&["run", "--", "true"]);
    assert_eq!(cluster.machine("desk").connections(), 2);
}

#[test]
fn who_says_no_is_told_so_and_nothing_is_recorded_or_leased() {
    let Some(cluster) = unknown() else { return };
    let mut typist = Typist::before(&cluster.command(&["warmup"]));
    typist.reads(SURE);
    typist.types("no\n");
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(1), "{shown}");
    let (_, after) = shown.split_once(SURE).expect("a question");
    for what in ["its host key isn't known here", "hint: ", "crabbox warmup"] {
        assert!(after.contains(what), "{what}: {shown}");
    }
    assert!(!after.contains(SURE), "{shown}");
    assert_eq!(known(&cluster), "");
    assert_eq!(cluster.machine("desk").connections(), 0);
    assert_eq!(cluster.counts(), [0]);
    // In batch, nobody is asked.
    let ran = cluster.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("hint: crabbox warmup"), "{ran:?}");
    assert_eq!(known(&cluster), "");
}

#[test]
fn nothing_is_drawn_over_a_question_and_the_interrupt_key_is_an_answer() {
    let Some(cluster) = unknown() else { return };
    let mut typist = Typist::before(&cluster.command(&["warmup"]));
    typist.reads("(yes/no/[fingerprint])? ");
    // Several times as long as a line of ours is left alone.
    thread::sleep(Duration::from_millis(700));
    let shown = typist.shown();
    assert!(shown.ends_with("(yes/no/[fingerprint])? "), "{shown}");
    typist.types("\u{3}");
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(130), "{shown}");
    assert_eq!(known(&cluster), "");
    assert_eq!(cluster.counts(), [0]);
}

/// As with any other job of a shell.
#[test]
fn the_stop_key_stops_the_question_until_it_is_brought_to_the_front_again() {
    let Some(cluster) = unknown() else { return };
    let mut typist = Typist::before(&cluster.shell("exec bash --norc --noprofile -i"));
    typist.types(&format!("{} warmup; echo \"code:$?\"\n", built().crabbox.display()));
    typist.reads(SURE);
    typist.types("\u{1a}");
    typist.reads("Stopped");
    typist.types("echo \"meanwhile:$((40 + 2))\"\n");
    typist.reads("meanwhile:42");
    typist.types("fg; echo \"in the end:$?\"\n");
    typist.reads("crabbox warmup");
    // What is typed before it asks anew, ssh throws away.
    typist.reads(SURE);
    typist.types("yes\n");
    typist.reads("in the end:0");
    // The shell has its terminal again.
    typist.types("exit 5\n");
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(5), "{shown}");
    assert_eq!(cluster.machine("desk").connections(), 1);
}

#[test]
fn a_passphrase_that_is_wrong_is_what_the_error_says() {
    let Some(cluster) = unknown() else { return };
    encrypt(&cluster);
    let mut typist = Typist::before(&cluster.command(&["warmup"]));
    typist.reads(SURE);
    typist.types("yes\n");
    for _ in 0..3 {
        typist.reads("Enter passphrase for key");
        typist.types("wrong\n");
    }
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(1), "{shown}");
    let (_, after) = shown.rsplit_once("error: ").expect("an error");
    assert!(after.contains("it doesn't let us in"), "{shown}");
}

/// The key of desk's user has a passphrase from now on.
pub(super) fn encrypt(cluster: &Cluster) {
    encrypt_of(cluster, "desk");
}

pub(super) fn encrypt_of(cluster: &Cluster, machine: &str) {
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-p", "-P", "", "-N", "open sesame", "-f"]);
    let status = keygen.arg(cluster.machine(machine).user_key()).status();
    assert!(status.expect("ssh-keygen runs").success());
}

#[test]
fn a_passphrase_is_asked_for_once_and_runs_ride_what_it_opened() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    encrypt(&cluster);
    let ran = cluster.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("it doesn't let us in"), "{ran:?}");
    assert!(ran.stderr.contains("hint: crabbox warmup"), "{ran:?}");
    let mut typist = Typist::before(&cluster.command(&["warmup"]));
    typist.reads("Enter passphrase for key");
    typist.types("open sesame\n");
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(0), "{shown}");
    assert!(!shown.contains("sesame"), "{shown}");
    let ran = cluster.done(&["run", "--keep", "--shell", "echo here"]);
    assert_eq!(ran.stdout, "here\n");
    assert_eq!(cluster.machine("desk").connections(), 1);
}

/// After a night, on a box that stands ready.
#[test]
fn a_shell_asks_for_a_passphrase_where_there_is_no_connection_any_more() {
    let Some(mut cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["warmup"]);
    encrypt(&cluster);
    cluster.machine_mut("desk").off();
    cluster.machine_mut("desk").on();
    let ran = cluster.crabbox(&["ssh", "@last", "--", "true"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("it doesn't let us in"), "{ran:?}");
    let line = "echo \"in:$(basename \"$PWD\")\"; exit 4";
    let command = cluster.command(&["ssh", "@last", "--tty", "--", "sh", "-c", line]);
    let mut typist = Typist::before(&command);
    typist.reads("Enter passphrase for key");
    typist.types("open sesame\n");
    typist.reads("in:checkout");
    assert_eq!(typist.leaves().code, Some(4));
    cluster.done(&["run", "--keep", "--", "true"]);
}

#[test]
fn the_lines_for_other_programs_lead_to_a_machine_of_the_users_own() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["warmup"]);
    let config = cluster.world.root().join("home/.ssh/config");
    let theirs = fs::read_to_string(&config).expect("reads");
    let block = cluster.done(&["ssh", "@last", "--config"]).stdout;
    // As the help has it: `crabbox ssh … --config >> ~/.ssh/config`.
    fs::write(&config, format!("{theirs}\n{block}")).expect("writes");
    let before = cluster.machine("desk").connections();
    let ssh = |line: &str| Ran::of(&mut cluster.shell(line));
    // By the name of its own, and by the user's, which says what it always did: each makes a connection.
    for name in [&format!("crabbox-{}", cluster.slug()), "desk"] {
        let ran = ssh(&format!("ssh {name} 'echo here; exit 6'"));
        assert_eq!((ran.code, &*ran.stdout), (6, "here\n"), "{name}: {ran:?}");
    }
    assert_eq!(cluster.machine("desk").connections(), before + 2);
    let line = cluster.done(&["ssh", "@last", "--print"]).stdout;
    let ran = ssh(&format!("cd / && echo 'pwd; exit 4' | {line}"));
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stdout.contains("/checkout"), "{ran:?}");
    assert_eq!(cluster.machine("desk").connections(), before + 2);
}
