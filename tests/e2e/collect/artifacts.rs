//! Files that were asked for by name.

use super::{document, files, folder, run, texts};
use crate::desk::Desk;
use crabbox_tests::{Ran, World, until};
use serde_json::Value;
use std::fs::{self, File};
use std::process::{Command, Stdio};

const MAKE: &str = "mkdir -p out/deep; echo 1 >out/a.txt; echo 22 >out/deep/b.txt; echo 3 >c.log";

#[test]
fn artifacts_are_here_after_the_run_with_their_digests() {
    let world = World::new();
    let done = run(&world, &["--artifact", "out/**/*.txt", "--artifact", "*.log"], MAKE);
    assert_eq!(done["outcome"]["exit"], 0);
    let folder = folder(&world, &done);
    assert_eq!(files(&folder), ["c.log", "out/a.txt", "out/deep/b.txt"]);
    let artifacts = &done["artifacts"];
    assert_eq!(texts(&artifacts["files"], "path"), ["c.log", "out/a.txt", "out/deep/b.txt"]);
    for file in artifacts["files"].as_array().expect("files") {
        let content = fs::read(file["local_path"].as_str().expect("a path")).expect("reads");
        assert_eq!(file["digest"], crabbox_wire::tree::Hash::of(&content).to_string());
        assert_eq!(file["bytes"], content.len());
    }
    assert_eq!(texts(&artifacts["matched"], "glob"), ["out/**/*.txt", "*.log"]);
    assert_eq!(artifacts["matched"][0]["files"], 2);
    assert_eq!(artifacts["left_out_count"], 0);
}

#[test]
fn a_run_says_how_many_came_and_where_they_are() {
    let world = World::new();
    let ran = world.crabbox(&["run", "--artifact", "out", "--shell", MAKE]);
    let shown = ran.stderr.lines().filter(|line| line.contains("artifact")).collect::<Vec<_>>();
    assert_eq!(shown.len(), 1, "{ran:?}");
    assert!(
        shown[0].starts_with("crabbox: 2 artifacts (5 B): `.crabbox/artifacts/run_"),
        "{ran:?}"
    );
    // Nothing is said, and nothing made, where nothing was asked for.
    let world = World::new();
    let ran = world.crabbox(&["run", "--shell", MAKE]);
    assert!(!ran.stderr.contains("artifact") && !world.checkout().join(".crabbox").exists());
}

#[test]
fn they_are_taken_however_the_command_ends() {
    let world = World::new();
    for (options, line, exit) in [
        (&[][..], "echo x >f; exit 7", 7),
        (&[], "echo x >f; kill -9 $$", 137),
        (&["--timeout", "300ms"], "echo x >f; sleep 60", 124),
    ] {
        let done = run(&world, &[options, &["--artifact", "f"]].concat(), line);
        assert_eq!(done["outcome"]["exit"], exit, "{done}");
        assert_eq!(texts(&done["artifacts"]["files"], "path"), ["f"], "{line}");
    }
}

#[test]
fn the_first_interrupt_is_the_commands_and_its_artifacts_still_come() {
    let world = World::new();
    let said = world.root().join("said");
    let line = "trap 'echo x >f; exit 3' INT; echo ready; sleep 60 & wait";
    let mut command = world.command(&["run", "--json", "--artifact", "f", "--shell", line]);
    command.stdout(Stdio::piped()).stderr(File::create(&said).expect("a file"));
    let child = command.spawn().expect("runs");
    until("the command", || fs::read_to_string(&said).expect("reads").contains("ready"));
    interrupt(child.id());
    let done = document(&Ran::from(child.wait_with_output().expect("ends")));
    assert_eq!(done["outcome"]["exit"], 3, "{done}");
    assert_eq!(texts(&done["artifacts"]["files"], "path"), ["f"]);
}

fn interrupt(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).expect("fits")).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("signals");
}

