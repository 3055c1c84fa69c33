//! Every key of the table, one by one: what a repository's file may do with it, and what the
//! machine may. A new key is tested by being in the table.

use crabbox::config::{Enforced, KEYS, Key, Kind, Repository};
use crabbox_tests::World;
use serde_json::Value;

/// A value that isn't the default, as it stands in a file.
fn sample(key: &Key) -> &'static str {
    match key.kind {
        // A name that is another one is refused where it is used.
        Kind::Text => "'local'",
        Kind::Texts | Kind::Names => "['SAMPLE']",
        Kind::Paths => "['/sample']",
        Kind::Duration => "'7m'",
        Kind::Size => "'7MiB'",
        Kind::Count => "7",
        Kind::Choice(choices) => {
            let other = choices.iter().find(|choice| Some(**choice) != key.default);
            match *other.expect("there are two") {
                "delete" => "'delete'",
                other => panic!("a sample for `{other}`"),
            }
        }
    }
}

/// Does the repository's file say what holds?
fn holds(world: &World, key: &Key) -> bool {
    let shown = world.crabbox(&["config", "show", "--json"]);
    assert_eq!(shown.code, 0, "{}: {}", key.name, shown.stderr);
    let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
    let settings = shown["settings"].as_array().expect("a list");
    let found = settings.iter().find(|one| one["key"] == key.name).expect("it is shown");
    found["origins"][0]["kind"] == "repository"
}

#[test]
fn every_key_does_in_a_repositorys_file_what_the_table_says() {
    for key in KEYS {
        let world = World::new();
        world.write(".crabbox.toml", &format!("\n{} = {}\n", key.name, sample(key)));
        let ran = world.crabbox(&["run", "-q", "--", "true"]);
        match key.repository {
            Repository::Set | Repository::Within(_) => {
                assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", key.name);
                assert!(holds(&world, key), "{}", key.name);
            }
            Repository::Request(reason) => {
                assert_eq!(ran.code, 0, "{}: {}", key.name, ran.stderr);
                let warning = format!(".crabbox.toml:2: `{} = ", key.name);
                assert!(ran.stderr.contains(&warning), "{}: {}", key.name, ran.stderr);
                assert!(ran.stderr.contains(reason), "{}: {}", key.name, ran.stderr);
                assert!(!holds(&world, key), "{}", key.name);
                assert_eq!(world.crabbox(&["config", "trust", "--yes"]).code, 0, "{}", key.name);
                assert!(holds(&world, key), "{}", key.name);
            }
            Repository::Never(reason) => {
                assert_eq!(ran.code, 125, "{}", key.name);
                let expected = format!(
                    "checkout/.crabbox.toml:2: a repository can't set `{}`: it would choose {reason}",
                    key.name
                );
                assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
                let hint = format!("hint: set `{}` in your own config.toml", key.name);
                assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
            }
        }
    }
}

#[test]
fn every_key_is_enforced_as_the_table_says() {
    for key in KEYS {
        let world = World::new();
        let bound = match key.enforced {
            Enforced::No | Enforced::Allowed => "['park']",
            Enforced::AtMost => "'1m'",
        };
        if !world.configure_machine(&format!("[enforced]\n{} = {bound}\n", key.name)) {
            return;
        }
        world.configure(&format!("\n{} = {}\n", key.name, sample(key)));
        let ran = world.crabbox(&["run", "-q", "--", "true"]);
        assert_eq!(ran.code, 125, "{}", key.name);
        let expected = match key.enforced {
            Enforced::No => format!("etc/config.toml:2: `{}` can't be enforced", key.name),
            _ => format!("config/crabbox/config.toml:2: `{}` can't be `", key.name),
        };
        assert!(ran.stderr.contains(&expected), "{}: {}", key.name, ran.stderr);
    }
}
