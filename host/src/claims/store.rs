//! Claims in SQLite: one transaction a transition, compare-and-swap on the revision.
//!
//! `claims.db` is touched through SQLite only: opening and closing the file
//! otherwise in the same process would drop SQLite's locks.

use super::adopt::other_owner;
use super::claim::Claim;
use super::columns;
use super::error::ClaimError;
use super::file::{check_files, check_log, create_private};
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
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};
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
        create_private(&path).map_err(folder)?;
        check_files(&path)?;
        check_log(&path)?;
        let wrap = |source| ClaimError::of_database(&path, source);
        let mut database = Connection::open(&path).map_err(wrap)?;
        prepare(&mut database, is_on_network(state)).map_err(wrap)?;
        let found: i64 =
            database.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(wrap)?;
        if found > SCHEMA {
            return Err(ClaimError::Newer { path, found });
        }
        if found < SCHEMA {
            migrate(&mut database).map_err(wrap)?;
        }
        let reader = Reader::of(database, path);
        Ok(Self { reader, salvaged: None, _shared: None })
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

fn prepare(database: &mut Connection, is_on_network: bool) -> rusqlite::Result<()> {
    database.busy_timeout(BUSY)?;
    // A claim must survive a power cut: one fsync a transition. WAL makes it one,
    // and where a file system can't do WAL, SQLite stays with its journal. The index of a WAL is memory that is shared:
    // two machines would each have their own, and take the other's writes for damage.
    let journal = if is_on_network { "delete" } else { "wal" };
    patiently(|| database.pragma_update_and_check(None, "journal_mode", journal, |_| Ok(())))?;
    database.pragma_update(None, "synchronous", "full")?;
    // Closing the last connection would checkpoint: an fsync more for each command.
    database
        .set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map(drop)
}

