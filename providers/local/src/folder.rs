//! Boxes as folders. Each is called after its lease and holds its immutable id, which a
//! folder that took its name would not have.
//!
//! A box that is being made or deleted has another name, made of its own: it is no box, and whoever
//! comes next finds it and finishes. Nothing is called deleted before it is gone.

use crate::removal;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Where crabbox keeps its own things in a box.
const OURS: &str = ".crabbox";

/// Where the id lies in [`OURS`].
const ID: &str = "id";

/// Begins the name of a box that is being made: never one itself.
const UNFINISHED: &str = ".unfinished-";

/// Lies beside the id of a box that is parked.
const PARKED: &str = "parked";

/// Where each workspace has a folder in [`OURS`] with a lock, which is held while somebody has a session there. It says who.
const TREES: &str = "trees";

/// How much of a lock is read, in bytes.
const HOLDER_LIMIT: u64 = 256;

/// Begins the name of a box that is being deleted.
const DELETING: &str = ".deleting-";

/// The folder of all boxes.
#[derive(Debug)]
pub(crate) struct Boxes {
    root: PathBuf,
}

/// What there is of a box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// All of it. A folder without an id is nobody's box: its id is one that no claim has.
    Whole {
        /// Its id.
        id: String,
    },
    /// What is left of making or deleting it. Its id is the last thing to go, and not the first to come.
    Rest {
        /// Its id, if it has one.
        id: Option<String>,
    },
}

/// Stands for the id of what is left of a box that has none, and never had one as far as its claim knows.
pub(crate) const NO_ID: &str = "none";

impl Seen {
    /// Could that be the box of this id? What is left of one may have lost its own, or not have got it yet.
    pub(crate) fn may_be(&self, claimed: Option<&str>) -> bool {
        match (self, claimed) {
            (Self::Whole { .. }, None) => !self.is_nobodys(),
            (Self::Rest { id: None }, _) | (Self::Rest { .. }, None | Some(NO_ID)) => true,
            (Self::Whole { id } | Self::Rest { id: Some(id) }, Some(claimed)) => id == claimed,
        }
    }

    /// A folder that doesn't say whose it is.
    pub(crate) fn is_nobodys(&self) -> bool {
        matches!(self, Self::Whole { id } if id.is_empty())
    }
}

impl Boxes {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn id_file(&self, name: &str) -> PathBuf {
        self.folder(name).join(OURS).join(ID)
    }

    /// The line that says of a folder without an id that it is the box of this one all the same.
    pub(crate) fn vow(&self, name: &str, id: &str) -> String {
        let folder = self.folder(name).join(OURS).display().to_string().replace('\'', r"'\''");
        format!("mkdir -p '{folder}' && echo {id} > '{folder}/{ID}'")
    }

    fn mark(&self, name: &str) -> PathBuf {
        self.folder(name).join(OURS).join(PARKED)
    }

    /// Was it parked, and not asked for since? Nothing of this machine is switched off: that is all
    /// there is to it.
    pub(crate) fn is_parked(&self, name: &str) -> bool {
        self.mark(name).exists()
    }

    /// It is parked. One that can't be marked is let go of all the same.
    pub(crate) fn park(&self, name: &str) {
        let _ = fs::write(self.mark(name), "");
    }

    /// It is asked for again.
    pub(crate) fn start(&self, name: &str) {
        let _ = fs::remove_file(self.mark(name));
    }

    /// Who has a session on it right now, as they say of themselves.
    pub(crate) fn user(&self, name: &str) -> Option<String> {
        let trees = fs::read_dir(self.folder(name).join(OURS).join(TREES)).ok()?;
        trees.flatten().find_map(|tree| holder(&tree.path().join("lock")))
    }

    fn unfinished(&self, name: &str) -> PathBuf {
        self.root.join(format!("{UNFINISHED}{name}"))
    }

    fn deleting(&self, name: &str) -> PathBuf {
        self.root.join(format!("{DELETING}{name}"))
    }

