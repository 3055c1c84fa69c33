//! Whose files are read: a repository that belongs to somebody else says nothing here.

use crabbox_tests::{Ran, World};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::chown;
use std::path::Path;

const OTHER: u32 = 12345;

/// A checkout with a file; `None`, and a line that says so, where nothing can be given away.
fn checkout() -> Option<World> {
    let world = World::new();
    world.write(".crabbox.toml", "[lease]\nidle = '10m'\n");
    if rustix::process::geteuid().is_root() {
        return Some(world);
    }
    let mut stderr = std::io::stderr();
    let _ = writeln!(stderr, "skipped: only root can give files away");
    None
}

fn give(path: &Path) {
    chown(path, Some(OTHER), None).expect("gives it away");
}

/// The whole checkout is another user's.
fn give_all(world: &World) {
    let mut folders = vec![world.checkout()];
    while let Some(folder) = folders.pop() {
        give(&folder);
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { give(&path) }
        }
    }
}

#[test]
fn a_repositorys_file_or_folder_of_another_user_is_refused_with_a_way_out() {
    let Some(world) = checkout() else {
        return;
    };
    let refused = |expected: &str, path: &Path| {
        for line in [&["run", "--", "true"][..], &["config", "show"], &["config", "trust"]] {
            let ran = world.crabbox(line);
            assert_ne!(ran.code, 0, "{line:?}");
            assert!(ran.stderr.contains(expected), "{line:?}: {}", ran.stderr);
            let hint = format!("hint: chown \"$(id -u)\" {}", path.display());
            assert!(ran.stderr.contains(&hint), "{line:?}: {}", ran.stderr);
        }
    };
    let file = world.checkout().join(".crabbox.toml");
    give(&file);
    refused("it belongs to user 12345, not to you or root", &file);
    chown(&file, Some(0), None).expect("takes it back");
    give(&world.checkout());
    refused("its folder belongs to user 12345, not to you or root", &world.checkout());
    chown(world.checkout(), Some(0), None).expect("takes it back");
    assert_eq!(world.crabbox(&["config", "show"]).code, 0);
}

#[test]
fn whom_sudo_works_for_is_no_stranger() {
    let Some(world) = checkout() else {
        return;
    };
    give_all(&world);
    let ran = |uid: &str| {
        let mut command = world.command(&["run", "-q", "--", "cat", "hello.txt"]);
        Ran::of(command.env("SUDO_UID", uid))
    };
    let of_caller = ran("12345");
    assert_eq!(of_caller.stdout, "hello\n", "{}", of_caller.stderr);
    for other in ["12346", "", "x"] {
        assert_eq!(ran(other).code, 125, "{other}");
    }
}

#[test]
fn a_checkout_that_git_was_told_is_safe_is_so_here() {
    let Some(world) = checkout() else {
        return;
    };
    give_all(&world);
    let show = || world.crabbox(&["config", "show"]);
    assert_eq!(show().code, 2);
    let gitconfig = world.root().join("home/.gitconfig");
    let declare = |folder: &Path| {
        let text = format!("[safe]\n\tdirectory = {}\n", folder.display());
        fs::write(&gitconfig, text).expect("a file");
    };
    declare(world.root());
    assert_eq!(show().code, 2, "another one");
    declare(&world.checkout());
    let shown = show();
    assert!(shown.stdout.contains(".crabbox.toml:2"), "{}{}", shown.stdout, shown.stderr);
    // A third one's file in it is nobody's word.
    let file = world.checkout().join(".crabbox.toml");
    chown(&file, Some(OTHER + 1), None).expect("gives it away");
    assert_eq!(show().code, 2);
    // What the repository says of itself is no word of the user's.
    give(&file);
    fs::remove_file(&gitconfig).expect("removes");
    let own = world.checkout().join(".git/config");
    let mut text = fs::read_to_string(&own).expect("reads");
    text.push_str("[safe]\n\tdirectory = *\n");
    fs::write(&own, text).expect("writes");
    assert_eq!(show().code, 2);
}

#[test]
fn a_checkout_of_another_user_above_yours_says_nothing() {
    let Some(world) = checkout() else {
        return;
    };
    let inner = world.checkout().join("mine");
    fs::create_dir(&inner).expect("a folder");
    give(&world.checkout().join(".git"));
    give(&world.checkout().join(".crabbox.toml"));
    let run = || Ran::of(world.command(&["run", "--", "true"]).current_dir(&inner));
    let refused = run();
    assert_eq!(refused.code, 125);
    assert!(refused.stderr.contains("it belongs to user 12345"), "{}", refused.stderr);
    // Without that file it is git that refuses.
    fs::remove_file(world.checkout().join(".crabbox.toml")).expect("removes");
    let refused = run();
    assert_eq!(refused.code, 125);
    assert!(refused.stderr.contains("dubious ownership"), "{}", refused.stderr);
    assert!(world.boxes().is_empty());
}

#[test]
fn a_checkout_that_git_refuses_is_refused_before_a_box_is_leased() {
    let Some(world) = checkout() else {
        return;
    };
    fs::remove_file(world.checkout().join(".crabbox.toml")).expect("removes");
    world.git(&["worktree", "add", "-q", "../tree"]);
    let tree = world.root().join("tree");
    let ran = |folder: &Path, line: &[&str]| Ran::of(world.command(line).current_dir(folder));
    let gitconfig = world.root().join("home/.gitconfig");
    let owners = [
        (world.checkout(), world.checkout()),
        (world.checkout(), world.checkout().join(".git")),
        // What the `.git` of a worktree names.
        (tree.clone(), world.checkout().join(".git/worktrees/tree")),
    ];
    for (folder, others) in owners {
        give(&others);
        for line in [&["run", "--", "true"][..], &["warmup"], &["run", "--json", "--", "true"]] {
            let refused = ran(&folder, line);
            let all = refused.stdout + &refused.stderr;
            let shown = folder.display();
            let why = format!("git refuses the checkout `{shown}`: detected dubious ownership");
            assert!(refused.code != 0 && all.contains(&why), "{line:?}: {all}");
            let hint = format!("git config --global --add safe.directory {shown}");
            assert!(all.contains(&hint) && !all.contains("\\n"), "{line:?}: {all}");
            assert_eq!(world.leases(&["--all"]), [serde_json::Value::Null; 0], "{line:?}");
        }
        let paste = world.command_of("sh".as_ref(), &["-c", "eval \"$PASTED\""]);
        let hint = format!("git config --global --add safe.directory {}", folder.display());
        assert_eq!(Ran::of({ paste }.env("PASTED", hint)).code, 0);
        let trusted = ran(&folder, &["run", "-q", "--", "cat", "hello.txt"]);
        assert_eq!(trusted.stdout, "hello\n", "{}", trusted.stderr);
        chown(&others, Some(0), None).expect("takes it back");
        fs::remove_file(&gitconfig).expect("removes");
        let slug = world.only_slug();
        assert_eq!(world.crabbox(&["stop", &slug, "--delete", "--yes"]).code, 0);
        assert_eq!(world.crabbox(&["forget", &slug, "--yes"]).code, 0);
    }
}

#[test]
fn a_users_file_of_root_is_read() {
    let Some(world) = checkout() else {
        return;
    };
    // The world becomes nobody's, the file stays root's.
    let Some(mut command) = world.command_of_nobody(&["config", "show"]) else {
        return;
    };
    chown(world.checkout().join(".crabbox.toml"), Some(0), None).expect("root's");
    let shown = Ran::of(&mut command);
    assert!(shown.stdout.contains(".crabbox.toml:2"), "{}{}", shown.stdout, shown.stderr);
}
