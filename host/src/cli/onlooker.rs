//! Hooks that are called for their answer alone, without a claim.

use crate::provider::Callbacks;
use crabbox_provider_api::payload::Checkpoint;

/// A host for which nothing is made.
pub(super) struct Onlooker;

impl Callbacks for Onlooker {
    fn checkpoint(&mut self, _: &Checkpoint) -> Result<(), String> {
        Err("this hook makes nothing".to_owned())
    }

    fn progress(&mut self, text: &str) {
        tracing::info!("{text}");
    }
}
