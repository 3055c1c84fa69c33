//! Which boxes the caretaker looks after, and until when.

use crate::claims::{Moment, Store};
use crate::lease::due;
use crate::output::CommandError;
use crate::registry::Registry;
use std::collections::BTreeMap;
use std::path::Path;

/// Does this provider end its boxes itself? `None`: it isn't here, and nobody could let go of one.
pub(super) fn ends_by_itself(registry: &Registry, provider: &str) -> Option<bool> {
    registry.find(provider).ok().map(|library| library.manifest.deadline.is_some())
}

/// The leases that stand ready, and when they are due.
pub(super) fn of(
    state: &Path,
    registry: &Registry,
) -> Result<BTreeMap<String, Moment>, CommandError> {
    // Opening makes what isn't there; of a folder that is gone, nothing is made anew.
    if !state.join("claims.db").exists() {
        return Ok(BTreeMap::new());
    }
    let mut known = BTreeMap::new();
    let mut ready = BTreeMap::new();
    let store = Store::open_undamaged(state)?;
    let store = store.ok_or_else(|| CommandError::failed("the claims database is damaged"))?;
    for claim in store.ready()? {
        let by_itself = *known
            .entry(claim.provider.clone())
            .or_insert_with(|| ends_by_itself(registry, &claim.provider));
        if let Some(due) = due(&claim).filter(|_| by_itself == Some(false)) {
            ready.insert(claim.id.to_string(), due);
        }
    }
    Ok(ready)
}
