//! `crabbox verify`

use super::Shared;
use super::order::{Files, explain_sync};
use crate::config::{Flags, Settings};
use crate::history::{Artifact, folder};
use crate::output::{CommandError, Exit};
use crate::places::real;
use crate::receipt::{Checkout, Receipt, check};
use crate::results::kept;
use crate::sync;
use clap::{Args, ValueHint};
use rustix::fs::OFlags;
use rustix::io::Errno;
use serde_json::json;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A larger file is no receipt, in bytes.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Say whether a receipt is about this checkout
///
/// It is if the tree that was run is the one that is here, whether committed or not; with the files that the run brought
/// back and the results that are kept of it, as far as they are here. Nobody has signed a receipt: it says what was run to
/// whoever trusts where it comes from. Exits with 5 if it is about something else.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox run --receipt receipt.json -- cargo test
  crabbox verify receipt.json")]
pub(super) struct Verify {
    /// The receipt
    #[arg(value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// Compare with this folder, not with the checkout here
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    from_dir: Option<PathBuf>,
    /// Leave out files like this, as the run did
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
}

impl Verify {
    pub(super) fn execute(self, shared: &Shared) -> Result<Exit, CommandError> {
        let receipt = read(&self.file)?;
        let places = shared.places()?;
        let files =
            Files { from_dir: self.from_dir, exclude: Vec::new(), allow_mass_deletion: false };
        // The run didn't count its own receipt, either.
        let receipt_here = real(&self.file);
        let apart = [&*places.state, &*places.cache, &*places.data, &*receipt_here];
        let source = files.source()?.without(apart);
        source.check_owner().map_err(|error| explain_sync(&error))?;
        let flags = Flags { exclude: self.exclude, of_lease: true, ..shared.flags() };
        let settings = Settings::load(flags, Some(&source.root), &places)?;
        let stop = AtomicBool::new(false);
        let reading = shared.printer.progress("reading the checkout");
        let scan = sync::scan(&source, &settings.exclude, &places.cache, &stop)
            .map_err(|error| explain_sync(&error))?;
        let uncommitted = receipt.uncommitted.as_ref().and(sync::uncommitted(&source, &stop));
        drop(reading);
        let checkout =
            Checkout { tree: scan.tree.root().to_string(), commit: source.head(), uncommitted };
        let checked = check(&receipt, &checkout);
        let changed = changed(&receipt, &source.root, &folder(&places.state, &receipt.run));
        let is_about_it = checked.same_tree && changed.is_empty();
        if shared.printer.json {
            shared.printer.document(&json!({
                "schema_version": 1,
                "run": receipt.run,
                "binds": is_about_it,
                "same_tree": checked.same_tree,
                "differences": checked.differences,
                "changed": changed,
            }))?;
        } else {
            let verdict = if is_about_it { "is about this checkout" } else { "isn't" };
            let said = match (is_about_it, checked.same_tree) {
                (false, true) => "is about this checkout, and what came of it has changed",
                (false, false) => "isn't about this checkout",
                _ => verdict,
            };
            let (run, exit) = (&receipt.run, receipt.outcome.exit);
            shared.printer.data(&format!("the receipt of {run} (exit {exit}) {said}\n"))?;
            for line in checked.differences.iter().chain(&changed) {
                shared.printer.phase(line);
            }
        }
        Ok(if is_about_it { Exit::Ok } else { Exit::Conflict })
    }
}

fn read(path: &Path) -> Result<Receipt, CommandError> {
    let unreadable = |error: io::Error| {
        CommandError::new(Exit::NotFound, format!("`{}` can't be read", path.display()))
            .because(error)
    };
    let mut text = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(LARGEST + 1).read_to_end(&mut text).map_err(unreadable)?;
    let none = || CommandError::usage(format!("`{}` is no receipt", path.display()));
    if text.len() as u64 > LARGEST {
        return Err(none().because(format!("it is larger than {LARGEST} bytes")));
    }
    let receipt: Receipt = serde_json::from_slice(&text).map_err(|error| none().because(error))?;
    if receipt.schema_version > crate::receipt::SCHEMA_VERSION {
        return Err(CommandError::usage(format!(
            "`{}` was written by a newer crabbox ({})",
            path.display(),
            receipt.crabbox
        )));
    }
    Ok(receipt)
}

/// What came of the run and is here, and isn't what it was.
fn changed(receipt: &Receipt, root: &Path, run: &Path) -> Vec<String> {
    let mut changed = Vec::new();
    let here = root.join(".crabbox/artifacts").join(receipt.run.as_str());
    for artifact in &receipt.artifacts {
        let shown = &artifact.path;
        if !is_below(Path::new(&artifact.path)) {
            changed.push(format!("`{shown}` is no path of an artifact"));
        } else if is_another(&here.join(&artifact.path), artifact) {
            changed.push(format!("`{shown}` has changed since it came here"));
        }
    }
    let results = receipt.results.as_ref().zip(kept::read(run).ok().flatten());
    if results.is_some_and(|(then, now)| then.digest != kept::digest(&now)) {
        changed.push("the results that are kept of the run aren't those of the receipt".to_owned());
    }
    changed
}

/// Whoever wrote the receipt says where files are looked for: nowhere but in their folder.
fn is_below(path: &Path) -> bool {
    let mut names = path.components().peekable();
    names.peek().is_some() && names.all(|name| matches!(name, Component::Normal(_)))
}

/// Is something else there now? What isn't there, or can't be read, is nothing to be told of.
fn is_another(path: &Path, artifact: &Artifact) -> bool {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match File::options().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        // A link, or a socket.
        Err(error) => {
            return matches!(Errno::from_io_error(&error), Some(Errno::LOOP | Errno::NXIO));
        }
    };
    if !file.metadata().is_ok_and(|found| found.is_file() && found.len() == artifact.bytes) {
        return true;
    }
    let mut hasher = blake3::Hasher::new();
    // It may grow while it is read.
    let read = hasher.update_reader(file.take(artifact.bytes.saturating_add(1)));
    read.is_ok_and(|hasher| hasher.finalize().to_hex().as_str() != artifact.digest)
}
