//! Letting go of boxes.

use crate::desk::Desk;
use crabbox_tests::screen::{self, Kind, XTERM};
use crabbox_tests::{Ran, World};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, Command, Stdio};

fn slug(world: &World) -> String {
    let list = world.crabbox(&["list", "--json"]).stdout;
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    list["leases"][0]["slug"].as_str().expect("a lease").to_owned()
}

#[test]
fn deleting_asks_first_and_removes_exactly_the_box() {
    let world = World::new();
    assert_eq!(world.shell("ln -s / escape").code, 0);
    let slug = slug(&world);
    let refused = world.crabbox(&["stop", &slug, "--delete"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains(&format!("crabbox stop {slug} --delete --yes")));
    assert_eq!(world.crabbox(&["stop", &slug, "--delete", "--yes"]).code, 0);
    assert!(world.boxes().is_empty());
    assert!(world.crabbox(&["list"]).stdout.is_empty());
    assert!(world.crabbox(&["status", &slug]).stdout.contains("released"));
}

#[test]
fn a_person_is_asked_and_answers_on_the_same_line() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let slug = slug(&world);
    let question = format!("crabbox: delete the box of `{slug}` with all that is on it? [y/N] ");
    for (answer, said) in
        [("n\n", format!("{slug}` is left as it is")), ("YES\n", format!("{slug} is deleted"))]
    {
        let kind = Kind { variables: &[("NO_COLOR", "1")], ..XTERM };
        let line = ["stop", &slug, "--delete"];
        let Some(mut terminal) = screen::terminal(&world, kind, &line) else {
            return;
        };
        let child = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.expect("script runs");
        let mut shown = Vec::new();
        let mut output = child.stdout.take().expect("a pipe");
        while !shown.ends_with(question.as_bytes()) {
            let mut byte = [0];
            output.read_exact(&mut byte).expect("asks");
            shown.extend(byte);
        }
        child.stdin.as_mut().expect("a pipe").write_all(answer.as_bytes()).expect("types");
        let mut rest = String::new();
        output.read_to_string(&mut rest).expect("reads");
        child.wait().expect("ends");
        assert!(rest.contains(&said), "{rest}");
        assert_eq!(world.boxes().is_empty(), answer == "YES\n");
    }
}

#[test]
fn a_kept_box_is_parked() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--keep", "--", "true"]).code, 0);
    let slug = slug(&world);
    assert_eq!(world.crabbox(&["stop", &slug]).code, 0);
    assert!(world.crabbox(&["status", &slug]).stdout.contains("parked"));
    assert_eq!(world.crabbox(&["stop", &slug]).code, 0);
}

#[test]
fn a_folder_that_took_the_boxs_place_is_left_alone() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let slug = slug(&world);
    let taken = world.only_box();
    fs::remove_dir_all(&taken).expect("removes");
    fs::create_dir_all(taken.join(".crabbox")).expect("a folder");
    fs::write(taken.join(".crabbox/id"), "somebody else's").expect("a file");
    let refused = world.crabbox(&["stop", &slug, "--delete", "--yes"]);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(taken.join(".crabbox/id").exists());
    check_that_it_stays(&refused, &format!("crabbox forget {slug} --yes\n"));
    assert_eq!(world.shell("cat hello.txt").stdout, "hello\n");
}

/// The hints that are printed, without the program's name.
fn hints(ran: &Ran) -> Vec<Vec<String>> {
    let hints = ran.stderr.lines().filter_map(|line| line.split_once("  hint: crabbox "));
    hints.map(|(_, line)| line.split(' ').map(str::to_owned).collect()).collect()
}

