//! Which lease did I mean? Whatever a list prints of a lease stands for it, in every command; what could
//! be two is neither, and what is nothing names what is like it.

use crabbox::claims::{Claim, Event, LeaseId, Store};
use crabbox_tests::{Ran, World};
use serde_json::Value;
use std::fs;
use std::process::Command;

fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// Records a lease of which nothing was ever made.
fn record(world: &World, bits: u64, slug: &str) -> Claim {
    let state = world.root().join("state/crabbox");
    let mut store = Store::open(&state).expect("opens");
    let mut claim = Claim::new(LeaseId::from_bits(bits), slug.to_owned());
    "local".clone_into(&mut claim.provider);
    claim.repository = world.checkout();
    assert!(store.insert(&claim).expect("inserts"));
    claim
}

/// Everything that stands for this lease.
fn words(lease: &Value) -> Vec<String> {
    let [id, slug, run] = ["id", "slug", "run"].map(|field| text(&lease[field]));
    let name = text(&lease["resource"]["name"]);
    let resource = text(&lease["resource"]["id"]);
    let (short, digits, shouted) =
        (id[..9].to_owned(), id[4..].to_owned(), format!(" {} ", slug.to_uppercase()));
    vec![id, slug, run, name, resource, short, digits, shouted, "@last".into(), "@repo".into()]
}

/// What was agreed to for one lease isn't carried over to another that is only guessed.
#[test]
fn a_guess_undoes_nothing() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--slug", "fix-42", "--", "true"]).code, 0);
    for line in [
        &["stop", "fix-43", "--delete", "--yes"][..],
        &["stop", "fix-43", "--delete"],
        &["forget", "fix-43", "--yes"],
        &["forget", "fix-43"],
    ] {
        let ran = world.crabbox(line);
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.stderr.contains("hint: crabbox status fix-42\n"), "{ran:?}");
        assert!(!ran.stderr.contains("--delete") && !ran.stderr.contains("--yes"), "{ran:?}");
    }
    let ran = world.crabbox(&["stop", "fix-43"]);
    assert!(ran.stderr.contains("hint: crabbox stop fix-42\n"), "{ran:?}");
    assert!(ran.stderr.contains("hint: crabbox adopt fix-43 --provider local\n"), "{ran:?}");
    let ran = world.crabbox(&["stop", "@lats"]);
    assert!(ran.code == 4 && !ran.stderr.contains("adopt"), "{ran:?}");
}

#[test]
fn whatever_a_list_prints_stands_for_the_lease_in_every_command() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--keep", "--", "true"]).code, 0);
    record(&world, 0xffff_0000_0000, "somebody-else");
    let lease = |slug: &str| json(&world.crabbox(&["status", slug, "--json"]))["lease"].clone();
    let slug = text(&world.leases(&[])[0]["slug"]);
    let id = text(&lease(&slug)["id"]);
    let is_meant = |words: &[&str]| {
        let ran = world.crabbox(&[words, &["--json"]].concat());
        assert_eq!(ran.code, 0, "{words:?}: {}", ran.stderr);
        assert!(ran.stdout.contains(&id), "{words:?}: {}", ran.stdout);
    };
    let count = words(&lease(&slug)).len();
    for at in 0..count {
        // Anew each time: the last run is another one by then.
        let one = &words(&lease(&slug))[at];
        is_meant(&["status", one]);
        is_meant(&["inspect", one]);
        is_meant(&["extend", one, "1h"]);
        is_meant(&["provider", "call", "local", "resolve", "--id", one]);
        for line in [&["ssh", one, "--print"][..], &["cp", &format!("{one}:hello.txt"), "copy"]] {
            let ran = world.crabbox(line);
            assert_eq!(ran.code, 0, "{line:?}: {}", ran.stderr);
        }
        let forget = world.crabbox(&["forget", one]);
        let asked = format!("error: forgetting `{slug}` must be confirmed\n");
        assert!(forget.stderr.contains(&asked), "{one}: {}", forget.stderr);
        let ran = world.crabbox(&["run", "--json", "--id", one, "--", "true"]);
        assert_eq!(ran.code, 0, "{one}: {}", ran.stderr);
        assert_eq!(text(&json(&ran)["lease"]["slug"]), slug, "{one}");
    }
    for at in 0..count {
        is_meant(&["stop", &words(&lease(&slug))[at]]);
    }
    // Once it is over, it is still the one that they stand for; no run would take it.
    assert_eq!(world.crabbox(&["stop", &slug, "--delete", "--yes"]).code, 0);
    for word in words(&lease(&slug)).iter().filter(|word| *word != "@repo") {
        is_meant(&["status", word]);
        is_meant(&["stop", word]);
        assert_eq!(world.crabbox(&["run", "--id", word, "--", "true"]).code, 125, "{word}");
    }
}

