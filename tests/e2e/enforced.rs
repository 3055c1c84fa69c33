//! The machine's own file: what it says below everybody's settings, and what it enforces above
//! them.

use crabbox_tests::{Ran, World};
use insta::assert_snapshot;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

/// A world whose machine enforces this; `None`: it can't, and the test is skipped.
fn enforcing(text: &str) -> Option<World> {
    let world = World::new();
    world.configure_machine(&format!("[enforced]\n{text}")).then_some(world)
}

fn value(world: &World, key: &str) -> Value {
    let shown = world.crabbox(&["config", "show", "--json"]);
    let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
    let settings = shown["settings"].as_array().expect("a list");
    settings.iter().find(|one| one["key"] == key).expect("the key")["value"].clone()
}

#[test]
fn the_machines_settings_are_below_the_users() {
    let world = World::new();
    if !world.configure_machine("[lease]\nidle = '10m'\nrelease = 'delete'\n") {
        return;
    }
    world.configure("[lease]\nidle = '20m'\n");
    assert_eq!(value(&world, "lease.idle"), 1_200_000);
    assert_eq!(value(&world, "lease.release"), "delete");
    let paths = world.crabbox(&["config", "path"]).stdout;
    let line = paths.lines().find(|line| line.starts_with("system")).expect("a line");
    assert!(line.contains("there") && line.ends_with("etc/config.toml"), "{paths}");
    let explained = world.crabbox(&["config", "explain", "lease.idle"]).stdout;
    assert!(explained.contains("system      10m    loses to: user"), "{explained}");
}

#[test]
fn a_provider_that_the_machine_has_configured_can_be_chosen_by_a_repository() {
    let world = World::new();
    let path = world.provider_path("crabbox_provider_misbehaving").display().to_string();
    world.write(".crabbox.toml", "[lease]\nprovider = 'misbehaving'\n");
    let asked = "which you haven't configured";
    let run = || world.crabbox(&["run", "--provider-path", &path, "--", "true"]);
    let refused = run();
    assert!(refused.stderr.contains(asked), "{}", refused.stderr);
    if !world.configure_machine("[provider.misbehaving]\nlease = 'refuse'\n") {
        return;
    }
    let chosen = run();
    assert!(!chosen.stderr.contains(asked), "{}", chosen.stderr);
    assert!(chosen.stderr.contains("misbehaving"), "{}", chosen.stderr);
}

