//! What was run, for others: receipts, and bundles with everything.

use crabbox_tests::World;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

fn receipt(world: &World) -> Value {
    let path = world.checkout().join("receipt.json");
    serde_json::from_str(&fs::read_to_string(path).expect("a receipt")).expect("JSON")
}

/// Of a run of this line of shell, in a file that git ignores.
fn with_receipt(world: &World, line: &str) -> i32 {
    world.write(".gitignore", "receipt.json\n");
    world.commit();
    world.crabbox(&["run", "--receipt", "receipt.json", "--env", "FOO=1", "--shell", line]).code
}

fn verify(world: &World) -> (i32, Value) {
    let ran = world.crabbox(&["verify", "receipt.json", "--json"]);
    (ran.code, serde_json::from_str(&ran.stdout).expect("JSON"))
}

#[test]
fn a_receipt_is_about_the_tree_that_was_run() {
    let world = World::new();
    assert_eq!(with_receipt(&world, "exit 3"), 3);
    let receipt = receipt(&world);
    assert_eq!(
        (&receipt["outcome"]["exit"], &receipt["environment"]),
        (&json!(3), &json!(["FOO"]))
    );
    let (code, said) = verify(&world);
    assert_eq!((code, &said["binds"], &said["differences"]), (0, &json!(true), &json!([])));
    // What isn't committed counts.
    world.write("hello.txt", "other\n");
    let (code, said) = verify(&world);
    assert_eq!((code, &said["binds"]), (5, &json!(false)));
    let differences = said["differences"].to_string();
    assert!(
        differences.contains("it is about the tree") && differences.contains("isn't committed")
    );
    // The same files under another commit are the same files.
    world.write("hello.txt", "hello\n");
    world.git(&["commit", "-q", "--allow-empty", "-m", "another"]);
    let (code, said) = verify(&world);
    assert_eq!((code, &said["same_tree"]), (0, &json!(true)));
    assert!(said["differences"].to_string().contains("it stood on the commit"), "{said}");
}

#[test]
fn a_receipt_in_the_checkout_is_no_part_of_what_was_run() {
    let world = World::new();
    for _ in 0..2 {
        assert_eq!(world.crabbox(&["run", "--receipt", "receipt.json", "--", "true"]).code, 0);
        let (code, said) = verify(&world);
        assert_eq!((code, &said["binds"]), (0, &json!(true)), "{said}");
    }
    // A run that writes no receipt there sends what it finds.
    let there = ["--", "test", "-e", "receipt.json"];
    assert_eq!(world.crabbox(&[&["run"], &there[..]].concat()).code, 0);
    let own = ["run", "--receipt", "receipt.json"];
    assert_eq!(world.crabbox(&[&own[..], &there].concat()).code, 1);
}

#[test]
fn what_was_not_committed_is_named_in_it() {
    let world = World::new();
    assert_eq!(with_receipt(&world, "true"), 0);
    let clean = receipt(&world)["uncommitted"].clone();
    let empty = blake3_of_nothing();
    assert_eq!(clean, json!(empty));
    world.write("hello.txt", "dirty\n");
    assert_eq!(world.crabbox(&["run", "--receipt", "receipt.json", "--", "true"]).code, 0);
    assert_ne!(receipt(&world)["uncommitted"], clean);
    assert_eq!(verify(&world).0, 0);
    // Nobody asks git for a run without a receipt.
    assert_eq!(world.crabbox(&["run", "--", "true"]).code, 0);
    let later = world.crabbox(&["history", "receipt"]).stdout;
    let later: Value = serde_json::from_str(&later).expect("JSON");
    assert_eq!(later["uncommitted"], json!(null));
}

fn blake3_of_nothing() -> &'static str {
    "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
}

