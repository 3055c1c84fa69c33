//! `crabbox adopt`, and `crabbox forget`: a lease of what has none, and none any more.

use crate::desk::Desk;
use crate::state::says;
use crabbox_tests::{Ran, World, until};
use rusqlite::Connection;
use serde_json::Value;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;

/// A machine that no lease is of.
fn machine(desk: &Desk, name: &str) -> PathBuf {
    let folder = desk.world.root().join("desk").join(name);
    fs::create_dir_all(folder.join("home")).expect("a folder");
    fs::write(folder.join("id"), format!("id-of-{name}")).expect("a file");
    folder
}

/// `crabbox adopt … --provider desk …`
fn adopt(desk: &Desk, words: &[&str]) -> Ran {
    desk.crabbox(&[&["adopt"], words, &["--provider", "desk"]].concat())
}

fn lease(ran: &Ran) -> Value {
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    document["lease"].clone()
}

#[test]
fn an_adopted_box_is_used_and_left_as_it_is() {
    let desk = Desk::new("");
    for name in ["one", "other", "third"] {
        machine(&desk, name);
    }
    // The last one, on the second page.
    let refused = adopt(&desk, &["third", "--slug", "mine"]);
    let line = "third --slug mine --provider desk --yes\n";
    let seen = "`third` of desk has the id `id-of-third` and is parked";
    says(&refused, 2, &["must be confirmed", line, seen, "it belongs to you"]);
    assert!(desk.world.leases(&[]).is_empty());
    let adopted = adopt(&desk, &["third", "--slug", "mine", "--yes"]);
    says(&adopted, 0, &["`third` is the box of mine (cbx_", "run --id mine -- true\n"]);
    assert_eq!(desk.calls(), "list list list list");
    let lease = &desk.world.leases(&[])[0];
    for (key, value) in [("state", "ready"), ("release", "none"), ("provider", "desk")] {
        assert_eq!(lease[key], value, "{lease}");
    }
    assert_eq!(lease["scope"]["deployment"], "under the desk");
    assert_eq!(lease["repository"], *desk.world.checkout().to_string_lossy());

    for words in [&["--id", "mine", "--", "cat", "hello.txt"][..], &["--", "cat", "hello.txt"]] {
        let ran = desk.run(words);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
    }
    assert_eq!(desk.calls(), "resolve", "it stays ready, and nobody parks it");
    let on = desk.world.root().join("desk/third/on");
    assert!(on.exists());
    says(&desk.crabbox(&["stop", "mine"]), 0, &["mine is let go of: its box stays as it is"]);
    assert_eq!((desk.calls().as_str(), on.exists()), ("", true));
    let id = lease["id"].as_str().expect("an id");
    says(&desk.crabbox(&["stop", id]), 0, &["mine is over already; its box stayed as it was"]);
    // Nothing is in the way of a lease that comes later.
    says(&adopt(&desk, &["id-of-third", "--slug", "mine", "--yes"]), 0, &[]);
    says(&desk.crabbox(&["stop", "mine", "--delete"]), 2, &["must be confirmed"]);
    says(&desk.crabbox(&["stop", "mine", "--delete", "--yes"]), 0, &["mine is deleted"]);
    assert!(!desk.world.root().join("desk/third").exists());
}

#[test]
fn what_becomes_of_it_at_the_end_can_be_chosen() {
    let desk = Desk::new("");
    machine(&desk, "one");
    let adopted = adopt(&desk, &["one", "--release", "park", "--yes", "--json"]);
    let off = lease(&adopted);
    assert_eq!((&off["release"], &off["state"]), (&"park".into(), &"parked".into()), "{off}");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    assert_eq!(desk.calls_in_turn(), "list resolve release");
    assert_eq!(desk.world.leases(&[])[0]["state"], "parked");
    machine(&desk, "other");
    if desk.world.configure_machine("[enforced.lease]\nrelease = ['park']\n") {
        let refused = adopt(&desk, &["other", "--release", "delete", "--yes"]);
        says(&refused, 2, &["`--release delete` can't be: for `lease.release`"]);
        assert!(desk.world.configure_machine(""));
    }
    assert_eq!(desk.calls(), "", "it is refused before anybody is asked");
    says(&adopt(&desk, &["other", "--release", "delete", "--yes"]), 0, &[]);
    let slug = desk.world.leases(&[])[1]["slug"].as_str().expect("a slug").to_owned();
    says(&desk.crabbox(&["stop", &slug]), 0, &["is deleted"]);
}

