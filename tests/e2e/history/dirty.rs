//! Whether a run was on its commit's tree, and on nothing else.

use super::{json, last, text};
use crabbox_tests::World;
use rustix::process::{Pid, test_kill_process};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A line that ends once it is known here what the commit holds: the box is on this machine.
fn until_known(world: &World) -> String {
    let known = world.root().join("cache/crabbox/commits");
    format!("until ls '{}'/* >/dev/null 2>&1; do sleep 0.01; done", known.display())
}

type Change = fn(&World);

fn dirty(world: &World, line: &str) -> Value {
    assert_eq!(world.shell(line).code, 0);
    last(world)["dirty"].clone()
}

#[test]
fn a_run_says_whether_its_tree_is_the_commits() {
    let world = World::new();
    assert_eq!(dirty(&world, &until_known(&world)), json!(false));
    let shown = world.crabbox(&["inspect", &text(&last(&world)["id"])]);
    assert!(shown.stdout.contains(", without changes\n"), "{}", shown.stdout);
    // From then on it is known without git, however short a run is.
    assert_eq!(dirty(&world, "true"), json!(false));
    let changes: [(&str, Change, bool); 5] = [
        ("modified", |world| world.write("hello.txt", "other\n"), true),
        ("staged", |world| world.git(&["add", "hello.txt"]), true),
        ("as it was", |world| world.git(&["reset", "-q", "--hard"]), false),
        ("not tracked", |world| world.write("new.txt", ""), true),
        ("ignored", |world| world.write(".git/info/exclude", "new.txt\n"), false),
    ];
    for (what, change, expected) in changes {
        change(&world);
        assert_eq!(dirty(&world, "true"), json!(expected), "{what}");
    }
    world.write("hello.txt", "other\n");
    assert_eq!(dirty(&world, "true"), json!(true));
    let shown = world.crabbox(&["inspect", &text(&last(&world)["id"])]);
    assert!(shown.stdout.contains(", with changes\n"), "{}", shown.stdout);
    assert_eq!(json(&world.crabbox(&["history", "--json"]))["runs"][0]["dirty"], json!(true));
}

#[test]
fn what_may_be_another_to_git_is_not_told() {
    let world = World::new();
    assert_eq!(dirty(&world, &until_known(&world)), json!(false));
    world.write("hello.txt", "other\n");
    assert_eq!(dirty(&world, "true"), json!(true));
    let [home, config] = ["home/.gitconfig", "config/git/config"].map(|at| world.root().join(at));
    for file in [home, config] {
        fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
        fs::write(&file, "[core]\n\tattributesFile = ~/attributes\n").expect("writes");
        assert_eq!(dirty(&world, "true"), Value::Null, "{}", file.display());
        fs::remove_file(&file).expect("removes");
    }
    assert_eq!(dirty(&world, "true"), json!(true));
}

#[test]
fn files_that_git_converts_are_the_commits_as_long_as_they_look_so() {
    let world = World::new();
    world.write(".gitattributes", "*.txt text eol=crlf\n");
    world.commit();
    let file = world.checkout().join("hello.txt");
    fs::remove_file(&file).expect("removes");
    world.git(&["checkout", "-q", "--", "hello.txt"]);
    let content = fs::read_to_string(&file).expect("reads");
    assert!(content.ends_with("\r\n"), "{content:?}");
    let old = SystemTime::now() - Duration::from_mins(1);
    fs::File::open(&file).and_then(|file| file.set_modified(old)).expect("a time");
    world.git(&["update-index", "-q", "--refresh"]);
    assert_eq!(dirty(&world, &until_known(&world)), json!(false));
    world.write("hello.txt", &content.to_uppercase());
    assert_eq!(dirty(&world, "true"), Value::Null);
}

#[test]
fn what_is_tracked_and_stays_here_leaves_it_open() {
    let world = World::new();
    world.write(".crabboxignore", "hello.txt\n");
    world.commit();
    let line = until_known(&world);
    assert_eq!(dirty(&world, &line), Value::Null);
    let shown = world.crabbox(&["inspect", &text(&last(&world)["id"])]);
    assert!(!shown.stdout.contains(" changes\n"), "{}", shown.stdout);
}

#[test]
fn where_there_is_no_commit_there_is_no_answer() {
    let world = World::new();
    world.git(&["checkout", "-q", "--orphan", "empty"]);
    assert_eq!(dirty(&world, "true"), Value::Null);
    fs::remove_dir_all(world.checkout().join(".git")).expect("removes");
    assert_eq!(world.crabbox(&["run", "--from-dir", ".", "--", "true"]).code, 0);
    assert_eq!(last(&world)["dirty"], Value::Null);
}

