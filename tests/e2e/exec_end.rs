//! How external commands of a provider end: with all that they have started, and with whoever wanted them.

use crate::exec::{LONG, doctor, open, run, run_with, shell};
use crabbox::provider::ProviderError;
use crabbox_tests::{World, is_alive, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::Duration;

/// The process whose number is in this text.
fn process_in(text: &Value) -> Pid {
    let number = text.as_str().and_then(|text| text.trim().parse().ok()).expect("a number");
    Pid::from_raw(number).expect("a process")
}

fn is_gone(process: Pid) {
    until("the process is gone", || !is_alive(process));
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

/// Runs a tool in a hook whose time is up, or that ends the provider; returns what came of it.
fn broken_off(dies: bool, longest: Duration) -> Result<Vec<Value>, ProviderError> {
    let world = World::new();
    let file = world.root().join("number");
    let line =
        format!("trap '' TERM; echo $$ >{}; echo runs; while :; do sleep 1; done", file.display());
    let order = json!([{ "command": shell(&line).deadline(LONG), "dies": dies }]);
    let mut provider = open(&world);
    let came = doctor(&mut provider, &order, longest);
    let tool = process_in(&json!(fs::read_to_string(file).expect("a number")));
    assert!(!is_alive(tool), "it is gone when the call is over, not with the provider");
    came
}

#[test]
fn a_hook_whose_time_is_up_answers_what_came_of_its_tool() {
    // It ignores what it is asked: the hook is still there when it is killed.
    let came = broken_off(false, Duration::from_secs(2)).expect("it answers");
    assert_eq!(came[0]["error"], "cancelled", "{came:?}");
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
    let came = doctor(&mut open(&world), &both, Duration::from_secs(2)).expect("it answers");
    assert!(came.iter().all(|one| one["error"] == "cancelled"), "{came:?}");
    for name in ["a", "b"] {
        assert!(world.root().join(format!("{name}-saw")).exists(), "{name} was asked too late");
        is_gone(wait_for(&world.root().join(name)));
    }
}

#[test]
fn a_provider_that_dies_takes_its_tools_along() {
    let error = broken_off(true, LONG).expect_err("it ends");
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
