//! Hosts and providers of other minor versions: the newer one of both may be either.

use super::shelf::{date, folder, library, put};
use crabbox_provider_api::abi::VERSION;
use crabbox_tests::{Ran, World, built};
use serde_json::Value;
use std::env::consts::ARCH;
use std::path::Path;

/// The first version that was frozen.
const FIRST: &str = "1.0.0";

fn kept_local(world: &World) -> String {
    put(world, "local", &library(&folder(FIRST, ARCH), "local")).display().to_string()
}

fn run(world: &World, crabbox: &Path, providers: &str) -> Ran {
    let line = ["run", "--provider-path", providers, "--", "cat", "hello.txt"];
    Ran::of(&mut world.command_of(crabbox, &line))
}

#[test]
fn a_provider_of_a_newer_minor_version_runs_on_this_host() {
    let world = World::new();
    let providers = kept_local(&world);
    date(&Path::new(&providers).join("libcrabbox_provider_local.so"), FIRST, "1.9.3");
    let ran = run(&world, &built().crabbox, &providers);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
}

#[test]
fn a_provider_of_an_older_minor_version_runs_on_a_newer_host() {
    let world = World::new();
    let providers = kept_local(&world);
    let newer = world.executable("newer/crabbox", &built().crabbox);
    date(&newer, VERSION, "1.9.0");
    let version = Ran::of(&mut world.command_of(&newer, &["version", "--json"]));
    let version: Value = serde_json::from_str(&version.stdout).expect("JSON");
    assert_eq!(version["abi"], "1.9.0");
    let ran = run(&world, &newer, &providers);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
}

#[test]
fn a_provider_of_another_major_version_is_refused_as_it_is_loaded() {
    let world = World::new();
    let providers = kept_local(&world);
    // Its manifest still says that 1 is enough.
    date(&Path::new(&providers).join("libcrabbox_provider_local.so"), FIRST, "2.0.0");
    let ran = run(&world, &built().crabbox, &providers);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("it is for interface 2.0.0, this crabbox has 1."), "{ran:?}");
    assert!(world.boxes().is_empty());
}