/// A folder with a git in it that goes by this line of a shell where it is asked what a commit holds.
fn git_that(world: &World, line: &str) -> PathBuf {
    let folder = world.root().join("other");
    fs::create_dir(&folder).expect("a folder");
    let git = folder.join("git");
    let path = std::env::var("PATH").expect("a path");
    let text = format!(
        "#!/bin/sh\nhere='{}'\nPATH='{path}'\ncase \" $* \" in *' ls-tree '*) {line};; esac\nexec git \"$@\"\n",
        folder.display(),
    );
    fs::write(&git, text).expect("writes");
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).expect("a mode");
    folder
}

/// The status of a run of this line where that git comes first.
fn run_beside(world: &World, git: &Path, line: &str) -> Option<i32> {
    let path = format!("{}:{}", git.display(), std::env::var("PATH").expect("a path"));
    let mut run = world.command(&["run", "--shell", line]);
    run.env("PATH", path).status().expect("runs").code()
}

/// A line that ends once there is this file.
fn until_there(file: &Path) -> String {
    format!("until [ -e '{}' ]; do sleep 0.01; done", file.display())
}

#[test]
fn nobody_waits_for_git() {
    let world = World::new();
    let line = "echo $$ >\"$here/.pid\"; mv \"$here/.pid\" \"$here/pid\"; exec sleep 20";
    let slow = git_that(&world, line);
    let pid = slow.join("pid");
    assert_eq!(run_beside(&world, &slow, &until_there(&pid)), Some(0));
    let pid = fs::read_to_string(pid).expect("it was asked");
    let pid = Pid::from_raw(pid.trim().parse().expect("a number")).expect("a process");
    test_kill_process(pid).expect("it is still at work");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("ends");
    assert_eq!(last(&world)["dirty"], Value::Null);
    // Of what isn't tracked nobody has to know what the commit holds.
    world.write("new.txt", "");
    assert_eq!(dirty(&world, "true"), json!(true));
}

#[test]
fn nothing_that_a_repository_configures_is_run_for_it() {
    let world = World::new();
    let trap = world.executable("trap.sh", Path::new("/bin/true"));
    let sprung = world.root().join("sprung");
    fs::remove_file(&trap).expect("removes");
    fs::write(&trap, format!("#!/bin/sh\necho \"$*\" >>'{}'\ncat\n", sprung.display()))
        .expect("writes");
    fs::set_permissions(&trap, fs::Permissions::from_mode(0o755)).expect("a mode");
    world.write(".gitattributes", "* filter=trap diff=trap\n");
    world.commit();
    let trap = trap.display().to_string();
    for name in [
        "core.fsmonitor",
        "core.hooksPath",
        "core.pager",
        "pager.ls-tree",
        "pager.ls-files",
        "core.sshCommand",
        "core.gitProxy",
        "filter.trap.clean",
        "filter.trap.smudge",
        "filter.trap.process",
        "diff.external",
        "diff.trap.command",
        "diff.trap.textconv",
        "remote.origin.uploadpack",
        "credential.helper",
    ] {
        world.git(&["config", name, &trap]);
    }
    assert_eq!(dirty(&world, &until_known(&world)), json!(false));
    world.write("hello.txt", "other\n");
    // Of a file that a filter may change nobody knows.
    assert_eq!(dirty(&world, "true"), Value::Null);
    assert!(!sprung.exists(), "{:?}", fs::read_to_string(&sprung));
    // What a commit holds is missing here, and is to be had from somebody.
    for (name, value) in [
        ("extensions.partialClone", "origin"),
        ("core.repositoryFormatVersion", "1"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", "ssh://nowhere.invalid/repository"),
    ] {
        world.git(&["config", name, value]);
    }
    world.git(&["-c", "filter.trap.process=", "-c", "filter.trap.clean=", "commit", "-qam", "m"]);
    let tree = std::process::Command::new("git")
        .current_dir(world.checkout())
        .args(["rev-parse", "HEAD^{tree}"])
        .output()
        .expect("git runs");
    let tree = String::from_utf8(tree.stdout).expect("text");
    let (folder, file) = tree.trim().split_at(2);
    fs::remove_file(world.checkout().join(".git/objects").join(folder).join(file)).expect("there");
    let _ = fs::remove_file(&sprung);
    let line = "git \"$@\"; code=$?; echo $code >\"$here/.said\"; mv \"$here/.said\" \"$here/said\"; \
        exit $code";
    let watched = git_that(&world, line);
    let said = watched.join("said");
    assert_eq!(run_beside(&world, &watched, &until_there(&said)), Some(0));
    assert_ne!(fs::read_to_string(said).expect("it was asked"), "0\n");
    assert_eq!(last(&world)["dirty"], Value::Null);
    assert!(!sprung.exists(), "{:?}", fs::read_to_string(&sprung));
}
