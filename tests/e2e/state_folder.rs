//! The folder of what is recorded: one that can't be used, whoever's it is, and where there is none. Every error says
//! where, why and what to type.

use crate::state::{database, leases, mode, says, world_with_a_lease};
use crabbox_tests::{Ran, World, until};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

#[test]
fn a_state_folder_that_can_not_be_written_is_an_error_with_a_way_out() {
    let world = World::new();
    let folder = world.root().join("state/crabbox");
    fs::create_dir_all(&folder).expect("a folder");
    let Some(mut run) = world.command_of_nobody(&["run", "--", "true"]) else {
        return;
    };
    mode(&folder, 0o500);
    let next = "/home/crabbox-state -- true\n";
    let said = format!("the state folder `{}` can't be used", folder.display());
    says(&Ran::of(&mut run), 125, &[&said, "because: Permission denied", next]);
    mode(&folder, 0o700);
    assert_eq!(Ran::of(&mut run).code, 0);
    mode(&folder.join("claims.db"), 0o400);
    let said = format!("the claims database `{}` can't be written", database(&world).display());
    says(&Ran::of(&mut run), 125, &[&said, "because: ", next]);
    mode(&folder.join("claims.db"), 0o600);
    assert_eq!(Ran::of(&mut run).code, 0);
}

#[test]
fn a_read_only_disk_is_an_error_and_no_loss() {
    let world = world_with_a_lease();
    let folder = world.root().join("state/crabbox");
    let line =
        r#"mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" || exit 99; shift 0; exec "$@""#;
    let on_it = |words: &[&str]| {
        let mut command = world.command_of(Path::new("unshare"), &["-m", "sh", "-c", line]);
        let program = world.command(words);
        command.arg(&folder).arg(program.get_program()).args(program.get_args());
        Ran::of(&mut command)
    };
    let ran = on_it(&["run", "--", "true"]);
    if ran.code == 99 || ran.stderr.contains("unshare") {
        let mut stderr = std::io::stderr();
        let _ = std::io::Write::write_all(&mut stderr, b"skipped: no mounts here\n");
        return;
    }
    says(&ran, 125, &["claims", "because: ", "/home/crabbox-state -- true\n"]);
    let stopped = on_it(&["stop", "@last", "--delete", "--yes"]);
    assert_ne!(stopped.code, 0, "{stopped:?}");
    assert!(!stopped.stderr.contains("crabbox-state"), "the lease isn't there: {stopped:?}");
    assert_eq!(leases(&world, &[]).len(), 1);
}

