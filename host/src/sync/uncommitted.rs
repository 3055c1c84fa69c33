//! What a checkout has beside its commit.

use super::git::{git, run};
use super::source::Source;
use std::process::ExitStatus;
use std::sync::atomic::AtomicBool;

/// BLAKE3 of what git says of the checkout against its commit, hex: of files that are tracked, whatever they hold.
/// `None`: it is no checkout, has no commit, or `stop` was set.
#[must_use]
pub fn uncommitted(source: &Source, stop: &AtomicBool) -> Option<String> {
    let mut command = git(&source.root);
    // Neither a program nor a setting of the user's changes what is said.
    command.args(["-c", "core.quotePath=true", "diff", "--binary", "--full-index", "--no-color"]);
    command.args(["--no-ext-diff", "--no-textconv", "--no-renames", "--src-prefix=a/"]);
    command.args(["--dst-prefix=b/", "--diff-algorithm=myers", "--unified=3", "HEAD", "--", "."]);
    let (status, said) = run(command, stop).ok()?;
    status.filter(ExitStatus::success)?;
    Some(blake3::hash(&said.stdout).to_hex().to_string())
}