#[test]
fn a_required_one_that_is_missing_fails_a_run_that_went_well() {
    let world = World::new();
    let ran = world.crabbox(&["run", "--require-artifact", "*.log", "--shell", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("exit 125 (crabbox; the command: exit 0)"), "{ran:?}");
    assert!(ran.stderr.contains("error: the required artifact `*.log` is missing"), "{ran:?}");
    let done = run(&world, &["--require-artifact", "*.log"], "true");
    assert_eq!(done["outcome"]["exit"], 125);
    assert_eq!(done["outcome"]["origin"], "crabbox");
    assert_eq!(
        (&done["program"]["exit"], &done["program"]["origin"]),
        (&0.into(), &"program".into())
    );
    assert_eq!(done["artifacts"]["missing"], serde_json::json!(["*.log"]));
    // The command's own failure is what counts, and both are said.
    let ran = world.crabbox(&["run", "--require-artifact", "*.log", "--shell", "exit 3"]);
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.stderr.contains("the required artifact `*.log` is missing"), "{ran:?}");
    let done = run(&world, &["--require-artifact", "*.log"], "echo x >a.log");
    assert_eq!(done["outcome"]["exit"], 0, "{done}");
    assert_eq!(texts(&done["artifacts"]["files"], "path"), ["a.log"]);
}

#[test]
fn a_folder_of_ones_own_keeps_what_is_in_it_unless_that_may_go() {
    let world = World::new();
    world.write("../mine/f", "mine\n");
    world.write("../mine/same", "same\n");
    let line = "echo theirs >f; echo same >same; echo new >new";
    let options = ["--artifact", "*[!t]", "--artifact-dir", "../mine"];
    let done = run(&world, &options, line);
    let mine = world.root().join("mine");
    assert_eq!(fs::read(mine.join("f")).expect("reads"), b"mine\n");
    let artifacts = &done["artifacts"];
    assert_eq!(texts(&artifacts["files"], "path"), ["new", "same"]);
    assert_eq!(texts(&artifacts["left_out"], "path"), ["f"]);
    assert!(!world.checkout().join(".crabbox").exists());
    let done = run(&world, &[&options[..], &["--overwrite"]].concat(), line);
    assert_eq!(fs::read(mine.join("f")).expect("reads"), b"theirs\n");
    assert_eq!(done["artifacts"]["left_out_count"], 0);
    assert_eq!(files(&mine), ["f", "new", "same"]);
}

#[test]
fn a_large_file_that_is_here_is_compared_and_stays() {
    let world = World::new();
    let large = |byte: u8| vec![byte; 5 << 20];
    for (name, byte) in [("same", b'a'), ("other", b'b')] {
        fs::write(world.root().join(name), large(byte)).expect("a file");
    }
    let line = "head -c 5242880 /dev/zero | tr '\\0' a >same; cp same other; cat same same >longer";
    fs::write(world.root().join("longer"), "short").expect("a file");
    let options = ["--artifact", "{same,other}", "--artifact", "longer", "--artifact-dir", ".."];
    let done = run(&world, &options, line);
    let artifacts = &done["artifacts"];
    assert_eq!(texts(&artifacts["files"], "path"), ["same"], "{done}");
    let mut left_out = texts(&artifacts["left_out"], "path");
    left_out.sort_unstable();
    assert_eq!(left_out, ["longer", "other"]);
    assert!(fs::read(world.root().join("other")).expect("reads") == large(b'b'));
    let names = fs::read_dir(world.root()).expect("reads").map(|one| one.expect("one").file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().contains(".crabbox-")));
}

#[test]
fn a_download_goes_where_it_was_said_to() {
    let world = World::new();
    let elsewhere = world.root().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    let absolute = format!("{}/there:../named", elsewhere.display());
    let line = format!("{MAKE}; echo there >{}/there", elsewhere.display());
    let options = ["--download", "c.log", "--download", "out:../copied", "--download", &absolute];
    let done = run(&world, &[&options[..], &["--download", "nothing"]].concat(), &line);
    assert_eq!(done["outcome"]["exit"], 0, "{done}");
    assert_eq!(fs::read(world.checkout().join("c.log")).expect("reads"), b"3\n");
    assert_eq!(files(&world.root().join("copied")), ["a.txt", "deep/b.txt"]);
    assert_eq!(fs::read(world.root().join("named")).expect("reads"), b"there\n");
    let artifacts = &done["artifacts"];
    assert_eq!(
        texts(&artifacts["downloads"], "path")[..3],
        ["c.log", "out/a.txt", "out/deep/b.txt"]
    );
    assert_eq!(texts(&artifacts["left_out"], "path"), ["nothing"]);
    assert_eq!(texts(&artifacts["left_out"], "why"), ["it isn't there"]);
}

