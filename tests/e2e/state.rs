//! The claims' database: held by another, damaged, of another version, of another time. Nothing in it is lost, and
//! every error says where, why and what to type.

use crabbox::fault::POINTS;
use crabbox_tests::{Ran, World};
use rusqlite::{Connection, params};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

pub(crate) fn database(world: &World) -> PathBuf {
    world.root().join("state/crabbox/claims.db")
}

/// With a lease, and everything that is in the log written to the database itself.
pub(crate) fn world_with_a_lease() -> World {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let connection = Connection::open(database(&world)).expect("opens");
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .expect("writes the log back");
    world
}

pub(crate) fn leases(world: &World, more: &[&str]) -> Vec<Value> {
    let list = world.crabbox(&[&["list", "--json"], more].concat()).stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    list["leases"].as_array().expect("a list").clone()
}

pub(crate) fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
}

#[track_caller]
pub(crate) fn says(ran: &Ran, code: i32, parts: &[&str]) {
    assert_eq!(ran.code, code, "{}", ran.stderr);
    for part in parts {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let world = World::new();
    let mut run = world.command(&["run", "--", "true"]);
    for name in ["CRABBOX_STATE_DIR", "CRABBOX_HEARTBEAT", "CRABBOX_RUN"] {
        run.env(name, "");
    }
    says(&Ran::of(&mut run), 0, &["leased "]);
    assert!(world.root().join("state/crabbox/claims.db").exists());
}

#[test]
fn another_program_is_waited_for() {
    let world = world_with_a_lease();
    let other = Connection::open(database(&world)).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("locks");
    let run = thread::scope(|scope| {
        let run = scope.spawn(|| world.shell("cat hello.txt"));
        thread::sleep(Duration::from_secs(1));
        other.execute_batch("COMMIT").expect("unlocks");
        run.join().expect("a thread")
    });
    assert_eq!((run.code, run.stdout.as_str()), (0, "hello\n"), "{}", run.stderr);
}

#[test]
fn another_program_is_not_waited_for_for_ever() {
    let world = world_with_a_lease();
    let path = database(&world).display().to_string();
    let other = Connection::open(database(&world)).expect("opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("locks");
    // Who only looks isn't held up.
    assert_eq!(leases(&world, &[]).len(), 1);
    let held = format!("`{path}` is held by another program");
    let next = format!("hint: fuser -v {path}");
    says(&world.shell("true"), 125, &[&held, &next]);
    other.execute_batch("COMMIT; PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE").expect("locks");
    assert_eq!(leases(&world, &[]).len(), 1);
    says(&world.crabbox(&["extend", "@last", "1h"]), 6, &[&held, &next]);
    drop(other);
    assert_eq!(world.shell("true").code, 0);
}

#[test]
fn a_damaged_database_is_named_kept_and_can_be_put_aside() {
    type Damage = fn(&Path);
    let damage: [(&str, Damage); 4] = [
        ("garbage", |path| fs::write(path, "no database at all, ".repeat(500)).expect("writes")),
        ("cut in its header", |path| cut(path, 50)),
        ("cut after its first page", |path| cut(path, 4096)),
        ("emptied, with a log", |path| {
            fs::copy(path, path.with_extension("db-wal")).expect("a copy");
            cut(path, 0);
        }),
    ];
    for (how, damage) in damage {
        let world = world_with_a_lease();
        let path = database(&world);
        damage(&path);
        let before = fs::read(&path).expect("reads");
        let said = format!("the claims database `{}` is damaged", path.display());
        for (ran, code) in [(world.crabbox(&["list"]), 1), (world.shell("true"), 125)] {
            says(&ran, code, &[&said, "because: ", "hint: d="]);
        }
        assert_eq!(fs::read(&path).expect("reads"), before, "{how}");
        let stderr = world.crabbox(&["list"]).stderr;
        let line = stderr.lines().find_map(|line| line.split_once("hint: "));
        let typed = Command::new("sh").args(["-c", line.expect("a line").1]).status();
        assert!(typed.expect("a shell").success(), "{how}");
        assert_eq!(world.shell("cat hello.txt").stdout, "hello\n", "{how}");
        let aside = fs::read_dir(path.parent().expect("a folder")).expect("reads");
        let aside: Vec<_> = aside
            .map(|entry| entry.expect("an entry").path().join("claims.db"))
            .filter(|path| path.exists())
            .collect();
        assert_eq!(aside.len(), 1, "{how}");
        assert_eq!(fs::read(&aside[0]).expect("reads"), before, "{how}");
    }
}

/// A page of the claims' index, which is read only when something is looked for in it.
pub(crate) fn damage_an_index(path: &Path) {
    let connection = Connection::open(path).expect("opens");
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = 'by_repository'";
    let page: u32 = connection.query_row(root, [], |row| row.get(0)).expect("reads");
    drop(connection);
    let file = fs::File::options().write(true).open(path).expect("opens");
    file.write_all_at(&[0xa5; 4096], u64::from(page - 1) * 4096).expect("damages");
}

/// The folders with damaged databases.
fn aside(world: &World) -> Vec<PathBuf> {
    let entries = fs::read_dir(database(world).parent().expect("a folder")).expect("reads");
    let entries = entries.map(|entry| entry.expect("an entry").path());
    let is_aside = |path: &PathBuf| path.is_dir() && path.to_string_lossy().contains("/damaged-");
    entries.filter(is_aside).collect()
}

#[test]
fn of_a_damaged_database_what_can_be_read_is_saved_and_the_next_run_uses_its_box() {
    let world = world_with_a_lease();
    let path = database(&world);
    damage_an_index(&path);
    let damaged = fs::read(&path).expect("reads");
    let said = format!("the claims database `{}` is damaged", path.display());
    let next = "the next command saves what can still be read";
    says(&world.shell("true"), 125, &[&said, "hint: crabbox list\n", next]);
    let saved = world.crabbox(&["list"]);
    let told = "warning: the claims database was damaged: 1 claim could be saved; it is kept in `";
    says(&saved, 0, &[told]);
    assert_eq!(saved.stderr.matches("damaged:").count(), 1, "{}", saved.stderr);
    let aside = aside(&world);
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert!(saved.stderr.contains(&*aside[0].to_string_lossy()), "{}", saved.stderr);
    assert_eq!(fs::read(aside[0].join("claims.db")).expect("is kept"), damaged);
    let ran = world.shell("cat hello.txt");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("damaged"), "{}", ran.stderr);
    assert_eq!(world.boxes().len(), 1);
    let doctor = world.crabbox(&["doctor"]).stdout;
    assert!(doctor.contains("1 recorded"), "{doctor}");
}

#[test]
fn doctor_says_how_to_save_what_can_be_read() {
    let world = world_with_a_lease();
    damage_an_index(&database(&world));
    let doctor: Value =
        serde_json::from_str(&world.crabbox(&["doctor", "--json"]).stdout).expect("JSON");
    let checks = doctor["checks"].as_array().expect("a list");
    let claims = checks.iter().find(|check| check["id"] == "claims").expect("a check");
    assert_eq!(claims["status"], "fail", "{claims}");
    let line = claims["hint"].as_str().expect("a line").replace("crabbox list", "true");
    assert!(Command::new("sh").args(["-c", &line]).status().expect("a shell").success());
    says(&world.crabbox(&["list"]), 0, &["1 claim could be saved"]);
}

#[test]
fn whoever_is_killed_while_claims_are_saved_loses_none() {
    for point in ["salvage.saved", "salvage.moved"] {
        let world = world_with_a_lease();
        damage_an_index(&database(&world));
        assert_eq!(world.shell("true").code, 125);
        let killed = world.command(&["list"]).env("CRABBOX_FAULT", point).output().expect("runs");
        assert_eq!(killed.status.signal(), Some(9), "{point}");
        says(&world.crabbox(&["list"]), 0, &["1 claim could be saved"]);
        let kept = aside(&world);
        let kept = kept.iter().filter(|folder| folder.join("claims.db").exists());
        assert_eq!(kept.count(), 1, "{point}");
        assert_eq!(world.shell("cat hello.txt").stdout, "hello\n", "{point}");
        assert_eq!(world.boxes().len(), 1, "{point}");
    }
}

#[test]
fn a_database_that_others_can_write_is_refused_and_one_they_can_read_is_closed() {
    let world = world_with_a_lease();
    let path = database(&world);
    let mode_of = || fs::metadata(&path).expect("looks").mode() & 0o7777;
    mode(&path, 0o644);
    assert_eq!(leases(&world, &[]).len(), 1);
    assert_eq!(mode_of(), 0o644, "who only looks changes nothing");
    assert_eq!(world.shell("true").code, 0);
    assert_eq!(mode_of(), 0o600);
    let said = format!("the claims database `{}` can't be trusted", path.display());
    for open in [0o620, 0o602, 0o666] {
        mode(&path, open);
        let why = format!("because: others can write in it (mode {open:o})");
        let line = format!("hint: chmod 600 {}\n", path.display());
        says(&world.crabbox(&["list"]), 2, &[&said, &why, &line]);
        says(&world.shell("true"), 125, &[&said]);
        assert_eq!(mode_of(), open);
    }
    mode(&path, 0o600);
    mode(&path.with_extension("db-wal"), 0o606);
    says(&world.crabbox(&["list"]), 2, &["claims.db-wal` can't be trusted"]);
    mode(&path.with_extension("db-wal"), 0o600);
    assert_eq!(leases(&world, &[]).len(), 1);
    if std::os::unix::fs::chown(&path, Some(65534), None).is_ok() {
        let refused = world.crabbox(&["list"]);
        says(&refused, 2, &[&said, "because: it belongs to user 65534", "hint: sudo chown "]);
    }
}

/// Waits at a point until the disk is full, goes on, makes room, and looks at what there is.
const FILL: &str = r#"
    mount -t tmpfs -o size=1m tmpfs "$0" || exit 99
    crabbox=$1 write=$2 hold=$3
    case $write in adopt) point=claim.before.insert;; *) point=claim.before.$write;; esac
    boxes=$XDG_DATA_HOME/crabbox/local
    prepare() { "$crabbox" run --keep -- true >&2; }
    adopt() { "$crabbox" adopt "$(cd "$boxes"; echo cbx_*)" --provider local "$@"; }
    case $write in
        start) "$crabbox" run -- true >&2;;
        not_started) "$crabbox" run -- true >&2; mv "$boxes"/cbx_*/.crabbox/id "$boxes"/id;;
        nothing) CRABBOX_FAULT=claim.after.insert "$crabbox" run -- true >&2;;
        lease_failed) mkdir -p "$XDG_DATA_HOME/crabbox"; : >"$boxes";;
        take|extended|deleted|forget) prepare;;
        gone) prepare; rm -r "$boxes"/cbx_*;;
        unproven) prepare; mv "$boxes"/cbx_*/.crabbox/id "$boxes"/id;;
        adopt) prepare; "$crabbox" forget @last --yes >&2;;
        let_go) prepare; "$crabbox" forget @last --yes >&2; adopt --yes >&2;;
    esac
    case $write in
        deleted) set -- stop @repo --delete --yes;;
        nothing|gone|unproven|let_go) set -- stop @repo;;
        forget) set -- forget @repo --yes;;
        extended) set -- extend "$("$crabbox" list --json | grep -o 'cbx_[0-9a-f]*' | head -1)" 9h;;
        free) set -- run --keep -- true;;
        not_started) set -- run --id @last -- true;;
        adopt) set -- adopt "$(cd "$boxes"; echo cbx_*)" --provider local --release delete --yes;;
        *) set -- run -- true;;
    esac
    CRABBOX_FAULT="$point@$hold" "$crabbox" "$@" >&2 & child=$!
    until test -e "$hold"; do kill -0 $child || exit 98; sleep 0.01; done
    head -c 3000000 /dev/zero >"$0/fill" 2>/dev/null
    rm "$hold"
    wait $child; echo "code $?"
    rm "$0/fill"
    case $write in
        lease_failed) rm "$boxes";;
        unproven|not_started) mv "$boxes"/id "$boxes"/cbx_*/.crabbox;;
        adopt) "$crabbox" "$@" >&2;;
    esac
    echo "list $("$crabbox" list --json | tr -d '\n')"
    "$crabbox" run -- cat hello.txt
    for id in $("$crabbox" list --json | grep -o '"id": "cbx_[0-9a-f]*' | grep -o 'cbx.*'); do
        "$crabbox" stop "$id" --delete --yes >&2
    done
    echo "left $("$crabbox" list --json | tr -d '\n')""#;

