//! External commands of a provider: whatever a tool does, its provider gets an answer and nothing is left running.

use crabbox::provider::{self, Callbacks, Options, Provider, ProviderError};
use crabbox::registry::{Places, Registry};
use crabbox_provider_api::exec::Command;
use crabbox_provider_api::payload::{Checkpoint, DoctorRequest};
use crabbox_tests::{World, built, until};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
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
fn run(command: Command) -> Value {
    run_with(&json!({ "command": command.deadline(LONG) }))
}

fn run_with(order: &Value) -> Value {
    let world = World::new();
    doctor(&mut open(&world), &json!([order]), LONG).expect("the hook answers").remove(0)
}

pub(crate) fn shell(line: &str) -> Command {
    Command::new("sh").args(["-c", line])
}

/// The process whose number is in this text.
fn process_in(text: &Value) -> Pid {
    let number = text.as_str().and_then(|text| text.trim().parse().ok()).expect("a number");
    Pid::from_raw(number).expect("a process")
}

/// A zombie is gone, too: whoever inherits it reaps it, or doesn't.
fn is_alive(process: Pid) -> bool {
    let line = fs::read(format!("/proc/{}/cmdline", process.as_raw_pid()));
    test_kill_process(process).is_ok() && line.is_ok_and(|line| !line.is_empty())
}

fn is_gone(process: Pid) {
    until("the process is gone", || !is_alive(process));
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
fn a_tool_that_hangs_is_ended_with_its_group_also_when_it_ignores_being_asked() {
    for ignore in ["", "trap '' TERM;"] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("numbers").display().to_string();
        let line = format!("{ignore} echo $$ >{file}; sleep 300 & echo $! >>{file}; wait; wait");
        let came = run_with(&json!({ "command": shell(&line).deadline(Duration::from_secs(1)) }));
        assert_eq!(came["error"], "deadline", "{came}");
        let says = "took longer than 1s, and was ended";
        assert!(came["message"].as_str().is_some_and(|text| text.ends_with(says)), "{came}");
        let numbers = fs::read_to_string(&file).expect("numbers");
        assert_eq!(numbers.lines().count(), 2);
        numbers.lines().for_each(|number| is_gone(process_in(&json!(number))));
    }
}

#[test]
fn a_grandchild_that_holds_the_pipe_is_not_waited_for() {
    let came = run(shell("sleep 300 & echo $!"));
    assert_eq!(came["status"], "exit 0", "{came}");
    assert!(!is_alive(process_in(&came["stdout"])), "it is gone with the tool");
    // One that isn't below the tool is nobody's business, and holds up nobody.
    let world = World::new();
    let (number, go) = (world.root().join("number"), world.root().join("go"));
    let line = format!(
        "echo $$ >{0}.new; mv {0}.new {0}; until test -e {1}; do sleep 0.01; done; echo end",
        number.display(),
        go.display()
    );
    let command = json!([{ "command": shell(&line).deadline(LONG) }]);
    thread::scope(|scope| {
        let came = scope.spawn(|| doctor(&mut open(&world), &command, LONG));
        let tool = wait_for(&number);
        let pipe = File::options().write(true).open(format!("/proc/{tool}/fd/1")).expect("a pipe");
        fs::write(&go, "").expect("a file");
        let came = came.join().expect("no panic").expect("the hook answers");
        assert_eq!(came[0]["stdout"], "end\n", "{came:?}");
        drop(pipe);
    });
}

/// A program that stays: it ignores what it is asked, and notes its number.
fn stubborn(world: &World) -> (String, PathBuf) {
    let (script, number) = (world.root().join("script"), world.root().join("daemon-number"));
    let note = format!("echo $$ >{0}.new; mv {0}.new {0}", number.display());
    fs::write(&script, format!("#!/bin/sh\ntrap '' TERM HUP\n{note}\nexec sleep 300\n"))
        .expect("a file");
    (world.executable("daemon", &script).display().to_string(), number)
}

/// A line that starts it twice removed from the shell, in a session of its own, and waits until it is there.
fn daemonise(program: &str, number: &Path) -> String {
    let number = number.display();
    format!(
        "setsid sh -c 'setsid {program} & exit 0' & until test -e {number}; do sleep 0.01; done"
    )
}

/// Waits for a process to note its number there.
fn wait_for(number: &Path) -> Pid {
    until("the process is there", || number.exists());
    process_in(&json!(fs::read_to_string(number).expect("a number")))
}

#[test]
fn what_a_tool_leaves_behind_in_a_session_of_its_own_ends_with_its_call() {
    for (then, deadline, key, came_of_it) in [
        ("exit 0", LONG, "status", "exit 0"),
        ("kill -9 $$", LONG, "status", "signal 9"),
        ("exec sleep 300", Duration::from_secs(2), "error", "deadline"),
    ] {
        let world = World::new();
        let (program, number) = stubborn(&world);
        let line = format!("{}; {then}", daemonise(&program, &number));
        let order = json!([{ "command": shell(&line).deadline(deadline) }]);
        // The provider goes on: it is the call that has ended.
        let mut provider = open(&world);
        let came = doctor(&mut provider, &order, LONG).expect("the hook answers");
        assert_eq!(came[0][key], came_of_it, "{came:?}");
        assert!(!is_alive(wait_for(&number)), "{then}: it is gone with the tool");
    }
}

