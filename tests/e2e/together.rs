//! Commands that want the same lease: one has it, the others wait, are refused, or get another.

use crate::desk::Desk;
use crabbox_tests::{Ran, World, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Stdio};

/// A run that has got as far as its command, and goes on until its world is told to `go`.
pub(crate) struct Running {
    child: Child,
    pub(crate) slug: String,
    go: PathBuf,
}

impl Running {
    pub(crate) fn on(world: &World, more: &[&str]) -> Self {
        let go = world.root().join(format!("go-{}", crabbox::lease::random_bits()));
        let line = format!("echo up; while [ ! -e '{}' ]; do sleep 0.02; done", go.display());
        let words = [&["run", "-q"], more, &["--shell", &line]].concat();
        let mut child = world.command(&words).stdout(Stdio::piped()).spawn().expect("runs");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        assert_eq!(lines.next().expect("a line").expect("text"), "up");
        let claims = claims(world);
        let busy = claims.iter().find(|claim| claim["state"] == "busy").expect("a busy lease");
        Self { child, slug: busy["slug"].as_str().expect("a slug").to_owned(), go }
    }

    fn name(&self) -> String {
        let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
        format!("crabbox (process {}) on {machine}", self.child.id())
    }

    pub(crate) fn end(mut self) {
        fs::write(&self.go, "").expect("a file");
        assert!(self.child.wait().expect("ends").success());
    }
}

