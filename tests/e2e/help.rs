//! Help and manual pages: one screen a command, examples that can be typed, nothing left out.

use clap::Command;
use crabbox_tests::World;
use std::fs;
use std::process;

/// Every command that is shown, with the words that lead to it; the program itself has none.
fn commands() -> Vec<(Vec<String>, Command)> {
    fn collect(path: &[String], command: &Command, found: &mut Vec<(Vec<String>, Command)>) {
        found.push((path.to_vec(), command.clone()));
        for below in command.get_subcommands() {
            if !below.is_hide_set() && below.get_name() != "help" {
                collect(&[path, &[below.get_name().to_owned()]].concat(), below, found);
            }
        }
    }
    let mut root = crabbox::cli::command();
    root.build();
    let mut found = Vec::new();
    collect(&[], &root, &mut found);
    assert!(found.len() > 8, "{}", found.len());
    found
}

/// The flags of a command as they are typed.
fn flags(command: &Command) -> Vec<String> {
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set());
    shown.filter_map(|argument| argument.get_long()).map(|long| format!("--{long}")).collect()
}

fn help(world: &World, path: &[String], flag: &str) -> String {
    let words: Vec<&str> = path.iter().map(String::as_str).chain([flag]).collect();
    let output = world.command(&words).env("COLUMNS", "80").output().expect("runs");
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn help_is_one_screen_with_a_line_for_each_option() {
    let world = World::new();
    for (path, command) in commands() {
        let text = help(&world, &path, "--help");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() <= 60, "{path:?}: {} lines\n{text}", lines.len());
        for line in &lines {
            assert!(line.chars().count() <= 80, "{path:?}: {line}");
            let wrapped = line.starts_with("       ") && !line.trim_start().starts_with('-');
            assert!(!wrapped, "{path:?}: its line is too long for one, shorten it: {line}");
        }
        for flag in flags(&command) {
            assert!(text.contains(&flag), "{path:?}: {flag}");
        }
        assert_eq!(text, help(&world, &path, "-h"), "{path:?}");
    }
}

#[test]
fn every_command_has_examples_and_they_can_be_typed() {
    let world = World::new();
    for (path, _) in commands() {
        let text = help(&world, &path, "--help");
        let examples: Vec<&str> = text
            .lines()
            .skip_while(|line| *line != "Examples:")
            .skip(1)
            .take_while(|line| !line.is_empty())
            .map(str::trim)
            .collect();
        assert!(!examples.is_empty(), "{path:?}");
        for example in examples {
            assert!(example.starts_with("crabbox ") && parses(example), "{path:?}: {example}");
        }
        let own: Vec<&str> =
            ["crabbox"].into_iter().chain(path.iter().map(String::as_str)).collect();
        assert!(text.contains(&format!("\n  {}", own.join(" "))), "{path:?}: none of its own");
    }
}

