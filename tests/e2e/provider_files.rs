//! Files that aren't the provider they seem to be: each is named with its reason in
//! `provider list` and wherever it is asked for, and none of its code runs.

use crate::doctor::{checks, expect, find};
use crabbox::registry::{Condition, Places, Registry};
use crabbox_tests::{Ran, World, built};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A built provider with every occurrence of some bytes replaced by as many others.
fn patched(package: &str, changes: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = fs::read(&built().providers[package]).expect("reads");
    for (old, new) in changes {
        assert_eq!(old.len(), new.len(), "{old}");
        let mut found = 0;
        for at in 0..bytes.len() - old.len() {
            if bytes[at..].starts_with(old.as_bytes()) {
                bytes[at..at + old.len()].copy_from_slice(new.as_bytes());
                found += 1;
            }
        }
        assert!(found > 0, "{old} isn't in {package}");
    }
    bytes
}

/// A folder with this mode, whatever the umask.
fn folder(path: &Path, mode: u32) -> PathBuf {
    fs::create_dir_all(path).expect("a folder");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    path.to_owned()
}

/// Puts a file into the user's store.
fn store(world: &World, name: &str, bytes: &[u8]) -> PathBuf {
    let store = folder(&world.root().join("data/crabbox/providers"), 0o755);
    let path = store.join(format!("libcrabbox_provider_{name}.so"));
    fs::write(&path, bytes).expect("a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
    path
}

/// What `provider list --json` says of a file.
fn listed(world: &World, path: &Path) -> Value {
    let list = world.crabbox(&["provider", "list", "--json"]).stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let entries = list["providers"].as_array().expect("a list");
    let is_it = |entry: &&Value| entry["path"] == *path.to_string_lossy();
    entries.iter().find(is_it).unwrap_or_else(|| panic!("{list}")).clone()
}

fn run(world: &World, provider: &str) -> Ran {
    world.crabbox(&["run", "--provider", provider, "--", "true"])
}

/// A file in the user's store that can't be used, for this reason.
fn is_refused(world: &World, name: &str, path: &Path, reason: &str) {
    let entry = listed(world, path);
    assert_eq!(entry["state"], "unusable", "{entry}");
    assert!(entry["reason"].as_str().expect("a reason").contains(reason), "{entry}");
    let table = world.crabbox(&["provider", "list"]);
    assert_eq!(table.code, 0, "{}", table.stderr);
    let line = table.stdout.lines().find(|line| line.contains(&*path.to_string_lossy()));
    assert!(line.expect("a line").contains("unusable"), "{}", table.stdout);
    let said = format!("`{name}` (`{}`) can't be used: ", path.display());
    assert!(table.stderr.contains(&said) && table.stderr.contains(reason), "{}", table.stderr);
    let used = run(world, name);
    assert_eq!(used.code, 125);
    let said = format!("the provider `{name}` (`{}`) can't be used", path.display());
    assert!(used.stderr.contains(&said) && used.stderr.contains(reason), "{}", used.stderr);
}

#[test]
fn a_file_that_is_no_provider_is_named_with_its_reason() {
    let mut other_machine = patched("crabbox_provider_desk", &[]);
    other_machine[18] = 243;
    let whole = patched("crabbox_provider_desk", &[]);
    let cases = [
        (b"#!/bin/sh\necho hello\n".to_vec(), "it is no shared library of this system"),
        (whole[..whole.len() / 2].to_vec(), "it is no shared library of this system"),
        (other_machine, "it is built for riscv64, this machine is "),
        (
            patched("crabbox_provider_desk", &[(".crabbox.manifest", ".crabbox.nothing!")]),
            "it holds no provider: its manifest is missing",
        ),
        (
            patched("crabbox_provider_desk", &[("abi = \"1\"", "abi = \"2\"")]),
            "it needs interface ^2, this crabbox has 1.",
        ),
        (
            patched("crabbox_provider_desk", &[("version = \"1.0.0\"", "version = \"one.0\"")]),
            "the manifest can't be read: line 2: ",
        ),
    ];
    for (bytes, reason) in cases {
        let world = World::new();
        let path = store(&world, "desk", &bytes);
        is_refused(&world, "desk", &path, reason);
    }
}

#[test]
fn what_a_newer_provider_says_of_itself_is_shown_although_it_can_not_be_used() {
    let world = World::new();
    let newer = patched("crabbox_provider_desk", &[("abi = \"1\"", "abi = \"2\"")]);
    let entry = listed(&world, &store(&world, "desk", &newer));
    assert_eq!((&entry["version"], &entry["abi"]), (&"1.0.0".into(), &"^2".into()), "{entry}");
}

#[test]
fn a_library_that_is_cut_anywhere_is_refused() {
    let whole = patched("crabbox_provider_desk", &[]);
    let world = World::new();
    let folder = folder(&world.root().join("cut"), 0o755);
    let path = folder.join("libcrabbox_provider_cut.so");
    let registry = Registry::new(Places::discover(vec![folder]));
    let near_the_ends = (0..130).chain(whole.len() - 130..whole.len());
    for length in near_the_ends.chain((130..whole.len()).step_by(whole.len() / 100)) {
        fs::write(&path, &whole[..length]).expect("a file");
        let entries = registry.list();
        let entry = entries.iter().find(|entry| entry.path == path).expect("an entry");
        assert!(matches!(entry.state, Condition::Unusable(_)), "{length}: {entry:?}");
    }
}

#[test]
fn a_length_in_a_damaged_header_sets_no_memory_aside() {
    let world = World::new();
    let path = store(&world, "huge", b"");
    let file = fs::File::options().write(true).open(&path).expect("opens");
    file.set_len(1 << 42).expect("a length");
    is_refused(&world, "huge", &path, "it is larger than a provider can be");
}

#[test]
fn keys_of_a_newer_manifest_are_named_and_no_hindrance() {
    let world = World::new();
    world.configure(&format!("[provider.desk]\nroot = '{}'\n", world.root().display()));
    let bytes = patched("crabbox_provider_desk", &[("aliases =", "aliasez =")]);
    let path = store(&world, "desk", &bytes);
    let entry = listed(&world, &path);
    assert_eq!(entry["state"], "ok");
    assert_eq!(entry["unknown_keys"], serde_json::json!(["aliasez"]));
    let table = world.crabbox(&["provider", "list"]).stderr;
    assert!(table.contains("has keys that this crabbox doesn't know: `aliasez`"), "{table}");
    assert_eq!(run(&world, "desk").code, 0);
}

#[test]
fn what_others_can_write_is_refused_unless_it_came_with_the_program() {
    let bytes = patched("crabbox_provider_desk", &[]);
    let world = World::new();
    let path = store(&world, "desk", &bytes);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("a mode");
    is_refused(&world, "desk", &path, "can be written by others (mode 666)");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("a mode");
    // A folder above, out of which the store could be moved.
    let above = folder(&world.root().join("data/crabbox"), 0o777);
    let reason = format!("`{}` can be written by others (mode 777)", above.display());
    is_refused(&world, "desk", &path, &reason);
    folder(&above, 0o755);
    assert_eq!(listed(&world, &path)["state"], "ok");

    // As a build in a folder that is shared with others.
    let target = folder(&world.root().join("target"), 0o777);
    let shipped = built().crabbox.parent().expect("a folder");
    for name in ["crabbox", "libcrabbox_provider_local.so"] {
        fs::copy(shipped.join(name), target.join(name)).expect("a copy");
        fs::set_permissions(target.join(name), fs::Permissions::from_mode(0o777)).expect("a mode");
    }
    let ran = world.command_of(&target.join("crabbox"), &["run", "--", "true"]).output();
    assert!(ran.expect("runs").status.success());
}

#[test]
fn a_link_is_judged_by_where_it_leads() {
    let world = World::new();
    let open = folder(&world.root().join("open"), 0o777);
    let library = open.join("desk.so");
    fs::write(&library, patched("crabbox_provider_desk", &[])).expect("a file");
    let link = store(&world, "desk", b"");
    fs::remove_file(&link).expect("removes");
    symlink(&library, &link).expect("a link");
    let reason = format!("`{}` can be written by others (mode 777)", open.display());
    is_refused(&world, "desk", &link, &reason);
    folder(&open, 0o755);
    assert_eq!(listed(&world, &link)["state"], "ok");
}

#[test]
fn a_pipe_holds_nobody() {
    let world = World::new();
    let path = store(&world, "pipe", b"");
    fs::remove_file(&path).expect("removes");
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
    let mut child = world
        .command(&["provider", "list", "--quiet"])
        .stdout(Stdio::null())
        .spawn()
        .expect("runs");
    let mut patience = 3000;
    while child.try_wait().expect("waits").is_none() {
        patience -= 1;
        if patience == 0 {
            child.kill().expect("kills");
            child.wait().expect("ends");
            panic!("`provider list` waits for a pipe");
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    is_refused(&world, "pipe", &path, "it is no regular file");
}

#[test]
fn a_word_that_could_mean_two_providers_is_an_error_that_names_both() {
    let world = World::new();
    let desk = store(&world, "desk", &patched("crabbox_provider_desk", &[]));
    let twin = store(
        &world,
        "dosk",
        &patched("crabbox_provider_desk", &[("name = \"desk\"", "name = \"dosk\"")]),
    );
    let ran = run(&world, "under-the-desk");
    assert_eq!(ran.code, 125);
    let (one, other) = (desk.display(), twin.display());
    let said =
        format!("`under-the-desk` could be two providers: `{one}` and `{other}` both answer to it");
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    for (path, with) in [(&desk, &twin), (&twin, &desk)] {
        let entry = listed(&world, path);
        assert_eq!(entry["state"], "clash");
        let clash = serde_json::json!([{ "word": "under-the-desk", "with": with }]);
        assert_eq!(entry["clashes"], clash);
    }
    let doctor = world.crabbox(&["doctor", "--provider", "under-the-desk"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.stdout.contains(&said), "{}", doctor.stdout);
    // Also where it isn't the one that a run would use.
    world.configure("[provider.under-the-desk]\nroot = 'x'\n");
    let (code, found) = checks(&mut world.command(&["doctor", "--json"]));
    assert_eq!(code, 1, "{found:#?}");
    expect(&found, "under-the-desk-doctor", "fail", &said);
    let hint = &find(&found, "under-the-desk-doctor")["hint"];
    assert_eq!(hint, "crabbox provider list");
    expect(&found, "local-data-folder", "pass", "");
    world.configure("");
    let table = world.crabbox(&["provider", "list"]);
    let said =
        format!("`under-the-desk` doesn't lead to `desk` (`{one}`): `{other}` answers to it");
    assert!(table.stderr.contains(&said), "{}", table.stderr);
}

#[test]
fn a_name_comes_before_an_alias_only_where_it_comes_first() {
    // Both are found in the order of their files' names.
    for (file, wins) in [("zz", true), ("aa", false)] {
        let world = World::new();
        let named = store(&world, "misbehaving", &patched("crabbox_provider_misbehaving", &[]));
        let changes =
            [("name = \"desk\"", "name = \"dosk\""), ("\"under-the-desk\"", "\"misbehaving\"   ")];
        let alias = store(&world, file, &patched("crabbox_provider_desk", &changes));
        let ran = run(&world, "misbehaving");
        let found = ran.stderr.contains("misbehaving: no boxes left");
        assert_eq!(found, wins, "{}", ran.stderr);
        assert_eq!(ran.stderr.contains("could be two providers"), !wins, "{}", ran.stderr);
        let states = [&named, &alias].map(|path| listed(&world, path)["state"].clone());
        assert_eq!(states, [if wins { "ok" } else { "clash" }, "clash"]);
    }
}

#[test]
fn an_earlier_place_shadows_a_later_one_and_is_named() {
    let world = World::new();
    let later = store(&world, "desk", &patched("crabbox_provider_desk", &[]));
    let first = world.provider_path("crabbox_provider_desk");
    let path = first.display().to_string();
    let list = world.crabbox(&["provider", "list", "--provider-path", &path]);
    let said = format!(
        "`desk` (`{}`) is shadowed by `{path}/libcrabbox_provider_desk.so`",
        later.display()
    );
    assert!(list.stderr.contains(&said), "{}", list.stderr);
}

#[test]
fn a_provider_is_not_called_like_a_command() {
    let world = World::new();
    let bytes = patched("crabbox_provider_desk", &[("name = \"desk\"", "name = \"stop\"")]);
    let path = store(&world, "stop", &bytes);
    is_refused(&world, "stop", &path, "`stop` can't be a provider's name");
}

#[test]
fn what_a_provider_says_of_itself_is_shown_and_not_obeyed() {
    let world = World::new();
    // A file's name is all that is known of a broken one.
    let folder = folder(&world.root().join("data/crabbox/providers"), 0o755);
    let name = "libcrabbox_provider_\u{1b}[2Jx.so";
    fs::write(folder.join(name), "text").expect("a file");
    let list = world.crabbox(&["provider", "list"]);
    assert!(!list.stdout.contains('\u{1b}') && !list.stderr.contains('\u{1b}'), "{list:?}");
    assert!(list.stdout.contains("\\u{1b}[2Jx"), "{}", list.stdout);
}

#[test]
fn a_program_without_what_comes_with_it_says_where_that_should_be() {
    let world = World::new();
    let alone = folder(&world.root().join("alone"), 0o755);
    let program = alone.join("crabbox");
    // By another process: one that another thread starts meanwhile would have it open for writing.
    let copied = Command::new("cp").args([&built().crabbox, &program]).status();
    assert!(copied.expect("copies").success());
    let missing = format!(
        "no provider is installed: those that come with crabbox lie beside its program, in `{}`",
        alone.display()
    );
    for words in [&["run", "--", "true"][..], &["provider", "list"], &["doctor"]] {
        let ran = Ran::of(&mut world.command_of(&program, words));
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains(&missing), "{words:?}: {said}");
    }
}
