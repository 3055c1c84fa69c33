//! `.crabbox` of a checkout on a disk that is full: the exit code is the command's, the loss is told, and nothing that is
//! half there stands under its name.

use crate::recover::on_small_disk;
use crabbox_tests::World;

/// Runs these lines where `.crabbox` of the checkout, `$0`, is a disk of 1 MiB.
fn on_full(world: &World, lines: &str) -> Option<String> {
    let root = world.root();
    let ours = world.checkout().join(".crabbox");
    let place = ours.strip_prefix(root).expect("is in it").to_string_lossy().into_owned();
    let functions = r#"
        fill() { head -c 3000000 /dev/zero >"$0/fill" 2>/dev/null; }
        files() { (cd "$0" && find . -type f ! -name fill -size +0 | LC_ALL=C sort | sed "s/run_[0-9a-f]*/RUN/; s/^/$1 /"); }
        empty() { (cd "$0" && find . -type f -size 0 | sed "s/^/$1 /"); }
        run() { name=$1; shift; "$crabbox" run --keep --artifact out --shell "$@"; echo "$name $?"; }
        crabbox=$1"#;
    on_small_disk(world, &place, &format!("{functions}\n{lines}"))
}

#[test]
fn artifacts_that_find_no_room_are_told_of_and_change_no_exit_code() {
    let world = World::new();
    let lines = r#"
        run first 'mkdir out; echo x >out/a; exit 5'
        run large 'rm out/a; head -c 3000000 /dev/urandom >out/large; exit 3'
        files large; empty large
        rm -r "$0/artifacts"; fill
        run full 'echo x >out/a; rm out/large; exit 4'
        files full; empty full"#;
    let Some(said) = on_full(&world, lines) else { return };
    assert!(
        said.contains("first 5\n") && said.contains("large 3\n") && said.contains("full 4\n"),
        "{said}"
    );
    let kept = ["large ./.gitignore", "large ./artifacts/RUN/out/a", "full ./.gitignore"];
    let found: Vec<_> = said.lines().filter(|line| line.contains(" ./")).collect();
    assert_eq!(found, kept, "{said}");
    let why = "the artifacts were left out: there is no room for `";
    assert_eq!(said.matches(why).count(), 2, "{said}");
}

#[test]
fn what_hides_it_from_git_is_there_whole_or_not_at_all() {
    let world = World::new();
    let lines = r#"
        fill
        run full 'mkdir out; echo x >out/a; exit 3'
        files full; empty full
        rm "$0/fill"
        run again 'exit 4'
        files again; empty again
        git status --porcelain | sed 's/^/git /'"#;
    let Some(said) = on_full(&world, lines) else { return };
    assert!(said.contains("full 3\n") && said.contains("again 4\n"), "{said}");
    let found: Vec<_> = said.lines().filter(|line| line.contains(" ./")).collect();
    assert_eq!(found, ["again ./.gitignore", "again ./artifacts/RUN/out/a"], "{said}");
    let why = "/.crabbox/.gitignore` can't be made: No space left on device";
    assert_eq!(said.matches(why).count(), 1, "{said}");
    assert!(!said.contains("git ?? .crabbox"), "{said}");
}

#[test]
fn a_bundle_that_finds_no_room_leaves_nothing_and_says_so() {
    let world = World::new();
    let lines = r#"
        run first 'echo out; exit 3'
        "$crabbox" bundle >/dev/null; echo "bundle $?"
        rm "$0"/bundles/*; fill
        "$crabbox" bundle; echo "full $?"
        files full; empty full"#;
    let Some(said) = on_full(&world, lines) else { return };
    assert!(said.contains("bundle 0\n") && said.contains("full 1\n"), "{said}");
    let found: Vec<_> = said.lines().filter(|line| line.contains(" ./")).collect();
    assert_eq!(found, ["full ./.gitignore"], "{said}");
    assert!(said.contains(".tar.zst` can't be written"), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
}
