//! The tree on the box is exactly the tree here.

use crabbox_tests::{Ran, World, until};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Stdio;

#[test]
fn every_kind_of_file_arrives_as_it_is() {
    let world = World::new();
    world.write("tool", "#!/bin/sh\necho ran\n");
    let path = world.checkout().join("tool");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    world.write("empty", "");
    world.write("odd \n name", "odd");
    world.write(".gitignore", "*.log\n");
    world.write("kept.log", "tracked though ignored");
    world.write("dropped.log", "ignored");
    world.git(&["add", "-f", "kept.log"]);
    symlink("hello.txt", world.checkout().join("link")).expect("a link");
    symlink("/no/where", world.checkout().join("dangling")).expect("a link");
    let ran = world.shell("./tool && readlink dangling && cat link && ls -A");
    assert_eq!(
        ran.stdout,
        "ran\n/no/where\nhello\n.gitignore\ndangling\nempty\nhello.txt\nkept.log\nlink\nodd \n name\ntool\n"
    );
}

#[test]
fn only_what_changed_is_sent_and_caches_stay() {
    let world = World::new();
    world.write(".gitignore", "cache/\n");
    world.write("src/a", "1");
    world.write("src/b", "1");
    assert_eq!(world.shell("mkdir cache && date >cache/made").code, 0);
    world.write("src/a", "2");
    fs::remove_file(world.checkout().join("src/b")).expect("removes");
    let ran = world.shell("cat src/a cache/made && ls src");
    assert!(ran.stderr.contains("1 file sent, 1 removed"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with('2') && ran.stdout.ends_with("\na\n"), "{}", ran.stdout);
}

#[test]
fn drift_on_the_box_is_repaired() {
    let world = World::new();
    world.write("src/a", "right");
    assert_eq!(world.shell("true").code, 0);
    let outside = world.root().join("outside");
    fs::create_dir(&outside).expect("a folder");
    let drifts = [
        "echo wrong >src/a",
        "rm src/a",
        "rm -r src; echo file >src",
        "rm -r src; mkdir -p src/a/deep",
        "chmod +x src/a",
        &format!("rm -r src; ln -s {} src", outside.display()),
    ];
    for drift in drifts {
        assert_eq!(world.shell(drift).code, 0, "{drift}");
        let ran = world.shell("cat src/a; test ! -x src/a && test ! -L src");
        assert_eq!((ran.stdout.as_str(), ran.code), ("right", 0), "{drift}: {}", ran.stderr);
    }
    assert_eq!(fs::read_dir(outside).expect("reads").count(), 0);
}

#[test]
fn a_file_becomes_a_folder_and_back() {
    let world = World::new();
    world.write("thing", "file");
    assert_eq!(world.shell("cat thing").stdout, "file");
    fs::remove_file(world.checkout().join("thing")).expect("removes");
    world.write("thing/inside", "folder");
    assert_eq!(world.shell("cat thing/inside").stdout, "folder");
    fs::remove_dir_all(world.checkout().join("thing")).expect("removes");
    world.write("thing", "file again");
    assert_eq!(world.shell("cat thing").stdout, "file again");
}

#[test]
fn what_lies_behind_a_link_is_not_part_of_the_tree() {
    let world = World::new();
    world.write("a/b", "1");
    world.commit();
    fs::rename(world.checkout().join("a"), world.checkout().join("real")).expect("moves");
    symlink("real", world.checkout().join("a")).expect("a link");
    let ran = world.shell("test -L a && cat a/b && ls");
    assert_eq!(ran.stdout, "1a\nhello.txt\nreal\n", "{}", ran.stderr);
    let again = world.shell("true");
    assert!(again.stderr.contains("tree unchanged"), "{}", again.stderr);
}

#[test]
fn a_written_file_is_new_to_make() {
    let world = World::new();
    world.write("Makefile", "out: in\n\tcp in out\n");
    world.write(".gitignore", "out\n");
    world.write("in", "1");
    assert_eq!(world.shell("make -s && cat out").stdout, "1");
    // Newer content with an older time, as a checkout of another branch may leave it.
    world.write("in", "2");
    let file = fs::File::options().write(true).open(world.checkout().join("in")).expect("opens");
    file.set_modified(std::time::UNIX_EPOCH).expect("a time");
    assert_eq!(world.shell("make -s && cat out").stdout, "2");
    let idle = world.shell("make");
    assert!(idle.stdout.contains("up to date"), "{}", idle.stdout);
}

#[test]
fn most_of_a_tree_is_not_deleted_by_mistake() {
    let world = World::new();
    for number in 0..250 {
        world.write(&format!("many/{number}"), "x");
    }
    world.commit();
    assert_eq!(world.shell("true").code, 0);
    fs::remove_dir_all(world.checkout().join("many")).expect("removes");
    let refused = world.shell("true");
    assert_eq!(refused.code, 125);
    assert!(refused.stderr.contains("--allow-mass-deletion"), "{}", refused.stderr);
    assert!(world.workspace().join("many/0").exists());
    // A host that has forgotten what it sent is no more daring.
    fs::remove_dir_all(world.root().join("cache/crabbox/bases")).expect("removes");
    assert_eq!(world.shell("true").code, 125);
    let allowed = world.crabbox(&["run", "--allow-mass-deletion", "--", "ls"]);
    assert_eq!(allowed.stdout, "hello.txt\n");
}

#[test]
fn a_folder_that_is_no_checkout_is_sent_when_asked_for() {
    let world = World::new();
    let folder = world.root().join("plain");
    fs::create_dir_all(folder.join("empty")).expect("a folder");
    fs::write(folder.join("file"), "").expect("a file");
    let mut refused = world.command(&["run", "--", "ls"]);
    let refused = refused.current_dir(&folder).output().expect("runs");
    assert_eq!(refused.status.code(), Some(125));
    let path = folder.display().to_string();
    let ran = world.crabbox(&["run", "--from-dir", &path, "--", "ls"]);
    assert_eq!(ran.stdout, "empty\nfile\n");
}

#[test]
fn a_large_file_and_a_lost_belief_survive() {
    let world = World::new();
    world.write("large", &"0123456789abcdef".repeat(300_000));
    assert_eq!(world.shell("wc -c <large").stdout.trim(), "4800000");
    // The host forgets what it sent: the box tells.
    fs::remove_dir_all(world.root().join("cache/crabbox/bases")).expect("removes");
    world.write("hello.txt", "changed\n");
    let ran = world.shell("cat hello.txt");
    assert_eq!(ran.stdout, "changed\n");
    assert!(ran.stderr.contains("1 file sent"), "{}", ran.stderr);
}

/// A `git` in front of the real one, which does this before it lists files.
fn slow_git(world: &World, before: &str) -> OsString {
    let folder = world.root().join("slow");
    fs::create_dir_all(&folder).expect("a folder");
    let git = folder.join("git");
    let lines = format!(
        "#!/bin/sh\nPATH=${{PATH#*:}}\ncase \"$*\" in *ls-files*) {before};; esac\nexec git \"$@\"\n"
    );
    fs::write(&git, lines).expect("a program");
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).expect("a mode");
    let path = std::env::var_os("PATH").expect("a path");
    [folder.as_os_str(), OsStr::new(":"), &path].into_iter().collect()
}

