//! What comes between a run and what it has made: a connection that ends, a box that goes, a user who doesn't wait, a
//! disk that is full. The exit code is the command's all the same.

use super::{document, files, folder, texts};
use crate::desk::Desk;
use crabbox_tests::{Ran, World, processes, until};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const LINE: &str = "mkdir out; for i in 1 2 3; do echo $i >out/$i; done; \
    head -c 5000000 /dev/urandom >out/large; echo '<x/>' >r.xml; exit 3";

/// A run that waits at a point on its way home.
struct Held {
    child: Child,
    stopped: PathBuf,
}

impl Held {
    fn start(world: &World, mut command: Command, point: &str) -> Self {
        let stopped = world.root().join("stopped");
        command.env("CRABBOX_FAULT", format!("{point}@{}", stopped.display()));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        until("the point", || stopped.exists());
        Self { child, stopped }
    }

    fn go_on(self) -> Ran {
        fs::remove_file(&self.stopped).expect("removes");
        Ran::from(self.child.wait_with_output().expect("ends"))
    }
}

/// The helpers of this world that run.
fn helpers(world: &World) -> Vec<Pid> {
    let ours = world.root().display().to_string();
    processes(|program, _| {
        program.starts_with(&ours) && program.to_string_lossy().contains("/crabbox/helper/")
    })
}

/// Ends them.
fn cut(world: &World) {
    let helpers = helpers(world);
    assert!(!helpers.is_empty());
    for helper in helpers {
        kill_process(helper, Signal::KILL).expect("kills");
    }
}

const OPTIONS: [&str; 6] = ["--json", "--artifact", "out", "--junit", "r.xml", "--shell"];

#[test]
fn a_connection_that_ends_on_the_way_is_made_once_more() {
    for point in ["collect.before", "collect.block:2", "collect.block:4", "collect.block:9"] {
        let desk = Desk::new("");
        let command = desk.command(&[&OPTIONS[..], &[LINE]].concat());
        let held = Held::start(&desk.world, command, point);
        cut(&desk.world);
        let ran = held.go_on();
        let done = document(&ran);
        assert_eq!(
            (ran.code, &done["artifacts"]["broke_off"]),
            (3, &().into()),
            "{point}: {ran:?}"
        );
        let came = ["out/1", "out/2", "out/3", "out/large"];
        assert_eq!(files(&folder(&desk.world, &done)), came, "{point}");
        assert_eq!(texts(&done["artifacts"]["files"], "path"), came, "{point}");
        assert_eq!(files(&super::reports(&desk.world, &done)), ["r.xml"], "{point}");
    }
}

#[test]
fn a_box_that_is_gone_takes_nothing_but_its_files() {
    let world = World::new();
    let command = world.command(&[&["run"], &OPTIONS[..], &[LINE]].concat());
    let held = Held::start(&world, command, "collect.before");
    cut(&world);
    fs::remove_dir_all(world.only_box()).expect("removes");
    let ran = held.go_on();
    let done = document(&ran);
    assert_eq!((ran.code, &done["program"]["exit"]), (3, &3.into()), "{ran:?}");
    assert!(done["artifacts"]["broke_off"].is_string(), "{done}");
    assert!(ran.stderr.contains("warning: not everything was brought back: "), "{ran:?}");
}

#[test]
fn the_first_interrupt_ends_what_comes_back_and_no_more_than_that() {
    let world = World::new();
    let command = world.command(&[&["run"], &OPTIONS[..], &[LINE]].concat());
    let held = Held::start(&world, command, "collect.block:4");
    kill_process(Pid::from_child(&held.child), Signal::INT).expect("signals");
    until("the helper's end", || helpers(&world).is_empty());
    let ran = held.go_on();
    let done = document(&ran);
    assert_eq!((ran.code, &done["lease"]["end"]), (3, &"parked".into()), "{ran:?}");
    assert_eq!(done["artifacts"]["broke_off"], "interrupted");
    assert!(
        ran.stderr.contains("warning: not everything was brought back: interrupted"),
        "{ran:?}"
    );
    // What isn't here comes by the line that is said, once the box is ready.
    let run = done["run"].as_str().expect("a run");
    let line = format!("artifacts {run} out --fetch");
    assert!(ran.stderr.contains(&format!("hint: crabbox {line}\n")), "{ran:?}");
    assert_eq!(world.crabbox(&["warmup"]).code, 0);
    let ran = world.crabbox(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(files(&folder(&world, &done)), ["out/1", "out/2", "out/3", "out/large"]);
}

#[test]
fn a_full_disk_here_is_said_and_changes_no_exit_code() {
    let world = World::new();
    let small = world.root().join("small");
    fs::create_dir(&small).expect("a folder");
    let script = "mount -t tmpfs -o size=1m tmpfs \"$1\" || exit 99; shift; \"$@\"; \
        code=$?; ls -A ../small >&2; exit $code";
    let mut command = world.command_of(Path::new("unshare"), &["-Urm", "sh", "-c", script, "sh"]);
    command.arg(&small).arg(&crabbox_tests::built().crabbox);
    command.args(["run", "--artifact-dir", "../small/in", "--download", "out/1:../one"]);
    let ran = Ran::of(command.args(OPTIONS).arg(LINE));
    if ran.code == 99 || ran.stderr.starts_with("unshare:") {
        let mut stderr = std::io::stderr();
        let _ = std::io::Write::write_all(&mut stderr, b"skipped: no mounts here\n");
        return;
    }
    let done = document(&ran);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("there is no room for `../small/in/out/large`"), "{ran:?}");
    // What was to go elsewhere is there.
    assert_eq!(fs::read(world.root().join("one")).expect("reads"), b"1\n");
    assert_eq!(files(&super::reports(&world, &done)), ["r.xml"]);
    assert!(!ran.stderr.contains(".crabbox-"), "{ran:?}");
}

#[test]
fn who_kills_the_command_waits_for_nothing_and_hears_of_what_was_asked_for() {
    for (options, told) in [(&["--artifact", "f"][..], true), (&[], false)] {
        let world = World::new();
        let said = world.root().join("said");
        let line = "trap '' INT; echo x >f; echo ready; while :; do sleep 1; done";
        let mut command =
            world.command(&[&["run", "--json"], options, &["--shell", line]].concat());
        command.stdout(Stdio::piped()).stderr(fs::File::create(&said).expect("a file"));
        let child = command.spawn().expect("runs");
        let says = |text: &str| fs::read_to_string(&said).expect("reads").contains(text);
        until("the command", || says("ready"));
        kill_process(Pid::from_child(&child), Signal::TERM).expect("signals");
        let ran = Ran::from(child.wait_with_output().expect("ends"));
        assert_eq!(ran.code, 143, "{ran:?}");
        assert_eq!(says("warning: not everything was brought back: interrupted before"), told);
        assert_eq!(document(&ran)["artifacts"]["files"], serde_json::json!([]));
        assert!(!world.checkout().join(".crabbox").exists());
    }
}
