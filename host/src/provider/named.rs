//! What a provider calls things: recorded in claims, printed, and handed back to it for as long as a lease
//! lives. So it is looked at where it comes in: nothing is recorded that is empty, beyond all measure, or
//! would be obeyed by a terminal.

use crabbox_provider_api::payload::{
    Checkpoint, Diagnosis, Extended, Found, Inventory, Leased, Released, Resolution, Resource,
    Scope,
};
use std::collections::BTreeMap;
use tracing::warn;

/// How many bytes a name or an id may have.
const NAME: usize = 1024;

/// How many a part of a scope may have, which may hold a path.
const SCOPE: usize = 8 * 1024;

/// How many things may speak for a resource.
const EVIDENCE: usize = 16;

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

    fn without_nonsense(mut self) -> Self {
        self.owner = self.owner.filter(|name| is_owner(name));
        self
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

    fn without_nonsense(mut self) -> Self {
        if let Self::Found(found) = &mut self {
            found.owner = found.owner.take().filter(|name| is_owner(name));
        }
        self
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
        for listed in &mut self.resources {
            let all = std::mem::take(&mut listed.evidence).into_iter();
            let short = all.filter(|(what, said)| what.len().max(said.len()) <= NAME);
            listed.evidence = short.take(EVIDENCE).collect::<BTreeMap<_, _>>();
        }
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

/// What an owner may be called to be recorded: others choose their names.
fn is_owner(name: &str) -> bool {
    let why = of_text("the owner of its resource", name, NAME);
    if let Some(why) = &why {
        warn!("an owner is left out: {why}");
    }
    why.is_none()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_provider_api::payload::{Listed, ResourceState};

    #[test]
    fn an_owner_that_a_terminal_would_obey_is_not_recorded() {
        for (name, is_kept) in [("ann", true), ("", false), ("a\u{1b}[2Jnn", false)] {
            let leased = Leased { owner: Some(name.to_owned()), ..Leased::default() };
            assert_eq!(leased.without_nonsense().owner.is_some(), is_kept, "{name:?}");
        }
    }

    #[test]
    fn what_speaks_for_a_resource_has_an_end() {
        let many = (10..40).map(|number| (number.to_string(), "said".to_owned()));
        let evidence = many.chain([("1".to_owned(), "x".repeat(NAME + 1))]).collect();
        let listed = Listed {
            resource: Resource { name: "box".to_owned(), id: None },
            scope: Scope::default(),
            state: ResourceState::Ready,
            lease: None,
            owner: None,
            mine: None,
            evidence,
        };
        let inventory = Inventory { resources: vec![listed], next: None }.without_nonsense();
        let kept = &inventory.resources[0].evidence;
        assert!(kept.len() == EVIDENCE && !kept.contains_key("1"), "{kept:?}");
    }
}
