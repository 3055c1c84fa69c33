//! Starts the caretaker, if it is wanted and there is none.

use super::{is_alive, ready};
use crate::claims::Claim;
use crate::config::Settings;
use crate::lease::due;
use crate::output::{Printer, to_type};
use crate::places::Places;
use crate::provider::exec::cassette;
use crate::registry::Registry;
use crate::sys;
use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Is this a machine that is thrown away, on which nothing is to outlive a command?
pub(in crate::cli) fn is_ephemeral() -> bool {
    env::var_os("CI").is_some_and(|value| value == "true")
}

/// Sees to it that somebody lets go of a box in time that was left ready, where its provider doesn't.
pub(in crate::cli) fn look_after(
    printer: Printer,
    places: &Places,
    settings: &Settings,
    registry: &Registry,
    claim: &Claim,
) {
    if due(claim).is_none() {
        return;
    }
    // Whoever needs none doesn't look for one, either: a look is in the way of one that begins.
    if ready::ends_by_itself(registry, &claim.provider) != Some(false) {
        return;
    }
    if is_ephemeral() {
        let slug = &claim.slug;
        let told = format!("with `CI=true` nothing lets go of {slug} in time, but for its job");
        printer.advice(&told, &to_type(&["stop", slug]));
        return;
    }
    // Whoever is there notices by himself.
    if is_alive(&places.state) {
        return;
    }
    if let Err(error) = start(places, &settings.provider_path) {
        let slug = &claim.slug;
        printer.warning(&format!("nobody will let go of {slug} in time: {error}"));
        printer.hint(&to_type(&["stop", slug]));
    }
}

fn start(places: &Places, provider_path: &[PathBuf]) -> io::Result<()> {
    sys::keep_from_children();
    let mut command = Command::new(env::current_exe()?);
    command.arg(super::COMMAND).args(options(places, provider_path)?);
    command.env_remove(crate::fault::VARIABLE);
    for variable in cassette::VARIABLES {
        command.env_remove(variable);
    }
    // It holds no folder that somebody may want to unmount.
    command.current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop)
}

/// The same places, from any folder.
pub(in crate::cli) fn options(
    places: &Places,
    provider_path: &[PathBuf],
) -> io::Result<Vec<OsString>> {
    let pair = |option: &str, path: &Path| {
        let path = std::path::absolute(path)?;
        Ok::<_, io::Error>([option.into(), path.into_os_string()])
    };
    let state = pair("--state-dir", &places.state)?;
    let paths = provider_path.iter().map(|path| pair("--provider-path", path));
    let paths: Vec<_> = paths.collect::<io::Result<_>>()?;
    Ok(std::iter::once(state).chain(paths).flatten().collect())
}
