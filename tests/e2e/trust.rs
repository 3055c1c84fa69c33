//! What `docs/explanation/trust.md` promises and no other test shows.

use crabbox_tests::{World, until};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn other_users_see_neither_claims_nor_boxes() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    for place in ["state/crabbox", "data/crabbox/local"] {
        assert_eq!(mode(&world.root().join(place)), 0o700, "{place}");
    }
    assert_eq!(mode(&world.only_box()), 0o700);
}

#[test]
fn a_repositorys_own_git_configuration_starts_nothing() {
    let world = World::new();
    let trace = world.root().join("started");
    let hook = world.root().join("hook");
    fs::write(&hook, format!("#!/bin/sh\necho \"$0\" >>'{}'\n", trace.display())).expect("writes");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("a mode");
    let hook = hook.display().to_string();
    world.git(&["config", "core.fsmonitor", &hook]);
    world.git(&["config", "core.pager", &hook]);
    world.git(&["config", "alias.ls-files", &format!("!{hook}")]);
    assert_eq!(world.shell("cat hello.txt").stdout, "hello\n");
    assert!(!trace.exists());
}

#[test]
fn patterns_are_read_from_a_file_of_the_checkout_and_from_nothing_else() {
    let world = World::new();
    let file = world.checkout().join(".crabboxignore");
    let refused = |expected: &str| {
        let ran = world.shell("true");
        assert_eq!(ran.code, 125, "{expected}");
        assert!(ran.stderr.contains(".crabboxignore` can't be read"), "{}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
        fs::remove_file(&file).expect("removes");
    };
    // The first would never end, the second would be waited for.
    symlink("/dev/zero", &file).expect("a link");
    refused("it is a link that leads out of the checkout");
    assert!(Command::new("mkfifo").arg(&file).status().expect("mkfifo runs").success());
    refused("it is no regular file");
    fs::write(&file, "# long\n".repeat(200_000)).expect("a file");
    refused("it is larger than 1024 KiB");
    // A link that stays inside is the checkout's own word.
    world.write("patterns", "*.iso\n");
    world.write("large.iso", "");
    symlink("patterns", &file).expect("a link");
    assert_eq!(world.shell("ls *.iso; true").stdout, "");
}

#[test]
fn values_of_variables_are_in_no_argument_on_the_box() {
    let world = World::new();
    // The helper is the command's parent; its request is in base64url.
    let line = "tr '\\0' '\\n' </proc/$PPID/cmdline | tail -n 1 | tr '_-' '/+' | base64 -di; true";
    let output = world
        .command(&["run", "-q", "--env", "TOKEN", "--shell", line])
        .env("TOKEN", "s3cr3t-s3cr3t")
        .output()
        .expect("runs");
    let request = String::from_utf8_lossy(&output.stdout);
    assert!(request.contains("await_environment\":true"), "{request}");
    assert!(!request.contains("s3cr3t-s3cr3t"));
    // Nor is there a file with it on the box.
    until("the run has ended", || world.crabbox(&["list"]).stdout.contains("parked"));
    let spec = fs::read_dir(world.only_box().join(".crabbox/runs")).expect("runs");
    for run in spec {
        let text = fs::read_to_string(run.expect("a run").path().join("spec")).expect("a spec");
        assert!(!text.contains("s3cr3t-s3cr3t"));
    }
}

#[test]
fn our_own_lines_show_terminal_escapes_and_do_not_obey_them() {
    let world = World::new();
    let ran = world.crabbox(&["run", "--dir", "\u{1b}[31mred", "--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("\\u{1b}[31mred"), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
}

#[test]
fn nothing_of_the_box_is_written_to_the_checkout() {
    let world = World::new();
    let line = "echo changed >hello.txt; echo new >new; ln -s / link; mkdir -p .git/hooks";
    assert_eq!(world.shell(line).code, 0);
    let mut names: Vec<_> = fs::read_dir(world.checkout())
        .expect("reads")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    names.sort();
    assert_eq!(names, [".git", "hello.txt"]);
    let text = fs::read_to_string(world.checkout().join("hello.txt")).expect("reads");
    assert_eq!(text, "hello\n");
}

#[test]
fn a_provider_sees_only_the_environment_that_it_declares() {
    let world = World::new();
    world.configure("[provider.misbehaving]\nlease = 'hang'\n");
    let path = world.provider_path("crabbox_provider_misbehaving").display().to_string();
    let provider = ["--provider-path", &path, "--provider", "misbehaving"];
    let mut crabbox = world
        .command(&[&["run"], &provider[..], &["--", "true"]].concat())
        .env("TOKEN", "s3cr3t")
        .stderr(Stdio::null())
        .spawn()
        .expect("runs");
    // The child of this process that has this in its command line, and its environment.
    let child = |process: &str, word: &str| {
        let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
        children.unwrap_or_default().split_whitespace().find_map(|child| {
            let line = fs::read_to_string(format!("/proc/{child}/cmdline")).ok()?;
            let environment = fs::read(format!("/proc/{child}/environ")).ok()?;
            line.contains(word).then(|| (child.to_owned(), environment))
        })
    };
    let mut environment = None;
    until("the provider runs", || {
        let keeper = child(&crabbox.id().to_string(), "__keeper");
        let provider = keeper.and_then(|(keeper, _)| child(&keeper, "__provider-child"));
        environment = provider.map(|(_, environment)| environment);
        environment.is_some()
    });
    crabbox.kill().expect("kills");
    crabbox.wait().expect("ends");
    // This one declares nothing.
    assert_eq!(
        environment.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
        Some(String::new())
    );
}
