//! A provider that fails is an error that names it, and nothing else is harmed.

use crabbox::provider::{self, Callbacks, Options};
use crabbox::registry::{Places, Registry};
use crabbox_provider_api::payload::{Checkpoint, LeaseRequest};
use crabbox_tests::{World, built};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

fn lease(how: &str) -> (World, crabbox_tests::Ran) {
    let world = World::new();
    world.configure(&format!("[provider.misbehaving]\nlease = '{how}'\n"));
    let path = world.provider_path("crabbox_provider_misbehaving").display().to_string();
    let ran = world.crabbox(&[
        "run",
        "--provider-path",
        &path,
        "--provider",
        "misbehaving",
        "--",
        "true",
    ]);
    (world, ran)
}

#[test]
fn an_honest_answer_stays_short() {
    let (world, ran) = lease("refuse");
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("error: misbehaving: no boxes left\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: ask for more\n"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("last words"), "{}", ran.stderr);
    assert!(world.crabbox(&["list"]).stdout.contains("failed"));
}

#[test]
fn a_file_that_others_can_write_is_refused() {
    let world = World::new();
    let folder = world.provider_path("crabbox_provider_misbehaving");
    let file = folder.join("libcrabbox_provider_misbehaving.so");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o777)).expect("a mode");
    let path = folder.display().to_string();
    let ran = world.crabbox(&[
        "run",
        "--provider-path",
        &path,
        "--provider",
        "misbehaving",
        "--",
        "true",
    ]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("can be written by others"), "{}", ran.stderr);
}

#[test]
fn a_broken_first_match_is_no_reason_to_look_further() {
    let world = World::new();
    let folder = world.root().join("broken");
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("a mode");
    fs::write(folder.join("libcrabbox_provider_local.so"), "text").expect("a file");
    let path = folder.display().to_string();
    let ran = world.crabbox(&["run", "--provider-path", &path, "--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("no shared library"), "{}", ran.stderr);
    let list = world.crabbox(&["provider", "list", "--json", "--provider-path", &path]).stdout;
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    let entries = list["providers"].as_array().expect("a list").iter();
    let local: Vec<_> = entries.filter(|entry| entry["name"] == "local").collect();
    assert_eq!(local[0]["state"], "unusable");
    assert_eq!(local[1]["state"], "shadowed");
}

#[test]
fn an_unknown_provider_names_those_that_there_are() {
    let world = World::new();
    let ran = world.crabbox(&["run", "--provider", "nowhere", "--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("there are: coder, local, ssh"), "{}", ran.stderr);
}

#[test]
fn a_repository_chooses_no_provider_that_the_user_has_not() {
    let world = World::new();
    world.write(".crabbox.toml", "[lease]\nprovider = 'misbehaving'\n");
    let path = world.provider_path("crabbox_provider_misbehaving").display().to_string();
    let ran = world.crabbox(&["run", "--provider-path", &path, "--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("haven't configured"), "{}", ran.stderr);
    assert!(world.crabbox(&["list", "--all"]).stdout.is_empty());
}

/// A host that stores nothing.
pub(crate) struct Nobody;

impl Callbacks for Nobody {
    fn checkpoint(&mut self, _: &Checkpoint) -> Result<(), String> {
        Err("nothing is stored here".to_owned())
    }

    fn progress(&mut self, _: &str) {}
}

/// Starts the provider that is in the world's own folder.
pub(crate) fn open_library(world: &World, name: &str) -> provider::Provider {
    let folder = world.root().join("providers");
    let registry = Registry::new(Places::discover(vec![folder]));
    let library = registry.find(name).expect("a provider");
    let options = Options { program: Some(built().crabbox.clone()), ..Options::default() };
    provider::open(&library, &options).expect("opens")
}

#[test]
fn nothing_is_made_when_the_checkpoint_can_not_be_stored() {
    let world = World::new();
    let _ = world.provider_path("crabbox_provider_local");
    let mut provider = open_library(&world, "local");
    let request = LeaseRequest { lease: "cbx_00000000c4ec".to_owned(), ..LeaseRequest::default() };
    let error =
        provider.lease(&request, Duration::from_secs(10), &mut Nobody).expect_err("is refused");
    let answer = error.answer().expect("an answer of the provider");
    assert!(answer.message.contains("nothing is stored here"), "{answer}");
    assert_eq!(answer.effect, crabbox_provider_api::Effect::None);
}
