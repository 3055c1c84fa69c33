//! Values come from everywhere they may, and the strongest holds.

use super::{Gallery, TOKEN};
use crabbox_tests::Ran;
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// All of it, as the provider gets it.
fn everything(root: &Path) -> Value {
    json!({
        "title": "north wing",
        "rooms": 7,
        "lit": true,
        "visit": 5_400_000,
        "root": root.join("rooms").to_str().expect("text"),
        "size": "large",
        "artists": ["Klee, Paul", "Marc"],
        "labels": { "year": "1914", "loan": "no=yes" },
        "token": TOKEN,
        "url": "https://gallery.example.org/a?b=c",
    })
}

#[test]
fn settings_of_all_types_come_from_a_file() {
    let gallery = Gallery::new(&format!(
        "title = 'north wing'\nrooms = 7\nlit = true\nvisit = '1h 30m'\nsize = 'large'\n\
        artists = ['Klee, Paul', 'Marc']\nlabels = {{ year = '1914', loan = 'no=yes' }}\n\
        token = '{TOKEN}'\nurl = 'https://gallery.example.org/a?b=c'\n"
    ));
    assert_eq!(gallery.given_by(gallery.run_command(&[])), everything(gallery.world.root()));
}

#[test]
fn settings_of_all_types_come_from_the_command_line() {
    let gallery = Gallery::bare();
    let root = gallery.world.root().join("rooms").display().to_string();
    let token = gallery.world.root().join("token");
    fs::write(&token, format!("{TOKEN}\n")).expect("writes");
    let command = gallery.run_command(&[
        "--gallery-title",
        "north wing",
        "--gallery-rooms=7",
        "--gallery-lit",
        "--gallery-visit",
        "90m",
        "--gallery-root",
        &root,
        "--gallery-size",
        "large",
        "--gallery-artists",
        "Klee, Paul",
        "--gallery-artists",
        "Marc",
        "--gallery-labels",
        "year=1914",
        "--gallery-labels",
        "loan=no=yes",
        "--gallery-token-file",
        token.to_str().expect("text"),
        "--gallery-url",
        "https://gallery.example.org/a?b=c",
    ]);
    assert_eq!(gallery.given_by(command), everything(gallery.world.root()));
}

#[test]
fn settings_of_all_types_come_from_the_environment() {
    let gallery = Gallery::bare();
    let mut command = gallery.run_command(&[]);
    command.envs([
        ("CRABBOX_GALLERY_TITLE", "north wing"),
        ("CRABBOX_GALLERY_ROOMS", "7"),
        ("CRABBOX_GALLERY_LIT", "true"),
        ("CRABBOX_GALLERY_VISIT", "1h 30m"),
        ("CRABBOX_GALLERY_SIZE", "large"),
        ("CRABBOX_GALLERY_ARTISTS", "['Klee, Paul', 'Marc']"),
        ("CRABBOX_GALLERY_LABELS", "year=1914,loan=no=yes"),
        ("GALLERY_TOKEN", TOKEN),
        ("GALLERY_URL", "https://gallery.example.org/a?b=c"),
    ]);
    command.env("CRABBOX_GALLERY_ROOT", gallery.world.root().join("rooms"));
    assert_eq!(gallery.given_by(command), everything(gallery.world.root()));
}

#[test]
fn what_a_repository_may_set_comes_from_its_file_and_the_rest_from_defaults() {
    let gallery = Gallery::new("");
    gallery.repository(
        "title = 'theirs'\nrooms = 1\nlit = false\nvisit = '1m'\nsize = 'small'\nlabels = { a = 'b' }",
    );
    let root = gallery.world.root().join("rooms").display().to_string();
    assert_eq!(
        gallery.given_by(gallery.run_command(&[])),
        json!({ "title": "theirs", "rooms": 1, "lit": false, "visit": 60_000, "root": root,
            "size": "small", "labels": { "a": "b" } })
    );
    gallery.repository("");
    assert_eq!(
        gallery.given_by(gallery.run_command(&[])),
        json!({ "title": "untitled", "rooms": 3, "visit": 5_400_000, "root": root,
            "size": "medium" })
    );
}

