//! What is said of a provider and its settings, without running any of its code.

use super::{Gallery, TOKEN};
use crabbox_provider_api::manifest::{MAGIC, Manifest};
use crabbox_tests::{Ran, World, built};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

#[test]
fn help_shows_the_settings_of_the_provider_that_is_named() {
    let gallery = Gallery::bare();
    let help = gallery.crabbox(&["run", "--provider", "gallery", "--help"]).stdout;
    let section = help.split("Settings of gallery:\n").nth(1).expect(&help);
    let section = section.split("\n\n").next().expect("a section");
    assert_snapshot!(section, @r#"
    --gallery-artists <TEXT>       Whose pictures are shown
    --gallery-labels <NAME=VALUE>  What stands beside them
    --gallery-lit[=<true|false>]   Whether the lamps are on
    --gallery-rooms <NUMBER>       How many rooms there are [default: 3]
    --gallery-root <PATH>          The folder of all rooms [required]
    --gallery-size <CHOICE>        How large a room is [default: medium] [possible values: small,
                                   medium, large]
    --gallery-title <TEXT>         What is written over the door [default: untitled]
    --gallery-token-file <FILE>    The key of the back door, from a file
    --gallery-token-stdin          The same, from standard input
    --gallery-url <TEXT>           Where the catalogue is
    --gallery-visit <TIME>         How long a visit lasts [default: 90m]
    "#);
    for line in [&["run", "--help"][..], &["run", "--provider", "local", "--help"]] {
        let help = gallery.crabbox(line).stdout;
        assert!(!help.contains("gallery-title"), "{help}");
    }
    let stop = gallery.crabbox(&["stop", "--help", "--provider=gallery"]).stdout;
    assert!(stop.contains("--gallery-title"), "{stop}");
}

#[test]
fn the_settings_of_a_provider_are_listed() {
    let gallery = Gallery::bare();
    let options = gallery.crabbox(&["provider", "options", "museum"]);
    assert_snapshot!(options.snapshot(&gallery.world), @r#"
    exit 0
    --- stdout
    artists: list
      Whose pictures are shown
      flag        --gallery-artists TEXT
      variable    CRABBOX_GALLERY_ARTISTS
      affects     resource
      repository  request

    labels: map
      What stands beside them
      flag        --gallery-labels NAME=VALUE
      variable    CRABBOX_GALLERY_LABELS
      affects     resource
      repository  set

    lit: bool
      Whether the lamps are on
      flag        --gallery-lit
      variable    CRABBOX_GALLERY_LIT
      affects     connection
      repository  set

    rooms: integer, default 3
      How many rooms there are
      flag        --gallery-rooms NUMBER
      variable    CRABBOX_GALLERY_ROOMS
      affects     resource
      repository  set

    root: path, required
      The folder of all rooms
      flag        --gallery-root PATH
      variable    CRABBOX_GALLERY_ROOT
      affects     resource
      repository  never

    size: one of small, medium, large, default medium
      How large a room is
      flag        --gallery-size CHOICE
      variable    CRABBOX_GALLERY_SIZE
      affects     resource
      repository  set

    title: string, default untitled
      What is written over the door
      flag        --gallery-title TEXT
      variable    CRABBOX_GALLERY_TITLE
      affects     resource
      repository  set

    token: string, secret
      The key of the back door
      flag        --gallery-token-stdin, --gallery-token-file FILE
      variable    CRABBOX_GALLERY_TOKEN, CRABBOX_GALLERY_TOKEN_FILE, GALLERY_TOKEN
      affects     connection
      repository  never

    url: string
      Where the catalogue is
      flag        --gallery-url TEXT
      variable    CRABBOX_GALLERY_URL, GALLERY_URL
      affects     connection
      repository  never

    visit: duration, default 90m
      How long a visit lasts
      flag        --gallery-visit TIME
      variable    CRABBOX_GALLERY_VISIT
      affects     lifecycle
      repository  set
    --- stderr
    crabbox: warning: providers in `[WORLD]/providers` come before all others
    "#);
    let options = gallery.crabbox(&["provider", "options", "gallery", "--json"]).stdout;
    let options: Value = serde_json::from_str(&options).expect("JSON");
    assert_eq!(options["settings"].as_array().map(Vec::len), Some(10));
    assert_eq!(options["settings"][5]["choices"], json!(["small", "medium", "large"]));
    let none = gallery.crabbox(&["provider", "options", "local"]);
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
    assert!(none.stderr.contains("`local` has no settings"), "{}", none.stderr);
    assert_eq!(gallery.crabbox(&["provider", "options", "nowhere"]).code, 4);
}

#[test]
fn a_provider_is_described_with_what_is_set_for_it() {
    let gallery = Gallery::new("rooms = 5");
    let mut command = gallery.command(&["provider", "describe", "gallery", "--gallery-lit"]);
    let described = Ran::of(command.env("GALLERY_TOKEN", TOKEN));
    let text = described.snapshot(&gallery.world);
    let digest = text.split("blake3:").nth(1).expect(&text).split('\n').next().expect("a digest");
    assert_eq!(digest.len(), 64);
    // How wide a column is depends on where the world is.
    let table = text.split_once("SETTING  ").expect(&text).1;
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let settled = table.lines().map(words).collect::<Vec<_>>().join("\n");
    let text = text.replace(table, &settled).replace(digest, "[DIGEST]");
    assert_snapshot!(text, @r#"
    exit 0
    --- stdout
    gallery 1.0.0: Rooms with pictures, one for each type of setting
      also called   museum
      interface     ^1
      capabilities  pictures
      deadlines     lease 60s
      licence       MIT OR Apache-2.0
      homepage      https://gallery.example.org
      found in      path
      file          [WORLD]/providers/libcrabbox_provider_gallery.so
      digest        blake3:[DIGEST]

    VARIABLE  HERE     WHAT FOR
    HOME      set      the keys hang there
    LANG      not set  for the guide

    SETTING  VALUE FROM
    artists -
    labels -
    lit true --gallery-lit
    rooms 5 [WORLD]/config/crabbox/config.toml:3
    root [WORLD]/rooms [WORLD]/config/crabbox/config.toml:2
    size medium default
    title untitled default
    token (hidden: it is a secret) GALLERY_TOKEN
    url -
    visit 1h [TIME] default
    --- stderr
    crabbox: warning: providers in `[WORLD]/providers` come before all others
    "#);
    let none = gallery.crabbox(&["provider", "describe", "nowhere"]);
    assert_eq!(none.code, 4, "{}", none.stderr);
}

#[test]
fn a_manifest_that_was_not_made_by_us_is_shown_and_not_obeyed() {
    let world = World::new();
    let folder = world.provider_path("crabbox_provider_gallery");
    let file = folder.join("libcrabbox_provider_gallery.so");
    // As long as it was, so that nothing else moves.
    let mut bytes = fs::read(&file).expect("reads");
    let (from, to) = (b"What is written over", b"\\u001B[2J is written");
    let at = bytes.windows(from.len()).position(|window| window == from).expect("a description");
    bytes[at..at + to.len()].copy_from_slice(to);
    fs::write(&file, bytes).expect("writes");
    let path = folder.display().to_string();
    for line in [
        &["provider", "options", "gallery"][..],
        &["run", "--provider", "gallery", "--help"],
        &["config", "explain", "provider.gallery.title"],
    ] {
        let shown = world.crabbox(&[&["--provider-path", &path], line].concat());
        assert_eq!(shown.code, 0, "{}", shown.stderr);
        assert!(shown.stdout.contains("\\u{1b}[2J is written"), "{line:?}: {}", shown.stdout);
        assert!(!shown.stdout.contains('\u{1b}'), "{line:?}: {:?}", shown.stdout);
    }
}

#[test]
fn the_page_of_settings_is_made_from_the_manifests() {
    // Those that come with the program.
    let beside = built().crabbox.parent().expect("a folder");
    let mut manifests = Vec::new();
    for entry in fs::read_dir(beside).expect("a folder") {
        let bytes = fs::read(entry.expect("an entry").path()).expect("reads");
        let Some(at) = bytes.windows(MAGIC.len()).position(|window| window == MAGIC) else {
            continue;
        };
        manifests.extend(Manifest::from_section(&bytes[at..]).ok());
    }
    manifests.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(manifests.len(), 3, "{manifests:?}");
    let all = crabbox::config::settings_reference(&manifests);
    let each = manifests.iter().map(|manifest| {
        (format!("provider-{}.md", manifest.name), crabbox::config::provider_page(manifest))
    });
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference");
    for (name, page) in std::iter::once(("settings.md".to_owned(), all)).chain(each) {
        let file = folder.join(&name);
        if std::env::var_os("CRABBOX_UPDATE").is_some() {
            fs::write(&file, &page).expect("writes");
        }
        assert!(
            fs::read_to_string(&file).unwrap_or_default() == page,
            "docs/reference/{name} is old: CRABBOX_UPDATE=1 cargo test -p crabbox-tests --test e2e \
            the_page_of_settings"
        );
    }
}
