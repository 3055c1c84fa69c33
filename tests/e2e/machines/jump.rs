//! A machine behind another one, as the user's own configuration has it.

use super::Cluster;
use super::asked::encrypt;
use crabbox_tests::{Left, Typist};
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
