//! External commands of a provider: whatever a tool does, its provider gets an answer.

use crabbox::provider::{self, Callbacks, Options, Provider, ProviderError};
use crabbox::registry::{Places, Registry};
use crabbox_provider_api::exec::Command;
use crabbox_provider_api::payload::{Checkpoint, DoctorRequest};
use crabbox_tests::{World, built};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// A host that stores nothing.
struct Nobody;

impl Callbacks for Nobody {
    fn checkpoint(&mut self, _: &Checkpoint) -> Result<(), String> {
        Err("nothing is stored here".to_owned())
    }

    fn progress(&mut self, _: &str) {}
}

/// Longer than any test waits.
pub(crate) const LONG: Duration = Duration::from_mins(2);

pub(crate) fn open(world: &World) -> Provider {
    let folder = world.provider_path("crabbox_provider_tools");
    let library = Registry::new(Places::discover(vec![folder])).find("tools").expect("a provider");
    let options = Options { program: Some(built().crabbox.clone()), ..Options::default() };
    provider::open(&library, &options).expect("opens")
}

pub(crate) fn doctor(
    provider: &mut Provider,
    commands: &Value,
    longest: Duration,
) -> Result<Vec<Value>, ProviderError> {
    let mut request = DoctorRequest::default();
    request.settings.insert("commands".to_owned(), commands.clone());
    let checks = provider.doctor(&request, longest, &mut Nobody)?.checks;
    Ok(checks.iter().map(|one| serde_json::from_str(&one.message).expect("JSON")).collect())
}

/// What came of one command.
pub(crate) fn run(command: Command) -> Value {
    run_with(&json!({ "command": command.deadline(LONG) }))
}

pub(crate) fn run_with(order: &Value) -> Value {
    let world = World::new();
    doctor(&mut open(&world), &json!([order]), LONG).expect("the hook answers").remove(0)
}

pub(crate) fn shell(line: &str) -> Command {
    Command::new("sh").args(["-c", line])
}

#[test]
fn a_tool_that_is_absent_or_can_not_be_executed_is_a_typed_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let plain = folder.path().join("plain");
    fs::write(&plain, "#!/bin/sh\n").expect("a file");
    let plain = plain.display().to_string();
    for (program, kind, says) in [
        ("no-such-tool", "not_found", "there is no program `no-such-tool` on `PATH`"),
        ("/no/such/tool", "not_found", "there is no program `/no/such/tool`"),
        (&plain, "not_executable", "can't be executed"),
        ("bin/tool", "refused", "neither a name nor an absolute path"),
    ] {
        let came = run(Command::new(program));
        assert_eq!(came["error"], kind, "{came}");
        assert!(came["message"].as_str().is_some_and(|text| text.contains(says)), "{came}");
    }
    let came = run(shell("true").directory("/no/such/folder"));
    assert_eq!(came["error"], "not_found", "{came}");
    // The program is there: it is the folder that nobody can enter.
    let circle = folder.path().join("circle");
    std::os::unix::fs::symlink(&circle, &circle).expect("a link");
    let circle = circle.display().to_string();
    let came = run(shell("true").directory(&circle));
    assert_eq!(came["error"], "failed", "{came}");
    let says = format!("the folder `{circle}` can't be entered to run `sh -c true`: ");
    assert!(came["message"].as_str().is_some_and(|text| text.contains(&says)), "{came}");
}

#[test]
fn a_tool_without_its_interpreter_or_of_no_format_can_not_be_executed() {
    let world = World::new();
    for (name, content) in [("script", "#!/no/such/shell\n"), ("data", "\0\0\0\0")] {
        let from = world.root().join("content");
        fs::write(&from, content).expect("a file");
        let tool = world.executable(name, &from);
        let came = run(Command::new(tool.display().to_string()));
        assert_eq!(came["error"], "not_executable", "{came}");
    }
}

