//! The commit that a build finds, in checkouts of every kind.

#[path = "../../host/commit.rs"]
mod found;

use crabbox_tests::World;
use std::fs;
use std::path::Path;
use std::process::Command;

fn head(folder: &Path) -> String {
    let output = Command::new("git").arg("-C").arg(folder).args(["rev-parse", "HEAD"]).output();
    String::from_utf8(output.expect("git runs").stdout).expect("text").trim().to_owned()
}

/// It is found, and a later one changes something that is watched.
fn check(world: &World, folder: &Path) {
    let found = found::of(folder);
    assert_eq!(found.commit, Some(head(folder)), "{}", folder.display());
    assert!(found.watched.iter().all(|path| path.exists()), "{:?}", found.watched);
    let seen = |found: &found::Found| {
        let file = |path: &std::path::PathBuf| (fs::read(path).ok(), list(path));
        found.watched.iter().map(file).collect::<Vec<_>>()
    };
    let before = seen(&found);
    let git = |words: &[&str]| {
        let author = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
        let git = &mut world.command_of("git".as_ref(), &[&author, words].concat());
        assert!(git.current_dir(folder).status().expect("git runs").success(), "{words:?}");
    };
    git(&["commit", "-q", "--allow-empty", "-m", "another"]);
    assert!(seen(&found) != before, "{:?}", found.watched);
    assert_eq!(found::of(folder).commit, Some(head(folder)));
}

fn list(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_build_knows_its_commit_in_checkouts_of_every_kind() {
    let world = World::new();
    let checkout = world.checkout();
    check(&world, &checkout);
    world.git(&["pack-refs", "--all"]);
    check(&world, &checkout);
    world.git(&["worktree", "add", "-q", "-b", "a/deep/branch", "../tree"]);
    check(&world, &world.root().join("tree"));
    world.git(&["pack-refs", "--all", "--prune"]);
    check(&world, &world.root().join("tree"));
    world.git(&["checkout", "-q", "--detach"]);
    check(&world, &checkout);
    // An archive, and one that was unpacked in somebody's checkout.
    let plain = checkout.join("vendor");
    fs::create_dir(&plain).expect("a folder");
    for folder in [world.root().join("home"), plain] {
        let found = found::of(&folder);
        assert!(found.commit.is_none() && found.watched.is_empty(), "{found:?}");
    }
}
