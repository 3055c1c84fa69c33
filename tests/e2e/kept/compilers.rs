//! A provider from another compiler than the host's: what each calls its types and how it lays out those that don't cross
//! is no matter.

use super::shelf::put;
use crate::providers::{Nobody, open_library};
use crabbox_provider_api::payload::DoctorRequest;
use crabbox_tests::{Ran, World, built};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

#[test]
fn a_provider_that_nightly_builds_now_is_loaded() {
    let mut nightly = Command::new("rustup");
    let version = nightly.args(["run", "nightly", "rustc", "--version"]).output();
    if !version.is_ok_and(|version| version.status.success()) {
        let _ = writeln!(std::io::stderr(), "skipped: there is no nightly toolchain here");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = built().providers["crabbox_provider_route"].with_file_name("nightly");
    let mut build = Command::new("rustup");
    build
        .current_dir(root)
        .args(["run", "nightly", "cargo", "build", "--locked", "-p", "crabbox-provider-route"])
        .env("CARGO_TARGET_DIR", &target)
        .env_remove("RUSTC")
        .env_remove("RUSTUP_TOOLCHAIN");
    let build = Ran::of(&mut build);
    assert_eq!(build.code, 0, "{}", build.stderr);
    let world = World::new();
    let library = target.join("debug/libcrabbox_provider_route.so");
    let _ = put(&world, "route", &fs::read(library).expect("it is built"));
    let mut provider = open_library(&world, "route");
    let request = DoctorRequest::default();
    let answer = provider.doctor(&request, Duration::from_secs(20), &mut Nobody);
    assert_eq!(answer.expect("an answer").checks, []);
}
