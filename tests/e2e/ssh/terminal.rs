//! `crabbox ssh` of a box behind a server of ssh: a shell at a terminal, a command between pipes, and the two lines for
//! other programs.

use crabbox_tests::ssh::{Reached, Server};
use crabbox_tests::{Left, Ran, Typist};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

/// Boxes that stand ready, behind a server of each kind that there is here.
fn each() -> impl Iterator<Item = Reached> {
    let servers = [Server::Russh, Server::OpenSsh].into_iter();
    servers.filter_map(Reached::on).inspect(Reached::warm_up)
}

fn fed(command: &mut Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let (mut stdin, input) = (child.stdin.take().expect("a pipe"), input.to_vec());
    let writer = thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("no panic").expect("it reads all");
    output
}

#[test]
fn a_shell_has_a_terminal_of_the_box_as_large_as_ours_in_the_copy_of_the_checkout() {
    for reached in each() {
        let before = reached.host.counts();
        let mut typist = Typist::before(&reached.command(&["ssh", "@last"]));
        // What is typed is shown, too, so it isn't what is waited for.
        typist.types("echo \"at:$(tty) size:$(stty size)\"; echo \"in:$(pwd)\"\n");
        typist.reads("at:/dev/pts/");
        typist.reads("size:30 100");
        typist.reads(&format!("in:{}", reached.copy().display()));
        typist.types("while [ \"$(stty size)\" = '30 100' ]; do sleep 0.05; done\n");
        typist.types("echo \"then:$(stty size)\"; exit 7\n");
        typist.resizes(132, 50);
        typist.reads("then:50 132");
        let ours = typist.terminal.clone();
        let Left { code, shown } = typist.leaves();
        assert_eq!(code, Some(7), "{shown}");
        assert!(!shown.contains(&format!("at:{ours} ")), "{shown}");
        let after = reached.host.counts();
        assert_eq!(after.connections, before.connections, "it is the one of the runs");
        assert_eq!(after.shells, before.shells, "what proves the box becomes the shell");
    }
}

