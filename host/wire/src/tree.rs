//! What a tree is: its entries, their order, and the hash that names it.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The longest path in a tree, in bytes (Linux: `PATH_MAX`).
pub const MAX_PATH: usize = 4096;

/// BLAKE3, 32 bytes. As text: 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// Of content.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        Self(*blake3::hash(content).as_bytes())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text isn't a hash.
#[derive(Debug, thiserror::Error)]
#[error("not a hash of 64 hex digits")]
pub struct HashError;

impl FromStr for Hash {
    type Err = HashError;

    fn from_str(text: &str) -> Result<Self, HashError> {
        let hash = blake3::Hash::from_hex(text).map_err(|_| HashError)?;
        Ok(Self(*hash.as_bytes()))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What an entry is. The executable bit is all that a tree knows of modes, as in git.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A regular file.
    File = 1,
    /// A regular file that its owner may execute.
    Executable = 2,
    /// A symbolic link; its content is its target.
    Symlink = 3,
    /// A folder that holds no other entry (folders that do aren't named). Without content.
    Folder = 4,
}

impl Kind {
    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::File),
            2 => Some(Self::Executable),
            3 => Some(Self::Symlink),
            4 => Some(Self::Folder),
            _ => None,
        }
    }
}

/// One entry of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Relative to the root, parts separated by `/`; see [`check_path`].
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// The length of its content in bytes.
    pub size: u64,
    /// The hash of its content.
    pub hash: Hash,
}

/// Bytes that should have been a tree or a delta and aren't.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// It ends in the middle of an entry.
    #[error("it ends in the middle of an entry")]
    Truncated,
    /// A number stands for nothing.
    #[error("{0} stands for nothing")]
    Unknown(u8),
    /// A path that could lead out of the tree, or that no tree can hold.
    #[error("`{}` can't be a path in a tree: {why}", String::from_utf8_lossy(.path).escape_debug())]
    Path {
        /// The path.
        path: Vec<u8>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Entries must stand in ascending order of their paths, each path once.
    #[error("`{}` is out of order", String::from_utf8_lossy(.path).escape_debug())]
    Order {
        /// The path.
        path: Vec<u8>,
    },
    /// Only a folder holds entries.
    #[error(
        "`{}` can't be below `{}`, which is no folder",
        String::from_utf8_lossy(.path).escape_debug(),
        String::from_utf8_lossy(.above).escape_debug()
    )]
    Below {
        /// The path.
        path: Vec<u8>,
        /// The path of the file or link above it.
        above: Vec<u8>,
    },
}

/// Accepts a path that stays in the tree: relative, of non-empty parts other than
/// `.` and `..`, without NUL, at most [`MAX_PATH`] bytes, each part at most 255.
pub fn check_path(path: &[u8]) -> Result<(), TreeError> {
    let refuse = |why| Err(TreeError::Path { path: path.to_vec(), why });
    if path.len() >= MAX_PATH {
        return refuse("it is too long");
    }
    if path.contains(&0) {
        return refuse("it holds a NUL byte");
    }
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" => return refuse("a part of it is empty"),
            b"." | b".." => return refuse("a part of it is a dot name"),
            _ if part.len() > 255 => return refuse("a part of it is too long"),
            _ => {}
        }
    }
    Ok(())
}

impl Entry {
    /// Appends the entry: length of the path (2 bytes, big-endian), path, kind
    /// (1), size (8, big-endian), hash (32).
    pub fn encode(&self, out: &mut Vec<u8>) {
        let length = u16::try_from(self.path.len()).unwrap_or(u16::MAX);
        debug_assert!(self.path.len() < MAX_PATH, "checked where paths come in");
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&self.path);
        out.push(self.kind as u8);
        out.extend_from_slice(&self.size.to_be_bytes());
        out.extend_from_slice(&self.hash.0);
    }

    /// Takes one entry off the front of `input`.
    pub fn decode(input: &mut &[u8]) -> Result<Self, TreeError> {
        let length = u16::from_be_bytes(take(input)?);
        let (path, rest) =
            input.split_at_checked(usize::from(length)).ok_or(TreeError::Truncated)?;
        check_path(path)?;
        *input = rest;
        let [number] = take(input)?;
        let kind = Kind::from_number(number).ok_or(TreeError::Unknown(number))?;
        let size = u64::from_be_bytes(take(input)?);
        let hash = Hash(take(input)?);
        Ok(Self { path: path.to_vec(), kind, size, hash })
    }
}

fn take<const N: usize>(input: &mut &[u8]) -> Result<[u8; N], TreeError> {
    let (bytes, rest) = input.split_first_chunk::<N>().ok_or(TreeError::Truncated)?;
    *input = rest;
    Ok(*bytes)
}

/// Entries in ascending byte order of their paths, each path once, none below a file or a
/// link. The only way to get one is through that check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree(Vec<Entry>);

impl Tree {
    /// Takes entries that are already in order.
    pub fn from_sorted(entries: Vec<Entry>) -> Result<Self, TreeError> {
        for pair in entries.windows(2) {
            if pair[0].path >= pair[1].path {
                return Err(TreeError::Order { path: pair[1].path.clone() });
            }
        }
        check_folders(&entries)?;
        Ok(Self(entries))
    }

    /// The entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The hash that names this tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        root(&self.0)
    }
}

