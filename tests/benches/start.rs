//! What starts no box: the program itself, and the list of providers.

use crate::figures::{in_turn, time};
use crate::table::Table;
use crabbox_tests::{Built, World};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

pub(crate) fn measure(crabbox: &Path, built: &Built, table: &mut Table) {
    let world = World::new();
    let list = |count: usize| {
        let folder = world.root().join(format!("store-{count}"));
        install(built, &folder, count);
        let folder = folder.display().to_string();
        let mut command = world.command_of(crabbox, &["provider", "list", "--provider-path"]);
        command.arg(folder);
        command
    };
    let (mut one, mut hundred, mut thousand) = (list(1), list(100), list(1000));
    let [floor, version, one, hundred, thousand] = in_turn(
        30,
        [
            &mut || time(Command::new("sh").args(["-c", "true"])),
            &mut || time(&mut world.command_of(crabbox, &["--version"])),
            &mut || time(&mut one),
            &mut || time(&mut hundred),
            &mut || time(&mut thousand),
        ],
    );
    table.baseline("sh -c true", &floor);
    table.ratio("crabbox --version", &version, "sh -c true", &floor);
    table.ratio("provider list, 1 provider", &one, "--version", &version);
    table.ratio("provider list, 100 providers", &hundred, "--version", &version);
    table.ratio("provider list, 1,000 providers", &thousand, "--version", &version);
}

/// The same provider under many names: what is read of each is its manifest.
fn install(built: &Built, folder: &Path, count: usize) {
    fs::create_dir(folder).expect("a folder");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("a mode");
    let library = fs::read(&built.providers["crabbox_provider_local"]).expect("a provider");
    let name = b"name = \"local\"";
    let at = library.windows(name.len()).position(|bytes| bytes == name).expect("its manifest");
    for number in 0..count {
        let mut copy = library.clone();
        // Names of five letters, as the one that they replace.
        let letters = format!("x{number:04}");
        copy[at + 8..at + 13].copy_from_slice(letters.as_bytes());
        let file = folder.join(format!("libcrabbox_provider_{letters}.so"));
        fs::write(&file, copy).expect("a copy");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
}
