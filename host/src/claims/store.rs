//! Claims in SQLite: one transaction a transition, compare-and-swap on the revision.
//!
//! `claims.db` is touched through SQLite only: opening and closing the file
//! otherwise in the same process would drop SQLite's locks.

use super::adopt::other_owner;
use super::claim::Claim;
use super::columns;
use super::error::ClaimError;
use super::file::{check_files, check_log};
use super::holder::Holder;
use super::id::LeaseId;
use super::life::Event;
use super::locks::is_on_network;
use super::migrations::{SCHEMA, migrate};
use super::moment::Moment;
use super::reader::Reader;
use super::salvage::{self, Salvaged};
use crate::fault;
use crate::places::private_folder;
use crate::redact;
use crate::sqlite;
use rusqlite::{Connection, TransactionBehavior};
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;
use std::time::Duration;
use tracing::debug;

/// How long to wait for another crabbox to finish its transaction.
pub(super) const BUSY: Duration = Duration::from_secs(10);

/// The claims of one state folder.
#[derive(Debug)]
pub struct Store {
    pub(super) reader: Reader,
    salvaged: Option<Salvaged>,
    /// Nobody puts another database in its place meanwhile. Let go of after the connection.
    _shared: Option<File>,
}

impl Store {
    /// Opens, and at first use creates, `claims.db` in `state`. Of a damaged one what can be read is
    /// saved into a new one.
    pub fn open(state: &Path) -> Result<Self, ClaimError> {
        if let Some(store) = Self::open_undamaged(state)? {
            return Ok(store);
        }
        let path = state.join("claims.db");
        let aside = salvage::salvage(state, &path)?;
        let shared = Some(salvage::share(state)?);
        let store = Self { _shared: shared, ..Self::open_as_it_is(state, &path)? };
        let Some(aside) = aside else {
            return Ok(store);
        };
        let count = store.rows("SELECT id, slug, state, record FROM claims", &[])?.len();
        Ok(Self { salvaged: Some(Salvaged { aside, count }), ..store })
    }

    /// The same for whoever has nobody to tell that something was saved. `None`: that is to be done first.
    pub fn open_undamaged(state: &Path) -> Result<Option<Self>, ClaimError> {
        let folder = |source| ClaimError::Folder { path: state.to_owned(), source };
        private_folder(state).map_err(folder)?;
        let shared = salvage::share(state)?;
        if salvage::is_due(state) {
            return Ok(None);
        }
        match Self::open_as_it_is(state, &state.join("claims.db")) {
            Err(ClaimError::Damaged { .. }) => Ok(None),
            opened => Ok(Some(Self { _shared: Some(shared), ..opened? })),
        }
    }

    /// The same, whatever is wrong with it. For whoever holds a lock on it.
    pub(super) fn open_as_it_is(state: &Path, path: &Path) -> Result<Self, ClaimError> {
        let path = path.to_owned();
        let folder =
            |error: io::Error| ClaimError::Folder { path: state.to_owned(), source: error.into() };
        sqlite::create_private(&path).map_err(folder)?;
        check_files(&path)?;
        check_log(&path)?;
        let wrap = |source| ClaimError::of_database(&path, source);
        let mut database = Connection::open(&path).map_err(wrap)?;
        // A claim must survive a power cut: one fsync a transition.
        sqlite::prepare(&database, BUSY, "full", is_on_network(state)).map_err(wrap)?;
        let found = sqlite::schema(&database).map_err(wrap)?;
        if found > SCHEMA {
            return Err(ClaimError::Newer { path, found });
        }
        if found < SCHEMA {
            migrate(&mut database).map_err(wrap)?;
        }
        let reader = Reader::of(database, path);
        Ok(Self { reader, salvaged: None, _shared: None })
    }

    /// Keeps the log of those in `state` short, for the next command that opens them. For beside a run: nobody is kept
    /// waiting. Of a damaged one nothing is done.
    pub fn settle(state: &Path) -> Result<(), ClaimError> {
        if !sqlite::is_due(&state.join("claims.db")) {
            return Ok(());
        }
        let Some(store) = Self::open_undamaged(state)? else { return Ok(()) };
        sqlite::settle(store.database()).map_err(|source| store.wrap(source))
    }

    /// What was saved of a damaged database when this was opened.
    #[must_use]
    pub fn salvaged(&self) -> Option<&Salvaged> {
        self.salvaged.as_ref()
    }

    /// For whoever changes nothing any more.
    #[must_use]
    pub fn into_reader(self) -> Reader {
        self.reader
    }

