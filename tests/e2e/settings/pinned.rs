//! Settings of providers that the machine's own file pins.

use super::{Gallery, TOKEN};
use crate::desk::Desk;
use crabbox_tests::Ran;
use serde_json::{Value, json};
use std::fs;

/// A gallery on a machine that pins this; `None`: it can't, and the test is skipped.
fn pinning(text: &str) -> Option<Gallery> {
    let gallery = Gallery::new("");
    let text = format!("[enforced.provider.gallery]\n{text}");
    gallery.world.configure_machine(&text).then_some(gallery)
}

#[test]
fn what_is_pinned_holds_and_is_shown_where_nobody_says_anything_else() {
    let Some(gallery) = pinning("size = 'small'\nartists = ['Klee']\n") else {
        return;
    };
    let given = gallery.given_by(gallery.run_command(&["--gallery-size", "small"]));
    assert_eq!((&given["size"], &given["artists"]), (&json!("small"), &json!(["Klee"])));
    let shown = gallery.crabbox(&["config", "show", "--provider", "gallery"]).stdout;
    let line = shown.lines().find(|line| line.starts_with("provider.gallery.size"));
    let line = line.expect("a line");
    assert!(line.contains(" small ") && line.ends_with("etc/config.toml:2 allows only `small`"));
    let explained = gallery.crabbox(&["config", "explain", "provider.gallery.size"]).stdout;
    let enforced = "etc/config.toml:2 allows only `small`\n";
    assert!(explained.contains("  enforced ") && explained.contains(enforced), "{explained}");
    assert!(explained.contains("system      small   wins "), "{explained}");
}

#[test]
fn whoever_sets_something_else_than_what_is_pinned_is_told_where_both_stand() {
    let Some(gallery) = pinning("size = 'small'\n") else {
        return;
    };
    let refused = |ran: &Ran, place: &str| {
        assert_eq!(ran.code, 125, "{place}: {}", ran.stderr);
        let said = format!("{place}: `provider.gallery.size` can't be `large`: ");
        assert!(ran.stderr.contains(&said), "{said}: {}", ran.stderr);
        let said = "etc/config.toml:2 allows only `small`\n";
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert!(ran.stderr.contains(" config explain provider.gallery.size\n"), "{}", ran.stderr);
        assert!(!gallery.world.root().join("rooms").exists(), "the provider was called");
    };
    refused(&gallery.run(&["--gallery-size", "large"]), "--gallery-size");
    let mut command = gallery.run_command(&[]);
    refused(&Ran::of(command.env("CRABBOX_GALLERY_SIZE", "large")), "CRABBOX_GALLERY_SIZE");
    gallery.repository("size = 'large'");
    refused(&gallery.run(&[]), "checkout/.crabbox.toml:2");
    // What another layer hides does no harm.
    let hidden = gallery.run(&["--gallery-size", "small"]);
    assert_eq!(hidden.code, 0, "{}", hidden.stderr);
    fs::remove_dir_all(gallery.world.root().join("rooms")).expect("removes");
    fs::remove_file(gallery.world.checkout().join(".crabbox.toml")).expect("removes");
    let root = gallery.world.root().join("rooms");
    gallery.configure(&format!("root = '{}'\nsize = 'large'", root.display()));
    refused(&gallery.run(&[]), "config/crabbox/config.toml:3");
    let checked = gallery.crabbox(&["config", "check"]);
    assert_eq!(checked.code, 2, "{}", checked.stderr);
    assert!(checked.stderr.contains("allows only `small`"), "{}", checked.stderr);
}

#[test]
fn a_lease_from_before_a_setting_was_pinned_can_be_let_go_of() {
    let gallery = Gallery::new("size = 'large'");
    assert_eq!(gallery.run(&[]).code, 0);
    let list = gallery.crabbox(&["list", "--json"]).stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let slug = list["leases"][0]["slug"].as_str().expect("a slug");
    if !gallery.world.configure_machine("[enforced.provider.gallery]\nsize = 'small'\n") {
        return;
    }
    let stopped = gallery.crabbox(&["stop", slug, "--delete", "--yes"]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert_eq!(gallery.given()["size"], "large", "as it was leased");
}

#[test]
fn a_box_is_not_extended_with_another_value_than_what_is_pinned() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    let slug = desk.world.only_slug();
    let pinned = format!("[enforced.provider.desk]\nroot = '{}'\n", desk.machine().display());
    if !desk.world.configure_machine(&pinned) {
        return;
    }
    desk.calls();
    let extend = ["provider", "call", "desk", "extend", "--id", &slug];
    let deadline = r#"{"deadline":4102444800000}"#;
    let call = [&extend[..], &["--request", deadline]].concat();
    for line in [&["extend", &slug, "2h"][..], &call] {
        let ran = desk.crabbox(line);
        assert_eq!((ran.code, desk.calls().as_str()), (2, ""), "{line:?}: {}", ran.stderr);
        let said = "`provider.desk.root` can't be ";
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
}

#[test]
fn what_can_not_be_pinned_is_an_error_with_its_line() {
    for (line, expected) in [
        ("size = 'huge'", "`provider.gallery.size` must be one of"),
        ("sise = 'small'", "the provider `gallery` has no setting `sise`"),
        (&format!("token = '{TOKEN}'"), "`provider.gallery.token` can't be enforced"),
        ("token-file = 'token'", "`provider.gallery.token-file` can't be enforced"),
        ("isolation = 'none'", "only your own config.toml can say how a provider is isolated"),
    ] {
        let Some(gallery) = pinning(&format!("{line}\n")) else {
            return;
        };
        let said = gallery.refused(gallery.run_command(&[]));
        let expected = format!("etc/config.toml:2: {expected}");
        assert!(said.contains(&expected), "{expected}: {said}");
        assert!(!said.contains(TOKEN), "{said}");
    }
}
