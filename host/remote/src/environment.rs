//! The variables that a command starts with.

use crate::layout::Layout;
use crabbox_wire::message::{Environment, Inherit};
use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// What a login on a fresh box has.
const CLEAN: &[&str] =
    &["HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LC_*", "TZ", "TMPDIR"];

/// Where programs are, when the box doesn't say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// All of them: inherited, then the host's, then ours.
pub(crate) fn variables(
    inherit: &Inherit,
    given: &Environment,
    run: &str,
    directory: &Path,
    layout: &Layout,
) -> BTreeMap<OsString, OsString> {
    let is_kept = |name: &OsStr| match inherit {
        Inherit::AllBut(patterns) => !patterns.iter().any(|pattern| matches(pattern, name)),
        Inherit::Clean => CLEAN.iter().any(|pattern| matches(pattern, name)),
    };
    let mut variables: BTreeMap<_, _> = env::vars_os().filter(|(name, _)| is_kept(name)).collect();
    variables.entry("PATH".into()).or_insert_with(|| PATH.into());
    for (name, value) in &given.0 {
        variables.insert(OsString::from_vec(name.0.clone()), OsString::from_vec(value.0.clone()));
    }
    variables.insert("CRABBOX_RUN".into(), run.into());
    // Git must not take a repository above the workspaces for that of the command.
    variables.insert("GIT_CEILING_DIRECTORIES".into(), layout.work_root.clone().into());
    variables.insert("PWD".into(), directory.into());
    variables.remove(OsStr::new("OLDPWD"));
    variables
}

/// A trailing `*` stands for any ending.
fn matches(pattern: &str, name: &OsStr) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.as_bytes().starts_with(start.as_bytes()),
        None => name == pattern,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_star_at_the_end_is_a_pattern() {
        assert!(matches("GIT_*", OsStr::new("GIT_DIR")));
        assert!(!matches("GIT_*", OsStr::new("LEGIT_DIR")));
        assert!(matches("CARGO", OsStr::new("CARGO")));
        assert!(!matches("CARGO", OsStr::new("CARGO_HOME")));
    }
}