#[test]
fn the_strongest_layer_holds_and_the_chain_is_explained() {
    let gallery = Gallery::new("rooms = 4\nlabels = { a = '4' }");
    gallery.repository("rooms = 5\nlabels = { b = '5' }");
    let mut command =
        gallery.command(&["config", "explain", "provider.museum.rooms", "--gallery-rooms", "7"]);
    let ran = Ran::of(command.env("CRABBOX_GALLERY_ROOMS", "6"));
    assert_snapshot!(ran.snapshot(&gallery.world), @r#"
    exit 0
    --- stdout
    provider.gallery.rooms: 7
      what it is         How many rooms there are
      value              an integer
      in .crabbox.toml   yes

    LAYER       VALUE                  FROM
    flag        7      wins            --gallery-rooms
    variable    6      loses to: flag  CRABBOX_GALLERY_ROOMS
    repository  5      loses to: flag  [WORLD]/checkout/.crabbox.toml:2
    user        4      loses to: flag  [WORLD]/config/crabbox/config.toml:3
    system      -                      not set
    default     3      loses to: flag  default
    --- stderr
    crabbox: warning: providers in `[WORLD]/providers` come before all others
    "#);
    let url = Ran::of(
        gallery.command(&["config", "explain", "provider.gallery.url"]).env("GALLERY_URL", "u"),
    );
    assert_snapshot!(url.snapshot(&gallery.world), @r#"
    exit 0
    --- stdout
    provider.gallery.url: u
      what it is         Where the catalogue is
      value              a string
      in .crabbox.toml   no: it would choose what is yours alone

    LAYER       VALUE        FROM
    flag        -            --gallery-url isn't given
    variable    u      wins  GALLERY_URL
    repository  -            not allowed
    user        -            not set
    system      -            not set
    default     -            none
    --- stderr
    crabbox: warning: providers in `[WORLD]/providers` come before all others
    "#);
    for (flags, variable, expected) in
        [(&["--gallery-rooms", "7"][..], Some("6"), 7), (&[], Some("6"), 6), (&[], None, 5)]
    {
        let mut command = gallery.run_command(flags);
        command.envs(variable.map(|value| ("CRABBOX_GALLERY_ROOMS", value)));
        assert_eq!(gallery.given_by(command)["rooms"], expected);
    }
    // A list or a map of a stronger layer holds as a whole.
    assert_eq!(gallery.given()["labels"], json!({ "b": "5" }));
    // An empty variable counts as unset, and crabbox's own comes before another tool's.
    let mut command = gallery.run_command(&[]);
    command.envs([("CRABBOX_GALLERY_ROOMS", ""), ("CRABBOX_GALLERY_URL", "own")]);
    command.env("GALLERY_URL", "other");
    let given = gallery.given_by(command);
    assert_eq!((&given["rooms"], &given["url"]), (&json!(5), &json!("own")));
    let missing = gallery.crabbox(&["config", "explain", "provider.gallery.roms"]);
    assert_eq!(missing.code, 2);
    let hint = format!(
        "hint: crabbox --provider-path {} config explain provider.gallery.rooms\n",
        gallery.path
    );
    assert!(missing.stderr.contains(&hint), "{}", missing.stderr);
}

#[test]
fn doctor_hands_them_on_too() {
    let gallery = Gallery::new(&format!("token = '{TOKEN}'"));
    let ran = gallery.crabbox(&["doctor", "--provider", "museum", "--gallery-size", "small"]);
    assert!(ran.stdout.contains("gallery-size"), "{}{}", ran.stdout, ran.stderr);
    let checks: Vec<&str> = ran.stdout.lines().filter(|line| line.contains("  gallery-")).collect();
    assert!(
        checks.iter().any(|line| line.contains("gallery-size") && line.contains("\"small\"")),
        "{checks:?}"
    );
    let token = format!("{} characters", TOKEN.len());
    assert!(
        checks.iter().any(|line| line.contains("gallery-token") && line.contains(&token)),
        "{checks:?}"
    );
    let bare = Gallery::bare();
    let ran = bare.crabbox(&["doctor", "--provider", "gallery"]);
    assert!(ran.stdout.contains("its settings are wrong: not asked"), "{}", ran.stdout);
    assert!(ran.stdout.contains("`provider.gallery.root` isn't set"), "{}", ran.stdout);
}

#[test]
fn paths_count_from_where_they_are_said() {
    let gallery = Gallery::bare();
    let root = |command: Command| {
        let mut command = command;
        let ran = Ran::of(&mut command);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    };
    let is_there = |path: &str| gallery.world.root().join(path).join("given.json").exists();
    gallery.configure("root = 'of-the-file/rooms'");
    root(gallery.run_command(&[]));
    assert!(is_there("config/crabbox/of-the-file/rooms"));
    root(gallery.run_command(&["--gallery-root", "../of-the-line"]));
    assert!(is_there("of-the-line"));
    let mut command = gallery.run_command(&[]);
    command.env("CRABBOX_GALLERY_ROOT", "~/of-the-home");
    root(command);
    assert!(is_there("home/of-the-home"));
    let shown = gallery.crabbox(&["config", "show", "--provider", "gallery"]).stdout;
    assert!(shown.contains("config/crabbox/of-the-file/rooms"), "{shown}");
}
