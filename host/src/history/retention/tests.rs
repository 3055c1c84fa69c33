use super::*;
use crate::history::{Reader, folder};
use std::io;
use std::path::PathBuf;

/// Histories of runs whose records say nothing.
struct World {
    folder: tempfile::TempDir,
    store: Store,
}

impl World {
    /// So many runs, a second apart, each with so many files of 1,000 bytes.
    fn new(runs: usize, files: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, _) = Store::open(&folder.path().join("state")).expect("opens");
        let world = Self { folder, store };
        let now = Timestamp::now().as_millisecond();
        for number in 0..runs {
            let id = format!("run_{number:012x}");
            let began = now - 1000 * i64::try_from(runs - number).expect("few");
            let line = "INSERT INTO runs (id, began, repository, command, exit, total_ms, record)
                VALUES (?1, ?2, '/', 'true', 0, 1, '')";
            world.store.database().execute(line, (&id, began)).expect("writes");
            let folder = folder_of(&world.state(), &id);
            fs::create_dir_all(&folder).expect("a folder");
            for file in 0..files {
                fs::write(folder.join(file.to_string()), [0; 1000]).expect("a file");
            }
        }
        world.store.database().execute("UPDATE housekeeping SET done = 0", []).expect("writes");
        world
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn prune_some(&self, retention: &Retention, looked_at: u64, removed: u64) {
        let budget = |entries| move || Budget::new(entries, EVERY);
        prune_some(&self.store, &self.state(), retention, budget(looked_at), budget(removed))
            .expect("prunes");
    }

    fn number(&self, query: &str) -> i64 {
        self.store.database().query_row(query, [], |row| row.get(0)).expect("a number")
    }

    fn runs(&self) -> i64 {
        self.number("SELECT count(*) FROM runs")
    }

    fn is_done(&self) -> bool {
        self.number("SELECT done FROM housekeeping") > 0
    }

    /// Files and folders of runs.
    fn entries(&self) -> usize {
        let below = |path: &Path| fs::read_dir(path).expect("a folder").flatten();
        below(&runs(&self.state())).map(|run| 1 + below(&run.path()).count()).sum()
    }
}

fn folder_of(state: &Path, id: &str) -> PathBuf {
    folder(state, &id.parse().expect("an id"))
}

const ALL: Retention = Retention { keep_for: Duration::MAX, keep: u64::MAX, size: u64::MAX };

#[test]
fn sizes_are_measured_by_one_run_after_the_other_until_all_are() {
    let world = World::new(10, 2);
    let retention = Retention { size: 8000, ..ALL };
    // A folder, its files, and what might have been left when it began: two runs each time. Once those are too much, no
    // older one has to be measured.
    for (measured, left) in [(2, 10), (4, 10), (4, 4)] {
        world.prune_some(&retention, 9, 1000);
        assert_eq!(world.number("SELECT count(*) FROM sizes"), measured);
        assert_eq!((world.runs(), world.is_done()), (left, false));
    }
    world.prune_some(&retention, 9, 1000);
    assert_eq!((world.runs(), world.entries(), world.is_done()), (4, 12, true));
    assert_eq!(world.number("SELECT count(*) FROM sizes"), 4);
    assert_eq!(world.number("SELECT sum(bytes) FROM sizes"), 8000);
}

#[test]
fn what_fits_into_no_budget_keeps_no_others_waiting() {
    let world = World::new(3, 20);
    for _ in 0..3 {
        assert!(!world.is_done());
        world.prune_some(&ALL, 11, 1000);
    }
    assert!(world.is_done());
    assert_eq!(world.number("SELECT min(bytes) FROM sizes"), 10_000);
}

#[test]
fn many_files_are_removed_after_one_run_and_the_next_ones() {
    let world = World::new(3, 100);
    let retention = Retention { keep: 1, ..ALL };
    let mut left = world.entries();
    for _ in 0..6 {
        world.prune_some(&retention, 1000, 30);
        // It is forgotten all the same.
        assert_eq!(world.runs(), 1);
        let now = world.entries();
        assert!(!world.is_done() && left - now <= 30 && now > 101, "{left} {now}");
        left = now;
    }
    world.prune_some(&retention, 1000, 30);
    assert_eq!((world.entries(), world.is_done()), (101, true));
}

#[test]
fn what_was_killed_counts_by_its_size_and_not_by_its_number() {
    let state = tempfile::tempdir().expect("a folder");
    let run = |began, id: &str, is_recorded, bytes| Candidate {
        began,
        id: id.to_owned(),
        is_recorded,
        bytes,
    };
    let chosen = |retention| {
        let all = vec![
            run(4, "d", true, Some(10)),
            run(3, "c", false, Some(10)),
            run(2, "b", true, Some(10)),
            run(1, "a", false, Some(10)),
            run(0, "unmeasured", false, None),
        ];
        let Chosen { doomed, left } = choose(state.path(), all, &retention);
        assert_eq!(doomed.len() as u64 + left, 5);
        doomed.into_iter().map(|run| run.id).collect::<Vec<_>>()
    };
    assert_eq!(chosen(Retention { size: 20, ..ALL }), ["a", "b"]);
    assert_eq!(chosen(Retention { size: 0, ..ALL }), ["a", "b", "c", "d"]);
    assert_eq!(chosen(Retention { keep: 1, ..ALL }), ["b"]);
    assert_eq!(chosen(Retention { keep_for: Duration::ZERO, ..ALL }), ["a", "b", "c", "d"]);
}

#[test]
fn where_there_are_no_locks_what_was_lately_written_to_is_in_use() {
    let now = Timestamp::now().as_millisecond();
    let run = |began| Candidate { began, id: String::new(), is_recorded: false, bytes: None };
    let refused = Err(TryLockError::Error(io::ErrorKind::Unsupported.into()));
    assert!(is_held(&refused, &run(now), now));
    assert!(!is_held(&refused, &run(now - 2 * millis(begun::YOUNG)), now));
    assert!(is_held(&Err(TryLockError::WouldBlock), &run(0), now));
    assert!(!is_held(&Ok(()), &run(now), now));
}

#[test]
fn a_history_without_sizes_is_read_as_it_is_and_gets_them() {
    let world = World::new(2, 1);
    let before = "DROP TABLE sizes; PRAGMA user_version = 1";
    world.store.database().execute_batch(before).expect("is older");
    let state = world.state();
    let rows = || {
        let reader = Reader::open(&state).expect("looks");
        reader.rows(&crate::history::Filter::default()).expect("reads").len()
    };
    assert_eq!(rows(), 2);
    drop(Store::open(&state).expect("opens"));
    assert_eq!(rows(), 2);
    assert_eq!(world.number("SELECT count(*) FROM sizes"), 0);
    assert_eq!(world.number("SELECT user_version FROM pragma_user_version"), 2);
}
