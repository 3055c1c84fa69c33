//! What a command may leave behind that isn't a plain file with a plain name.

use super::{document, files, folder, run, texts};
use crabbox_tests::{Ran, World, scale, until};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::process::Stdio;
use std::time::SystemTime;

#[test]
fn what_is_no_file_is_named_and_the_rest_is_here() {
    let world = World::new();
    let line = "mkdir -p out/folder/empty; echo x >out/fine; mkfifo out/pipe; \
        ln -s no/where out/dangling; ln -s out/loop out/loop; ln -s /etc out/etc";
    let done = run(&world, &["--artifact", "out", "--artifact", "nothing"], line);
    assert_eq!(done["outcome"]["exit"], 0, "{done}");
    assert_eq!(files(&folder(&world, &done)), ["out/fine"]);
    assert!(!folder(&world, &done).join("out/folder").exists());
    let left_out = &done["artifacts"]["left_out"];
    let mut said: Vec<_> =
        texts(left_out, "path").into_iter().zip(texts(left_out, "why")).collect();
    said.sort_unstable();
    let nowhere = "it is a link that leads nowhere";
    assert_eq!(
        said,
        [
            ("out/dangling", nowhere),
            ("out/etc", "it is a link that leads out of the workspace"),
            ("out/loop", nowhere),
            ("out/pipe", "it is no file, folder or link"),
        ]
    );
    let ran =
        world.crabbox(&["run", "--artifact", "nothing", "--artifact", "out/p*", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("warning: no file matches `--artifact nothing`"), "{ran:?}");
    let pipe = "warning: the artifact `out/pipe` was left out: it is no file, folder or link";
    assert!(ran.stderr.contains(pipe), "{ran:?}");
}

#[test]
fn names_are_kept_and_shown_so_that_they_harm_nobody() {
    let world = World::new();
    let long = "x".repeat(255);
    let line = format!(
        "mkdir out; echo 1 >out/{long}; printf 2 >\"$(printf 'out/new\\nline')\"; \
         printf 3 >\"$(printf 'out/\\033[2Jclear')\"; printf 4 >\"$(printf 'out/\\377')\"; \
         printf 5 >'out/{{a,b}}[c]*?'; mkfifo \"$(printf 'out/\\033]0;pipe\\007\\ncrabbox: error: no')\""
    );
    let done = run(&world, &["--artifact", "out/*"], &line);
    let out = folder(&world, &done).join("out");
    let mut names: Vec<_> =
        fs::read_dir(&out).expect("there").map(|one| one.expect("one")).collect();
    names.sort_by_key(fs::DirEntry::file_name);
    let contents: Vec<u8> =
        names.iter().map(|one| fs::read(one.path()).expect("reads")[0]).collect();
    assert_eq!(
        contents,
        b"3215 4".iter().filter(|byte| **byte != b' ').copied().collect::<Vec<_>>()
    );
    let ran = world.crabbox(&["run", "--artifact", "out/*", "--", "true"]);
    let shown = ran.stderr.lines().filter(|line| line.starts_with("crabbox: error"));
    assert_eq!(shown.count(), 0, "{ran:?}");
    assert!(!ran.stderr.contains('\u{1b}') && ran.stderr.contains("was left out"), "{ran:?}");
    // A name that is a pattern, too, can be meant.
    let done = run(&world, &["--artifact", r"out/\{a,b\}\[c\]\*\?"], "true");
    assert_eq!(texts(&done["artifacts"]["files"], "path"), ["out/{a,b}[c]*?"]);
}

#[test]
fn what_is_larger_than_it_may_be_is_named() {
    let world = World::new();
    world.configure("[artifacts]\nmax_size = '10KiB'\n");
    let line =
        "head -c 10241 /dev/zero >large; for i in 1 2 3; do head -c 4000 /dev/zero >$i; done";
    let done = run(&world, &["--artifact", "[a-z1-9]*[!t]", "--artifact", "?"], line);
    let artifacts = &done["artifacts"];
    assert_eq!(artifacts["files"].as_array().expect("files").len(), 2, "{done}");
    let mut whys = texts(&artifacts["left_out"], "why");
    whys.sort_unstable();
    assert_eq!(whys, ["it is larger than 10 KiB", "with it there would be more than 10 KiB"]);
    let done = run(&world, &["--download", "large:../there"], "true");
    assert_eq!(texts(&done["artifacts"]["left_out"], "why"), ["it is larger than 10 KiB"]);
    assert!(!world.root().join("there").exists());
    // One that was required isn't here, whatever the reason.
    let ran = world.crabbox(&["run", "--require-artifact", "large", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    let said = "of the required artifact `large` nothing is here: 1 file matched";
    assert!(ran.stderr.contains(said), "{ran:?}");
    // A repository can't say that more may come.
    world.configure("");
    world.write(".crabbox.toml", "[artifacts]\nmax_size = '1TiB'\n");
    let ran = world.crabbox(&["config", "explain", "artifacts.max_size"]);
    assert!(ran.stdout.starts_with("artifacts.max_size: 1GiB"), "{ran:?}");
}

#[test]
fn a_pattern_of_very_many_files_brings_what_may_come_and_names_a_bounded_number() {
    let world = World::new();
    world.configure("[artifacts]\nmax_size = '20B'\n");
    // A million of them with `CRABBOX_TEST_SCALE=200`.
    let count = 5000 * scale();
    let line = format!("mkdir out; yes | head -n {count} | split -l 1 -a 6 - out/");
    let done = run(&world, &["--artifact", "out/*"], &line);
    assert_eq!(done["outcome"]["exit"], 0);
    let artifacts = &done["artifacts"];
    assert_eq!(artifacts["matched"][0]["files"], count);
    assert_eq!(artifacts["files"].as_array().expect("files").len(), 10);
    assert_eq!(artifacts["left_out_count"], count - 10);
    assert_eq!(artifacts["left_out"].as_array().expect("a list").len(), 1000);
    assert_eq!(files(&folder(&world, &done)).len(), 10);
    let ran = world.crabbox(&["run", "--artifact", "out/*", "--", "true"]);
    let said = ran.stderr.lines().filter(|line| line.contains("left out"));
    assert_eq!(said.count(), 4, "{}", ran.stderr);
    let more = format!("{} more artifacts were left out, too", count - 13);
    assert!(ran.stderr.contains(&more), "{}", ran.stderr);
}

/// Runs until the middle of a large artifact, changes that by `change`, and goes on.
fn changed(world: &World, change: impl FnOnce(&File)) -> serde_json::Value {
    let stopped = world.root().join("stopped");
    let line = "head -c 9437184 /dev/urandom >log";
    let options = ["run", "--json", "--fresh", "--artifact", "log", "--shell", line];
    let mut command = world.command(&options);
    command.env("CRABBOX_FAULT", format!("collect.block:5@{}", stopped.display()));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("runs");
    until("the middle", || stopped.exists());
    let boxes = world.boxes();
    let newest =
        boxes.iter().max_by_key(|one| one.metadata().expect("there").modified().expect("a time"));
    let workspaces = fs::read_dir(newest.expect("a box")).expect("reads").flatten();
    let log = workspaces.map(|one| one.path().join("log")).find(|log| log.exists());
    change(&File::options().write(true).open(log.expect("a log")).expect("opens"));
    fs::remove_file(&stopped).expect("removes");
    document(&Ran::from(child.wait_with_output().expect("ends")))
}

#[test]
fn a_file_that_changes_while_it_is_read_is_named_and_one_that_grows_is_here_as_it_was() {
    let world = World::new();
    let done = changed(&world, |log| log.set_len(9_000_000).expect("cuts"));
    assert_eq!(done["artifacts"]["files"], serde_json::json!([]));
    let left_out = &done["artifacts"]["left_out"];
    assert_eq!(texts(left_out, "why"), ["it became shorter while it was read"]);
    assert_eq!(files(&folder(&world, &done)), [""; 0], "nothing is left half done");
    let done = changed(&world, |log| {
        log.write_all_at(b"other", 0).expect("writes");
        // A clock may not have gone on since.
        log.set_modified(SystemTime::UNIX_EPOCH).expect("sets its time");
    });
    assert_eq!(done["outcome"]["exit"], 0);
    let left_out = &done["artifacts"]["left_out"];
    assert_eq!(texts(left_out, "why"), ["it changed while it was read"]);
    assert_eq!(files(&folder(&world, &done)), [""; 0], "nor of one that is another one");
    let done = changed(&world, |log| log.write_all_at(b"more", 9_437_184).expect("writes"));
    assert_eq!(done["outcome"]["exit"], 0);
    assert_eq!(done["artifacts"]["files"][0]["bytes"], 9_437_184);
    assert_eq!(done["artifacts"]["left_out_count"], 0);
}

#[test]
fn what_may_not_be_read_is_named_and_the_rest_is_here() {
    let world = World::new();
    let line = "mkdir open shut; echo x >open/fine; echo x >open/mine; chmod 0 open/mine shut";
    let options = ["run", "--json", "--artifact", "{open,shut}/*", "--shell", line];
    let Some(mut command) = world.command_of_nobody(&options) else { return };
    let done = document(&Ran::of(&mut command));
    assert_eq!(files(&folder(&world, &done)), ["open/fine"]);
    let left_out = &done["artifacts"]["left_out"];
    let mut paths = texts(left_out, "path");
    paths.sort_unstable();
    assert_eq!(paths, ["open/mine", "shut"], "{done}");
    assert_eq!(texts(left_out, "why"), ["permission denied"; 2]);
    // For whoever removes the world.
    for entry in fs::read_dir(world.workspace()).expect("reads").flatten() {
        let _ = fs::set_permissions(entry.path(), fs::Permissions::from_mode(0o755));
    }
}

#[test]
fn a_link_that_a_checkout_has_for_our_folder_leads_nothing_away() {
    let world = World::new();
    fs::create_dir(world.root().join("elsewhere")).expect("a folder");
    std::os::unix::fs::symlink("../elsewhere", world.checkout().join(".crabbox")).expect("a link");
    let done = run(&world, &["--artifact", "*"], "echo x >f");
    assert_eq!(done["outcome"]["exit"], 0);
    let why = texts(&done["artifacts"]["left_out"], "why");
    let ours = world.checkout().join(".crabbox").display().to_string();
    assert_eq!(why[0], format!("`{ours}` can't be made: not a directory"), "{done}");
    assert_eq!(files(&world.root().join("elsewhere")), [""; 0]);
}
