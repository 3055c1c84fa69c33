//! What was asked for, checked.

use super::errand::Errand;
use super::ours::{Unmade, make_ours};
use super::{Brought, Collected, Download, Kind, LeftOut};
use crate::output::{CommandError, Typed};
use crabbox_copy::glob::{GlobError, Globs};
use crabbox_copy::target::Target;
use crabbox_wire::collect::{Collect, Limits, Part};
use crabbox_wire::text::Text;
use std::fs;
use std::path::{Path, PathBuf};

/// A larger file is no report that anybody reads.
const LARGEST_REPORT: u64 = 64 << 20;

/// All reports of a run, in bytes as they lie there. They come without being asked for, so nobody sets how much that may
/// be; those of 100,000 tests are some 30 MB.
const ALL_REPORTS: u64 = 256 << 20;

/// So much of it is left for those that are merely looked for, where others were named: one of the largest.
const LOOKED_FOR: u64 = LARGEST_REPORT;

/// So many files, of those that were named and of the others.
const MOST_REPORTS: u64 = 20_000;

/// So many entries are looked at where nobody has said that there are reports.
const LOOKED_AT: u64 = 20_000;

/// So many files a run may bring here as artifacts.
const MOST_ARTIFACTS: u64 = 100_000;

/// What a run brings here.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Reports of tests.
    pub reports: Option<Reports>,
    /// Files of the workspace.
    pub artifacts: Option<Artifacts>,
    /// Paths of the box.
    pub downloads: Vec<Download>,
    /// What is here gives way to what comes.
    pub overwrite: bool,
    /// How much all artifacts, and each download, may be, in bytes.
    pub max_size: u64,
}

/// Reports of tests: what has changed since the run began.
#[derive(Clone, Debug)]
pub struct Reports {
    /// Which files somebody named.
    pub asked: Vec<String>,
    /// Those of them that the line itself names: there should be something new.
    pub typed: Vec<String>,
    /// What is merely looked for, and is nothing to be told of where it can't be had.
    pub discovered: Vec<String>,
    /// Where it isn't looked for.
    pub elsewhere: Vec<String>,
    /// The file that they come to, the run's own.
    pub into: PathBuf,
}

/// Files of the workspace that somebody wants to have.
#[derive(Clone, Debug)]
pub struct Artifacts {
    /// Which files.
    pub globs: Vec<String>,
    /// Those of them of which something must be there.
    pub required: Vec<String>,
    /// Where to.
    pub into: PathBuf,
    /// That is in `.crabbox/artifacts` of this checkout.
    pub checkout: Option<PathBuf>,
}

