//! Is the tree that is sent another than its commit says? The scan knows how it stands to git's index; what the commit
//! holds is remembered, and where it isn't, git is asked while the box works. Nobody waits for its answer.

use crate::history::Recording;
use crate::sync::{self, Against, Head, Index, Source};
use std::cell::{OnceCell, RefCell};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

/// What a commit holds.
#[derive(Debug)]
enum Committed {
    Unknown,
    Known(Index),
    Asked(Receiver<Option<Index>>),
}

/// A run of which it is to be recorded.
#[derive(Debug)]
pub(super) struct Dirty<'a> {
    recording: &'a Recording,
    source: &'a Source,
    cache: &'a Path,
    commit: OnceCell<String>,
    committed: RefCell<Committed>,
    against: OnceCell<Against>,
}

impl<'a> Dirty<'a> {
    pub(super) fn of(recording: &'a Recording, source: &'a Source, cache: &'a Path) -> Self {
        Self {
            recording,
            source,
            cache,
            commit: OnceCell::new(),
            committed: RefCell::new(Committed::Unknown),
            against: OnceCell::new(),
        }
    }

    /// Where `HEAD` stands when the tree is read.
    pub(super) fn note_head(&self) {
        let Head { commit, branch } = self.source.noted_head();
        if let Some(commit) = &commit {
            let known = sync::remembered(self.source, self.cache, commit);
            self.committed.replace(known.map_or(Committed::Unknown, Committed::Known));
            let _ = self.commit.set(commit.clone());
        }
        self.recording.note(|run| (run.commit, run.branch) = (commit, branch));
    }

    /// The tree is read.
    pub(super) fn read(&self, against: &Against) {
        let _ = self.against.set(against.clone());
    }

    /// The box is at work: git may be, too.
    pub(super) fn ask(&self) {
        let Some(commit) = self.commit.get().cloned() else { return };
        let settled = [Some(&Against::Differs), Some(&Against::Unclear(None))];
        let is_settled = settled.contains(&self.against.get());
        if is_settled || !matches!(*self.committed.borrow(), Committed::Unknown) {
            return;
        }
        let (source, cache) = (self.source.clone(), self.cache.to_owned());
        let (tell, answer) = sync_channel(1);
        let ask = move || {
            let _ = tell.send(sync::asked(&source, &cache, &commit, &AtomicBool::new(false)));
        };
        // It ends with this process, whatever git does.
        if thread::Builder::new().name("commit".to_owned()).spawn(ask).is_ok() {
            self.committed.replace(Committed::Asked(answer));
        }
    }

    /// Notes what is known by now.
    pub(super) fn note(&self) {
        let (Some(_), Some(against)) = (self.commit.get(), self.against.get()) else { return };
        let dirty = match &*self.committed.borrow() {
            Committed::Unknown => against.is_dirty(None),
            Committed::Known(index) => against.is_dirty(Some(index)),
            Committed::Asked(answer) => against.is_dirty(answer.try_recv().ok().flatten().as_ref()),
        };
        self.recording.note(|run| run.dirty = dirty);
    }
}
