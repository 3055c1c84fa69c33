//! What may stand in which file, and in which part of it: a repository's may ask, the user's grants,
//! the machine's enforces.

use super::parse::Reader;
use super::{Layer, Lined, Owner};
use crate::config::error::Problem;
use crate::config::keys::{Enforced, Key, Repository};
use crate::config::policy::Bound;
use crate::config::trust::{Grant, TrustProblem, folder_of_grant};
use std::mem;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What may stand there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rules {
    /// What the table lets a repository say.
    Repository,
    /// Everything but what is enforced.
    Own,
    /// Everything but grants.
    System,
    /// What nobody overrides.
    Enforced,
    /// What a repository may ask for: it is granted here.
    Grant,
}

impl Rules {
    pub(super) fn of(owner: Owner) -> Self {
        match owner {
            Owner::Repository => Self::Repository,
            Owner::User => Self::Own,
            Owner::System => Self::System,
        }
    }
}

impl Reader<'_> {
    /// The sections under `[enforced]`.
    pub(super) fn bounds(&mut self, sections: &DeTable<'_>) {
        let (layer, rules) = (mem::take(&mut self.layer), Rules::Enforced);
        let mut reader = Reader { path: self.path, text: self.text, rules, layer };
        for (section, value) in sections {
            reader.section(section, value);
        }
        self.layer = reader.layer;
    }

    /// One of them.
    pub(super) fn bound(
        &mut self,
        key: &'static Key,
        span: Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) {
        if key.enforced == Enforced::No {
            return self.report(span.start, TrustProblem::NotEnforced { key: key.name.to_owned() });
        }
        match Bound::of_toml(key, value.get_ref()) {
            Some(bound) => {
                let line = self.line(span.start);
                self.layer.enforced.insert(key.name, Lined { line, value: bound });
            }
            None => self.wrong_kind(key, span, value),
        }
    }

    /// May the key be named in this part of this file?
    pub(super) fn may_stand(&self, key: &Key) -> Result<(), TrustProblem> {
        let name = key.name.to_owned();
        match (self.rules, key.repository) {
            (Rules::Repository, Repository::Never(reason)) => {
                Err(TrustProblem::Forbidden { key: name, reason })
            }
            (Rules::Grant, Repository::Never(_)) => {
                Err(TrustProblem::NoGrant { key: name, reason: "no repository can have it" })
            }
            (Rules::Grant, Repository::Set | Repository::Within(_)) => Err(TrustProblem::NoGrant {
                key: name,
                reason: "a repository needs no leave for it",
            }),
            _ => Ok(()),
        }
    }

    /// The tables under `[trust]`: each is in the form of a repository's file.
    pub(super) fn grants(&mut self, tables: &DeTable<'_>) {
        for (path, value) in tables {
            let start = path.span().start;
            let name = path.get_ref().to_string();
            let DeValue::Table(sections) = value.get_ref() else {
                let found = self.shown(value);
                let key = format!("trust.\"{name}\"");
                let expected = "a table of what is granted".to_owned();
                self.report(start, Problem::Value { key, expected, found });
                continue;
            };
            if folder_of_grant(&name).is_none() {
                self.report(start, TrustProblem::GrantPath { path: name });
                continue;
            }
            let layer = Layer::default();
            let mut reader =
                Reader { path: self.path, text: self.text, rules: Rules::Grant, layer };
            for (section, value) in sections {
                reader.section(section, value);
            }
            let Layer { settings, providers, mut errors, .. } = reader.layer;
            self.layer.errors.append(&mut errors);
            let of_host =
                settings.into_iter().map(|(key, found)| (key.to_owned(), found.value.to_toml()));
            let of_providers = providers.into_iter().flat_map(|(provider, table)| {
                table
                    .value
                    .into_iter()
                    .map(move |(key, found)| (format!("provider.{provider}.{key}"), found.value))
            });
            let allowed = of_host.chain(of_providers).collect();
            let line = self.line(start);
            self.layer.grants.push(Grant { path: name, line, allowed });
        }
    }
}