#[test]
fn a_tool_that_ends_or_stops_its_keeper_is_an_error_and_ends() {
    let keeper = "was ended, since the process that keeps it has ended (signal: 9";
    for (signal, deadline, error, says) in [
        ("KILL", LONG, "failed", keeper),
        ("STOP", Duration::from_secs(1), "deadline", "took longer than 1s, and was ended"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let number = folder.path().join("number");
        let line = format!("echo $$ >{}; kill -{signal} $PPID; exec sleep 300", number.display());
        let came = run_with(&json!({ "command": shell(&line).deadline(deadline) }));
        assert_eq!(came["error"], error, "{came}");
        assert!(came["message"].as_str().is_some_and(|text| text.contains(says)), "{came}");
        is_gone(wait_for(&number));
    }
}

#[test]
fn a_keeper_holds_nothing_of_its_tool() {
    let line = "cd /proc/$PPID; wc -c <environ; tr '\\0' ' ' <cmdline; echo; \
                ls -l fd | grep -c pipe; kill -TERM $PPID; exec sleep 300";
    let came = run(shell(line).env("ADDED", "1"));
    let stdout = came["stdout"].as_str().expect("text");
    let [variables, words, pipes] = stdout.lines().collect::<Vec<_>>()[..] else {
        panic!("{came}")
    };
    assert_eq!((variables, pipes), ("0", "0"), "{came}");
    assert!(words.ends_with("crabbox __keeper "), "{came}");
    // Asked to end, it asks its tool.
    assert_eq!(came["status"], "signal 15", "{came}");
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

/// Runs a tool in a hook that breaks off; returns how.
fn broken_off(dies: bool, longest: Duration) -> ProviderError {
    let world = World::new();
    let file = world.root().join("number");
    let line =
        format!("trap '' TERM; echo $$ >{}; echo runs; while :; do sleep 1; done", file.display());
    let order = json!([{ "command": shell(&line).deadline(LONG), "dies": dies }]);
    let mut provider = open(&world);
    let error = doctor(&mut provider, &order, longest).expect_err("it breaks off");
    let tool = process_in(&json!(fs::read_to_string(file).expect("a number")));
    assert!(!is_alive(tool), "it is gone when the call is over, not with the provider");
    error
}

#[test]
fn a_hook_that_takes_too_long_takes_its_tools_along() {
    let error = broken_off(false, Duration::from_secs(2));
    assert!(matches!(error, ProviderError::Deadline { .. }), "{error}");
}

#[test]
fn tools_that_end_together_are_all_asked_before_any_is_killed() {
    let world = World::new();
    let at = world.root().display();
    let stays = |mine: &str, other: &str| {
        let line = format!(
            "trap 'kill -0 $(cat {at}/{other}) && : >{at}/{mine}-saw' TERM; echo $$ >{at}/{mine}; \
             while :; do sleep 0.05; done"
        );
        json!({ "command": shell(&line).deadline(LONG) })
    };
    let both = json!([stays("a", "b"), stays("b", "a")]);
    doctor(&mut open(&world), &both, Duration::from_secs(2)).expect_err("it takes too long");
    for name in ["a", "b"] {
        assert!(world.root().join(format!("{name}-saw")).exists(), "{name} was asked too late");
        is_gone(wait_for(&world.root().join(name)));
    }
}

#[test]
fn a_provider_that_dies_takes_its_tools_along() {
    let error = broken_off(true, LONG);
    assert!(matches!(error, ProviderError::Died { .. }), "{error}");
}

#[test]
fn a_tool_outlives_its_host_by_no_more_than_being_ended_takes() {
    // This test's own process can't be killed: another one takes its part.
    let world = World::new();
    let tool = world.root().join("tool");
    let (program, daemon) = stubborn(&world);
    let boxctl = format!(
        "#!/bin/sh\ntest $1 = create || exit 4\n{1}\n\
         trap '' TERM; echo $$ >{0}.new; mv {0}.new {0}; while :; do sleep 1; done\n",
        tool.display(),
        daemonise(&program, &daemon),
    );
    for signal in [Signal::KILL, Signal::INT] {
        let mut host = crate::exec_run::command(&world, &boxctl, &["run", "--", "true"]);
        let mut host = host.stderr(process::Stdio::null()).spawn().expect("runs");
        let (process, other) = (wait_for(&tool), wait_for(&daemon));
        kill_process(Pid::from_child(&host), signal).expect("signals");
        host.wait().expect("ends");
        is_gone(process);
        is_gone(other);
        fs::remove_file(&tool).expect("removes");
        fs::remove_file(&daemon).expect("removes");
    }
}