#[test]
fn what_contradicts_the_machine_is_an_error_that_names_its_line() {
    let Some(world) = enforcing(
        "lease.provider = ['local']\nlease.release = 'park'\nlease.idle = '1h'\nrun.timeout = '5m'\n\
        providers.path = []\n",
    ) else {
        return;
    };
    let refused = |ran: &Ran, expected: &str| {
        assert_eq!(ran.code, 125, "{expected}: {}", ran.stderr);
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
        assert!(ran.stderr.contains("etc/config.toml:"), "{}", ran.stderr);
        assert!(!world.root().join("state/crabbox/claims.db").exists(), "nothing was begun");
    };
    let run = |arguments: &[&str]| world.crabbox(&[&["run"], arguments, &["--", "true"]].concat());
    let by_flag = run(&["--provider", "desk"]);
    assert_snapshot!(by_flag.snapshot(&world), @r"
    exit 125
    --- stdout
    --- stderr
    crabbox: error: --provider: `lease.provider` can't be `desk`: [WORLD]/etc/config.toml:2 allows only `local`
    crabbox:   hint: crabbox config explain lease.provider
    ");
    refused(&run(&["--timeout", "10m"]), "error: --timeout: `run.timeout` can't be `10m`");
    refused(&run(&["--provider-path", "/p"]), "error: --provider-path: `providers.path` can't be");
    let variable =
        |name: &str, value: &str| Ran::of(world.command(&["run", "--", "true"]).env(name, value));
    refused(
        &variable("CRABBOX_LEASE_RELEASE", "delete"),
        "error: CRABBOX_LEASE_RELEASE: `lease.release` can't be `delete`",
    );
    refused(&variable("CRABBOX_PROVIDER_PATH", "/p"), "error: CRABBOX_PROVIDER_PATH: ");
    world.configure("[lease]\nidle = '2h'\n");
    refused(&run(&[]), "config/crabbox/config.toml:2: `lease.idle` can't be `2h`");
    world.configure("");
    world.write(".crabbox.toml", "[lease]\nidle = '2h'\n");
    refused(&run(&[]), "checkout/.crabbox.toml:2: `lease.idle` can't be `2h`");
    let checked = world.crabbox(&["config", "check"]);
    assert_eq!(checked.code, 2, "{}", checked.stderr);
    assert!(checked.stderr.contains("allows at most `1h`"), "{}", checked.stderr);
    assert!(world.crabbox(&["doctor"]).stdout.contains("allows at most `1h`"));
    // A grant is the user's, and no more than that.
    world.write(".crabbox.toml", "[lease]\nrelease = 'delete'\n");
    assert_eq!(world.crabbox(&["config", "trust", "--yes"]).code, 0);
    refused(&run(&[]), "checkout/.crabbox.toml:2: `lease.release` can't be `delete`");
}

#[test]
fn what_is_enforced_is_shown_and_holds_where_nobody_says_anything() {
    let Some(world) = enforcing(
        "lease.provider = ['other', 'local']\nlease.release = 'delete'\nlease.idle = '10m'\n\
        run.timeout = '1h'\n",
    ) else {
        return;
    };
    let shown = world.crabbox(&["config", "show"]);
    assert_snapshot!(shown.snapshot(&world), @r"
    exit 0
    --- stdout
    KEY                 VALUE   FROM
    lease.provider      local   default, [WORLD]/etc/config.toml:2 allows only `other` or `local`
    lease.ttl           8h      default
    lease.idle          10m     [WORLD]/etc/config.toml:4 allows at most `10m`
    lease.linger        -       default
    lease.parked_ttl    14d     default
    lease.release       delete  [WORLD]/etc/config.toml:3 allows only `delete`
    run.timeout         1h      [WORLD]/etc/config.toml:5 allows at most `1h`
    run.env             -       default
    sync.exclude        -       default
    history.keep_for    30d     default
    history.keep        1000    default
    history.size        1GiB    default
    history.log_size    32MiB   default
    results.junit       -       default
    artifacts.max_size  1GiB    default
    providers.path      -       default
    --- stderr
    ");
    let explained = world.crabbox(&["config", "explain", "lease.idle"]);
    assert_snapshot!(explained.snapshot(&world), @r"
    exit 0
    --- stdout
    lease.idle: 10m
      what it is         how long a box stays ready without use
      value              a duration in ms, s, m, h, d or w, such as `90s` or `1h 30m`
      in .crabbox.toml   yes
      enforced           [WORLD]/etc/config.toml:4 allows at most `10m`

    LAYER       VALUE                    FROM
    flag        -                        --idle isn't given
    variable    -                        CRABBOX_LEASE_IDLE isn't set
    repository  -                        not set
    user        -                        not set
    system      10m    wins              [WORLD]/etc/config.toml:4
    default     30m    loses to: system  default
    --- stderr
    ");
    // Whatever keeps to it holds.
    world.configure("[lease]\nidle = '5m'\n");
    assert_eq!(value(&world, "lease.idle"), 300_000);
    let ran = world.crabbox(&["run", "-q", "--", "true"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(world.boxes().is_empty(), "the box is deleted, although nobody here said so");
}

#[test]
fn a_machine_that_keeps_its_boxes_has_none_deleted() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "-q", "--", "true"]).code, 0);
    let list: Value =
        serde_json::from_str(&world.crabbox(&["list", "--json"]).stdout).expect("JSON");
    let slug = list["leases"][0]["slug"].as_str().expect("a slug").to_owned();
    if !world.configure_machine("[enforced]\nlease.release = 'park'\n") {
        return;
    }
    let release = ["provider", "call", "local", "release", "--id", &slug, "--yes"];
    let release = [&release[..], &["--request", r#"{"action":"delete"}"#]].concat();
    for line in [&["stop", &slug, "--delete", "--yes"], &release[..]] {
        let stopped = world.crabbox(line);
        assert_eq!(stopped.code, 2, "{}", stopped.stderr);
        let expected = "etc/config.toml:2 allows only `park`";
        assert!(stopped.stderr.contains(expected), "{}", stopped.stderr);
        assert_eq!(world.boxes().len(), 1);
    }
}

#[test]
fn a_lease_of_a_provider_that_is_not_allowed_any_more_can_be_stopped_and_not_used() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "-q", "--keep", "--", "true"]).code, 0);
    let list: Value =
        serde_json::from_str(&world.crabbox(&["list", "--json"]).stdout).expect("JSON");
    let slug = list["leases"][0]["slug"].as_str().expect("a slug").to_owned();
    if !world.configure_machine("[enforced]\nlease.provider = 'other'\n") {
        return;
    }
    let ran = world.crabbox(&["run", "--id", &slug, "--", "true"]);
    assert_eq!(ran.code, 125);
    let expected = format!("`{slug}` can't be used: it is from `local`");
    assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
    let called = world.crabbox(&["provider", "call", "local", "release", "--id", &slug]);
    assert_eq!(called.code, 0, "{}", called.stderr);
    let stopped = world.crabbox(&["stop", &slug]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
}