/// Nothing is below a file or a link. In byte order `a-b` stands between `a` and `a/b`, so
/// neighbours alone don't tell: `above` holds the entries whose path begins the current one's.
/// The last of them is enough to look at: what is below an earlier one would make the last,
/// which begins the same way, be below it, too.
fn check_folders(entries: &[Entry]) -> Result<(), TreeError> {
    let mut above: Vec<&Entry> = Vec::new();
    for entry in entries {
        while above.pop_if(|above| !entry.path.starts_with(&above.path)).is_some() {}
        if let Some(above) = above.last()
            && above.kind != Kind::Folder
            && entry.path.get(above.path.len()) == Some(&b'/')
        {
            let (path, above) = (entry.path.clone(), above.path.clone());
            return Err(TreeError::Below { path, above });
        }
        above.push(entry);
    }
    Ok(())
}

/// The hash that names the tree of these entries, which must be in order: BLAKE3
/// in its key-derivation mode (so that no file's content can collide with a tree)
/// over their encodings, one after the other.
pub fn root<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Hash {
    let mut hasher = blake3::Hasher::new_derive_key("crabbox 2026-11 tree v1");
    let mut bytes = Vec::with_capacity(64 * 1024);
    for entry in entries {
        entry.encode(&mut bytes);
        if bytes.len() > 48 * 1024 {
            hasher.update(&bytes);
            bytes.clear();
        }
    }
    hasher.update(&bytes);
    Hash(*hasher.finalize().as_bytes())
}

/// A manifest as bytes: the encodings of its entries, one after the other.
#[must_use]
pub fn encode(tree: &Tree) -> Vec<u8> {
    let mut out = Vec::with_capacity(tree.entries().len() * 96);
    for entry in tree.entries() {
        entry.encode(&mut out);
    }
    out
}

/// The reverse of [`encode`].
pub fn decode(mut input: &[u8]) -> Result<Tree, TreeError> {
    let mut entries = Vec::new();
    while !input.is_empty() {
        entries.push(Entry::decode(&mut input)?);
    }
    Tree::from_sorted(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry() -> impl Strategy<Value = Entry> {
        (proptest::collection::vec(1u8..=255, 1..40), 1u8..=4, any::<u64>(), any::<[u8; 32]>())
            .prop_filter_map("a path", |(path, kind, size, hash)| {
                check_path(&path).ok()?;
                Some(Entry { path, kind: Kind::from_number(kind)?, size, hash: Hash(hash) })
            })
    }

    fn tree() -> impl Strategy<Value = Tree> {
        proptest::collection::vec(entry(), 0..30).prop_filter_map("a tree", |mut entries| {
            entries.sort_by(|a, b| a.path.cmp(&b.path));
            entries.dedup_by(|a, b| a.path == b.path);
            Tree::from_sorted(entries).ok()
        })
    }

    proptest! {
        #[test]
        fn a_manifest_survives(tree in tree()) {
            prop_assert_eq!(decode(&encode(&tree)).expect("decodes"), tree);
        }

        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }

        #[test]
        fn another_tree_has_another_root(a in tree(), b in tree()) {
            prop_assert_eq!(a == b, a.root() == b.root());
        }

        #[test]
        fn a_hash_survives_text(bytes: [u8; 32]) {
            let hash = Hash(bytes);
            prop_assert_eq!(hash.to_string().parse::<Hash>().expect("parses"), hash);
        }
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for path in ["", "/etc/passwd", "a//b", "a/../b", "..", "./a", "a/.", "a/", "nul\0"] {
            assert!(check_path(path.as_bytes()).is_err(), "{path:?}");
        }
        for path in ["a", "a/b", ".hidden", "..a", "a\nb", "-rf"] {
            assert!(check_path(path.as_bytes()).is_ok(), "{path:?}");
        }
    }

    #[test]
    fn order_is_checked() {
        let entry = |path: &str| Entry {
            path: path.into(),
            kind: Kind::File,
            size: 0,
            hash: Hash::of(b""),
        };
        assert!(Tree::from_sorted(vec![entry("b"), entry("a")]).is_err());
        assert!(Tree::from_sorted(vec![entry("a"), entry("a")]).is_err());
    }

    fn named(path: &str, kind: Kind) -> Entry {
        Entry { path: path.into(), kind, size: 0, hash: Hash::of(b"") }
    }

    #[test]
    fn nothing_is_below_what_is_no_folder() {
        for kind in [Kind::File, Kind::Executable, Kind::Symlink] {
            let file = |path| named(path, Kind::File);
            for between in [&[][..], &["a-b"], &["a!", "a-", "a-b", "a-b-c", "a."]] {
                let mut entries = vec![named("a", kind)];
                entries.extend(between.iter().copied().map(file));
                entries.push(file("a/b/c"));
                let refused = Tree::from_sorted(entries).expect_err("refuses");
                assert!(matches!(refused, TreeError::Below { .. }), "{refused}");
            }
        }
        let allowed = ["a-b", "a-b.c", "a/b", "a/b.c", "ab", "b"];
        let allowed = allowed.map(|path| named(path, Kind::Symlink)).to_vec();
        assert!(Tree::from_sorted(allowed).is_ok());
    }

    proptest! {
        #[test]
        fn the_check_of_folders_misses_nothing(
            paths in proptest::collection::btree_set("[a-]{1,2}(/[a-]{1,2}){0,2}", 0..12)
        ) {
            let below = |path: &&String| {
                paths.iter().any(|above| path.starts_with(&format!("{above}/")))
            };
            let right = !paths.iter().any(|path| below(&path));
            let entries = paths.iter().map(|path| named(path, Kind::File)).collect();
            prop_assert_eq!(Tree::from_sorted(entries).is_ok(), right);
        }
    }
}