#[test]
fn a_box_without_its_id_is_nobodys_and_every_line_that_is_printed_of_it_works() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--keep", "--", "true"]).code, 0);
    let slug = slug(&world);
    let id = world.only_box().join(".crabbox/id");
    fs::remove_file(&id).expect("removes");
    let why =
        format!("its resource belongs to nobody for all that it shows: `{}` is gone", id.display());
    let used = world.crabbox(&["run", "--id", &slug, "--", "true"]);
    assert!(used.stderr.contains(&format!("`{slug}` can't be used: {why}\n")), "{}", used.stderr);
    let listed = world.crabbox(&["list"]);
    assert!(listed.stderr.contains(&format!("{slug} may be out of reach: {why}\n")), "{listed:?}");
    let cleaned = world.crabbox(&["cleanup"]);
    let stopped = world.crabbox(&["stop", &slug]);
    check_that_it_stays(&stopped, &format!("crabbox forget {slug} --yes\n"));
    let mut lines: Vec<_> = [&used, &listed, &cleaned].into_iter().flat_map(hints).collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    let shown = world.crabbox(&["inspect", &slug]);
    lines.extend(hints(&shown));
    assert_eq!(lines.pop().expect("a line"), ["forget", &slug, "--yes"]);
    for line in lines {
        let words: Vec<&str> = line.iter().map(String::as_str).collect();
        assert_eq!(world.crabbox(&words).code, 0, "{words:?}");
    }
    // What the provider says to type proves it again, and the same line works.
    let vow = stopped.stderr.lines().find_map(|line| line.split_once("this says so: "));
    let (_, vow) = vow.unwrap_or_else(|| panic!("a line: {}", stopped.stderr));
    assert!(Command::new("sh").args(["-c", vow]).status().expect("a shell").success());
    assert_eq!(world.crabbox(&["stop", &slug, "--delete", "--yes"]).code, 0);
    assert!(!id.exists());

    // Where nothing is known of it any more, the claim can be dropped.
    let left = world.only_box();
    fs::remove_file(left.join(".crabbox/id")).expect("removes");
    let slug = self::slug(&world);
    let line = hints(&world.crabbox(&["stop", &slug, "--delete", "--yes"])).remove(0);
    let words: Vec<&str> = line.iter().map(String::as_str).collect();
    assert_eq!((world.crabbox(&words).code, left.is_dir()), (0, true), "{words:?}");
}

/// The error says what can be typed, and that there is no more than that.
#[track_caller]
fn check_that_it_stays(refused: &Ran, next: &str) {
    let next = format!("  hint: {next}");
    for line in [&*next, "  note: until then the claim stays, and hinders no run; "] {
        assert!(refused.stderr.contains(line), "{}", refused.stderr);
    }
}

#[test]
fn a_box_that_can_not_be_seen_keeps_its_claim_until_it_can() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let slug = slug(&world);
    let boxes = world.root().join("data/crabbox/local");
    let elsewhere = world.root().join("elsewhere");
    fs::rename(&boxes, &elsewhere).expect("moves");
    let stop = ["stop", &slug, "--delete", "--yes"];
    let refused = world.crabbox(&stop);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("is left alone"), "{}", refused.stderr);
    check_that_it_stays(&refused, &format!("crabbox forget {slug} --yes\n"));
    // As the notes say: other runs go on, and the same line works as soon as it can be seen.
    assert_eq!(world.shell("cat hello.txt").stdout, "hello\n");
    fs::remove_dir_all(&boxes).expect("removes");
    fs::rename(&elsewhere, &boxes).expect("moves back");
    assert_eq!(world.crabbox(&stop).code, 0);
    assert!(world.boxes().is_empty());
}

#[test]
fn a_failed_lease_whose_provider_is_gone_is_released_when_it_is_back() {
    let desk = Desk::new("");
    desk.mood("lease fails");
    assert_eq!(desk.run(&["--", "true"]).code, 125);
    let slug = slug(&desk.world);
    let stop = ["stop", &slug, "--delete", "--yes"];
    let refused = desk.world.crabbox(&stop);
    assert_eq!(refused.code, 4, "{}", refused.stderr);
    assert!(refused.stderr.contains("error: there is no provider `desk`"), "{}", refused.stderr);
    check_that_it_stays(&refused, &format!("crabbox forget {slug} --yes\n"));
    assert!(desk.machine().is_dir());
    assert_eq!(desk.world.shell("cat hello.txt").stdout, "hello\n");
    assert_eq!(desk.crabbox(&stop).code, 0);
    assert!(desk.world.crabbox(&["status", &slug]).stdout.contains("released"));
}

#[test]
fn a_box_that_is_gone_is_replaced_in_one_run() {
    for (keep, left) in [(&[][..], "parked"), (&["--keep"], "ready")] {
        let world = World::new();
        let run = |words: &[&str]| world.crabbox(&[&["run"], keep, &["--"], words].concat());
        assert_eq!(run(&["true"]).code, 0);
        let gone = slug(&world);
        fs::remove_dir_all(world.only_box()).expect("removes");
        let ran = run(&["cat", "hello.txt"]);
        assert_eq!(ran.stdout, "hello\n");
        let told = format!("crabbox: the box of `{gone}` was deleted: its claim is closed\n");
        let of_it: Vec<_> =
            ran.stderr.split_inclusive('\n').filter(|l| l.contains(&gone)).collect();
        assert_eq!(of_it, [told], "{}", ran.stderr);
        let all = world.crabbox(&["list", "--all"]).stdout;
        assert!(all.contains("lost") && all.contains(left), "{all}");
    }
}