/// The writes of a claim by what they are called at their points; an adoption's is an insertion, too.
const WRITES: &str = "insert checkpoint leased start not_started take note free release parked
    nothing lease_failed extended unproven deleted gone adopt let_go forget";

#[test]
fn a_disk_that_is_full_at_any_write_is_tried_at_all() {
    let tried: Vec<_> = WRITES.split_whitespace().collect();
    let points = POINTS.iter().filter_map(|point| point.strip_prefix("claim.before."));
    let missed: Vec<_> = points.filter(|write| !tried.contains(write)).collect();
    assert_eq!(missed, ["unreached"], "which is of boxes that are far, and a warning");
}

#[test]
fn a_disk_that_is_full_at_any_write_loses_no_box() {
    for write in WRITES.split_whitespace() {
        let world = World::new();
        let place = world.root().join("state");
        fs::create_dir_all(&place).expect("a folder");
        let mut command = world.command_of(Path::new("unshare"), &["-Urm", "sh", "-c", FILL]);
        let hold = world.root().join("hold");
        let ran =
            Ran::of(command.arg(&place).arg(&crabbox_tests::built().crabbox).arg(write).arg(&hold));
        if ran.code == 99 || ran.stderr.starts_with("unshare:") {
            let mut stderr = std::io::stderr();
            let _ = std::io::Write::write_all(&mut stderr, b"skipped: no mounts here\n");
            return;
        }
        assert_eq!(ran.code, 0, "{write}: {ran:?}");
        assert!(ran.stderr.contains("can't be used"), "{write}: {ran:?}");
        assert!(!ran.stderr.contains("the box stays until"), "it has no time of its own: {ran:?}");
        assert!(ran.stdout.contains("\nhello\n"), "{write}: {ran:?}");
        assert!(ran.stdout.contains(r#""leases": []"#), "{write}: {ran:?}");
        assert_eq!(world.boxes(), Vec::<PathBuf>::new(), "{write}: all were claimed");
    }
}

fn cut(path: &Path, length: u64) {
    let file = fs::File::options().write(true).open(path).expect("opens");
    file.set_len(length).expect("cuts");
}

#[test]
fn a_newer_database_is_left_to_its_crabbox() {
    let world = world_with_a_lease();
    let path = database(&world);
    let newer = Connection::open(&path).expect("opens");
    newer.pragma_update(None, "user_version", 99).expect("ages");
    drop(newer);
    let said =
        format!("the claims database `{}` has schema 99, this crabbox knows 4", path.display());
    let next = ["note: the newer crabbox that wrote it", "/home/crabbox-state\n"];
    says(&world.crabbox(&["list"]), 1, &[&said, next[0], next[1]]);
    says(&world.shell("true"), 125, &[&said]);
    let back = Connection::open(&path).expect("opens");
    back.pragma_update(None, "user_version", 3).expect("as before");
    assert_eq!(leases(&world, &[]).len(), 1);
}

#[test]
fn a_clock_that_was_set_back_confuses_nobody() {
    let world = world_with_a_lease();
    let connection = Connection::open(database(&world)).expect("opens");
    let later = "2999-01-01T00:00:00Z";
    connection
        .execute(
            "UPDATE claims SET updated = ?1, created = ?2, used = ?2,
                record = json_set(record, '$.updated', ?1, '$.used', ?1, '$.created', ?1)",
            params![later, 32_472_144_000_000_i64],
        )
        .expect("changes");
    drop(connection);
    let list = world.crabbox(&["list"]);
    assert!(list.stdout.contains("in the future"), "{}", list.stdout);
    let slug = leases(&world, &[])[0]["slug"].as_str().expect("a slug").to_owned();
    assert!(world.crabbox(&["status", &slug]).stdout.contains("in the future"));
    let ran = world.shell("true");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(leases(&world, &[]).len(), 1, "it is used again");
    let used = world.crabbox(&["status", &slug]).stdout;
    assert_eq!(used.matches("in the future").count(), 1, "when it was made: {used}");
    assert_eq!(world.crabbox(&["stop", &slug, "--delete", "--yes"]).code, 0);
}

#[test]
fn what_a_claim_says_is_shown_and_not_obeyed() {
    let world = world_with_a_lease();
    let connection = Connection::open(database(&world)).expect("opens");
    let escape = "\u{1b}[2J\u{9b}1m";
    connection
        .execute(
            "UPDATE claims SET provider = ?1, repository = ?1, run = ?1, trouble = ?1,
                record = json_set(record, '$.trouble', ?1, '$.stage.owned.name', ?1,
                '$.provider', ?1, '$.repository', ?1, '$.run.id', ?1)",
            [escape],
        )
        .expect("changes");
    drop(connection);
    let slug = leases(&world, &[])[0]["slug"].as_str().expect("a slug").to_owned();
    for ran in [
        world.crabbox(&["list"]),
        world.crabbox(&["status", &slug]),
        world.crabbox(&["claims"]),
        world.crabbox(&["inspect", &slug]),
    ] {
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(!ran.stdout.contains(['\u{1b}', '\u{9b}']), "{ran:?}");
        assert!(!ran.stderr.contains(['\u{1b}', '\u{9b}']), "{ran:?}");
        assert!(ran.stdout.contains("\\u{1b}[2J\\u{9b}1m"), "{}", ran.stdout);
    }
    let listed = world.crabbox(&["list", "--json"]).stdout;
    assert!(!listed.contains(['\u{1b}', '\u{9b}']), "{listed:?}");
    let document: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(document["leases"][0]["provider"], escape);
}