    /// Records a new claim. `false`: its id or slug is taken.
    pub fn insert(&mut self, claim: &Claim) -> Result<bool, ClaimError> {
        let record = encode(claim)?;
        fault::point("claim.before.insert");
        let inserted = columns::insert(self.database(), claim, record);
        let inserted = inserted.map_err(|source| self.wrap(source))?;
        fault::point("claim.after.insert");
        Ok(inserted)
    }

    /// Takes `claim` through `event`, durably; it then holds what was stored. Fails without any
    /// change when somebody else was faster. Whoever only gave the box more time isn't in the way: a
    /// lease may be extended by anybody while somebody else works with it.
    pub fn transition(&mut self, claim: &mut Claim, event: &Event) -> Result<(), ClaimError> {
        self.transition_if(claim, event, |_| true).map(drop)
    }

    /// The same for an event that is decided by how long the box may stay: where that was changed meanwhile,
    /// `still` is asked once more. `false`: the event isn't due any more. The claim holds what is stored.
    pub fn transition_if(
        &mut self,
        claim: &mut Claim,
        event: &Event,
        still: impl Fn(&Claim) -> bool,
    ) -> Result<bool, ClaimError> {
        let name = event.name();
        let mut before = claim.clone();
        loop {
            let mut next = before.after(event, Moment::now())?;
            // A provider's words may hold what isn't to be kept.
            next.trouble = next.trouble.map(|trouble| redact::text(&trouble).into_owned());
            if self.exchange(&before, &mut next, name)? {
                let (slug, id, was, is) = (&next.slug, &next.id, claim.state(), next.state());
                if was == is {
                    debug!("{slug} ({id}) stays {is}: {name}");
                } else {
                    debug!("{slug} ({id}) was {was} and is {is}: {name}");
                }
                *claim = next;
                return Ok(true);
            }
            let raced = || ClaimError::Raced(claim.id.clone());
            let now = self.get(&claim.id)?.ok_or_else(raced)?;
            if !now.differs_in_time_alone(claim) {
                return Err(raced());
            }
            if !still(&now) {
                *claim = now;
                return Ok(false);
            }
            before = now;
        }
    }

    /// Takes over what others may have changed while somebody works with the lease: the box's time.
    pub fn take_over_time(&self, claim: &mut Claim) -> Result<(), ClaimError> {
        let now = self.get(&claim.id)?;
        if let Some(now) = now.filter(|now| now.differs_in_time_alone(claim)) {
            *claim = now;
        }
        Ok(())
    }

    /// `false`: there is another revision by now.
    fn exchange(
        &mut self,
        before: &Claim,
        next: &mut Claim,
        event: &'static str,
    ) -> Result<bool, ClaimError> {
        fault::point(format_args!("claim.before.{event}"));
        let path = self.path().to_owned();
        let wrap = |source| wrap(&path, source);
        let behavior = TransactionBehavior::Immediate;
        let transaction =
            self.reader.database_mut().transaction_with_behavior(behavior).map_err(wrap)?;
        let id = |claim: &Claim| claim.made().and_then(|made| made.id);
        if id(next).is_some()
            && id(next) != id(before)
            && let Some(other) = other_owner(&transaction, next).map_err(wrap)?
        {
            return Err(ClaimError::Claimed(other));
        }
        if next.used != before.used {
            next.used = columns::used_last(&transaction, next).map_err(wrap)?;
        }
        let record = encode(next)?;
        let changed = columns::update(&transaction, next, record, before.revision).map_err(wrap)?;
        transaction.commit().map_err(wrap)?;
        if changed {
            fault::point(format_args!("claim.after.{event}"));
        }
        Ok(changed)
    }

    /// Takes the claim's lock, or says who has it.
    pub fn hold(&self, lease: &LeaseId) -> Result<Result<Holder, String>, ClaimError> {
        let holders = self.holders();
        Holder::try_take(&holders, lease)
            .map_err(|source| ClaimError::Folder { path: holders, source })
    }
}

impl Deref for Store {
    type Target = Reader;

    /// Whoever may change claims may look at them.
    fn deref(&self) -> &Reader {
        &self.reader
    }
}

/// What SQLite says while the database is used. Of one that is damaged, whoever opens it next saves
/// what can be read.
pub(super) fn wrap(path: &Path, source: rusqlite::Error) -> ClaimError {
    match ClaimError::of_database(path, source) {
        ClaimError::Damaged { path, source } => {
            salvage::suspect(&path);
            ClaimError::FoundDamaged { path, source }
        }
        other => other,
    }
}

pub(super) fn encode(claim: &Claim) -> Result<String, ClaimError> {
    serde_json::to_string(claim).map_err(|source| ClaimError::Unreadable {
        id: claim.id.to_string(),
        slug: claim.slug.clone(),
        source,
    })
}

#[cfg(test)]
mod tests;
