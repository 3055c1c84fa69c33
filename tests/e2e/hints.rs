//! Lines to type: each looks at the places that the line before it named.

use crate::desk::Desk;
use crabbox_tests::World;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn what_is_to_be_typed_of_a_lease_keeps_the_places() {
    let desk = Desk::new("");
    let state = desk.world.root().join("elsewhere").display().to_string();
    let places = ["--state-dir", &state, "--provider-path", &desk.path];
    let crabbox = |words: &[&str]| desk.world.crabbox(&[&places[..], words].concat());
    let hints = |words: &[&str], line: &str| {
        let ran = crabbox(words);
        let line =
            format!("hint: crabbox --state-dir {state} --provider-path {} {line}", desk.path);
        assert!(ran.code != 0 && ran.stderr.contains(&line), "{line}: {}", ran.stderr);
    };
    let kept = crabbox(&["run", "--provider", "desk", "--keep", "--", "true"]);
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    let list = crabbox(&["list", "--json"]).stdout;
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    let slug = list["leases"][0]["slug"].as_str().expect("a slug");
    hints(&["run", "--id", "nobody", "--", "true"], "list\n");
    fs::remove_file(desk.machine().join("on")).expect("switches off");
    desk.mood("resolve foreign");
    hints(&["run", "--provider", "desk", "--id", slug, "--", "true"], &format!("inspect {slug}\n"));
    fs::write(desk.machine().join("id"), "another").expect("changes");
    hints(&["stop", slug, "--delete", "--yes"], &format!("forget {slug} --yes\n"));
}

#[test]
fn what_is_to_be_typed_of_settings_and_providers_keeps_the_places() {
    let world = World::new();
    let state = world.root().join("elsewhere").display().to_string();
    let places = ["--state-dir", &state, "--provider-path", "/nowhere"];
    assert_eq!(world.crabbox(&["init"]).code, 0);
    fs::create_dir(&state).expect("a folder");
    for (words, next) in [
        (&["debug", "last"][..], "debug list\n"),
        (&["status", "nobody"], "list\n"),
        (&["stop", "nobody"], "list\n"),
        (&["init"], "init --print\n"),
        (&["config", "check", "nothing"], "config path\n"),
        (&["config", "explain", "lease.idel"], "config explain lease.idle\n"),
        (&["config", "trust", "hello.txt"], "config path\n"),
        (&["provider", "call", "local", "release"], "list\n"),
        (&["run", "--provider", "nobody", "--", "true"], "provider list\n"),
        (&["doctor", "--provider", "nobody"], "config explain lease.provider\n"),
    ] {
        let ran = world.crabbox(&[&places[..], words].concat());
        let line = format!("crabbox --state-dir {state} --provider-path /nowhere {next}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(ran.code != 0 && said.contains(&line), "{line}: {said}");
    }
}

#[test]
fn the_line_that_tells_all_that_is_wrong_is_about_the_same_provider() {
    let desk = Desk::new("");
    desk.world.configure("[provider.desk]\nroot = 3\nimpostor = 3\n");
    let check = format!("crabbox --provider-path {} config check --provider desk\n", desk.path);
    for words in [
        &["run", "--provider", "desk", "--", "true"][..],
        &["config", "show", "--provider", "desk"],
        &["config", "explain", "--provider", "desk", "provider.desk.impostor"],
        &["provider", "call", "desk", "lease"],
    ] {
        let ran = desk.crabbox(words);
        assert!(ran.code != 0 && ran.stderr.contains(&check), "{words:?}: {}", ran.stderr);
    }
    desk.world.configure("[provider.desk]\nnope = 3\n");
    let json = desk.crabbox(&["config", "check", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let nope = json["problems"].as_array().expect("a list").iter();
    let nope = nope.filter(|one| one["code"] == "unknown_setting").collect::<Vec<_>>();
    assert_eq!(nope[0]["note"], "it has: impostor, prefix, root", "{json}");
    assert!(nope[0]["hint"].is_null(), "{json}");
}

/// A line to type that is written down as it is knows no places.
#[test]
fn no_line_to_type_is_written_down_as_it_is() {
    let commands = crabbox::cli::command();
    let lines = || commands.get_subcommands().map(|one| format!("crabbox {} ", one.get_name()));
    // What these write is for another day, or another machine.
    let documents = [
        "config/reference.rs",
        "providers/reference.rs",
        "init/page.rs",
        "init/look.rs",
        "cli/bundle.rs",
    ];
    for (path, code) in program() {
        if documents.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        for (at, line) in code.lines().enumerate() {
            let literal = line.split_once('"').map_or("", |(_, literal)| literal);
            let literal = literal.replace(['"', '`'], " ");
            let is_other = line.trim_start().starts_with("//")
                || ["before_help", "usage(", "override_usage"]
                    .iter()
                    .any(|word| line.contains(word));
            let typed = lines().find(|typed| literal.contains(typed));
            assert!(is_other || typed.is_none(), "{}:{}: {line}", path.display(), at + 1);
        }
    }
}

/// The files of the host, each without its tests.
pub(crate) fn program() -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let is_code = path.extension().is_some_and(|extension| extension == "rs");
            if path.is_dir() {
                folders.push(path);
            } else if is_code && !path.ends_with("tests.rs") {
                let text = fs::read_to_string(&path).expect("reads");
                let code = text.split("mod tests {").next().unwrap_or_default().to_owned();
                found.push((path, code));
            }
        }
    }
    found
}
