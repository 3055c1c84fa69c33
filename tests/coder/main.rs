//! See `crabbox_test_coder`.

use std::process::ExitCode;

fn main() -> ExitCode {
    crabbox_test_coder::main()
}
