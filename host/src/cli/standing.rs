//! Can the providers of leases be used that somebody looks at? One that isn't here any more can do nothing for its
//! boxes: that is told of beside them. Each is looked up once, however many leases it has, and none of its code
//! runs.

use super::Shared;
use crate::config::{Flags, Settings};
use crate::output::{CommandError, Printer, to_type};
use crate::places;
use crate::registry::{FindError, Places, Registry};
use serde::Serialize;
use std::collections::BTreeMap;

/// Can a provider be used?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// Yes.
    Ok,
    /// There is none of the name.
    Missing,
    /// There is one, and something is wrong with it.
    Unusable,
}

impl Standing {
    /// Of a provider whose name stands before. `None`: there is nothing to be said.
    pub(super) fn in_words(self) -> Option<&'static str> {
        match self {
            Self::Ok => None,
            Self::Missing => Some("not installed"),
            Self::Unusable => Some("unusable"),
        }
    }
}

/// What is known of the providers so far.
pub(super) struct Standings {
    registry: Registry,
    known: BTreeMap<String, Known>,
}

struct Known {
    standing: Standing,
    /// What is wrong with it, if anything is.
    error: Option<FindError>,
    leases: usize,
    /// The first lease of it: its slug and its id.
    first: (String, String),
}

impl Standings {
    /// Where the user's settings have providers looked for. Whoever looks at leases needn't have right ones.
    pub(super) fn read(shared: &Shared, places: &places::Places) -> Self {
        let flags = Flags { of_lease: true, ..shared.flags() };
        Self::under(Settings::load(flags, None, places).ok().as_ref(), shared)
    }

    /// Where these settings, if they can be read, have providers looked for.
    pub(super) fn under(settings: Option<&Settings>, shared: &Shared) -> Self {
        let path =
            settings.map_or(&shared.common.provider_path, |settings| &settings.provider_path);
        let registry = Registry::new(Places::discover(path.clone()));
        Self { registry, known: BTreeMap::new() }
    }

    /// That of the provider of a lease which has a box, or may have one.
    pub(super) fn of(&mut self, provider: &str, slug: &str, id: &str) -> Standing {
        if let Some(known) = self.known.get_mut(provider) {
            known.leases += 1;
            return known.standing;
        }
        let error = self.registry.find(provider).err();
        let standing = match &error {
            None => Standing::Ok,
            Some(FindError::Missing { .. }) => Standing::Missing,
            Some(_) => Standing::Unusable,
        };
        let first = (slug.to_owned(), id.to_owned());
        self.known.insert(provider.to_owned(), Known { standing, error, leases: 1, first });
        standing
    }

    /// What is wrong with some of them, and what to do about it.
    pub(super) fn explain(self, printer: Printer) {
        for (provider, known) in self.known {
            let Known { standing, error, leases, first: (slug, id) } = known;
            let Some(error) = error else { continue };
            let who = match leases {
                1 => format!("{slug} is"),
                several => format!("{several} leases are"),
            };
            if standing == Standing::Missing {
                let line = format!(
                    "{who} of `{provider}`, which isn't here any more: put it back (`--provider-path` names its \
                     folder), or drop a lease and leave its box"
                );
                printer.advice(&line, &to_type(&["forget", &id, "--yes"]));
                continue;
            }
            let error = CommandError::from(error);
            let why =
                error.causes().into_iter().fold(error.to_string(), |all, why| all + ": " + &why);
            let line = format!("{who} of a provider that can't do anything now: {why}");
            for (at, hint) in error.hints().iter().enumerate() {
                if at == 0 { printer.advice(&line, hint) } else { printer.hint(hint) }
            }
        }
    }
}
