//! The reference of the command line is what the program's own help says.

use crabbox_tests::World;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const HEAD: &str = "\
# The command line

For whoever looks up a flag: the help of every command, as `--help` shows it. Made from the parser:
`CRABBOX_UPDATE=1 cargo test -p crabbox-tests --test e2e reference` writes it anew.
";

/// Every command that isn't hidden, as the words behind `crabbox`, in order.
fn commands(command: &clap::Command, path: &[String], all: &mut Vec<Vec<String>>) {
    all.push(path.to_vec());
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        if inner.get_name() != "help" {
            commands(inner, &[path, &[inner.get_name().to_owned()]].concat(), all);
        }
    }
}

#[test]
fn the_page_of_the_command_line_is_its_help() {
    let world = World::new();
    let mut all = Vec::new();
    commands(&crabbox::cli::command(), &[], &mut all);
    let mut page = HEAD.to_owned();
    for path in all {
        let words: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = world.crabbox(&words);
        assert_eq!(help.code, 0, "{words:?}");
        let name = [&["crabbox".to_owned()], path.as_slice()].concat().join(" ");
        let _ = write!(page, "\n## {name}\n\n```text\n{}\n```\n", help.stdout.trim_end());
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/cli.md");
    if std::env::var_os("CRABBOX_UPDATE").is_some() {
        fs::write(&file, &page).expect("writes");
    }
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page,
        "docs/reference/cli.md is old: CRABBOX_UPDATE=1 cargo test -p crabbox-tests --test e2e reference"
    );
}
