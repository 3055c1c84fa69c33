//! What a repository's file asks for, and how it is granted.

use crabbox_tests::{Ran, World};
use insta::assert_snapshot;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

const ASKS: &str = "[run]\ntimeout = '10m'\n[lease]\nrelease = 'delete'\n";

/// A checkout whose file asks for something.
fn asking() -> World {
    let world = World::new();
    world.write(".crabbox.toml", ASKS);
    world
}

/// What holds of `lease.release`.
fn release(world: &World) -> String {
    let shown = world.crabbox(&["config", "show", "--json"]);
    let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
    let settings = shown["settings"].as_array().expect("a list");
    let found = settings.iter().find(|one| one["key"] == "lease.release").expect("the key");
    found["value"].as_str().expect("a word").to_owned()
}

fn grant_in_words(world: &World, folder: &Path, granted: &str) {
    world.configure(&format!("[trust.\"{}\"]\n{granted}", folder.display()));
}

#[test]
fn a_request_that_is_not_granted_does_not_hold_and_is_named_by_every_run() {
    let world = asking();
    let ran = world.crabbox(&["run", "-q", "--", "true"]);
    assert_snapshot!(ran.snapshot(&world), @r#"
    exit 0
    --- stdout
    --- stderr
    crabbox: warning: [WORLD]/checkout/.crabbox.toml:4: `lease.release = "delete"` isn't granted and doesn't hold: it would choose what is deleted
    crabbox:   hint: crabbox config trust [WORLD]/checkout
    "#);
    assert_eq!(world.boxes().len(), 1, "the box is parked, not deleted");
    let ran = world.crabbox(&["run", "--json", "--", "true"]).stdout;
    let ran: Value = serde_json::from_str(&ran).expect("JSON");
    let warning = &ran["warnings"][0];
    assert_eq!((&warning["code"], &warning["line"]), (&"ungranted".into(), &4.into()), "{ran}");
    let message = warning["message"].as_str().expect("a text");
    assert!(message.starts_with(r#"`lease.release = "delete"` isn't granted"#), "{message}");
    assert_eq!(release(&world), "park");
    let explained = world.crabbox(&["config", "explain", "lease.release"]);
    assert_snapshot!(explained.snapshot(&world), @r#"
    exit 0
    --- stdout
    lease.release: park
      what it is         what becomes of a box at the end
      value              one of `park`, `delete`
      in .crabbox.toml   if you grant it: it would choose what is deleted

    LAYER       VALUE        FROM
    flag        -            --release isn't given
    variable    -            CRABBOX_LEASE_RELEASE isn't set
    repository  -            line 4 asks for "delete", which isn't granted
    user        -            not set
    system      -            not set
    default     park   wins  default
    --- stderr
    "#);
    let checked = world.crabbox(&["config", "check"]);
    assert_eq!(checked.code, 0, "it is no error: {}", checked.stderr);
    assert!(checked.stderr.contains("isn't granted"), "{}", checked.stderr);
    assert!(world.crabbox(&["doctor"]).stdout.contains("isn't granted"));
}

#[test]
fn a_trusted_file_is_granted_what_it_asks_for() {
    let world = asking();
    let trusted = world.crabbox(&["config", "trust", "--yes"]);
    assert_snapshot!(trusted.snapshot(&world), @r#"
    exit 0
    --- stdout
    LINE  KEY            VALUE     IT WOULD CHOOSE
    4     lease.release  "delete"  what is deleted
    --- stderr
    crabbox: `[WORLD]/checkout/.crabbox.toml` asks for:
    crabbox: `[WORLD]/checkout/.crabbox.toml` is trusted until it changes
    "#);
    assert_eq!(release(&world), "delete");
    let ran = world.crabbox(&["run", "-q", "--", "true"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(world.boxes().is_empty(), "the box is deleted");
    let again = world.crabbox(&["config", "trust"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stderr.contains("is trusted already"), "{}", again.stderr);
}

#[test]
fn trusting_needs_a_yes() {
    let world = asking();
    let asked = world.crabbox(&["config", "trust"]);
    assert_eq!(asked.code, 2);
    let line = format!("hint: crabbox config trust {} --yes", world.checkout().display());
    assert!(asked.stderr.contains(&line), "{}", asked.stderr);
    assert!(asked.stdout.contains("lease.release"), "it is shown all the same: {}", asked.stdout);
    assert_eq!(release(&world), "park");
}

#[test]
fn another_byte_in_a_trusted_file_ends_the_trust_and_the_change_is_told() {
    let world = asking();
    assert_eq!(world.crabbox(&["config", "trust", "--yes"]).code, 0);
    // No request changes; what it means might.
    world.write(".crabbox.toml", &ASKS.replace("10m", "20m"));
    assert_eq!(release(&world), "park");
    let ran = world.crabbox(&["run", "-q", "--", "true"]);
    assert_snapshot!(ran.snapshot(&world), @r#"
    exit 0
    --- stdout
    --- stderr
    crabbox: warning: [WORLD]/checkout/.crabbox.toml: it has changed since you trusted it: it asks for the same, but other settings may give that another meaning
    crabbox: warning: [WORLD]/checkout/.crabbox.toml:4: `lease.release = "delete"` isn't granted and doesn't hold: it would choose what is deleted
    crabbox:   hint: crabbox config trust [WORLD]/checkout
    "#);
    world.write(".crabbox.toml", &ASKS.replace("'delete'", "'park'"));
    let ran = world.crabbox(&["run", "-q", "--", "true"]);
    let expected = "it now asks for `lease.release = \"park\"`";
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    // A file that asks for nothing needs no trust.
    world.write(".crabbox.toml", "");
    let ran = world.crabbox(&["run", "-q", "--", "true"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    // The very file that was trusted still is.
    world.write(".crabbox.toml", ASKS);
    assert_eq!(release(&world), "delete");
}

#[test]
fn what_was_not_shown_when_a_file_was_trusted_is_asked_for_again() {
    let world = asking();
    assert_eq!(world.crabbox(&["config", "trust", "--yes"]).code, 0);
    // As if the setting had been free to set then.
    let folder = fs::read_dir(world.root().join("state/crabbox/trust")).expect("a folder");
    let pins: Vec<_> = folder.map(|entry| entry.expect("an entry").path()).collect();
    assert_eq!(pins.len(), 1);
    let text = fs::read_to_string(&pins[0]).expect("reads");
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("lease.release")).collect();
    fs::write(&pins[0], without.join("\n")).expect("writes");
    assert_eq!(release(&world), "park");
    let asked = world.crabbox(&["config", "trust"]);
    assert_eq!(asked.code, 2, "{}", asked.stderr);
    assert_eq!(world.crabbox(&["config", "trust", "--yes"]).code, 0);
    assert_eq!(release(&world), "delete");
}

#[test]
fn trust_is_of_a_place_and_a_copy_elsewhere_has_none() {
    let world = asking();
    assert_eq!(world.crabbox(&["config", "trust", "--yes"]).code, 0);
    let copy = world.root().join("copy");
    fs::rename(world.checkout(), &copy).expect("moves");
    let check = |folder: &Path| Ran::of(world.command(&["config", "check"]).current_dir(folder));
    assert!(check(&copy).stderr.contains("isn't granted"));
    // By a link it is the same place.
    fs::rename(&copy, world.checkout()).expect("moves back");
    symlink(world.checkout(), &copy).expect("a link");
    assert!(!check(&copy).stderr.contains("isn't granted"));
}

#[test]
fn what_is_trusted_is_listed_and_taken_back() {
    let world = asking();
    assert_eq!(world.crabbox(&["config", "trust", "--yes"]).code, 0);
    grant_in_words(&world, &world.checkout(), "lease.release = 'delete'\n");
    let listed = world.crabbox(&["config", "trust", "--list"]);
    assert_snapshot!(listed.snapshot(&world), @r#"
    exit 0
    --- stdout
    STATE    REQUESTS                  OF
    trusted  lease.release = "delete"  [WORLD]/checkout/.crabbox.toml
    granted  lease.release = "delete"  [WORLD]/checkout, by [WORLD]/config/crabbox/config.toml:1
    --- stderr
    "#);
    let file = world.root().join("config/crabbox/config.toml");
    let text = fs::read_to_string(&file).expect("reads");
    fs::write(&file, format!("{text}[lease]\nidel = '1m'\n")).expect("writes");
    let listed = world.crabbox(&["config", "trust", "--list"]);
    assert!(listed.stderr.contains("unknown key `lease.idel`"), "{}", listed.stderr);
    assert!(listed.stderr.contains("hint: did you mean `lease.idle`?"), "{}", listed.stderr);
    assert!(listed.stdout.contains("granted"), "{}", listed.stdout);
    fs::write(&file, text).expect("writes");
    let revoked = world.crabbox(&["config", "trust", "--revoke"]);
    assert_snapshot!(revoked.snapshot(&world), @r#"
    exit 0
    --- stdout
    --- stderr
    crabbox: `[WORLD]/checkout/.crabbox.toml` is trusted no more
    crabbox: warning: it is still granted something in [WORLD]/config/crabbox/config.toml:1
    "#);
    assert_eq!(release(&world), "delete", "in words it is granted still");
    world.configure("");
    assert_eq!(release(&world), "park");
    let again = world.crabbox(&["config", "trust", "--revoke"]);
    assert_eq!(again.code, 4, "{}", again.stderr);
    assert_eq!(world.crabbox(&["config", "trust", "--list"]).stdout, "");
}

#[test]
fn what_is_gone_can_be_taken_back_and_a_changed_file_is_listed_as_such() {
    let world = asking();
    let path = world.checkout().display().to_string();
    assert_eq!(world.crabbox(&["config", "trust", &path, "--yes"]).code, 0);
    let state = || {
        let listed = world.crabbox(&["config", "trust", "--list", "--json"]);
        let listed: Value = serde_json::from_str(&listed.stdout).expect("JSON");
        listed["files"][0]["state"].as_str().expect("a word").to_owned()
    };
    assert_eq!(state(), "trusted");
    world.write(".crabbox.toml", "");
    assert_eq!(state(), "changed");
    fs::remove_file(world.checkout().join(".crabbox.toml")).expect("removes");
    assert_eq!(state(), "absent");
    assert_eq!(world.crabbox(&["config", "trust", &path, "--revoke"]).code, 0);
}

#[test]
fn what_was_denied_is_told_of_no_more_until_something_else_is_asked_for() {
    let world = asking();
    let warned = || world.crabbox(&["run", "-q", "--", "true"]).stderr;
    assert!(warned().contains("isn't granted"), "{}", warned());
    let denied = world.crabbox(&["config", "trust", "--deny"]);
    assert_snapshot!(denied.snapshot(&world), @r#"
    exit 0
    --- stdout
    LINE  KEY            VALUE     IT WOULD CHOOSE
    4     lease.release  "delete"  what is deleted
    --- stderr
    crabbox: `[WORLD]/checkout/.crabbox.toml` is denied this, and no run warns of it any more
    "#);
    assert_eq!((warned().as_str(), release(&world).as_str()), ("", "park"));
    let check = world.crabbox(&["config", "check"]).stderr;
    assert!(check.contains("nothing is wrong") && !check.contains("granted"), "{check}");
    let explained = world.crabbox(&["config", "explain", "lease.release"]).stdout;
    assert!(explained.contains(r#"asks for "delete", which you have denied"#), "{explained}");
    let listed = world.crabbox(&["config", "trust", "--list"]);
    assert_snapshot!(listed.snapshot(&world), @r#"
    exit 0
    --- stdout
    STATE   REQUESTS                  OF
    denied  lease.release = "delete"  [WORLD]/checkout/.crabbox.toml
    --- stderr
    "#);
    // Another byte is nothing new, another request is.
    world.write(".crabbox.toml", &ASKS.replace("10m", "20m"));
    assert_eq!(warned(), "");
    world.write(".crabbox.toml", &ASKS.replace("[run]", "[run]\nenv = ['TOKEN']"));
    let said = warned();
    assert!(said.contains("`run.env = [\"TOKEN\"]` isn't granted"), "{said}");
    assert!(!said.contains("lease.release") && !said.contains("has changed"), "{said}");
    // A yes takes the no back, and so does forgetting it.
    assert_eq!(world.crabbox(&["config", "trust", "--yes"]).code, 0);
    assert_eq!((warned().as_str(), release(&world).as_str()), ("", "delete"));
    assert_eq!(world.crabbox(&["config", "trust", "--deny", "--json"]).code, 0);
    assert_eq!((warned().as_str(), release(&world).as_str()), ("", "park"));
    let revoked = world.crabbox(&["config", "trust", "--revoke"]);
    assert!(revoked.stderr.contains("is denied nothing any more"), "{}", revoked.stderr);
    assert!(warned().contains("`lease.release = \"delete\"` isn't granted"), "{}", warned());
}

#[test]
fn what_is_granted_in_words_is_not_called_denied() {
    let world = asking();
    grant_in_words(&world, &world.checkout(), "lease.release = 'delete'\n");
    let denied = world.crabbox(&["config", "trust", "--deny", "--json"]);
    let denied: Value = serde_json::from_str(&denied.stdout).expect("JSON");
    assert_eq!((&denied["denied"], release(&world).as_str()), (&Value::from(false), "delete"));
    let granted_in = denied["granted_in"][0].as_str().expect("a place");
    assert!(granted_in.contains("config.toml:"), "{granted_in}");
    let denied = world.crabbox(&["config", "trust", "--deny"]).stderr;
    assert!(denied.contains("is denied what your own file doesn't grant"), "{denied}");
    assert!(denied.contains("it is still granted something in "), "{denied}");
    assert_eq!(world.crabbox(&["config", "trust", "--revoke"]).code, 0);
    let unknown = world.crabbox(&["config", "trust", "--revoke"]);
    let said = format!("note: it is granted something in {granted_in}\n");
    assert!(unknown.code == 4 && unknown.stderr.contains(&said), "{}", unknown.stderr);
}

#[test]
fn a_grant_in_words_holds_whatever_else_the_file_says_and_for_nothing_more() {
    let world = asking();
    grant_in_words(&world, &world.checkout(), "lease.release = 'delete'\n");
    assert_eq!(release(&world), "delete");
    world.write(".crabbox.toml", &ASKS.replace("10m", "20m"));
    assert_eq!(release(&world), "delete");
    grant_in_words(&world, &world.checkout(), "lease.release = 'park'\n");
    assert_eq!(release(&world), "park");
    // Another folder's grant, and one by a link to this one.
    grant_in_words(&world, world.root(), "lease.release = 'delete'\n");
    assert_eq!(release(&world), "park");
    symlink(world.checkout(), world.root().join("home/link")).expect("a link");
    grant_in_words(&world, Path::new("~/link"), "lease.release = 'delete'\n");
    assert_eq!(release(&world), "delete");
}

/// What the command sees of two variables of the caller's.
fn seen(world: &World, arguments: &[&str]) -> Ran {
    let line = "echo ${TOKEN-none} ${LEVEL-none}";
    let all = [&["run", "-q", "--clean-env"], arguments, &["--shell", line]].concat();
    Ran::of(world.command(&all).env("TOKEN", "s3cr3t").env("LEVEL", "debug"))
}

#[test]
fn a_repository_names_variables_that_the_user_grants_one_by_one() {
    let world = World::new();
    world.write(".crabbox.toml", "[run]\nenv = ['TOKEN']\n");
    let ran = seen(&world, &[]);
    assert_eq!(ran.stdout, "none none\n");
    assert!(ran.stderr.contains("`run.env = [\"TOKEN\"]` isn't granted"), "{}", ran.stderr);
    grant_in_words(&world, &world.checkout(), "run.env = ['TOKEN', 'CI']\n");
    let ran = seen(&world, &[]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("s3cr3t none\n", ""));
    // One name more than is granted: none of them is handed on.
    world.write(".crabbox.toml", "[run]\nenv = ['TOKEN', 'LEVEL']\n");
    assert_eq!(seen(&world, &[]).stdout, "none none\n");
    assert_eq!(world.crabbox(&["config", "trust", "--yes"]).code, 0);
    assert_eq!(seen(&world, &[]).stdout, "s3cr3t debug\n");
}

#[test]
fn the_users_own_names_need_no_grant_and_the_line_comes_first() {
    let world = World::new();
    world.configure("[run]\nenv = ['TOKEN', 'NOT_SET_HERE']\n");
    let ran = seen(&world, &[]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("s3cr3t none\n", ""));
    assert_eq!(seen(&world, &["--env", "LEVEL"]).stdout, "s3cr3t debug\n");
    assert_eq!(seen(&world, &["--env", "TOKEN=other"]).stdout, "other none\n");
    for wrong in ["['A=b']", "['']", "['A*']", "['1']", "'A'"] {
        world.configure(&format!("[run]\nenv = {wrong}\n"));
        let ran = seen(&world, &[]);
        assert_eq!(ran.code, 125);
        let expected = ":2: `run.env` must be a list of names of variables";
        assert!(ran.stderr.contains(expected), "{wrong}: {}", ran.stderr);
    }
}

#[test]
fn a_grant_that_means_nothing_is_an_error_with_its_line() {
    let world = World::new();
    for (table, expected) in [
        (
            "[trust.'/x']\nsync.exclude = ['a']\n",
            ":2: `sync.exclude` can't be granted: a repository needs no leave for it",
        ),
        (
            "[trust.'/x']\nproviders.path = ['/p']\n",
            ":2: `providers.path` can't be granted: no repository can have it",
        ),
        ("[trust.'/x']\nlease.relaese = 'delete'\n", ":2: unknown key `lease.relaese`"),
        ("[trust.'/x']\nlease.release = 'burn'\n", ":2: `lease.release` must be one of"),
        ("[trust.x]\nlease.release = 'park'\n", ":1: `trust.\"x\"`: grants are for a folder"),
        ("[trust]\n'/x' = true\n", ":2: `trust.\"/x\"` must be a table"),
    ] {
        world.configure(table);
        let ran = world.crabbox(&["run", "--", "true"]);
        assert_eq!(ran.code, 125, "{table}");
        assert!(ran.stderr.contains(expected), "{table}: {}", ran.stderr);
    }
}

#[test]
fn only_a_file_that_can_be_read_as_it_is_meant_can_be_trusted() {
    let world = World::new();
    let trust = |expected: &str, code: i32| {
        let ran = world.crabbox(&["config", "trust", "--yes"]);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    };
    trust("there is no", 4);
    world.write(".crabbox.toml", "[sync]\nexclude = ['a']\n");
    trust("asks for nothing that has to be granted", 0);
    world.write(".crabbox.toml", &format!("{ASKS}[providers]\npath = ['/p']\n"));
    trust("a repository can't set `providers.path`", 2);
    fs::remove_file(world.checkout().join(".crabbox.toml")).expect("removes");
    world.write("other.toml", ASKS);
    symlink("other.toml", world.checkout().join(".crabbox.toml")).expect("a link");
    trust("it is a link", 2);
    assert!(!world.root().join("state/crabbox/trust").exists(), "nothing was remembered");
}

#[test]
fn what_others_could_have_written_grants_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let world = asking();
    assert_eq!(world.crabbox(&["config", "trust", "--yes"]).code, 0);
    let folder = world.root().join("state/crabbox/trust");
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    };
    mode(&folder, 0o777);
    let ran = world.crabbox(&["run", "-q", "--", "true"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("nobody knows whether you trusted it"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: chmod go-w "), "{}", ran.stderr);
    assert_eq!(release(&world), "park");
    mode(&folder, 0o700);
    assert_eq!(release(&world), "delete");
}
