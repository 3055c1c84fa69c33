//! What is wrong is refused with its origin, before a provider is started.

use super::Gallery;
use crabbox_tests::Ran;
use insta::assert_snapshot;

#[test]
fn a_flag_that_is_wrong_is_refused_before_anything_is_begun() {
    let gallery = Gallery::bare();
    for (flags, expected, hint) in [
        (
            &["--gallery-rooms", "many"][..],
            "--gallery-rooms: `provider.gallery.rooms` must be an integer, not `many`",
            "",
        ),
        (
            &["--gallery-visit", "0s"],
            "--gallery-visit: `provider.gallery.visit` must be a duration",
            "",
        ),
        (
            &["--gallery-lit=perhaps"],
            "--gallery-lit: `provider.gallery.lit` must be `true` or `false`",
            "",
        ),
        (
            &["--gallery-lit", "maybe"],
            "`maybe` is one word too many: a value of `--gallery-lit` stands behind `=`",
            "--gallery-lit=false -- true",
        ),
        (
            &["--gallery-root", "~bob/x"],
            "--gallery-root: `provider.gallery.root` must be a path",
            "",
        ),
        (
            &["--gallery-labels", "a=1", "--gallery-labels", "a=2"],
            "`provider.gallery.labels` must be `NAME=VALUE` with each name once, not `a=2`",
            "provider options gallery\n",
        ),
        (
            &["--gallery-token-stdin=s3same"],
            "`--gallery-token-stdin` takes no value",
            "crabbox run --help",
        ),
        (
            &["--gallery-size", "huge"],
            "`huge` is no value of `--gallery-size`: small, medium or large",
            "",
        ),
        (
            &["--gallery-labels", "x"],
            "--gallery-labels: `provider.gallery.labels` must be `NAME=VALUE`, not `x`",
            "",
        ),
        (
            &["--gallery-size", "smal"],
            "`smal` is no value of `--gallery-size",
            "--gallery-size small",
        ),
        (
            &["--gallery-sise", "small"],
            "there is no option `--gallery-sise`",
            "--gallery-size small",
        ),
        (
            &["--gallery-title", "x"],
            "the provider `gallery`: `provider.gallery.root` isn't set",
            "--gallery-root PATH -- true",
        ),
    ] {
        let said = gallery.refused(gallery.run_command(flags));
        assert!(said.contains(expected), "{flags:?}: {said}");
        assert!(said.contains(hint), "{flags:?}: {said}");
    }
}

#[test]
fn a_secret_of_two_variables_is_refused() {
    let gallery = Gallery::new("");
    let mut command = gallery.run_command(&[]);
    command.env("CRABBOX_GALLERY_TOKEN", "one").env("CRABBOX_GALLERY_TOKEN_FILE", "/dev/null");
    let said = gallery.refused(command);
    assert!(said.contains("`provider.gallery.token-file` are both set"), "{said}");
    assert!(said.contains("hint: unset CRABBOX_GALLERY_TOKEN_FILE\n"), "{said}");
}

#[test]
fn a_negative_number_is_a_value() {
    let gallery = Gallery::new("");
    let given = gallery.given_by(gallery.run_command(&["--gallery-rooms", "-5"]));
    assert_eq!(given["rooms"], -5, "{given}");
}

#[test]
fn a_variable_that_is_wrong_is_named() {
    let gallery = Gallery::bare();
    for (name, value, expected) in [
        (
            "CRABBOX_GALLERY_ROOMS",
            "1.5",
            "CRABBOX_GALLERY_ROOMS: `provider.gallery.rooms` must be an integer",
        ),
        (
            "CRABBOX_GALLERY_LIT",
            "yes",
            "CRABBOX_GALLERY_LIT: `provider.gallery.lit` must be `true`",
        ),
        ("CRABBOX_GALLERY_SIZE", "huge", "must be one of `small`, `medium`, `large`, not `huge`"),
        (
            "CRABBOX_GALLERY_LABELS",
            "x",
            "CRABBOX_GALLERY_LABELS: `provider.gallery.labels` must be",
        ),
        (
            "CRABBOX_GALLERY_TOKEN_FILE",
            "/no/such",
            "the file `/no/such` for `provider.gallery.token` can't be read",
        ),
    ] {
        let mut command = gallery.run_command(&["--gallery-root", "x"]);
        command.env(name, value);
        let said = gallery.refused(command);
        assert!(said.contains(expected), "{name}: {said}");
    }
}

