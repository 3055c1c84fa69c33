//! The server and the line, which cargo builds with the tests and names to them.

use std::env;
use std::path::PathBuf;

/// The server.
pub(super) fn server() -> PathBuf {
    named("CARGO_BIN_EXE_crabbox-test-sshd")
}

/// The line in front of a server, for a test of its own.
#[must_use]
pub fn relay() -> PathBuf {
    named("CARGO_BIN_EXE_crabbox-test-relay")
}

fn named(variable: &str) -> PathBuf {
    env::var_os(variable).unwrap_or_else(|| panic!("cargo sets {variable} for tests")).into()
}
