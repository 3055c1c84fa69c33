//! What a provider calls things: recorded in claims, printed, and handed back to it for as long as a lease
//! lives. So it is looked at where it comes in: nothing is recorded that is empty, beyond all measure, or
//! would be obeyed by a terminal.

use crabbox_provider_api::payload::{
    Checkpoint, Diagnosis, Extended, Found, Inventory, Leased, Released, Resolution, Resource,
    Scope,
};
use tracing::warn;

/// How many bytes a name or an id may have.
const NAME: usize = 1024;

/// How many a part of a scope may have, which may hold a path.
const SCOPE: usize = 8 * 1024;

/// What may name something.
pub(super) trait Names {
    /// What is wrong with a name in it, if anything is.
    fn objection(&self) -> Option<String> {
        None
    }

    /// The same without what is wrong, where the rest is of use.
    fn without_nonsense(self) -> Self
    where
        Self: Sized,
    {
        self
    }
}

impl Names for Checkpoint {
    fn objection(&self) -> Option<String> {
        of_resource(&self.resource).or_else(|| self.scope.as_ref().and_then(of_scope))
    }
}

impl Names for Leased {
    fn objection(&self) -> Option<String> {
        of_resource(&self.resource).or_else(|| of_scope(&self.scope))
    }
}

impl Names for Resolution {
    fn objection(&self) -> Option<String> {
        match self {
            Self::Found(Found { resource, scope, .. }) => {
                of_resource(resource).or_else(|| of_scope(scope))
            }
            _ => None,
        }
    }
}

/// Others may give theirs any name: one of them hides no other.
impl Names for Inventory {
    fn without_nonsense(mut self) -> Self {
        self.resources.retain(|listed| {
            let why = of_resource(&listed.resource).or_else(|| of_scope(&listed.scope));
            if let Some(why) = &why {
                warn!("a resource in its list is left out: {why}");
            }
            why.is_none()
        });
        self
    }
}

impl Names for Released {}
impl Names for Diagnosis {}
impl Names for Extended {}

fn of_resource(resource: &Resource) -> Option<String> {
    let id = resource.id.as_ref().and_then(|id| of_text("the id of its resource", id, NAME));
    of_text("the name of its resource", &resource.name, NAME).or(id)
}

fn of_scope(scope: &Scope) -> Option<String> {
    let parts = [
        ("the deployment of its scope", &scope.deployment),
        ("the account of its scope", &scope.account),
    ];
    // Some providers have but one of them.
    let mut said = parts.into_iter().filter(|(_, text)| !text.is_empty());
    said.find_map(|(what, text)| of_text(what, text, SCOPE))
}

fn of_text(what: &str, text: &str, most: usize) -> Option<String> {
    let length = text.len();
    if length > most {
        return Some(format!("{what} has {length} bytes, and {most} are allowed"));
    }
    if text.trim().is_empty() {
        return Some(format!("{what} is empty"));
    }
    let control = text.chars().find(|character| character.is_control())?;
    Some(format!("{what} holds the control character {}", control.escape_unicode()))
}
