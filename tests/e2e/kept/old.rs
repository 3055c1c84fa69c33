//! What was published is loaded for ever, whatever built it: the libraries are release builds, and the program is not.

use super::shelf::{folders, library, names, put, put_all};
use crate::machines::Cluster;
use crate::providers::{Nobody, open_library};
use crabbox_provider_api::payload::DoctorRequest;
use crabbox_tests::{Coder, World};
use serde_json::Value;
use std::env::consts::ARCH;
use std::path::Path;
use std::time::Duration;

/// What `provider list` says of a provider on the provider path.
fn listed(world: &World, folder: &Path, name: &str) -> Value {
    let path = folder.join(format!("libcrabbox_provider_{name}.so"));
    let list = world.crabbox(&[
        "provider",
        "list",
        "--json",
        "--provider-path",
        &folder.display().to_string(),
    ]);
    let list: Value = serde_json::from_str(&list.stdout).expect("JSON");
    let entries = list["providers"].as_array().expect("a list").iter();
    let mut entries = entries.filter(|entry| entry["path"] == *path.to_string_lossy());
    entries.next().unwrap_or_else(|| panic!("{list}")).clone()
}

#[test]
fn every_library_that_was_published_is_loaded_and_called() {
    for from in folders(true) {
        let world = World::new();
        let _ = put_all(&world, &from);
        for name in names(&from) {
            // Fails if it can't be loaded.
            let mut provider = open_library(&world, &name);
            let request = DoctorRequest::default();
            let answer = provider.doctor(&request, Duration::from_secs(20), &mut Nobody);
            if let Err(error) = answer {
                assert!(error.answer().is_some(), "{from:?}: {name}: {error}");
            }
        }
    }
}

#[test]
fn every_library_for_another_machine_is_told_from_ours_and_read() {
    for from in folders(false) {
        let world = World::new();
        for name in names(&from) {
            let mut bytes = library(&from, &name);
            let folder = put(&world, &name, &bytes);
            let entry = listed(&world, &folder, &name);
            let reason = entry["reason"].as_str().unwrap_or_default();
            assert!(reason.starts_with("it is built for ") && reason.ends_with(ARCH), "{entry}");
            // The number of the machine; everything else is as it was built.
            bytes[18] = if ARCH == "aarch64" { 183 } else { 62 };
            let folder = put(&world, &name, &bytes);
            let entry = listed(&world, &folder, &name);
            assert_eq!(
                (&entry["state"], &entry["name"]),
                (&"ok".into(), &(*name).into()),
                "{entry}"
            );
        }
    }
}

#[test]
fn a_kept_local_runs() {
    for from in folders(true) {
        let world = World::new();
        let folder = put(&world, "local", &library(&from, "local")).display().to_string();
        let kept = ["--provider-path", &folder];
        let ran = world.crabbox(&[&["run"], &kept[..], &["--", "cat", "hello.txt"]].concat());
        assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{from:?}: {ran:?}");
        assert!(ran.stderr.contains(&folder), "{ran:?}");
        let ran = world.crabbox(&[&["stop"], &kept[..], &["@last", "--delete", "--yes"]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(world.boxes().is_empty());
    }
}

#[test]
fn a_kept_coder_leases_a_workspace() {
    for from in folders(true).iter().filter(|from| names(from).contains(&"coder".to_owned())) {
        let coder = Coder::new();
        let folder = put(&coder.world, "coder", &library(from, "coder"));
        for line in
            [&["run", "--", "cat", "hello.txt"][..], &["stop", "@last", "--delete", "--yes"]]
        {
            let mut command = coder.command(line);
            let ran = crabbox_tests::Ran::of(command.env("CRABBOX_PROVIDER_PATH", &folder));
            assert_eq!(ran.code, 0, "{from:?}: {ran:?}");
        }
        assert!(coder.deployment.state().names().is_empty());
    }
}

#[test]
fn a_kept_ssh_takes_a_place() {
    for from in folders(true).iter().filter(|from| names(from).contains(&"ssh".to_owned())) {
        let Some(cluster) = Cluster::of(&["desk"]) else { return };
        let folder = put(&cluster.world, "ssh", &library(from, "ssh"));
        for line in
            [&["run", "--", "cat", "hello.txt"][..], &["stop", "@last", "--delete", "--yes"]]
        {
            let mut command = cluster.command(line);
            let ran = crabbox_tests::Ran::of(command.env("CRABBOX_PROVIDER_PATH", &folder));
            assert_eq!(ran.code, 0, "{from:?}: {ran:?}");
        }
    }
}
