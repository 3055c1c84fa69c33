//! `[provider.NAME]`: the settings that a provider's manifest declares. None of its code is run.
//!
//! A value comes from a flag ([`flags`]), the environment, the repository's file as far as
//! [`decision`] lets it, the user's, or the manifest; [`chain`] puts these side by side for one
//! setting, and the strongest that says something holds as a whole. [`value`] is what [`text`] becomes,
//! [`secrets`] are read when they are handed on and not before, [`held`] is what a hook gets, [`login`](mod@login) what tells whose login it has, [`hidden`](mod@hidden) what nobody is shown. [`check`] finds
//! all that is wrong, [`problem`] says it, [`reference`](mod@reference) writes the page of all, [`page`](mod@page) one for each provider.

mod chain;
mod check;
mod decision;
mod flags;
mod held;
mod hidden;
mod login;
mod page;
mod problem;
mod reference;
mod secrets;
mod text;
mod value;

pub use chain::{Chain, Found};
pub use flags::{Flag, Given};
pub use held::ProviderSettings;
pub use hidden::{ABSENT, hidden};
pub use page::page;
pub use problem::{ProviderProblem, placeholder};
pub use reference::reference;
pub use value::{Value, default_text};

pub(super) use check::check_chosen;
pub(super) use held::hold;

use crabbox_provider_api::manifest::Manifest;

/// The provider that a name or an alias stands for: a name comes first.
#[must_use]
pub fn answering<'a>(manifests: &'a [Manifest], word: &str) -> Option<&'a Manifest> {
    let by_name = manifests.iter().find(|manifest| manifest.name == word);
    by_name.or_else(|| {
        manifests.iter().find(|manifest| manifest.aliases.iter().any(|alias| alias == word))
    })
}
