//! Ids, slugs, and the name of a workspace.

use crabbox_wire::tree::Hash;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const COLOURS: [&str; 32] = [
    "amber", "azure", "beige", "black", "blue", "bronze", "brown", "copper", "coral", "cream",
    "crimson", "cyan", "golden", "green", "grey", "indigo", "ivory", "jade", "lilac", "lime",
    "maroon", "mauve", "olive", "orange", "pink", "plum", "purple", "red", "silver", "teal",
    "violet", "white",
];

const ANIMALS: [&str; 32] = [
    "barnacle", "clam", "cod", "conch", "crab", "cuttle", "dolphin", "eel", "gull", "heron",
    "krill", "limpet", "lobster", "manta", "marlin", "mussel", "narwhal", "octopus", "otter",
    "oyster", "pelican", "penguin", "prawn", "puffin", "ray", "seal", "shrimp", "squid", "tern",
    "turtle", "urchin", "whale",
];

/// 64 bits from the operating system.
///
/// # Panics
///
/// On a machine whose kernel has none to give.
#[must_use]
pub fn random_bits() -> u64 {
    let mut bytes = [0; 8];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .expect("the kernel's random numbers are there from early boot on");
    u64::from_ne_bytes(bytes)
}

/// A slug such as `amber-crab`; from the `try`-th on with a number, since a thousand names run out.
pub(super) fn slug(bits: u64, tried: usize) -> String {
    let word = |words: &[&'static str; 32], bits: u64| words[(bits % 32) as usize];
    let name = format!("{}-{}", word(&COLOURS, bits), word(&ANIMALS, bits >> 8));
    if tried < 3 { name } else { format!("{name}-{}", (bits >> 16) % 1000) }
}

/// The folder that mirrors this checkout on a box: its name, and 8 hex digits of this
/// machine and the checkout's path, so that two checkouts of one name don't meet.
#[must_use]
pub fn workspace_name(root: &Path) -> Vec<u8> {
    let machine = fs::read("/etc/machine-id").unwrap_or_default();
    let hash = Hash::of(&[machine.as_slice(), b"\0", root.as_os_str().as_bytes()].concat());
    let name = root.file_name().map_or(b"root".as_slice(), OsStrExt::as_bytes);
    // A component holds 255 bytes; a name this long is cut, the digits tell them apart.
    let name = &name[..name.len().min(200)];
    [name, b"-", &hash.to_string().as_bytes()[..8]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkouts_of_one_name_have_workspaces_of_their_own() {
        let one = workspace_name(Path::new("/a/project"));
        let other = workspace_name(Path::new("/b/project"));
        assert_ne!(one, other);
        assert!(one.starts_with(b"project-"));
        assert_eq!(one.len(), "project-".len() + 8);
    }
}
