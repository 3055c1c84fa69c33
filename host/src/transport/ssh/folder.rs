//! The folder of a connection: short, private, and gone with the next boot.
//!
//! The path of a socket is at most 108 bytes long, and OpenSSH makes it under a longer name first.

use super::super::error::TransportError;
use super::error::{SshError, SshFailure};
use crate::places::{is_own_folder, private_folder, runtime};
use crabbox_provider_api::payload::Ssh;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What may be left of a socket's path for the folder of all connections: 108 bytes, with the zero, without the
/// 17 that OpenSSH adds for a moment, and without [`Folder`]'s own.
const LONGEST: usize = 108 - 1 - 17 - (1 + NAME + 1 + 1);

/// A folder's name: 12 digits of the lease, a dash, 8 of the way.
const NAME: usize = 12 + 1 + 8;

/// The folder of a lease's connection by one way.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
}

impl Folder {
    /// Where it is, if it is there.
    pub(super) fn find(lease: &str, ssh: &Ssh) -> Option<Self> {
        let name = name(lease, ssh);
        runtime()
            .map(|root| root.join(&name))
            .find(|path| is_own_folder(path))
            .map(|path| Self { path })
    }

    /// The same, made if it isn't there.
    pub(super) fn make(lease: &str, ssh: &Ssh) -> Result<Self, TransportError> {
        if let Some(folder) = Self::find(lease, ssh) {
            return Ok(folder);
        }
        let mut why = "no folder is short enough for a socket".to_owned();
        for root in runtime().filter(|root| root.as_os_str().len() <= LONGEST) {
            let path = root.join(name(lease, ssh));
            match private_folder(&root).and_then(|()| private_folder(&path)) {
                Ok(()) => return Ok(Self { path }),
                Err(error) => why = format!("`{}`: {error}", root.display()),
            }
        }
        Err(SshError::new(ssh, SshFailure::Folder, why).into())
    }

    /// What programs of the user's read that make connections of their own: it stays as long as the lease.
    pub(super) fn for_editors(lease: &str, state: &Path) -> Self {
        Self { path: state.join("editors").join(lease) }
    }

    /// All of a lease.
    pub(super) fn of_lease(lease: &str) -> Vec<Self> {
        let begin = format!("{}-", digits(lease));
        let entries = runtime().filter_map(|root| fs::read_dir(root).ok()).flatten().flatten();
        let ours =
            entries.filter(|entry| entry.file_name().as_bytes().starts_with(begin.as_bytes()));
        ours.map(|entry| entry.path())
            .filter(|path| is_own_folder(path))
            .map(|path| Self { path })
            .collect()
    }

    /// The socket of the connection of this number.
    pub(super) fn socket(&self, number: usize) -> PathBuf {
        self.path.join(number.to_string())
    }

    pub(super) fn config(&self) -> PathBuf {
        self.path.join("config")
    }

    /// Held by whoever makes a connection.
    pub(super) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    /// What the provider's own command is, and what it gets.
    pub(super) fn proxy(&self) -> PathBuf {
        self.path.join("proxy")
    }

    /// What that said on standard error.
    pub(super) fn proxy_said(&self) -> PathBuf {
        self.path.join("proxy-said")
    }

    /// The processes that belong to the connection.
    pub(super) fn processes(&self) -> PathBuf {
        self.path.join("processes")
    }
}

/// Another way to the box of the same lease is another connection.
fn name(lease: &str, ssh: &Ssh) -> String {
    let way = serde_json::to_vec(ssh).unwrap_or_default();
    let hash = blake3::hash(&way).to_hex();
    format!("{}-{}", digits(lease), &hash[..8])
}

fn digits(lease: &str) -> &str {
    lease.strip_prefix("cbx_").unwrap_or(lease)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_has_a_folder_of_its_own_with_a_name_of_one_length() {
        let one = Ssh { host: "desk".to_owned(), ..Ssh::default() };
        let other = Ssh { port: Some(2222), ..one.clone() };
        let lease = "cbx_0123456789ab";
        assert_ne!(name(lease, &one), name(lease, &other));
        assert_eq!(name(lease, &one).len(), NAME);
        assert!(name(lease, &one).starts_with("0123456789ab-"));
    }
}