/// A script that lets go of it may come second.
#[test]
fn a_box_that_is_gone_is_let_go_of_as_often_as_somebody_asks() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--keep", "--", "true"]).code, 0);
    let slug = slug(&world);
    fs::remove_dir_all(world.only_box()).expect("removes");
    for more in [&[][..], &[], &["--delete"], &["--delete", "--yes"]] {
        let stopped = world.crabbox(&[&["stop", &slug], more].concat());
        let said = format!("crabbox: {slug} is deleted\n");
        assert_eq!((stopped.code, stopped.stderr), (0, said), "{more:?}");
        assert_eq!(world.leases(&["--all"])[0]["state"], "lost");
    }
}

#[test]
fn what_isnt_there_is_said_so() {
    let world = World::new();
    assert_eq!(world.crabbox(&["stop", "no-such"]).code, 4);
    assert_eq!(world.crabbox(&["run", "--id", "no-such", "--", "true"]).code, 125);
}

#[test]
fn a_checkout_with_a_broken_file_does_not_keep_its_boxes() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--keep", "--", "true"]).code, 0);
    let slug = slug(&world);
    world.write(".crabbox.toml", "[lease\n");
    let stopped = world.crabbox(&["stop", &slug]);
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert!(stopped.stderr.contains(".crabbox.toml: nothing of it is taken: "), "{stopped:?}");
}

/// It is told of, and in nobody's way who only looks, or keeps a box.
#[test]
fn a_checkout_with_a_broken_file_finds_its_boxes_and_extends_them() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--keep", "--", "true"]).code, 0);
    world.write(".crabbox.toml", "[lease\n");
    for line in [&["status", "@repo"][..], &["extend", "@last", "2h"]] {
        let ran = world.crabbox(line);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.stderr.contains(".crabbox.toml: nothing of it is taken: "), "{ran:?}");
    }
}

#[test]
fn nobody_is_asked_to_delete_a_box_that_is_in_use() {
    let world = World::new();
    let mut running = world.command(&["run", "--shell", "echo started; cat"]);
    let mut running = running.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("runs");
    let mut started = [0; 8];
    running.stdout.as_mut().expect("a pipe").read_exact(&mut started).expect("starts");
    let refused = world.crabbox(&["stop", &slug(&world), "--delete"]);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("is in use by"), "{}", refused.stderr);
    drop(running.stdin.take());
    assert!(running.wait().expect("ends").success());
}

