//! The remote helpers that `build.rs` embedded, one for each kind of machine.

/// A remote helper.
pub(super) struct Helper {
    /// The machine as `uname -m` prints it.
    pub(super) machine: &'static str,
    /// The file's name on the box: SHA-256 of its bytes, hex.
    pub(super) sha256: &'static str,
    /// The executable.
    pub(super) bytes: &'static [u8],
}

const EMBEDDED: &[Helper] = include!(concat!(env!("OUT_DIR"), "/helpers.rs"));

/// The helper for a machine, such as `Linux x86_64`.
pub(super) fn for_machine(uname: &str) -> Option<&'static Helper> {
    let machine = uname.strip_prefix("Linux ")?;
    let machine = if machine == "arm64" { "aarch64" } else { machine };
    EMBEDDED.iter().find(|helper| helper.machine == machine)
}

/// All of them: which one a box needs isn't known before it is asked.
pub(super) fn all() -> &'static [Helper] {
    EMBEDDED
}

/// The machines that a helper is embedded for, as `uname -m` prints them, each with its SHA-256.
pub fn embedded() -> impl Iterator<Item = (&'static str, &'static str)> {
    EMBEDDED.iter().map(|helper| (helper.machine, helper.sha256))
}