    /// Makes the box, or finds it made; returns its id. It appears under its name only when it is
    /// whole. The folder of all boxes must be there.
    pub(crate) fn create(&self, name: &str) -> io::Result<String> {
        match self.look(name)? {
            Some(seen) if seen.is_nobodys() => {
                let file = self.id_file(name);
                let message = format!("a folder is there already, and `{}` is not", file.display());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
            Some(Seen::Whole { id }) => return Ok(id),
            _ => {}
        }
        self.finish(name)?;
        let id = crate::random_id()?;
        let unfinished = self.unfinished(name);
        DirBuilder::new().recursive(true).mode(0o700).create(unfinished.join(OURS))?;
        fs::write(unfinished.join(OURS).join(ID), &id)?;
        fs::rename(&unfinished, self.folder(name))?;
        Ok(id)
    }

    /// What there is of a box of this name; `None`: nothing at all.
    pub(crate) fn look(&self, name: &str) -> io::Result<Option<Seen>> {
        check(name)?;
        if is_folder(&self.folder(name))? {
            let id = id_in(&self.folder(name))?.unwrap_or_default();
            return Ok(Some(Seen::Whole { id }));
        }
        for rest in [self.deleting(name), self.unfinished(name)] {
            if is_folder(&rest)? {
                return Ok(Some(Seen::Rest { id: id_in(&rest)? }));
            }
        }
        Ok(None)
    }

    /// Deletes a box. It loses its name first, so that what is left of an
    /// interrupted deletion isn't taken for a box.
    pub(crate) fn delete(&self, name: &str) -> io::Result<()> {
        check(name)?;
        self.finish(name)?;
        fs::rename(self.folder(name), self.deleting(name))?;
        self.finish(name)
    }

    /// Removes what is left of making or deleting a box, if anything is.
    pub(crate) fn finish(&self, name: &str) -> io::Result<()> {
        check(name)?;
        let deleting = self.deleting(name);
        if is_folder(&deleting)? {
            if id_in(&deleting)?.is_some() {
                removal::empty_but(&deleting, Some(OURS))?;
                removal::empty_but(&deleting.join(OURS), Some(ID))?;
            }
            remove_shell(&deleting)?;
        }
        if is_folder(&self.unfinished(name))? {
            remove_shell(&self.unfinished(name))?;
        }
        Ok(())
    }

    /// Everything that is, or was to be, a box, by its name.
    pub(crate) fn list(&self) -> io::Result<Vec<(String, Seen)>> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut boxes = Vec::new();
        for entry in entries {
            let Ok(entry) = entry?.file_name().into_string() else {
                continue;
            };
            let name = entry.strip_prefix(DELETING).or_else(|| entry.strip_prefix(UNFINISHED));
            let name = name.unwrap_or(&entry);
            if let Ok(Some(seen)) = self.look(name) {
                boxes.push((name.to_owned(), seen));
            }
        }
        boxes.retain(|(_, seen)| !seen.is_nobodys());
        boxes.sort_by(|(one, _), (other, _)| one.cmp(other));
        boxes.dedup();
        Ok(boxes)
    }
}

