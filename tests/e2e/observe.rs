//! Commands that only look: what they show, and that they leave everything as it is.

use crate::desk::Desk;
use crabbox::claims::{Claim, Event, LeaseId, Store};
use crabbox_tests::{Ran, World, until};
use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;

fn state(world: &World) -> PathBuf {
    world.root().join("state/crabbox")
}

fn json(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

/// Records leases whose provider had none.
fn record_failed(world: &World, count: u64) {
    let mut store = Store::open(&state(world)).expect("opens");
    for bits in 1..=count {
        let mut claim = Claim::new(LeaseId::from_bits(bits), format!("red-eel-{bits}"));
        "local".clone_into(&mut claim.provider);
        assert!(store.insert(&claim).expect("inserts"));
        let event = Event::LeaseFailed { left: None, why: "no boxes".to_owned() };
        store.transition(&mut claim, &event).expect("fails");
    }
}

/// Every row of every table.
fn rows(world: &World) -> Vec<Vec<Cell>> {
    let database = Connection::open(state(world).join("claims.db")).expect("opens");
    database
        .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .expect("leaves its log");
    let mut statement = database.prepare("SELECT * FROM claims ORDER BY id").expect("reads");
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|at| row.get(at)).collect());
    rows.expect("reads").collect::<Result<_, _>>().expect("reads")
}

/// The bytes of every file of the state folder. That of the log's index holds locks, and is made anew
/// from the log.
fn files(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_none_or(|end| end != "db-shm") {
            found.insert(path.clone(), fs::read(&path).expect("reads"));
        }
    }
}

#[test]
fn whoever_only_looks_changes_nothing() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    assert_eq!(desk.run(&["--fresh", "--", "true"]).code, 0);
    record_failed(&desk.world, 2);
    let slug = desk.world.leases(&[])[0]["slug"].as_str().expect("a slug").to_owned();
    let dump = || {
        let mut found = BTreeMap::new();
        files(&state(&desk.world), &mut found);
        (rows(&desk.world), found)
    };
    let before = dump();
    for mood in ["", "resolve foreign", "resolve fails"] {
        desk.mood(mood);
        for words in [
            &["list"][..],
            &["list", "--all"],
            &["list", "--refresh"],
            &["status", &slug],
            &["status", &slug, "--wait"],
            &["inspect", &slug],
            &["inspect", &slug, "--offline"],
            &["claims", "--all"],
            &["doctor"],
            &["cleanup", "--dry-run"],
            &["cleanup", "--dry-run", "--delete-parked", "--expired"],
            &["completions", "bash"],
        ] {
            let ran = desk.crabbox(words);
            assert!(ran.code == 0 || words == ["doctor"], "{words:?}: {}", ran.stderr);
            let json = desk.crabbox(&[words, &["--json"]].concat());
            assert_eq!(json.code, ran.code, "{words:?}: {}", json.stderr);
            assert!(dump() == before, "{words:?} has changed something");
        }
        let mut asked = desk.world.command(&["--", "crabbox", "stop", ""]);
        asked.env("CRABBOX_COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "2");
        assert!(Ran::of(&mut asked).stdout.contains(&slug));
        assert!(dump() == before, "a shell that asks has changed something");
    }
}

/// What of the state folder a look may change: nothing of it, the log's index included.
fn whole(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        let mode = fs::metadata(&path).expect("looks").mode();
        if path.is_dir() {
            found.extend(whole(&path));
        }
        found.insert(path.clone(), (mode, fs::read(&path).unwrap_or_default()));
    }
    found
}

/// Everything that only looks, with the exit codes that it may have.
fn looks(slug: &str) -> Vec<(Vec<&str>, &'static [i32])> {
    let mut all: Vec<(Vec<&str>, &[i32])> = vec![
        (vec!["list"], &[0]),
        (vec!["list", "--all"], &[0]),
        (vec!["list", "--refresh"], &[0]),
        (vec!["claims"], &[0]),
        (vec!["doctor"], &[0, 1]),
        // A provider may not be set up here.
        (vec!["cleanup", "--dry-run"], &[0, 6]),
        (vec!["completions", "bash"], &[0]),
    ];
    let of_one: &[i32] = if slug == "nobody" { &[4] } else { &[0] };
    for words in [vec!["status", slug], vec!["status", "@last"], vec!["inspect", slug]] {
        all.push((words, of_one));
    }
    all.push((vec!["status", slug, "--wait", "--timeout", "1s"], of_one));
    all
}

