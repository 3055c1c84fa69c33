//! Secrets get to the provider, and nowhere else.

use super::{Gallery, TOKEN};
use crabbox_tests::Ran;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::Stdio;

#[test]
fn a_secret_comes_from_standard_input_a_file_or_the_environment() {
    let gallery = Gallery::new("");
    let mut command = gallery.run_command(&["--gallery-token-stdin"]);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("runs");
    let mut pipe = child.stdin.take().expect("a pipe");
    writeln!(pipe, "{TOKEN}").expect("writes");
    drop(pipe);
    assert!(child.wait().expect("ends").success());
    assert_eq!(gallery.given()["token"], TOKEN);

    let file = gallery.world.root().join("config/crabbox/token");
    fs::write(&file, format!("{TOKEN}-2\r\n")).expect("writes");
    let mut command = gallery.run_command(&[]);
    command.env("CRABBOX_GALLERY_TOKEN_FILE", &file);
    assert_eq!(gallery.given_by(command)["token"], format!("{TOKEN}-2"));
    let mut command = gallery.run_command(&[]);
    command.env("CRABBOX_GALLERY_TOKEN", format!("{TOKEN}-3"));
    assert_eq!(gallery.given_by(command)["token"], format!("{TOKEN}-3"));
    let root = gallery.world.root().join("rooms");
    gallery.configure(&format!("root = '{}'\ntoken-file = 'token'", root.display()));
    assert_eq!(gallery.given_by(gallery.run_command(&[]))["token"], format!("{TOKEN}-2"));
}

#[test]
fn a_secret_is_never_taken_from_a_command_line_or_a_repository() {
    let gallery = Gallery::bare();
    for flags in [
        &["--gallery-root", "x", "--gallery-token", TOKEN][..],
        &["--gallery-root", "x", &format!("--gallery-token={TOKEN}")],
    ] {
        for json in [&[][..], &["--json"]] {
            let mut command = gallery.run_command(&[flags, json].concat());
            let ran = Ran::of(&mut command);
            assert_eq!(ran.code, 125);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(said.contains("can be seen by everybody who lists processes"), "{said}");
            assert!(said.contains("--gallery-token-file FILE -- true"), "{said}");
            assert!(!said.contains(TOKEN), "{said}");
        }
    }
    // Nor is it shown again when something else is wrong with the line.
    for wrong in ["--gallery-sise", "--kep", "--gallery-size=smal"] {
        let ran = gallery.run(&["--gallery-token", TOKEN, wrong]);
        assert_eq!(ran.code, 125);
        assert!(ran.stderr.contains("hint: crabbox --provider-path"), "{}", ran.stderr);
        assert!(!ran.stderr.contains(TOKEN), "{}", ran.stderr);
    }
    for key in ["token", "token-file"] {
        gallery.repository(&format!("{key} = '{TOKEN}'"));
        let said = gallery.refused(gallery.run_command(&["--gallery-root", "x"]));
        assert!(said.contains(".crabbox.toml:2: a repository can't set `provider.gallery.token"));
        assert!(!said.contains(TOKEN), "{said}");
    }
}

#[test]
fn a_secret_that_is_set_twice_or_to_nothing_is_an_error() {
    let gallery = Gallery::bare();
    for (table, expected) in [
        (
            format!("token = '{TOKEN}'\nroot = 'x'\ntoken-file = 'f'"),
            "config.toml:4: `provider.gallery.token` and `provider.gallery.token-file` are both set",
        ),
        (
            "root = 'x'\ntoken = ''".to_owned(),
            "config.toml:3: `provider.gallery.token` must be a string, not an empty one",
        ),
    ] {
        gallery.configure(&table);
        let said = gallery.refused(gallery.run_command(&[]));
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains(TOKEN), "{said}");
    }
}

#[test]
fn a_file_of_a_secret_that_is_not_there_is_looked_for_where_it_is_named() {
    let gallery = Gallery::bare();
    gallery.configure("root = 'x'\ntoken-file = 'nothing'");
    for ran in [gallery.run(&[]), gallery.crabbox(&["config", "check"])] {
        assert!(ran.stderr.contains("config.toml:3: the file `"), "{}", ran.stderr);
        assert!(ran.stderr.contains(" config explain provider.gallery.token\n"), "{}", ran.stderr);
    }
    let folder = gallery.world.root().join("config/crabbox/nothing");
    fs::write(&folder, "x".repeat(70_000)).expect("writes");
    let ran = gallery.run(&[]);
    assert!(ran.stderr.contains("note: a secret has at most 64 KiB\n"), "{}", ran.stderr);
}

