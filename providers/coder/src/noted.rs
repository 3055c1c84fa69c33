//! What is noted of a lease from one hook to the next, so that it isn't asked each time: which `coder` it is, and where
//! checkouts lie. A version is that of a file: once another one has its place, what is noted of the old one is nothing.

use crate::cli::{Cli, Version};
use crabbox_provider_api::Error;
use crabbox_provider_api::payload::Attributes;
use std::env;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Which `coder` it was.
const VERSION: &str = "coder";

/// What the file system said of its file.
const FILE: &str = "coder_file";

/// Where checkouts lie.
const WORK_ROOT: &str = "work_root";

/// What is noted.
pub(crate) fn attributes(cli: &Cli<'_>, version: Version, work_root: Option<&str>) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.insert(VERSION.to_owned(), version.to_string().into());
    if let Some(file) = seen(&cli.program) {
        attributes.insert(FILE.to_owned(), file.into());
    }
    if let Some(work_root) = work_root {
        attributes.insert(WORK_ROOT.to_owned(), work_root.into());
    }
    attributes
}

/// Which `coder` it is: as it is noted, if that is the same file still, or by its own word.
pub(crate) fn version(cli: &Cli<'_>, attributes: &Attributes) -> Result<Version, Error> {
    let text = |name| attributes.get(name).and_then(|value| value.as_str());
    let is_same = text(FILE).is_some_and(|file| seen(&cli.program).as_deref() == Some(file));
    let noted = text(VERSION).filter(|_| is_same).and_then(Version::parse);
    noted.map_or_else(|| cli.version(), Ok)
}

/// Where checkouts lie, if that is noted: where they did when it was leased.
pub(crate) fn work_root(attributes: &Attributes) -> Option<&str> {
    attributes.get(WORK_ROOT).and_then(|root| root.as_str())
}

/// What tells a program from another one that takes its place. It isn't read. `None`: there is none.
fn seen(program: &str) -> Option<String> {
    let file = if program.contains('/') {
        fs::metadata(program).ok()
    } else {
        // As the host looks for it.
        let path = env::var_os("PATH").unwrap_or_default();
        let mut folders = env::split_paths(&path).filter(|folder| folder.is_absolute());
        folders.find_map(|folder| executable(&folder.join(program)))
    }?;
    let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
    let [modified, nanoseconds, changed, more] = times;
    let (file, size) = (file.ino(), file.size());
    Some(format!("{file} {size} {modified}.{nanoseconds:09} {changed}.{more:09}"))
}

fn executable(path: &Path) -> Option<Metadata> {
    fs::metadata(path).ok().filter(|file| file.is_file() && file.mode() & 0o111 != 0)
}
