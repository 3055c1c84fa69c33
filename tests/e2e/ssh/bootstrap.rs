//! The helper comes to boxes of all kinds: login shells that print, few programs, long requests, helpers that are none.

use super::mounted::behind;
use crabbox_tests::Ran;
use crabbox_tests::ssh::{Reached, Server, SshHostBuilder};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// What start-up files print: escapes, and a line without its end.
const NOISE: &str =
    "printf '\\033]0;title\\007\\033[31mwelcome\\n'\necho '<<crabbox'\nprintf 'no end'\n";

/// Shells, and what each reads before a command that isn't typed.
const SHELLS: &[(&str, &str)] = &[
    ("bash", ".bashrc"),
    ("dash", ".profile"),
    ("fish", ".config/fish/config.fish"),
    ("tcsh", ".tcshrc"),
    ("csh", ".cshrc"),
    ("zsh", ".zshenv"),
];

fn russh(kind: impl FnOnce(SshHostBuilder) -> SshHostBuilder) -> Reached {
    Reached::by(Server::Russh, kind).expect("a host")
}

/// A program of this machine. `None`, and a line that says so, where there is none.
fn program(name: &str) -> Option<PathBuf> {
    let folders = ["/bin", "/usr/bin"].map(|folder| Path::new(folder).join(name));
    let found = folders.into_iter().find(|path| path.exists());
    if found.is_none() {
        let _ = writeln!(std::io::stderr(), "skipped: there is no {name}");
    }
    found
}

fn works(reached: &Reached) {
    let ran = reached.crabbox(&["run", "--shell", "echo here; exit 3"]);
    assert_eq!((ran.code, &*ran.stdout), (3, "here\n"), "{ran:?}");
}

/// A box that stands ready, and its helper.
fn ready() -> Option<(Reached, PathBuf)> {
    let reached = russh(|host| host);
    let ran = Ran::of(&mut behind(&reached, "true", &["warmup"])?);
    assert_eq!(ran.code, 0, "{ran:?}");
    let folder = fs::read_dir(reached.home().join(".cache/crabbox/helper")).expect("a folder");
    let helpers: Vec<PathBuf> = folder.map(|entry| entry.expect("an entry").path()).collect();
    let [helper] = &*helpers else { panic!("{helpers:?}") };
    Some((reached, helper.clone()))
}

/// An executable file in the place of another: a shell script may be open by whoever runs it.
fn put(path: &Path, content: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, content).expect("a file");
    fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).expect("a mode");
    fs::rename(new, path).expect("a name");
}

#[test]
fn login_shells_of_all_kinds_may_print_what_they_like() {
    for (name, file) in SHELLS {
        let Some(shell) = program(name) else { continue };
        let reached = russh(|host| host.shell(&shell));
        let file = reached.home().join(file);
        fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
        fs::write(&file, NOISE).expect("a file");
        works(&reached);
        works(&reached);
    }
}

#[test]
fn the_shell_of_busybox_is_one() {
    let Some(busybox) = program("busybox") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let shell = folder.path().join("sh");
    symlink(busybox, &shell).expect("a link");
    works(&russh(|host| host.shell(&shell)));
}

#[test]
fn ten_thousand_lines_before_it_are_skipped() {
    works(&russh(|host| host.motd(10_000)));
}

/// No tar, bash, git, rsync, base64 or sha256sum.
#[test]
fn few_programs_are_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in ["sh", "id", "uname", "head", "chmod", "mv", "rm", "mkdir"] {
        let Some(program) = program(name) else { return };
        symlink(program, folder.path().join(name)).expect("a link");
    }
    works(&russh(|host| host.env("PATH", &folder.path().display().to_string())));
}

#[test]
fn a_machine_that_no_helper_is_for_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    put(&folder.path().join("uname"), b"#!/bin/sh\necho Linux riscv64\n");
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let reached = russh(|host| host.env("PATH", &path));
    let Some(mut command) = behind(&reached, "true", &["run", "--", "true"]) else { return };
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("the box is a `Linux riscv64`"), "{ran:?}");
}

