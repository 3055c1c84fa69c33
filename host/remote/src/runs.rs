//! The folders of runs, `<work root>/.crabbox/runs/<run id>/`: what was asked for, which process
//! it became, what it wrote and how it ended. They outlive the session, for later questions.
//!
//! All workspaces of a work root share the folder of these, so each run says which is its own.

use crate::failure::Failure;
use crate::layout::{Layout, make_private};
use crate::lock;
use crate::processes::{self, Process};
use crate::scan;
use crabbox_wire::message::{Ended, FailureCode, Fate, Run};
use crabbox_wire::text::Text;
use rustix::process::Pid;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Folders of runs that are kept.
const KEPT: usize = 20;

/// The folder of one run.
#[derive(Debug)]
pub(crate) struct RunFolder {
    path: PathBuf,
}

/// The process that a run became, as it was noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    pub(crate) pid: Pid,
    pub(crate) start_time: u64,
    pub(crate) boot_id: String,
}

impl RunFolder {
    /// Makes the folder. One that is there already is of the same id: a second
    /// request never starts a second command.
    pub(crate) fn make(run: &Run, layout: &Layout) -> Result<Self, Failure> {
        make_private(&layout.runs)?;
        forget_old(&layout.runs);
        let folder = Self { path: layout.runs.join(&run.id) };
        fs::create_dir(&folder.path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Failure::new(FailureCode::Request, format!("`{}` was started before", run.id))
            }
            _ => Failure::system("making the folder", &folder.path, &error),
        })?;
        let spec = json!({ "workspace": workspace(layout), "run": run });
        let written = fs::write(folder.path.join("spec"), spec.to_string());
        if let Err(error) = written {
            let failure = Failure::system("writing to", &folder.path, &error);
            folder.discard();
            return Err(failure);
        }
        Ok(folder)
    }

    /// When it was made, by the clock that stamps the files of the workspace, too.
    pub(crate) fn began(&self) -> Option<i128> {
        let found = rustix::fs::stat(self.path.join("spec")).ok()?;
        Some(scan::stamp_of(&found).modified)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Notes which process it became.
    pub(crate) fn note_process(&self, pid: Pid) {
        let note = json!({
            "pid": pid.as_raw_pid(),
            "start_time": Process::of(pid).map(|process| process.start_time),
            "boot_id": processes::boot_id(),
        });
        // A run goes on without it: its processes can be told by their environment, too.
        let _ = self.put("pid", note.to_string().as_bytes(), false);
    }

    /// Records how it ended.
    pub(crate) fn record_end(&self, ended: &Ended) -> io::Result<()> {
        self.put("exit", &serde_json::to_vec(ended)?, true)
    }

    /// Records that nobody has seen how it ended.
    pub(crate) fn record_loss(&self) -> io::Result<()> {
        self.put("exit", json!({ "outcome": "lost" }).to_string().as_bytes(), true)
    }

    /// Absent or whole, never half; `durable`: also after the power fails.
    fn put(&self, name: &str, content: &[u8], durable: bool) -> io::Result<()> {
        let temporary = self.path.join(format!("{name}.new"));
        let mut file = File::create(&temporary)?;
        file.write_all(content)?;
        if durable {
            file.sync_all()?;
        }
        fs::rename(temporary, self.path.join(name))
    }

    /// Removes it again: nothing was started.
    pub(crate) fn discard(self) {
        let _ = fs::remove_dir_all(self.path);
    }

    /// The run's id.
    pub(crate) fn id(&self) -> String {
        self.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Which process it became, if that was noted.
    pub(crate) fn process(&self) -> Option<Noted> {
        let note = read(&self.path.join("pid"))?;
        Some(Noted {
            pid: Pid::from_raw(i32::try_from(note["pid"].as_i64()?).ok()?)?,
            start_time: note["start_time"].as_u64()?,
            boot_id: note["boot_id"].as_str()?.to_owned(),
        })
    }
}

/// The runs of this workspace that have no end.
pub(crate) fn unended(layout: &Layout) -> Vec<RunFolder> {
    let ours = json!(workspace(layout));
    let folders = fs::read_dir(&layout.runs).into_iter().flatten().flatten();
    folders
        .map(|entry| entry.path())
        .filter(|path| !path.join("exit").exists())
        .filter(|path| read(&path.join("spec")).is_some_and(|spec| spec["workspace"] == ours))
        .map(|path| RunFolder { path })
        .collect()
}

/// When this run of this workspace began, if that is known.
pub(crate) fn began(run: &str, layout: &Layout) -> Option<i128> {
    let folder = RunFolder { path: layout.runs.join(run) };
    let spec = read(&folder.path.join("spec"))?;
    if spec["workspace"] == json!(workspace(layout)) { folder.began() } else { None }
}

/// What has become of a run of this workspace. Without a folder it may be about to begin, or is
/// forgotten: a session says which, by its lock.
pub(crate) fn fate(run: &str, layout: &Layout, lock: &Path) -> Fate {
    let has_ended = layout.runs.join(run).join("exit").exists();
    if !has_ended && lock::is_held(lock) { Fate::GoesOn } else { Fate::Over }
}

fn workspace(layout: &Layout) -> Text {
    Text(layout.workspace.as_os_str().as_bytes().to_vec())
}

fn read(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Removes the oldest folders beyond those that are kept. One that runs has no end yet; one
/// without a whole specification never ran.
fn forget_old(runs: &Path) {
    let mut ended: Vec<_> = fs::read_dir(runs)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            let end = match fs::metadata(path.join("exit")) {
                Ok(end) => end,
                Err(_) if read(&path.join("spec")).is_none() => entry.metadata().ok()?,
                Err(_) => return None,
            };
            Some((end.modified().ok()?, path))
        })
        .collect();
    ended.sort();
    let excess = ended.len().saturating_sub(KEPT - 1);
    for (_, folder) in ended.into_iter().take(excess) {
        let _ = fs::remove_dir_all(folder);
    }
}