#[test]
fn the_interrupt_key_is_for_the_program_there() {
    let line = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done";
    for reached in each() {
        let command = reached.command(&["ssh", "@last", "--tty", "--", "sh", "-c", line]);
        let mut typist = Typist::before(&command);
        typist.reads("ready");
        typist.types("\u{3}");
        typist.reads("caught");
        let Left { code, shown } = typist.leaves();
        assert_eq!(code, Some(9), "{shown}");
        // The connection outlives it.
        let before = reached.host.counts();
        let ran = reached.crabbox(&["run", "--", "true"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(reached.host.counts().connections, before.connections);
    }
}

#[test]
fn a_command_has_a_terminal_only_if_it_is_asked_for() {
    for reached in each() {
        for (more, code) in [(&["--tty"][..], 0), (&[], 1)] {
            let words = [&["ssh", "@last"], more, &["--", "tty"]].concat();
            let left = Typist::before(&reached.command(&words)).leaves();
            assert_eq!(left.code, Some(code), "{more:?}: {left:?}");
            assert_eq!(left.shown.contains("/dev/pts/"), code == 0, "{more:?}: {left:?}");
        }
        let ran = reached.crabbox(&["ssh", "@last", "--", "tty"]);
        assert_eq!((ran.code, &*ran.stdout), (1, "not a tty\n"), "{ran:?}");
    }
}

#[test]
fn each_byte_passes_both_ways_and_the_exit_code_comes_back() {
    let all: Vec<u8> = (0..=u8::MAX).cycle().take(3 << 20).collect();
    for reached in each() {
        let line = "cat; echo aside >&2; exit 5";
        let mut command = reached.command(&["ssh", "@last", "--", "sh", "-c", line]);
        let output = fed(&mut command, &all);
        assert!(output.stdout == all, "{} bytes", output.stdout.len());
        assert!(output.stderr.ends_with(b"\naside\n"), "{output:?}");
        assert_eq!(output.status.code(), Some(5));
        let killed = reached.crabbox(&["ssh", "@last", "--", "sh", "-c", "exit 200"]);
        assert_eq!(killed.code, 200, "{killed:?}");
    }
}

/// As of a run, and of `ssh` itself.
#[test]
fn a_command_that_can_not_be_started_ends_as_in_a_shell() {
    for reached in each() {
        for (program, code, said) in [
            ("no-such-program", 127, "there is no program `no-such-program` on the box"),
            ("./hello.txt", 126, "`./hello.txt` can't be executed: Permission denied"),
        ] {
            let ran = reached.crabbox(&["ssh", "@last", "--", program]);
            assert_eq!((ran.code, &*ran.stdout), (code, ""), "{ran:?}");
            assert!(ran.stderr.contains(said), "{ran:?}");
            assert_eq!(reached.crabbox(&["run", "--", program]).code, code, "{program}");
        }
    }
}

/// Elsewhere, in an environment that knows nothing of this world.
fn elsewhere(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir("/").env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    command
}

#[test]
fn the_line_that_is_printed_works_from_any_folder_over_a_connection_that_is_there_or_not() {
    for reached in each() {
        let printed = reached.crabbox(&["ssh", "@last", "--print"]);
        assert_eq!(printed.code, 0, "{printed:?}");
        let line = printed.stdout.strip_suffix('\n').expect("a line");
        assert!(!line.contains('\n'), "{line}");
        let copy = reached.copy().display().to_string();
        for connections in [0, 1] {
            let before = reached.host.counts();
            let output = fed(&mut elsewhere(&["sh", "-c", line]), b"pwd; exit 4\n");
            assert_eq!(output.status.code(), Some(4), "{output:?}");
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), copy, "{output:?}");
            assert_eq!(reached.host.counts().connections - before.connections, connections);
            reached.hang_up();
        }
        let mut typist = Typist::before(&elsewhere(&["sh", "-c", line]));
        typist.types("echo \"at:$(tty)\"; exit 3\n");
        typist.reads("at:/dev/pts/");
        assert_eq!(typist.leaves().code, Some(3));
        // The next run rides what the line has made.
        let before = reached.host.counts();
        let ran = reached.crabbox(&["run", "--keep", "--", "true"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(reached.host.counts().connections, before.connections, "{}", ran.stderr);
    }
}

#[test]
fn the_block_for_editors_is_read_by_ssh_and_leads_to_the_box() {
    for reached in each() {
        let printed = reached.crabbox(&["ssh", "@last", "--config"]);
        assert_eq!(printed.code, 0, "{printed:?}");
        let file = reached.world.root().join("block");
        // As whoever has a configuration does it.
        let theirs = "Host other\n  HostName other.invalid\n\n";
        fs::write(&file, format!("{theirs}{}", printed.stdout)).expect("a file");
        let block = printed.stdout.lines().filter_map(|line| line.strip_prefix("Host "));
        let names: Vec<&str> = block.collect();
        let [name] = &*names else { panic!("{}", printed.stdout) };
        let ssh = |more: &[&str]| {
            let path = file.display().to_string();
            Ran::of(&mut elsewhere(&[&["ssh", "-F", &path], more].concat()))
        };
        let read = ssh(&["-G", name]);
        assert_eq!(read.code, 0, "{read:?}");
        assert!(read.stdout.lines().any(|found| found == "batchmode no"), "{}", read.stdout);
        assert!(!read.stdout.contains("controlpath"), "it has no connection to share: {read:?}");
        assert_eq!(*name, format!("crabbox-{}", reached.world.only_slug()));
        // As long as it is leased: also when it is parked, and nothing of its runs' connection is left.
        for end in [&["run", "--keep", "--", "true"][..], &["stop", "@last"]] {
            let ran = ssh(&[name, "echo here; exit 6"]);
            assert_eq!((ran.code, &*ran.stdout), (6, "here\n"), "{ran:?}");
            let ran = reached.crabbox(end);
            assert_eq!(ran.code, 0, "{ran:?}");
        }
        let ran = ssh(&[name, "exit 6"]);
        assert_eq!(ran.code, 6, "{ran:?}");
        let kept = |what: &str| {
            let folder = reached.world.root().join("state/crabbox").join(what);
            fs::read_dir(folder).expect("a folder").count()
        };
        assert_eq!((kept("known-hosts"), kept("editors")), (1, 1));
        let ran = reached.crabbox(&["stop", "@last", "--delete", "--yes"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!((kept("known-hosts"), kept("editors")), (0, 0));
        assert!(!Path::new("/.ssh").exists());
    }
}

#[test]
fn a_box_that_is_not_reached_by_ssh_has_no_block_and_a_line_all_the_same() {
    let world = crabbox_tests::World::new();
    assert_eq!(world.crabbox(&["warmup"]).code, 0);
    let block = world.crabbox(&["ssh", "@last", "--config"]);
    assert_eq!((block.code, &*block.stdout), (1, ""), "{block:?}");
    let line = world.crabbox(&["ssh", "@last", "--print"]).stdout;
    let output = Ran::of(&mut elsewhere(&["sh", "-c", &format!("{line}pwd")]));
    assert_eq!(Path::new(output.stdout.trim()), world.workspace(), "{output:?}");
}
