//! What comes between a run and what it has made: a connection that ends, a box that goes, a user who doesn't wait, a
//! disk that is full. The exit code is the command's all the same.

use super::{document, files, folder, texts};
use crate::desk::Desk;
use crate::recover::on_small_disk;
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
        assert_eq!(super::reports(&desk.world, &done), ["r.xml"], "{point}");
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

/// The command has ended by then: its code is what is known of it, however whoever waits for the rest is told to end.
#[test]
fn the_first_signal_ends_what_comes_back_and_no_more_than_that() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let world = World::new();
        let command = world.command(&[&["run"], &OPTIONS[..], &[LINE]].concat());
        let held = Held::start(&world, command, "collect.block:4");
        kill_process(Pid::from_child(&held.child), signal).expect("signals");
        until("the helper's end", || helpers(&world).is_empty());
        let ran = held.go_on();
        let done = document(&ran);
        assert_eq!((ran.code, &done["lease"]["end"]), (3, &"parked".into()), "{ran:?}");
        let outcome = serde_json::json!({ "exit": 3, "origin": "program", "signal": null });
        assert_eq!((&done["outcome"], &done["program"]), (&outcome, &outcome), "{signal:?}");
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
}

#[test]
fn the_second_signal_leaves_at_once_with_the_code_of_the_command() {
    let world = World::new();
    let command = world.command(&[&["run"], &OPTIONS[..], &[LINE]].concat());
    let held = Held::start(&world, command, "collect.block:4");
    for signal in [Signal::INT, Signal::TERM] {
        kill_process(Pid::from_child(&held.child), signal).expect("signals");
        until("the helper's end", || helpers(&world).is_empty());
    }
    // It waits at that point, and nothing but the second signal ends it.
    let ran = Ran::from(held.child.wait_with_output().expect("ends"));
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("left before the box was released"), "{ran:?}");
    assert!(ran.stderr.contains("hint: crabbox stop "), "{ran:?}");
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
    let why = "the artifacts were left out: there is no room for `../small/in/out/large`";
    assert!(ran.stderr.contains(why), "{ran:?}");
    // What was to go elsewhere is there.
    assert_eq!(fs::read(world.root().join("one")).expect("reads"), b"1\n");
    assert_eq!(super::reports(&world, &done), ["r.xml"]);
    assert!(!ran.stderr.contains(".crabbox-"), "{ran:?}");
}

/// The state and the artifacts lie on the disk that is full from the command's end on.
const FULL: &str = r#"
    CRABBOX_FAULT="collect.before@$0/../hold" "$1" run --keep --junit '*.xml' --artifact out \
        --artifact-dir "$0/in" --shell 'mkdir out; echo x | tee out/x >a.xml; exit 4' & child=$!
    until test -e "$0/../hold"; do kill -0 $child || exit 98; sleep 0.01; done
    head -c 3000000 /dev/zero >"$0/fill" 2>/dev/null
    rm "$0/../hold"
    wait $child; echo "full $?""#;

#[test]
fn a_full_disk_at_whatever_is_written_after_the_end_is_said_and_changes_no_exit_code() {
    let world = World::new();
    let large = "head -c 3000000 /dev/urandom >large.xml; exit 3";
    let line =
        format!("\"$1\" run --keep --junit '*.xml' --shell '{large}'; echo \"large $?\"; {FULL}");
    let Some(said) = on_small_disk(&world, "state", &line) else { return };
    assert!(said.contains("large 3\n") && said.contains("full 4\n"), "{said}");
    for (lost, count) in [
        ("warning: the reports were left out: there is no room for ", 2),
        ("crabbox: no report is here\n", 2),
        ("warning: the artifacts were left out: ", 1),
        ("warning: the results of the tests aren't kept: ", 1),
        ("warning: this run isn't in the history: ", 1),
    ] {
        assert_eq!(said.matches(lost).count(), count, "{lost}: {said}");
    }
}

/// A run that brings its artifacts into this folder, and waits for the others before it takes them.
fn about_to_end(world: &World, name: &str, into: &[&str]) -> (Child, PathBuf) {
    let stopped = world.root().join(name);
    let line = format!("mkdir out; echo {name} >out/mine-{name}; echo {name} >out/same; exit 3");
    let options = ["run", "--json", "--fresh", "--artifact", "out/*"];
    let mut command = world.command(&[&options[..], into, &["--shell", &line]].concat());
    command.env("CRABBOX_FAULT", format!("collect.before@{}", stopped.display()));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    (child, stopped)
}

#[test]
fn two_runs_that_end_at_once_bring_each_its_own_and_neither_writes_over_the_other() {
    for into in [&[][..], &["--artifact-dir", "../in"]] {
        let world = World::new();
        let runs = ["one", "other"].map(|name| about_to_end(&world, name, into));
        until("both", || runs.iter().all(|(_, stopped)| stopped.exists()));
        for (_, stopped) in &runs {
            fs::remove_file(stopped).expect("removes");
        }
        let ran = runs.map(|(child, _)| Ran::from(child.wait_with_output().expect("ends")));
        let done = ran.each_ref().map(document);
        assert!(ran.iter().all(|ran| ran.code == 3), "{ran:?}");
        let came = done.each_ref().map(|done| texts(&done["artifacts"]["files"], "path"));
        let left_out = done.each_ref().map(|done| texts(&done["artifacts"]["left_out"], "why"));
        if into.is_empty() {
            assert_eq!(came, [["out/mine-one", "out/same"], ["out/mine-other", "out/same"]]);
            assert_eq!(files(&folder(&world, &done[1])), ["out/mine-other", "out/same"]);
            continue;
        }
        // The one that comes first has its place, and the other says so.
        assert_eq!(files(&world.root().join("in")), ["out/mine-one", "out/mine-other", "out/same"]);
        let same = fs::read_to_string(world.root().join("in/out/same")).expect("reads");
        let first = usize::from(same != "one\n");
        assert!(came[first].contains(&"out/same") && left_out[first].is_empty(), "{done:?}");
        let why = "something else of that name is here already, and stays";
        assert_eq!((came[1 - first].len(), &left_out[1 - first]), (1, &vec![why]), "{done:?}");
    }
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
