//! What leases are shown with beside their records: whether their provider is here, and what `stop` would do.

use crate::desk::Desk;
use crate::together::Running;
use crabbox::claims::{Claim, LeaseId, Store};
use crabbox_tests::{Ran, World};
use rusqlite::Connection;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn json(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

/// Two leases of a desk, and one of this machine.
fn leases() -> (Desk, String) {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    assert_eq!(desk.run(&["--fresh", "--keep", "--slug", "red-eel", "--", "true"]).code, 0);
    let id = json(&desk.crabbox(&["status", "red-eel", "--json"]))["lease"]["id"].clone();
    assert_eq!(desk.world.crabbox(&["run", "--provider", "local", "--", "true"]).code, 0);
    (desk, id.as_str().expect("an id").to_owned())
}

#[test]
fn a_provider_that_is_gone_is_told_of_on_the_row_and_with_the_line_to_type() {
    let (desk, id) = leases();
    let standings = |ran: &Ran| {
        let list = json(ran);
        let all = list["leases"].as_array().expect("leases").iter();
        all.map(|lease| lease["provider_state"].as_str().expect("a word").to_owned())
            .collect::<Vec<_>>()
    };
    // Where it is, there is nothing to be said.
    let list = desk.crabbox(&["list"]);
    assert!(!list.stdout.contains("desk, ") && !list.stderr.contains("isn't here"), "{list:?}");
    assert_eq!(standings(&desk.crabbox(&["list", "--json"])), ["ok"; 3]);

    let list = desk.world.crabbox(&["list"]);
    assert_eq!(
        (list.code, list.stdout.matches(" desk, not installed ").count()),
        (0, 2),
        "{list:?}"
    );
    let line = format!(
        "crabbox: 2 leases are of `desk`, which isn't here any more: put it back \
         (`--provider-path` names its folder), or drop a lease and leave its box\n\
         crabbox:   hint: crabbox forget {id} --yes\n"
    );
    assert!(list.stderr.contains(&line), "{}", list.stderr);
    assert_eq!(list.stderr.matches("isn't here").count(), 1, "{}", list.stderr);
    assert_eq!(standings(&desk.world.crabbox(&["list", "--json"])), ["ok", "missing", "missing"]);
    let quiet = desk.world.crabbox(&["list", "-q"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""));

    let line = line.replace("2 leases are", "red-eel is");
    for words in [&["status", "red-eel"][..], &["inspect", "red-eel", "--offline"]] {
        let ran = desk.world.crabbox(words);
        assert!(ran.code == 0 && ran.stderr.contains(&line), "{ran:?}");
        assert!(ran.stdout.contains("not installed\n"), "{ran:?}");
        let there = desk.crabbox(words);
        assert!(there.code == 0 && !there.stderr.contains("isn't here"), "{there:?}");
    }
    let status = json(&desk.world.crabbox(&["status", "red-eel", "--json"]));
    assert_eq!(status["lease"]["provider_state"], "missing");
    let inspect = json(&desk.world.crabbox(&["inspect", "red-eel", "--json"]));
    assert_eq!(inspect["provider_state"], "missing");
    // The line works, and nobody misses a provider once its last lease is dropped.
    assert_eq!(desk.world.crabbox(&["forget", &id, "--yes"]).code, 0);
    let list = desk.world.crabbox(&["list"]);
    assert!(list.stderr.contains(" is of `desk`, which isn't here"), "{list:?}");
}

#[test]
fn a_provider_that_can_not_be_used_is_told_of_with_what_helps() {
    let (desk, _) = leases();
    let library = fs::read_dir(&desk.path).expect("a folder").next().expect("a file");
    let library = library.expect("an entry").path();
    fs::set_permissions(&library, fs::Permissions::from_mode(0o777)).expect("a mode");
    let list = desk.crabbox(&["list"]);
    assert_eq!(list.stdout.matches(" desk, unusable ").count(), 2, "{list:?}");
    let said =
        "crabbox: 2 leases are of a provider that can't do anything now: the provider `desk` (`";
    let hint = format!("crabbox:   hint: chmod go-w '{}'\n", library.display());
    assert!(list.stderr.contains(said) && list.stderr.contains(&hint), "{}", list.stderr);
    let status = json(&desk.crabbox(&["status", "red-eel", "--json"]));
    assert_eq!(status["lease"]["provider_state"], "unusable");
}

#[test]
fn a_lease_that_has_no_box_needs_no_provider() {
    let (desk, _) = leases();
    let mut store = Store::open(&desk.world.root().join("state/crabbox")).expect("opens");
    let mut claim = Claim::new(LeaseId::from_bits(7), "teal-ray".to_owned());
    "nowhere".clone_into(&mut claim.provider);
    assert!(store.insert(&claim).expect("inserts"));
    let list = desk.crabbox(&["list"]);
    assert!(list.stdout.contains(" nowhere ") && !list.stderr.contains("nowhere"), "{list:?}");
}

/// What is said of a stop, in words and for machines, and what came of it.
fn said_and_done(world: &World, slug: &str) -> (String, String, String) {
    let shown = world.crabbox(&["status", slug]);
    let line = shown.stdout.lines().find_map(|line| line.strip_prefix("  stop        "));
    let planned = json(&world.crabbox(&["status", slug, "--json"]))["stop"].clone();
    let done = json(&world.crabbox(&["stop", slug, "--json"]));
    let text = |value: &Value| value.as_str().expect("a word").to_owned();
    (line.unwrap_or_default().to_owned(), text(&planned), text(&done["leases"][0]["end"]))
}

#[test]
fn a_status_says_what_stop_will_do_and_that_is_what_it_does() {
    let world = World::new();
    let expect = |slug: &str, words: &str, word: &str, end: &str| {
        let expected = (words.to_owned(), word.to_owned(), end.to_owned());
        assert_eq!(said_and_done(&world, slug), expected, "{slug}");
    };
    assert_eq!(world.crabbox(&["warmup", "--slug", "parks"]).code, 0);
    expect("parks", "parks its box", "park", "parked");
    expect("parks", "changes nothing: its box is parked", "nothing", "parked");
    world.configure("[lease]\nrelease = 'delete'\n");
    assert_eq!(world.crabbox(&["warmup", "--fresh", "--slug", "deletes"]).code, 0);
    // It is settled by then.
    world.configure("");
    expect("deletes", "deletes its box, with all that is on it", "delete", "deleted");
    expect("deletes", "", "nothing", "deleted");
    let id = world.leases(&[])[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(world.crabbox(&["forget", "parks", "--yes"]).code, 0);
    let adopt = ["adopt", &id, "--provider", "local", "--slug", "leaves", "--yes"];
    assert_eq!(world.crabbox(&adopt).code, 0);
    expect("leaves", "leaves its box as it is", "leave", "let go");
    let mut killed = world.command(&["run", "--slug", "closes", "--fresh", "--", "true"]);
    assert_eq!(Ran::of(killed.env("CRABBOX_FAULT", "claim.after.insert")).code, -1);
    expect("closes", "closes it: no box was ever made", "close", "closed");
}

#[test]
fn a_status_says_of_a_lease_in_use_that_it_is_not_stopped() {
    let world = World::new();
    let running = Running::on(&world, &[]);
    let slug = running.slug.clone();
    let shown = world.crabbox(&["status", &slug]).stdout;
    let line = "  stop        is refused while it is in use; then it parks its box\n";
    assert!(shown.contains(line), "{shown}");
    assert_eq!(json(&world.crabbox(&["status", &slug, "--json"]))["stop"], "refuse");
    assert_eq!(world.crabbox(&["stop", &slug]).code, 5);
    running.end();
}

#[test]
fn what_a_newer_crabbox_wants_to_be_shown_is_not_taken_for_nothing() {
    let world = World::new();
    assert_eq!(world.crabbox(&["warmup", "--slug", "mine"]).code, 0);
    let claims = Connection::open(world.root().join("state/crabbox/claims.db")).expect("opens");
    let kinds = |from: &str| {
        let change = "UPDATE claims SET record = replace(record, ?1, '\"kind\":\"smell\"')";
        claims.execute(change, [from]).expect("changes");
        let smells = "SELECT count(*) FROM claims WHERE record LIKE '%smell%'";
        claims.query_row(smells, [], |row| row.get::<_, i64>(0)).expect("counts")
    };
    assert_eq!(kinds("\"kind\":\"file\""), 1);
    let unknown = "proves itself in a way that this crabbox doesn't know\n";
    let copied = world.crabbox(&["cp", "mine:hello.txt", "copy"]);
    assert_eq!(copied.code, 5, "{}", copied.stderr);
    let hint = "crabbox:   hint: crabbox run --id mine --keep -- true\n";
    assert!(copied.stderr.contains(&format!("`mine` {unknown}{hint}")), "{}", copied.stderr);
    // Its provider says it again, in words of today.
    let ran = world.crabbox(&["run", "--id", "mine", "--keep", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
    let asked = format!("warning: mine isn't as it was left: it {unknown}");
    assert!(ran.stderr.contains(&asked), "{}", ran.stderr);
    assert_eq!(kinds("nothing"), 0);
    assert_eq!(world.crabbox(&["cp", "mine:hello.txt", "copy"]).code, 0);
}
