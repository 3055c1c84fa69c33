//! `crabbox provider …`

mod call;
mod describe;
mod list;
mod options;
mod request;

use super::Shared;
use super::config::read;
use crate::config::{Layers, Settings};
use crate::output::CommandError;
use crate::registry::Library;
use clap::Subcommand;
use crabbox_provider_api::manifest::Manifest;

/// Providers: what is installed, what can be set, and their hooks
#[derive(Debug, Subcommand)]
#[command(before_help = "Examples:
  crabbox provider list
  crabbox provider describe NAME
  crabbox provider options NAME
  crabbox provider call NAME doctor")]
pub(in crate::cli) enum Provider {
    List(list::List),
    Describe(describe::Describe),
    Options(options::Options),
    Call(call::Call),
}

impl Provider {
    pub(in crate::cli) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        match self {
            Self::List(list::List) => list::List::execute(shared),
            Self::Describe(describe) => describe.execute(shared),
            Self::Options(options) => options.execute(shared),
            Self::Call(call) => call.execute(shared),
        }
    }

    /// Is something changed by it?
    pub(in crate::cli) fn changes(&self) -> bool {
        matches!(self, Self::Call(call) if call.changes())
    }

    /// Is what crabbox and a provider say to each other to be shown?
    pub(in crate::cli) fn traces(&self) -> bool {
        matches!(self, Self::Call(call) if call.trace)
    }
}

/// What the provider of this name or alias says of itself.
fn manifest_of(shared: &Shared, name: &str) -> Result<Manifest, CommandError> {
    let layers = read(shared, Some(name.to_owned()))?;
    library_of(shared, &layers, name).map(|library| library.manifest)
}

fn library_of(shared: &Shared, layers: &Layers, name: &str) -> Result<Library, CommandError> {
    Ok(shared.registry(&Settings::of(layers)).find(name)?)
}
