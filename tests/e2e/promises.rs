//! Every sentence of `docs/explanation/trust.md` that can be checked names the tests that do.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What an item says, and what is promised by it.
struct Item {
    line: usize,
    text: String,
}

impl Item {
    /// The words of the comment at its end, behind `test:`; `None`: it promises nothing.
    fn tests(&self) -> Option<Vec<String>> {
        let comment = self.text.split_once("<!--").and_then(|(_, rest)| rest.split_once("-->"));
        let (comment, rest) =
            comment.unwrap_or_else(|| panic!("line {}: no test is named", self.line));
        assert!(rest.trim().is_empty(), "line {}: the comment is the end", self.line);
        let comment = comment.trim();
        if comment == "no promise" {
            return None;
        }
        let names = comment.strip_prefix("test: ");
        let names = names.unwrap_or_else(|| panic!("line {}: {comment}", self.line));
        Some(names.split(',').map(|name| name.trim().to_owned()).collect())
    }
}

/// The items of all lists.
fn items(page: &str) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    let mut inside = false;
    for (at, line) in page.lines().enumerate() {
        if let Some(text) = line.strip_prefix("- ") {
            items.push(Item { line: at + 1, text: text.to_owned() });
            inside = true;
        } else if line.starts_with("  ") && inside {
            let item = items.last_mut().expect("one has begun");
            item.text.push(' ');
            item.text.push_str(line.trim());
        } else {
            inside = false;
        }
    }
    items
}

/// The names of all tests of the workspace.
fn tests(root: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut folders: Vec<PathBuf> =
        ["tests", "host", "provider-api", "providers"].map(|name| root.join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(path).expect("reads");
                for part in text.split("#[test]").skip(1) {
                    let name = part.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
                    names.extend(name.map(|(name, _)| name.to_owned()));
                }
            }
        }
    }
    names
}

#[test]
fn every_promise_about_trust_names_a_test_that_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let page = fs::read_to_string(root.join("docs/explanation/trust.md")).expect("reads");
    let known = tests(root);
    let mut promised = 0;
    for item in items(&page) {
        for name in item.tests().into_iter().flatten() {
            assert!(known.contains(&name), "line {}: there is no test `{name}`", item.line);
            promised += 1;
        }
    }
    assert!(promised > 30, "{promised}");
    // What is promised in a table would name no test.
    assert!(!page.lines().any(|line| line.starts_with('|')), "the page has a table");
}
