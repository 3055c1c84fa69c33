//! Brings back what a run has made, once it has ended: in its session, or in one that does nothing else.
//!
//! What has changed since the run began is told by the box's own clock: the `spec` of the run was written just before
//! the command was started, on the disk where the workspace lies, too. A file that the sync wrote a moment before may
//! bear the same time; the journal says of such a one what it was given.

use crate::connection::Connection;
use crate::copy::{ToTheHost, place};
use crate::failure::Failure;
use crate::journal::{Journal, Rows};
use crate::layout::Layout;
use crate::{runs, scan};
use crabbox_copy::Gone;
use crabbox_copy::glob::Globs;
use crabbox_copy::matching::{Matching, send_matching};
use crabbox_copy::send::{Line, SendError, send_nothing, send_within};
use crabbox_wire::collect::{Collect, Collected, Later, Limits, Part};
use crabbox_wire::frame::ToHost;
use crabbox_wire::message::FailureCode;
use crabbox_wire::text::Text;
use rustix::fs::Stat;
use std::cell::OnceCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Our own folder in a checkout, as the host makes it.
const OURS: &[u8] = b".crabbox";

/// Brings back what a session of its own asks for.
pub(crate) fn later(
    later: &Later,
    layout: &Layout,
    connection: &Connection,
) -> Result<(), Failure> {
    if !layout.is_synced() {
        let message = "the workspace of the run isn't there any more";
        return Err(Failure::new(FailureCode::Missing, message));
    }
    let Some(began) = runs::began(&later.run, layout) else {
        let message = format!("the box doesn't know `{}` any more", later.run);
        return Err(Failure::new(FailureCode::Missing, message));
    };
    serve(&later.collect, began, layout, connection)
}

/// Brings it back, part by part; the run `began` at that time.
pub(crate) fn serve(
    collect: &Collect,
    began: i128,
    layout: &Layout,
    connection: &Connection,
) -> Result<(), Failure> {
    let freshness = Freshness { began, layout, given: OnceCell::new() };
    let mut line = ToTheHost::new(connection, collect.packed);
    for part in &collect.parts {
        let collected = match part {
            Part::Matching { globs, exclude, fresh, limits, entries } => {
                let both = (parse(globs)?, parse(exclude)?);
                matching(
                    (&both.0, &both.1),
                    fresh.then_some(&freshness),
                    (*limits, entries.unwrap_or(u64::MAX)),
                    layout,
                    &mut line,
                )
                .map_err(|Gone| Failure::HostGone)?
            }
            Part::Path { path, limits } => below(path, *limits, layout, &mut line)?,
        };
        connection.outbox.send(&ToHost::Collected(collected))?;
    }
    Ok(())
}

fn parse(globs: &[Text]) -> Result<Globs, Failure> {
    Globs::new(globs.iter().map(|glob| &glob.0)).map_err(|(at, error)| {
        Failure::new(FailureCode::Request, format!("`{}` is no pattern: {error}", globs[at]))
    })
}

fn matching(
    (globs, exclude): (&Globs, &Globs),
    fresh: Option<&Freshness<'_>>,
    (limits, entries): (Limits, u64),
    layout: &Layout,
    line: &mut dyn Line,
) -> Result<Collected, Gone> {
    let is_wanted = |path: &[u8], found: &Stat| fresh.is_none_or(|fresh| fresh.has(path, found));
    let what = Matching {
        root: &layout.workspace,
        globs,
        exclude,
        hidden: OURS,
        limits,
        entries,
        once: fresh.is_some(),
        is_wanted: &is_wanted,
    };
    send_matching(&what, line)
}

fn below(
    path: &Text,
    limits: Limits,
    layout: &Layout,
    line: &mut dyn Line,
) -> Result<Collected, Failure> {
    let from = place(path, layout)?;
    match send_within(&from, limits, line) {
        Ok(collected) => Ok(collected),
        Err(SendError::Gone(_)) => Err(Failure::HostGone),
        // Nothing was sent of it, and the other parts still are.
        Err(error) => send_nothing(&error.to_string(), line).map_err(|Gone| Failure::HostGone),
    }
}

/// What has changed since a run began.
struct Freshness<'a> {
    began: i128,
    layout: &'a Layout,
    /// What the workspace was given, if that was asked for.
    given: OnceCell<Rows>,
}

impl Freshness<'_> {
    fn has(&self, path: &[u8], found: &Stat) -> bool {
        let modified = scan::stamp_of(found).modified;
        if modified < self.began {
            return false;
        }
        !scan::is_doubtful(modified, self.began) || !self.is_given(path)
    }

    /// Is what lies there what the sync has brought?
    fn is_given(&self, path: &[u8]) -> bool {
        let rows = self.given.get_or_init(|| Journal::rows(&self.layout.tree.join("journal")));
        let Some(row) = rows.get(path) else { return false };
        let path = self.layout.workspace.join(OsStr::from_bytes(path));
        scan::is_still(&path, row)
    }
}