#[test]
fn a_helper_that_is_none_is_replaced_in_the_same_command() {
    let Some((reached, helper)) = ready() else { return };
    let whole = fs::read(&helper).expect("a helper");
    let half = &whole[..whole.len() / 2];
    let others: [&[u8]; 5] = [half, b"", b"\x7fELF", b"#!/bin/sh\nexit 0\n", b"#!/no/such\n"];
    for content in others {
        put(&helper, content);
        let before = reached.host.counts();
        let ran = reached.crabbox(&["run", "--shell", "echo here"]);
        assert_eq!((ran.code, &*ran.stdout), (0, "here\n"), "{content:.9?}: {ran:?}");
        assert!(fs::read(&helper).expect("a helper") == whole, "{content:.9?}");
        let after = reached.host.counts();
        assert_eq!(after.execs - before.execs, 2);
        assert_eq!(after.connections, before.connections);
        reached.warm_up();
    }
}

#[test]
fn a_home_that_machines_of_two_kinds_share_holds_a_helper_for_each() {
    let Some((reached, helper)) = ready() else { return };
    let version = reached.crabbox(&["version", "--json"]);
    let version: Value = serde_json::from_str(&version.stdout).expect("JSON");
    let names = version["helpers"].as_array().expect("helpers").iter();
    let names: Vec<&str> = names.filter_map(|helper| helper["sha256"].as_str()).collect();
    for name in names.iter().filter(|name| !helper.ends_with(name)) {
        put(&helper.with_file_name(name), b"\x7fELF of another machine");
    }
    let before = reached.host.counts();
    let ran = reached.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(reached.host.counts().execs - before.execs, 1);
}

#[test]
fn eight_that_bring_it_to_one_home_at_once_leave_one() {
    let home = tempfile::tempdir().expect("a folder");
    let cache = home.path().join(".cache").display().to_string();
    let hosts = [0, 1].map(|_| russh(|host| host.env("XDG_CACHE_HOME", &cache)));
    let start = |reached: &Reached| -> Option<Child> {
        let mut command = behind(reached, "true", &["run", "--", "true"])?;
        Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts"))
    };
    let children: Vec<Child> = (0..8).filter_map(|number| start(&hosts[number % 2])).collect();
    if children.is_empty() {
        return;
    }
    for child in children {
        let ran = Ran::from(child.wait_with_output().expect("it ends"));
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let folder = home.path().join(".cache/crabbox/helper");
    assert_eq!(fs::read_dir(folder).expect("a folder").count(), 1);
}

#[test]
fn a_request_that_is_too_long_for_a_command_line_follows_it() {
    let reached = russh(|host| host);
    let word = "x".repeat(100);
    let words = |count: usize| {
        let line = ["run", "--", "sh", "-c", "echo $#", "sh"].map(str::to_owned);
        line.into_iter().chain(vec![word.clone(); count]).collect::<Vec<_>>()
    };
    let run = |count| {
        let words = words(count);
        reached.crabbox(&words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let ran = run(4000);
    assert_eq!((ran.code, &*ran.stdout), (0, "4000\n"), "{ran:?}");
    let longest = reached.host.counts().command_bytes.into_iter().max();
    assert!(longest.is_some_and(|bytes| bytes < 96 * 1024), "{longest:?}");
    let ran = run(15_000);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("more than the 524288 that can be sent"), "{ran:?}");
}

#[test]
fn much_environment_is_sent_and_too_much_is_refused() {
    let reached = russh(|host| host);
    let run = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("BIG_{number}")).collect();
        let mut line = vec!["run"];
        line.extend(names.iter().flat_map(|name| ["--env", name]));
        line.extend(["--shell", "echo ${#BIG_0} ${#BIG_3}"]);
        let mut command = reached.command(&line);
        command.envs(names.iter().map(|name| (name, "x".repeat(100_000))));
        Ran::of(&mut command)
    };
    let ran = run(4);
    assert_eq!((ran.code, &*ran.stdout), (0, "100000 100000\n"), "{ran:?}");
    let ran = run(10);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("the values of the variables take"), "{ran:?}");
}

/// Which is what `ssh` ends with when it fails itself.
#[test]
fn a_program_may_end_with_255() {
    let reached = russh(|host| host);
    for _ in 0..2 {
        let ran = reached.crabbox(&["run", "--keep", "--json", "--shell", "exit 255"]);
        let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(ran.code, 255, "{ran:?}");
        assert_eq!(document["outcome"]["origin"], "program", "{document}");
    }
    assert_eq!(reached.host.counts().connections, 1);
}
