//! Settings decide which box is reused.

use super::Gallery;
use serde_json::Value;

#[test]
fn an_alias_leads_to_the_table_of_the_name() {
    let gallery = Gallery::new("title = 'one table'");
    let ran = gallery.crabbox(&["run", "-q", "--provider", "museum", "--keep", "--", "true"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(gallery.given()["title"], "one table");
    // The box is the name's, too.
    assert_eq!(gallery.run(&[]).code, 0);
    assert_eq!(gallery.rooms(), 1);
    gallery.world.configure("[provider.museum]\nroot = '/x'\n");
    let ran = gallery.crabbox(&["run", "--provider", "museum", "--", "true"]);
    assert_eq!(ran.code, 125);
    let told = "config.toml:1: `museum` is another name of the provider `gallery`";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert!(ran.stderr.contains("note: its settings stand under `[provider.gallery]`"));
}

#[test]
fn only_settings_that_shape_the_box_make_another_one() {
    let gallery = Gallery::new("");
    assert_eq!(gallery.run(&["--keep"]).code, 0);
    for same in [&["--gallery-lit"][..], &["--gallery-visit", "1m"], &["--gallery-size", "medium"]]
    {
        assert_eq!(gallery.run(same).code, 0);
        assert_eq!(gallery.rooms(), 1, "{same:?}");
    }
    let other = gallery.crabbox(&[
        "run",
        "--provider",
        "gallery",
        "--keep",
        "--gallery-size",
        "large",
        "--",
        "true",
    ]);
    assert_eq!((other.code, gallery.rooms()), (0, 2), "{}", other.stderr);
    assert!(other.stderr.contains("was leased under other settings"), "{}", other.stderr);
    // Each has its own from now on.
    assert_eq!(gallery.run(&["--gallery-size", "large"]).code, 0);
    assert_eq!(gallery.run(&[]).code, 0);
    assert_eq!(gallery.rooms(), 2);
    // One that is asked for by its name is taken as it is.
    let list = gallery.crabbox(&["list", "--json"]).stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    for lease in list["leases"].as_array().expect("a list") {
        let slug = lease["slug"].as_str().expect("a slug");
        assert_eq!(gallery.run(&["--id", slug, "--gallery-size", "small"]).code, 0);
    }
    assert_eq!(gallery.rooms(), 2);
}

#[test]
fn a_claim_without_a_digest_of_today_keeps_its_box() {
    let gallery = Gallery::new("");
    assert_eq!(gallery.run(&["--keep"]).code, 0);
    let claims = gallery.world.root().join("state/crabbox/claims.db");
    let claims = rusqlite::Connection::open(claims).expect("opens");
    let older = "UPDATE claims SET record = json_set(record, '$.profile', '0123456789abcdef')";
    assert_eq!(claims.execute(older, []).expect("changes"), 1);
    drop(claims);
    assert_eq!(gallery.run(&["--gallery-size", "small"]).code, 0);
    assert_eq!(gallery.rooms(), 1);
}

#[test]
fn stop_hands_settings_on_and_refuses_those_of_another_provider() {
    let gallery = Gallery::new("");
    assert_eq!(gallery.run(&["--keep"]).code, 0);
    let list = gallery.crabbox(&["list", "--json"]).stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let slug = list["leases"][0]["slug"].as_str().expect("a slug");
    let stopped = gallery.crabbox(&["stop", slug, "--gallery-title", "closed"]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert_eq!(gallery.given()["title"], "closed");
    let called =
        gallery.crabbox(&["provider", "call", "gallery", "doctor", "--gallery-title", "it"]);
    assert!(called.stdout.contains("\\\"it\\\""), "{}{}", called.stdout, called.stderr);
}

#[test]
fn a_setting_of_a_provider_that_is_not_used_is_answered_alike_by_all_commands() {
    let gallery = Gallery::bare();
    assert_eq!(gallery.crabbox(&["run", "--", "true"]).code, 0);
    let list: Value =
        serde_json::from_str(&gallery.crabbox(&["list", "--json"]).stdout).expect("JSON");
    let slug = list["leases"][0]["slug"].as_str().expect("a slug");
    let told = "error: --gallery-title: it is a setting of the provider `gallery`, and the \
                provider is `local`\ncrabbox:   hint: leave the flag out, or use `gallery` \
                instead of `local`\n";
    let flag = ["--gallery-title", "x"];
    for (code, words) in [
        (125, &["run", flag[0], flag[1], "--", "true"][..]),
        (2, &["stop", slug, flag[0], flag[1]]),
        (2, &["provider", "call", "local", "doctor", flag[0], flag[1]]),
        (2, &["provider", "describe", "local", flag[0], flag[1]]),
        (2, &["config", "show", flag[0], flag[1]]),
        (2, &["config", "explain", "lease.idle", flag[0], flag[1]]),
        (2, &["config", "explain", "provider.local.root", flag[0], flag[1]]),
        (2, &["config", "check", flag[0], flag[1]]),
    ] {
        let ran = gallery.crabbox(words);
        assert_eq!(ran.code, code, "{words:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(told), "{words:?}: {}", ran.stderr);
    }
    let doctor = gallery.crabbox(&["doctor", flag[0], flag[1]]);
    assert_eq!(doctor.code, 1, "{}", doctor.stdout);
    let told = "the provider is `local`\n";
    let hint = "hint: leave the flag out, or use `gallery` instead of `local`\n";
    assert!(doctor.stdout.contains(told) && doctor.stdout.contains(hint), "{}", doctor.stdout);
    // It is of use where that one is looked at, too.
    let root = gallery.world.root().join("rooms");
    gallery.configure(&format!("root = '{}'", root.display()));
    for words in [&["config", "check"][..], &["config", "explain", "provider.gallery.title"]] {
        let ran = gallery.crabbox(&[words, &flag].concat());
        assert_eq!(ran.code, 0, "{words:?}: {}", ran.stderr);
    }
}
