//! Logs: on the screen, in a file, and kept of the last commands.

use crate::desk::Desk;
use crate::exec_run;
use crate::recover::on_small_disk;
use crabbox_tests::{Ran, World, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Child;

/// The lines that say how long something took, without the times.
fn phases(stderr: &str) -> Vec<String> {
    let ends = stderr.lines().filter_map(|line| line.split_once(": took "));
    let names = ends.map(|(name, _)| name.trim_start_matches("crabbox: "));
    names.map(|name| name.split('{').next().unwrap_or_default().to_owned()).collect()
}

/// The kept logs, the latest first.
fn kept(world: &World) -> Vec<PathBuf> {
    let folder = world.root().join("state/crabbox/logs");
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut logs: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    logs.sort();
    logs.reverse();
    logs
}

fn last(world: &World) -> String {
    let ran = world.crabbox(&["debug", "last"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stdout
}

#[test]
fn what_no_log_wants_is_not_sent_by_a_provider() {
    let desk = Desk::new("");
    let frames = |targets: &str| {
        let mut command = desk.crabbox_command(&["doctor", "--provider", "desk"]);
        let ran = Ran::of(command.env("CRABBOX_LOG", targets));
        assert!(ran.stderr.contains(r#"-> {"call":{"#), "{}", ran.stderr);
        ran.stderr.lines().filter(|line| line.contains(r#"<- {"log":"#)).count()
    };
    assert_eq!(frames("crabbox::frames=trace"), 0);
    assert_eq!(frames("crabbox::frames=trace,desk=info"), 0);
    assert_eq!(frames("crabbox::frames=trace,desk::lamp=debug"), 1);
    // Whoever watches the connection itself sees everything.
    let traced = desk.crabbox(&["provider", "call", "desk", "doctor", "--trace"]);
    assert!(traced.stderr.contains(r#"<- {"log":"#), "{}", traced.stderr);
}

#[test]
fn once_verbose_says_each_phase_with_its_time() {
    let desk = Desk::new("");
    let ran = desk.run(&["-v", "--", "true"]);
    let mut said = phases(&ran.stderr);
    // It goes on beside the others, and is told of where its result is needed.
    let scan = said.iter().position(|name| name.ends_with("scan"));
    assert!(scan.is_some_and(|at| at > 2), "{}", ran.stderr);
    said.remove(scan.expect("it is there"));
    let expected = [
        "acquire:hook",
        "acquire:hook",
        "acquire",
        "connect",
        "prove",
        "sync",
        "program",
        "collect",
        "release:hook",
        "release",
        "command",
    ];
    assert_eq!(said, expected, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("crabbox: sync: sending 1 file (6 B), removing 0\n"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains("debug: "), "{}", ran.stderr);
    assert!(phases(&desk.run(&["--", "true"]).stderr).is_empty());
}

#[test]
fn twice_verbose_says_what_a_provider_logs_under_its_name() {
    let desk = Desk::new("");
    let once = desk.crabbox(&["doctor", "-v", "--provider", "desk"]);
    assert!(!once.stderr.contains("it is looked at"), "{}", once.stderr);
    let twice = desk.crabbox(&["doctor", "-vv", "--provider", "desk"]);
    let line = "crabbox: debug: hook{provider=desk name=doctor}: desk::lamp: it is looked at\n";
    assert!(twice.stderr.contains(line), "{}", twice.stderr);
}

#[test]
fn tools_of_a_provider_are_part_of_its_call() {
    let world = World::new();
    let line = ["-vv", "run", "--", "true"];
    let ran = Ran::of(&mut exec_run::command(&world, &exec_run::boxctl(&world), &line));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let within = "debug: acquire:hook{provider=tools name=lease}:tool{program=boxctl}: ";
    let said = |what: &str| {
        let is_it = |line: &str| line.contains(within) && line.contains(what);
        ran.stderr.lines().position(is_it).unwrap_or_else(|| panic!("{what}: {}", ran.stderr))
    };
    assert!(said("begins") < said("`boxctl create cbx_") && said("`boxctl") < said("took "));
    let end = "crabbox: acquire:hook{provider=tools name=lease}: took ";
    let end = ran.stderr.lines().position(|line| line.starts_with(end)).expect("an end");
    assert!(said("took ") < end, "{}", ran.stderr);
}

#[test]
fn the_variable_chooses_by_target_and_level() {
    let desk = Desk::new("");
    let run = |filter: &str, more: &[&str]| {
        let mut command = desk.command(&[&["--fresh"], more, &["--", "true"]].concat());
        Ran::of(command.env("CRABBOX_LOG", filter))
    };
    let lines = |ran: &Ran| ran.stderr.matches("crabbox: debug: ").count();
    let claims = run("crabbox::claims=debug", &[]);
    assert!(claims.stderr.contains(" was leasing and is busy: leased"), "{}", claims.stderr);
    assert!(phases(&claims.stderr).is_empty(), "{}", claims.stderr);
    // A provider is chosen by its name, whatever its crate is called.
    let mut doctor = desk.crabbox_command(&["doctor", "--provider", "desk"]);
    let doctor = Ran::of(doctor.env("CRABBOX_LOG", "desk=debug"));
    assert!(doctor.stderr.contains("desk::lamp: it is looked at\n"), "{}", doctor.stderr);
    assert_eq!(lines(&doctor), 1, "{}", doctor.stderr);
    assert_eq!(lines(&run("off", &[])), 0);
    // What is said in the line counts for more.
    assert!(!phases(&run("off", &["-v"]).stderr).is_empty());
    assert_eq!(lines(&run("debug", &["-v"])), 0);
    assert_eq!(lines(&run("debug", &["-q"])), 0);
    let wrong = run("crabbox=loud", &[]);
    assert_eq!((wrong.code, wrong.stdout.as_str()), (125, ""));
    assert!(wrong.stderr.contains("error: `CRABBOX_LOG` is no filter"), "{}", wrong.stderr);
    let wrong = Ran::of(desk.world.command(&["list", "--json"]).env("CRABBOX_LOG", "crabbox=loud"));
    let document: Value = serde_json::from_str(&wrong.stdout).expect("JSON");
    assert_eq!((wrong.code, &document["error"]["code"]), (2, &"usage".into()));
}

#[test]
fn a_log_file_is_private_and_goes_on_where_it_ended() {
    let desk = Desk::new("");
    let file = desk.world.root().join("a.log");
    let path = file.display().to_string();
    let ran = desk.run(&["--log-file", &path, "--", "true"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(phases(&ran.stderr).is_empty(), "{}", ran.stderr);
    let text = fs::read_to_string(&file).expect("reads");
    assert_eq!(fs::metadata(&file).expect("looks").permissions().mode() & 0o777, 0o600);
    for part in [
        " DEBUG command{name=run} crabbox::cli::dispatch: begins\n",
        "  INFO scan crabbox::cli::order::execute: took ",
        "  INFO acquire:hook{provider=desk name=lease} crabbox::provider::hooks: took ",
        " DEBUG acquire crabbox::claims::store: ",
        // What was printed is in it, too.
        "  INFO acquire crabbox::output: leased ",
        "  INFO command{name=run exit=0} crabbox::cli::dispatch: took ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(desk.run(&["--log-file", &path, "--shell", "exit 3"]).code, 3);
    let more = fs::read_to_string(&file).expect("reads");
    assert!(more.starts_with(&text) && more.contains("{name=run exit=3}"), "{more}");

    let nowhere = desk.world.root().join("nowhere/a.log").display().to_string();
    let ran = desk.run(&["--log-file", &nowhere, "--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("  hint: mkdir -p "), "{}", ran.stderr);
}

#[test]
fn the_log_of_a_failed_command_is_kept_with_all_that_was_said() {
    let desk = Desk::new("");
    desk.mood("lease fails");
    let ran = desk.run(&["-q", "--env", "A=value-of-a", "--", "make", "words-of-its-own"]);
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    let log = last(&desk.world);
    let head: Vec<&str> = log.lines().take(4).collect();
    assert!(head[0].starts_with("# command: crabbox run --provider-path "), "{log}");
    assert!(head[0].ends_with(" --provider desk -q --env A=... -- make ..."), "{log}");
    assert!(head[1].starts_with("# version: crabbox 0."), "{log}");
    assert!(head[2].starts_with("# started: 20"), "{log}");
    assert_eq!(head[3], format!("# folder: {}", desk.world.checkout().display()));
    assert!(log.contains(" DEBUG acquire:hook{provider=desk name=lease} "), "{log}");
    assert!(log.contains(" ERROR crabbox::output: error: desk: the machine smokes\n"), "{log}");
    assert!(log.ends_with("# exit: 125\n"), "{log}");
    for value in ["value-of-a", "words-of-its-own"] {
        assert!(!log.contains(value), "{log}");
    }
    let mode = fs::metadata(&kept(&desk.world)[0]).expect("looks").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_earlier_log_is_found_by_its_number() {
    let world = World::new();
    let none = world.crabbox(&["debug", "last"]);
    assert_eq!(none.code, 4);
    assert!(none.stderr.contains("no log was kept yet"), "{}", none.stderr);
    for code in ["exit 3", "exit 0"] {
        let _ = world.shell(code);
    }
    // Looking at things leaves no log.
    for line in [&["list"][..], &["version"], &["config", "show"], &["debug", "list"]] {
        assert_eq!(world.crabbox(line).code, 0);
    }
    assert_eq!(kept(&world).len(), 2);
    assert!(last(&world).ends_with("# exit: 0\n"));
    assert!(world.crabbox(&["debug", "last", "2"]).stdout.ends_with("# exit: 3\n"));
    let path = world.crabbox(&["debug", "last", "2", "--path"]).stdout;
    assert_eq!(path, format!("{}\n", kept(&world)[1].display()));
    let missing = world.crabbox(&["debug", "last", "3"]);
    assert_eq!(missing.code, 4);
    assert!(missing.stderr.contains("only 2 logs are kept"), "{}", missing.stderr);
    let list: Value =
        serde_json::from_str(&world.crabbox(&["debug", "list", "--json"]).stdout).expect("JSON");
    assert_eq!((&list["logs"][0]["exit"], &list["logs"][1]["exit"]), (&0.into(), &3.into()));
}

/// A command whose provider works, and goes on doing so.
fn waiting() -> (Desk, Child) {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    desk.mood("resolve waits");
    let child = desk.command(&["--", "true"]).spawn().expect("runs");
    let waited_for = desk.world.root().join("desk/waited-for");
    until("the provider works", || waited_for.exists());
    (desk, child)
}

#[test]
fn a_command_that_is_killed_leaves_a_log_that_says_where_it_was() {
    let (desk, mut child) = waiting();
    kill_process(Pid::from_child(&child), Signal::KILL).expect("kills");
    child.wait().expect("ends");
    let ran = desk.world.crabbox(&["debug", "last"]);
    assert!(
        ran.stdout.lines().any(|line| line
            .ends_with("hook{provider=desk name=resolve} crabbox::provider::hooks: begins")),
        "{}",
        ran.stdout
    );
    assert!(!ran.stdout.contains("# exit"), "{}", ran.stdout);
    assert!(ran.stderr.contains("it was killed, or still runs"), "{}", ran.stderr);
    let list: Value =
        serde_json::from_str(&desk.world.crabbox(&["debug", "list", "--json"]).stdout)
            .expect("JSON");
    assert_eq!(list["logs"][0]["exit"], Value::Null);
}

#[test]
fn a_command_that_leaves_early_ends_its_log() {
    let (desk, mut child) = waiting();
    kill_process(Pid::from_child(&child), Signal::INT).expect("signals");
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    let log = last(&desk.world);
    assert!(log.contains("error: interrupted before the command started\n"), "{log}");
    assert!(log.ends_with("# exit: 130\n"), "{log}");
}

#[test]
fn logs_that_can_not_be_kept_hinder_no_command() {
    let world = World::new();
    fs::create_dir_all(world.root().join("state/crabbox")).expect("a folder");
    fs::set_permissions(world.root().join("state/crabbox"), fs::Permissions::from_mode(0o700))
        .expect("a mode");
    fs::write(world.root().join("state/crabbox/logs"), "no folder").expect("a file");
    let ran = world.shell("exit 3");
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(!ran.stderr.contains("log"), "{}", ran.stderr);
}

#[test]
fn a_bug_is_told_in_every_way_and_never_by_a_code_of_the_programs() {
    let world = World::new();
    let mut command = world.command(&["run", "--json", "--", "true"]);
    let ran = Ran::of(command.env("CRABBOX_FAULT", "!session.synced"));
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((ran.code, &document["error"]["exit"]), (125, &125.into()));
    let said = "warning: panicked at host/src/fault.rs:";
    assert!(ran.stderr.contains(&format!("crabbox: {said}")), "{}", ran.stderr);
    assert!(ran.stderr.contains("error: this is a bug in crabbox"), "{}", ran.stderr);
    let log = last(&world);
    assert!(log.contains(said) && log.ends_with("# exit: 125\n"), "{log}");
    // What it left behind is taken up.
    assert_eq!(world.shell("true").code, 0);
}

#[test]
fn a_log_of_which_nothing_could_be_written_does_not_stay() {
    let world = World::new();
    let fill = "mkdir -m 700 \"$0/crabbox\"; head -c 3000000 /dev/zero >\"$0/fill\" 2>/dev/null";
    let line = format!("{fill}; \"$1\" run -- true; find \"$0/crabbox\" -name '*.log' -size 0");
    if let Some(said) = on_small_disk(&world, "state", &line) {
        assert!(said.contains("error: ") && !said.contains(".log\n"), "{said}");
    }
}
