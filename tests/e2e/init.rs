//! The first file of a repository: what is found, what is written, what is left alone.

use crate::help::parses;
use crabbox_tests::World;
use insta::assert_snapshot;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;

fn file(world: &World) -> PathBuf {
    world.checkout().join(".crabbox.toml")
}

fn written(world: &World) -> String {
    fs::read_to_string(file(world)).expect("it is written")
}

#[test]
fn a_commented_file_is_written_and_passes_the_check() {
    let world = World::new();
    world.write("Cargo.toml", "[workspace]\n");
    world.write(".gitignore", "/target\n");
    let ran = world.crabbox(&["init"]);
    assert_snapshot!(ran.snapshot(&world), @r"
    exit 0
    --- stdout
    --- stderr
    crabbox: `[WORLD]/checkout/.crabbox.toml` is written (Rust)
    crabbox: next: crabbox run -- cargo test
    ");
    assert_snapshot!(written(&world), @r#"
    # How crabbox runs the commands of this repository. What is commented out isn't set;
    # `crabbox config explain KEY` says what holds, and why.
    #
    # Found: Rust (Cargo.toml).
    #
    # To test on a box:
    #
    #     crabbox run -- cargo test
    #
    # Git ignores `target/`: what a box has of it stays there, so that the next run is warm.

    [lease]
    # Which provider leases boxes.
    # A repository may set it only to a bundled one, or one that you have configured.
    #provider = "local"

    # How long a box stays, from being made or started, unless a run is alive.
    # It would choose how long a box stays, so it holds once you run `crabbox config trust`.
    #ttl = "8h"

    # How long a box stays ready without use.
    #idle = "30m"

    # How long a box stays ready after the run that got it, instead of being let go of.
    #linger = "30m"

    # What becomes of a box at the end.
    # It would choose what is deleted, so it holds once you run `crabbox config trust`.
    #release = "park"

    [run]
    # Ends a command that takes longer.
    #timeout = "30m"

    # Variables that the command gets with the values that they have here, if any.
    # It would choose which of your variables the box gets to see, so it holds once you run `crabbox config trust`.
    #env = ["CI"]

    [sync]
    # Patterns, as in `.gitignore`, of files that stay here.
    #exclude = ["*.mp4"]

    [results]
    # Patterns of files on the box that are reports of tests, beside those in the usual places.
    #junit = ["build/**/*.xml"]

    [artifacts]
    # How much all artifacts of a run, and each download, may be.
    # It would choose how much a box may write here, so it holds once you run `crabbox config trust`.
    #max_size = "1GiB"
    "#);
    assert_eq!(world.crabbox(&["config", "check"]).code, 0);
    // Also with everything uncommented.
    let text = written(&world);
    let is_setting = |line: &str| line.starts_with('#') && line.contains(" = ");
    let settings = text.lines().filter(|line| is_setting(line)).count();
    assert!(settings >= 4, "{text}");
    let set: Vec<&str> = text
        .lines()
        .map(|line| if is_setting(line) { line.trim_start_matches('#') } else { line })
        .collect();
    fs::write(file(&world), set.join("\n")).expect("a file");
    assert_eq!(world.crabbox(&["config", "trust", "--yes"]).code, 0);
    let checked = world.crabbox(&["config", "check"]);
    assert_eq!(checked.code, 0, "{}", checked.stderr);
    let shown = world.crabbox(&["config", "show"]).stdout;
    assert_eq!(shown.matches(".crabbox.toml:").count(), settings, "{shown}");
    assert_eq!(world.shell("cat hello.txt").stdout, "hello\n");
}

#[test]
fn every_kind_of_repository_has_its_command() {
    let jest = r#"{"scripts": {"test": "jest"}}"#;
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("Cargo.toml", "")], "crabbox run -- cargo test"),
        (&[("go.mod", "")], "crabbox run -- go test ./..."),
        (&[("package.json", jest)], "crabbox run --shell 'npm install && npm test'"),
        (
            &[("package.json", jest), ("pnpm-lock.yaml", "")],
            "crabbox run --shell 'pnpm install && pnpm test'",
        ),
        (
            &[("package.json", r#"{"scripts": {}}"#), ("Makefile", "check: x\n")],
            "crabbox run -- make check",
        ),
        (&[("package.json", "no JSON"), ("deno.json", "")], "crabbox run -- deno test"),
        (&[("pyproject.toml", "")], "crabbox run -- python3 -m pytest"),
        (&[("setup.py", ""), ("tox.ini", "")], "crabbox run -- tox"),
        (&[("pyproject.toml", ""), ("uv.lock", "")], "crabbox run -- uv run pytest"),
        (&[("pom.xml", "")], "crabbox run -- mvn -B test"),
        (&[("build.gradle.kts", ""), ("gradlew", "")], "crabbox run -- ./gradlew test"),
        (
            &[("CMakeLists.txt", "")],
            "crabbox run --shell 'cmake -B build && cmake --build build && ctest --test-dir build'",
        ),
        (&[("Makefile", "tests := x\ntest:\n\ttrue\n")], "crabbox run -- make test"),
        (&[("Makefile", "test := x\n")], "crabbox run -- ls"),
        (&[], "crabbox run -- ls"),
    ];
    for (files, expected) in cases {
        let world = World::new();
        for (name, content) in *files {
            world.write(name, content);
        }
        let ran = world.crabbox(&["init"]);
        assert_eq!(ran.code, 0, "{files:?}: {}", ran.stderr);
        let next = ran.stderr.lines().last().expect("a line");
        assert_eq!(next, format!("crabbox: next: {expected}"), "{files:?}");
        assert!(parses(expected), "{expected}");
        assert_eq!(world.crabbox(&["config", "check"]).code, 0, "{files:?}");
    }
}

#[test]
fn what_git_ignores_stays_and_what_it_does_not_is_pointed_out() {
    let world = World::new();
    world.write("package.json", r#"{"scripts": {"test": "jest"}}"#);
    world.write("pyproject.toml", "");
    world.write(".gitignore", ".venv/\n");
    world.write("node_modules/x", "");
    let text = world.crabbox(&["init", "--print"]).stdout;
    assert!(text.contains("Git ignores `.venv/`:"), "{text}");
    assert!(text.contains("Git doesn't ignore `node_modules/`"), "{text}");
    assert!(text.contains("#exclude = [\"node_modules/\"]"), "{text}");
    let json = world.crabbox(&["init", "--print", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["written"], false);
    assert_eq!(json["ignored"], serde_json::json!([".venv/"]));
    assert_eq!(json["text"].as_str(), Some(text.as_str()));
    assert!(!file(&world).exists());
}

#[test]
fn it_is_written_at_the_root_and_never_over_anything() {
    let world = World::new();
    world.write("deep/er/file", "");
    let mut command = world.command(&["init"]);
    let output = command.current_dir(world.checkout().join("deep/er")).output().expect("runs");
    assert!(output.status.success());
    fs::write(file(&world), "# mine\n").expect("a file");
    let again = world.crabbox(&["init"]);
    assert_eq!(again.code, 5, "{}", again.stderr);
    assert!(again.stderr.contains("is there already"), "{}", again.stderr);
    assert!(again.stderr.contains("hint: crabbox init --print"), "{}", again.stderr);
    assert_eq!(written(&world), "# mine\n");
    // A link that leads out of the checkout is something that is there, too.
    fs::remove_file(file(&world)).expect("removes");
    let outside = world.root().join("outside");
    symlink(&outside, file(&world)).expect("a link");
    assert_eq!(world.crabbox(&["init"]).code, 5);
    assert!(!outside.exists());
}

#[test]
fn outside_of_a_checkout_nothing_is_written() {
    let world = World::new();
    let ran = world.command(&["init"]).current_dir(world.root()).output().expect("runs");
    assert_eq!(ran.status.code(), Some(2));
    let text = String::from_utf8_lossy(&ran.stderr);
    assert!(text.contains("is not in a git checkout") && text.contains("hint: git init"), "{text}");
    assert!(!world.root().join(".crabbox.toml").exists());
}

#[test]
fn nothing_of_the_repository_is_run_and_links_are_not_read() {
    let world = World::new();
    let mark = world.root().join("was-run");
    let script = world.checkout().join("evil");
    fs::write(&script, format!("#!/bin/sh\ntouch '{}'\n", mark.display())).expect("a file");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a mode");
    for name in ["mvnw", "gradlew", ".git/hooks/post-index-change", ".git/hooks/pre-commit"] {
        fs::copy(&script, world.checkout().join(name)).expect("a copy");
    }
    let script = script.display().to_string();
    world.git(&["config", "core.fsmonitor", &script]);
    world.git(&["config", "core.pager", &script]);
    world.git(&["config", "alias.check-ignore", &format!("!{script}")]);
    fs::remove_file(&mark).unwrap_or_default();
    for name in ["pom.xml", "build.gradle", "CMakeLists.txt", "Gemfile"] {
        world.write(name, "");
    }
    // A secret behind a link, and a pipe that nobody writes to.
    let secret = world.root().join("secret");
    fs::write(&secret, r#"{"scripts": {"test": "hunter2"}}"#).expect("a file");
    symlink(&secret, world.checkout().join("package.json")).expect("a link");
    let pipe = world.checkout().join("Makefile");
    assert!(Command::new("mkfifo").arg(pipe).status().expect("mkfifo runs").success());
    let ran = world.crabbox(&["init"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!mark.exists());
    assert!(!written(&world).contains("npm"), "{}", written(&world));
}

#[test]
fn the_section_for_agents_is_printed_and_its_lines_can_be_typed() {
    let world = World::new();
    world.write("Cargo.toml", "");
    let printed = world.crabbox(&["init", "--agent"]);
    assert_eq!((printed.code, printed.stderr.as_str()), (0, ""));
    assert!(!file(&world).exists());
    let spans = printed.stdout.split('`').skip(1).step_by(2);
    let lines: Vec<&str> = spans.filter(|span| span.starts_with("crabbox ")).collect();
    assert!(lines.len() >= 4, "{}", printed.stdout);
    for line in lines {
        assert!(parses(line), "{line}");
    }
    assert!(printed.stdout.contains("- Test: `crabbox run -- cargo test`\n"), "{}", printed.stdout);
    assert_eq!(world.crabbox(&["init", "--agent", "--print"]).code, 2);
}