#[test]
fn where_nothing_was_recorded_a_look_makes_nothing_and_says_so() {
    let world = World::new();
    for (words, codes) in looks("nobody") {
        for words in [words.clone(), [&words[..], &["--json"]].concat()] {
            let ran = world.crabbox(&words);
            assert!(codes.contains(&ran.code), "{words:?}: {ran:?}");
            assert!(!world.root().join("state").exists(), "{words:?}");
        }
    }
    assert!(world.crabbox(&["list"]).stderr.contains("no leases"));
    assert_eq!(world.leases(&[]), [Value::Null; 0]);
}

#[test]
fn a_look_shows_what_an_earlier_crabbox_recorded_and_leaves_it() {
    for (schema, slug) in [
        (include_str!("../../host/src/claims/migrations/schema-1.sql"), "red-lobster"),
        (include_str!("../../host/src/claims/migrations/schema-2.sql"), "mauve-oyster"),
        (include_str!("../../host/src/claims/migrations/schema-3.sql"), "golden-pelican"),
    ] {
        let world = World::new();
        fs::create_dir_all(state(&world)).expect("a folder");
        let path = state(&world).join("claims.db");
        let database = Connection::open(&path).expect("opens");
        database.pragma_update(None, "journal_mode", "wal").expect("as crabbox does");
        database.execute_batch(schema).expect("fills");
        drop(database);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
        let before = whole(&state(&world));
        for (words, codes) in looks(slug) {
            let ran = world.crabbox(&words);
            let shows = words[0] != "list" || ran.stdout.contains(slug);
            assert!(codes.contains(&ran.code) && shows, "{words:?}: {ran:?}");
            assert!(whole(&state(&world)) == before, "{words:?} has changed something");
        }
        let status = world.crabbox(&["status", slug]).stdout;
        assert!(status.contains("state       parked"), "{status}");
        assert_eq!(world.shell("true").code, 0);
        assert!(whole(&state(&world)) != before, "what changes something brings it forward");
        assert!(world.crabbox(&["list"]).stdout.contains(slug));
    }
}

#[test]
fn a_look_needs_no_folder_that_can_be_written() {
    let world = World::new();
    let Some(mut run) = world.command_of_nobody(&["run", "--keep", "--", "true"]) else {
        return;
    };
    let ran = Ran::of(&mut run);
    assert_eq!(ran.code, 0, "{ran:?}");
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    };
    let folder = state(&world);
    let paths: Vec<PathBuf> = whole(&folder).into_keys().collect();
    for path in &paths {
        mode(path, if path.is_dir() { 0o500 } else { 0o400 });
    }
    mode(&folder, 0o500);
    let before = whole(&folder);
    let slug = {
        let list = Ran::of(&mut world.command_of_nobody(&["list", "--json"]).expect("as before"));
        json(&list)["leases"][0]["slug"].as_str().expect("a slug").to_owned()
    };
    for (words, codes) in looks(&slug) {
        let ran = Ran::of(&mut world.command_of_nobody(&words).expect("as before"));
        assert!(codes.contains(&ran.code), "{words:?}: {ran:?}");
        assert!(whole(&folder) == before, "{words:?} has changed something");
    }
    mode(&folder, 0o700);
    paths.iter().filter(|path| path.is_dir()).for_each(|path| mode(path, 0o700));
}

