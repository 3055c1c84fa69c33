//! A whole run through a provider that does everything through a tool: with the tool, onto a cassette, and from it.

use crabbox_tests::{Ran, World};
use std::env;
use std::fs;
use std::process::Command;

/// A tool whose boxes are folders.
pub(crate) fn boxctl(world: &World) -> String {
    format!(
        r#"#!/bin/sh
boxes={}/boxes
case $1 in
create) mkdir -p "$boxes/$2"; echo "warming $2 up" >&2; echo "opensesame" >"$boxes/$2/key" ;;
show) test -d "$boxes/$2" || exit 4 ;;
stop) exit 0 ;;
delete) rm -r "$boxes/$2"; exit ;;
esac
echo "id-of-$2 $boxes/$2"
"#,
        world.root().display()
    )
}

/// Crabbox with this tool as `boxctl` on its path.
pub(crate) fn command(world: &World, boxctl: &str, arguments: &[&str]) -> Command {
    let script = world.root().join("script");
    fs::write(&script, boxctl).expect("a file");
    let tool = world.executable("bin/boxctl", &script);
    assert!(tool.ends_with("bin/boxctl"));
    without(world, arguments)
}

/// Crabbox without it, if it isn't there.
fn without(world: &World, arguments: &[&str]) -> Command {
    let path = world.provider_path("crabbox_provider_tools").display().to_string();
    let provider = ["--provider-path", &path];
    let mut command = world.command(&[&provider, arguments].concat());
    let bin = world.root().join("bin").display().to_string();
    let path = env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{bin}:{path}")).env("CRABBOX_PROVIDER", "tools");
    command
}

fn run(command: &mut Command) -> Ran {
    Ran::of(command)
}

const RUN: [&str; 4] = ["run", "--", "cat", "hello.txt"];

#[test]
fn a_run_whose_tools_are_recorded_is_repeated_without_them() {
    let world = World::new();
    let cassette = world.root().join("run.toml");
    let mut recorded = command(&world, &boxctl(&world), &RUN);
    let recorded = run(recorded.env("CRABBOX_CASSETTE_RECORD", &cassette));
    assert_eq!((recorded.code, recorded.stdout.as_str()), (0, "hello\n"), "{}", recorded.stderr);
    assert!(recorded.stderr.contains("warming cbx_"), "{}", recorded.stderr);
    let text = fs::read_to_string(&cassette).expect("a cassette");
    assert!(text.contains("\"create\"") && text.contains("\"stop\""), "{text}");
    assert!(text.contains("id-of-${lease} ") && !text.contains("cbx_"), "{text}");

    fs::remove_dir_all(world.root().join("bin")).expect("removes");
    fs::remove_dir_all(world.root().join("boxes")).expect("removes");
    let fresh = ["run", "--fresh", "--", "cat", "hello.txt"];
    let mut repeated = without(&world, &fresh);
    let repeated = run(repeated.env("CRABBOX_CASSETTE_REPLAY", &cassette));
    assert_eq!((repeated.code, repeated.stdout.as_str()), (0, "hello\n"), "{}", repeated.stderr);
    assert!(repeated.stderr.contains("answered from"), "{}", repeated.stderr);
}

#[test]
fn a_call_that_the_cassette_has_not_or_has_too_often_fails_the_command() {
    let world = World::new();
    let cassette = world.root().join("run.toml");
    let root = world.root().join("box").display().to_string();
    let create = format!(
        "[[call]]\nargv = ['boxctl', 'create', '${{lease}}']\nexit = 0\nstdout = 'id {root}'\n"
    );
    fs::write(
        &cassette,
        format!("{create}[[call]]\nargv = ['boxctl', 'park', '${{lease}}']\nexit = 0\n"),
    )
    .expect("a file");
    let ran = run(without(&world, &RUN).env("CRABBOX_CASSETTE_REPLAY", &cassette));
    assert_eq!((ran.code, ran.stdout.as_str()), (125, "hello\n"), "{}", ran.stderr);
    let expected = [
        "doesn't fit",
        "a call that isn't on the cassette: `boxctl stop cbx_",
        "the nearest is call 2:",
        "- park",
        "+ stop",
        "call 2 of the cassette was never made: `boxctl park ${lease}`",
    ];
    for expected in expected {
        assert!(ran.stderr.contains(expected), "{expected}: {}", ran.stderr);
    }
}

#[test]
fn a_cassette_that_can_not_be_read_stops_before_anything() {
    let world = World::new();
    let cassette = world.root().join("run.toml");
    fs::write(&cassette, "[[call]]\nargv = ['boxctl']\n").expect("a file");
    let ran = run(without(&world, &RUN).env("CRABBOX_CASSETTE_REPLAY", &cassette));
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("exactly one of `exit`, `signal` and `error`"), "{}", ran.stderr);
    let mut both = without(&world, &["list"]);
    both.env("CRABBOX_CASSETTE_REPLAY", &cassette).env("CRABBOX_CASSETTE_RECORD", &cassette);
    assert_eq!(run(&mut both).code, 2);
    assert!(world.crabbox(&["list", "--all"]).stdout.is_empty());
}

#[test]
fn a_tool_gets_no_descriptor_that_crabbox_was_given() {
    let world = World::new();
    let list = format!("#!/bin/sh\nls /proc/self/fd >{}/list\n", world.root().display());
    let run = command(&world, &list, &RUN);
    let mut given = Command::new("sh");
    given.args(["-c", "exec 9<hello.txt; exec \"$@\"", "sh"]).arg(run.get_program());
    given.args(run.get_args()).current_dir(world.checkout()).env_clear();
    given.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert_eq!(Ran::of(&mut given).code, 125, "boxctl says nothing");
    let list = fs::read_to_string(world.root().join("list")).expect("a list");
    // The fourth is the shell's script, the last one the folder that `ls` reads.
    let most = list.lines().count();
    assert!(most <= 5 && !list.lines().any(|number| number == "9"), "{list}");
}

#[test]
fn a_tool_of_the_checkout_is_never_run() {
    let world = World::new();
    let script = world.root().join("script");
    fs::write(&script, format!("#!/bin/sh\n: >{}/ran\n", world.root().display())).expect("a file");
    let mut planted = without(&world, &RUN);
    let bin = world.executable("checkout/bin/boxctl", &script);
    let bin = bin.parent().expect("a folder").display().to_string();
    let path = env::var("PATH").unwrap_or_default();
    let ran = run(planted.env("PATH", format!("bin:{bin}:{path}")));
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("is only found inside the checkout"), "{}", ran.stderr);
    assert!(!world.root().join("ran").exists());
}