/// Is there a folder? Anything else in its place, such as a link, isn't ours.
fn is_folder(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => Ok(true),
        Ok(_) => {
            let message = format!("`{}` is no folder", path.display());
            Err(io::Error::new(io::ErrorKind::NotADirectory, message))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Who holds a lock. Whoever only looks shares it for a moment.
fn holder(lock: &Path) -> Option<String> {
    let file = File::open(lock).ok()?;
    let Err(TryLockError::WouldBlock) = file.try_lock_shared() else { return None };
    let mut name = Vec::new();
    file.take(HOLDER_LIMIT).read_to_end(&mut name).ok()?;
    Some(String::from_utf8_lossy(&name).into_owned())
}

/// The id in a folder. A file without one was made just before its maker was killed.
fn id_in(folder: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(folder.join(OURS).join(ID)) {
        Ok(id) => Ok(Some(id.trim().to_owned()).filter(|id| !id.is_empty())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a box in which nothing but its id is left. Without an id it is proven of nobody, so
/// nothing else in it is touched: what holds a file of somebody's stays.
fn remove_shell(folder: &Path) -> io::Result<()> {
    let absent_is_well = |result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    absent_is_well(fs::remove_file(folder.join(OURS).join(ID)))?;
    absent_is_well(fs::remove_dir(folder.join(OURS)))?;
    fs::remove_dir(folder)
}

/// A name is one part of a path, and none of ours for something unfinished.
fn check(name: &str) -> io::Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "that is no name of a box"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn boxes() -> (tempfile::TempDir, Boxes) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let boxes = Boxes::new(folder.path().join("boxes"));
        fs::create_dir(&boxes.root).expect("a folder");
        (folder, boxes)
    }

    fn left(boxes: &Boxes) -> usize {
        fs::read_dir(&boxes.root).expect("reads").count()
    }

    #[test]
    fn creating_twice_adopts() {
        let (_folder, boxes) = boxes();
        let id = boxes.create("cbx_1").expect("creates");
        assert_eq!(boxes.create("cbx_1").expect("adopts"), id);
        assert_eq!(boxes.list().expect("lists"), [("cbx_1".to_owned(), Seen::Whole { id })]);
    }

    #[test]
    fn whoever_has_a_session_is_known_by_its_lock() {
        let (_folder, boxes) = boxes();
        boxes.create("cbx_1").expect("creates");
        assert_eq!(boxes.user("cbx_1"), None);
        let tree = boxes.folder("cbx_1").join(OURS).join(TREES).join("repo-01234567");
        fs::create_dir_all(&tree).expect("folders");
        fs::write(tree.join("lock"), "crabbox (process 7) on a machine").expect("writes");
        assert_eq!(boxes.user("cbx_1"), None);
        let session = File::open(tree.join("lock")).expect("opens");
        session.lock().expect("locks");
        assert_eq!(boxes.user("cbx_1").as_deref(), Some("crabbox (process 7) on a machine"));
        drop(session);
        assert_eq!(boxes.user("cbx_1"), None);
    }

    #[test]
    fn deleting_removes_links_and_not_what_they_lead_to() {
        let (folder, boxes) = boxes();
        let outside = folder.path().join("outside");
        fs::create_dir(&outside).expect("folder");
        fs::write(outside.join("precious"), "").expect("writes");
        boxes.create("cbx_1").expect("creates");
        symlink(&outside, boxes.folder("cbx_1").join("link")).expect("links");
        boxes.delete("cbx_1").expect("deletes");
        assert_eq!((boxes.look("cbx_1").expect("reads"), left(&boxes)), (None, 0));
        assert!(outside.join("precious").exists());
    }

    #[test]
    fn a_deletion_that_was_interrupted_is_known_and_finished() {
        let (_folder, boxes) = boxes();
        let id = boxes.create("cbx_1").expect("creates");
        fs::create_dir_all(boxes.folder("cbx_1").join("a/b")).expect("folders");
        fs::rename(boxes.folder("cbx_1"), boxes.deleting("cbx_1")).expect("begins");
        let rest = Seen::Rest { id: Some(id) };
        assert_eq!(boxes.look("cbx_1").expect("reads"), Some(rest.clone()));
        assert_eq!(boxes.list().expect("lists"), [("cbx_1".to_owned(), rest)]);
        boxes.finish("cbx_1").expect("finishes");
        assert_eq!((boxes.look("cbx_1").expect("reads"), left(&boxes)), (None, 0));
    }

    #[test]
    fn nothing_is_removed_of_what_has_no_id() {
        let (_folder, boxes) = boxes();
        fs::create_dir_all(boxes.deleting("cbx_1").join(OURS)).expect("folders");
        fs::write(boxes.deleting("cbx_1").join("precious"), "").expect("writes");
        assert!(boxes.finish("cbx_1").is_err());
        assert!(boxes.deleting("cbx_1").join("precious").exists());
        fs::remove_file(boxes.deleting("cbx_1").join("precious")).expect("removes");
        boxes.finish("cbx_1").expect("finishes");
        assert_eq!(left(&boxes), 0);
    }

    #[test]
    fn what_an_interrupted_creation_left_is_cleared_by_the_next() {
        let (_folder, boxes) = boxes();
        fs::create_dir_all(boxes.unfinished("cbx_1").join(OURS)).expect("folders");
        assert_eq!(boxes.look("cbx_1").expect("reads"), Some(Seen::Rest { id: None }));
        boxes.create("cbx_1").expect("creates");
        assert_eq!(left(&boxes), 1);
    }

    #[test]
    fn a_link_in_a_boxs_place_is_no_box() {
        let (folder, boxes) = boxes();
        symlink(folder.path(), boxes.folder("cbx_1")).expect("links");
        assert!(boxes.look("cbx_1").is_err());
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let (_folder, boxes) = boxes();
        for name in ["", "..", "a/b", ".unfinished-1"] {
            assert!(boxes.look(name).is_err(), "{name}");
        }
    }
}
