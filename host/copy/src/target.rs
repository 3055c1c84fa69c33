//! Where something is copied to: into a folder that is there, or to a name beside others. What was typed is
//! followed, links included; what comes from the other side never is.

use crate::begun::Begun;
use crate::git::{WHY, is_within};
use crate::reason::in_words;
use crabbox_wire::copy::is_name;
use rustix::fs::{CWD, FileType, Mode, OFlags, openat, stat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Target {
    /// As it was typed; a slash at the end wants a folder.
    pub path: PathBuf,
    /// What the source is called in a folder that is there; `None`: what is in it goes there.
    pub name: Option<Vec<u8>>,
}

/// Where it goes.
#[derive(Debug)]
pub enum Place {
    /// What is in the source goes into this folder.
    Into(OwnedFd),
    /// The source gets this name in this folder.
    Beside(OwnedFd, Vec<u8>),
    /// The same of a folder, which isn't there, or was begun by the same copy.
    New(OwnedFd, Vec<u8>),
}

/// Nothing can be put there.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Its folder isn't there.
    #[error("there is no folder `{}`", .0.display())]
    NoFolder(PathBuf),
    /// Only a folder could go there.
    #[error("`{}` is no folder", .0.display())]
    NotAFolder(PathBuf),
    /// There is a file, and a folder can't take its place.
    #[error("`{}` is no folder, and a folder can't take its place", .0.display())]
    InTheWay(PathBuf),
    /// It is in a `.git`, and what comes is a box's.
    #[error("`{}` can't be where it goes: {WHY}", .0.display())]
    Git(PathBuf),
    /// It can't be opened.
    #[error("`{}` can't be opened: {}", path.display(), in_words(*.error))]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        error: Errno,
    },
}

/// The name of what a path leads to. `None`: it has none of its own (`.`, `..`, `/`).
#[must_use]
pub fn name_of(path: &[u8]) -> Option<Vec<u8>> {
    let end = path.iter().rposition(|byte| *byte != b'/')? + 1;
    let start = path[..end].iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    let name = &path[start..end];
    is_name(name).then(|| name.to_vec())
}

impl Target {
    /// Where a source goes that is a folder, or none. The path of that stands beside it.
    pub fn settle(&self, is_folder: bool) -> Result<(Place, PathBuf), TargetError> {
        let path = &self.path;
        let wants_folder = path.as_os_str().as_bytes().ends_with(b"/");
        match stat(path) {
            Ok(found) if FileType::from_raw_mode(found.st_mode) == FileType::Directory => {
                match self.begun(is_folder) {
                    Some(place) => Ok(place),
                    None => self.within(is_folder),
                }
            }
            Ok(_) if is_folder => Err(TargetError::InTheWay(path.clone())),
            Err(Errno::NOTDIR) => Err(TargetError::NotAFolder(path.clone())),
            Err(Errno::NOENT) if wants_folder && !is_folder => {
                Err(TargetError::NoFolder(path.clone()))
            }
            Ok(_) => self.beside(false),
            Err(Errno::NOENT) => self.beside(is_folder),
            Err(error) => Err(TargetError::Open { path: path.clone(), error }),
        }
    }

    /// Whatever leads there: what was typed may be a link that an earlier copy brought.
    pub fn check_git(&self) -> Result<(), TargetError> {
        let path = &self.path;
        let above = path.parent().filter(|above| !above.as_os_str().is_empty());
        let above = above.unwrap_or(Path::new("."));
        // What isn't there has no place of its own, and will be in the folder above it.
        let found = fs::canonicalize(path).or_else(|_| fs::canonicalize(above));
        match found {
            Ok(found) if is_within(&found) => Err(TargetError::Git(path.clone())),
            _ => Ok(()),
        }
    }

