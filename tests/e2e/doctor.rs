//! What is wrong with a machine, all of it, and what to type next.

use crabbox_tests::{Ran, World, built};
use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The checks, after what holds of all of them was looked at.
pub(crate) fn checks(command: &mut Command) -> (i32, Vec<Value>) {
    let ran = Ran::of(command);
    let document: Value = serde_json::from_str(&ran.stdout).expect(&ran.stderr);
    assert_eq!(document["schema_version"], 1);
    let checks = document["checks"].as_array().expect("a list").clone();
    let failed = checks.iter().any(|check| check["status"] == "fail");
    assert_eq!((ran.code, &document["ok"]), (i32::from(failed), &Value::Bool(!failed)));
    for check in &checks {
        let needs_hint = check["status"] == "fail" || check["status"] == "warn";
        assert_eq!(check["hint"].is_string(), needs_hint, "{check}");
    }
    (ran.code, checks)
}

fn doctor(world: &World) -> Vec<Value> {
    checks(&mut world.command(&["doctor", "--json"])).1
}

pub(crate) fn find<'a>(checks: &'a [Value], id: &str) -> &'a Value {
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id}: {checks:#?}"))
}

/// The status of a check, and a part of its message.
pub(crate) fn expect(checks: &[Value], id: &str, status: &str, message: &str) {
    let check = find(checks, id);
    assert_eq!(check["status"], status, "{check}");
    assert!(check["message"].as_str().expect("text").contains(message), "{check}");
}

fn files(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let about = entry.metadata().expect("is there");
        if about.is_dir() {
            found.extend(files(&entry.path()));
        }
        found.push((entry.path(), about.len()));
    }
    found.sort();
    found
}

fn state(world: &World) -> PathBuf {
    world.root().join("state/crabbox")
}

#[test]
fn a_sound_machine_passes_and_nothing_is_written() {
    let fresh = World::new();
    let used = World::new();
    assert_eq!(used.shell("true").code, 0);
    for world in [&fresh, &used] {
        let before = files(world.root());
        let ran = world.crabbox(&["doctor"]);
        assert_eq!(ran.code, 0, "{}", ran.stdout);
        assert!(
            ran.stderr.contains("nothing is wrong") || ran.stderr.contains("nothing failed"),
            "{}",
            ran.stderr
        );
        assert_eq!(files(world.root()), before);
    }
    let checks = doctor(&used);
    for id in ["version", "config", "state-folder", "git", "provider-local", "helper-x86_64"] {
        assert_ne!(find(&checks, id)["status"], "fail");
    }
    expect(&checks, "claims", "pass", "1 recorded");
    expect(&doctor(&fresh), "claims", "pass", "none");
}

#[test]
fn a_runtime_folder_of_somebody_else_is_named() {
    let world = World::new();
    let folder = world.root().join("runtime");
    fs::create_dir(&folder).expect("a folder");
    chown(&folder, Some(65534), None).expect("gives it away");
    let mut command = world.command(&["doctor", "--json"]);
    let (_, found) = checks(command.env("XDG_RUNTIME_DIR", &folder));
    expect(&found, "runtime-folder", "warn", "belongs to");
}

#[test]
fn one_failing_check_hides_no_other() {
    let world = World::new();
    world.configure("[lease]\nidle = 5\nnonsense = 1\n");
    fs::create_dir_all(world.root().join("state")).expect("a folder");
    fs::write(state(&world), "no folder").expect("a file");
    let mut command = world.command(&["doctor", "--json"]);
    command.env("PATH", world.root().join("nowhere")).env("CRABBOX_PROVIDER", "nowhere");
    command.env("XDG_RUNTIME_DIR", "relative");
    let (code, found) = checks(&mut command);
    assert_eq!(code, 1);
    let config = found.iter().filter(|check| check["id"] == "config" && check["status"] == "fail");
    assert_eq!(config.count(), 3, "{found:#?}");
    expect(&found, "config", "fail", "config.toml:2: `lease.idle` must be");
    expect(&found, "state-folder", "fail", "is no folder");
    expect(&found, "git", "fail", "can't be run");
    expect(&found, "ssh", "warn", "can't be run");
    expect(&found, "provider-nowhere", "fail", "there is no provider");
    expect(&found, "provider-local", "pass", "");
    expect(&found, "runtime-folder", "warn", "relative");
    expect(&found, "space-cache", "pass", "free");
    // Not even knowing where anything lies hides the rest.
    let mut command = world.command(&["doctor", "--json"]);
    command.env_remove("HOME").env_remove("XDG_STATE_HOME");
    let (code, found) = checks(&mut command);
    assert_eq!(code, 1);
    expect(&found, "folders", "fail", "HOME");
    expect(&found, "git", "pass", "git version");
}

