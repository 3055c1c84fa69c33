//! What the providers themselves say: those that are of use here, all at the same time, each in the
//! time that it has. One that crashes, hangs or has nothing to say is a check like any other.

use super::probe;
use super::{Row, fail, pass, skip, warn};
use crate::claims::Reader;
use crate::cli::Shared;
use crate::cli::onlooker::Onlooker;
use crate::config::{Enforcement, Layers, Setting, Settings};
use crate::lease;
use crate::output::to_type;
use crate::provider::ProviderError;
use crate::registry::{FindError, Library, Registry};
use crabbox_provider_api::ErrorCode;
use crabbox_provider_api::manifest::Capability;
use crabbox_provider_api::payload::{Check, CheckStatus, Diagnosis, DoctorRequest};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;
use std::time::Duration;
use tracing::Span;

/// How long a provider may take at most.
const LONGEST: Duration = Duration::from_secs(30);

/// The providers whose own checks are of use, by the words that stand for them here.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// The one that a run here would use, or that was named, and those with settings of the user's.
    pub(super) configured: BTreeSet<String>,
    /// Those that have boxes.
    pub(super) in_use: BTreeSet<String>,
}

impl Wanted {
    pub(super) fn of(layers: &Layers, settings: &Settings, state: &Path) -> Self {
        let mut configured: BTreeSet<String> =
            layers.configured_providers().map(str::to_owned).collect();
        configured.insert(settings.provider.clone());
        // Claims that can't be read are a check of their own.
        let rows = Reader::open(state).ok().flatten().and_then(|reader| reader.live().ok());
        let in_use = rows.unwrap_or_default().into_iter().map(|row| row.provider).collect();
        Self { configured, in_use }
    }
}

/// Asks all of them. `told`: what the check of the configuration says already.
pub(super) fn ask(
    shared: &Shared,
    layers: &Layers,
    settings: &Settings,
    registry: &Registry,
    wanted: &Wanted,
    told: &[String],
    state: &Path,
) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut calls = Vec::new();
    // Several words may stand for one.
    let mut libraries = BTreeMap::new();
    let mut in_use = BTreeSet::new();
    let mut chosen = None;
    for word in wanted.configured.union(&wanted.in_use) {
        match registry.find(word) {
            Ok(library) => {
                let name = library.manifest.name.clone();
                if wanted.in_use.contains(word) {
                    in_use.insert(name.clone());
                }
                if *word == settings.provider {
                    chosen = Some(name.clone());
                }
                libraries.insert(name, library);
            }
            Err(error) => {
                rows.extend(absent(word, &error, wanted).map(|check| Row::of(word, check)));
            }
        }
    }
    for (name, library) in libraries {
        let is_allowed =
            |enforcement: &Enforcement| enforcement.bound.admits(&Setting::Text(name.clone()));
        if !settings.providers.as_ref().is_none_or(is_allowed) {
            let message = "the machine doesn't allow it: not asked";
            rows.push(Row::of(&name, skip("doctor", message)));
            continue;
        }
        let by_repository = settings.provider_by_repository
            && chosen.as_ref() == Some(&name)
            && !layers.is_configured(&name);
        if by_repository && !registry.is_bundled(&name) && !in_use.contains(&name) {
            let message = "this repository chooses it, and you haven't configured it: not asked";
            rows.push(Row::of(&name, skip("doctor", message)));
            continue;
        }
        let (of_provider, errors) = layers.settings_of(&library.manifest);
        let errors = errors.into_iter().filter(|error| !error.is_warning());
        let errors: Vec<(String, Option<String>)> =
            errors.map(|error| (error.whole(), error.hint())).collect();
        if errors.is_empty() {
            calls.push((library, DoctorRequest { settings: of_provider.handed }));
            continue;
        }
        for (error, hint) in errors.into_iter().filter(|(error, _)| !told.contains(error)) {
            let hint = hint.unwrap_or_else(|| to_type(&["config", "show", "--provider", &name]));
            rows.push(Row::of(&name, fail("settings", error, hint)));
        }
        rows.push(Row::of(&name, skip("doctor", "its settings are wrong: not asked")));
    }
    rows.extend(call_all(shared, &settings.in_process, &calls, state));
    rows
}

/// What no other check tells: one with leases that isn't there, and a word that two answer to.
fn absent(word: &str, error: &FindError, wanted: &Wanted) -> Option<Check> {
    match error {
        FindError::Missing { .. } if wanted.in_use.contains(word) => {
            let message = "it isn't installed, and there are leases of it";
            Some(fail("doctor", message, to_type(&["provider", "list"])))
        }
        FindError::Clash { .. } => {
            Some(fail("doctor", error.to_string(), to_type(&["provider", "list"])))
        }
        FindError::Missing { .. } | FindError::Broken { .. } => None,
    }
}

fn call_all(
    shared: &Shared,
    in_process: &BTreeSet<String>,
    calls: &[(Library, DoctorRequest)],
    state: &Path,
) -> Vec<Row> {
    let span = Span::current();
    thread::scope(|scope| {
        let threads: Vec<_> = calls
            .iter()
            .map(|(library, request)| {
                let span = &span;
                scope.spawn(move || {
                    span.in_scope(|| call(shared, in_process, library, request, state))
                })
            })
            .collect();
        threads.into_iter().flat_map(|one| one.join().expect("asking doesn't panic")).collect()
    })
}

fn call(
    shared: &Shared,
    in_process: &BTreeSet<String>,
    library: &Library,
    request: &DoctorRequest,
    state: &Path,
) -> Vec<Row> {
    let name = &library.manifest.name;
    let _asking = shared.printer.progress(format!("asking {name}"));
    let answer = lease::open(library, in_process, shared.printer)
        .and_then(|mut provider| provider.doctor(request, LONGEST, &mut Onlooker));
    let boxes = match &answer {
        Ok(answer) if library.manifest.capabilities.contains(&Capability::ProbeByHost) => {
            probe::all(library, &answer.boxes, state)
        }
        _ => Vec::new(),
    };
    let checks = checks(name, answer).into_iter().chain(boxes);
    checks.map(|check| Row::of(name, check)).collect()
}

fn checks(name: &str, answer: Result<Diagnosis, ProviderError>) -> Vec<Check> {
    let in_detail = || to_type(&["doctor", "-vv", "--provider", name]);
    match answer {
        Ok(Diagnosis { checks, boxes }) if checks.is_empty() && boxes.is_empty() => {
            vec![pass("doctor", "it has nothing to say")]
        }
        Ok(Diagnosis { checks, .. }) => {
            checks.into_iter().map(|check| with_hint(check, in_detail)).collect()
        }
        Err(error) => match error.answer() {
            Some(answer) if answer.code == ErrorCode::Unsupported => {
                vec![skip("doctor", "it has no checks of its own")]
            }
            answer => {
                let hint = answer.and_then(|answer| answer.hint.clone()).unwrap_or_else(in_detail);
                vec![fail("doctor", error.to_string(), hint)]
            }
        },
    }
}

/// There is one where something is wrong, and nowhere else.
fn with_hint(check: Check, otherwise: impl FnOnce() -> String) -> Check {
    let Check { id, status, message, hint } = check;
    match status {
        CheckStatus::Pass => pass(&id, message),
        CheckStatus::Skip => skip(&id, message),
        CheckStatus::Warn => warn(&id, message, hint.unwrap_or_else(otherwise)),
        CheckStatus::Fail => fail(&id, message, hint.unwrap_or_else(otherwise)),
    }
}
