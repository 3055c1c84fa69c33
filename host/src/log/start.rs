//! Begins and ends the logs of this process.

use super::collect::{Collect, Place};
use super::kept::Kept;
use crate::output::{CommandError, Printer, Quoted};
use crate::provider::FRAMES;
use std::env;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tracing::Level;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;

/// What the user wants to see of which part: the syntax of [`Targets`].
const VARIABLE: &str = "CRABBOX_LOG";

/// The log that is kept, for [`finish`].
static KEPT: OnceLock<Arc<Mutex<Kept>>> = OnceLock::new();

/// What is wanted by the places of all logs, and by whoever watches a provider's connection.
static FILTERS: OnceLock<Vec<Targets>> = OnceLock::new();

/// Which logs there are to be.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) printer: Printer,
    /// How often `-v` was given.
    pub(crate) verbose: u8,
    /// What goes to and fro between this and a provider is to be seen.
    pub(crate) trace: bool,
    /// `--log-file`.
    pub(crate) file: Option<&'a Path>,
    /// The log to keep, if one is kept of this command.
    pub(crate) keep: Option<Keep>,
}

/// What a kept log says of its command.
#[derive(Debug)]
pub(crate) struct Keep {
    pub(crate) state: PathBuf,
    pub(crate) command: String,
    pub(crate) version: String,
}

/// Begins them, once in a process.
pub(crate) fn start(wanted: Wanted<'_>) -> Result<(), CommandError> {
    let variable = variable()?;
    let mut places = Vec::new();
    let screen = match wanted.verbose {
        0 => variable.clone(),
        1 => Some(all(LevelFilter::INFO)),
        2.. => Some(all(LevelFilter::DEBUG)),
    };
    let screen = if wanted.trace {
        Some(screen.unwrap_or_default().with_target(FRAMES, LevelFilter::TRACE))
    } else {
        screen
    };
    if let Some(filter) = screen.filter(|_| !wanted.printer.is_quiet()) {
        places.push((filter, Place::Screen(wanted.printer)));
    }
    if let Some(path) = wanted.file {
        let filter = variable.unwrap_or_else(|| all(LevelFilter::DEBUG));
        places.push((filter, Place::File(Mutex::new(open(path)?))));
    }
    if let Some(Keep { state, command, version }) = wanted.keep {
        let kept = Arc::new(Mutex::new(Kept::begin(state, &command, &version)));
        places.push((all(LevelFilter::DEBUG), Place::Kept(Arc::clone(&kept))));
        // There is one at most: this is called once.
        let _ = KEPT.set(kept);
    }
    let watched = wanted.trace.then(|| all(LevelFilter::TRACE));
    let filters = places.iter().map(|(filter, _)| filter.clone()).chain(watched);
    // There is one at most, as above.
    let _ = FILTERS.set(filters.collect());
    if !places.is_empty() {
        let subscriber = tracing_subscriber::registry().with(Collect(places));
        // Only a second call could fail.
        let _ = tracing::subscriber::set_global_default(subscriber);
    }
    Ok(())
}

/// Ends the log that is kept, if there is one: all that it has is in its file when this returns.
pub(crate) fn finish(exit: u8) {
    if let Some(kept) = KEPT.get() {
        kept.lock().unwrap_or_else(PoisonError::into_inner).finish(exit);
    }
}

/// The highest level, as a number, of this provider's events that any log may want: what is above needn't
/// be sent here.
pub(crate) fn wanted_of(provider: &str) -> u32 {
    let filters = FILTERS.get().map(Vec::as_slice).unwrap_or_default();
    let level = filters.iter().filter_map(|filter| highest(filter, provider)).max();
    match level.and_then(LevelFilter::into_level) {
        None => 0,
        Some(Level::ERROR) => 1,
        Some(Level::WARN) => 2,
        Some(Level::INFO) => 3,
        Some(Level::DEBUG) => 4,
        Some(Level::TRACE) => 5,
    }
}

/// Of the default, of targets that begin with the provider's name, and of beginnings of that name.
fn highest(filter: &Targets, provider: &str) -> Option<LevelFilter> {
    let is_its = |target: &str| target.starts_with(provider) || provider.starts_with(target);
    let own = filter.iter().filter(|(target, _)| is_its(target)).map(|(_, level)| level);
    own.chain(filter.default_level()).max()
}

/// Everything from this level on.
fn all(level: LevelFilter) -> Targets {
    Targets::new().with_default(level)
}

/// What the variable says; empty counts as unset.
fn variable() -> Result<Option<Targets>, CommandError> {
    let Some(value) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let value = value.to_string_lossy();
    let wrong = |why: String| {
        CommandError::usage(format!("`{VARIABLE}` is no filter: {why}"))
            .note("a filter is such as `info,crabbox::transport=debug`")
    };
    value
        .parse()
        .map(Some)
        .map_err(|error: tracing_subscriber::filter::ParseError| wrong(error.to_string()))
}

/// Ours alone, if it is new.
fn open(path: &Path) -> Result<File, CommandError> {
    File::options().append(true).create(true).mode(0o600).open(path).map_err(|error| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let error = CommandError::usage(format!("`--log-file {}` can't be opened", path.display()))
            .because(error);
        match folder.filter(|folder| !folder.exists()) {
            Some(folder) => error.hint(format!("mkdir -p {}", Quoted(folder))),
            None => error,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_heard_as_far_as_any_target_of_its_own_or_the_default_says() {
        let of_desk = |text: &str| highest(&text.parse().expect("targets"), "desk");
        assert_eq!(of_desk("debug"), Some(LevelFilter::DEBUG));
        assert_eq!(of_desk("info,desk::lamp=trace"), Some(LevelFilter::TRACE));
        assert_eq!(of_desk("info,crabbox::frames=trace"), Some(LevelFilter::INFO));
        assert_eq!(of_desk("des=warn"), Some(LevelFilter::WARN));
        assert_eq!(of_desk("crabbox::frames=trace"), None);
    }
}