impl Wanted {
    /// Is there nothing to be brought here?
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.errands().is_empty()
    }

    /// As the box is asked. `None`: for nothing.
    #[must_use]
    pub fn request(&self, packed: bool) -> Option<Collect> {
        let parts: Vec<_> = self.errands().into_iter().map(|errand| errand.part).collect();
        (!parts.is_empty()).then_some(Collect { parts, packed })
    }

    /// Part by part, in the order of the request.
    pub(crate) fn errands(&self) -> Vec<Errand> {
        let reports = self.reports.iter().flat_map(Reports::errands);
        let limits =
            Limits { files: MOST_ARTIFACTS, bytes: self.max_size, file_bytes: self.max_size };
        let artifacts = self.artifacts.iter().filter(|artifacts| !artifacts.globs.is_empty());
        let artifacts = artifacts.map(|Artifacts { globs, into, .. }| {
            let globs = texts(globs);
            let part =
                Part::Matching { globs, exclude: Vec::new(), fresh: false, limits, entries: None };
            Errand::new(Kind::Artifact, part, folder(into))
        });
        let downloads = self.downloads.iter().map(|download| {
            let part = Part::Path { path: Text(download.from.clone()), limits };
            Errand::new(Kind::Download, part, download.target())
        });
        reports.chain(artifacts).chain(downloads).collect()
    }

    /// Makes the folder above that of an errand, as far as it is crabbox's to make.
    pub(crate) fn make_room(&self, kind: Kind) -> Result<(), Unmade> {
        match (kind, &self.artifacts, &self.reports) {
            (Kind::Artifact, Some(Artifacts { checkout: Some(checkout), .. }), _) => {
                make_ours(checkout, "artifacts").map(drop)
            }
            (Kind::Artifact, Some(Artifacts { into, .. }), _)
            | (Kind::Report, _, Some(Reports { into, .. })) => match into.parent() {
                Some(above) if !above.as_os_str().is_empty() => {
                    fs::create_dir_all(above).map_err(Unmade::at(above))
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Leaves out of what is told what nobody has asked for.
    pub(crate) fn forget_unasked(&self, all: &mut Collected) {
        let asked = self.reports.iter().flat_map(|reports| &reports.asked);
        let asked = Globs::new(asked).unwrap_or_default();
        let typed: Vec<_> = self.reports.iter().flat_map(|reports| &reports.typed).collect();
        all.matched.retain(|one| one.kind != Kind::Report || typed.contains(&&one.glob));
        let before = all.left_out.len();
        let discovered = self.reports.iter().flat_map(|reports| &reports.discovered);
        let discovered = Globs::new(discovered).unwrap_or_default();
        // A folder that can't be searched is no news; a report that can't come is, whoever looked for it.
        let concerns = |one: &LeftOut| {
            let path = one.path.as_os_str().as_encoded_bytes();
            one.kind != Kind::Report
                || asked.leads_to(path)
                || !discovered.matched_path(path).is_empty()
        };
        all.left_out.retain(concerns);
        all.remarks.retain(concerns);
        let forgotten = (before - all.left_out.len()) as u64;
        let count = all.left_out_counts.entry(Kind::Report).or_default();
        *count = count.saturating_sub(forgotten);
        // Where some of the reports came, the others are missed.
        let is_unasked = asked.is_empty() && self.artifacts.is_none() && self.downloads.is_empty();
        if is_unasked && all.reports.is_empty() {
            all.broke_off = None;
        }
    }

    /// Those of the required patterns that none of these files matches.
    pub(crate) fn missing(&self, here: &[Brought]) -> Vec<String> {
        let required = self.artifacts.iter().flat_map(|artifacts| &artifacts.required);
        let is_here = |glob: &&String| {
            Globs::new([glob]).is_ok_and(|globs| {
                here.iter().any(|file| {
                    let path = file.path.as_os_str().as_encoded_bytes();
                    !globs.matched_path(path).is_empty()
                })
            })
        };
        required.filter(|glob| !is_here(glob)).cloned().collect()
    }
}

impl Reports {
    /// What somebody named, wherever it lies; then what else there may be.
    fn errands(&self) -> impl Iterator<Item = Errand> {
        let Self { asked, discovered, elsewhere, into, .. } = self;
        let exclude = [&elsewhere[..], asked].concat();
        // Each part is counted for itself on the box.
        let (named, found) = match (asked.is_empty(), discovered.is_empty()) {
            (false, false) => (ALL_REPORTS - LOOKED_FOR, LOOKED_FOR),
            _ => (ALL_REPORTS, ALL_REPORTS),
        };
        let parts =
            [(asked, Vec::new(), None, named), (discovered, exclude, Some(LOOKED_AT), found)];
        let parts = parts.into_iter().filter(|(globs, ..)| !globs.is_empty());
        parts.map(|(globs, exclude, entries, bytes)| {
            let (globs, exclude) = (texts(globs), texts(&exclude));
            let limits = Limits { files: MOST_REPORTS, bytes, file_bytes: LARGEST_REPORT };
            let part = Part::Matching { globs, exclude, fresh: true, limits, entries };
            Errand::new(Kind::Report, part, folder(into))
        })
    }
}

fn texts(globs: &[String]) -> Vec<Text> {
    globs.iter().map(|glob| Text::from(glob.as_str())).collect()
}

fn folder(path: &Path) -> Target {
    Target { path: path.to_owned(), name: None }
}

/// Is it a pattern of files in the workspace? `what`: what says so.
pub fn check_glob(what: &str, glob: &str) -> Result<(), CommandError> {
    let Err((_, error)) = Globs::new([glob]) else { return Ok(()) };
    let refused = CommandError::usage(format!("`{what} {glob}` is no pattern: {error}"));
    Err(match error {
        GlobError::Absolute | GlobError::Above => refused
            .note("a pattern counts from the root of the checkout on the box")
            .hint(Typed::here().without(what).with(&["--download", glob]).to_string()),
        _ => refused,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_reports_of_a_run_are_bounded_together() {
        let some = || vec!["*.xml".to_owned()];
        for (asked, discovered) in [(some(), some()), (some(), vec![]), (vec![], some())] {
            let (typed, elsewhere, into) = (Vec::new(), Vec::new(), PathBuf::from("reports"));
            let reports = Reports { asked, typed, discovered, elsewhere, into };
            let bytes = reports.errands().map(|errand| match errand.part {
                Part::Matching { limits, .. } | Part::Path { limits, .. } => limits.bytes,
            });
            assert_eq!(bytes.sum::<u64>(), ALL_REPORTS, "{reports:?}");
        }
    }
}
