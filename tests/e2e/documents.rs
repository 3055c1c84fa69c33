//! What the documents show can be typed.

use crabbox_tests::World;
use std::fs;
use std::path::{Path, PathBuf};

/// Every document of the project.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut found = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// Lines and words in backticks that begin with `crabbox` and a command.
fn commands(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches("$ "));
    let spans = text.split('`').skip(1).step_by(2);
    lines
        .chain(spans)
        .filter_map(|line| line.strip_prefix("crabbox "))
        .map(|rest| {
            let ours = rest.split(" -- ").next().unwrap_or(rest);
            ours.split_whitespace().map(|word| word.replace(['[', ']'], "")).collect()
        })
        .filter(|words: &Vec<String>| words.first().is_some_and(|word| is_command(word)))
        .collect()
}

fn is_command(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[test]
fn every_command_and_flag_that_is_shown_exists() {
    let world = World::new();
    let mut shown = 0;
    for document in documents() {
        for words in commands(&fs::read_to_string(&document).expect("reads")) {
            let path: Vec<&str> =
                words.iter().map(String::as_str).take_while(|word| is_command(word)).collect();
            let ran = world.crabbox(&[path.as_slice(), &["--help"]].concat());
            let line = format!("{}: crabbox {}", document.display(), words.join(" "));
            assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                let flag = flag.split('=').next().unwrap_or(flag);
                assert!(ran.stdout.contains(flag), "{line}: no {flag} in its help");
            }
            shown += 1;
        }
    }
    assert!(shown >= 5, "the documents show commands: {shown}");
}
