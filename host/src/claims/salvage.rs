//! Saves what can be read of a damaged database into a new one, and keeps the damaged one beside it.
//!
//! Whoever has the database open holds a shared lock on `claims.lock`; to exchange it takes the
//! exclusive one. The new database is whole, as `claims.saved`, before anything else is moved: should
//! this be killed, whoever opens the claims next goes on from there.

use super::error::ClaimError;
use super::file::check_log;
use super::locks;
use super::migrations::{SCHEMA, migrate_to};
use super::rows;
use super::store::{BUSY, Store};
use crate::fault;
use crate::sqlite::{create_private, lock_file, put_aside, wait_for};
use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Whoever has the database open shares this one.
pub(super) const LOCK: &str = "claims.lock";

/// The new database, while it is being filled.
const NEW: &str = "claims.new";

/// The same, whole.
const SAVED: &str = "claims.saved";

/// Somebody has met damage in the database. Goes with it, when it is put aside by hand.
const SUSPECT: &str = "claims.db-damaged";

/// What was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Salvaged {
    /// The folder with the damaged files.
    pub aside: PathBuf,
    /// How many claims there are now.
    pub count: usize,
}

/// Nobody exchanges the database while this lives. Where locks keep nobody out, there are to be no claims.
pub(super) fn share(state: &Path) -> Result<File, ClaimError> {
    let file = lock_file(&state.join(LOCK)).map_err(|error| unusable(state, error))?;
    locks::check(&file, &state.join(LOCK))
        .map_err(|source| ClaimError::Locks { path: state.to_owned(), source })?;
    wait_for(BUSY, || file.try_lock_shared())
        .map_err(|error| unusable(state, error))?
        .then_some(file)
        .ok_or_else(|| ClaimError::Held { path: state.join(LOCK) })
}

/// Is there something to do before the database may be opened?
pub(super) fn is_due(state: &Path) -> bool {
    is_there(&state.join(SAVED)) || is_there(&state.join(SUSPECT))
}

/// The next one who opens it has to look.
pub(super) fn suspect(path: &Path) {
    let _ = File::create(path.with_file_name(SUSPECT));
}

/// Does what is to be done, once nobody has the database open. `None`: nothing was, or somebody has.
pub(super) fn salvage(state: &Path, path: &Path) -> Result<Option<PathBuf>, ClaimError> {
    let wrap = |error| unusable(state, error);
    let lock = lock_file(&state.join(LOCK)).map_err(wrap)?;
    // One that can be opened is used meanwhile.
    let must_be = !is_there(&state.join(SUSPECT));
    let longest = if must_be { BUSY } else { Duration::from_millis(200) };
    let is_alone = wait_for(longest, || lock.try_lock()).map_err(wrap)?;
    if is_there(&state.join(SAVED)) {
        if is_alone {
            return exchange(state, path).map(Some).map_err(wrap);
        }
        return Err(ClaimError::Held { path: state.join(LOCK) });
    }
    // Another command was faster.
    let is_done = !must_be && !is_there(&state.join(SUSPECT));
    if !is_alone || is_done {
        return Ok(None);
    }
    let damage = if must_be {
        match Store::open_as_it_is(state, path) {
            // Another command was faster.
            Ok(_) => return Ok(None),
            Err(error @ ClaimError::Damaged { .. }) => error,
            Err(error) => return Err(error),
        }
    } else {
        match open(path) {
            Ok((_, found)) if found > SCHEMA => {
                return Err(ClaimError::Newer { path: path.to_owned(), found });
            }
            _ => {
                let source = "none of the claims in it can be read".into();
                ClaimError::Damaged { path: path.to_owned(), source }
            }
        }
    };
    if save(state, path)? { exchange(state, path).map(Some).map_err(wrap) } else { Err(damage) }
}

/// Fills the new database. `false`: nothing of the old one can be read.
fn save(state: &Path, path: &Path) -> Result<bool, ClaimError> {
    // SQLite would throw its log away.
    if check_log(path).is_err() {
        return Ok(false);
    }
    let wrap = |error| unusable(state, error);
    let new = state.join(NEW);
    for stale in [&new, &state.join(format!("{NEW}-journal"))] {
        remove(stale).map_err(wrap)?;
    }
    create_private(&new).map_err(wrap)?;
    let is_filled = fill(&new, path).map_err(|source| ClaimError::of_database(&new, source))?;
    if !is_filled {
        remove(&new).map_err(wrap)?;
        return Ok(false);
    }
    fs::rename(&new, state.join(SAVED)).and_then(|()| sync(state)).map_err(wrap)?;
    fault::point("salvage.saved");
    Ok(true)
}

/// `Err`: the new one can't be written.
fn fill(new: &Path, old: &Path) -> rusqlite::Result<bool> {
    let Ok((old, schema)) = open(old) else {
        return Ok(false);
    };
    if !(1..=SCHEMA).contains(&schema) {
        return Ok(false);
    }
    let mut new = Connection::open(new)?;
    new.pragma_update(None, "synchronous", "full")?;
    migrate_to(&mut new, schema)?;
    let columns = rows::columns(&new)?;
    let (found, is_whole) = rows::read(&old, &columns);
    let transaction = new.transaction()?;
    let count = rows::write(&transaction, &columns, &found)?;
    transaction.commit()?;
    Ok(count > 0 || is_whole)
}

/// Opens a damaged database, which isn't changed; with its schema.
fn open(path: &Path) -> rusqlite::Result<(Connection, i64)> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(path, flags)?;
    database.busy_timeout(BUSY)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let schema = database.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    database.pragma_update(None, "query_only", true)?;
    Ok((database, schema))
}

