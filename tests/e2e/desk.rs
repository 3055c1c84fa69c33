//! A box that isn't this machine: reached through a command, known by what it shows.

use crabbox_tests::{Ran, World};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A world whose boxes stand under a desk.
pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) path: String,
}

impl Desk {
    pub(crate) fn new(more: &str) -> Self {
        let world = World::new();
        let root = world.root().join("desk");
        world.configure(&format!("[provider.desk]\nroot = '{}'\n{more}\n", root.display()));
        let path = world.provider_path("crabbox_provider_desk").display().to_string();
        Self { world, path }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let provider = ["run", "--provider-path", &self.path, "--provider", "desk"];
        self.world.command(&[&provider, arguments].concat())
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Runs, sends the signal once the machine is waited for, and returns what came of it.
    fn interrupt(&self, signal: Signal, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        let waited_for = self.machine().join("waited-for");
        crabbox_tests::until("the machine is waited for", || waited_for.exists());
        kill_process(Pid::from_child(&child), signal).expect("signals");
        Ran::from(child.wait_with_output().expect("ends"))
    }

    /// Any other command.
    pub(crate) fn crabbox(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.crabbox_command(arguments))
    }

    pub(crate) fn crabbox_command(&self, arguments: &[&str]) -> Command {
        self.world.command(&[&["--provider-path", &self.path], arguments].concat())
    }

    /// How the provider's next calls go; nothing is well.
    pub(crate) fn mood(&self, mood: &str) {
        let root = self.world.root().join("desk");
        fs::create_dir_all(&root).expect("a folder");
        fs::write(root.join("mood"), mood).expect("a file");
    }

    /// The folder of the only machine.
    pub(crate) fn machine(&self) -> PathBuf {
        let machines = fs::read_dir(self.world.root().join("desk")).expect("machines");
        let mut machines: Vec<_> = machines
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_dir())
            .collect();
        assert_eq!(machines.len(), 1, "{machines:?}");
        machines.remove(0)
    }

    /// The hooks that were called since the last time.
    pub(crate) fn calls(&self) -> String {
        let file = self.world.root().join("desk/calls");
        let calls = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        calls.lines().collect::<Vec<_>>().join(" ")
    }

    /// The same without what is done beside a run: where the box doesn't stay, that comes when it comes,
    /// or not at all.
    pub(crate) fn calls_in_turn(&self) -> String {
        let calls = self.calls();
        calls.split(' ').filter(|call| *call != "extend").collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn a_far_box_holds_the_tree_and_nothing_of_this_environment() {
    let desk = Desk::new("");
    let ran = desk.run(&[
        "--env",
        "MINE=1",
        "--shell",
        "cat hello.txt; echo $MINE $XDG_STATE_HOME.; pwd",
    ]);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[..2], ["hello", "1 ."], "{}", ran.stderr);
    let home = desk.machine().join("home/crabbox");
    assert!(lines[2].starts_with(&*home.to_string_lossy()), "{}", ran.stdout);
    assert_eq!(desk.calls(), "lease resolve release");
    assert!(!desk.machine().join("on").exists(), "it is switched off at the end");
}

#[test]
fn a_parked_box_is_switched_on_again_and_a_kept_one_asks_nobody() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    desk.calls();
    let ran = desk.run(&["--keep", "--", "cat", "hello.txt"]);
    assert_eq!(
        (ran.stdout.as_str(), desk.calls().as_str()),
        ("hello\n", "resolve extend"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("tree unchanged"), "{}", ran.stderr);
    let warm = desk.run(&["--", "cat", "hello.txt"]);
    assert_eq!((warm.stdout.as_str(), desk.calls().as_str()), ("hello\n", ""), "{}", warm.stderr);
}

#[test]
fn another_machine_at_the_end_of_the_way_is_not_touched() {
    let desk = Desk::new("impostor = true");
    let ran = desk.run(&["--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("not the box that was leased"), "{}", ran.stderr);
    let left: Vec<_> = fs::read_dir(desk.machine().join("home"))
        .expect("a home")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name != ".cache")
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_box_that_was_switched_off_behind_our_back_is_switched_on_again() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    desk.calls();
    fs::remove_file(desk.machine().join("on")).expect("switches off");
    let ran = desk.run(&["--", "cat", "hello.txt"]);
    assert_eq!((ran.stdout.as_str(), ran.code), ("hello\n", 0), "{}", ran.stderr);
    assert!(ran.stderr.contains("the machine is off"), "{}", ran.stderr);
    assert_eq!(desk.calls(), "resolve", "and it stays on, as it was found");
}

#[test]
fn a_kept_box_that_is_gone_is_replaced() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    desk.calls();
    fs::remove_dir_all(desk.machine()).expect("removes");
    let ran = desk.run(&["--", "cat", "hello.txt"]);
    assert_eq!((ran.stdout.as_str(), ran.code), ("hello\n", 0), "{}", ran.stderr);
    assert!(ran.stderr.contains("was deleted"), "{}", ran.stderr);
    assert_eq!(desk.calls(), "resolve lease resolve release");
}

#[test]
fn a_box_that_can_never_be_reached_is_tried_once_more_and_named() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    let config = desk.world.root().join("config/crabbox/config.toml");
    let text = fs::read_to_string(&config).expect("reads");
    fs::write(&config, text + "impostor = true\n").expect("writes");
    desk.calls();
    fs::remove_file(desk.machine().join("on")).expect("switches off");
    let id = desk.world.crabbox(&["list", "--json"]).stdout;
    let id: serde_json::Value = serde_json::from_str(&id).expect("JSON");
    let id = id["leases"][0]["slug"].as_str().expect("a slug").to_owned();
    let ran = desk.run(&["--id", &id, "--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("not the box that was leased"), "{}", ran.stderr);
    assert_eq!(desk.calls(), "resolve");
}

#[test]
fn a_signal_before_the_box_has_answered_ends_the_run() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let desk = Desk::new("");
        assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
        fs::write(desk.machine().join("sleepy"), "").expect("a file");
        desk.calls();
        let ran = desk.interrupt(signal, &["--", "echo", "ran"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (code, ""), "{}", ran.stderr);
        assert_eq!(desk.calls(), "", "no second attempt");
    }
}

#[test]
fn a_signal_during_the_release_leaves_with_the_programs_code() {
    for signal in [Signal::INT, Signal::TERM] {
        let desk = Desk::new("");
        assert_eq!(desk.run(&["--", "true"]).code, 0);
        fs::write(desk.machine().join("stuck"), "").expect("a file");
        let ran = desk.interrupt(signal, &["--json", "--shell", "exit 7"]);
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!((ran.code, &document["outcome"]["exit"]), (7, &7.into()), "{}", ran.stderr);
        assert!(ran.stderr.contains(" stop "), "{}", ran.stderr);
        // What was left half done is finished by the next command.
        fs::remove_file(desk.machine().join("stuck")).expect("removes");
        assert_eq!(desk.run(&["--", "true"]).code, 0);
    }
}