#[test]
fn what_came_of_the_run_is_checked_as_far_as_it_is_here() {
    let world = World::new();
    world.write(".gitignore", "receipt.json\n");
    let line =
        "echo data >out.txt; echo \"<testsuite><testcase name='a'/></testsuite>\" >junit.xml";
    let words = ["run", "--receipt", "receipt.json", "--artifact", "out.txt", "--shell", line];
    assert_eq!(world.crabbox(&words).code, 0);
    assert_eq!(verify(&world).0, 0);
    let receipt = receipt(&world);
    let run = receipt["run"].as_str().expect("a run");
    assert_eq!(receipt["results"]["totals"]["passed"], json!(1));
    let file = world.checkout().join(".crabbox/artifacts").join(run).join("out.txt");
    fs::write(&file, "other\n").expect("changes");
    let (code, said) = verify(&world);
    assert_eq!((code, &said["same_tree"], &said["binds"]), (5, &json!(true), &json!(false)));
    assert!(said["changed"].to_string().contains("out.txt"), "{said}");
    fs::remove_file(file).expect("removes");
    assert_eq!(verify(&world).0, 0);
}

#[test]
fn a_receipt_leads_to_no_file_but_those_of_its_run() {
    let world = World::new();
    world.write(".gitignore", "receipt.json\n");
    let words = ["run", "--receipt", "receipt.json", "--artifact", "*.out", "--shell"];
    assert_eq!(world.crabbox(&[&words[..], &["echo data >a.out; echo >b.out"]].concat()).code, 0);
    let mut foreign = receipt(&world);
    let run = foreign["run"].as_str().expect("a run").to_owned();
    let here = world.checkout().join(".crabbox/artifacts").join(run);
    let pipe = Command::new("mkfifo").arg(here.join("pipe")).status().expect("mkfifo runs");
    assert!(pipe.success());
    std::os::unix::fs::symlink("/dev/zero", here.join("link")).expect("links");
    let real = foreign["artifacts"][0].clone();
    let named = |path: &str| {
        let mut artifact = real.clone();
        artifact["path"] = json!(path);
        artifact
    };
    let (out, in_its_place) = (["/dev/zero", "../a", ""], ["pipe", "link"]);
    let mut all: Vec<Value> = out.iter().chain(&in_its_place).map(|path| named(path)).collect();
    all.extend([real.clone(), named("gone")]);
    foreign["artifacts"] = json!(all);
    world.write("receipt.json", &foreign.to_string());
    let (code, said) = verify(&world);
    let expected: Vec<String> = out
        .iter()
        .map(|path| format!("`{path}` is no path of an artifact"))
        .chain(in_its_place.iter().map(|path| format!("`{path}` has changed since it came here")))
        .collect();
    assert_eq!((code, &said["changed"]), (5, &json!(expected)));
}

#[test]
fn what_is_no_receipt_is_refused() {
    let world = World::new();
    let refused = |text: &str, code: i32| {
        world.write("receipt.json", text);
        let ran = world.crabbox(&["verify", "receipt.json"]);
        assert_eq!(ran.code, code, "{text}: {}", ran.stderr);
    };
    refused("", 2);
    refused("{}", 2);
    refused("[1, 2", 2);
    assert_eq!(world.crabbox(&["verify", "nothing.json"]).code, 4);
    let ran = world.crabbox(&["run", "--receipt", "no/such/folder.json", "--", "true"]);
    assert!(
        ran.code == 125 && ran.stderr.contains("there is no folder `no/such`"),
        "{}",
        ran.stderr
    );
    let ran = world.crabbox(&["run", "--json", "--receipt", "/dev/full", "--", "true"]);
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let outcome = json!({ "exit": 125, "origin": "crabbox", "signal": null });
    assert_eq!((&document["outcome"], &document["program"]["exit"]), (&outcome, &json!(0)));
}

