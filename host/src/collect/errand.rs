//! One part of what is wanted, on its way.

use super::{Brought, Collected, Download, Kind, LeftOut, Matched, Undone};
use crate::output::Progress;
use crabbox_copy::Gone;
use crabbox_copy::partial::Before;
use crabbox_copy::receive::{Answers, Placed, ReceiveError, Receiver, Spool};
use crabbox_copy::target::Target;
use crabbox_wire::collect::{self, Limits, Part};
use crabbox_wire::copy::{Remark, Word};
use crabbox_wire::frame::{FrameError, ToHelper};
use std::ffi::OsStr;
use std::io::Write;
use std::iter;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Why nothing of the workspace is here.
const GONE: &str = "the workspace isn't on the box any more";

/// One part, and where it goes.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    pub(crate) kind: Kind,
    pub(crate) part: Part,
    pub(crate) target: Target,
}

impl Errand {
    pub(super) fn new(kind: Kind, part: Part, target: Target) -> Self {
        Self { kind, part, target }
    }

    pub(crate) fn receiving(&self, overwrite: bool) -> Receiving {
        let before = if overwrite { Before::GivesWay } else { Before::Stays };
        let target = || self.target.clone();
        match (self.kind, &self.part) {
            (Kind::Report, _) => Receiving::Together(Spool::new(target().path)),
            (_, Part::Matching { .. }) => {
                Receiving::Apart(Receiver::collecting_files(target(), before))
            }
            (_, Part::Path { .. }) => Receiving::Apart(Receiver::collecting(target(), before)),
        }
    }

    /// What of it can be asked for later: a report can't.
    pub(crate) fn undone(&self) -> Vec<Undone> {
        match (&self.part, self.kind) {
            (Part::Matching { globs, .. }, Kind::Artifact) => {
                globs.iter().map(|glob| Undone::Artifacts(glob.to_string())).collect()
            }
            (Part::Path { path, .. }, _) => {
                let to = self.target.path.clone();
                vec![Undone::Download(Download { from: path.0.clone(), to })]
            }
            _ => Vec::new(),
        }
    }

    /// What it was asked for as, where that is one path.
    pub(crate) fn source(&self) -> PathBuf {
        self.shown(Path::new(""))
    }

    fn limits(&self) -> Limits {
        match self.part {
            Part::Matching { limits, .. } | Part::Path { limits, .. } => limits,
        }
    }

    /// The path as people know it, of what has this path below what is sent.
    fn shown(&self, below: &Path) -> PathBuf {
        match &self.part {
            Part::Matching { .. } => below.to_owned(),
            Part::Path { path, .. } => joined(Path::new(OsStr::from_bytes(&path.0)), below),
        }
    }
}

/// What takes what comes.
pub(crate) enum Receiving {
    /// Each file to its place.
    Apart(Receiver),
    /// All into one file: nobody opens them but whoever reads the tests in them, once.
    Together(Spool),
}

impl Receiving {
    /// Does what the records of a block say. `true`: that was all.
    pub(crate) fn block<W: Write>(
        &mut self,
        block: &[u8],
        here: &mut Here<'_, W>,
    ) -> Result<bool, ReceiveError> {
        match self {
            Self::Apart(receiver) => receiver.block(block, here),
            Self::Together(spool) => spool.block(block, here),
        }
    }
}

/// Joining nothing would leave a slash at the end.
fn joined(path: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() { path.to_owned() } else { path.join(below) }
}

/// What the receiver of a part says: partly to the box, partly of what came.
pub(crate) struct Here<'a, W> {
    errand: &'a Errand,
    output: W,
    progress: &'a Progress,
    placed: Vec<Placed>,
    remarks: Vec<Remark>,
    /// So many more were left out.
    more: u64,
    bytes: u64,
    over: bool,
}

impl<'a, W: Write> Here<'a, W> {
    pub(crate) fn new(errand: &'a Errand, output: W, progress: &'a Progress) -> Self {
        let (placed, remarks) = (Vec::new(), Vec::new());
        Self { errand, output, progress, placed, remarks, more: 0, bytes: 0, over: false }
    }

    /// Does the box keep to what it was asked for? It may send a block more than it should.
    pub(crate) fn is_bounded(&self) -> bool {
        let Limits { files, bytes, .. } = self.errand.limits();
        self.bytes <= bytes && self.placed.len() as u64 <= files
    }

    /// Was that all?
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Tells of what came, and of what the box says of it at the end, if it came to that.
    pub(crate) fn tell(self, end: Option<collect::Collected>, all: &mut Collected) {
        let Self { errand, mut placed, remarks, more, .. } = self;
        placed.sort_by(|one, other| one.path.cmp(&other.path));
        let files = placed.into_iter().map(|Placed { path, local, at, size, hash }| Brought {
            local,
            at,
            path: errand.shown(&path),
            bytes: size,
            digest: hash,
        });
        all.files(errand.kind).extend(files);
        for Remark { path, what, failed } in remarks {
            let path = errand.shown(Path::new(OsStr::from_bytes(&path.0)));
            let left_out = LeftOut { kind: errand.kind, path, why: what };
            if failed {
                all.leave_out(left_out);
            } else {
                all.remarks.push(left_out);
            }
        }
        all.count_left_out(errand.kind, more);
        let Some(end) = end else { return };
        if end.gone {
            all.broke_off = Some(GONE.to_owned());
            return;
        }
        all.count_left_out(errand.kind, end.unnamed);
        if let Some(root) = end.root {
            all.without_links = root.to_string();
        }
        if let Part::Matching { globs, .. } = &errand.part {
            let older = end.older.into_iter().chain(iter::repeat(0));
            let found = end.matched.into_iter().zip(older);
            let matched = globs.iter().zip(found).map(|(glob, (files, older))| Matched {
                kind: errand.kind,
                glob: glob.to_string(),
                files,
                older,
            });
            all.matched.extend(matched);
        }
    }
}

impl<W: Write> Answers for Here<'_, W> {
    fn say(&mut self, word: Word) -> Result<(), Gone> {
        match word {
            Word::Remark(remark) if (self.remarks.len() as u64) < collect::MAX_NAMED => {
                self.remarks.push(remark);
            }
            Word::Remark(remark) => self.more += u64::from(remark.failed),
            Word::Done(_) => self.over = true,
            word => {
                let written = ToHelper::CopyWord(word).write(&mut self.output);
                let written = written.and_then(|()| Ok::<_, FrameError>(self.output.flush()?));
                written.map_err(|_| Gone)?;
            }
        }
        Ok(())
    }

    fn advance(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.progress.advance(bytes);
    }

    fn placed(&mut self, file: Placed) {
        self.placed.push(file);
    }
}