#[test]
fn a_folder_that_was_there_keeps_its_mode_and_is_refused_if_others_can_write_in_it() {
    let world = World::new();
    let folder = world.root().join("mine");
    fs::create_dir(&folder).expect("a folder");
    let path = folder.display().to_string();
    let run = ["run", "--state-dir", &path, "--", "true"];
    let mode_of = |path: &Path| fs::metadata(path).expect("looks").mode() & 0o7777;
    for open in [0o777, 0o1777, 0o770] {
        mode(&folder, open);
        let said = format!("the state folder `{path}` can't be used");
        let why = format!("because: others can write in it (mode {open:o})");
        let own = format!("hint: crabbox run --state-dir {path}/crabbox -- true\n");
        says(&world.crabbox(&run), 125, &[&said, &why, &own]);
        assert_eq!(mode_of(&folder), open);
        assert_eq!(fs::read_dir(&folder).expect("reads").count(), 0);
    }
    // What the hint says works.
    mode(&folder, 0o1777);
    let own = folder.join("crabbox");
    let ran = world.crabbox(&["run", "--state-dir", &own.to_string_lossy(), "--", "true"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(mode_of(&own), 0o700);
    // Others may look into the folder, and see nothing.
    mode(&folder, 0o755);
    assert_eq!(world.crabbox(&run).code, 0);
    assert_eq!(mode_of(&folder), 0o755);
    for file in ["claims.db", "claims.db-wal", "claims.db-shm"] {
        assert_eq!(mode_of(&folder.join(file)), 0o600, "{file}");
    }
    assert_eq!(mode_of(&folder.join("holders")), 0o700);
}

#[test]
fn a_folder_of_another_user_is_refused() {
    let world = World::new();
    let folder = world.root().join("state/crabbox");
    fs::create_dir_all(&folder).expect("a folder");
    if world.command_of_nobody(&[]).is_none() {
        return;
    }
    let said = format!("the state folder `{}` can't be used", folder.display());
    says(&world.crabbox(&["list"]), 2, &[&said, "belongs to user 65534", "/home/crabbox-state\n"]);
}

#[test]
fn without_a_home_the_error_says_what_to_type() {
    let world = World::new();
    let homeless = |arguments: &[&str]| {
        let mut command = world.command(arguments);
        for name in ["HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"]
        {
            command.env_remove(name);
        }
        command
    };
    let next = "hint: export HOME=\"$(getent passwd";
    says(
        &Ran::of(&mut homeless(&["list"])),
        2,
        &["neither `HOME` nor `XDG_STATE_HOME` is set", next],
    );
    says(&Ran::of(&mut homeless(&["run", "--", "true"])), 125, &["neither `HOME` nor", next]);
    // Only the boxes have no place.
    let mut run = world.command(&["run", "--", "true"]);
    run.env_remove("HOME").env_remove("XDG_DATA_HOME");
    says(&Ran::of(&mut run), 125, &["neither `HOME` nor `XDG_DATA_HOME` is set", next]);
}

#[test]
fn a_home_that_can_not_be_written_is_an_error_and_can_be_gone_round() {
    let world = World::new();
    let Some(mut run) = world.command_of_nobody(&["run", "--", "cat", "hello.txt"]) else {
        return;
    };
    let home = world.root().join("home");
    for name in ["XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"] {
        run.env_remove(name);
    }
    mode(&home, 0o500);
    let said = format!("the state folder `{}/.local/state/crabbox`", home.display());
    says(
        &Ran::of(&mut run),
        125,
        &[&said, "Permission denied", "/home/crabbox-state -- cat hello.txt\n"],
    );
    run.env("CRABBOX_STATE_DIR", world.root().join("state"));
    let said = format!("no box can be made in `{}/.local/share/crabbox/local`", home.display());
    says(&Ran::of(&mut run), 125, &[&said, "hint: XDG_DATA_HOME"]);
    run.env("XDG_DATA_HOME", world.root().join("data"));
    let ran = Ran::of(&mut run);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
}

#[test]
fn two_state_folders_know_nothing_of_each_other() {
    let world = World::new();
    let folders = ["one", "other"].map(|name| world.root().join(name).display().to_string());
    for folder in &folders {
        let ran = world.crabbox(&["--state-dir", folder, "run", "--", "cat", "hello.txt"]);
        assert_eq!(ran.stdout, "hello\n", "{}", ran.stderr);
    }
    assert_eq!(world.boxes().len(), 2);
    let of = |folder: &str| leases(&world, &["--state-dir", folder]);
    let ids = folders.each_ref().map(|folder| of(folder)[0]["id"].clone());
    assert_ne!(ids[0], ids[1]);
    let foreign = ["stop", ids[1].as_str().expect("an id"), "--state-dir", &folders[0]];
    assert_eq!(world.crabbox(&foreign).code, 4);
    assert_eq!(world.boxes().len(), 2);
    assert!(leases(&world, &[]).is_empty());
}

#[test]
fn a_state_folder_that_is_not_there_is_named_and_made_only_for_a_lease() {
    let world = World::new();
    let folder = world.root().join("mistyped");
    let place = ["--state-dir", folder.to_str().expect("text")];
    let told = format!("there is no state folder `{}`: nothing is recorded there\n", place[1]);
    let show: [(&[&str], u8); 6] = [
        (&["list"], 0),
        (&["claims"], 0),
        (&["cleanup", "--dry-run"], 0),
        (&["status", "mine"], 4),
        (&["inspect", "mine"], 4),
        (&["list", "--json"], 0),
    ];
    for (words, code) in show {
        let ran = world.crabbox(&[&place, words].concat());
        assert_eq!(ran.code, i32::from(code), "{words:?} {}", ran.stderr);
        assert_eq!(ran.stderr.matches(&format!("crabbox: {told}")).count(), 1, "{}", ran.stderr);
        assert!(!folder.exists(), "{words:?}");
    }
    let about: [&[&str]; 6] = [
        &["stop", "mine"],
        &["extend", "mine", "1h"],
        &["forget", "mine", "--yes"],
        &["ssh", "mine"],
        &["ssh"],
        &["cp", "mine:a", "b"],
    ];
    for words in about {
        let ran = world.crabbox(&[&place, words].concat());
        assert_eq!(ran.code, 4, "{words:?} {}", ran.stderr);
        let hint = format!("error: {told}crabbox:   hint: crabbox {}\n", words.join(" "));
        assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
        assert!(!folder.exists(), "{words:?}");
    }
    let by_name = Ran::of(world.command(&["stop", "mine"]).env("CRABBOX_STATE_DIR", &folder));
    assert!(by_name.stderr.contains("note: `CRABBOX_STATE_DIR` names it\n"), "{}", by_name.stderr);
    assert_eq!(world.crabbox(&[&place[..], &["run", "--", "true"]].concat()).code, 0);
    assert!(folder.is_dir());
}

/// Whoever opens a database reads its whole log: a command a millisecond longer for each MiB of it.
#[test]
fn a_log_that_has_grown_long_is_shortened_beside_a_run() {
    const LONG: u64 = 512 * 1024;
    let world = world_with_a_lease();
    let all = [database(&world), database(&world).with_file_name("history.db")];
    let length = |path: &Path| fs::metadata(path.with_extension("db-wal")).expect("a log").len();
    for path in &all {
        let connection = Connection::open(path).expect("opens");
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).expect("is set");
        connection.pragma_update(None, "synchronous", "off").expect("is set");
        // A page of 4 KiB each.
        for id in (0..130).rev() {
            connection.pragma_update(None, "application_id", id).expect("is written");
        }
        assert!(length(path) > LONG);
    }
    until("a run has written the logs back", || {
        assert_eq!(world.shell("sleep 0.2").code, 0);
        all.iter().all(|path| length(path) < LONG)
    });
}
