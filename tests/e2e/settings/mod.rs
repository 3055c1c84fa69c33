//! The settings that a provider's manifest declares: from everywhere they may come from, to the hook
//! that gets them.

mod boxes;
mod names;
mod pinned;
mod refused;
mod secrets;
mod shown;
mod sources;

use crabbox_tests::{Ran, World};
use serde_json::Value;
use std::fs;
use std::process::Command;

/// A secret that is found wherever it gets to.
const TOKEN: &str = "c4nary-of-the-gallery";

/// A world whose boxes are rooms.
pub(crate) struct Gallery {
    pub(crate) world: World,
    pub(crate) path: String,
}

impl Gallery {
    /// With this text in the user's `[provider.gallery]`, and `root` set there.
    pub(crate) fn new(table: &str) -> Self {
        let gallery = Self::bare();
        let root = gallery.world.root().join("rooms");
        gallery.configure(&format!("root = '{}'\n{table}", root.display()));
        gallery
    }

    /// With nothing configured.
    pub(crate) fn bare() -> Self {
        let world = World::new();
        let path = world.provider_path("crabbox_provider_gallery").display().to_string();
        Self { world, path }
    }

    fn configure(&self, table: &str) {
        self.world.configure(&format!("[provider.gallery]\n{table}\n"));
    }

    fn repository(&self, table: &str) {
        self.world.write(".crabbox.toml", &format!("[provider.gallery]\n{table}\n"));
    }

    /// Any command with this provider on the search path.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.world.command(&[&["--provider-path", &self.path], arguments].concat())
    }

    pub(crate) fn crabbox(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// `true` on a box of the gallery, with these flags.
    pub(crate) fn run_command(&self, flags: &[&str]) -> Command {
        self.command(&[&["run", "-q", "--provider", "gallery"], flags, &["--", "true"]].concat())
    }

    fn run(&self, flags: &[&str]) -> Ran {
        Ran::of(&mut self.run_command(flags))
    }

    /// What the provider was given last.
    fn given(&self) -> Value {
        let file = fs::read(self.world.root().join("rooms/given.json")).expect("was given");
        serde_json::from_slice(&file).expect("JSON")
    }

    /// What a run that ends well gives to the provider.
    fn given_by(&self, mut command: Command) -> Value {
        let ran = Ran::of(&mut command);
        // `providers in … come before all others` is all that is said.
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        self.given()
    }

    /// The one line that refuses a run with these flags; nothing was begun.
    pub(crate) fn refused(&self, mut command: Command) -> String {
        let ran = Ran::of(&mut command);
        assert_eq!(ran.code, 125, "{}", ran.stderr);
        assert_eq!(self.crabbox(&["list", "--all"]).stdout, "", "nothing was begun");
        assert!(!self.world.root().join("rooms").exists(), "the provider was called");
        ran.stderr
    }

    /// How many boxes there are.
    fn rooms(&self) -> usize {
        let entries = fs::read_dir(self.world.root().join("rooms")).expect("rooms");
        entries.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().is_dir())).count()
    }
}
