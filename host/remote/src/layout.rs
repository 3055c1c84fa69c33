//! Where things lie on the box, and which requests make sense.
//!
//! Everything of ours is in `<work root>/.crabbox/`, beside the workspaces:
//! `leases/<lease>/marker`, `trees/<workspace>/{journal,lock,tmp}`,
//! `runs/<run>/{spec,pid,log,lock,exit}`.

use crate::failure::Failure;
use crabbox_wire::PROTOCOL;
use crabbox_wire::message::{FailureCode, Marker, Request};
use crabbox_wire::text::Text;
use crabbox_wire::tree::check_path;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::DirBuilder;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The places of one request.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) work_root: PathBuf,
    pub(crate) workspace: PathBuf,
    /// Our own notes on the workspace.
    pub(crate) tree: PathBuf,
    pub(crate) marker: PathBuf,
    pub(crate) runs: PathBuf,
}

impl Layout {
    pub(crate) fn of(request: &Request) -> Result<Self, Failure> {
        let refuse = |what: &str| Failure::new(FailureCode::Request, what);
        if request.protocol != PROTOCOL {
            return Err(refuse("the host speaks another version of the protocol"));
        }
        if !is_lease(&request.lease) {
            return Err(refuse("that is no lease id"));
        }
        if check_path(&request.workspace.0).is_err() || request.workspace.0.contains(&b'/') {
            return Err(refuse("that is no name of a workspace"));
        }
        if let Some(run) = &request.run {
            if !is_id(&run.id, "run_") {
                return Err(refuse("that is no run id"));
            }
            if !run.directory.0.is_empty() && check_path(&run.directory.0).is_err() {
                return Err(refuse("the working directory leads out of the workspace"));
            }
        }
        let later = request.collect.as_ref().map(|later| &later.run);
        if request.look.iter().chain(later).any(|run| !is_id(run, "run_")) {
            return Err(refuse("that is no run id"));
        }
        let only_visits = request.look.is_some()
            || request.probe
            || request.copy.is_some()
            || request.collect.is_some()
            || request.tunnel.is_some();
        if only_visits && request.marker == Marker::Write {
            return Err(refuse("whoever only looks marks nothing"));
        }
        let name = OsStr::from_bytes(&request.workspace.0);
        Ok(Self::at(expand(&request.work_root)?, &request.lease, name))
    }

    /// Has a sync made the workspace? What is put there before would be in the way of the first one, for good.
    pub(crate) fn is_synced(&self) -> bool {
        self.workspace.is_dir() && self.tree.join("journal").is_file()
    }

    /// The places of a workspace.
    pub(crate) fn at(work_root: PathBuf, lease: &str, workspace: &OsStr) -> Self {
        let ours = work_root.join(".crabbox");
        Self {
            workspace: work_root.join(workspace),
            tree: ours.join("trees").join(workspace),
            marker: ours.join("leases").join(lease).join("marker"),
            runs: ours.join("runs"),
            work_root,
        }
    }
}

/// An absolute path; a leading `~/` is the home folder.
pub(crate) fn expand(path: &Text) -> Result<PathBuf, Failure> {
    if let Some(rest) = path.0.strip_prefix(b"~/") {
        let home = env::var_os("HOME").filter(|home| !home.is_empty()).ok_or_else(|| {
            Failure::new(FailureCode::Request, "the box has no `HOME` for a folder below `~`")
        })?;
        return Ok(PathBuf::from(home).join(OsStr::from_bytes(rest)));
    }
    let path = PathBuf::from(OsString::from_vec(path.0.clone()));
    if !path.is_absolute() {
        return Err(Failure::new(FailureCode::Request, "a folder on the box must be absolute"));
    }
    Ok(path)
}

/// Makes a folder, and what is missing above it, for us alone.
pub(crate) fn make_private(folder: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| Failure::system("making the folder", folder, &error))
}

/// Is this the id of a lease?
pub(crate) fn is_lease(text: &str) -> bool {
    is_id(text, "cbx_")
}

fn is_id(text: &str, prefix: &str) -> bool {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix(prefix).is_some_and(|rest| rest.len() == 12 && rest.bytes().all(hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_exact() {
        assert!(is_id("cbx_0123456789ab", "cbx_"));
        for id in ["cbx_0123456789a", "cbx_0123456789aB", "run_0123456789ab", "cbx_../../../../"] {
            assert!(!is_id(id, "cbx_"), "{id}");
        }
    }

    #[test]
    fn a_relative_root_is_refused() {
        assert!(expand(&Text::from("box")).is_err());
        assert_eq!(expand(&Text::from("/a/b")).expect("absolute"), Path::new("/a/b"));
    }
}