/// Puts the damaged files aside and the new database in their place. The log goes first: SQLite would
/// take it for the new one's. Returns where they are.
fn exchange(state: &Path, path: &Path) -> io::Result<PathBuf> {
    let aside = state.join(format!("damaged-{}", Timestamp::now().strftime("%Y%m%dT%H%M%S%3fZ")));
    put_aside(path, &aside)?;
    fault::point("salvage.moved");
    fs::rename(state.join(SAVED), path)?;
    remove(&state.join(SUSPECT))?;
    sync(state)?;
    Ok(aside)
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn unusable(state: &Path, error: io::Error) -> ClaimError {
    ClaimError::Folder { path: state.to_owned(), source: error.into() }
}

#[cfg(test)]
mod tests {
    use super::super::life::tests::{claim, owned};
    use super::super::{Claim, LeaseId, Stage};
    use super::*;
    use crate::places::private_folder;
    use std::os::unix::fs::{FileExt, MetadataExt};
    use std::thread;

    const PAGE: usize = 4096;

    /// With 200 claims, all in the database itself.
    fn filled() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let state = folder.path().join("state");
        let mut store = Store::open(&state).expect("opens");
        for bits in 0..200 {
            let made = Some(owned(&bits.to_string()).into());
            let (id, slug) = (LeaseId::from_bits(bits), format!("crab-{bits}"));
            let claim = Claim { id, slug, ..claim(Stage::Leasing { made }) };
            assert!(store.insert(&claim).expect("inserts"));
        }
        store
            .database()
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .expect("writes the log back");
        drop(store);
        let path = state.join("claims.db");
        (folder, state, path)
    }

    fn overwrite(path: &Path, page: u64) {
        let file = File::options().write(true).open(path).expect("opens");
        file.write_all_at(&[0xa5; PAGE], page * PAGE as u64).expect("damages");
    }

    fn count(store: &Store) -> usize {
        let (claims, unreadable) = store.all(true).expect("reads");
        assert!(unreadable.is_empty(), "{unreadable:?}");
        claims.len()
    }

    #[test]
    fn whichever_page_is_damaged_what_can_be_read_is_saved_once_and_the_rest_kept() {
        let (folder, _, path) = filled();
        let whole = fs::read(&path).expect("reads");
        let pages = (whole.len() / PAGE) as u64;
        assert!(pages > 20);
        let mut saved = Vec::new();
        for page in 1..pages {
            let state = folder.path().join(format!("damaged-{page}"));
            let path = state.join("claims.db");
            private_folder(&state).expect("a folder");
            create_private(&path).expect("a file");
            fs::write(&path, &whole).expect("a copy");
            overwrite(&path, page);
            let damaged = fs::read(&path).expect("reads");
            // Not every page is read when it is opened.
            suspect(&path);
            let (aside, kept) = match Store::open(&state) {
                Ok(store) => {
                    let Salvaged { aside, count: told } = store.salvaged().expect("saved").clone();
                    assert_eq!(count(&store), told);
                    (aside, told)
                }
                // The root of the table: nothing can be reached.
                Err(error) => {
                    assert!(matches!(error, ClaimError::Damaged { .. }), "{page}: {error}");
                    assert_eq!(fs::read(&path).expect("reads"), damaged);
                    continue;
                }
            };
            saved.push(kept);
            assert_eq!(fs::read(aside.join("claims.db")).expect("kept"), damaged, "{page}");
            assert_eq!(fs::metadata(&path).expect("is there").mode() & 0o7777, 0o600);
            let again = Store::open(&state).expect("opens");
            assert_eq!((count(&again), again.salvaged()), (kept, None));
            let damage = again.database().query_row("PRAGMA quick_check", [], |row| row.get(0));
            assert_eq!(damage, Ok("ok".to_owned()));
        }
        assert!(saved.len() as u64 >= pages - 3, "{saved:?} of {pages} pages");
        // A page holds few claims.
        assert!(saved.iter().all(|kept| *kept >= 190), "{saved:?}");
    }

    #[test]
    fn many_who_find_the_damage_at_once_save_it_once() {
        let (_folder, state, path) = filled();
        suspect(&path);
        let asides: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        let store = Store::open(&state).expect("opens");
                        assert_eq!(count(&store), 200);
                        store.salvaged().cloned()
                    })
                })
                .collect();
            threads.into_iter().filter_map(|thread| thread.join().expect("a thread")).collect()
        });
        assert_eq!(asides.len(), 1, "{asides:?}");
    }

    #[test]
    fn it_is_left_alone_while_somebody_has_it_open() {
        let (_folder, state, path) = filled();
        let other = Store::open(&state).expect("opens");
        suspect(&path);
        let inode = || fs::metadata(&path).expect("is there").ino();
        let before = inode();
        let store = Store::open(&state).expect("it can be opened as it is");
        assert_eq!((store.salvaged(), inode()), (None, before));
        drop((store, other));
        assert!(Store::open(&state).expect("opens").salvaged().is_some());
    }

    #[test]
    fn an_old_one_is_saved_as_it_is_and_then_brought_forward() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let state = folder.path().join("state");
        private_folder(&state).expect("a folder");
        let path = state.join("claims.db");
        let old = Connection::open(&path).expect("opens");
        old.execute_batch(include_str!("migrations/schema-1.sql")).expect("fills");
        drop(old);
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .expect("a mode");
        suspect(&path);
        let store = Store::open(&state).expect("opens");
        let saved = store.salvaged().expect("is saved");
        assert_eq!((count(&store), saved.count), (11, 11));
        let kept = Connection::open(saved.aside.join("claims.db")).expect("opens");
        let schema: Result<i64, _> = kept.query_row("PRAGMA user_version", [], |row| row.get(0));
        assert_eq!(schema, Ok(1), "it wasn't touched");
    }
}
