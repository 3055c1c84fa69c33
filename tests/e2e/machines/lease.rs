//! The life of leases on machines, from the first run to their end.

use super::Cluster;
use crabbox_tests::Ran;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::TcpListener;
use std::process::Stdio;

#[test]
fn a_lease_lives_and_goes_as_on_any_box() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    let ran = cluster.done(&["run", "--shell", "cat hello.txt; pwd; exit 0"]);
    let place = cluster.place("desk");
    assert!(ran.stdout.starts_with("hello\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains(&*place.to_string_lossy()), "{}", ran.stdout);
    assert_eq!(cluster.lease()["state"], "parked");
    assert_eq!(cluster.crabbox(&["run", "--shell", "exit 7"]).code, 7);
    assert_eq!(cluster.place("desk"), place, "a parked lease keeps its place");

    cluster.done(&["warmup"]);
    assert_eq!(cluster.lease()["state"], "ready");
    cluster.done(&["extend", "@last", "3h"]);
    let shown = cluster.done(&["status", "@last"]);
    assert!(shown.stdout.contains("ready"), "{}", shown.stdout);
    assert!(shown.stdout.contains("  host        desk\n"), "{}", shown.stdout);
    let inspected = cluster.done(&["inspect", "@last"]);
    assert!(inspected.stdout.contains("scope        desk\n"), "{}", inspected.stdout);
    assert!(inspected.stdout.contains("host         desk\n"), "{}", inspected.stdout);
    let way = "The way to the box\n  ssh, `desk`\n";
    assert!(inspected.stdout.contains(way), "{}", inspected.stdout);
    let inspected = cluster.done(&["inspect", "@last", "--offline", "--json"]);
    assert!(inspected.stdout.contains("\"host\": \"desk\""), "{}", inspected.stdout);
    let list = cluster.done(&["list"]);
    assert!(list.stdout.contains(" ssh on desk "), "{}", list.stdout);
    assert_eq!(cluster.lease()["host"], "desk");
    let list = cluster.done(&["list", "--refresh"]);
    assert!(list.stdout.contains("ready"), "{}", list.stdout);
    cluster.done(&["cleanup"]);
    let slug = cluster.slug();
    cluster.done(&["stop", &slug]);
    assert_eq!((cluster.lease()["state"].as_str(), cluster.counts()), (Some("parked"), vec![1]));
    cluster.done(&["stop", &slug, "--delete", "--yes"]);
    assert_eq!(cluster.lease()["state"], "released");
    let left: Vec<_> = fs::read_dir(cluster.machine("desk").work_root())
        .expect("the work root stays")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert!(left.iter().all(|name| name.starts_with(".crabbox-")), "{left:?}");
    // Another lease has a place of its own.
    cluster.done(&["run", "--", "true"]);
    assert_ne!(cluster.place("desk"), place);
}

#[test]
fn a_warm_run_is_one_session_on_the_connection_that_is_there() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["warmup"]);
    let desk = cluster.machine("desk");
    let before = (desk.connections(), desk.sessions());
    cluster.done(&["run", "--", "true"]);
    assert_eq!((desk.connections(), desk.sessions()), (before.0, before.1 + 1));
    // A parked one needs a connection, and no more sessions than that.
    cluster.done(&["stop", "@last"]);
    let before = (desk.connections(), desk.sessions());
    cluster.done(&["run", "--", "true"]);
    assert_eq!((desk.connections(), desk.sessions()), (before.0 + 1, before.1 + 1));
}

#[test]
fn who_finds_no_room_goes_to_the_next_machine_and_is_told_of_each_at_last() {
    let Some(cluster) = Cluster::of(&["attic", "desk"]) else { return };
    cluster.configure(&["desk", "attic"], "max-leases = { '*' = '1' }");
    cluster.done(&["warmup"]);
    assert_eq!(cluster.counts(), [0, 1], "the first one is taken first");
    cluster.done(&["warmup", "--fresh"]);
    assert_eq!(cluster.counts(), [1, 1]);
    let refused = cluster.crabbox(&["warmup", "--fresh"]);
    assert_eq!(refused.code, 7, "{}", refused.stderr);
    for name in ["desk", "attic"] {
        let line = format!("`{name}`: it holds 1 lease, and may hold 1");
        assert!(refused.stderr.contains(&line), "{}", refused.stderr);
    }
    assert_eq!(cluster.counts(), [1, 1]);
    // Two leases at once, each on its machine.
    for lease in &cluster.leases()[..2] {
        let id = lease["id"].as_str().expect("an id");
        let ran = cluster.done(&["run", "--id", id, "--", "pwd"]);
        assert!(ran.stdout.contains(id), "{}", ran.stdout);
    }
    // One that is deleted makes room.
    let slug = cluster.leases()[0]["slug"].as_str().expect("a slug").to_owned();
    cluster.done(&["stop", &slug, "--delete", "--yes"]);
    cluster.done(&["warmup", "--fresh"]);
    assert_eq!(cluster.counts(), [1, 1]);
}

