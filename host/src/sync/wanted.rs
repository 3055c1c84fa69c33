//! The tree that a box must hold: known once the checkout has been read, which goes on while
//! the box is reached.

use super::{Base, Scan, SyncError};
use crabbox_wire::message::{self, Request};
use crabbox_wire::tree::{Hash, Tree};
use std::cell::OnceCell;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::Scope;
use std::time::Duration;

/// A scan on a thread of its own.
pub struct Scanning<'a> {
    result: Receiver<Result<Scan, SyncError>>,
    taken: Box<dyn Fn(&Scan) + 'a>,
    tree: OnceCell<Tree>,
}

impl<'a> Scanning<'a> {
    /// Starts it. `taken` is told what was found when that is first asked for.
    pub fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        scan: impl FnOnce() -> Result<Scan, SyncError> + Send + 'scope,
        taken: impl Fn(&Scan) + 'a,
    ) -> Self {
        let (done, result) = sync_channel(1);
        scope.spawn(move || {
            // Nobody may want it any more.
            let _ = done.send(scan());
        });
        Self { result, taken: Box::new(taken), tree: OnceCell::new() }
    }

    /// Waits for the tree. An error is told once; after it, everything was stopped.
    pub fn tree(&self) -> Result<&Tree, SyncError> {
        if self.tree.get().is_none() {
            self.take(self.result.recv().unwrap_or(Err(SyncError::Stopped)))?;
        }
        self.tree.get().ok_or(SyncError::Stopped)
    }

    /// The tree, if it is there in time.
    pub fn tree_within(&self, time: Duration) -> Result<Option<&Tree>, SyncError> {
        if self.tree.get().is_none() {
            match self.result.recv_timeout(time) {
                Ok(result) => self.take(result)?,
                Err(RecvTimeoutError::Timeout) => return Ok(None),
                Err(RecvTimeoutError::Disconnected) => return Err(SyncError::Stopped),
            }
        }
        Ok(self.tree.get())
    }

    fn take(&self, result: Result<Scan, SyncError>) -> Result<(), SyncError> {
        let scan = result?;
        (self.taken)(&scan);
        self.tree.get_or_init(|| scan.tree);
        Ok(())
    }
}

/// What a box must hold, beside what it is believed to hold.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The checkout's tree.
    pub tree: &'a Tree,
    /// Its name.
    pub root: Hash,
    /// What the box was last given.
    pub base: Base,
}

impl<'a> Wanted<'a> {
    /// Compares with what is remembered of the request's workspace; `cache` is the folder for that.
    #[must_use]
    pub fn of(tree: &'a Tree, cache: &Path, request: &Request) -> Self {
        let root = tree.root();
        let workspace = String::from_utf8_lossy(&request.workspace.0);
        Self { tree, root, base: Base::open_for(cache, &request.lease, &workspace, root) }
    }

    /// As it is said to the helper.
    #[must_use]
    pub fn request(&self) -> message::Sync {
        message::Sync { base: self.base.root, wanted: self.root }
    }

    /// Is nothing to be sent, as believed?
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.base.root == Some(self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Against;
    use super::*;
    use std::thread;

    fn scan() -> Scan {
        Scan { tree: Tree::default(), warnings: Vec::new(), against: Against::Unclear(None) }
    }

    #[test]
    fn a_scan_that_is_late_comes_later() {
        let (go, wait) = sync_channel::<()>(0);
        thread::scope(|scope| {
            let scanning = Scanning::start(
                scope,
                move || {
                    wait.recv().expect("goes on");
                    Ok(scan())
                },
                |_| {},
            );
            assert_eq!(scanning.tree_within(Duration::ZERO).expect("no error yet"), None);
            go.send(()).expect("waits");
            assert_eq!(scanning.tree().expect("a tree"), &Tree::default());
            assert_eq!(
                scanning.tree_within(Duration::ZERO).expect("known"),
                Some(&Tree::default())
            );
        });
    }

    #[test]
    fn why_there_is_no_tree_is_told_once() {
        thread::scope(|scope| {
            let scanning = Scanning::start(scope, || Err(SyncError::Bare("/bare".into())), |_| {});
            assert!(matches!(scanning.tree(), Err(SyncError::Bare(_))));
            assert!(matches!(scanning.tree(), Err(SyncError::Stopped)));
            assert!(matches!(scanning.tree_within(Duration::ZERO), Err(SyncError::Stopped)));
        });
    }
}