impl Drop for Running {
    /// A test that fails leaves nobody behind who waits for ever.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A run that waits for a lease.
struct Waiting {
    child: Child,
    said: BufReader<ChildStderr>,
}

impl Waiting {
    fn on(world: &World, running: &Running, more: &[&str]) -> Self {
        let words = [&["run", "--id", &running.slug], more, &["--", "cat", "hello.txt"]].concat();
        let mut command = world.command(&words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("runs");
        let mut said = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        let wanted = format!("crabbox: waiting for {}, used by {}\n", running.slug, running.name());
        assert_eq!(line, wanted);
        Self { child, said }
    }

    /// What comes of it; standard error from where it was read to.
    fn ends(mut self) -> Ran {
        let output = self.child.wait_with_output().expect("ends");
        let mut ran = Ran::from(output);
        std::io::Read::read_to_string(&mut self.said, &mut ran.stderr).expect("text");
        ran
    }
}

fn claims(world: &World) -> Vec<Value> {
    let list = world.crabbox(&["list", "--json"]).stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    list["leases"].as_array().expect("a list").clone()
}

#[test]
fn a_waiter_goes_on_with_a_box_that_was_parked_or_left_ready() {
    for (keep, left) in [(&[][..], "parked"), (&["--keep"][..], "ready")] {
        let world = World::new();
        let running = Running::on(&world, keep);
        let waiting = Waiting::on(&world, &running, &[]);
        running.end();
        let ran = waiting.ends();
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
        assert_eq!(ran.stderr.matches("waiting for").count(), 0, "said once: {}", ran.stderr);
        assert_ne!(crate::slow::way(&world)["waited_ms"], 0);
        let claims = claims(&world);
        assert_eq!((claims.len(), &claims[0]["state"]), (1, &left.into()), "{claims:?}");
    }
}

#[test]
fn a_waiter_whose_box_goes_away_is_told_so() {
    let world = World::new();
    world.configure("[lease]\nrelease = 'delete'\n");
    let running = Running::on(&world, &[]);
    let waiting = Waiting::on(&world, &running, &[]);
    let slug = running.slug.clone();
    running.end();
    let ran = waiting.ends();
    assert_eq!(ran.code, 125);
    let error = format!("error: the lease `{slug}` has no box any more\n");
    assert!(ran.stderr.contains(&error), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: crabbox run --provider local --fresh"), "{}", ran.stderr);
    assert!(claims(&world).is_empty() && world.boxes().is_empty());
}

#[test]
fn a_waiter_takes_up_what_a_killed_command_left() {
    let world = World::new();
    let mut running = Running::on(&world, &[]);
    let waiting = Waiting::on(&world, &running, &[]);
    running.child.kill().expect("kills");
    running.child.wait().expect("ends");
    let ran = waiting.ends();
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
    assert_eq!(claims(&world)[0]["state"], "parked");
    assert!(world.only_box().is_dir());
}

#[test]
fn a_waiter_says_that_it_waits_and_leaves_without_a_trace() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let world = World::new();
        let running = Running::on(&world, &[]);
        let before = claims(&world);
        let more = ["--json", "--heartbeat", "1s"];
        let mut waiting = Waiting::on(&world, &running, &more);
        let mut beat = String::new();
        waiting.said.read_line(&mut beat).expect("a line");
        assert_eq!(beat, format!("crabbox: still waiting for {} (1s)\n", running.slug));
        kill_process(Pid::from_child(&waiting.child), signal).expect("signals");
        let ran = waiting.ends();
        assert_eq!(ran.code, code, "{}", ran.stderr);
        let document: Value = serde_json::from_str(&ran.stdout).expect("one document");
        assert_eq!(document["outcome"]["exit"], code);
        assert!(!ran.stderr.contains("hint"), "nothing is to be done: {}", ran.stderr);
        assert_eq!(claims(&world), before);
        running.end();
    }
}

#[test]
fn who_does_not_wait_is_refused_and_told_how_to() {
    let world = World::new();
    let running = Running::on(&world, &[]);
    let slug = &running.slug;
    let ran = world.crabbox(&["run", "--no-wait", "--id", slug, "--", "true"]);
    assert_eq!(ran.code, 125);
    let error = format!("error: `{slug}` is in use by {}\n", running.name());
    assert!(ran.stderr.contains(&error), "{}", ran.stderr);
    let hint = format!("hint: crabbox run --id {slug} -- true\n");
    assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
    // Without `--id` nothing is ever waited for.
    assert_eq!(world.crabbox(&["run", "--no-wait", "--", "true"]).code, 125);

    let stop = world.crabbox(&["stop", slug, "--delete", "--yes"]);
    assert_eq!(stop.code, 5);
    assert!(stop.stderr.contains(&error), "{}", stop.stderr);
    assert!(world.only_box().is_dir());
    running.end();
}

#[test]
fn two_runs_at_once_have_a_box_each_and_one_is_told() {
    let world = World::new();
    let running = Running::on(&world, &[]);
    let second = world.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!((second.code, second.stdout.as_str()), (0, "hello\n"), "{}", second.stderr);
    let slug = running.slug.clone();
    let line = format!(
        "crabbox: `{slug}` is in use by {}: another box is leased; `--id {slug}` waits for it\n",
        running.name()
    );
    assert_eq!(second.stderr.matches(&line).count(), 1, "{}", second.stderr);
    assert_eq!(world.boxes().len(), 2);
    // The third takes the second's box, and nothing is leased: there is nothing to say.
    let third = world.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert!(!third.stderr.contains("in use"), "{}", third.stderr);
    assert_eq!(world.boxes().len(), 2);
    // Nor to whoever wants a new one anyway.
    let fresh = world.crabbox(&["run", "--fresh", "--", "true"]);
    assert!(!fresh.stderr.contains("in use"), "{}", fresh.stderr);
    running.end();
}

#[test]
fn two_runs_at_once_on_two_leases_of_one_checkout_know_their_own() {
    let world = World::new();
    let (one, other) = (Running::on(&world, &[]), Running::on(&world, &["--fresh"]));
    let busy = claims(&world).iter().filter(|claim| claim["state"] == "busy").count();
    assert_eq!((busy, world.boxes().len()), (2, 2));
    one.end();
    other.end();
    assert!(claims(&world).iter().all(|claim| claim["state"] == "parked"));
}

#[test]
fn a_signal_while_the_provider_works_leaves_a_claim_and_its_name() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    let folder = desk.world.root().join("desk");
    desk.mood("resolve waits");
    let mut command = desk.command(&["--", "true"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    until("the provider is at work", || folder.join("waited-for").exists());
    kill_process(Pid::from_child(&child), Signal::INT).expect("signals");
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    let claims = claims(&desk.world);
    let hint = format!(" stop {}\n", claims[0]["slug"].as_str().expect("a slug"));
    assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
    desk.mood("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    assert!(desk.machine().is_dir());
}

/// Makes a lease of the box of `running` in another state folder, as another machine's home would; returns the words that
/// lead there.
fn adopt_elsewhere(world: &World, running: &Running, slug: &str) -> [String; 2] {
    let elsewhere = ["--state-dir".to_owned(), format!("{}/elsewhere", world.root().display())];
    let lease = claims(world).into_iter().find(|claim| claim["slug"] == *running.slug);
    let id = lease.expect("a lease")["id"].as_str().expect("an id").to_owned();
    let adopt = ["adopt", &id, "--provider", "local", "--release", "park", "--slug", slug, "--yes"];
    let [option, folder] = &elsewhere;
    let adopted = world.crabbox(&[&[&**option, &**folder], &adopt[..]].concat());
    assert_eq!(adopted.code, 0, "{}", adopted.stderr);
    let used = format!("its provider says of it: in use by `{}`\n", running.name());
    assert!(adopted.stderr.contains(&used), "{}", adopted.stderr);
    elsewhere
}

#[test]
fn who_does_not_wait_is_refused_a_box_that_another_state_folder_uses() {
    let world = World::new();
    let running = Running::on(&world, &[]);
    let [option, folder] = adopt_elsewhere(&world, &running, "theirs");
    let there = |words: &[&str]| world.crabbox(&[&[&*option, &*folder], words].concat());
    // Of one that stands ready, and of one that is parked for all that is known there.
    for before in ["ready", "parked"] {
        if before == "parked" {
            assert_eq!(there(&["stop", "theirs"]).code, 0);
        }
        assert_eq!(world.leases(&["--state-dir", &folder])[0]["state"], before);
        let ran = there(&["run", "--no-wait", "--id", "theirs", "--json", "--", "true"]);
        assert_eq!(ran.code, 125, "{}", ran.stderr);
        let error = format!("`theirs` is in use by {}", running.name());
        assert!(ran.stderr.contains(&format!("error: {error}\n")), "{}", ran.stderr);
        let hint = format!("hint: crabbox {option} {folder} run --id theirs --json -- true\n");
        assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
        let document: Value = serde_json::from_str(&ran.stdout).expect("one document");
        assert_eq!(document["outcome"]["origin"], "crabbox");
        assert_eq!(document["error"]["message"], error);
        assert_eq!(document["error"]["code"], "conflict");
        // It isn't parked under the hands of whoever uses it.
        assert_eq!(world.leases(&["--state-dir", &folder])[0]["state"], "ready");
        assert!(!world.only_box().join(".crabbox/parked").exists());
    }
    running.end();
    let ran = there(&["run", "--no-wait", "--id", "theirs", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
}

/// It lies where commands on the box can write.
#[test]
fn who_does_not_wait_is_refused_however_much_stands_in_the_lock() {
    let world = World::new();
    let running = Running::on(&world, &[]);
    let [option, folder] = adopt_elsewhere(&world, &running, "theirs");
    let trees = fs::read_dir(world.only_box().join(".crabbox/trees")).expect("a folder");
    for tree in trees {
        let lock = tree.expect("an entry").path().join("lock");
        fs::write(lock, "x".repeat(2 << 20)).expect("writes");
    }
    let words = [&*option, &*folder, "run", "--no-wait", "--id", "theirs", "--", "true"];
    let mut run = world.command(&words);
    let mut run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    until("it is refused", || run.try_wait().expect("looks").is_some());
    let ran = Ran::from(run.wait_with_output().expect("ends"));
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    let error = format!("error: `theirs` is in use by {}\n", "x".repeat(256));
    assert!(ran.stderr.contains(&error), "{}", ran.stderr);
    running.end();
}

#[test]
fn who_waits_for_another_state_folder_says_so_and_leaves_the_box_to_it() {
    let world = World::new();
    let running = Running::on(&world, &[]);
    let [option, folder] = adopt_elsewhere(&world, &running, "theirs");
    let place = [&*option, &*folder];
    assert_eq!(world.crabbox(&[&place[..], &["stop", "theirs"]].concat()).code, 0);
    let words = ["run", "--id", "theirs", "--heartbeat", "1s", "--", "true"];
    let mut command = world.command(&[&place[..], &words[..]].concat());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("runs");
    let said = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut said = said.lines().map(|line| line.expect("text"));
    let waits = format!("crabbox: waiting for theirs, used by {}", running.name());
    assert!(said.any(|line| line == waits), "it says for whom");
    assert!(said.any(|line| line.starts_with("crabbox: still waiting for theirs (")));
    kill_process(Pid::from_child(&child), Signal::INT).expect("signals");
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    assert_eq!(world.leases(&["--state-dir", &folder])[0]["state"], "ready");
    assert!(!world.only_box().join(".crabbox/parked").exists());
    running.end();
}
