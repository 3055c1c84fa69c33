//! Each command's screen as a person sees it: one file a subject in `screens/`. `INSTA_UPDATE=always`
//! writes them anew; read the difference as its user would.

use crate::desk::Desk;
use crabbox_tests::screen::{Kind, Screen, XTERM};
use crabbox_tests::{Ran, World, until};
use insta::{Settings, assert_snapshot};
use rusqlite::Connection;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs::{self, File};

/// Compares a screen with its file.
fn compare(name: &str, screen: &Screen<'_>) {
    let mut settings = Settings::clone_current();
    settings.set_snapshot_path("screens");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| assert_snapshot!(name, screen.text()));
}

/// A checkout in the home folder, as most are.
fn at_home() -> World {
    let world = World::with_checkout("home/project");
    world.write(".gitignore", "target/\n");
    world
}

fn slug(world: &World) -> String {
    let list: Value =
        serde_json::from_str(&world.crabbox(&["list", "--json"]).stdout).expect("JSON");
    list["leases"][0]["slug"].as_str().expect("a lease").to_owned()
}

/// Which columns there is room for depends on how long a name is.
fn rename(world: &World, slug: &str) {
    let database = Connection::open(world.root().join("state/crabbox/claims.db")).expect("opens");
    let line = "UPDATE claims SET slug = ?1, record = json_set(record, '$.slug', ?1)";
    assert_eq!(database.execute(line, [slug]).expect("changes"), 1);
}

#[test]
fn first_steps() {
    let world = World::new();
    let mut screen = Screen::new(&world);
    screen.types(&[]);
    screen.types(&["run"]);
    screen.types(&["run", "cargo", "test"]);
    screen.types(&["rnu", "--", "cargo", "test"]);
    screen.types(&["list"]);
    screen.types(&["init"]);
    screen.types(&["init"]);
    compare("first_steps", &screen);
}

#[test]
fn runs() {
    let world = World::new();
    let mut screen = Screen::new(&world);
    screen.types(&["run", "--shell", "cat hello.txt; echo oops >&2; exit 7"]);
    screen.types(&["run", "--", "printf", "no end"]);
    world.write("large", &"0123456789abcdef".repeat(200_000));
    screen.types(&["run", "--", "true"]);
    fs::remove_file(world.checkout().join("large")).expect("removes");
    screen.types(&["run", "--keep", "--", "true"]);
    screen.types(&["run", "-q", "--", "echo", "quiet"]);
    screen.types(&["run", "--shell", "kill -KILL $$"]);
    screen.types(&["run", "--timeout", "10ms", "--", "sleep", "60"]);
    screen.types(&["run", "--", "no-such-program"]);
    screen.types(&["run", "--", "cat hello.txt && echo"]);
    screen.types(&["run", "--", "./hello.txt"]);
    compare("runs", &screen);
}

#[test]
fn warm_ups() {
    let world = World::new();
    let mut screen = Screen::new(&world);
    screen.types(&["warmup", "--slug", "Fix-42"]);
    screen.types(&["warmup"]);
    screen.types(&["run", "--", "true"]);
    screen.types(&["warmup", "--fresh", "--slug", "fix-42"]);
    screen.types(&["warmup", "--slug", "größe"]);
    screen.types(&["warmup", "--idle", "0s"]);
    screen.types(&["stop", "fix-42"]);
    screen.types(&["warmup", "-q"]);
    screen.types(&["run", "--slug", "cbx_0123456789ab", "--", "true"]);
    compare("warm_ups", &screen);
}

#[test]
fn many_files() {
    let world = World::new();
    for number in 0..1234 {
        world.write(&format!("many/{number}"), &"x".repeat(2000));
    }
    let mut screen = Screen::new(&world);
    screen.types(&["run", "--", "true"]);
    for number in 0..1000 {
        fs::remove_file(world.checkout().join(format!("many/{number}"))).expect("removes");
    }
    screen.types(&["run", "--", "true"]);
    screen.types(&["run", "--allow-mass-deletion", "--", "true"]);
    compare("many_files", &screen);
}

#[test]
fn leases() {
    let world = World::new();
    let _ = world.crabbox(&["run", "--keep", "--", "true"]);
    let slug = slug(&world);
    let mut screen = Screen::new(&world);
    screen.types(&["list"]);
    screen.types(&["status", &slug]);
    screen.types(&["status", "no-such"]);
    screen.types(&["status", "@lst"]);
    screen.types(&["status"]);
    screen.types(&["list", "--refresh"]);
    screen.types(&["stop", &slug, "-v"]);
    screen.types(&["stop", &slug]);
    screen.types(&["stop", &slug, "--delete"]);
    screen.types(&["stop", &slug, "--delete", "--yes"]);
    screen.types(&["list"]);
    screen.types(&["list", "--all"]);
    compare("leases", &screen);
}

