//! The tests of a run that has just ended: read from the reports that came, compared with those of the run before, and kept
//! for later.

use crate::cli::order::Order;
use crate::cli::results::compared;
use crate::collect::{Brought, Collected, Kind};
use crate::history::{Artifact, Reader, Recording, RunId};
use crate::output::Printer;
use crate::places::private_folder;
use crate::results::{Compared, Gather, Results, kept};
use crabbox_copy::glob::Globs;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// So many that failed are in the document of a run.
const NAMED: usize = 100;

/// What they came to.
pub(super) struct Tested {
    results: Results,
    /// What is new since which run.
    since: Option<(RunId, Compared)>,
}

impl Tested {
    /// Reads what came. `asked`: what somebody said are reports; `well`: the command ended so. `None`: there are none.
    pub(super) fn read(collected: &Collected, asked: &[String], well: bool) -> Option<Self> {
        let asked = Globs::new(asked).unwrap_or_default();
        let is_asked =
            |path: &Path| !asked.matched_path(path.as_os_str().as_encoded_bytes()).is_empty();
        let mut gather = Gather::of(&collected.root, well).also_at(&collected.without_links);
        // All of them are in one file.
        let spool = collected.reports.first().map(|report| File::open(&report.local));
        let spool = spool.and_then(Result::ok);
        for report in &collected.reports {
            let name = report.path.to_string_lossy().into_owned();
            gather.add(name, part(spool.as_ref(), report), is_asked(&report.path));
        }
        let mut more = collected.left_out_of(Kind::Report);
        for left_out in collected.left_out.iter().filter(|one| one.kind == Kind::Report) {
            let path = left_out.path.to_string_lossy().into_owned();
            gather.miss(path, left_out.why.clone(), true);
            more = more.saturating_sub(1);
        }
        gather.miss_more(more);
        let results = gather.results();
        (!results.is_empty()).then_some(Self { results, since: None })
    }

    /// Compares them with those of the run before, and keeps them. What can't be kept is said, and that is all.
    pub(super) fn keep(&mut self, recording: &Recording, state: &Path, printer: Printer) {
        let totals = self.results.totals();
        let mut folder = None;
        recording.note(|run| {
            run.tests = Some(totals);
            folder = Some(recording.folder(&run.id));
            let reader = Reader::open(state).ok();
            self.since = reader.and_then(|reader| compared(&reader, run, &self.results));
        });
        let Some(folder) = folder else { return };
        let made = private_folder(&folder).map_err(|error| error.to_string());
        let kept = made
            .and_then(|()| kept::write(&folder, &self.results).map_err(|error| error.to_string()));
        if let Err(why) = kept {
            printer.warning(&format!("the results of the tests aren't kept: {why}"));
        }
    }

    /// The tests, one by one.
    pub(super) fn results(&self) -> &Results {
        &self.results
    }

    /// What is new since the run before.
    pub(super) fn compared(&self) -> Option<&Compared> {
        self.since.as_ref().map(|(_, compared)| compared)
    }

    /// For machines.
    pub(super) fn to_json(&self) -> Value {
        let causes = self.results.causes_with_new_first(self.compared());
        let failed = causes.iter().take(NAMED).map(|case| {
            let problem = case.shown();
            json!({
                "test": case.id(),
                "status": case.status,
                "message": problem.map(|_| case.telling()),
                "place": problem.and_then(|problem| problem.place.as_ref()),
            })
        });
        let since = self.since.as_ref().map(|(run, compared)| {
            let Compared { newly_failing, newly_passing } = compared;
            json!({ "run": run, "newly_failing": newly_failing, "newly_passing": newly_passing })
        });
        json!({
            "totals": self.results.totals(),
            "counted": self.results.counted.all(),
            "reports": self.results.files,
            "failed": failed.collect::<Vec<_>>(),
            "since": since,
        })
    }
}

/// Where this report is.
fn part(spool: Option<&File>, report: &Brought) -> io::Result<impl Read> {
    let mut spool = spool.ok_or(io::ErrorKind::NotFound)?;
    spool.seek(SeekFrom::Start(report.at))?;
    Ok(spool.take(report.bytes))
}

/// Removes the reports: nobody reads them twice. Where this isn't come to, they go with all else that is kept of the run.
pub(super) fn remove_reports(order: &Order) {
    let wanted = order.program.as_ref().and_then(|program| program.collect.as_ref());
    if let Some(reports) = wanted.and_then(|wanted| wanted.reports.as_ref()) {
        let _ = fs::remove_file(&reports.into);
    }
}

/// What came here is remembered, too.
pub(super) fn note_artifacts(recording: &Recording, collected: &Collected) {
    recording.note(|run| {
        let artifacts = collected.artifacts.iter().map(|file| Artifact {
            path: file.path.to_string_lossy().into_owned(),
            bytes: file.bytes,
            digest: file.digest.to_string(),
        });
        run.artifacts = artifacts.collect();
    });
}
