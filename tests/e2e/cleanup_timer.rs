//! `crabbox cleanup --install-timer`: what lets go of boxes by the clock.

use crate::cleanup::{faulted, states};
use crate::desk::Desk;
use crabbox_tests::{Ran, World};
use std::fs;
use std::process::Command;

/// A world whose user has systemd, as far as that can be seen.
fn with_systemd() -> World {
    let world = World::new();
    let folder = world.root().join("run/systemd");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("private"), "").expect("a file");
    world
}

fn install(world: &World, more: &[&str]) -> Ran {
    let mut command = world.command(&[&["cleanup", "--install-timer"], more].concat());
    Ran::of(command.env("XDG_RUNTIME_DIR", world.root().join("run")))
}

#[test]
fn a_timer_is_written_shown_and_written_anew_and_no_file_of_others_is() {
    let world = with_systemd();
    let state = world.root().join("my state");
    let state = state.to_str().expect("a path");
    let ran = install(&world, &["--state-dir", state]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let units = world.root().join("config/systemd/user");
    let read = |name: &str| fs::read_to_string(units.join(name)).expect("a unit");
    let (service, timer) = (read("crabbox-cleanup.service"), read("crabbox-cleanup.timer"));
    assert!(
        service.contains(&format!("cleanup\" \"--quiet\" \"--state-dir\" \"{state}\"")),
        "{service}"
    );
    assert!(ran.stdout.contains(&service) && ran.stdout.contains(&timer), "{ran:?}");
    assert!(ran.stderr.contains("hint: systemctl --user daemon-reload"), "{ran:?}");
    assert_eq!(install(&world, &[]).code, 0, "what it has written, it writes anew");
    assert!(!read("crabbox-cleanup.service").contains(state));
    let before = read("crabbox-cleanup.service");
    fs::write(units.join("crabbox-cleanup.timer"), "[Timer]\n").expect("a file");
    let ran = install(&world, &["--state-dir", state]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(ran.stderr.contains("hint: mv "), "{ran:?}");
    assert_eq!(read("crabbox-cleanup.timer"), "[Timer]\n");
    assert_eq!(read("crabbox-cleanup.service"), before, "both or none");
}

#[test]
fn without_systemd_there_is_a_line_for_cron_that_works() {
    let desk = Desk::new("");
    faulted(&mut desk.world.command(&["run", "--", "true"]), "claim.after.leased");
    faulted(&mut desk.command(&["--", "true"]), "claim.after.leased");
    let mut install = desk.world.command(&["cleanup", "--install-timer"]);
    let ran = Ran::of(install.env("CRABBOX_PROVIDER_PATH", &desk.path));
    assert_eq!(ran.code, 0, "{ran:?}");
    let line = ran.stdout.strip_prefix("17 * * * * ").expect("once an hour").trim_end();
    assert!(!desk.world.root().join("config/systemd").exists());
    // What cron does with it, and with nothing of this environment.
    let line = line.replace("\\%", "%");
    let mut shell = Command::new("/bin/sh");
    let ran = Ran::of(shell.args(["-c", &line]).env_clear().current_dir("/"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(states(&desk.world), ["parked", "parked"]);
    assert!(!desk.machine().join("on").exists());
}

#[test]
fn what_is_written_for_systemd_works_in_a_bare_environment() {
    let world = with_systemd();
    faulted(&mut world.command(&["run", "--", "true"]), "claim.after.leased");
    assert_eq!(install(&world, &[]).code, 0);
    let service = world.root().join("config/systemd/user/crabbox-cleanup.service");
    let service = fs::read_to_string(service).expect("a unit");
    let line = service.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a line");
    // Nothing in these paths is quoted further.
    let words = line.trim_matches('"').split("\" \"");
    let mut words = words.map(str::to_owned);
    let mut command = Command::new(words.next().expect("a program"));
    let ran = Ran::of(command.args(words).env_clear().current_dir("/"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(states(&world), ["parked"]);
}