/// Is this a line of crabbox's? A shell takes it apart; where its output goes doesn't matter.
pub(crate) fn parses(line: &str) -> bool {
    let line = line.split(" >").next().unwrap_or(line);
    let script = format!("for word in {line}; do printf '%s\\0' \"$word\"; done");
    let output = process::Command::new("sh").args(["-c", &script]).output().expect("sh runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let words: Vec<&str> = text.split_terminator('\0').collect();
    words[0] == "crabbox" && crabbox::cli::command().try_get_matches_from(words).is_ok()
}

#[test]
fn a_wrong_line_ends_as_its_command_says_also_for_machines() {
    let world = World::new();
    for (line, code) in [
        (&["list", "--bad", "--json"][..], 2),
        (&["run", "--bad", "--json"], 125),
        (&["--state-dir", "x", "--json", "run", "--bad"], 125),
        (&["stop", "run", "--bad", "--json"], 2),
        (&["nonsense", "--json"], 2),
    ] {
        let ran = world.crabbox(line);
        assert_eq!(ran.code, code, "{line:?}");
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(document["error"]["code"], "usage", "{line:?}");
        assert_eq!(
            document["outcome"]["exit"],
            if code == 125 { 125.into() } else { serde_json::Value::Null }
        );
        assert!(ran.stderr.contains("error: "), "{line:?}: {}", ran.stderr);
    }
    assert_eq!(world.crabbox(&["list", "--bad"]).stdout, "");
}

#[test]
fn a_wrong_line_is_answered_by_the_right_one() {
    let world = World::new();
    for (line, message, hint) in [
        ("run", "there is no command to run", "crabbox run -- COMMAND"),
        ("run --keep", "there is no command to run", "crabbox run --keep -- COMMAND"),
        (
            "run --keep cargo test -- --nocapture",
            "`cargo` is no option: the command stands behind `--`",
            "crabbox run --keep -- cargo test -- --nocapture",
        ),
        ("run --idd=a -- ls --idd", "there is no option `--idd`", "crabbox run --id=a -- ls --idd"),
        ("run --zzz", "there is no option `--zzz`", "crabbox run --help"),
        ("rnu -q -- rnu", "there is no command `rnu`", "crabbox run -q -- rnu"),
        ("ls", "there is no command `ls`", "crabbox list"),
        ("config shwo", "there is no command `shwo`", "crabbox config show"),
        ("test it", "there is no command `test`", "crabbox run -- test it"),
        ("status", "`ID` is missing: the id or slug of a lease", "crabbox list"),
        ("config explain", "`KEY` is missing: the name of a setting", "crabbox config show"),
        ("list more", "`more` is one word too many", "crabbox list --help"),
        ("completions", "`SHELL` is missing: bash, zsh or fish", "crabbox completions --help"),
        (
            "completions ba",
            "`ba` is no value of `SHELL`: bash, zsh or fish",
            "crabbox completions bash",
        ),
        (
            "run --timeout 5 -- ls",
            "`5` is no value of `--timeout`: `5` has no unit of time: ms, s, m, h, d and w are known",
            "crabbox run --help",
        ),
        (
            "extend it 5y",
            "`5y` is no value of `DURATION`: there is no unit of time `y`: ms, s, m, h, d and w are known",
            "crabbox extend --help",
        ),
        ("run --shell", "`--shell` needs a value", "crabbox run --help"),
        (
            "run --id a --fresh -- ls",
            "`--id` and `--fresh` can't be given together",
            "crabbox run --help",
        ),
        (
            "run --timeout 5s --timeout 6s -- ls",
            "`--timeout` can be given only once",
            "crabbox run --help",
        ),
        ("provider call", "`NAME` and `HOOK` are missing", "crabbox provider call --help"),
        ("run --keep --keep -- ls", "`--keep` can be given only once", "crabbox run --help"),
    ] {
        let ran = world.crabbox(&line.split(' ').collect::<Vec<_>>());
        let expected = format!("crabbox: error: {message}\ncrabbox:   hint: {hint}\n");
        let is_whole = ran.stderr == expected;
        // What names no command may be a program or a slip: there are two answers.
        let is_first = line == "test it" && ran.stderr.starts_with(&expected);
        assert!(is_whole || is_first, "{line}: {}", ran.stderr);
    }
}

#[test]
fn there_is_a_manual_page_for_every_command_and_it_names_every_flag() {
    let folder = tempfile::tempdir().expect("a folder");
    let made = process::Command::new(env!("CARGO_BIN_EXE_man")).arg(folder.path()).status();
    assert!(made.expect("runs").success());
    let commands = commands();
    for (path, command) in &commands {
        let name = [&["crabbox".to_owned()], path.as_slice()].concat().join("-");
        let page = fs::read_to_string(folder.path().join(format!("{name}.1"))).expect(&name);
        let page = page.replace('\\', "");
        for flag in flags(command) {
            assert!(page.contains(&flag), "{name}: {flag}");
        }
        assert!(page.contains(".SH EXAMPLES\n"), "{name}");
        assert!(page.contains(&format!(".TH {name} 1")), "{name}: {page}");
    }
    let pages = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(pages, commands.len());
}

#[test]
fn the_version_names_what_was_built_in() {
    let world = World::new();
    let short = world.crabbox(&["--version"]).stdout;
    let long = world.crabbox(&["version"]).stdout;
    assert!(long.starts_with(&short), "{long}");
    let json = world.crabbox(&["version", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["schema_version"], 1);
    assert!(json["target"].as_str().expect("a target").contains("linux"));
    let helpers = json["helpers"].as_array().expect("helpers");
    for helper in helpers {
        let hash = helper["sha256"].as_str().expect("a hash");
        assert_eq!(hash.len(), 64);
        assert!(long.contains(hash));
    }
    assert!(!helpers.is_empty());
    // It is the name of the helper's file on a box.
    assert_eq!(world.shell("true").code, 0);
    let folder = fs::read_dir(world.root().join("cache/crabbox/helper")).expect("helpers");
    let names: Vec<_> = folder.flatten().map(|entry| entry.file_name()).collect();
    let known = |name: &str| helpers.iter().any(|helper| helper["sha256"] == name);
    assert!(names.iter().any(|name| known(&name.to_string_lossy())), "{names:?}");
}
