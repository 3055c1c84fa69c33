//! The audit log: what was done to which resource, by whom and through which command, a line before and
//! a line after. It is for people who look back; nothing here reads it, and what may exist is in the
//! claims.

use super::names::random_bits;
use crate::claims::{Claim, Made, Stored};
use crate::output::{CommandError, Printer, Typed, to_type};
use crate::redact;
use crabbox_provider_api::payload::ReleaseAction;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The log, in the state folder.
const FILE: &str = "audit.jsonl";

/// What was there before, of which one is kept.
const OLD: &str = "audit.old.jsonl";

/// Once the log is so long, in bytes, another one is begun.
const LONG: u64 = 4 * 1024 * 1024;

/// How much of a text that comes from elsewhere is kept, in characters.
const TEXT: usize = 500;

/// What is done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// It is made, or taken over from an earlier call.
    Lease,
    /// It is started, if it isn't up.
    Start,
    /// Its provider's own deadline is pushed.
    Extend,
    /// It is stopped.
    Park,
    /// It is deleted.
    Delete,
    /// It gets a claim.
    Adopt,
    /// Its claim is dropped.
    Forget,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Start => "start",
            Self::Extend => "extend",
            Self::Park => "park",
            Self::Delete => "delete",
            Self::Adopt => "adopt",
            Self::Forget => "forget",
        }
    }

    /// Is there more to account for afterwards? That isn't begun where it can't be noted: nothing is
    /// lost by waiting. What is there is started, extended and let go of in any case: its claim
    /// names it, and a full disk must not keep a box running.
    fn must_be_noted(self) -> bool {
        matches!(self, Self::Lease | Self::Adopt)
    }
}

impl From<ReleaseAction> for Action {
    fn from(action: ReleaseAction) -> Self {
        match action {
            ReleaseAction::Park => Self::Park,
            ReleaseAction::Delete => Self::Delete,
        }
    }
}

/// Where lines go.
#[derive(Debug)]
pub(super) struct Audit {
    folder: PathBuf,
    printer: Printer,
}

/// Something that was begun. Its end is a line, too: without one, this process was killed in between.
#[must_use]
pub(super) struct Begun {
    action: Action,
    /// Shared by the two lines.
    id: u64,
}

/// What a line is about.
struct About {
    lease: String,
    slug: String,
    provider: String,
    made: Option<Made>,
}

impl Audit {
    pub(super) fn new(folder: &Path, printer: Printer) -> Self {
        Self { folder: folder.to_owned(), printer }
    }

    /// Notes what is about to be done to the resource of a claim.
    pub(super) fn begin(&mut self, action: Action, claim: &Claim) -> Result<Begun, CommandError> {
        self.begin_of(action, About::claim(claim))
    }

    /// The same of a claim that may not be readable.
    pub(super) fn begin_stored(
        &mut self,
        action: Action,
        stored: &Stored,
    ) -> Result<Begun, CommandError> {
        self.begin_of(action, About::stored(stored))
    }

    /// Notes how it went.
    pub(super) fn end<T, E: ToString>(
        &mut self,
        begun: &Begun,
        claim: &Claim,
        came: &Result<T, E>,
    ) {
        self.end_of(begun, About::claim(claim), came);
    }

    /// The same of a claim that may not be readable.
    pub(super) fn end_stored<T, E: ToString>(
        &mut self,
        begun: &Begun,
        stored: &Stored,
        came: &Result<T, E>,
    ) {
        self.end_of(begun, About::stored(stored), came);
    }

    fn begin_of(&mut self, action: Action, about: About) -> Result<Begun, CommandError> {
        let begun = Begun { action, id: random_bits() };
        let Err(error) = self.append(&begun, about, "begun", None) else {
            return Ok(begun);
        };
        if action.must_be_noted() {
            let path = self.folder.join(FILE);
            let message = format!("the audit log `{}` can't be written", path.display());
            return Err(CommandError::failed(message)
                .because(error)
                .note("nothing new is begun that can't be noted")
                .hint(to_type(&["doctor"])));
        }
        self.warn(&error);
        Ok(begun)
    }