#[test]
fn what_could_be_two_leases_is_neither() {
    let world = World::new();
    record(&world, 0xbeef_0000_0001, "red-eel");
    record(&world, 0xbeef_0000_0002, "teal-ray");
    let before = world.leases(&[]);
    for line in [
        &["status", "beef"][..],
        &["stop", "cbx_beef", "--delete", "--yes"],
        &["extend", "BEEF", "1h"],
        &["inspect", "beef0000"],
        &["provider", "call", "local", "release", "--id", "beef"],
    ] {
        let ran = world.crabbox(line);
        assert_eq!(ran.code, 2, "{line:?}: {}", ran.stderr);
        for part in ["red-eel (leasing, local)", "teal-ray (leasing, local)", "cbx_beef00000002"] {
            assert!(ran.stderr.contains(part), "{line:?}: {}", ran.stderr);
        }
    }
    let ran = world.crabbox(&["status", "beef"]);
    assert!(ran.stderr.contains("hint: crabbox status cbx_beef00000001\n"), "{}", ran.stderr);
    assert_eq!(world.crabbox(&["run", "--id", "beef", "--", "true"]).code, 125);
    assert_eq!(world.leases(&[]), before);
    assert_eq!(world.crabbox(&["status", "beef00000001"]).code, 0);
}

#[test]
fn a_box_of_somebody_is_no_lease_before_it_is_adopted() {
    let world = World::new();
    let ran = world.crabbox(&["status", "ann/desk"]);
    assert_eq!(ran.code, 4, "{ran:?}");
    let line = "hint: crabbox adopt ann/desk --provider local\n";
    assert!(ran.stderr.contains(line), "{ran:?}");
    // Nothing is said twice.
    assert_eq!(world.crabbox(&["stop", "ann/desk"]).stderr.matches(line).count(), 1);
    assert!(!world.crabbox(&["status", "desk"]).stderr.contains("adopt"));
}

#[test]
fn what_is_no_lease_names_what_is_like_it() {
    let world = World::new();
    record(&world, 1, "teal-puffin");
    for word in ["", " ", "!!!", "@", "000", "cbx_", "no-such"] {
        let ran = world.crabbox(&["status", word]);
        assert_eq!(ran.code, 4, "{word}: {}", ran.stderr);
        let hints: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("hint:")).collect();
        assert_eq!(hints, ["crabbox:   hint: crabbox list"], "{word}");
    }
    for (line, next) in [
        (&["status", "teal-pufin"][..], "crabbox status teal-puffin\n"),
        (&["stop", "teel-puffin"], "crabbox stop teal-puffin\n"),
        (&["status", "@lst"], "crabbox status @last\n"),
        (
            &["provider", "call", "local", "resolve", "--id=teal-pufin"],
            "crabbox status teal-puffin\n",
        ),
    ] {
        let ran = world.crabbox(line);
        assert_eq!(ran.code, 4, "{line:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("hint: {next}")), "{line:?}: {}", ran.stderr);
    }
}

#[test]
fn a_slug_that_looks_like_an_id_is_never_taken_for_it() {
    let world = World::new();
    let claim = record(&world, 0x0123_4567_89ab, "red-eel");
    record(&world, 2, claim.id.as_str());
    let status = json(&world.crabbox(&["status", claim.id.as_str(), "--json"]));
    assert_eq!(status["lease"]["slug"], "red-eel");
}

#[test]
fn the_last_lease_is_the_one_that_was_used_and_not_the_one_that_was_changed() {
    let world = World::new();
    assert_eq!(world.crabbox(&["status", "@last"]).code, 4);
    assert_eq!(world.crabbox(&["run", "--keep", "--", "true"]).code, 0);
    let first = world.only_slug();
    assert_eq!(world.crabbox(&["run", "--fresh", "--keep", "--", "true"]).code, 0);
    assert_eq!(world.crabbox(&["extend", &first, "1h"]).code, 0);
    let last = || text(&json(&world.crabbox(&["status", "@last", "--json"]))["lease"]["slug"]);
    assert_ne!(last(), first);
    assert_eq!(world.crabbox(&["run", "--id", &first, "--", "true"]).code, 0);
    assert_eq!(last(), first);
}

#[test]
fn the_lease_of_a_checkout_is_the_one_that_a_run_there_would_take() {
    let world = World::new();
    assert_eq!(world.crabbox(&["status", "@repo"]).code, 4);
    let mut failed = record(&world, 1, "red-eel");
    let mut store = Store::open(&world.root().join("state/crabbox")).expect("opens");
    let event = Event::LeaseFailed { left: None, why: "no boxes".to_owned() };
    store.transition(&mut failed, &event).expect("fails");
    assert_eq!(world.crabbox(&["status", "@repo"]).code, 4, "no run takes what failed");
    assert_eq!(world.crabbox(&["run", "--keep", "--", "true"]).code, 0);
    assert_eq!(world.crabbox(&["run", "--fresh", "--", "true"]).code, 0);
    let here = |command: &mut Command| text(&json(&Ran::of(command))["lease"]["slug"]);
    let repo = here(&mut world.command(&["status", "@repo", "--json"]));
    let ran = world.crabbox(&["run", "--json", "--", "true"]);
    assert_eq!(text(&json(&ran)["lease"]["slug"]), repo, "the ready one, not the parked one");
    let below = world.checkout().join("below");
    fs::create_dir(&below).expect("a folder");
    assert_eq!(here(world.command(&["status", "@repo", "--json"]).current_dir(below)), repo);
    // Another checkout has none, and no checkout isn't one.
    let outside = world.root().join("home");
    let ran = Ran::of(world.command(&["status", "@repo"]).current_dir(&outside));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("there is no checkout here"), "{}", ran.stderr);
}