#[test]
fn one_that_stands_ready_is_left_so_by_a_run() {
    let desk = Desk::new("");
    fs::write(machine(&desk, "one").join("on"), "").expect("a file");
    let on = lease(&adopt(&desk, &["one", "--release", "delete", "--yes", "--json"]));
    assert_eq!(on["state"], "ready", "{on}");
    assert!(on["deadline"].is_string() && on["idle_deadline"].is_string(), "{on}");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    assert_eq!(desk.calls(), "list resolve", "it is left as it was found");
    assert_eq!(desk.world.leases(&[])[0]["state"], "ready");
}

#[test]
fn somebody_lets_go_in_time_of_one_that_is_to_be_parked() {
    let world = World::new();
    assert_eq!(world.crabbox(&["warmup"]).code, 0);
    let id = world.leases(&[])[0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(world.crabbox(&["forget", &id, "--yes"]).code, 0);
    let adopt = ["adopt", &id, "--provider", "local", "--yes", "--json", "--release"];
    world.configure("[lease]\nidle = '1s'\n");
    let adopted = lease(&world.crabbox(&[&adopt[..], &["park"]].concat()));
    assert_eq!(adopted["state"], "ready", "{adopted}");
    until("it is parked", || world.leases(&[])[0]["state"] == "parked");
}

#[test]
fn anothers_box_is_adopted_only_by_whoever_says_whose_it_is() {
    let desk = Desk::new("");
    fs::write(machine(&desk, "one").join("owner"), "ann").expect("a file");
    machine(&desk, "mine");
    let line = "one --yes --provider desk --owner ann\n";
    says(&adopt(&desk, &["one", "--yes"]), 5, &["isn't yours", "it belongs to `ann`", line]);
    says(&adopt(&desk, &["one", "--owner", "bob", "--yes"]), 5, &["--owner ann\n"]);
    says(&adopt(&desk, &["mine", "--owner", "ann", "--yes"]), 5, &["belongs to you"]);
    assert!(desk.world.leases(&[]).is_empty());
    let anns = ["one", "--owner", "ann", "--slug", "anns", "--yes"];
    says(&adopt(&desk, &anns), 0, &["it belongs to `ann`"]);
    let refused = ["`anns` is ann's, and was adopted to be left as it is", "--release delete\n"];
    says(&desk.crabbox(&["stop", "anns", "--delete", "--yes"]), 5, &refused);
    assert!(desk.world.root().join("desk/one").exists());
    // A provider that can't tell: then the account is known, and no more.
    desk.mood("list tells nothing");
    says(&adopt(&desk, &["mine", "--yes"]), 5, &["whether that is you", "--owner everybody\n"]);
    says(&adopt(&desk, &["mine", "--owner", "everybody", "--yes"]), 0, &[]);
}

#[test]
fn what_isnt_there_twice_there_or_claimed_is_not_adopted() {
    let desk = Desk::new("");
    let missing = adopt(&desk, &["no-such", "--yes"]);
    says(&missing, 4, &["`desk` lists nothing called `no-such`", "provider call desk list\n"]);
    for name in ["one", "other"] {
        fs::write(machine(&desk, name).join("called"), "twin").expect("a file");
    }
    let candidates = ["adopt id-of-one --yes", "adopt id-of-other --yes"];
    let twins = adopt(&desk, &["twin", "--yes"]);
    says(&twins, 5, &["lists 2 resources called `twin`", candidates[0], candidates[1]]);
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    let slug = desk.world.only_slug();
    let name = desk.world.leases(&[])[0]["resource"]["name"].clone();
    let claimed = adopt(&desk, &[name.as_str().expect("a name"), "--yes"]);
    let said = format!("is the box of a lease already: `{slug}` (cbx_");
    says(&claimed, 5, &[&said, &format!("status {slug}\n")]);
    says(&adopt(&desk, &["id-of-one", "--slug", &slug, "--yes"]), 5, &["there is a lease `"]);
    for slug in ["", "-a", "a-", "a--b", "1a", "cbx_0123456789ab", "!!!", &"a".repeat(300), "é"] {
        let refused = adopt(&desk, &["id-of-one", "--slug", slug, "--yes"]);
        assert_eq!(refused.code, 2, "{slug}: {}", refused.stderr);
    }
    assert_eq!(desk.world.leases(&[]).len(), 1);
    let missing = desk.crabbox(&["adopt", "id-of-one"]);
    says(&missing, 2, &["error: `--provider <NAME>` is missing\n", "note: there are: "]);
    let unknown = desk.crabbox(&["stop", "id-of-one"]);
    says(&unknown, 4, &["adopt id-of-one --provider local\n"]);
}

#[test]
fn of_two_that_adopt_one_box_at_once_one_has_it() {
    let desk = Desk::new("");
    machine(&desk, "one");
    let hold = desk.world.root().join("hold");
    let line = ["adopt", "one", "--provider", "desk", "--yes"];
    let mut first = desk.crabbox_command(&line);
    first.env("CRABBOX_FAULT", format!("claim.before.insert@{}", hold.display()));
    let first = first.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    crabbox_tests::until("it has looked", || hold.exists());
    assert_eq!(desk.crabbox(&line).code, 0);
    fs::remove_file(hold).expect("lets it go on");
    let first = Ran::from(first.wait_with_output().expect("ends"));
    says(&first, 5, &["is the box of a lease already"]);
    assert_eq!(desk.world.leases(&[]).len(), 1);
}

#[test]
fn a_forgotten_box_of_local_can_be_adopted_and_used_again() {
    let world = World::new();
    assert_eq!(world.shell("echo made > made").code, 0);
    let slug = world.only_slug();
    let folder = world.only_box();
    let name = folder.file_name().expect("a name").to_str().expect("text").to_owned();
    let refused = world.crabbox(&["forget", &slug]);
    let parts = ["must be confirmed", &format!("forget {name} --yes\n")];
    says(&refused, 2, &parts);
    says(&refused, 2, &[&format!("it names `{name}` of local, with the id `"), "became parked "]);
    let forgotten = world.crabbox(&["forget", &slug, "--yes"]);
    says(&forgotten, 0, &[&format!("{slug} is forgotten"), " --provider local\n"]);
    assert!(world.leases(&["--all"]).is_empty());
    assert_eq!(world.boxes(), [folder]);
    says(&world.crabbox(&["forget", &slug, "--yes"]), 4, &["there is no lease"]);
    let adopted = ["adopt", &name, "--provider", "local", "--yes", "--slug", &slug];
    let named = format!("it names the lease `{name}`");
    says(&world.crabbox(&adopted), 0, &[&named]);
    let ran = world.crabbox(&["run", "--id", &slug, "--shell", "cat hello.txt made"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\nmade\n"), "{}", ran.stderr);
    assert_eq!(world.boxes().len(), 1);
}

#[test]
fn a_lease_in_use_is_not_forgotten() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let lease = world.leases(&[]).remove(0);
    let id = lease["id"].as_str().expect("an id");
    let lock = File::open(world.root().join("state/crabbox/holders").join(id)).expect("opens");
    lock.lock().expect("locks");
    says(&world.crabbox(&["forget", id, "--yes"]), 5, &["is in use by", "end that command first"]);
    drop(lock);
    says(&world.crabbox(&["forget", id, "--yes"]), 0, &[]);
}

#[test]
fn a_claim_that_can_not_be_read_is_named_used_for_nothing_and_can_be_forgotten() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let lease = world.leases(&[]).remove(0);
    let (id, slug) = (lease["id"].as_str().expect("an id"), lease["slug"].as_str().expect("text"));
    let path = world.root().join("state/crabbox/claims.db");
    let damage = |record: &str| {
        let connection = Connection::open(&path).expect("opens");
        let damage = format!("UPDATE claims SET record = {record} WHERE slug = ?1");
        connection.execute(&damage, [slug]).expect("damages");
    };
    for record in ["'{\"id\":' || char(27)", "CAST(x'7bff00' AS TEXT)"] {
        damage(record);
        let said = format!("the claim `{id}` (`{slug}`) can't be read");
        let line = format!("forget {id}");
        let list = world.crabbox(&["list"]);
        says(&list, 0, &[&said, &format!("hint: crabbox {line}\n")]);
        let doctor = world.crabbox(&["doctor"]);
        assert!(doctor.stdout.contains(&said) && doctor.stdout.contains(&line), "{doctor:?}");
        says(&world.crabbox(&["stop", slug]), 1, &[&said, &line]);
        let name = lease["resource"]["name"].as_str().expect("a name");
        // Its record may name the box.
        let ran = world.shell("cat hello.txt");
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
        assert_eq!(world.boxes().len(), 2, "another one is leased");
        let other = world.only_slug();
        assert_eq!(world.crabbox(&["stop", &other, "--delete", "--yes"]).code, 0);
        let refused = world.crabbox(&["forget", slug]);
        says(&refused, 2, &["its record: {", "can't be read", &format!("{line} --yes\n")]);
        assert!(!refused.stderr.contains('\u{1b}'), "{refused:?}");
        says(&world.crabbox(&["forget", slug, "--yes", "--json"]), 0, &[]);
        assert!(world.leases(&["--all"]).iter().all(|lease| lease["state"] == "released"));
        let adopt = ["adopt", name, "--provider", "local", "--yes", "--slug", slug];
        says(&world.crabbox(&adopt), 0, &[]);
        let id_now = world.leases(&[]).remove(0)["id"].clone();
        let connection = Connection::open(&path).expect("opens");
        let same = "UPDATE claims SET id = ?1 WHERE id = ?2";
        connection.execute(same, [id, id_now.as_str().expect("an id")]).expect("as before");
    }
}

#[test]
fn a_record_in_the_row_of_another_lease_ends_no_box() {
    let world = World::new();
    for slug in ["red-eel", "teal-ray"] {
        assert_eq!(world.crabbox(&["run", "--slug", slug, "--", "true"]).code, 0);
    }
    let connection = Connection::open(world.root().join("state/crabbox/claims.db")).expect("opens");
    let mix = "UPDATE claims SET record = (SELECT record FROM claims WHERE slug = 'red-eel')
        WHERE slug = 'teal-ray'";
    connection.execute(mix, []).expect("mixes them up");
    let stopped = world.crabbox(&["stop", "teal-ray", "--delete", "--yes"]);
    says(&stopped, 1, &["(`teal-ray`) can't be read", "its row says lease", "forget cbx_"]);
    let doctor = world.crabbox(&["doctor"]);
    assert!(doctor.stdout.contains("(`teal-ray`) can't be read"), "{doctor:?}");
    assert_eq!(world.boxes().len(), 2);
}

#[test]
fn what_was_let_go_of_is_never_said_to_be_deleted() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let lease = world.leases(&[]).remove(0);
    let name = lease["resource"]["name"].as_str().expect("a name");
    assert_eq!(world.crabbox(&["forget", name, "--yes"]).code, 0);
    let adopt = ["adopt", name, "--provider", "local", "--slug", "mine", "--yes"];
    says(&world.crabbox(&adopt), 0, &[]);
    says(&world.crabbox(&["stop", "mine"]), 0, &["mine is let go of: its box stays as it is"]);
    let line = format!("hint: crabbox adopt {name} --provider local");
    let stopped = world.crabbox(&["stop", "mine"]);
    says(&stopped, 0, &["mine is over already; its box stayed as it was", &line]);
    assert!(!stopped.stderr.contains("deleted"), "{}", stopped.stderr);
    for stop in [&["stop", "mine", "--delete"][..], &["stop", "mine", "--delete", "--yes"]] {
        let line = format!("{line} --release delete\n");
        let over = "`mine` is over already, and its box stayed as it was";
        says(&world.crabbox(stop), 5, &[over, &line]);
    }
    assert_eq!(world.boxes().len(), 1);
}

#[test]
fn a_lease_of_which_nothing_was_made_is_never_said_to_be_deleted() {
    let world = World::new();
    let mut command = world.command(&["run", "--slug", "none", "--", "true"]);
    let _ = Ran::of(command.env("CRABBOX_FAULT", "claim.after.insert"));
    for _ in 0..2 {
        let said = "none is closed: no box of it was ever made";
        says(&world.crabbox(&["stop", "none", "--delete", "--yes"]), 0, &[said]);
    }
}
