//! Boxes as folders. Each is called after its lease and holds its immutable id, which a
//! folder that took its name would not have.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Where the id lies in a box, beside what crabbox itself keeps there.
const ID: &str = ".crabbox/id";

/// Begins the name of a box that is being made or deleted: never one itself.
const UNFINISHED: &str = ".unfinished-";

/// The folder of all boxes.
#[derive(Debug)]
pub(crate) struct Boxes {
    root: PathBuf,
}

impl Boxes {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub(crate) fn id_file(&self, name: &str) -> PathBuf {
        self.folder(name).join(ID)
    }

    /// Makes the box, or finds it made; returns its id. It appears under its name only when it is whole.
    pub(crate) fn create(&self, name: &str) -> io::Result<String> {
        check(name)?;
        if let Some(id) = self.id(name)? {
            return Ok(id);
        }
        let id = random_id()?;
        let unfinished = self.root.join(format!("{UNFINISHED}{id}"));
        let private = || {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder
        };
        private().create(&self.root)?;
        private().create(unfinished.join(".crabbox"))?;
        fs::write(unfinished.join(ID), &id)?;
        fs::rename(&unfinished, self.folder(name))?;
        Ok(id)
    }

    /// The id of a box; `None` when there is none of this name.
    pub(crate) fn id(&self, name: &str) -> io::Result<Option<String>> {
        check(name)?;
        match fs::symlink_metadata(self.folder(name)) {
            Ok(found) if found.is_dir() => {}
            // A link or a file in its place isn't ours.
            Ok(_) => {
                return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is no folder"));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        match fs::read_to_string(self.id_file(name)) {
            Ok(id) => Ok(Some(id.trim().to_owned())),
            // A folder without an id is nobody's box: an id that no claim has.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Some(String::new())),
            Err(error) => Err(error),
        }
    }

    /// Deletes a box. It loses its name first, so that what is left of an
    /// interrupted deletion isn't taken for a box. Links in it are removed, not followed.
    pub(crate) fn delete(&self, name: &str) -> io::Result<()> {
        check(name)?;
        let unfinished = self.root.join(format!("{UNFINISHED}{}", random_id()?));
        fs::rename(self.folder(name), &unfinished)?;
        fs::remove_dir_all(unfinished)
    }

    /// Names and ids of all boxes.
    pub(crate) fn list(&self) -> io::Result<Vec<(String, String)>> {
        let entries = match fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut boxes = Vec::new();
        for entry in entries {
            let Ok(name) = entry?.file_name().into_string() else {
                continue;
            };
            if let Ok(Some(id)) = self.id(&name)
                && !id.is_empty()
            {
                boxes.push((name, id));
            }
        }
        boxes.sort();
        Ok(boxes)
    }

    /// Can boxes be made here?
    pub(crate) fn probe(&self) -> io::Result<()> {
        let probe = self.root.join(format!("{UNFINISHED}{}", random_id()?));
        fs::create_dir_all(&probe)?;
        fs::remove_dir(probe)
    }
}

/// A name is one part of a path, and none of ours for something unfinished.
fn check(name: &str) -> io::Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(plain) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "that is no name of a box"));
    }
    Ok(())
}

/// 128 random bits, hex.
fn random_id() -> io::Result<String> {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn boxes() -> (tempfile::TempDir, Boxes) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let boxes = Boxes::new(folder.path().join("boxes"));
        (folder, boxes)
    }

    #[test]
    fn creating_twice_adopts() {
        let (_folder, boxes) = boxes();
        let id = boxes.create("cbx_1").expect("creates");
        assert_eq!(boxes.create("cbx_1").expect("adopts"), id);
        assert_eq!(boxes.list().expect("lists"), [("cbx_1".to_owned(), id)]);
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
        assert_eq!(boxes.id("cbx_1").expect("reads"), None);
        assert!(outside.join("precious").exists());
    }

    #[test]
    fn a_link_in_a_boxs_place_is_no_box() {
        let (folder, boxes) = boxes();
        fs::create_dir_all(boxes.root()).expect("folder");
        symlink(folder.path(), boxes.folder("cbx_1")).expect("links");
        assert!(boxes.id("cbx_1").is_err());
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        let (_folder, boxes) = boxes();
        for name in ["", "..", "a/b", ".unfinished-1"] {
            assert!(boxes.id(name).is_err(), "{name}");
        }
    }
}