    fn within(&self, is_folder: bool) -> Result<(Place, PathBuf), TargetError> {
        let folder = open(&self.path)?;
        match &self.name {
            Some(name) => {
                let path = self.path.join(OsStr::from_bytes(name));
                Ok((Place::Beside(folder, name.clone()), path))
            }
            None if is_folder => Ok((Place::Into(folder), self.path.clone())),
            None => Err(TargetError::NotAFolder(self.path.clone())),
        }
    }

    /// What an earlier copy of the same source has begun there.
    fn begun(&self, is_folder: bool) -> Option<(Place, PathBuf)> {
        let source = self.name.as_ref().filter(|_| is_folder)?;
        let settled = self.beside(true).ok()?;
        let (Place::New(folder, name), _) = &settled else { return None };
        Begun::of(name, source).is_there(folder.as_fd()).then_some(settled)
    }

    fn beside(&self, is_new: bool) -> Result<(Place, PathBuf), TargetError> {
        let bytes = self.path.as_os_str().as_bytes();
        let name = name_of(bytes).ok_or_else(|| TargetError::NoFolder(self.path.clone()))?;
        let end = bytes.iter().rposition(|byte| *byte != b'/').map_or(0, |at| at + 1);
        let above = &bytes[..end - name.len()];
        let above = Path::new(OsStr::from_bytes(if above.is_empty() { b"." } else { above }));
        let place = if is_new { Place::New } else { Place::Beside };
        Ok((place(open(above)?, name), self.path.clone()))
    }
}

fn open(folder: &Path) -> Result<OwnedFd, TargetError> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(CWD, folder, flags, Mode::empty()).map_err(|error| match error {
        Errno::NOENT => TargetError::NoFolder(folder.to_owned()),
        Errno::NOTDIR => TargetError::NotAFolder(folder.to_owned()),
        error => TargetError::Open { path: folder.to_owned(), error },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn names_are_those_of_cp() {
        let names = ["a", "a/", "x/a", "/x/a//", ".", "..", "a/.", "a/..", "/", ""]
            .map(|path| name_of(path.as_bytes()));
        let a = || Some(b"a".to_vec());
        assert_eq!(names, [a(), a(), a(), a(), None, None, None, None, None, None]);
    }

    #[test]
    fn a_place_is_that_of_cp() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir(root.join("there")).expect("a folder");
        fs::write(root.join("file"), "").expect("a file");
        symlink("there", root.join("link")).expect("a link");
        let settle = |path: &str, name: Option<&str>, is_folder| {
            // As it was typed: joining would drop nothing, and a slash at the end stays.
            let path = PathBuf::from(format!("{}/{path}", root.display()));
            let name = name.map(|name| name.as_bytes().to_vec());
            let settled = Target { path, name }.settle(is_folder);
            settled.map(|(place, path)| {
                let path = path.strip_prefix(root).expect("below").display().to_string();
                (path, matches!(place, Place::Into(_)))
            })
        };
        let source = Some("src");
        let at = |path: &str, into| (path.to_owned(), into);
        for is_folder in [false, true] {
            assert_eq!(settle("there", source, is_folder).expect("place"), at("there/src", false));
            assert_eq!(settle("link", source, is_folder).expect("place"), at("link/src", false));
            assert_eq!(settle("new", source, is_folder).expect("place"), at("new", false));
            assert!(matches!(settle("no/new", source, is_folder), Err(TargetError::NoFolder(_))));
            assert!(matches!(settle("file/", source, is_folder), Err(TargetError::NotAFolder(_))));
        }
        assert_eq!(settle("file", source, false).expect("place"), at("file", false));
        assert!(matches!(settle("file", source, true), Err(TargetError::InTheWay(_))));
        assert!(matches!(settle("new/", source, false), Err(TargetError::NoFolder(_))));
        assert_eq!(settle("new/", source, true).expect("place"), at("new", false));
        assert_eq!(settle("there", None, true).expect("place"), at("there", true));
        assert!(settle("there", None, false).is_err());
    }
}