#[test]
fn what_came_is_no_part_of_the_tree() {
    let world = World::new();
    let done = run(&world, &["--artifact", "*"], "echo x >f");
    assert!(!files(&folder(&world, &done)).is_empty());
    let mut status = Command::new("git");
    status.current_dir(world.checkout()).args(["status", "--short"]);
    let status = status.output().expect("git runs");
    assert_eq!(String::from_utf8_lossy(&status.stdout), "");
    let ran = world.shell("ls -A");
    assert_eq!(ran.stdout, "f\nhello.txt\n");
    // Nor of a folder that git isn't asked about.
    let ran = world.crabbox(&["run", "--fresh", "--from-dir", ".", "--shell", "ls -A"]);
    assert_eq!(ran.stdout, "hello.txt\n", "{ran:?}");
    // What lies on a box under that name isn't searched.
    let line = "mkdir -p .crabbox .git; echo x >.crabbox/f; echo x >.git/f";
    let done = run(&world, &["--fresh", "--artifact", "**/f"], line);
    assert_eq!(done["artifacts"]["files"], Value::Array(Vec::new()));
}

#[test]
fn a_pattern_that_leads_away_is_refused_with_the_option_for_that() {
    let world = World::new();
    for glob in ["/tmp/x", "~/x", "../x", "a/../../x"] {
        for flag in ["--artifact", "--require-artifact"] {
            let ran = world.crabbox(&["run", flag, glob, "--", "true"]);
            assert_eq!(ran.code, 125, "{ran:?}");
            let hint = ran.stderr.lines().find(|line| line.contains("hint:")).expect("a hint");
            let expected = format!("--download {}", if glob == "~/x" { "'~/x'" } else { glob });
            assert!(hint.contains(&expected) && !hint.contains(flag), "{ran:?}");
        }
        // A download is read by nobody.
        let ran = world.crabbox(&["run", "--junit", glob, "--", "true"]);
        assert_eq!(ran.code, 125, "{ran:?}");
        assert!(ran.stderr.contains("counts from the root of the checkout"), "{ran:?}");
        assert!(!ran.stderr.contains("hint:"), "{ran:?}");
    }
    let cases: &[(&[&str], &str)] = &[
        (&["--artifact", "a{b"], "a `{` has no end"),
        (&["--artifact", ""], "it is empty"),
        (&["--download", "x:.git/hooks"], "nothing that comes from a box goes into a `.git`"),
        (&["--artifact-dir", ".git/x"], "nothing that comes from a box goes into a `.git`"),
        (&["--artifact-dir", "hello.txt"], "is no folder"),
        (&["--download", "x:no/such/place"], "there is no folder `no/such`"),
        (&["--download", "."], "has no name"),
    ];
    for (options, expected) in cases {
        let ran = world.crabbox(&[&["run"], *options, &["--", "true"]].concat());
        assert_eq!(ran.code, 125, "{ran:?}");
        assert!(ran.stderr.contains(expected), "{options:?}: {ran:?}");
    }
    assert!(world.boxes().is_empty(), "and nothing was leased");
}

#[test]
fn a_far_box_sends_them_in_the_same_session() {
    let desk = Desk::new("");
    let line = "mkdir out; for i in 1 2 3; do echo $i >out/$i; done; exit 5";
    let ran = desk.run(&["--json", "--artifact", "out", "--shell", line]);
    let done = document(&ran);
    assert_eq!(done["outcome"]["exit"], 5, "{ran:?}");
    assert_eq!(texts(&done["artifacts"]["files"], "path"), ["out/1", "out/2", "out/3"]);
    assert_eq!(files(&folder(&desk.world, &done)), ["out/1", "out/2", "out/3"]);
}