#[test]
fn a_bundle_has_everything_and_no_secret() {
    let world = World::new();
    world.configure("[run]\nenv = ['SOME_TOKEN']\n");
    let line = "echo printed $SOME_TOKEN; \
        echo \"<testsuite><testcase name='a'><failure message='$SOME_TOKEN'/></testcase></testsuite>\" >junit.xml; exit 3";
    let canary = "c4nary-of-the-bundle";
    let mut run = world.command(&["run", "--shell", line]);
    assert_eq!(run.env("SOME_TOKEN", canary).output().expect("runs").status.code(), Some(3));
    let mut bundle = world.command(&["bundle", "-o", "all.tar.zst"]);
    let made = bundle.env("SOME_TOKEN", canary).output().expect("runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let unpack = |what: &[&str]| {
        let file = fs::File::open(world.checkout().join("all.tar.zst")).expect("a bundle");
        let tar = zstd::decode_all(file).expect("zstd");
        let path = world.root().join("all.tar");
        fs::write(&path, tar).expect("writes");
        let tar = Command::new("tar").args(what).arg("-f").arg(&path).output().expect("tar runs");
        String::from_utf8(tar.stdout).expect("text")
    };
    let names = unpack(&["-t"]);
    for name in [
        "receipt.json",
        "run.json",
        "results.json",
        "config.json",
        "doctor.json",
        "replay.sh",
        "log.txt",
    ] {
        assert!(names.lines().any(|line| line.ends_with(&format!("/{name}"))), "{names}");
    }
    let all = unpack(&["-x", "-O"]);
    assert!(!all.contains(canary), "a secret is in it");
    // What was known when it was printed is covered in the log itself.
    let covered = format!("printed {}", "*".repeat(canary.len()));
    assert!(all.contains(&covered) && all.contains("crabbox run --provider local"), "{all}");
    let replay = all.lines().find(|line| line.starts_with("exec crabbox run")).expect("a line");
    assert!(
        replay.contains("--env SOME_TOKEN") && replay.contains("--shell 'echo printed"),
        "{replay}"
    );
}

#[test]
fn a_bundle_is_no_part_of_the_tree() {
    let world = World::new();
    world.write("below/file", "");
    let root = || -> (String, Value) {
        let ran = world.crabbox(&["run", "--json", "--", "true"]);
        let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        (document["run"].as_str().expect("a run").to_owned(), document["sync"]["root"].clone())
    };
    let (run, before) = root();
    let ran = world.crabbox(&["bundle"]);
    let place = format!(".crabbox/bundles/{run}.tar.zst");
    assert_eq!((ran.code, ran.stdout), (0, format!("{place}\n")), "{}", ran.stderr);
    let found = fs::metadata(world.checkout().join(&place)).expect("a bundle");
    assert_eq!(found.permissions().mode(), 0o100_600, "nobody else reads what was printed");
    assert_eq!(root().1, before, "what is sent is what was sent before");
    let mut status = Command::new("git");
    let status = status.current_dir(world.checkout()).args(["status", "--short"]).output();
    assert!(!String::from_utf8_lossy(&status.expect("git runs").stdout).contains(".crabbox"));
    // From further down the whole path is said, and outside of a checkout it is this folder.
    let bundle = |folder: &Path| {
        let mut command = world.command(&["bundle", &run]);
        crabbox_tests::Ran::of(command.current_dir(folder)).stdout
    };
    let whole = format!("{}\n", world.checkout().join(&place).display());
    assert_eq!(bundle(&world.checkout().join("below")), whole);
    let outside = world.root().join("outside");
    fs::create_dir(&outside).expect("a folder");
    assert_eq!(bundle(&outside), format!("{run}.tar.zst\n"));
    assert!(outside.join(format!("{run}.tar.zst")).is_file());
    // A link that a checkout has for our folder leads nothing away.
    fs::remove_dir_all(world.checkout().join(".crabbox")).expect("removes");
    std::os::unix::fs::symlink(&outside, world.checkout().join(".crabbox")).expect("a link");
    let ran = world.crabbox(&["bundle"]);
    assert!(
        ran.code == 1
            && ran
                .stderr
                .contains("/.crabbox` can't be written\ncrabbox:   because: not a directory\n"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("hint: crabbox bundle run_") && ran.stderr.contains("-o FILE"));
}

#[test]
fn a_bundle_and_a_page_that_find_no_room_are_said_to() {
    let world = World::new();
    assert_eq!(world.shell("echo out").code, 0);
    for command in ["bundle", "report"] {
        let ran = world.crabbox(&[command, "-o", "/dev/full"]);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        let why = "error: `/dev/full` can't be written\ncrabbox:   because: No space left";
        assert!(ran.stderr.contains(why), "{}", ran.stderr);
    }
}
