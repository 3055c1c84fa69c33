//! `--slug`: a lease has the name that its user gives it, and is found by it.

use crate::desk::Desk;
use crate::together::Running;
use crabbox_tests::{Ran, World};
use std::fs;
use std::process::{Command, Stdio};

fn run(world: &World, slug: &str, more: &[&str]) -> Ran {
    world.crabbox(&[&["run", "--slug", slug], more, &["--", "cat", "hello.txt"]].concat())
}

#[test]
fn a_lease_has_the_name_that_it_is_given_and_is_used_by_it() {
    let world = World::new();
    let ran = run(&world, "Fix-42", &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{ran:?}");
    assert!(ran.stderr.contains("leased fix-42 (cbx_"), "{ran:?}");
    // The same line again: the same box, and whatever else there is isn't taken.
    assert_eq!(world.crabbox(&["warmup", "--fresh"]).code, 0);
    let ran = run(&world, "fix-42", &[]);
    assert!(ran.stderr.contains("fix-42 parked") && !ran.stderr.contains("leased"), "{ran:?}");
    assert_eq!(world.leases(&[]).len(), 2);
    assert_eq!(world.crabbox(&["stop", "fix-42", "--delete", "--yes"]).code, 0);
    assert!(run(&world, "fix-42", &[]).stderr.contains("leased fix-42 (cbx_"), "free again");
    assert_eq!(world.crabbox(&["warmup", "--slug", "warm"]).code, 0);
    let leases = world.leases(&[]);
    assert!(leases.iter().any(|lease| lease["slug"] == "warm" && lease["state"] == "ready"));
}

#[test]
fn a_name_that_is_taken_is_refused_with_the_lines_to_use_or_stop_it() {
    let world = World::new();
    assert_eq!(run(&world, "mine", &[]).code, 0);
    let other = world.root().join("other");
    fs::create_dir(&other).expect("a folder");
    let git = Command::new("git").args(["init", "-q"]).current_dir(&other).status();
    assert!(git.expect("git runs").success());
    let mut elsewhere = world.command(&["run", "--slug", "mine", "--", "true"]);
    let of_another = Ran::of(elsewhere.current_dir(&other));
    let whose = format!(
        "`mine` is the name of a lease from `local` for `{}`",
        world.checkout().canonicalize().expect("a path").display()
    );
    let fresh = run(&world, "mine", &["--fresh"]);
    let why = "`--fresh` can't be: this checkout has a lease `mine` already";
    for (ran, why, next) in [
        (of_another, &*whose, "hint: crabbox run -- true\n"),
        (fresh, why, "hint: crabbox run --slug mine -- cat hello.txt\n"),
    ] {
        assert_eq!(ran.code, 125, "{ran:?}");
        assert!(ran.stderr.contains(why) && ran.stderr.contains(next), "{ran:?}");
        // Nobody is led to delete what may be another's.
        assert!(!ran.stderr.contains("--delete"), "{ran:?}");
    }
    let ran = world.crabbox(&["warmup", "--slug", "mine", "--fresh"]);
    assert_eq!(ran.code, 5, "{ran:?}");
    assert_eq!(world.leases(&["--all"]).len(), 1);
}

#[test]
fn a_name_of_a_lease_that_failed_is_taken_until_it_is_stopped() {
    let desk = Desk::new("");
    desk.mood("lease fails");
    assert_eq!(desk.run(&["--slug", "mine", "--", "true"]).code, 125);
    desk.mood("");
    desk.calls();
    let ran = desk.run(&["--slug", "mine", "--", "true"]);
    assert_eq!((ran.code, desk.calls().as_str()), (125, ""), "{ran:?}");
    assert!(ran.stderr.contains("`mine` is the name of a failed lease"), "{ran:?}");
    assert!(ran.stderr.contains(" stop mine --delete --yes\n"), "{ran:?}");
    assert_eq!(desk.crabbox(&["stop", "mine", "--delete", "--yes"]).code, 0);
    assert_eq!(desk.run(&["--slug", "mine", "--", "true"]).code, 0);
    assert!(desk.machine().to_string_lossy().contains("/crabbox-mine-"), "it is seen there");
}

#[test]
fn a_box_of_the_name_that_is_gone_is_made_anew() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--slug", "mine", "--", "true"]).code, 0);
    fs::remove_dir_all(desk.machine()).expect("removes");
    desk.calls();
    let ran = desk.run(&["--slug", "mine", "--", "true"]);
    assert_eq!((ran.code, desk.calls().as_str()), (0, "resolve lease resolve release"), "{ran:?}");
    assert_eq!(desk.world.only_slug(), "mine");
    desk.mood("resolve foreign");
    let ran = desk.run(&["--slug", "mine", "--", "true"]);
    assert_eq!((ran.code, desk.calls().as_str()), (125, "resolve"), "{ran:?}");
    assert!(ran.stderr.contains("`mine` can't be used: its resource belongs to"), "{ran:?}");
    assert!(ran.stderr.contains(" --provider desk --fresh -- true\n"), "{ran:?}");
}

#[test]
fn a_lease_of_the_name_that_is_in_use_is_waited_for() {
    let world = World::new();
    let running = Running::on(&world, &["--slug", "mine"]);
    assert_eq!(running.slug, "mine");
    let mut waiting = world.command(&["run", "--slug", "mine", "--", "cat", "hello.txt"]);
    let waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    crabbox_tests::until("it waits", || {
        world.crabbox(&["debug", "last"]).stdout.contains("waiting for mine, used by")
    });
    running.end();
    let ran = Ran::from(waiting.wait_with_output().expect("ends"));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{ran:?}");
    assert_eq!(world.only_slug(), "mine");
}

#[test]
fn many_at_once_make_one_lease_of_a_name() {
    let world = World::new();
    let start = || {
        let mut command = world.command(&["run", "--slug", "mine", "--", "cat", "hello.txt"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs")
    };
    let running: Vec<_> = (0..6).map(|_| start()).collect();
    for child in running {
        let ran = Ran::from(child.wait_with_output().expect("ends"));
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{ran:?}");
    }
    assert_eq!(world.only_slug(), "mine");
    assert_eq!(world.boxes().len(), 1);
}

#[test]
fn what_is_no_name_is_refused_before_anything_is_made() {
    let world = World::new();
    let long = "a".repeat(300);
    for (slug, why) in [
        ("cbx_0123456789ab", "it looks like the id of a lease or a run"),
        ("run_0123456789ab", "it looks like the id of a lease or a run"),
        ("@last", "what begins with `@` stands for a lease"),
        ("größe", "letters from a to z, digits, and single dashes"),
        ("1st", "it must begin with a letter"),
        (&long, "it has more than 40 characters"),
    ] {
        let ran = run(&world, slug, &[]);
        assert_eq!(ran.code, 125, "{slug}: {ran:?}");
        assert!(ran.stderr.contains(why), "{slug}: {ran:?}");
        assert_eq!(world.crabbox(&["warmup", "--slug", slug]).code, 2, "{slug}");
    }
    assert!(run(&world, "", &[]).stderr.contains("`--slug` needs a value"));
    let both = world.crabbox(&["run", "--slug", "a", "--id", "b", "--", "true"]);
    assert!(both.stderr.contains("can't be given together"), "{both:?}");
    assert!(world.leases(&["--all"]).is_empty());
}