#[test]
fn only_the_machine_enforces_and_only_what_can_be() {
    let world = World::new();
    let refused = |expected: &str| {
        let ran = world.crabbox(&["run", "--", "true"]);
        assert_eq!(ran.code, 125, "{expected}");
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
    };
    let enforced = "[enforced]\nlease.release = 'delete'\n";
    world.configure(enforced);
    refused("config/crabbox/config.toml:1: only the machine's own file can enforce anything");
    world.configure("");
    world.write(".crabbox.toml", enforced);
    refused("checkout/.crabbox.toml:1: only the machine's own file can enforce anything");
    world.write(".crabbox.toml", "");
    for (text, expected) in [
        ("sync.exclude = ['a']\n", "etc/config.toml:2: `sync.exclude` can't be enforced"),
        ("run.env = ['A']\n", "etc/config.toml:2: `run.env` can't be enforced"),
        ("lease.release = 'burn'\n", "etc/config.toml:2: `lease.release` must be"),
        ("lease.provider = []\n", "etc/config.toml:2: `lease.provider` must be"),
        ("lease.idle = 7\n", "etc/config.toml:2: `lease.idle` must be a duration"),
        ("lease.relaese = 'park'\n", "etc/config.toml:2: unknown key `lease.relaese`"),
        ("provider.local.x = 1\n", "etc/config.toml:2: the provider `local` has no setting `x`"),
        ("provider.local = 1\n", "etc/config.toml:2: `provider.local` must be a table"),
    ] {
        if !world.configure_machine(&format!("[enforced]\n{text}")) {
            return;
        }
        refused(expected);
        let file = world.root().join("etc/config.toml").display().to_string();
        let checked = world.crabbox(&["config", "check", &file]);
        assert!(checked.stderr.contains(expected), "{expected}: {}", checked.stderr);
    }
    assert!(world.configure_machine("[trust.'/x']\nlease.release = 'delete'\n"));
    refused("etc/config.toml:1: only your own file grants");
}

#[test]
fn a_machines_file_that_others_could_have_written_stops_everything() {
    let Some(world) = enforcing("lease.release = 'delete'\n") else {
        return;
    };
    let (folder, file) = (world.root().join("etc"), world.root().join("etc/config.toml"));
    let refused = |expected: &str, hint: &str| {
        let ran = world.crabbox(&["run", "--", "true"]);
        assert_eq!(ran.code, 125, "{expected}");
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{hint}: {}", ran.stderr);
    };
    let mode = |path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    };
    for (path, right) in [(&file, 0o644), (&folder, 0o755)] {
        mode(path, right | 0o020);
        let shown = path.display();
        refused(
            &format!("`{shown}` can be written by others than root"),
            &format!("hint: sudo chmod go-w {shown}"),
        );
        mode(path, right);
        chown(path, Some(12345), None).expect("gives it away");
        refused(
            &format!("`{shown}` belongs to user 12345, and not to root"),
            &format!("hint: sudo chown root: {shown}"),
        );
        chown(path, Some(0), None).expect("takes it back");
    }
    assert_eq!(world.crabbox(&["run", "-q", "--", "true"]).code, 0);
}
