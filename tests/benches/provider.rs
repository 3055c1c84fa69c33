//! What it costs to have a provider in a process of its own.

use crate::figures::{Figures, in_turn, time};
use crate::table::Table;
use crabbox::provider::{self, Callbacks, Isolation, Options, Provider};
use crabbox::registry::{Places, Registry};
use crabbox_provider_api::payload::{Checkpoint, DoctorRequest};
use crabbox_tests::{Built, World};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// So many calls are one figure.
const CALLS: u32 = 1000;

/// Nobody asks for anything.
struct Nobody;

impl Callbacks for Nobody {
    fn checkpoint(&mut self, _: &Checkpoint) -> Result<(), String> {
        Ok(())
    }

    fn progress(&mut self, _: &str) {}
}

pub(crate) fn measure(crabbox: &Path, built: &Built, table: &mut Table) {
    let world = World::new();
    let folder = world.root().join("providers");
    fs::create_dir(&folder).expect("a folder");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("a mode");
    let file = folder.join("libcrabbox_provider_gallery.so");
    fs::copy(&built.providers["crabbox_provider_gallery"], &file).expect("a copy");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a mode");
    let registry = Registry::new(Places::discover(vec![folder]));
    let library = registry.find("gallery").expect("a provider");
    let open = |isolation| {
        let options = Options { program: Some(crabbox.to_owned()), isolation };
        provider::open(&library, &options).expect("opens")
    };
    let started = |isolation| {
        let begun = Instant::now();
        let provider = open(isolation);
        let ready = begun.elapsed();
        drop(provider);
        (millis(ready), millis(begun.elapsed()))
    };
    let [floor, version, start, whole] = in_turn(
        30,
        [
            &mut || time(Command::new("sh").args(["-c", "true"])),
            &mut || time(&mut world.command_of(crabbox, &["--version"])),
            &mut || started(Isolation::Process).0,
            &mut || started(Isolation::Process).1,
        ],
    );
    table.baseline("sh -c true", &floor);
    table.ratio("crabbox --version", &version, "sh -c true", &floor);
    table.ratio("a provider, until it can be called", &start, "--version", &version);
    table.ratio("the same, until it has left", &whole, "--version", &version);
    let mut apart = open(Isolation::Process);
    let apart = calls(&mut apart);
    let mut inside = open(Isolation::None);
    let inside = calls(&mut inside);
    table.baseline("1,000 calls of a hook, without isolation", &inside);
    table.ratio("1,000 calls of a hook, in a process of its own", &apart, "without", &inside);
}

fn calls(provider: &mut Provider) -> Figures {
    let [figures] = in_turn(
        10,
        [&mut || {
            let begun = Instant::now();
            for _ in 0..CALLS {
                let request = DoctorRequest::default();
                provider.doctor(&request, Duration::from_mins(1), &mut Nobody).expect("answers");
            }
            millis(begun.elapsed())
        }],
    );
    figures
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
