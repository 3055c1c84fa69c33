//! A world with the misbehaving provider.

use crabbox_tests::{Ran, World, until};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A world with the provider, whose boxes and whose mark on all that it starts are the world's own.
pub(crate) struct Place {
    pub(crate) world: World,
    pub(crate) root: PathBuf,
    pub(crate) mark: PathBuf,
    pub(crate) folder: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let root = world.root().join("boxes");
        fs::create_dir(&root).expect("a folder");
        world.configure(&format!("[provider.misbehaving]\nroot = '{}'\n", root.display()));
        let folder = world.provider_path("crabbox_provider_misbehaving").display().to_string();
        let mark = world.root().join("loaded");
        Self { world, root, mark, folder }
    }

    /// One that waits a second for a hook, not a minute.
    pub(crate) fn impatient(self) -> Self {
        let file = PathBuf::from(&self.folder).join("libcrabbox_provider_misbehaving.so");
        let mut bytes = fs::read(&file).expect("reads");
        let (old, new) = (b" = \"60s\"", b" = \"01s\"");
        let places: Vec<usize> =
            (0..bytes.len() - old.len()).filter(|at| bytes[*at..].starts_with(old)).collect();
        assert_eq!(places.len(), 5, "all but `doctor`");
        for at in places {
            bytes[at..at + old.len()].copy_from_slice(new);
        }
        fs::write(&file, bytes).expect("writes");
        self
    }

    pub(crate) fn mood(&self, mood: &str) {
        fs::write(self.root.join("mood"), mood).expect("a file");
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.world.command(words);
        command
            .env("CRABBOX_PROVIDER", "misbehaving")
            .env("CRABBOX_PROVIDER_PATH", &self.folder)
            .env("CRABBOX_TEST_LOADED", &self.mark);
        command
    }

    pub(crate) fn crabbox(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.command(words))
    }

    pub(crate) fn claims(&self) -> Vec<Value> {
        let list: Value =
            serde_json::from_str(&self.crabbox(&["list", "--json"]).stdout).expect("JSON");
        list["leases"].as_array().expect("a list").clone()
    }

    pub(crate) fn boxes(&self) -> usize {
        let entries = fs::read_dir(&self.root).expect("a folder").flatten();
        entries.filter(|entry| entry.path().is_dir()).count()
    }

    /// How often the library was loaded.
    pub(crate) fn loads(&self) -> usize {
        fs::read_to_string(&self.mark).unwrap_or_default().lines().count()
    }

    /// No process that the provider was, or has started, is left.
    pub(crate) fn nothing_runs(&self, after: &str) {
        let root = self.world.root().display().to_string();
        until(&format!("the end of all, after {after}"), || processes_of(&root).is_empty());
    }

    /// What there is can be ended.
    pub(crate) fn all_can_be_stopped(&self, after: &str) {
        for claim in self.claims() {
            let id = claim["id"].as_str().expect("an id");
            let ran = self.crabbox(&["stop", id, "--delete", "--yes"]);
            assert_eq!(ran.code, 0, "{after}: {claim}: {}", ran.stderr);
        }
        assert_eq!(self.boxes(), 0, "{after}");
    }
}

/// The processes that name this folder in their environment, have mapped a file below it, or work there.
pub(crate) fn processes_of(folder: &str) -> Vec<PathBuf> {
    let names = |path: PathBuf| {
        let text = fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&text).contains(folder)
    };
    let processes = fs::read_dir("/proc").expect("processes").flatten().map(|entry| entry.path());
    let works_there =
        |path: &PathBuf| fs::read_link(path.join("cwd")).is_ok_and(|at| at.starts_with(folder));
    processes
        .filter(|path| names(path.join("environ")) || names(path.join("maps")) || works_there(path))
        .collect()
}