/// Where two change the journal of a new database at once, one is refused without any wait, lest
/// they wait for each other. Nothing is held between these attempts: waiting is safe.
fn patiently(mut attempt: impl FnMut() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let end = Instant::now() + BUSY;
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && Instant::now() < end => {
                thread::sleep(Duration::from_millis(5));
            }
            result => return result,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

pub(super) fn encode(claim: &Claim) -> Result<String, ClaimError> {
    serde_json::to_string(claim).map_err(|source| ClaimError::Unreadable {
        id: claim.id.to_string(),
        slug: claim.slug.clone(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::super::life::tests::{claim as any, owned, way};
    use super::super::stage::Stage;
    use super::super::{LastRun, Owned, State, skew};
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    fn claim(bits: u64, slug: &str) -> Claim {
        let made = Some(owned("1").into());
        let id = LeaseId::from_bits(bits);
        Claim { id, slug: slug.to_owned(), ..any(Stage::Leasing { made }) }
    }

    fn leased() -> Event {
        let run = Some(LastRun::new("run_1".to_owned()));
        Event::Leased { owned: owned("1"), way: way(), run, deadline: None, ttl: None }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let store = Store::open(&folder.path().join("state")).expect("opens");
        (folder, store)
    }

    #[test]
    fn what_was_stored_is_there_after_opening_again() {
        let (folder, mut store) = store();
        let mut claim = claim(1, "amber-crab");
        assert!(store.insert(&claim).expect("inserts"));
        store.transition(&mut claim, &leased()).expect("transition");
        assert_eq!(claim.state(), State::Busy);
        drop(store);
        let store = Store::open(&folder.path().join("state")).expect("opens again");
        assert_eq!(store.get(&claim.id).expect("finds"), Some(claim));
    }

    #[test]
    fn a_checkout_whose_path_is_no_text_has_claims_of_its_own() {
        let (_folder, mut store) = store();
        let path = |byte| Path::new(OsStr::from_bytes(&[b'/', byte])).to_owned();
        for (bits, byte) in [(1, 0xfe), (2, 0xff)] {
            let repository = path(byte);
            let slug = format!("crab-{bits}");
            let claim = Claim { repository, ..claim(bits, &slug) };
            assert!(store.insert(&claim).expect("inserts"));
            assert_eq!(store.of_repository(&path(byte), "local").expect("lists"), [claim]);
        }
    }

    #[test]
    fn the_slower_of_two_writers_changes_nothing() {
        let (_folder, mut store) = store();
        let mut first = claim(1, "amber-crab");
        store.insert(&first).expect("inserts");
        let mut second = first.clone();
        store.transition(&mut first, &leased()).expect("first");
        let failed = Event::LeaseFailed { left: None, why: String::new() };
        let error = store.transition(&mut second, &failed).expect_err("raced");
        assert!(matches!(error, ClaimError::Raced(_)));
        assert_eq!(store.get(&first.id).expect("finds"), Some(first));
    }

    #[test]
    fn whoever_gives_a_box_more_time_is_in_nobodys_way() {
        let (_folder, mut store) = store();
        let mut held = claim(1, "amber-crab");
        store.insert(&held).expect("inserts");
        store.transition(&mut held, &leased()).expect("leases");
        let mut seen = held.clone();
        let deadline = Moment::now();
        let extended = Event::Extended { deadline: deadline.clone(), idle_until: None };
        store.transition(&mut seen, &extended).expect("extends");
        let free = Event::Free {
            keep: false,
            idle_until: None,
            run_is_over: true,
            deadline: None,
            idle: None,
        };
        store.transition(&mut held, &free).expect("frees");
        assert_eq!((held.state(), held.deadline), (State::Ready, Some(deadline)));
    }

    #[test]
    fn what_was_used_last_is_so_whatever_the_clock_says() {
        let (_folder, mut store) = store();
        skew::reset();
        let mut claims = [claim(1, "amber-crab"), claim(2, "blue-crab"), claim(3, "red-crab")];
        for claim in &mut claims {
            let owned = Owned { id: claim.slug.clone(), ..owned("") };
            claim.stage = Stage::Leasing { made: Some(owned.into()) };
            assert!(store.insert(claim).expect("inserts"));
        }
        // The second is used while the clock is a year ahead.
        for (at, ahead) in [(0, 0), (1, 24 * 365), (2, -24 * 365), (0, 0), (1, 0), (2, 0)] {
            skew::set_wall(jiff::SignedDuration::from_hours(ahead));
            let used = &mut claims[at];
            let event = match used.stage() {
                Stage::Leasing { .. } => {
                    let owned = Owned { id: used.slug.clone(), ..owned("") };
                    Event::Leased { owned, way: way(), run: None, deadline: None, ttl: None }
                }
                _ => Event::Free {
                    keep: true,
                    idle_until: None,
                    run_is_over: true,
                    deadline: None,
                    idle: None,
                },
            };
            store.transition(used, &event).expect("is used");
            let last = store.last_used().expect("looks").expect("is there");
            assert_eq!(last.slug, used.slug);
            assert_eq!(store.get(&used.id).expect("reads").as_ref(), Some(&*used));
        }
        skew::reset();
    }

    #[test]
    fn what_is_decided_by_time_is_decided_anew_when_that_was_changed() {
        let (_folder, mut store) = store();
        let mut held = claim(1, "amber-crab");
        store.insert(&held).expect("inserts");
        store.transition(&mut held, &leased()).expect("leases");
        let mut seen = held.clone();
        let extended = Event::Extended { deadline: Moment::now(), idle_until: None };
        store.transition(&mut seen, &extended).expect("extends");
        let free = Event::Free {
            keep: false,
            idle_until: None,
            run_is_over: true,
            deadline: None,
            idle: None,
        };
        let was_due = |now: &Claim| now.deadline.is_none();
        assert!(!store.transition_if(&mut held, &free, was_due).expect("asks"));
        assert_eq!(held, seen, "and it holds what is stored");
        assert!(store.transition_if(&mut held, &free, was_due).expect("nothing changed since"));
    }

    #[test]
    fn a_slug_is_free_again_when_its_lease_is_over() {
        let (_folder, mut store) = store();
        let mut old = claim(1, "amber-crab");
        store.insert(&old).expect("inserts");
        assert!(!store.insert(&claim(2, "amber-crab")).expect("refused"));
        store.transition(&mut old, &Event::Gone).expect("gone");
        assert!(store.insert(&claim(2, "amber-crab")).expect("inserts"));
    }

    #[test]
    fn many_may_be_the_first() {
        for _ in 0..10 {
            let folder = tempfile::tempdir().expect("temporary folder");
            let state = folder.path().join("state");
            std::thread::scope(|scope| {
                for bits in 0..16 {
                    let state = &state;
                    scope.spawn(move || {
                        let mut store = Store::open(state).expect("opens");
                        let claim = claim(bits, &format!("crab-{bits}"));
                        assert!(store.insert(&claim).expect("inserts"));
                    });
                }
            });
            let (claims, _) = Store::open(&state).expect("opens").all(true).expect("lists");
            assert_eq!(claims.len(), 16);
        }
    }

    #[test]
    fn one_bad_row_hides_no_other() {
        let (_folder, mut store) = store();
        store.insert(&claim(1, "amber-crab")).expect("inserts");
        store.insert(&claim(2, "blue-crab")).expect("inserts");
        store
            .database()
            .execute("UPDATE claims SET record = '{' WHERE slug = 'blue-crab'", [])
            .expect("damages");
        let (claims, unreadable) = store.all(false).expect("lists");
        assert_eq!(claims.len(), 1);
        assert_eq!(unreadable.len(), 1);
    }

    #[test]
    fn a_newer_database_is_left_alone() {
        let (folder, store) = store();
        store.database().pragma_update(None, "user_version", SCHEMA + 1).expect("ages");
        drop(store);
        let error = Store::open(&folder.path().join("state")).expect_err("refuses");
        assert!(matches!(error, ClaimError::Newer { .. }));
    }
}