#[test]
fn fifty_megabytes_end_a_tool_that_may_say_less_and_arrive_where_it_may() {
    const LENGTH: usize = 50 * 1024 * 1024;
    let line = format!("echo $$ >&2; head -c {LENGTH} /dev/zero; echo end");
    let came = run(shell(&line));
    assert_eq!(came["error"], "over_cap", "{came}");
    let came = run(shell(&line).cap(LENGTH + 4));
    assert_eq!((&came["length"], &came["cut"]), (&json!(LENGTH + 4), &json!(false)), "{came}");
    let came = run(shell(&line).cap(8).keep_end());
    assert_eq!(came["stdout"], "\0\0\0\0end\n", "{came}");
    assert_eq!((&came["cut"], &came["status"]), (&json!(true), &json!("exit 0")), "{came}");
    let came = run(shell("true").cap(usize::MAX));
    assert_eq!(came["error"], "refused", "{came}");
}

#[test]
fn the_cap_is_what_a_tool_may_say_to_the_byte() {
    let came = run(shell("printf 12345678").cap(8));
    assert_eq!((&came["stdout"], &came["length"]), (&json!("12345678"), &json!(8)), "{came}");
    assert_eq!(run(shell("printf 123456789").cap(8))["error"], "over_cap");
    assert_eq!(run(shell("printf 123456789 >&2").cap(8))["error"], "over_cap");
}

#[test]
fn what_was_said_before_the_end_is_all_there() {
    let came = run(shell("head -c 60000 /dev/zero; echo last; head -c 60000 /dev/zero >&2"));
    assert_eq!(came["length"], 60_005, "{}", came["status"]);
    assert_eq!(came["stderr"].as_str().map(str::len), Some(60_000));
}

#[test]
fn a_secret_reaches_the_provider_and_no_message() {
    crabbox::redact::register("canary-of-exec");
    let came = run(shell("echo canary-of-exec; printf canary-of-exec >&2"));
    assert_eq!(
        (&came["stdout"], &came["stderr"]),
        (&json!("canary-of-exec\n"), &json!("canary-of-exec"))
    );
    let line = "echo canary-of-exec; sleep 300";
    let came = run_with(&json!({ "command": shell(line).deadline(Duration::from_millis(50)) }));
    assert_eq!(
        came["message"],
        "`sh -c echo [redacted]; sleep 300` took longer than 0.05s, and was ended"
    );
}

#[test]
fn a_signal_is_no_exit_code() {
    assert_eq!(run(shell("kill -9 $$"))["status"], "signal 9");
    assert_eq!(run(shell("exit 137"))["status"], "exit 137");
}

#[test]
fn output_that_is_no_text_arrives_byte_by_byte() {
    let came = run(shell("printf '\\377\\000{\"\\n\\200'"));
    assert_eq!(came["first"], json!([255, 0, 123, 34, 10, 128]), "{came}");
}

#[test]
fn lines_come_whole() {
    let order = json!({ "command": shell("printf 'one\\r\\ntw'; sleep 0.1; printf 'o\\nrest'").deadline(LONG), "lines": true });
    let came = run_with(&order);
    assert_eq!(came["lines"], json!(["one", "two", "rest"]), "{came}");
    assert_eq!(came["stdout"], "one\r\ntwo\nrest");
}

#[test]
fn a_tool_reads_what_it_is_given_and_need_not() {
    let text = "0123456789abcdef".repeat(1 << 17);
    let echo = json!({ "command": shell("cat").cap(1 << 22).deadline(LONG), "stdin": text });
    let came = run_with(&echo);
    assert_eq!(came["length"], text.len(), "{}", came["status"]);
    let deaf =
        json!({ "command": shell("exec <&-; echo heard nothing").deadline(LONG), "stdin": text });
    assert_eq!(run_with(&deaf)["stdout"], "heard nothing\n");
    assert_eq!(run(shell("cat; echo end"))["stdout"], "end\n");
}

#[test]
fn a_tool_gets_what_is_declared_and_added_and_nothing_else() {
    let line =
        "env | cut -d= -f1 | sort | tr '\\n' ' '; pwd; ps -o pgid= -p $$ | tr -d ' '; echo $$";
    let came = run(shell(line).env("ADDED", "1"));
    let stdout = came["stdout"].as_str().expect("text");
    // `PWD` is the shell's own.
    let [names, group, number] = stdout.lines().collect::<Vec<_>>()[..] else { panic!("{stdout}") };
    assert_eq!(names, "ADDED PATH PWD /", "{stdout}");
    assert_eq!(group, number, "it leads its own group");
    let came = run(shell("true").env("A=B", ""));
    assert_eq!(came["error"], "refused", "{came}");
}
