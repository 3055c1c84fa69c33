//! A world with one provider, in which something is killed, and what must be true of it afterwards.

use crabbox_tests::{Ran, World};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// Whose boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// Folders that are always on; an endpoint comes with the lease.
    Local,
    /// Machines that are switched on and off; where they are is asked for.
    Desk,
}

/// A world with one provider.
pub(crate) struct Place {
    provider: Provider,
    pub(super) world: World,
}

impl Place {
    pub(crate) fn new(provider: Provider) -> Self {
        let world = World::new();
        if provider == Provider::Desk {
            let root = world.root().join("desk");
            world.configure(&format!("[provider.desk]\nroot = '{}'\n", root.display()));
            let _ = world.provider_path("crabbox_provider_desk");
        }
        Self { provider, world }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self.provider {
            Provider::Local => "local",
            Provider::Desk => "desk",
        }
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.world.command(words);
        command.env("CRABBOX_PROVIDER", self.name());
        if self.provider == Provider::Desk {
            command.env("CRABBOX_PROVIDER_PATH", self.world.root().join("providers"));
        }
        command
    }

    pub(crate) fn crabbox(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.command(words))
    }

    /// Runs with an order for [`crabbox::fault`].
    pub(super) fn faulted(&self, order: &str, words: &[&str]) -> (ExitStatus, Ran) {
        let output = self.command(words).env("CRABBOX_FAULT", order).output().expect("runs");
        (output.status, Ran::from(output))
    }

    /// The claims that aren't final.
    pub(crate) fn claims(&self) -> Vec<Value> {
        let list = self.crabbox(&["list", "--json"]).stdout;
        let list: Value = serde_json::from_str(&list).expect("JSON");
        list["leases"].as_array().expect("a list").clone()
    }

    /// The folders of all boxes, and of what is left of some.
    pub(crate) fn boxes(&self) -> Vec<PathBuf> {
        let folder = match self.provider {
            Provider::Local => return self.world.boxes(),
            Provider::Desk => self.world.root().join("desk"),
        };
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect()
    }

    pub(super) fn only_box(&self) -> PathBuf {
        let mut boxes = self.boxes();
        assert_eq!(boxes.len(), 1, "{boxes:?}");
        boxes.remove(0)
    }

    /// Where a box has its immutable id.
    pub(super) fn id_of(&self, folder: &Path) -> PathBuf {
        match self.provider {
            Provider::Local => folder.join(".crabbox/id"),
            Provider::Desk => folder.join("id"),
        }
    }

    /// The names of what exists; one that is half made or half gone has its name with a word before it.
    fn names(&self) -> Vec<String> {
        let name = |path: &PathBuf| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            // The desk's are whole, and called as the claim says.
            let at = if self.provider == Provider::Desk {
                0
            } else {
                name.find("cbx_").expect("a lease id")
            };
            name[at..].to_owned()
        };
        self.boxes().iter().map(name).collect()
    }

    /// All that exists is named by a claim, and no claim has two.
    pub(crate) fn check_claims(&self, after: &str) {
        let claims = self.claims();
        let claimed =
            |name: &String| claims.iter().any(|claim| claim["resource"]["name"] == **name);
        let names = self.names();
        let unclaimed = fs::read_to_string(self.unclaimed()).unwrap_or_default();
        for name in names.iter().filter(|name| unclaimed != **name) {
            assert!(claimed(name), "{after}: nothing claims {name}: {claims:?}");
        }
        let once: BTreeSet<_> = names.iter().collect();
        assert_eq!(once.len(), names.len(), "{after}: {names:?}");
    }

    pub(crate) fn check_next_run(&self, after: &str) {
        let ran = self.crabbox(&["run", "--", "cat", "hello.txt"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{after}: {}", ran.stderr);
        self.check_claims(after);
    }

    /// Everything can be stopped, and nothing is left then.
    pub(crate) fn stop_all(&self, after: &str) {
        for claim in self.claims() {
            let id = claim["id"].as_str().expect("an id");
            let ran = self.crabbox(&["stop", id, "--delete", "--yes"]);
            // A claim is long: why it can't be stopped comes first.
            assert!(ran.code == 0, "{after}: exit {}: {}{claim}", ran.code, ran.stderr);
        }
        assert_eq!(self.boxes(), Vec::<PathBuf>::new(), "{after}");
        assert_eq!(self.claims(), Vec::<Value>::new(), "{after}");
    }

    pub(super) fn only_slug(&self) -> String {
        let claims = self.claims();
        assert_eq!(claims.len(), 1, "{claims:?}");
        claims[0]["slug"].as_str().expect("a slug").to_owned()
    }

    /// Holds the name of a box that isn't always some lease's, since that is what the scene is about.
    pub(super) fn unclaimed(&self) -> PathBuf {
        self.world.root().join("unclaimed")
    }

    /// The only box, which has a lease, may lose it from now on.
    pub(super) fn may_be_unclaimed(&self) {
        fs::write(self.unclaimed(), &self.names()[0]).expect("a file");
    }

    pub(super) fn forget(&self) {
        assert_eq!(self.crabbox(&["forget", &self.only_slug(), "--yes"]).code, 0);
    }

    pub(super) fn adopt(&self) -> Ran {
        let name = fs::read_to_string(self.unclaimed()).expect("a name");
        self.crabbox(&["adopt", &name, "--provider", self.name(), "--yes"])
    }

    pub(super) fn mood(&self, mood: &str) {
        let folder = self.world.root().join("desk");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("mood"), mood).expect("a file");
    }
}