    fn end_of<T, E: ToString>(&mut self, begun: &Begun, about: About, came: &Result<T, E>) {
        let error = came.as_ref().err().map(ToString::to_string);
        let outcome = if error.is_some() { "failed" } else { "done" };
        if let Err(error) = self.append(begun, about, outcome, error.as_deref()) {
            self.warn(&error);
        }
    }

    fn warn(&self, error: &io::Error) {
        let path = self.folder.join(FILE);
        let path = path.display();
        self.printer.warning_once(&format!("the audit log `{path}` can't be written: {error}"));
    }

    fn append(
        &self,
        begun: &Begun,
        about: About,
        outcome: &str,
        error: Option<&str>,
    ) -> io::Result<()> {
        let About { lease, slug, provider, made } = about;
        let resource = made.map(|Made { name, id, scope, .. }| {
            json!({
                "name": cut(&name),
                "id": id.map(|id| cut(&id)),
                "deployment": scope.as_ref().map(|scope| cut(&scope.deployment)),
                "account": scope.as_ref().map(|scope| cut(&scope.account)),
            })
        });
        let line = json!({
            "time": Timestamp::now(),
            "user": rustix::process::geteuid().as_raw(),
            "process": std::process::id(),
            "machine": rustix::system::uname().nodename().to_string_lossy(),
            "command": cut(&Typed::here().in_outline().to_string()),
            "call": format!("{:012x}", begun.id & 0xffff_ffff_ffff),
            "action": begun.action.as_str(),
            "lease": cut(&lease),
            "slug": cut(&slug),
            "provider": cut(&provider),
            "resource": resource,
            "outcome": outcome,
            "error": error.map(cut),
        });
        write(&self.folder, &redact::json(line))
    }
}

impl About {
    fn claim(claim: &Claim) -> Self {
        Self {
            lease: claim.id.to_string(),
            slug: claim.slug.clone(),
            provider: claim.provider.clone(),
            made: claim.made(),
        }
    }

    fn stored(stored: &Stored) -> Self {
        let Stored { id, slug, provider, .. } = stored.clone();
        let made = stored.claim().and_then(|claim| claim.made());
        Self { lease: id, slug, provider, made }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT).collect()
}

/// One line, in one piece: several processes may write at once.
fn write(folder: &Path, line: &Value) -> io::Result<()> {
    let path = folder.join(FILE);
    let mut file = open(&path)?;
    if file.metadata()?.len() >= LONG && begin_anew(&path, &folder.join(OLD), &file) {
        file = open(&path)?;
    }
    file.write_all(format!("{line}\n").as_bytes())
}

fn open(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).mode(0o600).open(path)
}

/// `false`: somebody else is doing it, or it can't be; the log just grows on. Two that did it one
/// after the other would throw away what was there before, so that the second looks first whether it
/// still is the same file.
fn begin_anew(path: &Path, old: &Path, file: &File) -> bool {
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => return false,
    }
    let inode = |found: io::Result<fs::Metadata>| found.map(|found| found.ino()).ok();
    inode(fs::metadata(path)) != inode(file.metadata()) || fs::rename(path, old).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_is_put_aside_once_and_nothing_is_lost() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join(FILE);
        let long = usize::try_from(LONG).expect("fits");
        fs::write(&path, vec![b'x'; long]).expect("a long log");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for number in 0..20 {
                        write(folder.path(), &json!({ "number": number })).expect("writes");
                    }
                });
            }
        });
        let read = |name: &str| fs::read(folder.path().join(name)).expect("reads");
        let (old, new) = (read(OLD), read(FILE));
        assert!(old.starts_with(&vec![b'x'; long]));
        let lines = |text: &[u8]| text.split(|byte| *byte == b'\n').count() - 1;
        assert_eq!(lines(&old) + lines(&new), 160);
        assert!(new.len() < long);
    }
}
