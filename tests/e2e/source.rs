//! Checkouts and folders of every kind that somebody has.

use crate::desk::Desk;
use crabbox_tests::{Ran, World, until};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs in another folder of the world.
fn run_in(world: &World, folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = world.command(&[&["run", "-q"], arguments].concat());
    Ran::of(command.current_dir(folder))
}

fn shell(folder: &Path, line: &str) {
    let status = Command::new("sh").args(["-ec", line]).current_dir(folder).status();
    assert!(status.expect("a shell").success(), "{line}");
}

fn folder(world: &World, name: &str) -> std::path::PathBuf {
    let folder = world.root().join(name);
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

#[test]
fn an_empty_repository_and_one_without_a_commit() {
    let world = World::new();
    let empty = folder(&world, "empty");
    shell(&empty, "git init -q");
    let ran = run_in(&world, &empty, &["--", "ls", "-A"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
    shell(&empty, "echo staged >a && git add a && echo not >b");
    let ran = run_in(&world, &empty, &["--", "cat", "a", "b"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "staged\nnot\n"), "{}", ran.stderr);
}

#[test]
fn a_bare_repository_has_nothing_to_send() {
    let world = World::new();
    let bare = folder(&world, "bare");
    shell(&bare, "git init -q --bare");
    let ran = run_in(&world, &bare, &["--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("is a bare repository"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: git worktree add"), "{}", ran.stderr);
}

#[test]
fn a_worktree_and_a_submodule_are_checkouts() {
    let world = World::new();
    world.git(&["worktree", "add", "-q", "../tree", "-b", "other"]);
    let tree = world.root().join("tree");
    fs::write(tree.join("more"), "more").expect("a file");
    let ran = run_in(&world, &tree, &["--", "cat", "hello.txt", "more"]);
    assert_eq!(ran.stdout, "hello\nmore", "{}", ran.stderr);

    let file = "protocol.file.allow=always";
    world.git(&["-c", file, "submodule", "--quiet", "add", "../checkout", "inner"]);
    let ran = world.shell("cat inner/hello.txt; cat .gitmodules | head -n 1");
    assert_eq!(ran.stdout, "hello\n[submodule \"inner\"]\n", "{}", ran.stderr);
    let ran = run_in(&world, &world.checkout().join("inner"), &["--", "ls"]);
    assert_eq!(ran.stdout, "hello.txt\n", "{}", ran.stderr);
}

#[test]
fn git_in_a_hook_or_in_the_callers_environment_is_no_matter() {
    let world = World::new();
    let hook = world.checkout().join(".git/hooks/pre-commit");
    let crabbox = crabbox_tests::built().crabbox.display().to_string();
    let line = format!("#!/bin/sh\nexec '{crabbox}' run -q -- cat hello.txt new >\"$SEEN\"\n");
    fs::write(&hook, line).expect("a hook");
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).expect("a mode");
    world.write("new", "new");
    world.git(&["add", "new"]);
    let seen = world.root().join("seen");
    // `commit -a` works with an index of its own, which the hook is told of.
    let commit = ["-c", "user.name=t", "-c", "user.email=t", "commit", "-qam", "m"];
    let mut git = world.command_of("git".as_ref(), &commit);
    let output = git.env("SEEN", &seen).output().expect("git runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_to_string(seen).expect("reads"), "hello\nnew");
    let mut command = world.command(&["run", "-q", "--", "ls"]);
    let index = world.root().join("no-index");
    let odd = command.env("GIT_INDEX_FILE", index).env("GIT_DIR", "/nowhere").output();
    assert_eq!(odd.expect("runs").stdout, b"hello.txt\nnew\n");
}

#[test]
fn names_of_every_kind_arrive_as_they_are() {
    let world = World::new();
    let root = world.checkout();
    let long = "n".repeat(255);
    let names: [&[u8]; 6] =
        [b"new\nline", b"not \xff utf-8", long.as_bytes(), b"Case", b"case", b"-rf *'\"\\"];
    for name in names {
        fs::write(root.join(OsStr::from_bytes(name)), name).expect("a file");
    }
    let ran =
        world.shell("for f in *; do printf %s \"$f\" | cmp - \"./$f\" || exit 1; done; ls | wc -l");
    // `hello.txt` doesn't hold its name.
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    fs::write(root.join("hello.txt"), "hello.txt").expect("a file");
    let ran = world
        .shell("for f in *; do printf %s \"$f\" | cmp - \"./$f\" || exit 1; done; ls -1 | wc -l");
    assert_eq!((ran.code, ran.stdout.trim()), (0, "8"), "{}", ran.stderr);
}

#[test]
fn a_path_of_nearly_4096_bytes_arrives() {
    let world = World::new();
    // Each step of its own: no system call takes the whole path.
    let step = "d".repeat(199);
    let line = format!("for i in $(seq 20); do mkdir {step}; cd -P {step}; done; echo deep >file");
    shell(&world.checkout(), &line);
    let look = format!("for i in $(seq 20); do cd -P {step}; done; cat file");
    let ran = world.shell(&look);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "deep\n"), "{}", ran.stderr);
    assert!(world.shell("true").stderr.contains("tree unchanged"));
}

#[test]
fn links_are_sent_as_links_wherever_they_lead() {
    let world = World::new();
    let links =
        [("out", "/etc/passwd"), ("up", "../.."), ("dangling", "no/where"), ("loop", "loop")];
    for (name, target) in links {
        symlink(target, world.checkout().join(name)).expect("a link");
    }
    let ran = world.shell("for l in out up dangling loop; do readlink $l; done; cat hello.txt");
    assert_eq!(ran.stdout, "/etc/passwd\n../..\nno/where\nloop\nhello\n", "{}", ran.stderr);
}

#[test]
fn sockets_and_pipes_are_no_part_of_a_tree_and_nobody_waits_for_them() {
    let world = World::new();
    world.write("was-file", "x");
    world.commit();
    fs::remove_file(world.checkout().join("was-file")).expect("removes");
    shell(&world.checkout(), "mkfifo was-file pipe; mknod device c 1 3 || true");
    let _socket = UnixListener::bind(world.checkout().join("socket")).expect("a socket");
    let ran = world.shell("ls");
    assert_eq!(ran.stdout, "hello.txt\n", "{}", ran.stderr);
    let all = world.checkout().display().to_string();
    let ran = world.crabbox(&["run", "-q", "--from-dir", &all, "--", "ls"]);
    assert_eq!(ran.stdout, "hello.txt\n", "{}", ran.stderr);
}

#[test]
fn what_changes_or_goes_while_it_is_sent_stops_the_run_and_the_next_one_works() {
    let changes: [(&str, &str); 3] = [
        ("echo olleh >hello.txt", "isn't what was announced"),
        (": >hello.txt", "changed, or went, while it was being sent"),
        ("rm hello.txt", "changed, or went, while it was being sent"),
    ];
    for (change, said) in changes {
        let desk = Desk::new("");
        assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
        desk.world.write("hello.txt", "HELLO\n");
        fs::write(desk.machine().join("slow"), "").expect("a file");
        let log = desk.world.root().join("log");
        let mut command =
            desk.command(&["--log-file", &log.display().to_string(), "--shell", "echo ran"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        let waited_for = desk.machine().join("waited-for");
        until("the machine is waited for", || waited_for.exists());
        let logged = |what: &str| fs::read_to_string(&log).is_ok_and(|log| log.contains(what));
        until("the checkout has been read", || logged("the reading of the checkout has ended"));
        shell(&desk.world.checkout(), change);
        fs::remove_file(desk.machine().join("slow")).expect("removes");
        let ran = Ran::from(child.wait_with_output().expect("ends"));
        assert_eq!((ran.code, ran.stdout.as_str()), (125, ""), "{change}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{change}: {}", ran.stderr);
        assert!(ran.stderr.contains("note: run it again"), "{change}: {}", ran.stderr);
        let next = desk.run(&["--shell", "cat hello.txt 2>/dev/null; true"]);
        let here = fs::read_to_string(desk.world.checkout().join("hello.txt")).unwrap_or_default();
        assert_eq!((next.code, next.stdout), (0, here), "{change}: {}", next.stderr);
    }
}

#[test]
fn a_file_larger_than_memory_should_be_goes_through_little_of_it() {
    let size = if crabbox_tests::scale() > 1 { 5 << 30 } else { 512 << 20 };
    let world = World::new();
    let file = File::create(world.checkout().join("large")).expect("a file");
    file.set_len(size).expect("a length");
    let mut command = world.command(&["run", "-q", "--", "stat", "-c", "%s", "large"]);
    let child = command.stdout(Stdio::piped()).spawn().expect("runs");
    let mut peaks = crabbox_tests::Peaks::default();
    let id = child.id();
    let output = std::thread::spawn(move || child.wait_with_output());
    while !output.is_finished() {
        peaks.look(id);
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let output = output.join().expect("a thread").expect("ends");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), size.to_string());
    assert!(peaks.host < 64 * 1024 && peaks.host > 0, "KiB: {peaks:?}");
    assert!(peaks.children < 32 * 1024 && peaks.children > 0, "KiB: {peaks:?}");
}

#[test]
fn a_home_folder_under_git_is_not_sent_by_mistake() {
    let world = World::new();
    let home = world.root().join("home");
    shell(&home, "git init -q; mkdir -p .ssh work/project; echo secret >.ssh/id; echo x >work/x");
    let ran = run_in(&world, &home.join("work"), &["--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("is your whole home folder"), "{}", ran.stderr);
    let ran = run_in(&world, &home.join("work"), &["--from-dir", ".", "--", "ls", "-A"]);
    assert_eq!(ran.stdout, "project\nx\n", "{}", ran.stderr);
}

#[test]
fn boxes_and_notes_of_ours_are_never_part_of_a_tree() {
    let world = World::new();
    let root = world.root().join("home/project");
    fs::create_dir_all(&root).expect("a folder");
    shell(&root, "git init -q; echo x >x");
    let run = |arguments: &[&str]| {
        let mut command = world.command(&[&["run", "-q"], arguments].concat());
        command.current_dir(&root);
        for (name, folder) in [("DATA", "d"), ("STATE", "s"), ("CACHE", "c")] {
            command.env(format!("XDG_{name}_HOME"), root.join(folder));
        }
        Ran::of(&mut command)
    };
    let first = run(&["--", "true"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let ran = run(&["--", "find", ".", "-type", "f"]);
    assert_eq!(ran.stdout, "./x\n", "{}", ran.stderr);
    let ran = run(&["--from-dir", ".", "--", "find", ".", "-type", "f"]);
    assert_eq!(ran.stdout, "./x\n", "{}", ran.stderr);
}

#[test]
fn what_cannot_be_read_is_named_or_warned_about() {
    let world = World::new();
    world.write("tracked/secret", "x");
    world.commit();
    world.write("untracked/secret", "x");
    let mode = |name: &str| {
        let path = world.checkout().join(name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o0)).expect("a mode");
    };
    mode("untracked");
    let Some(mut command) = world.command_of_nobody(&["run", "--", "ls"]) else { return };
    let ran = Ran::of(&mut command);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello.txt\ntracked\n"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("warning: git: could not open directory 'untracked/'"),
        "{}",
        ran.stderr
    );
    mode("tracked");
    let Some(mut command) = world.command_of_nobody(&["run", "--", "ls"]) else { return };
    let ran = Ran::of(&mut command);
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    assert!(ran.stderr.contains("tracked/secret` can't be read"), "{}", ran.stderr);
    assert!(ran.stderr.contains("note: what shan't be sent: --exclude"), "{}", ran.stderr);
}
