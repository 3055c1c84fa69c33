//! Logs that were kept, for `crabbox debug`.

use super::kept::{KEPT, folder, names};
use crate::output::visible;
use crate::redact;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The lines of a log that are about the log: `# KEY: VALUE`. No other begins like that.
pub(super) const COMMAND: &str = "command";
pub(super) const VERSION: &str = "version";
pub(super) const STARTED: &str = "started";
pub(super) const FOLDER: &str = "folder";
pub(super) const END: &str = "exit";

/// Such a line.
pub(super) fn head(key: &str, value: &str) -> String {
    format!("# {key}: {}\n", visible(&redact::text(value)))
}

/// A command that was run.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Its log.
    pub path: PathBuf,
    /// What was typed, without values and without the program's own arguments.
    pub command: String,
    /// Which crabbox it was.
    pub version: String,
    /// When it began, as RFC 3339.
    pub started: String,
    /// Where.
    pub folder: String,
    /// What it exited with; `None`: it was killed, or still runs.
    pub exit: Option<u8>,
}

/// The last commands, the latest first.
#[must_use]
pub fn records(state: &Path) -> Vec<Record> {
    let folder = folder(state);
    let names = names(&folder);
    let latest = names.iter().rev().take(KEPT);
    latest.filter_map(|name| Record::read(folder.join(name))).collect()
}

impl Record {
    /// The whole log.
    pub fn text(&self) -> std::io::Result<String> {
        fs::read(&self.path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn read(path: PathBuf) -> Option<Self> {
        let mut file = File::open(&path).ok()?;
        let mut record = Self { path, ..Self::default() };
        for line in BufReader::new(&file).lines().map_while(Result::ok) {
            let Some((key, value)) = line.strip_prefix("# ").and_then(|line| line.split_once(": "))
            else {
                break;
            };
            match key {
                COMMAND => value.clone_into(&mut record.command),
                VERSION => value.clone_into(&mut record.version),
                STARTED => value.clone_into(&mut record.started),
                FOLDER => value.clone_into(&mut record.folder),
                _ => {}
            }
        }
        record.exit = exit_of(&mut file);
        Some(record)
    }
}

/// It stands in the last line.
fn exit_of(file: &mut File) -> Option<u8> {
    const ENOUGH: u64 = 64;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(ENOUGH))).ok()?;
    let mut end = Vec::new();
    file.read_to_end(&mut end).ok()?;
    let end = String::from_utf8_lossy(&end);
    let last = end.strip_suffix('\n')?.rsplit('\n').next()?;
    last.strip_prefix("# ")?.strip_prefix(END)?.strip_prefix(": ")?.parse().ok()
}
