//! Files to and from a box: as `cp` has it, whatever leads there, and whole or not at all.

mod broken_off;

use crate::desk::Desk;
use crabbox_tests::ssh::{Reached, Server, SshHostBuilder};
use crabbox_tests::{Left, Ran, Typist, World, until};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const LARGE: usize = 9 * 1024 * 1024;

fn warm() -> World {
    let world = World::new();
    let ran = world.crabbox(&["warmup"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    world
}

fn well(ran: &Ran) {
    assert_eq!(ran.code, 0, "{ran:?}");
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().expect("there").mode() & 0o7777
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|one| one.expect("an entry"));
    let mut names: Vec<_> =
        entries.map(|one| one.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A copy that stands still at this fault point, until the file beside it is removed.
fn in_the_middle(world: &World, words: &[&str], point: &str) -> (Child, PathBuf) {
    let stopped = world.root().join("stopped");
    let mut command = world.command(words);
    command.env("CRABBOX_FAULT", format!("{point}@{}", stopped.display()));
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    until("the middle", || stopped.exists());
    (child, stopped)
}

/// Content that compresses a little, and differs everywhere.
fn large() -> Vec<u8> {
    (0..LARGE).map(|at| (at / 7 % 251).to_le_bytes()[0] ^ (at / 1024).to_le_bytes()[0]).collect()
}

/// A folder with everything that a folder can hold.
fn plant(folder: &Path) {
    fs::create_dir_all(folder.join("deep/empty")).expect("folders");
    fs::write(folder.join("deep/tool"), "#!/bin/sh\necho it\n").expect("a file");
    fs::set_permissions(folder.join("deep/tool"), fs::Permissions::from_mode(0o4750))
        .expect("mode");
    fs::write(folder.join(OsStr::from_bytes(b"odd\n\xff \x1b[2J")), "odd").expect("a file");
    fs::write(folder.join("large"), large()).expect("a file");
    symlink("../no/where", folder.join("link")).expect("a link");
}

fn check(folder: &Path) {
    assert_eq!(names(folder).len(), 4, "{:?}", names(folder));
    assert!(folder.join("deep/empty").is_dir());
    assert_eq!(mode(&folder.join("deep/tool")), 0o750, "and nobody becomes somebody else by it");
    assert_eq!(fs::read_link(folder.join("link")).expect("a link"), Path::new("../no/where"));
    let odd = fs::read(folder.join(OsStr::from_bytes(b"odd\n\xff \x1b[2J")));
    assert_eq!(odd.expect("reads"), b"odd");
    assert!(fs::read(folder.join("large")).expect("reads") == large());
}

#[test]
fn a_folder_goes_to_a_box_and_comes_back_as_it_was() {
    let world = warm();
    plant(&world.root().join("tree"));
    well(&world.crabbox(&["cp", "../tree", "@last:"]));
    check(&world.workspace().join("tree"));
    // What the command made is there to be had.
    let ran = world.shell("tree/deep/tool >out.txt; mkdir -p results; mv out.txt results");
    well(&ran);
    well(&world.crabbox(&["cp", "@repo:results/out.txt", "."]));
    assert_eq!(fs::read(world.checkout().join("out.txt")).expect("reads"), b"it\n");
    well(&world.crabbox(&["cp", "@last:tree", "../back"]));
    check(&world.root().join("back"));
    // Into a folder that is there; and what is in it, without its name.
    well(&world.crabbox(&["cp", "@last:tree/", "../back"]));
    check(&world.root().join("back/tree"));
    fs::create_dir(world.root().join("flat")).expect("a folder");
    well(&world.crabbox(&["cp", "@last:tree/.", "../flat/"]));
    check(&world.root().join("flat"));
}

#[test]
fn places_on_a_box_are_absolute_of_the_home_or_of_the_checkout() {
    let world = warm();
    world.write("a:b", "colon");
    well(&world.crabbox(&["cp", "./a:b", "@last:~/in-home"]));
    assert_eq!(fs::read(world.root().join("home/in-home")).expect("reads"), b"colon");
    let elsewhere = world.root().join("elsewhere");
    well(&world.crabbox(&["cp", "hello.txt", &format!("@last:{}", elsewhere.display())]));
    assert_eq!(fs::read(&elsewhere).expect("reads"), b"hello\n");
    well(&world.crabbox(&["cp", "hello.txt", "@last:renamed"]));
    assert_eq!(fs::read(world.workspace().join("renamed")).expect("reads"), b"hello\n");
    let ran = world.crabbox(&["cp", "@last:~/in-home", "."]);
    insta::assert_snapshot!(ran.snapshot(&world), @"
    exit 0
    --- stdout
    --- stderr
    crabbox: copied 1 file (5 B) to `./in-home` in [TIME]
    ");
}

#[test]
fn what_can_not_be_is_said_before_anything_is_done() {
    let world = warm();
    fs::create_dir(world.root().join("folder")).expect("a folder");
    let cases: &[(&[&str], i32, &str)] = &[
        (&["a", "b"], 2, "neither `a` nor `b` is on a box"),
        (&["@last:a", "@last:b"], 2, "are both on boxes"),
        (&["nothing", "@last:"], 4, "there is no `nothing` here"),
        (&["@last:nothing", "."], 4, "there is no `nothing` on "),
        (&["hello.txt", "@last:no/such/place"], 4, "there is no folder `"),
        (&["hello.txt", "@last:new/"], 4, "there is no folder `"),
        (&["@last:hello.txt", "no/such/place"], 4, "there is no folder `no/such/`"),
        (&["../folder", "@last:hello.txt"], 4, "a folder can't take its place"),
        (&["@last:.", "hello.txt"], 4, "a folder can't take its place"),
        (&["hello.txt", "no-lease:"], 4, "there is no lease `no-lease`"),
    ];
    for (ends, code, expected) in cases {
        let ran = world.crabbox(&[&["cp"], *ends].concat());
        assert_eq!(ran.code, *code, "{ends:?}: {ran:?}");
        assert!(ran.stderr.contains(expected), "{ends:?}: {ran:?}");
    }
    assert_eq!(names(&world.workspace()), ["hello.txt"]);
}

#[test]
fn what_is_put_into_a_checkout_that_is_not_there_yet_is_not_in_its_way() {
    let world = warm();
    // As a first sync leaves it that has failed.
    let work_root = world.workspace().parent().expect("a work root").to_owned();
    fs::remove_dir_all(world.workspace()).expect("removes");
    fs::remove_dir_all(work_root.join(".crabbox/trees")).expect("removes");
    for place in ["@last:", "@last:data", "@last:new/"] {
        let ran = world.crabbox(&["cp", "../checkout", place]);
        assert_eq!(ran.code, 4, "{place}: {ran:?}");
        assert!(ran.stderr.contains("the checkout isn't there yet on "), "{ran:?}");
    }
    well(&world.crabbox(&["cp", "hello.txt", "@last:~/elsewhere"]));
    let ran = world.crabbox(&["cp", "hello.txt", "@last:again"]);
    let line = ran.stderr.lines().find_map(|line| line.split_once("hint: crabbox "));
    let line: Vec<&str> = line.expect("a hint").1.split(' ').collect();
    well(&world.crabbox(&line));
    well(&world.crabbox(&["cp", "hello.txt", "@last:again"]));
    well(&world.shell("cat again"));
}

#[test]
fn a_box_that_is_not_ready_is_named_with_the_line_that_makes_it_so() {
    let world = warm();
    let slug = world.only_slug();
    well(&world.crabbox(&["stop", &slug]));
    let ran = world.crabbox(&["cp", &format!("{slug}:hello.txt"), "."]);
    assert_eq!(ran.code, 5, "{ran:?}");
    let line = ran.stderr.lines().find_map(|line| line.split_once("hint: crabbox "));
    let line: Vec<&str> = line.expect("a hint").1.split(' ').collect();
    well(&world.crabbox(&line));
    well(&world.crabbox(&["cp", &format!("{slug}:hello.txt"), "../back"]));
    well(&world.crabbox(&["stop", &slug, "--delete", "--yes"]));
    let ran = world.crabbox(&["cp", &format!("{slug}:hello.txt"), "."]);
    assert_eq!(ran.code, 4, "{ran:?}");
}

#[test]
fn a_copy_beside_a_run_waits_for_nobody_and_leaves_the_lease_as_it_is() {
    let world = warm();
    let go_on = world.root().join("go-on");
    let line = format!("while [ ! -e {} ]; do sleep 0.01; done", go_on.display());
    let mut running = world.command(&["run", "--shell", &line]);
    let mut running = running.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
    until("the run", || world.leases(&[])[0]["state"] == "busy");
    until("its start", || world.leases(&[])[0]["run"].is_string());
    let claims = || world.crabbox(&["claims", "--json"]).stdout;
    let before = claims();
    well(&world.crabbox(&["cp", "hello.txt", "@last:beside"]));
    well(&world.crabbox(&["cp", "@last:beside", "../back"]));
    assert_eq!(claims(), before);
    fs::write(&go_on, "").expect("a file");
    assert!(running.wait().expect("ends").success());
}

#[test]
fn a_far_box_is_copied_to_and_from_and_proves_itself_first() {
    let desk = Desk::new("");
    well(&desk.run(&["--keep", "--", "true"]));
    plant(&desk.world.root().join("tree"));
    desk.calls();
    well(&desk.crabbox(&["cp", "../tree", "@last:~/tree"]));
    check(&desk.machine().join("home/tree"));
    well(&desk.crabbox(&["cp", "@last:~/tree", "../back"]));
    check(&desk.world.root().join("back"));
    assert_eq!(desk.calls(), "", "its provider isn't asked");
    // Another box answers in its place: what was left there isn't its.
    let marker = fs::read_dir(desk.machine().join("home/crabbox/.crabbox/leases")).expect("leases");
    let marker = marker.map(|one| one.expect("an entry").path().join("marker")).next();
    fs::write(marker.expect("a marker"), "another").expect("a file");
    let ran = desk.crabbox(&["cp", "hello.txt", "@last:~/never"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("marker"), "{ran:?}");
    assert!(!desk.machine().join("home/never").exists());
}

#[test]
fn a_box_behind_ssh_is_copied_to_and_from_over_its_connection() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    plant(&reached.world.root().join("tree"));
    let target = reached.world.root().join("there").display().to_string();
    let before = reached.host.counts();
    well(&reached.crabbox(&["cp", "../tree", &format!("@last:{target}")]));
    check(Path::new(&target));
    well(&reached.crabbox(&["cp", &format!("@last:{target}"), "../back"]));
    check(&reached.world.root().join("back"));
    let after = reached.host.counts();
    assert_eq!(after.connections, before.connections, "no new one");
}

#[test]
fn a_slow_way_is_spared_what_compressing_spares() {
    let slow = |host: SshHostBuilder| host.rate("40mbit");
    let Some(reached) = Reached::by(Server::Russh, slow) else { return };
    reached.warm_up();
    let text = "the same line once more\n".repeat(LARGE / 24);
    let there = reached.world.root().join("text");
    fs::write(&there, &text).expect("a file");
    let before = reached.host.counts().to_client;
    well(&reached.crabbox(&["cp", &format!("@last:{}", there.display()), "../back"]));
    assert!(fs::read(reached.world.root().join("back")).expect("reads") == text.as_bytes());
    let came = reached.host.counts().to_client - before;
    assert!(came < LARGE as u64 * 3 / 4, "{came}");
}

#[test]
fn how_much_of_a_copy_is_done_is_shown_on_a_terminal() {
    let world = warm();
    fs::write(world.root().join("large"), large()).expect("a file");
    let stopped = world.root().join("stopped");
    let there = ["cp", "../large", "@last:"];
    let back = ["cp", "@last:large", "../back"];
    for (line, what) in [(there, "copying to "), (back, "copying from ")] {
        let mut command = world.command(&line);
        command.env("CRABBOX_FAULT", format!("copy.block:30@{}", stopped.display()));
        let mut typist = Typist::before(&command);
        typist.reads(what);
        typist.reads("MiB of ");
        fs::remove_file(&stopped).expect("it is in the middle");
        let Left { code, shown } = typist.leaves();
        assert_eq!(code, Some(0), "{shown}");
        let (_, after) = shown.rsplit_once("\u{1b}[K").expect("a line that was drawn over");
        assert!(after.contains("copied 1 file") && !after.contains(what), "{shown}");
    }
    assert!(fs::read(world.root().join("back")).expect("reads") == large());
}

#[test]
fn one_entry_that_can_not_be_copied_is_named_and_the_others_are_there() {
    let world = World::new();
    let Some(mut warmup) = world.command_of_nobody(&["warmup"]) else { return };
    well(&Ran::of(&mut warmup));
    let tree = world.root().join("tree");
    fs::create_dir_all(tree.join("shut")).expect("folders");
    fs::write(tree.join("fine"), "fine").expect("a file");
    fs::write(tree.join("mine"), "mine").expect("a file");
    let pipe = Command::new("mkfifo").arg(tree.join("pipe")).status();
    assert!(pipe.expect("mkfifo runs").success());
    fs::set_permissions(tree.join("mine"), fs::Permissions::from_mode(0o600)).expect("a mode");
    fs::set_permissions(tree.join("shut"), fs::Permissions::from_mode(0o700)).expect("a mode");
    let as_nobody = |arguments: &[&str]| {
        let mut command = world.command_of_nobody(arguments).expect("root");
        // All but these three stay theirs.
        for name in ["mine", "shut"] {
            std::os::unix::fs::chown(tree.join(name), Some(0), Some(0)).expect("chown");
        }
        Ran::of(&mut command)
    };
    let there = world.root().join("there").display().to_string();
    let ran = as_nobody(&["cp", "../tree", &format!("@last:{there}"), "--json"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let document: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!((&document["files"], &document["failed_count"]), (&1.into(), &3.into()));
    for (name, why) in [
        ("mine", "permission denied"),
        ("shut", "permission denied"),
        ("pipe", "it is no file, folder or link"),
    ] {
        assert!(ran.stderr.contains(&format!("`../tree/{name}`: {why}")), "{ran:?}");
    }
    assert_eq!(names(Path::new(&there)), ["fine"]);
    // The other way, the box can't read them.
    let ran = as_nobody(&["cp", &format!("@last:{}", tree.display()), "../here"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("3 entries couldn't be copied"), "{ran:?}");
    assert!(ran.stderr.contains("/tree/mine`: permission denied"), "{ran:?}");
    assert_eq!(names(&world.root().join("here")), ["fine"]);
}

#[test]
fn a_full_disk_on_either_side_is_said_and_leaves_nothing() {
    let world = warm();
    fs::write(world.root().join("large"), large()).expect("a file");
    fs::create_dir(world.root().join("small")).expect("a folder");
    well(&world.crabbox(&["cp", "../large", "@last:large"]));
    let small = world.root().join("small").display().to_string();
    let there = format!("@last:{small}/");
    for (ends, place) in [
        (["../large", there.as_str()], format!("{small}/large")),
        (["@last:large", "../small"], "../small/large".to_owned()),
    ] {
        let script = "mount -t tmpfs -o size=4m tmpfs \"$1\" || exit 99; shift; \"$@\"; \
                      code=$?; ls -A ../small; exit $code";
        let mut command =
            world.command_of(Path::new("unshare"), &["-Urm", "sh", "-c", script, "sh"]);
        command.arg(&small).arg(&crabbox_tests::built().crabbox).args(["cp", ends[0], ends[1]]);
        let ran = Ran::of(&mut command);
        if ran.code == 99 || ran.stderr.starts_with("unshare:") {
            let mut stderr = std::io::stderr();
            let _ = std::io::Write::write_all(&mut stderr, b"skipped: no mounts here\n");
            return;
        }
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
        assert!(ran.stderr.contains(&format!("there is no room for `{place}`")), "{ran:?}");
    }
}

#[test]
fn a_link_that_the_box_made_is_never_written_through() {
    let world = warm();
    well(&world.shell("mkdir -p out/deep; echo theirs >out/deep/file; echo theirs >out/file"));
    let here = world.root().join("here");
    fs::create_dir_all(here.join("outside")).expect("a folder");
    fs::create_dir_all(here.join("out")).expect("a folder");
    fs::write(here.join("outside/file"), "mine").expect("a file");
    symlink("../outside", here.join("out/deep")).expect("a link");
    symlink("../outside/file", here.join("out/file")).expect("a link");
    let ran = world.crabbox(&["cp", "@last:out", "../here"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("there is a file or a link in its place"), "{ran:?}");
    assert_eq!(fs::read(here.join("outside/file")).expect("reads"), b"mine");
    assert!(!here.join("out/file").is_symlink());
}

#[test]
fn nothing_that_a_box_sends_goes_into_a_repository_here() {
    let world = warm();
    let hook = "mkdir -p .git/hooks sub; echo 'touch /tmp/x' >.git/hooks/post-checkout; \
                chmod +x .git/hooks/post-checkout; echo gitdir: /tmp >sub/.git; echo new >sub/new";
    well(&world.shell(hook));
    let before = names(&world.checkout().join(".git/hooks"));
    let ran = world.crabbox(&["cp", "@last:.", "."]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for name in [".git", "sub/.git"] {
        let line = format!("{name}`: nothing that comes from a box goes into a `.git`");
        assert!(ran.stderr.contains(&line), "{ran:?}");
    }
    assert_eq!(names(&world.checkout().join(".git/hooks")), before);
    assert_eq!(names(&world.checkout().join("sub")), ["new"], "the rest is there");
    // What was typed leads into it by a link that came before.
    well(&world.shell("ln -s .git/hooks out"));
    well(&world.crabbox(&["cp", "@last:out", "."]));
    let ran = world.crabbox(&["cp", "@last:.git/hooks/post-checkout", "out"]);
    insta::assert_snapshot!(ran.snapshot(&world), @"
    exit 2
    --- stdout
    --- stderr
    crabbox: error: `out` can't be where it goes: nothing that comes from a box goes into a `.git`
    crabbox:   hint: crabbox cp @last:.git/hooks/post-checkout /tmp
    ");
    assert_eq!(names(&world.checkout().join(".git/hooks")), before);
}

#[test]
fn a_log_that_grows_is_had_as_far_as_it_was() {
    let world = warm();
    fs::write(world.workspace().join("log"), large()).expect("a file");
    let (child, stopped) = in_the_middle(&world, &["cp", "@last:log", "../log"], "copy.block:10");
    let mut grown = large();
    grown.extend_from_slice(b"one more line\n");
    fs::write(world.workspace().join("more"), &grown).expect("a file");
    let mut log =
        fs::File::options().append(true).open(world.workspace().join("log")).expect("opens");
    std::io::Write::write_all(&mut log, b"one more line\n").expect("writes");
    fs::remove_file(&stopped).expect("removes");
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    well(&ran);
    assert!(ran.stderr.contains("it became longer while it was read"), "{ran:?}");
    assert!(fs::read(world.root().join("log")).expect("reads") == large());
}

#[test]
fn a_file_that_is_written_over_meanwhile_is_not_taken_for_whole() {
    let world = warm();
    fs::write(world.workspace().join("file"), large()).expect("a file");
    let (child, stopped) = in_the_middle(&world, &["cp", "@last:file", "../file"], "copy.block:10");
    fs::write(world.workspace().join("file"), "short").expect("a file");
    fs::remove_file(&stopped).expect("removes");
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("`@last:file`: it "), "{ran:?}");
    assert!(!names(world.root()).iter().any(|name| name.contains("file")));
}
