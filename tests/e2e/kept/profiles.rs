//! Libraries of one profile in a program of the other. That the kept ones, which are release builds, are loaded by a debug
//! program is tested of each of them in [`super::old`]; this is the other way round.

use crabbox_tests::{Built, Profile, Ran, World, built, scale};
use std::io::Write;
use std::path::PathBuf;

/// A release build takes minutes. One that is there does, whatever it was built from: what is frozen holds for it, too.
fn release() -> Option<PathBuf> {
    if scale() > 1 {
        return Some(Built::make(Profile::Release).crabbox);
    }
    let debug = built().crabbox.parent().and_then(|shipped| shipped.parent());
    let there = debug.map(|debug| debug.with_file_name("release").join("crabbox"));
    there.filter(|program| program.exists())
}

#[test]
fn a_debug_library_is_loaded_by_a_release_program() {
    let Some(crabbox) = release() else {
        let _ = writeln!(std::io::stderr(), "skipped: there is no release build here");
        return;
    };
    let world = World::new();
    let folder = world.provider_path("crabbox_provider_local").display().to_string();
    let run = |words: &[&str]| {
        let line = [&words[..1], &["--provider-path", &folder], &words[1..]].concat();
        Ran::of(&mut world.command_of(&crabbox, &line))
    };
    let ran = run(&["run", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
    assert!(ran.stderr.contains(&folder), "{ran:?}");
    let ran = run(&["stop", "@last", "--delete", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(world.boxes().is_empty());
}
