//! What the user's own configuration does to the way to a machine, and what it doesn't.

use super::Cluster;
use crabbox_tests::{Left, Ran, Typist, until};
use std::fs;
use std::process::{Command, Stdio};

const SURE: &str = "Are you sure you want to continue connecting";

/// Ends the connections of leases, as when this machine was asleep for long.
fn hang_up(cluster: &Cluster) {
    for entry in fs::read_dir(cluster.world.root().join("run/crabbox")).expect("a folder") {
        let socket = entry.expect("an entry").path().join("0");
        let mut ssh = Command::new("ssh");
        ssh.arg("-S").arg(socket).args(["-O", "exit", "desk"]).stderr(Stdio::null());
        assert!(ssh.status().expect("ssh runs").success());
    }
}

#[test]
fn who_only_looks_ends_nothing_of_who_works() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["warmup"]);
    hang_up(&cluster);
    let at = |name: &str| cluster.world.root().join(name);
    let (looking, looked, started, go) = (at("looking"), at("looked"), at("started"), at("go"));
    // `ssh` reads this before it goes there: who looks is held up until the run is at work.
    cluster.prefers(&format!(
        "Match exec \"[ x$LOOKS = x ] || {{ touch {0}; until [ -e {1} ];do sleep 0.02;done; }}\"\n",
        looking.display(),
        looked.display()
    ));
    let mut look = cluster.command(&["list", "--refresh"]);
    let look = look.env("LOOKS", "1").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    until("somebody looks", || looking.exists());
    let line =
        format!("touch {}; until [ -e {} ];do sleep 0.02;done", started.display(), go.display());
    let mut run = cluster.command(&["run", "--keep", "--shell", &line]);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    until("the command", || started.exists());
    fs::write(&looked, "").expect("a file");
    let look: Ran = look.expect("it starts").wait_with_output().expect("it ends").into();
    assert!(look.stdout.contains("busy") && look.stdout.contains("ready"), "{look:?}");
    // By another way, which a file that was just edited names.
    let key = cluster.machine("desk").user_key().display().to_string();
    cluster.configure(&["desk"], &format!("identity-file = '{key}'"));
    cluster.done(&["list", "--refresh"]);
    fs::write(&go, "").expect("a file");
    let run: Ran = run.wait_with_output().expect("it ends").into();
    assert_eq!(run.code, 0, "{run:?}");
    let left = fs::read_dir(cluster.world.root().join("run/crabbox")).expect("a folder");
    assert_eq!(left.count(), 1, "who looks leaves no connection");
}

#[test]
fn a_host_on_the_way_that_asks_does_so_where_somebody_answers() {
    let Some(cluster) = Cluster::of(&["desk", "jump"]) else { return };
    cluster.configure(&["desk"], "");
    fs::write(cluster.known_hosts(), format!("{}\n", cluster.machine("desk").known()))
        .expect("writes");
    cluster.prefers("Host desk\n  ProxyJump jump\n");
    let ran = cluster.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("hint: crabbox warmup"), "{ran:?}");
    let mut typist = Typist::before(&cluster.command(&["warmup"]));
    typist.reads(SURE);
    typist.types("yes\n");
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(0), "{shown}");
    cluster.done(&["run", "--", "true"]);
}

#[test]
fn the_block_for_editors_leaves_the_users_own_name_alone() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["warmup"]);
    let block = cluster.done(&["ssh", "@last", "--config"]).stdout;
    let named: Vec<_> = block.lines().filter_map(|line| line.strip_prefix("Host ")).collect();
    let ours = format!("crabbox-{}", cluster.slug());
    assert_eq!(named, [&*ours], "{block}");
    assert!(!block.to_lowercase().contains("control"), "{block}");
    // It is read where the user's configuration isn't, and leads there all the same.
    let file = cluster.world.root().join("block");
    fs::write(&file, &block).expect("writes");
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(file).args(["-o", "BatchMode=yes", &ours, "echo here"]);
    let ran = Ran::of(ssh.stdin(Stdio::null()));
    assert_eq!((ran.code, &*ran.stdout), (0, "here\n"), "{block}: {ran:?}");
}