#[test]
fn of_many_leases_too_those_are_named_that_can_not_be_read() {
    let world = World::new();
    record_failed(&world, 300);
    let database = Connection::open(state(&world).join("claims.db")).expect("opens");
    for (slug, record) in [("red-eel-17", "{"), ("red-eel-250", r#"{"id":7}"#)] {
        let damage = "UPDATE claims SET record = ?1 WHERE slug = ?2";
        assert_eq!(database.execute(damage, [record, slug]).expect("damages"), 1);
    }
    drop(database);
    for words in [&["list"][..], &["list", "--all"], &["list", "--json"]] {
        let stderr = world.crabbox(words).stderr;
        assert_eq!(stderr.matches("can't be read").count(), 2, "{words:?}: {stderr}");
        for id in [LeaseId::from_bits(17), LeaseId::from_bits(250)] {
            assert!(stderr.contains(&format!("hint: crabbox forget {id}")), "{words:?}: {stderr}");
        }
    }
}

#[test]
fn only_a_refresh_asks_the_providers_and_shows_what_they_say() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    assert_eq!(desk.run(&["--fresh", "--", "true"]).code, 0);
    desk.calls();
    assert_eq!(desk.crabbox(&["list"]).code, 0);
    assert_eq!(desk.calls(), "");
    let list = desk.crabbox(&["list", "--refresh"]);
    assert_eq!(desk.calls(), "resolve resolve", "{}", list.stderr);
    assert!(list.stdout.contains("PROVIDER SAYS"), "{}", list.stdout);
    desk.mood("resolve foreign");
    let list = desk.crabbox(&["list", "--refresh"]);
    let foreign = "its resource belongs to the neighbours";
    assert_eq!(list.stdout.matches(foreign).count(), 2, "{}", list.stdout);
    let list = json(&desk.crabbox(&["list", "--refresh", "--json"]));
    assert_eq!(list["answers"][0]["resolution"]["outcome"], "foreign", "{list:#}");
    desk.mood("resolve fails");
    let list = json(&desk.crabbox(&["list", "--refresh", "--json"]));
    assert_eq!(list["answers"][1]["resolution"], Value::Null);
    assert!(list["answers"][1]["words"].as_str().expect("text").contains("nobody is at the desk"));
    // Of a provider that isn't here, that is said beside the others.
    let list = desk.world.crabbox(&["list", "--refresh"]);
    assert_eq!((list.code, list.stdout.matches("desk").count() >= 2), (0, true), "{list:?}");
}

#[test]
fn leases_that_failed_take_one_line_and_none_when_quiet() {
    let world = World::new();
    record_failed(&world, 1);
    let list = world.crabbox(&["list"]);
    let one = "crabbox: red-eel-1 failed: no boxes\ncrabbox:   hint: crabbox stop red-eel-1\n";
    assert_eq!(list.stderr, one);
    let mut store = Store::open(&state(&world)).expect("opens");
    for bits in 2..5 {
        let mut claim = Claim::new(LeaseId::from_bits(bits), format!("red-eel-{bits}"));
        assert!(store.insert(&claim).expect("inserts"));
        let event = Event::LeaseFailed { left: None, why: "no boxes".to_owned() };
        store.transition(&mut claim, &event).expect("fails");
    }
    let list = world.crabbox(&["list"]);
    assert!(list.stderr.starts_with("crabbox: 4 leases failed; "), "{}", list.stderr);
    assert_eq!(list.stderr.lines().count(), 2, "{}", list.stderr);
    assert!(list.stderr.ends_with("hint: crabbox cleanup\n"), "{}", list.stderr);
    let quiet = world.crabbox(&["list", "-q"]);
    assert_eq!((quiet.stderr.as_str(), quiet.stdout), ("", list.stdout));
}