#[test]
fn a_secret_in_a_grant_is_not_listed_nor_what_could_be_one() {
    let gallery = Gallery::bare();
    let granted = format!(
        "[trust.'/x'.provider]\ngallery.token = '{TOKEN}'\ngallery.token-file = '/t'\n\
         gallery.tokn = '{TOKEN}'\ngallery.artists = ['A']\nelsewhere.key = '{TOKEN}'\n"
    );
    gallery.world.configure(&granted);
    let listed = gallery.crabbox(&["config", "trust", "--list"]);
    assert!(!format!("{listed:?}").contains(TOKEN), "{listed:?}");
    for shown in [
        "provider.elsewhere.key = (hidden: the provider isn't installed, so it may be a secret)",
        r#"provider.gallery.artists = ["A"]"#,
        "provider.gallery.token = (hidden: it is a secret)",
        r#"provider.gallery.token-file = "/t""#,
        "provider.gallery.tokn = (hidden: the provider has no such setting, so it may be a secret)",
    ] {
        assert!(listed.stdout.contains(shown), "{shown}: {}", listed.stdout);
    }
    let listed = gallery.crabbox(&["config", "trust", "--list", "--json"]);
    assert!(!format!("{listed:?}").contains(TOKEN), "{listed:?}");
    let document: Value = serde_json::from_str(&listed.stdout).expect("JSON");
    let granted = &document["tables"][0]["granted"];
    assert_eq!(granted["provider.gallery.token"], Value::Null, "{granted}");
    assert_eq!(granted["provider.gallery.artists"][0], "A", "{granted}");
}

#[test]
fn a_setting_without_its_provider_is_not_shown() {
    let gallery = Gallery::bare();
    gallery.world.configure(&format!("[provider]\ntoken = '{TOKEN}'\n"));
    let mut shown = gallery.crabbox(&["config", "check", "--json"]);
    shown.stderr.push_str(&gallery.refused(gallery.run_command(&[])));
    assert!(shown.stderr.contains("must be a table of settings, not a string"), "{shown:?}");
    assert!(!format!("{shown:?}").contains(TOKEN), "{shown:?}");
}

#[test]
fn a_secret_is_in_no_answer_and_in_no_file() {
    let gallery = Gallery::new("");
    let with = |arguments: &[&str]| {
        let mut command = gallery.command(arguments);
        Ran::of(command.env("GALLERY_TOKEN", TOKEN))
    };
    let leased = with(&["run", "-v", "--json", "--keep", "--provider", "gallery", "--", "true"]);
    assert_eq!(leased.code, 0, "{}", leased.stderr);
    assert_eq!(gallery.given()["token"], TOKEN, "the provider has it");
    let list = gallery.crabbox(&["list", "--json"]).stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let slug = list["leases"][0]["slug"].as_str().expect("a slug");
    let shown = [
        leased,
        with(&["config", "show", "--provider", "gallery"]),
        with(&["config", "show", "--provider", "gallery", "--json"]),
        with(&["config", "explain", "provider.gallery.token"]),
        with(&["config", "explain", "provider.gallery.token", "--json"]),
        with(&["provider", "describe", "gallery"]),
        with(&["provider", "describe", "gallery", "--json"]),
        with(&["provider", "options", "gallery", "--json"]),
        with(&["status", slug, "--json"]),
        with(&["list", "--json"]),
        with(&["stop", slug, "--json"]),
    ];
    for ran in &shown {
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(!ran.stdout.contains(TOKEN) && !ran.stderr.contains(TOKEN), "{ran:?}");
    }
    assert!(shown[1].stdout.contains("GALLERY_TOKEN"), "where it comes from is no secret");
    let mut folders = vec![gallery.world.root().join("state"), gallery.world.root().join("cache")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).expect("reads");
            let found = bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}