/// Waits, in shell, until the helper holds a workspace of some box.
fn until_helper(world: &World) -> String {
    let lock = world.root().join("data/crabbox/local/cbx_*/.crabbox/trees/*/lock");
    format!(
        "n=0; until [ -s {} ]; do sleep 0.1; n=$((n + 1)); [ $n -lt 100 ] || exit 77; done",
        lock.display()
    )
}

#[test]
fn the_box_is_reached_while_the_checkout_is_still_being_read() {
    let world = World::new();
    let path = slow_git(&world, &until_helper(&world));
    // Once for a new box, and once for one that holds another tree.
    for content in ["one", "two"] {
        world.write("new", content);
        let ran = Ran::of(world.command(&["run", "--", "cat", "new"]).env("PATH", &path));
        assert_eq!((ran.code, ran.stdout.as_str()), (0, content), "{}", ran.stderr);
    }
}

#[test]
fn a_checkout_that_cannot_be_read_ends_the_session_that_was_opened_for_it() {
    let world = World::new();
    let fails = format!("{}; echo 'fatal: no index' >&2; exit 128", until_helper(&world));
    let path = slow_git(&world, &fails);
    let ran = Ran::of(world.command(&["run", "--", "touch", "ran"]).env("PATH", &path));
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    assert!(ran.stderr.contains("fatal: no index"), "{}", ran.stderr);
    assert_eq!(world.shell("ls").stdout, "hello.txt\n");
}

#[test]
fn an_interrupt_ends_the_reading_of_a_checkout_when_the_box_is_reached() {
    let world = World::new();
    let mark = world.root().join("mark");
    let hangs = format!("{}; touch {}; exec sleep 60", until_helper(&world), mark.display());
    let path = slow_git(&world, &hangs);
    let mut command = world.command(&["run", "--", "touch", "ran"]);
    let child = command.env("PATH", &path).stderr(Stdio::piped()).spawn().expect("runs");
    until("git hangs", || mark.exists());
    kill_process(Pid::from_child(&child), Signal::INT).expect("signals");
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert_eq!(world.shell("ls").stdout, "hello.txt\n");
}