#[test]
fn whoever_waits_for_a_lease_is_told_why_and_how_it_stands_in_the_end() {
    let world = World::new();
    let line = format!("until test -e {}; do sleep 0.01; done", world.root().join("go").display());
    let mut run = world.command(&["run", "--shell", &line]);
    let run = run.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("runs");
    until("the box is taken", || {
        world.leases(&[]).first().is_some_and(|lease| lease["state"] == "busy")
    });
    let slug = world.only_slug();
    let used = format!("used by crabbox (process {})", run.id());
    let status = world.crabbox(&["status", &slug]);
    assert!(status.stdout.contains(&format!("crabbox (process {})", run.id())), "{status:?}");
    let ran = world.crabbox(&["status", &slug, "--wait", "--timeout", "1ms"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    assert!(ran.stderr.contains("it is busy") && ran.stderr.contains(&used), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: crabbox status"), "{}", ran.stderr);
    let mut wait = world.command(&["status", "@last", "--wait", "--json"]);
    let wait = wait.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut wait = wait.expect("runs");
    let mut said = BufReader::new(wait.stderr.take().expect("a pipe")).lines();
    let first = said.next().expect("a line").expect("reads");
    assert!(first.contains("waiting for") && first.contains(&used), "{first}");
    assert!(wait.try_wait().expect("looks").is_none(), "it still waits");
    fs::write(world.root().join("go"), "").expect("a file");
    assert_eq!(Ran::from(run.wait_with_output().expect("ends")).code, 0);
    let status = json(&Ran::from(wait.wait_with_output().expect("ends")));
    assert_eq!(status["lease"]["state"], "parked");
    assert_eq!((&status["lease"]["run_is_over"], &status["holder"]), (&json!(true), &Value::Null));
}

#[test]
fn what_a_killed_command_has_left_is_shown_as_that_and_not_waited_for() {
    let world = World::new();
    for (point, state) in [("claim.after.leased", "busy"), ("claim.after.release", "releasing")] {
        let mut command = world.command(&["run", "--fresh", "--", "true"]);
        assert_eq!(Ran::of(command.env("CRABBOX_FAULT", point)).code, -1);
        let list = world.crabbox(&["list"]);
        assert!(list.stdout.contains(&format!(" {state}, unattended ")), "{list:?}");
        assert!(list.stderr.contains("hint: crabbox cleanup"), "{list:?}");
        let is_unattended = |lease: &Value| lease["unattended"] == true;
        assert_eq!(world.leases(&[]).iter().filter(|lease| is_unattended(lease)).count(), 1);
        let status = json(&world.crabbox(&["status", "@last", "--json"]));
        assert!(is_unattended(&status["lease"]), "{status}");
        let plan = json(&world.crabbox(&["cleanup", "--dry-run", "--json"]));
        assert_eq!(plan["leases"][0]["done"], "planned", "{plan}");
        let status = world.crabbox(&["status", "@last"]);
        assert!(status.stdout.contains(&format!(" {state}, unattended\n")), "{status:?}");
        let ran = world.crabbox(&["status", "@last", "--wait"]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.stderr.contains("the command that had it is gone"), "{ran:?}");
        for line in ["hint: crabbox cleanup\n", "hint: crabbox stop "] {
            assert!(ran.stderr.contains(line), "{ran:?}");
        }
        assert_eq!(world.crabbox(&["cleanup"]).code, 0);
    }
    assert!(!world.crabbox(&["list"]).stdout.contains("unattended"));
    assert!(world.leases(&[]).iter().all(|lease| lease["unattended"] == false));
}

#[test]
fn whoever_waits_for_what_has_failed_is_told_why() {
    let desk = Desk::new("");
    desk.mood("lease fails");
    assert_eq!(desk.run(&["--", "true"]).code, 125);
    let ran = desk.crabbox(&["status", &desk.world.only_slug(), "--wait"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("has failed: desk: the machine smokes"), "{ran:?}");
    assert!(ran.stderr.contains(" stop "), "{ran:?}");
}

#[test]
fn a_claim_is_shown_with_all_that_it_holds_and_without_secrets() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    let claims = json(&desk.crabbox(&["claims", "--json"]));
    let record = &claims["claims"][0]["record"];
    assert_eq!(claims["path"], state(&desk.world).join("claims.db").display().to_string());
    assert_eq!(record["stage"]["state"], "ready");
    assert!(record["stage"]["way"]["endpoint"].is_object(), "{record:#}");
    for part in ["revision", "ending", "deadline", "repository"] {
        assert!(!record[part].is_null(), "{part}: {record:#}");
    }
    let shown = desk.crabbox(&["claims"]).stdout;
    for part in ["ready, revision ", "held by      nobody", "it is parked", "DESK_ID", "from now"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let database = Connection::open(state(&desk.world).join("claims.db")).expect("opens");
    let secret = "c4nary-that-nobody-may-see";
    let told = "UPDATE claims SET record = json_set(record, '$.trouble', ?1), trouble = ?1";
    assert_eq!(database.execute(told, [secret]).expect("changes"), 1);
    let slug = desk.world.only_slug();
    for words in [&["claims"][..], &["inspect", &slug], &["status", &slug], &["list"]] {
        for json in [&[][..], &["--json"]] {
            let mut command = desk.crabbox_command(&[words, json].concat());
            let ran = Ran::of(command.env("DESK_TOKEN", secret));
            assert!(!format!("{ran:?}").contains("c4nary"), "{words:?}: {ran:?}");
        }
    }
}

#[test]
fn inspect_shows_the_provider_s_answer_the_way_and_the_logs() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    let slug = desk.world.only_slug();
    assert_eq!(desk.crabbox(&["extend", &slug, "1h"]).code, 0);
    desk.calls();
    let inspect = json(&desk.crabbox(&["inspect", &slug, "--json"]));
    assert_eq!(desk.calls(), "resolve");
    assert_eq!(inspect["answer"]["outcome"], "found");
    assert_eq!(inspect["endpoint"]["transport"]["prefix"][0], "/bin/sh");
    let commands: Vec<&str> = inspect["logs"]
        .as_array()
        .expect("logs")
        .iter()
        .filter_map(|log| log["command"].as_str())
        .collect();
    assert_eq!(commands.len(), 2, "{commands:?}");
    assert!(commands[0].contains("extend") && commands[1].contains(" run "), "{commands:?}");
    let offline = json(&desk.crabbox(&["inspect", &slug, "--offline", "--json"]));
    assert_eq!((desk.calls().as_str(), &offline["answer"]), ("", &Value::Null));
    assert_eq!(offline["endpoint"], inspect["endpoint"], "the claim knows it, too");
    desk.mood("resolve fails");
    let failed = desk.crabbox(&["inspect", &slug, "--json"]);
    assert_eq!(
        json(&failed)["answer_error"]["message"]
            .as_str()
            .map(|text| text.contains("nobody is at the desk")),
        Some(true)
    );
    let shown = desk.crabbox(&["inspect", &slug]).stdout;
    for part in [
        "The provider says\n  error: ",
        "The way to the box\n  /bin/sh -c ",
        "crabbox --provider-path ",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn who_was_asked_to_keep_a_box_is_shown_to_after_later_runs_and_nobody_else_is() {
    let world = World::new();
    let kept = ["run", "--keep", "--slug", "kept", "--", "true"];
    assert_eq!(world.crabbox(&kept).code, 0);
    assert_eq!(world.crabbox(&["warmup", "--fresh", "--slug", "warm"]).code, 0);
    for slug in ["kept", "warm"] {
        assert_eq!(world.crabbox(&["run", "--id", slug, "--", "true"]).code, 0);
    }
    let list = world.crabbox(&["list"]).stdout;
    let row = |slug: &str| list.lines().find(|line| line.starts_with(slug)).expect("a row");
    assert!(row("kept").contains(" ready ") && row("kept").contains("  yes  "), "{list}");
    assert!(row("warm").contains(" ready ") && !row("warm").contains("  yes  "), "{list}");
    let status = |slug: &str| world.crabbox(&["status", slug]).stdout;
    assert!(status("kept").contains("  keep        yes\n"), "{}", status("kept"));
    assert!(status("warm").contains("  keep        no\n"), "{}", status("warm"));
    for lease in world.leases(&[]) {
        assert!(lease["deadline"].is_string() && lease["idle_deadline"].is_string(), "{lease}");
    }
}

#[test]
fn providers_are_asked_for_a_list_side_by_side() {
    let desk = Desk::new("");
    let path = desk.world.provider_path("crabbox_provider_misbehaving").display().to_string();
    let root = desk.world.root().join("desk");
    let config = desk.world.root().join("config/crabbox/config.toml");
    let text = fs::read_to_string(&config).expect("reads");
    let boxes = desk.world.root().join("boxes");
    let more = format!("[provider.misbehaving]\nroot = '{}'\n", boxes.display());
    fs::write(&config, text + &more).expect("writes");
    let other = ["--provider-path", &path, "run", "--provider", "misbehaving", "--", "true"];
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    assert_eq!(desk.world.crabbox(&other).code, 0);
    // Each of the two waits for the other.
    desk.mood("resolve meets");
    fs::write(boxes.join("mood"), format!("resolve meets in {}", root.display())).expect("a file");
    for words in [&["list", "--refresh"][..], &["cleanup"]] {
        for file in ["here", "there"] {
            let _ = fs::remove_file(root.join(file));
        }
        if words == ["cleanup"] {
            in_doubt(&desk.world);
        }
        let ran = desk.crabbox(words);
        assert_eq!(ran.code, 0, "{words:?} {}", ran.stderr);
        assert!(root.join("here").exists() && root.join("there").exists(), "{words:?}");
    }
}

/// Nobody vouches for any box, so that a cleanup asks.
fn in_doubt(world: &World) {
    let mut store = Store::open(&state(world)).expect("opens");
    let (claims, _) = store.all(false).expect("reads");
    for mut claim in claims {
        let event = Event::Unproven { why: "for a test".to_owned() };
        store.transition(&mut claim, &event).expect("doubts");
    }
}
