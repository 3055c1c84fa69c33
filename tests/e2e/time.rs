//! Time that passes, is reckoned elsewhere, or was never meant: nobody who is alive is taken for dead,
//! and no box is let go of before its time.

use crabbox_tests::{Ran, World, until};
use jiff::Timestamp;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

fn deadline(lease: &Value) -> Timestamp {
    let text = lease["deadline"].as_str().unwrap_or_else(|| panic!("{lease}"));
    text.parse().expect("a time")
}

/// A run that goes on until its file is there.
struct Running {
    child: Child,
    go: PathBuf,
}

impl Running {
    fn start(world: &World, command: impl FnOnce(&[&str]) -> Command, more: &[&str]) -> Self {
        let (go, up) = (world.root().join("go"), world.root().join("up"));
        let (go_path, up_path) = (go.display(), up.display());
        let line = format!("touch '{up_path}'; while [ ! -e '{go_path}' ]; do sleep 0.02; done");
        let mut command = command(&[&["run"], more, &["--shell", &line]].concat());
        command.stderr(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().expect("runs");
        until("the command runs", || up.exists());
        Self { child, go }
    }

    /// Every process of it.
    fn processes(&self) -> Vec<Pid> {
        let mut all = vec![Pid::from_child(&self.child)];
        let mut at = 0;
        while let Some(process) = all.get(at) {
            let id = process.as_raw_nonzero();
            let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
            for task in tasks {
                let children = fs::read_to_string(task.path().join("children"));
                let children = children.unwrap_or_default();
                let ids = children.split_whitespace().filter_map(|id| id.parse().ok());
                all.extend(ids.filter_map(Pid::from_raw));
            }
            at += 1;
        }
        all
    }

    fn end(self) -> Ran {
        fs::write(&self.go, "").expect("a file");
        Ran::from(self.child.wait_with_output().expect("ends"))
    }
}

/// A run's command starts others on its box, and one of those may end by itself before or between signals.
fn signal(processes: &[Pid], signal: Signal) {
    for process in processes {
        let sent = kill_process(*process, signal);
        assert!(matches!(sent, Ok(()) | Err(Errno::SRCH)), "{process:?}: {sent:?}");
    }
}

fn states(world: &World) -> Vec<String> {
    let leases = world.leases(&[]);
    leases.iter().map(|lease| lease["state"].as_str().expect("a state").to_owned()).collect()
}

fn cleaned(world: &World) -> usize {
    let ran = world.crabbox(&["cleanup", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    document["leases"].as_array().expect("a list").len()
}

#[test]
fn a_run_that_is_stopped_past_its_time_keeps_its_box_and_goes_on() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--keep", "--ttl", "3s", "--", "true"]).code, 0);
    until("somebody looks after it", || world.caretaker().is_some());
    let caretaker = world.caretaker().expect("it lives");
    let running = Running::start(&world, |line| world.command(line), &["--fresh", "--ttl", "1s"]);
    let mut stopped = running.processes();
    stopped.push(caretaker);
    signal(&stopped, Signal::STOP);
    until("all time is over", || {
        world.leases(&[]).iter().all(|lease| deadline(lease) < Timestamp::now())
    });
    assert_eq!(states(&world), ["ready", "busy"]);
    assert_eq!(cleaned(&world), 1, "the one that nobody uses");
    assert_eq!(states(&world), ["parked", "busy"]);
    signal(&stopped, Signal::CONT);
    let ran = running.end();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(states(&world), ["parked", "parked"]);
    until("nobody is left", || world.caretaker().is_none());
}

#[test]
fn a_caretaker_that_was_stopped_past_all_time_lets_go_then() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--keep", "--ttl", "2s", "--", "true"]).code, 0);
    until("it lives", || world.caretaker().is_some());
    let caretaker = [world.caretaker().expect("it lives")];
    signal(&caretaker, Signal::STOP);
    until("its time is over", || deadline(&world.leases(&[])[0]) < Timestamp::now());
    assert_eq!(states(&world), ["ready"]);
    signal(&caretaker, Signal::CONT);
    until("it is parked", || states(&world) == ["parked"]);
}

#[test]
fn where_the_clock_hangs_changes_nothing() {
    let world = World::new();
    let within = |zone: &str, line: &[&str]| {
        let mut command = world.command(line);
        command.env("TZ", zone).env("CI", "true").env("CRABBOX_LEASE_TTL", "1h");
        let ran = Ran::of(&mut command);
        assert_eq!(ran.code, 0, "{zone}: {ran:?}");
        ran
    };
    within("Pacific/Kiritimati", &["warmup"]);
    let list = |zone: &str| within(zone, &["list", "--json"]).stdout;
    let first = deadline(&world.leases(&[])[0]);
    assert_eq!(first.duration_since(Timestamp::now()).as_mins(), 59);
    for zone in ["Pacific/Kiritimati", "Pacific/Pago_Pago", "EST5EDT,M3.2.0,M11.1.0", "nonsense"] {
        within(zone, &["cleanup", "--expired"]);
        assert_eq!(list(zone), list("UTC"), "{zone}");
        within(zone, &["run", "--", "true"]);
        assert_eq!(states(&world), ["ready"], "{zone}");
        let lease = &world.leases(&[])[0];
        assert_eq!(deadline(lease), first, "{zone}");
    }
}

#[test]
fn no_time_is_refused_and_a_hundred_years_are_a_time() {
    let world = World::new();
    for bad in ["0s", "0d", "-1h", "-0s", "1001w1001y", "60000w"] {
        for line in [["run", "--ttl"], ["run", "--idle"], ["run", "--timeout"]] {
            let ran = world.crabbox(&[&line[..], &[bad, "--", "true"]].concat());
            assert_eq!(ran.code, 125, "{line:?} {bad}: {ran:?}");
        }
        assert_eq!(world.crabbox(&["warmup", "--ttl", bad]).code, 2, "{bad}");
        assert_eq!(Ran::of(world.command(&["list"]).env("CRABBOX_LEASE_TTL", bad)).code, 0);
        let mut run = world.command(&["run", "--", "true"]);
        assert_eq!(Ran::of(run.env("CRABBOX_LEASE_TTL", bad)).code, 125, "{bad}");
    }
    assert!(world.leases(&["--all"]).is_empty(), "nothing was leased");
    let ran =
        world.crabbox(&["run", "--keep", "--ttl", "36525d", "--idle", "36500d", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let years =
        |lease: &Value| deadline(lease).duration_since(Timestamp::now()).as_hours() / (24 * 365);
    assert_eq!(years(&world.leases(&[])[0]), 100);
    assert_eq!(cleaned(&world), 0);
    let ran = world.crabbox(&["extend", "@last", "52000w"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(years(&world.leases(&[])[0]) > 900);
    assert_eq!(world.crabbox(&["stop", "@last"]).code, 0);
}

/// The same where no process id means anything here. `None`, and a line that says so, where this machine
/// doesn't let anybody have that.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn of_another_namespace(world: &World, line: &[&str]) -> Option<Command> {
    const OPTIONS: &[&str] = &["-Urpf", "--kill-child", "--mount-proc"];
    let try_it =
        Ran::of(&mut world.command_of(Path::new("unshare"), &[OPTIONS, &["true"]].concat()));
    if try_it.code != 0 {
        println!("skipped, this machine gives nobody process ids of their own: {}", try_it.stderr);
        return None;
    }
    let crabbox = world.command(&[]).get_program().to_str().expect("a path").to_owned();
    Some(world.command_of(Path::new("unshare"), &[OPTIONS, &[&crabbox], line].concat()))
}

#[test]
fn whoever_lives_among_other_process_ids_is_never_taken_for_dead() {
    let world = World::new();
    let Some(mut inner) = of_another_namespace(&world, &["cleanup", "--json"]) else {
        return;
    };
    let inside = |line: &[&str]| of_another_namespace(&world, line).expect("as before");
    let is_left_alone = |crabbox: &dyn Fn(&[&str]) -> Ran| {
        let slug = world.only_slug();
        let ran = crabbox(&["cleanup", "--json"]);
        let document: Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        assert_eq!((ran.code, &document["leases"]), (0, &Value::Array(Vec::new())), "{ran:?}");
        assert_eq!(crabbox(&["stop", &slug]).code, 5);
        let ran = crabbox(&["run", "--no-wait", "--id", &slug, "--", "true"]);
        assert!(ran.code == 125 && ran.stderr.contains("is in use by"), "{ran:?}");
        assert!(!crabbox(&["list"]).stdout.contains("unattended"));
        assert_eq!(states(&world), ["busy"]);
    };
    assert_eq!(Ran::of(&mut inner).code, 0);
    // Both ways, and longer than the box's time.
    for outside_runs in [true, false] {
        let more = ["--ttl", "1ms"];
        let ran = if outside_runs {
            let running = Running::start(&world, |line| world.command(line), &more);
            is_left_alone(&|line| Ran::of(&mut inside(line)));
            running.end()
        } else {
            let running = Running::start(&world, inside, &more);
            is_left_alone(&|line| world.crabbox(line));
            running.end()
        };
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(states(&world), ["parked"]);
        fs::remove_file(world.root().join("go")).expect("removes");
        fs::remove_file(world.root().join("up")).expect("removes");
    }
}
