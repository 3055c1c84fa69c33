//! Where kept libraries lie, and how they get into a world.

use crabbox_tests::{Ran, World};
use std::env::consts::ARCH;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folders of every published version, one a compiler, that are for this machine; or those that are for another.
pub(super) fn folders(of_this_machine: bool) -> Vec<PathBuf> {
    let versions = inside(&shelf()).into_iter().filter(|path| !path.ends_with("next"));
    let built = versions.flat_map(|version| inside(&version));
    // Those of a version to come are tried apart.
    let built = built.filter(|path| !path.ends_with("next"));
    let is_ours = |path: &Path| {
        let name = path.file_name().expect("a name").to_string_lossy();
        name.split('-').next() == Some(ARCH)
    };
    let folders: Vec<_> = built.filter(|path| is_ours(path) == of_this_machine).collect();
    assert!(!folders.is_empty(), "something is kept");
    folders
}

/// The folder of that name of a version.
pub(super) fn folder(version: &str, name: &str) -> PathBuf {
    shelf().join(version).join(name)
}

fn shelf() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/abi")
}

fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.is_dir()).collect();
    paths.sort();
    paths
}

/// The names of the providers in a folder.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let names = entries.filter_map(|entry| {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        let name = name.strip_prefix("libcrabbox_provider_")?.strip_suffix(".so.zst")?;
        Some(name.to_owned())
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert!(!names.is_empty(), "{}", folder.display());
    names
}

/// What was built.
pub(super) fn library(folder: &Path, name: &str) -> Vec<u8> {
    let file = folder.join(format!("libcrabbox_provider_{name}.so.zst"));
    zstd::decode_all(File::open(&file).expect("it is kept")).expect("it is whole")
}

/// Puts one into the world's folder for `--provider-path`.
pub(super) fn put(world: &World, name: &str, bytes: &[u8]) -> PathBuf {
    world.put_provider(&format!("libcrabbox_provider_{name}.so"), bytes)
}

/// The same with all that a folder holds.
pub(super) fn put_all(world: &World, from: &Path) -> PathBuf {
    for name in names(from) {
        let _ = put(world, &name, &library(from, &name));
    }
    world.root().join("providers")
}

/// Makes a file of another version of the interface. A tool does it, since the program is large.
pub(super) fn date(file: &Path, from: &str, to: &str) {
    let pattern = format!("s/{}/{to}/g", from.replace('.', "\\."));
    let mut sed = Command::new("sed");
    let ran = Ran::of(sed.env("LC_ALL", "C").args(["-i", &pattern]).arg(file));
    assert_eq!(ran.code, 0, "{ran:?}");
}
