//! What the providers say of all boxes: several are asked at the same time, each in the time that it
//! has. The claims stay as they are, whatever that is.

use crate::claims::{Claim, State};
use crate::cli::{Shared, bounds};
use crate::config::{Flags, Settings};
use crate::lease::{self, in_words};
use crate::output::{CommandError, human};
use crate::places::Places;
use crate::registry::Library;
use crabbox_provider_api::payload::Resolution;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tracing::Span;

/// How long a provider may take for one box.
const LONGEST: Duration = Duration::from_secs(30);

/// So many are asked at the same time: each is a process.
const TOGETHER: usize = 8;

/// What is said of one box.
pub(super) struct Answer {
    id: String,
    /// For people.
    pub(super) words: String,
    /// For machines; an error has none.
    resolution: Option<Value>,
}

/// What is said of each, by the id of its lease.
pub(super) type Answers = BTreeMap<String, Answer>;

/// A claim with all that asking about it takes, or why nobody is asked.
type Asked<'a> = (&'a Claim, Result<(Library, &'a Settings), String>);

/// Asks about each of these claims.
pub(super) fn ask(
    shared: &Shared,
    places: &Places,
    claims: &[Claim],
) -> Result<Answers, CommandError> {
    let general = Settings::load(Flags { of_lease: true, ..shared.flags() }, None, places)?;
    let registry = shared.registry(&general);
    let settings = settings(shared, places, claims);
    let asked: Vec<Asked<'_>> = claims
        .iter()
        .map(|claim| {
            let settings = &settings[&(claim.provider.clone(), claim.repository.clone())];
            let ready = settings.as_ref().map_err(|why| format!("not asked: {why}"));
            let ready = ready.and_then(|settings| {
                let allowed = bounds::check_provider(settings, claim);
                allowed.map_err(|error| format!("not asked: {error}"))?;
                let library = registry.find(&claim.provider).map_err(|error| error.to_string())?;
                Ok((library, settings))
            });
            (claim, ready)
        })
        .collect();
    let count = human::count(asked.len() as u64, "lease");
    let _asking = shared.printer.progress(format!("asking about {count}"));
    let answers = ask_all(shared, &asked, &places.state).into_iter();
    Ok(answers.map(|answer| (answer.id.clone(), answer)).collect())
}

/// Those that hold for each provider and checkout, read once.
fn settings(
    shared: &Shared,
    places: &Places,
    claims: &[Claim],
) -> BTreeMap<(String, PathBuf), Result<Settings, String>> {
    let mut all = BTreeMap::new();
    for claim in claims {
        let key = (claim.provider.clone(), claim.repository.clone());
        if let Entry::Vacant(entry) = all.entry(key) {
            let provider = Some(claim.provider.clone());
            let flags = Flags { of_lease: true, provider, ..shared.flags() };
            let read = Settings::for_provider(flags, Some(&claim.repository), places);
            entry.insert(read.map_err(|error| error.to_string()));
        }
    }
    all
}

fn ask_all(shared: &Shared, asked: &[Asked<'_>], state: &Path) -> Vec<Answer> {
    let next = AtomicUsize::new(0);
    let span = Span::current();
    let work = || {
        let mut answers = Vec::new();
        while let Some((claim, ready)) = asked.get(next.fetch_add(1, Ordering::Relaxed)) {
            answers.push(one(shared, claim, ready, state));
        }
        answers
    };
    thread::scope(|scope| {
        let workers = (0..TOGETHER.min(asked.len())).map(|_| scope.spawn(|| span.in_scope(work)));
        let workers: Vec<_> = workers.collect();
        workers.into_iter().flat_map(|one| one.join().expect("asking doesn't panic")).collect()
    })
}

fn one(
    shared: &Shared,
    claim: &Claim,
    ready: &Result<(Library, &Settings), String>,
    state: &Path,
) -> Answer {
    let id = claim.id.to_string();
    let (library, settings) = match ready {
        Ok(ready) => ready,
        Err(why) => return Answer { id, words: why.clone(), resolution: None },
    };
    if claim.made().is_none() {
        let words = match claim.state() {
            State::Leasing => "nothing is made yet",
            _ => "nothing was made",
        };
        return Answer { id, words: words.to_owned(), resolution: None };
    }
    let handed = &settings.provider_settings.handed;
    let in_process = &settings.in_process;
    match lease::look_at(library, in_process, shared.printer, claim, handed, state, LONGEST) {
        Ok(resolution) => of(claim, &resolution),
        Err(error) => Answer { id, words: error.to_string(), resolution: None },
    }
}

fn of(claim: &Claim, resolution: &Resolution) -> Answer {
    let id = claim.id.to_string();
    let words = in_words(claim, resolution);
    Answer { id, words, resolution: serde_json::to_value(resolution).ok() }
}

pub(super) fn to_json(answer: &Answer) -> Value {
    json!({ "id": answer.id, "words": answer.words, "resolution": answer.resolution })
}