#[test]
fn a_machine_that_is_off_is_left_out_and_no_trace_is_left_of_it() {
    let Some(mut cluster) = Cluster::of(&["attic", "desk"]) else { return };
    cluster.configure(&["desk", "attic"], "");
    cluster.machine_mut("desk").off();
    let ran = cluster.done(&["run", "--", "true"]);
    assert!(ran.stderr.contains("`desk` isn't used"), "{}", ran.stderr);
    assert_eq!(cluster.counts(), [1, 0]);
    cluster.configure(&["desk"], "");
    let ran = cluster.crabbox(&["run", "--fresh", "--", "true"]);
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("the connection is refused").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("ssh -v desk true"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("may be left"), "{}", ran.stderr);
    // Where none is full, another time may do.
    cluster.machine_mut("attic").off();
    cluster.configure(&["desk", "attic"], "");
    let ran = cluster.crabbox(&["warmup", "--fresh"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    for name in ["desk", "attic"] {
        assert!(ran.stderr.contains(&format!("`{name}`: ")), "{}", ran.stderr);
    }
}

#[test]
fn settings_hold_instead_of_the_users_configuration() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.configure(&["desk"], "port = 1");
    let ran = cluster.crabbox(&["warmup"]);
    assert_ne!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("the connection is refused"), "{}", ran.stderr);
}

#[test]
fn a_host_that_a_shell_would_read_is_refused_before_anything_reads_it() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    let config = cluster.world.root().join("home/.ssh/config");
    let planted = cluster.world.root().join("home/planted");
    let text = fs::read_to_string(&config).expect("reads");
    fs::write(&config, format!("{text}\n  ProxyCommand sh -c 'exit 1' %r\n")).expect("writes");
    let user = "$(cd${IFS}~&&touch${IFS}planted)";
    for more in ["", &*format!("user = '{user}'")] {
        let host = if more.is_empty() { format!("{user}@desk") } else { "desk".to_owned() };
        cluster.configure(&[&host], more);
        let ran = cluster.crabbox(&["warmup"]);
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.contains("word"), "{}", ran.stderr);
        assert!(!planted.exists());
    }
}

#[test]
fn a_label_chooses_and_a_repository_may_say_which() {
    let Some(cluster) = Cluster::of(&["attic", "desk"]) else { return };
    cluster.configure(&["desk", "attic"], "labels = { attic = 'gpu big' }");
    cluster.world.write(".crabbox.toml", "[provider.ssh]\nlabel = 'gpu'\n");
    cluster.done(&["run", "--", "true"]);
    assert_eq!(cluster.counts(), [1, 0]);
    cluster.world.write(".crabbox.toml", "[provider.ssh]\nuser = 'root'\n");
    let refused = cluster.crabbox(&["run", "--", "true"]);
    assert_eq!(refused.code, 125, "{}", refused.stderr);
    assert!(refused.stderr.contains("user"), "{}", refused.stderr);
}

#[test]
fn without_the_users_configuration_a_machine_is_reached_by_its_settings() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    let desk = cluster.machine("desk");
    let entry = desk.entry();
    cluster.configure(
        &[&entry],
        &format!(
            "use-user-config = false\nidentity-file = '{}'\nhost-key = {{ '{entry}' = '{}' }}",
            desk.user_key().display(),
            desk.host_key()
        ),
    );
    cluster.done(&["run", "--", "true"]);
    // A key that isn't the machine's is refused, whatever the user's known_hosts say.
    cluster.done(&["stop", "@last", "--delete", "--yes"]);
    let other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBr0Aq8sXjhZ3C2wFZ5l3l5Oqk3vV6wK0d6xwQWn8f1B";
    cluster.configure(&["desk"], &format!("host-key = {{ desk = '{other}' }}"));
    let refused = cluster.crabbox(&["run", "--", "true"]);
    assert_eq!(refused.code, 125, "{}", refused.stderr);
    assert_eq!(cluster.counts(), [0]);
}

#[test]
fn whoever_is_interrupted_while_a_machine_says_nothing_leaves_at_once_and_no_trace() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    // It takes connections, and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let entry = silent.local_addr().expect("an address").to_string();
    cluster.configure(&[&entry, "desk"], "");
    let mut command = cluster.command(&["run", "--", "true"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
    let connected = silent.accept().expect("a connection");
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).expect("a signal");
    let ran: Ran = child.wait_with_output().expect("ends").into();
    drop(connected);
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(!ran.stderr.contains("isn't used"), "{}", ran.stderr);
    assert_eq!(cluster.counts(), [0], "no other machine is tried");
    assert!(cluster.world.leases(&[]).is_empty());
}
