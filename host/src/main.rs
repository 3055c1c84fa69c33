//! The executable `crabbox`: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    crabbox::cli::main()
}
