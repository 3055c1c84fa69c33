//! A recorded call, done again, and what can be compared of it.
//!
//! Ids, times and names of versions differ each time; of Terraform's own lines the stand-in has a few alone.

use crabbox_provider_api::testing::{Call, Cassette};
use crabbox_tests::{Coder, Ran};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(super) fn transcripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/coder/transcripts")
}

/// The calls of a recording.
pub(super) fn recorded(file: &str) -> Vec<Call> {
    let text = fs::read_to_string(transcripts().join(file)).expect("a recording");
    Cassette::from_transcript(&text, "coder").calls
}

/// Does it again, and compares.
pub(super) fn replays(coder: &Coder, call: &Call) {
    let arguments: Vec<&str> = call.argv[1..].iter().map(String::as_str).collect();
    let ran = coder.coder(&arguments);
    compares(ran, call);
}

pub(super) fn compares(mut command: Command, call: &Call) {
    equals(&Ran::of(&mut command), call);
}

/// The same of one that follows what is held: it goes on once it has said so.
pub(super) fn follows(coder: &Coder, call: &Call) {
    let arguments: Vec<&str> = call.argv[1..].iter().map(String::as_str).collect();
    coder.deployment.change(|state| state.held = true);
    let mut command = coder.coder(&arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut said = String::new();
    while !said.contains("already starting") {
        assert_ne!(stdout.read_line(&mut said).expect("reads"), 0, "{said}");
    }
    coder.deployment.change(|state| state.held = false);
    stdout.read_to_string(&mut said).expect("reads");
    let ran = Ran::from(child.wait_with_output().expect("it ends"));
    equals(&Ran { stdout: said, ..ran }, call);
}

fn equals(ran: &Ran, call: &Call) {
    assert_eq!(Some(ran.code), call.exit, "{:?}: {ran:?}", call.argv);
    for (name, is, was) in
        [("stdout", &ran.stdout, &call.stdout), ("stderr", &ran.stderr, &call.stderr)]
    {
        let (is, was) = (lines(is), lines(was));
        // What a recording leaves out is somewhere in the middle.
        match was.iter().position(|line| line.ends_with("characters left out ...]")) {
            None => assert_eq!(is, was, "{:?}: {name}", call.argv),
            Some(at) => {
                assert!(is.starts_with(&was[..at.saturating_sub(1)]), "{:?}: {is:?}", call.argv);
                let rest = &was[(at + 2).min(was.len())..];
                assert!(is.ends_with(rest), "{:?}: {is:?} {rest:?}", call.argv);
            }
        }
    }
}

/// What can be compared of it.
fn lines(text: &str) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut in_terraform = false;
    for line in text.lines() {
        let is_stage = ["=== ", "==> ", "["].iter().any(|start| line.starts_with(start));
        // Its own lines begin with a time, and go on in lines without one.
        in_terraform = line.starts_with("20") || (in_terraform && !is_stage);
        // Two programs that look at a queue see it at different moments.
        let is_queue = ["==> ⧗ Queued", "=== ✔ Queued", "==> ⧗ Running", "=== ✔ Running"]
            .iter()
            .any(|start| line.starts_with(start));
        if in_terraform || is_queue || line.starts_with("[... log of terraform") {
            continue;
        }
        // Blank lines of Terraform's can't be told from others'.
        if !line.is_empty() {
            kept.push(without_numbers(line));
        }
    }
    kept
}

/// Ids, times and how long a stage took.
fn without_numbers(line: &str) -> String {
    let line = match line.rsplit_once(" [") {
        Some((before, after)) if after.ends_with("ms]") => before.to_owned(),
        _ => line.to_owned(),
    };
    match line.split_once(" at Nov 23 ") {
        Some((before, _)) => format!("{before} at [TIME]"),
        None => line,
    }
}

pub(super) fn shape_of(coder: &Coder, call: &Call) -> Value {
    let arguments: Vec<&str> = call.argv[1..].iter().map(String::as_str).collect();
    let ran = Ran::of(&mut coder.coder(&arguments));
    assert_eq!(Some(ran.code), call.exit, "{ran:?}");
    shape(&value(&ran.stdout))
}

pub(super) fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Each value by its kind, and of a list its first element.
pub(super) fn shape(value: &Value) -> Value {
    match value {
        Value::Object(entries) => Value::Object(
            entries
                .iter()
                // A time that isn't there yet is `null`.
                .map(|(name, value)| {
                    (
                        name.clone(),
                        if name == "most_recently_seen" || name == "environment_variables" {
                            Value::Null
                        } else {
                            shape(value)
                        },
                    )
                })
                .collect(),
        ),
        Value::Array(elements) => Value::Array(elements.iter().take(1).map(shape).collect()),
        Value::String(_) => "text".into(),
        Value::Number(_) => 0.into(),
        other => other.clone(),
    }
}
