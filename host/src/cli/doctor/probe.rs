//! Looks at the boxes of a provider that has no way to them itself: all at the same time, each in the time that it has,
//! by a connection of its own that ends with that. Nothing is made there but the remote helper.

use super::{fail, pass, warn};
use crate::claims::LeaseId;
use crate::lease::{Asker, explain_unasked, random_bits};
use crate::output::{human, to_type};
use crate::registry::Library;
use crate::transport::ssh;
use crabbox_provider_api::payload::{Check, Endpoint, ToProbe};
use crabbox_wire::place::{PlaceAnswer, PlaceOrder, Survey};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// How long a box may take, with the connection.
const WITHIN: Duration = Duration::from_secs(30);

/// So many are looked at at the same time.
const TOGETHER: usize = 8;

/// Less than this is told of, in bytes: a checkout and what is built of it may not fit.
const LITTLE: u64 = 1 << 30;

/// A check for each of them, in their order. One that can't be reached hides no other.
pub(super) fn all(library: &Library, boxes: &[ToProbe], state: &Path) -> Vec<Check> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut checks = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(one) = boxes.get(at) else { return checks };
            checks.push((at, probe(library, one, state)));
        }
    };
    let mut checks: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..TOGETHER.min(boxes.len())).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|one| one.join().expect("looking doesn't panic")).collect()
    });
    checks.sort_by_key(|(at, _)| *at);
    checks.into_iter().map(|(_, check)| check).collect()
}

fn probe(library: &Library, one: &ToProbe, state: &Path) -> Check {
    // The connection is a lease's, and nothing but a lease has a place: this one is none.
    let lease = LeaseId::from_bits(random_bits());
    let declared = || library.manifest.environment.keys().cloned().collect();
    let (lease, declared) = (lease.as_str(), &declared);
    let work_root = format!("{}/{lease}", one.endpoint.work_root.trim_end_matches('/'));
    let endpoint = Endpoint { work_root, ..one.endpoint.clone() };
    let asker = Asker { lease, connection: lease, declared, state, stop: None, within: WITHIN };
    let answer = asker.ask(&endpoint, PlaceOrder::Survey { root: None });
    ssh::forget(lease, state);
    let name = &one.name;
    match answer {
        Ok(PlaceAnswer::Surveyed(survey)) => seen(name, &survey, one.limit),
        Ok(_) => fail(ID, format!("`{name}` answers something else than it was asked"), again()),
        Err(error) => {
            let error = explain_unasked(&error);
            let hint = error.hints().first().cloned().unwrap_or_else(again);
            let said = std::iter::once(error.to_string()).chain(error.notes().iter().cloned());
            let said = said.collect::<Vec<_>>().join("; ");
            fail(ID, format!("`{name}`: {said}"), hint)
        }
    }
}

const ID: &str = "box";

fn again() -> String {
    to_type(&["doctor", "-vv"])
}

fn seen(name: &str, survey: &Survey, limit: Option<u32>) -> Check {
    let Survey { used, free, processors, load, .. } = survey;
    let machine = &survey.name;
    let leases = match limit {
        Some(limit) => format!("{used} of {limit} leases"),
        None => human::count(u64::from(*used), "lease"),
    };
    let space = free.map(|free| format!(", {} free", human::bytes(free))).unwrap_or_default();
    let processors = human::count(u64::from(*processors), "processor");
    let load =
        if load.is_empty() { String::new() } else { format!(", load {load} on {processors}") };
    let message = format!("`{name}` is reached: machine `{machine}`, {leases}{space}{load}");
    if limit.is_some_and(|limit| *used >= limit) {
        return warn(ID, format!("{message}; it takes no more leases"), to_type(&["list"]));
    }
    if free.is_some_and(|free| free < LITTLE) {
        return warn(ID, format!("{message}; its disk is almost full"), to_type(&["list"]));
    }
    pass(ID, message)
}