#[test]
fn an_entry_of_a_file_that_is_wrong_is_named_with_its_line() {
    let gallery = Gallery::bare();
    for (line, expected, hint) in [
        (
            "rooms = '7'",
            "config.toml:2: `provider.gallery.rooms` must be an integer, not `\"7\"`",
            "",
        ),
        (
            "size = 'larg'",
            "config.toml:2: `provider.gallery.size` must be one of",
            "did you mean `large`?",
        ),
        (
            "artists = [1]",
            "config.toml:2: `provider.gallery.artists` must be a list of strings, not a list",
            "",
        ),
        (
            "labels = { a = 1 }",
            "config.toml:2: `provider.gallery.labels` must be a table of strings",
            "",
        ),
        (
            "romos = 7",
            "config.toml:2: the provider `gallery` has no setting `romos`",
            "did you mean `rooms`?",
        ),
        (
            "token-file = 7",
            "config.toml:2: `provider.gallery.token` must be a string, not what it is",
            "",
        ),
    ] {
        gallery.configure(line);
        let said = gallery.refused(gallery.run_command(&["--gallery-root", "x"]));
        assert!(said.contains(expected), "{line}: {said}");
        assert!(said.contains(hint), "{line}: {said}");
    }
}

#[test]
fn config_check_and_doctor_find_the_same_without_a_run() {
    let gallery = Gallery::new("size = 'larg'\nromos = 7");
    gallery.repository("rooms = 'x'\nartists = ['Klee']");
    let mut command = gallery.command(&["config", "check"]);
    command.env("CRABBOX_GALLERY_LIT", "x");
    assert_snapshot!(Ran::of(&mut command).snapshot(&gallery.world), @r#"
    exit 2
    --- stdout
    --- stderr
    crabbox: warning: providers in `[WORLD]/providers` come before all others
    crabbox: error: CRABBOX_GALLERY_LIT: `provider.gallery.lit` must be `true` or `false`, not `x`
    crabbox:   hint: crabbox --provider-path [WORLD]/providers provider options gallery
    crabbox: error: [WORLD]/checkout/.crabbox.toml:2: `provider.gallery.rooms` must be an integer, not `"x"`
    crabbox:   hint: crabbox --provider-path [WORLD]/providers provider options gallery
    crabbox: warning: [WORLD]/checkout/.crabbox.toml:3: `provider.gallery.artists = ["Klee"]` isn't granted and doesn't hold: it would choose how the provider `gallery` is used
    crabbox:   hint: crabbox --provider-path [WORLD]/providers config trust [WORLD]/checkout
    crabbox: error: [WORLD]/config/crabbox/config.toml:3: `provider.gallery.size` must be one of `small`, `medium`, `large`, not `larg`
    crabbox:   hint: did you mean `large`?
    crabbox: error: [WORLD]/config/crabbox/config.toml:4: the provider `gallery` has no setting `romos`
    crabbox:   hint: did you mean `rooms`?
    crabbox: [WORLD]/checkout/.crabbox.toml and [WORLD]/config/crabbox/config.toml and the environment: 4 errors
    "#);
    let doctor = Ran::of(&mut gallery.command(&["doctor", "--gallery-visit", "never"]));
    assert!(
        doctor.stdout.contains("--gallery-visit: `provider.gallery.visit`"),
        "{}",
        doctor.stdout
    );
    // The chosen one's requirements are checked, too.
    let bare = Gallery::bare();
    bare.world.configure("[lease]\nprovider = 'gallery'\n");
    let checked = bare.crabbox(&["config", "check"]);
    assert_eq!(checked.code, 2, "{}", checked.stderr);
    assert!(checked.stderr.contains("`provider.gallery.root` isn't set"), "{}", checked.stderr);
}

#[test]
fn config_check_looks_at_the_provider_that_it_is_told_of() {
    let gallery = Gallery::bare();
    assert_eq!(gallery.crabbox(&["config", "check"]).code, 0);
    let line = ["config", "check", "--provider"];
    let check = |name: &str| gallery.crabbox(&[&line[..], &[name]].concat());
    let checked = check("museum");
    assert_eq!(checked.code, 2, "{}", checked.stderr);
    assert!(checked.stderr.contains("`provider.gallery.root` isn't set"), "{}", checked.stderr);
    let absent = check("nobody");
    assert_eq!(absent.code, 4, "{}", absent.stderr);
    assert!(absent.stderr.contains("there is no provider `nobody`"), "{}", absent.stderr);
    let alone = gallery.crabbox(&[&line[..], &["gallery", "config.toml"]].concat());
    assert_eq!(alone.code, 2, "{}", alone.stderr);
    // What is wrong leads to what would be right.
    let mut doctor = gallery.command(&["doctor", "--provider", "gallery", "--gallery-root", "x"]);
    let doctor = Ran::of(doctor.env("CRABBOX_GALLERY_ROOMS", "x"));
    assert!(doctor.stdout.contains(" provider options gallery\n"), "{}", doctor.stdout);
    let doctor = gallery.crabbox(&["doctor", "--provider", "gallery"]);
    assert!(doctor.stdout.contains("--gallery-root PATH\n"), "{}", doctor.stdout);
}

#[test]
fn what_a_repository_only_asks_for_is_told_and_holds_once_it_is_granted() {
    let gallery = Gallery::new("");
    gallery.repository("artists = ['Klee']");
    let artists = |granted: bool| {
        let ran = gallery.run(&[]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let told = ".crabbox.toml:2: `provider.gallery.artists = [\"Klee\"]` isn't granted";
        assert_eq!(ran.stderr.contains(told), !granted, "{}", ran.stderr);
        assert_eq!(ran.stderr.contains(" config trust "), !granted, "{}", ran.stderr);
        gallery.given().get("artists").is_some()
    };
    assert!(!artists(false));
    let explained = gallery.crabbox(&["config", "explain", "provider.gallery.artists"]).stdout;
    assert!(explained.contains("line 2 asks for [\"Klee\"], which isn't granted"), "{explained}");
    let trusted = gallery.crabbox(&["config", "trust", "--yes"]);
    assert_eq!(trusted.code, 0, "{}", trusted.stderr);
    assert!(trusted.stdout.contains("provider.gallery.artists  [\"Klee\"]"), "{}", trusted.stdout);
    assert!(artists(true));
    // Another byte is another file.
    gallery.repository("artists = ['Klee']\n# by and by");
    assert!(!artists(false));
    let changed = |expected: &str| {
        let ran = gallery.run(&[]);
        let expected = format!("it has changed since you trusted it: {expected}");
        assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
    };
    changed("it asks for the same, but");
    gallery.repository("artists = ['Klee', 'Marc']");
    // Nobody has judged yet whether the value is a secret.
    changed("it now asks for `provider.gallery.artists`");
    gallery.repository("artists = ['Klee']\nlit = true");
    changed("it asks for the same, perhaps for more, and");
    // A no holds, whatever else the file says.
    gallery.repository("artists = ['Klee']");
    let denied = gallery.crabbox(&["config", "trust", "--deny"]);
    assert_eq!(denied.code, 0, "{}", denied.stderr);
    gallery.repository("artists = ['Klee']\n# and by");
    let ran = gallery.run(&[]);
    assert!(!ran.stderr.contains("granted") && !ran.stderr.contains("changed"), "{}", ran.stderr);
    assert!(gallery.given().get("artists").is_none());
    // In the user's own words.
    let root = gallery.world.root().join("rooms");
    gallery.world.configure(&format!(
        "[provider.gallery]\nroot = '{}'\n[trust.\"{}\"]\nprovider.gallery.artists = ['Klee', 'Marc']\n",
        root.display(),
        gallery.world.checkout().display(),
    ));
    assert!(artists(true));
}

#[test]
fn what_a_repository_may_never_name_is_an_error_with_its_line() {
    let gallery = Gallery::new("");
    for line in ["url = 'https://evil.example.org'", "root = '/'"] {
        gallery.repository(line);
        let ran = gallery.run(&[]);
        assert_eq!(ran.code, 125);
        let key = line.split(' ').next().expect("a key");
        let told = format!(".crabbox.toml:2: a repository can't set `provider.gallery.{key}`");
        assert!(ran.stderr.contains(&told), "{}", ran.stderr);
        let hint = format!("set `provider.gallery.{key}` in your own config.toml");
        assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
    }
}