#[test]
fn settings() {
    let world = World::new();
    world.write(".crabbox.toml", "[run]\ntimeout = \"10m\"\n[sync]\nexclude = [\"*.iso\"]\n");
    let mut screen = Screen::new(&world);
    screen.types(&["config", "show"]);
    screen.types(&["config", "explain", "run.timeout"]);
    screen.types(&["config", "explain", "timeout"]);
    screen.types(&["config", "path"]);
    screen.types(&["config", "check"]);
    world.write(".crabbox.toml", "[run]\ntimeout = 10\n[providers]\npath = [\"/p\"]\n");
    screen.types(&["config", "check"]);
    screen.types(&["run", "--", "true"]);
    world.write(".crabbox.toml", "[lease]\nrelease = \"delete\"\n");
    screen.types(&["run", "--", "true"]);
    screen.types(&["config", "trust"]);
    screen.types(&["config", "trust", "--yes"]);
    screen.types(&["config", "trust", "--list"]);
    compare("settings", &screen);
}

#[test]
fn failures_come_first() {
    let world = World::new();
    let mut screen = Screen::new(&world);
    screen.types(&["run", "--provider", "desk", "--", "true"]);
    screen.types(&["run", "--id", "no-such", "--", "true"]);
    screen.types(&["run", "--dir", "/", "--", "true"]);
    screen.types(&["run", "--json", "--id", "no-such", "--", "true"]);
    fs::write(world.root().join("data"), "a file where a folder should be").expect("writes");
    screen.types(&["run", "--", "true"]);
    fs::remove_file(world.root().join("data")).expect("removes");
    screen.types(&["list"]);
    compare("failures_come_first", &screen);
}

#[test]
fn what_a_box_that_stays_behind_leaves_to_read() {
    let desk = Desk::new("");
    let mut screen = Screen::new(&desk.world);
    desk.mood("release fails");
    let lines: [&[&str]; 2] =
        [&["--", "sh", "-c", "exit 7"], &["--fresh", "--", "no-such-program"]];
    for line in lines {
        let ran = desk.run(line);
        screen.shows(&[&["run", "--provider", "desk"], line].concat(), &ran);
    }
    compare("box_not_released", &screen);
}

#[test]
fn an_interrupt_is_said_by_its_name() {
    let world = World::new();
    let line = ["run", "--shell", "echo started >&2; exec sleep 300"];
    let stderr = world.root().join("stderr");
    let mut command = world.command(&line);
    command.stderr(File::create(&stderr).expect("a file"));
    let mut child = command.spawn().expect("runs");
    let said = || fs::read_to_string(&stderr).expect("reads");
    until("it has started", || said().ends_with("started\n"));
    kill_process(Pid::from_child(&child), Signal::INT).expect("signals");
    let code = child.wait().expect("ends").code().expect("a code");
    let ran = Ran { code, stdout: String::new(), stderr: said() };
    let mut screen = Screen::new(&world);
    screen.shows(&line, &ran);
    compare("interrupt", &screen);
}

/// What is typed on each kind of terminal.
fn on(name: &str, kind: Kind<'_>) {
    let world = at_home();
    let mut screen = Screen::new(&world);
    if !screen
        .types_on(kind, &["run", "--keep", "--shell", "cat hello.txt; printf 'no end'; exit 7"])
    {
        return;
    }
    world.write(
        ".crabbox.toml",
        "[lease]\nidle = \"20m\"\n[sync]\nexclude = [\"*.mp4\", \"*.iso\", \"/data/\", \"/models/\"]\n",
    );
    rename(&world, "teal-puffin");
    for table in ["list", "provider list", "config show", "config explain sync.exclude"] {
        screen.types_on(kind, &table.split(' ').collect::<Vec<_>>());
        assert!(screen.widest() <= kind.columns.into(), "{table}: {}", screen.text());
    }
    screen.types_on(kind, &["status", &slug(&world)]);
    screen.types_on(kind, &["status", "no-such"]);
    screen.types_on(kind, &["--provider-path", "providers", "run", "rnu"]);
    screen.types_on(kind, &["config", "--help"]);
    compare(name, &screen);
}

#[test]
fn a_terminal_of_80_columns() {
    on("terminal_80", Kind { variables: &[("NO_COLOR", "1")], ..XTERM });
}

#[test]
fn a_terminal_of_200_columns() {
    on("terminal_200", Kind { columns: 200, variables: &[("NO_COLOR", "1")], ..XTERM });
}

#[test]
fn a_dumb_terminal() {
    on("terminal_dumb", Kind { term: "dumb", ..XTERM });
}

#[test]
fn colours() {
    on("terminal_coloured", XTERM);
}
