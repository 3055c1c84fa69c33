//! The folder of all boxes, and which one it is.
//!
//! A box that isn't in it was deleted only if it is the same folder that the box was made in: another
//! `XDG_DATA_HOME`, or a disk that isn't mounted now, shows an empty one at best. So the folder has an
//! id of its own, in [`ID`], which is part of every box's scope.
//!
//! A folder that was deleted with all that was in it leaves claims that nothing proves to be over. Its
//! id, written by hand as a further line of the file, says that it is gone for good, and that this
//! folder stands in its place; [`Root::epitaph`] is the line to type.

use crabbox_provider_api::payload::Scope;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Holds the folder's id in its first line, and in further ones those that it stands for.
const ID: &str = ".id";

/// The folder of all boxes.
#[derive(Debug)]
pub(crate) struct Root {
    path: PathBuf,
}

impl Root {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes it if it isn't there; its scope.
    pub(crate) fn make(&self) -> io::Result<Scope> {
        if let Some(id) = self.ids()?.first() {
            return Ok(self.scope(id));
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        // Whole when it appears, and the first one stays: another command may do the same.
        let id = crate::random_id()?;
        let draft = self.path.join(format!("{ID}-{id}"));
        let mut file = File::create_new(&draft)?;
        writeln!(file, "{id}")?;
        file.sync_all()?;
        let linked = fs::hard_link(&draft, self.path.join(ID));
        fs::remove_file(&draft)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        match self.ids()?.first() {
            Some(id) => Ok(self.scope(id)),
            None => Err(io::Error::other(format!("`{}/{ID}` is empty", self.path.display()))),
        }
    }

    /// The scope of its boxes. `None`: it isn't there, or it is none.
    pub(crate) fn current(&self) -> io::Result<Option<Scope>> {
        Ok(self.ids()?.first().map(|id| self.scope(id)))
    }

    /// Is this its scope, or that of a folder that it stands for?
    pub(crate) fn is_of(&self, scope: &Scope) -> io::Result<bool> {
        Ok(self.ids()?.iter().any(|id| self.scope(id) == *scope))
    }

    /// Why boxes of this scope can't be seen, for people.
    pub(crate) fn why_not(&self, scope: &Scope) -> String {
        let here = self.path.display();
        match self.id_of(scope) {
            None => {
                format!("that box is of `{}`, and boxes here are of `{here}`", scope.deployment)
            }
            Some(_) if self.path.exists() => {
                format!(
                    "`{here}` isn't the folder that held it: that one was deleted, or isn't mounted now"
                )
            }
            Some(_) => format!("`{here}` isn't there: it was deleted, or isn't mounted now"),
        }
    }

    /// The line that says that a folder at this place is gone for good, with every box in it.
    pub(crate) fn epitaph(&self, scope: &Scope) -> Option<String> {
        let id = self.id_of(scope)?;
        let here = self.path.display().to_string().replace('\'', r"'\''");
        Some(format!("mkdir -p '{here}' && echo {id} >> '{here}/{ID}'"))
    }

    /// The ids that its file holds: its own, then those that it stands for.
    fn ids(&self) -> io::Result<Vec<String>> {
        let text = match fs::read_to_string(self.path.join(ID)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        Ok(text.split_whitespace().map(str::to_owned).collect())
    }

    /// This folder, this machine, this user.
    fn scope(&self, id: &str) -> Scope {
        let [before, after] = self.around_id();
        let account = rustix::process::geteuid().as_raw().to_string();
        Scope::new(format!("{before}{id}{after}"), account)
    }

    /// The id of a folder at the same place, on the same machine, of the same user.
    fn id_of<'a>(&self, scope: &'a Scope) -> Option<&'a str> {
        let [before, after] = self.around_id();
        let id = scope.deployment.strip_prefix(&before)?.strip_suffix(&after)?;
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        (is_id && self.scope(id) == *scope).then_some(id)
    }

    fn around_id(&self) -> [String; 2] {
        let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
        [format!("{} (", self.path.display()), format!(") on machine {}", machine.trim())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_its_scope_and_another_in_its_place_has_another() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let root = Root::new(folder.path().join("it's/local"));
        assert_eq!(root.current().expect("reads"), None);
        let scope = root.make().expect("makes");
        assert_eq!(root.make().expect("finds"), scope);
        assert!(root.is_of(&scope).expect("reads"));
        assert!(scope.deployment.starts_with(&*root.path().to_string_lossy()));

        fs::remove_dir_all(root.path()).expect("removes");
        assert!(!root.is_of(&scope).expect("reads"));
        let other = root.make().expect("makes");
        assert_ne!(other, scope);
        assert!(!root.is_of(&scope).expect("reads"));
        assert!(root.why_not(&scope).contains("isn't the folder that held it"));

        let line = root.epitaph(&scope).expect("a line");
        let shell = std::process::Command::new("sh").args(["-c", &line]).status();
        assert!(shell.expect("a shell").success());
        assert!(root.is_of(&scope).expect("reads"));
        assert_eq!(root.make().expect("finds"), other);
    }
}