#[test]
fn the_state_folder_is_looked_at() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    fs::set_permissions(state(&world), fs::Permissions::from_mode(0o755)).expect("a mode");
    let found = doctor(&world);
    expect(&found, "state-folder", "warn", "mode 755");
    let hint = find(&found, "state-folder")["hint"].as_str().expect("a hint").to_owned();
    assert!(Command::new("sh").args(["-c", &hint]).status().expect("sh runs").success());
    expect(&doctor(&world), "state-folder", "pass", "");
    for mode in [0o777, 0o1777] {
        fs::set_permissions(state(&world), fs::Permissions::from_mode(mode)).expect("a mode");
        expect(&doctor(&world), "state-folder", "fail", "others can write in it");
        assert_eq!(world.crabbox(&["list"]).code, 2, "{mode:o}");
    }

    fs::rename(state(&world), world.root().join("moved")).expect("moves");
    symlink("nowhere", state(&world)).expect("a link");
    expect(&doctor(&world), "state-folder", "fail", "leads nowhere");
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn folders_of_others_and_without_rights_are_named() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: needs root");
        return;
    }
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    chown(state(&world), Some(12345), None).expect("gives it away");
    expect(&doctor(&world), "state-folder", "fail", "belongs to user 12345");

    // A home that can't be written.
    fs::set_permissions(world.root(), fs::Permissions::from_mode(0o755)).expect("a mode");
    let copy = world.executable("crabbox", &built().crabbox);
    let mut command = world.command_of(Path::new("setpriv"), &[]);
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(copy);
    command.args(["doctor", "--json"]).env("XDG_STATE_HOME", world.root().join("home"));
    let (_, found) = checks(command.current_dir("/"));
    expect(&found, "state-folder", "fail", "can't be made");
}

#[test]
fn claims_that_can_not_be_read_are_named() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let database = state(&world).join("claims.db");
    let open = || Connection::open(&database).expect("opens");
    open().execute("UPDATE claims SET record = '{'", []).expect("damages");
    let list: Vec<String> = {
        let connection = open();
        let mut statement = connection.prepare("SELECT id FROM claims").expect("prepares");
        let rows = statement.query_map([], |row| row.get(0)).expect("asks");
        rows.map(|row| row.expect("a row")).collect()
    };
    expect(&doctor(&world), "claims", "fail", &list[0]);

    open().pragma_update(None, "user_version", 99).expect("ages");
    expect(&doctor(&world), "claims", "fail", "schema 99");

    for file in ["claims.db-wal", "claims.db-shm"] {
        let _ = fs::remove_file(state(&world).join(file));
    }
    fs::write(&database, "this is no database ".repeat(400)).expect("a file");
    let before = files(&state(&world));
    let found = doctor(&world);
    expect(&found, "claims", "fail", "not a database");
    assert_eq!(files(&state(&world)), before);
    // The line works as it is.
    let hint = find(&found, "claims")["hint"].as_str().expect("a hint");
    assert!(Command::new("sh").args(["-c", hint]).status().expect("sh runs").success());
    expect(&doctor(&world), "claims", "pass", "none are recorded yet");
}

#[test]
fn pages_that_are_damaged_are_found() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let database = state(&world).join("claims.db");
    let connection = Connection::open(&database).expect("opens");
    let ask = |query: &str| connection.query_row(query, [], |row| row.get::<_, u32>(0));
    // No claim lies on the page of an index: only SQLite's own check sees it.
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'by_repository'";
    let (page, size) =
        (ask(root).expect("a page") as usize, ask("PRAGMA page_size").expect("a size") as usize);
    connection.query_row("PRAGMA journal_mode = delete", [], |_| Ok(())).expect("folds the log in");
    drop(connection);
    let mut bytes = fs::read(&database).expect("reads");
    bytes[(page - 1) * size..page * size].fill(0xff);
    fs::write(&database, bytes).expect("writes");
    expect(&doctor(&world), "claims", "fail", "is damaged: ");
}

#[test]
fn a_program_that_hangs_or_says_nothing_is_named() {
    let world = World::new();
    for (name, script) in [("git", "#!/bin/sh\nsleep 600\n"), ("ssh", "#!/bin/sh\n")] {
        let text = world.root().join(format!("{name}.sh"));
        fs::write(&text, script).expect("a file");
        let _ = world.executable(&format!("bin/{name}"), &text);
    }
    let folder = world.root().join("bin");
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let (code, found) = checks(world.command(&["doctor", "--json"]).env("PATH", path));
    assert_eq!(code, 1);
    expect(&found, "git", "fail", "doesn't answer");
    expect(&found, "ssh", "warn", "prints nothing");
}

#[test]
fn a_broken_provider_is_a_failure_only_where_it_is_chosen() {
    let world = World::new();
    let folder = world.provider_path("crabbox_provider_desk");
    let library = folder.join("libcrabbox_provider_desk.so");
    fs::set_permissions(library, fs::Permissions::from_mode(0o666)).expect("a mode");
    let path = folder.display().to_string();
    let line = ["doctor", "--json", "--provider-path", &path];
    let (code, found) = checks(&mut world.command(&line));
    assert_eq!(code, 0);
    expect(&found, "provider-desk", "warn", "can be written by others");
    let (code, found) = checks(world.command(&line).env("CRABBOX_PROVIDER", "desk"));
    assert_eq!(code, 1);
    expect(&found, "provider-desk", "fail", "can be written by others");
}

#[test]
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn a_full_disk_is_named() {
    let world = World::new();
    let state = world.root().join("small");
    fs::create_dir(&state).expect("a folder");
    let script = "mount -t tmpfs -o size=4m none \"$1\" && shift && exec \"$@\"";
    let mut command = world.command_of(Path::new("unshare"), &["-Urm", "sh", "-c", script, "sh"]);
    command.arg(&state).arg(&built().crabbox).args(["doctor", "--json", "--state-dir"]).arg(&state);
    let output = command.output().expect("runs");
    if output.stdout.is_empty() {
        println!("skipped: no small disk here: {}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    let (code, found) = checks(&mut command);
    assert_eq!(code, 1);
    expect(&found, "space-state", "fail", "4 MiB free");
}