#[test]
fn each_of_several_is_told_of_and_one_that_fails_is_in_no_others_way() {
    let world = World::new();
    for slug in ["one", "two"] {
        assert_eq!(world.crabbox(&["warmup", "--fresh", "--slug", slug]).code, 0);
    }
    let ran = world.crabbox(&["stop", "one", "no-such", "two", "--json"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let leases = document["leases"].as_array().expect("a list");
    let ends: Vec<_> = leases.iter().map(|one| one["end"].as_str()).collect();
    assert_eq!(ends, [Some("parked"), None, Some("parked")]);
    assert_eq!((&leases[1]["asked"], &leases[1]["error"]["exit"]), (&"no-such".into(), &4.into()));
    assert_eq!(document["error"]["exit"], 4);
    let all = world.crabbox(&["stop", "two", "one", "--delete", "--yes"]);
    assert_eq!((all.code, world.boxes().len()), (0, 0), "{}", all.stderr);
    assert!(all.stderr.contains("two is deleted\ncrabbox: one is deleted\n"), "{}", all.stderr);
}

#[test]
fn the_leases_of_a_checkout_are_let_go_of_together_and_no_others() {
    let world = World::new();
    for slug in ["one", "two"] {
        assert_eq!(world.crabbox(&["warmup", "--fresh", "--slug", slug]).code, 0);
    }
    let other = world.root().join("other");
    fs::create_dir(&other).expect("a folder");
    fs::create_dir(other.join(".git")).expect("a folder");
    let repo = other.display().to_string();
    let none = world.crabbox(&["stop", "--repo", &repo]);
    assert_eq!(none.code, 0, "{}", none.stderr);
    assert!(none.stderr.contains("no lease of this checkout is left"), "{}", none.stderr);
    let mistyped = world.crabbox(&["stop", "--repo", &format!("{repo}s")]);
    assert_eq!(mistyped.code, 4, "{}", mistyped.stderr);
    assert!(mistyped.stderr.contains("there is no folder `"), "{}", mistyped.stderr);
    assert_eq!(world.boxes().len(), 2);
    let refused = world.crabbox(&["stop"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let checkout = world.checkout().display().to_string();
    let all = world.crabbox(&["stop", "--repo", &checkout, "--delete", "--yes"]);
    assert_eq!((all.code, world.boxes().len()), (0, 0), "{}", all.stderr);
}

/// A release that never ends, and what is told of it.
fn stuck(desk: &Desk, slug: &str) -> (Child, BufReader<ChildStderr>) {
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    fs::write(desk.machine().join("stuck"), "").expect("a file");
    let line = ["--heartbeat", "50ms", "stop", slug];
    let mut first = desk.crabbox_command(&line);
    let mut first = first.stderr(Stdio::piped()).spawn().expect("runs");
    let said = BufReader::new(first.stderr.take().expect("a pipe"));
    let waited_for = desk.machine().join("waited-for");
    crabbox_tests::until("the machine is waited for", || waited_for.exists());
    (first, said)
}

#[test]
fn a_release_that_takes_long_says_whom_it_waits_for_and_another_joins_it() {
    let desk = Desk::new("");
    let (mut first, said) = stuck(&desk, "@last");
    let slug = desk.world.only_slug();
    let still = format!("still waiting for desk to park {slug} (");
    assert!(said.lines().any(|line| line.expect("a line").contains(&still)));
    let mut second = desk.crabbox_command(&["stop", &slug]);
    let mut second = second.stderr(Stdio::piped()).spawn().expect("runs");
    let mut said = BufReader::new(second.stderr.take().expect("a pipe"));
    let waits = format!("waiting for {slug}: crabbox (process {}) on ", first.id());
    let mut line = String::new();
    while !line.contains(&waits) {
        line.clear();
        assert_ne!(said.read_line(&mut line).expect("a line"), 0, "it waits");
    }
    // What the first can't do any more is done by whoever waited for it.
    fs::remove_file(desk.machine().join("stuck")).expect("removes");
    first.kill().expect("kills");
    first.wait().expect("ends");
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("reads");
    assert!(second.wait().expect("ends").success(), "{rest}");
    assert!(rest.contains(&format!("{slug} is parked")), "{rest}");
}

#[test]
fn a_parked_box_is_looked_at_before_it_is_said_to_be_parked() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--slug", "mine", "--", "true"]).code, 0);
    let stop = || {
        desk.calls();
        let ran = desk.crabbox(&["stop", "mine"]);
        (ran.code, ran.stderr, desk.calls())
    };
    let before = desk.crabbox(&["claims", "--json"]).stdout;
    let (code, said, calls) = stop();
    assert_eq!((code, &*calls), (0, "resolve"), "{said}");
    assert!(said.contains("mine is parked already\n"), "{said}");
    assert_eq!(desk.crabbox(&["claims", "--json"]).stdout, before);
    // Somebody has switched it on.
    fs::write(desk.machine().join("on"), "").expect("switches on");
    let (code, said, calls) = stop();
    assert_eq!((code, &*calls), (0, "resolve release"), "{said}");
    assert!(said.contains("mine is parked\n"), "{said}");
    assert!(!desk.machine().join("on").exists());
    // Nobody can say whether it is there.
    desk.mood("resolve fails");
    assert_eq!(stop().0, 6);
    desk.mood("");
    assert_eq!(desk.world.leases(&[])[0]["state"], "parked");
    fs::remove_dir_all(desk.machine()).expect("removes");
    let (code, said, calls) = stop();
    assert_eq!((code, &*calls), (0, "resolve"), "{said}");
    assert_eq!(desk.world.leases(&["--all"])[0]["state"], "lost");
}

#[test]
fn a_lease_that_is_named_twice_is_let_go_of_once() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--keep", "--slug", "mine", "--", "true"]).code, 0);
    let id = world.leases(&[])[0]["id"].as_str().expect("an id").to_owned();
    let ran = world.crabbox(&["stop", "mine", &id, "mine", "--repo", ".", "nobody", "nobody"]);
    assert_eq!(ran.code, 4);
    assert_eq!(ran.stderr.matches("mine is parked").count(), 1, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("there is no lease `nobody`").count(), 1, "{}", ran.stderr);
}

#[test]
fn a_question_that_nobody_answers_ends_on_a_line_of_its_own() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let slug = slug(&world);
    let kind = Kind { variables: &[("NO_COLOR", "1")], ..XTERM };
    let Some(mut terminal) = screen::terminal(&world, kind, &["stop", &slug, "--delete"]) else {
        return;
    };
    let child = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.expect("script runs");
    // Ctrl-D.
    child.stdin.as_mut().expect("a pipe").write_all(b"\x04").expect("types");
    let output = child.wait_with_output().expect("ends");
    let shown = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    let said = format!("`{slug}` is left as it is\ncrabbox:   because: there was no answer\n");
    assert!(shown.contains(&format!("[y/N] \ncrabbox: error: {said}")), "{shown:?}");
    assert_eq!(world.boxes().len(), 1);
}
