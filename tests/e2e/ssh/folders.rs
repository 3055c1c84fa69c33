//! Folders of the box that can't hold the helper, and those that do instead.

use super::mounted::behind;
use crabbox_tests::Ran;
use crabbox_tests::ssh::{Reached, Server, SshHostBuilder};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::path::Path;

fn reached() -> Reached {
    let reached = Reached::on(Server::Russh).expect("a host");
    fs::create_dir(reached.home().join(".cache")).expect("a folder");
    reached
}

#[test]
fn a_home_that_runs_nothing_or_takes_nothing_is_passed_over() {
    for options in ["noexec,mode=700", "size=100k,mode=700", "ro,mode=700"] {
        let reached = reached();
        let mounts = format!("mount -t tmpfs -o {options} none \"$box/.cache\"");
        let line = ["run", "--shell", "readlink /proc/$PPID/exe"];
        let Some(mut command) = behind(&reached, &mounts, &line) else { return };
        let ran = Ran::of(&mut command);
        assert_eq!(ran.code, 0, "{options}: {ran:?}");
        assert!(ran.stdout.starts_with("/var/tmp/crabbox-"), "{options}: {ran:?}");
        assert_eq!(reached.host.counts().connections, 1, "{options}");
    }
}

#[test]
fn other_shells_than_dash_may_be_bin_sh() {
    for shell in ["/usr/bin/busybox", "/bin/bash"] {
        if !Path::new(shell).exists() {
            let _ = writeln!(std::io::stderr(), "skipped: there is no {shell}");
            continue;
        }
        let reached = reached();
        let mounts = format!("mount --bind {shell} \"$(readlink -f /bin/sh)\"");
        let Some(mut command) = behind(&reached, &mounts, &["run", "--shell", "echo here"]) else {
            return;
        };
        let ran = Ran::of(&mut command);
        assert_eq!((ran.code, &*ran.stdout), (0, "here\n"), "{shell}: {ran:?}");
    }
}

#[test]
fn a_box_that_runs_nothing_from_anywhere_says_why() {
    let reached = reached();
    let mounts = "mount -t tmpfs -o noexec,mode=700 none \"$box/.cache\"
        for folder in /var/tmp /tmp /dev/shm;do folder=$folder/crabbox-$(id -u); mkdir -p -m 700 $folder
        mount -t tmpfs -o noexec,mode=700 none $folder; done";
    let Some(mut command) = behind(&reached, mounts, &["run", "--json", "--", "true"]) else {
        return;
    };
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, 125, "{ran:?}");
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(document["outcome"]["origin"], "transport", "{document}");
    assert!(ran.stderr.contains("the remote helper can't run on the box"), "{ran:?}");
    assert!(ran.stderr.contains("Permission denied"), "{ran:?}");
    let counts = reached.host.counts();
    assert_eq!((counts.execs, counts.connections), (4, 1), "{}", reached.host.log());
}

#[test]
fn a_box_without_a_home_keeps_it_elsewhere() {
    let kind = |host: SshHostBuilder| host.unset_env("HOME").unset_env("XDG_CACHE_HOME");
    let reached = Reached::by(Server::Russh, kind).expect("a host");
    let line = ["run", "--shell", "readlink /proc/$PPID/exe; echo ${HOME-none}"];
    let Some(mut command) = behind(&reached, "true", &line) else { return };
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.starts_with("/var/tmp/crabbox-"), "{ran:?}");
    assert!(ran.stdout.ends_with("none\n"), "{ran:?}");
    assert!(!Path::new("/.cache/crabbox").exists());
}
