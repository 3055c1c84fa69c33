//! What the command gets of the caller's environment where the box is this machine.

use crabbox_wire::message::Inherit;

/// Not even there: our own variables, the caller's git, and what cargo and rustup set for their
/// children, which would make a cargo on the box take itself for a part of this one.
const KEPT_BACK: &[&str] = &[
    "CRABBOX_*",
    "GIT_*",
    "CARGO",
    "CARGO_MANIFEST_*",
    "CARGO_PKG_*",
    "CARGO_CRATE_NAME",
    "CARGO_PRIMARY_PACKAGE",
    "CARGO_BIN_*",
    "CARGO_TARGET_TMPDIR",
    "CARGO_CFG_*",
    "CARGO_FEATURE_*",
    "CARGO_MAKEFLAGS",
    "RUSTUP_TOOLCHAIN",
    "RUST_RECURSION_COUNT",
    "RUSTUP_TOOLCHAIN_SOURCE",
    "LD_LIBRARY_PATH",
    "OUT_DIR",
    "MAKEFLAGS",
    "MFLAGS",
    "CODER_SESSION_TOKEN",
];

/// On another machine nothing of here; on this one all but what is kept back, so that a
/// toolchain which the caller sees is there.
#[must_use]
pub fn inherit(same_machine: bool) -> Inherit {
    if same_machine {
        Inherit::AllBut(KEPT_BACK.iter().map(|name| (*name).to_owned()).collect())
    } else {
        Inherit::Clean
    }
}
