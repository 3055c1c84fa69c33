//! A new workspace: recorded before it is made, made without a question, and used once its agent is there.

use crabbox_test_coder::{ACTIVE_VERSION, Agent, Ending, Parameter, Preset, Script, State};
use crabbox_tests::{Coder, Ran, until};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;

/// It isn't made, and that is why.
fn refused(coder: &Coder, more: &[&str], code: i32, says: &[&str]) {
    let ran = coder.crabbox(&[&["warmup"][..], more].concat());
    assert_eq!(ran.code, code, "{ran:?}");
    for text in says {
        assert!(ran.stderr.contains(text), "{text}: {ran:?}");
    }
    assert!(coder.deployment.state().names().is_empty(), "{ran:?}");
    // Nobody has to clean up after a slip.
    assert!(coder.world.leases(&[]).is_empty(), "{ran:?}");
}

fn parameters(state: &mut State) {
    let demo = state.template("demo");
    demo.parameters = vec![Parameter::new("region", Some("eu")), Parameter::new("tag", Some(""))];
    let small = ("region".to_owned(), "us".to_owned());
    demo.presets =
        vec![Preset { name: "Big".to_owned(), is_default: true, parameters: vec![small] }];
}

#[test]
fn names_keep_to_the_rules_and_to_the_prefix() {
    let coder = Coder::new();
    for (more, start) in [(&[][..], "crabbox-"), (&["--coder-prefix", "ci", "--fresh"], "ci-")] {
        let ran = coder.crabbox(&[&["warmup"][..], more].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        let state = coder.deployment.state();
        let name = state.names().last().copied().unwrap_or_default();
        assert!(name.starts_with(start) && name.len() <= 32, "{name}");
    }
    // Another prefix disowns nothing.
    let ran = coder.crabbox(&["run", "--coder-prefix", "x", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(coder.deployment.state().names().len(), 2);
}

#[test]
fn what_is_said_of_a_template_is_checked_before_anything_is_made() {
    let coder = Coder::with(parameters);
    refused(&coder, &["--coder-template", "dmeo"], 2, &["dmeo", "set template to one of: demo"]);
    let both = ["--coder-template", "dmeo", "--coder-preset", "Big"];
    refused(&coder, &both, 2, &["`dmeo`", "set template to one of: demo"]);
    refused(&coder, &["--coder-preset", "big"], 2, &["has no preset `big`", "Big"]);
    let both = ["--coder-preset", "Big", "--coder-parameters", "region=eu"];
    refused(&coder, &both, 2, &["a value of its own for `region`"]);
    refused(
        &coder,
        &["--coder-parameters", "regoin=eu"],
        2,
        &["`coder create`", "Did you mean: region"],
    );
    let file = coder.world.root().join("no-such-file").display().to_string();
    refused(&coder, &["--coder-parameter-file", &file], 2, &[&file]);
    refused(&coder, &["--coder-organization", "zzz"], 2, &["zzz"]);
    refused(&coder, &["--coder-work-root", "/home/ann"], 2, &["work root", "~/crabbox"]);
    let calls = coder.calls().join("\n");
    assert!(!calls.contains("no-such-file"), "{calls}");
}

/// Such a template passes over an unknown one in silence.
#[test]
fn an_unknown_preset_is_an_error_where_there_are_none_too() {
    let coder = Coder::new();
    refused(&coder, &["--coder-preset", "nope"], 2, &["has no preset `nope`", "none"]);
}

#[test]
fn a_parameter_without_a_value_is_named() {
    let coder = Coder::with(|state| {
        state.template("demo").parameters = vec![Parameter::new("project", None)];
    });
    refused(&coder, &[], 2, &["`project` has no value", "set parameters"]);
}

/// Coder doesn't say which, nor why.
#[test]
fn a_value_that_the_template_refuses_is_said_to_be_one() {
    let coder = Coder::with(|state| {
        let mut region = Parameter::new("region", Some("eu"));
        region.options = vec!["eu".to_owned(), "us".to_owned()];
        state.template("demo").parameters = vec![region];
    });
    let says = ["dry-run", "most likely a value of `parameters`"];
    refused(&coder, &["--coder-parameters", "region=mars"], 2, &says);
}

/// A closed pipe would have its lists to pick from hang.
#[test]
fn nobody_is_there_to_be_asked() {
    let coder = Coder::new();
    let noted = coder.world.root().join("noted");
    let script = format!(
        "#!/bin/sh\necho $1 $(readlink /proc/$$/fd/0) >>'{}'\nexec '{}' \"$@\"\n",
        noted.display(),
        coder.program().display()
    );
    let made = coder.world.root().join("noting.sh");
    fs::write(&made, script).expect("a script");
    let program = coder.world.executable("noting/coder", &made).display().to_string();
    for line in [&["run", "--coder-cli", &program, "--", "true"][..]; 2] {
        let ran = coder.crabbox(line);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let noted = fs::read_to_string(noted).expect("calls");
    for command in ["create", "start", "stop", "list"] {
        assert!(noted.contains(&format!("{command} /dev/null\n")), "{command}: {noted}");
    }
}

#[test]
fn values_arrive_as_they_are() {
    let coder = Coder::with(parameters);
    let value = "a,\"b\" c=d";
    let pair = format!("tag={value}");
    let ran = coder.crabbox(&["warmup", "--coder-parameters", &pair]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let state = coder.deployment.state();
    let tag = ("tag".to_owned(), value.to_owned());
    assert!(state.workspaces[0].parameters.contains(&tag), "{:?}", state.workspaces[0]);
}

#[test]
fn a_login_elsewhere_is_asked_for_and_not_waited_for() {
    let page = "https://coder.example.test/external-auth/github";
    let coder = Coder::with(|state| {
        let auth = ("GitHub".to_owned(), page.to_owned());
        state.template("demo").external_auth = Some(auth);
    });
    refused(&coder, &[], 3, &["GitHub", page]);
    until("nothing of coder is left", || coder.processes().is_empty());
}

/// Why is in the log alone. What was made all the same is stopped.
#[test]
fn a_build_that_fails_says_why() {
    let coder = Coder::with(|state| {
        let log = ["Error: local-exec provisioner error", "", "no capacity left in the pool"];
        state.template("demo").fails = Some(log.map(str::to_owned).into());
    });
    let ran = coder.crabbox(&["warmup"]);
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.stderr.contains("no capacity left in the pool"), "{ran:?}");
    let state = coder.deployment.state();
    assert_eq!(state.doing(state.names()[0]), "stopped");
}

#[test]
fn a_quota_is_one() {
    let coder = Coder::with(|state| state.template("demo").over_quota = true);
    let ran = coder.crabbox(&["warmup"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(ran.stderr.contains("insufficient quota"), "{ran:?}");
}

#[test]
fn scripts_are_waited_for_as_they_say_or_as_the_user_says() {
    goes_on_and_waits(Script::Blocks, "no", "auto");
    goes_on_and_waits(Script::Lasts, "auto", "yes");
}

/// With one setting a script is left to itself, with another it is waited for.
fn goes_on_and_waits(script: Script, goes_on: &str, waits: &str) {
    let coder = Coder::with(|state| {
        state.template("demo").agents[0].script = Some(script);
        state.scripts_held = true;
    });
    let ran = coder.crabbox(&["warmup", "--coder-wait", goes_on]);
    assert_eq!(ran.code, 0, "{ran:?}");
    coder.deployment.forget_calls();
    let mut waiting = coder.command(&["warmup", "--fresh", "--coder-wait", waits]);
    let mut waiting = waiting.spawn().expect("it runs");
    let is_there = || coder.deployment.state().names().len() == 2;
    until("the second is made", is_there);
    let looks = || coder.calls().iter().filter(|call| call.contains("--search id:")).count();
    until("it is looked at", || looks() >= 1);
    assert!(waiting.try_wait().expect("it runs").is_none());
    coder.deployment.change(|state| state.scripts_held = false);
    assert!(waiting.wait().expect("it ends").success());
}

fn one_that_does_not_connect() -> Coder {
    Coder::with(|state| {
        state.template("demo").agents = vec![Agent { connects: false, ..Agent::new("main") }];
    })
}

/// `coder ssh` would wait for ever.
#[test]
fn an_agent_that_never_connects_is_the_reason() {
    let coder = one_that_does_not_connect();
    let ran = Ran::of(coder.command(&["warmup"]).env("CRABBOX_FAULT", "<<4000"));
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("agent is taking too long to connect"), "{ran:?}");
    let state = coder.deployment.state();
    assert_eq!(state.doing(state.names()[0]), "stopped");
}

/// What its template calls too long may be less than its machine takes to boot.
#[test]
fn an_agent_that_takes_too_long_to_connect_may_still_come() {
    let coder = one_that_does_not_connect();
    let mut waiting = coder.command(&["warmup"]).spawn().expect("it runs");
    let looks = || coder.calls().iter().filter(|call| call.contains("id:")).count();
    until("it is looked at again", || looks() >= 2);
    coder.deployment.change(|state| state.template("demo").agents[0].connects = true);
    assert!(waiting.wait().expect("it ends").success());
}

/// It is found again by its name, proven, and stopped.
#[test]
fn a_create_whose_answer_is_lost_leaves_nothing_running() {
    let coder = Coder::with(|state| state.trouble.loses_create = true);
    let ran = coder.crabbox(&["warmup"]);
    assert_ne!(ran.code, 0, "{ran:?}");
    let state = coder.deployment.state();
    assert_eq!(state.doing(state.names()[0]), "stopped");
}

/// A warmup whose workspace is being built when everything of it is killed.
fn killed() -> Coder {
    let coder = Coder::with(|state| state.held = true);
    let mut child = coder.command(&["warmup"]).spawn().expect("it runs");
    until("the workspace is made", || !coder.deployment.state().names().is_empty());
    let _ = kill_process(Pid::from_child(&child), Signal::KILL);
    child.wait().expect("it ends");
    until("nothing of coder is left", || coder.processes().is_empty());
    coder.deployment.change(|state| state.held = false);
    coder
}

#[test]
fn what_a_killed_command_has_made_is_taken_up() {
    let coder = killed();
    let ran = coder.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
    assert_eq!(coder.deployment.state().names().len(), 1);
}

#[test]
fn what_cannot_be_told_to_be_ours_is_left_alone() {
    let coder = killed();
    let name = coder.deployment.state().names()[0].to_owned();
    // Coder takes names that differ in nothing but that for one.
    let name = name.to_uppercase();
    coder.deployment.change(|state| {
        let workspace = &mut state.workspaces[0];
        workspace.build.number = 2;
        workspace.name.clone_from(&name);
    });
    let ran = coder.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains(&name), "{ran:?}");
    assert_eq!(coder.deployment.state().doing(&name), "running");
}

#[test]
fn a_version_of_the_template_is_handed_on() {
    let coder = Coder::with(parameters);
    let wanted = ["warmup", "--coder-template-version", ACTIVE_VERSION, "--coder-preset", "Big"];
    let ran = coder.crabbox(&wanted);
    assert_eq!(ran.code, 0, "{ran:?}");
    let state = coder.deployment.state();
    assert_eq!(state.workspaces[0].version.as_deref(), Some(ACTIVE_VERSION));
    // What its presets are is a matter of the version, too.
    let calls = coder.calls();
    let of_version = calls.iter().filter(|call| call.contains("--template-version"));
    let of_version: Vec<_> = of_version.map(|call| &call[..7]).collect();
    assert_eq!(of_version, ["templat", "create "], "{calls:?}");
}

#[test]
fn a_file_of_parameters_is_handed_on() {
    let coder = Coder::with(parameters);
    let file = coder.world.root().join("parameters.yaml");
    fs::write(&file, "region: us\n").expect("a file");
    let ran = coder.crabbox(&["warmup", "--coder-parameter-file", &file.display().to_string()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let region = ("region".to_owned(), "us".to_owned());
    assert!(coder.deployment.state().workspaces[0].parameters.contains(&region));
}

/// Only what is said counts.
#[test]
fn a_default_that_is_not_taken_is_asked_for_by_name() {
    let coder = Coder::with(parameters);
    let none = ["--coder-parameter-defaults=false", "--coder-parameters", "tag=x"];
    refused(&coder, &none, 2, &["`region` has no value", "set parameters"]);
}

#[test]
fn a_queue_is_the_reason_of_a_wait() {
    let coder = Coder::with(|state| (state.held, state.queue) = (true, 3));
    let said = coder.world.root().join("said");
    let mut command = coder.command(&["warmup"]);
    command.stderr(fs::File::create(&said).expect("a file"));
    let mut child = command.spawn().expect("it runs");
    let tells = || fs::read_to_string(&said).is_ok_and(|said| said.contains("at position 3"));
    until("it is told of", tells);
    coder.deployment.change(|state| (state.held, state.queue) = (false, 0));
    assert!(child.wait().expect("it ends").success());
}

/// The command says nothing of it.
#[test]
fn a_first_build_that_somebody_cancels_is_told_of_and_nothing_runs() {
    for ending in [Ending::Canceled, Ending::Broken] {
        let coder = Coder::with(|state| (state.held, state.queue) = (true, 3));
        let said = coder.world.root().join("said");
        let mut command = coder.command(&["warmup"]);
        command.stderr(fs::File::create(&said).expect("a file"));
        let mut child = command.spawn().expect("it runs");
        until("the workspace is made", || !coder.deployment.state().names().is_empty());
        coder.deployment.change(|state| {
            state.workspaces[0].build.ends = ending;
            (state.held, state.queue) = (false, 0);
        });
        assert_eq!(child.wait().expect("it ends").code(), Some(6));
        let said = fs::read_to_string(&said).expect("it is told");
        let why = if ending == Ending::Canceled { "has cancelled" } else { "exit status 1" };
        assert!(said.contains(why), "{ending:?}: {said}");
        let state = coder.deployment.state();
        assert_eq!(state.doing(state.names()[0]), "stopped", "{ending:?}: {said}");
    }
}

/// At its end a box is what the line that leased it said.
#[test]
fn a_workspace_is_deleted_at_its_end_where_that_is_said() {
    let coder = Coder::new();
    let ran = coder.crabbox(&["run", "--release", "delete", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(coder.deployment.state().names().is_empty());
    let mut command = coder.command(&["run", "--", "true"]);
    assert_eq!(Ran::of(command.env("CRABBOX_LEASE_RELEASE", "delete")).code, 0);
    assert!(coder.deployment.state().names().is_empty());
}
