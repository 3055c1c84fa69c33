//! See `crabbox_test_ssh`.

use std::process::ExitCode;

fn main() -> ExitCode {
    crabbox_test_ssh::relay()
}
