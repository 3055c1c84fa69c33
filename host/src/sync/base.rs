//! What a workspace on a box was last given, as far as the host remembers. Only a
//! belief: the box checks it. It may be deleted at any time.

use super::cache::replace;
use crabbox_wire::tree::{self, Hash, Tree};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"cbxbase1";

/// A base larger than this isn't read.
const LIMIT: u64 = 1 << 30;

/// The memory of one workspace on one lease.
#[derive(Clone, Debug)]
pub struct Base {
    file: PathBuf,
    /// The tree's name.
    pub root: Option<Hash>,
    /// The commit that `HEAD` stood on when it was sent.
    pub head: Option<String>,
}

impl Base {
    /// Reads the name of the tree, not yet the tree.
    #[must_use]
    pub fn open(cache: &Path, lease: &str, workspace: &str) -> Self {
        let file = cache.join("bases").join(format!("{lease}-{workspace}"));
        let (root, head) = read_header(&file).ok().flatten().unzip();
        Self { file, root, head: head.filter(|head| !head.is_empty()) }
    }

    /// As [`Base::open`], but forgets a tree that would be needed and can't be read: a delta from
    /// it couldn't be made.
    #[must_use]
    pub fn open_for(cache: &Path, lease: &str, workspace: &str, wanted: Hash) -> Self {
        let mut base = Self::open(cache, lease, workspace);
        if base.root != Some(wanted) && base.tree().is_none() {
            base.root = None;
        }
        base
    }

    /// The tree itself, if it is whole.
    #[must_use]
    pub fn tree(&self) -> Option<Tree> {
        let mut file = File::open(&self.file).ok()?;
        skip_header(&mut file).ok()??;
        let mut bytes = Vec::new();
        file.take(LIMIT).read_to_end(&mut bytes).ok()?;
        tree::decode(&bytes).ok().filter(|tree| Some(tree.root()) == self.root)
    }

    /// Remembers what the box holds now.
    pub fn store(&self, tree: &Tree, head: Option<&str>) -> io::Result<()> {
        let head = head.unwrap_or_default().as_bytes();
        let length = u8::try_from(head.len()).unwrap_or(0);
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&tree.root().0);
        bytes.push(length);
        bytes.extend_from_slice(&head[..usize::from(length)]);
        bytes.extend_from_slice(&tree::encode(tree));
        replace(&self.file, &bytes)
    }
}

fn read_header(file: &Path) -> io::Result<Option<(Hash, String)>> {
    skip_header(&mut File::open(file)?)
}

fn skip_header(file: &mut File) -> io::Result<Option<(Hash, String)>> {
    let mut magic = [0; MAGIC.len()];
    let mut root = [0; 32];
    let mut length = [0];
    file.read_exact(&mut magic)?;
    file.read_exact(&mut root)?;
    file.read_exact(&mut length)?;
    let mut head = vec![0; usize::from(length[0])];
    file.read_exact(&mut head)?;
    let head = String::from_utf8_lossy(&head).into_owned();
    Ok((magic == *MAGIC).then_some((Hash(root), head)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_wire::tree::{Entry, Kind};

    #[test]
    fn a_base_survives_and_a_damaged_one_does_not() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let entry = Entry { path: b"a".to_vec(), kind: Kind::File, size: 1, hash: Hash::of(b"x") };
        let tree = Tree::from_sorted(vec![entry]).expect("sorted");
        let open = || Base::open(folder.path(), "cbx_1", "work");
        assert_eq!(open().root, None);
        open().store(&tree, Some("c0ffee")).expect("stores");
        assert_eq!(open().head.as_deref(), Some("c0ffee"));
        assert_eq!(open().tree(), Some(tree));
        let file = open().file;
        let mut bytes = std::fs::read(&file).expect("reads");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&file, bytes).expect("writes");
        assert_eq!(open().tree(), None);
    }
}
