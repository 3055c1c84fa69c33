//! What comes back from a run: which files, where to, and what is said of those that don't.

mod artifacts;
mod bad_input;
mod full;
mod hostile;
mod later;
mod lost;
mod reports;

use crabbox_tests::{Ran, World};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The document of a run that came to its end.
fn document(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

/// A run of a line of shell, with these options, for machines.
fn run(world: &World, options: &[&str], line: &str) -> Value {
    let ran = world.crabbox(&[&["run", "--json"], options, &["--shell", line]].concat());
    document(&ran)
}

/// A list of texts in a document: one field of each, in order.
fn texts<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    let items = list.as_array().unwrap_or_else(|| panic!("a list: {list}"));
    items.iter().map(|item| item[field].as_str().expect("a text")).collect()
}

/// The folder of the artifacts of the run that this document is of.
fn folder(world: &World, document: &Value) -> PathBuf {
    world.checkout().join(".crabbox/artifacts").join(document["run"].as_str().expect("a run"))
}

/// The reports that came, in order. Once they are read, nothing of them lies here any more.
fn reports(world: &World, document: &Value) -> Vec<String> {
    let run = document["run"].as_str().expect("a run");
    assert!(!world.root().join("state/crabbox/runs").join(run).join("reports").exists());
    let reports = document["results"]["reports"].as_array().into_iter().flatten();
    // What didn't come has a word on why.
    let didnt = texts(&document["artifacts"]["left_out"], "path");
    let paths = reports.map(|report| report["path"].as_str().expect("a path"));
    let mut came: Vec<_> = paths.filter(|path| !didnt.contains(path)).map(str::to_owned).collect();
    came.sort();
    came
}

/// All files below a folder, in order.
fn files(folder: &Path) -> Vec<String> {
    fn gather(folder: &Path, below: &Path, all: &mut Vec<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let entry = entry.expect("an entry");
            let below = below.join(entry.file_name());
            if entry.file_type().expect("a kind").is_dir() {
                gather(&entry.path(), &below, all);
            } else {
                all.push(below.to_string_lossy().into_owned());
            }
        }
    }
    let mut all = Vec::new();
    gather(folder, Path::new(""), &mut all);
    all.sort();
    all
}
