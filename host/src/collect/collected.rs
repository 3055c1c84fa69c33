//! What came of it.

use super::Download;
use crabbox_wire::collect::MAX_NAMED;
use crabbox_wire::tree::Hash;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What something was asked for as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A report of tests.
    Report,
    /// An artifact.
    Artifact,
    /// A path that was named.
    Download,
}

/// A file that is here now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Brought {
    /// Below the workspace; of a download, as it was typed.
    pub path: PathBuf,
    /// The file that it is in, here.
    pub local: PathBuf,
    /// Where it begins there: 0 but for reports, which are all in one.
    pub at: u64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Of its content.
    pub digest: Hash,
}

/// Something that was asked for and isn't here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// As what.
    pub kind: Kind,
    /// As [`Brought::path`]; empty for all of it.
    pub path: PathBuf,
    /// Why, for people.
    pub why: String,
}

/// How many files a pattern matched on the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// As what.
    pub kind: Kind,
    /// The pattern.
    pub glob: String,
    /// Files.
    pub files: u64,
    /// How many more there are that are older than the run.
    pub older: u64,
}

/// Something that can still be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undone {
    /// Artifacts like this.
    Artifacts(String),
    /// A path of the box.
    Download(Download),
}

/// Everything that came, and what didn't.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Reports, by their paths.
    pub reports: Vec<Brought>,
    /// Artifacts, by their paths.
    pub artifacts: Vec<Brought>,
    /// Files of downloads, by their paths.
    pub downloads: Vec<Brought>,
    /// The first of each kind of those that were left out.
    pub left_out: Vec<LeftOut>,
    /// How many there are, by kind.
    pub left_out_counts: BTreeMap<Kind, u64>,
    /// What is to be known of entries that are here nevertheless.
    pub remarks: Vec<LeftOut>,
    /// What each pattern found.
    pub matched: Vec<Matched>,
    /// The required patterns of which nothing is here.
    pub missing: Vec<String>,
    /// What wasn't asked for, or not to its end.
    pub undone: Vec<Undone>,
    /// Where the tree is on the box, absolute.
    pub root: String,
    /// The same without links, where that is another path.
    pub without_links: String,
    /// Why not all of it could be asked for, or taken.
    pub broke_off: Option<String>,
}

impl Collected {
    /// Where files of this kind are told of.
    pub(crate) fn files(&mut self, kind: Kind) -> &mut Vec<Brought> {
        match kind {
            Kind::Report => &mut self.reports,
            Kind::Artifact => &mut self.artifacts,
            Kind::Download => &mut self.downloads,
        }
    }

    /// Adds what else came.
    pub(crate) fn absorb(&mut self, other: Self) {
        self.reports.extend(other.reports);
        self.artifacts.extend(other.artifacts);
        self.downloads.extend(other.downloads);
        self.left_out.extend(other.left_out);
        other.left_out_counts.into_iter().for_each(|(kind, more)| self.count_left_out(kind, more));
        self.remarks.extend(other.remarks);
        self.matched.extend(other.matched);
    }

    /// How many of a kind aren't here.
    #[must_use]
    pub fn left_out_of(&self, kind: Kind) -> u64 {
        self.left_out_counts.get(&kind).copied().unwrap_or_default()
    }

    /// How many aren't here altogether.
    #[must_use]
    pub fn left_out_count(&self) -> u64 {
        self.left_out_counts.values().fold(0, |all, count| all.saturating_add(*count))
    }

    pub(crate) fn count_left_out(&mut self, kind: Kind, more: u64) {
        // The box says how many.
        let count = self.left_out_counts.entry(kind).or_default();
        *count = count.saturating_add(more);
    }

    /// One more that isn't here.
    pub(crate) fn leave_out(&mut self, left_out: LeftOut) {
        self.count_left_out(left_out.kind, 1);
        let of_its_kind = self.left_out.iter().filter(|one| one.kind == left_out.kind);
        if (of_its_kind.count() as u64) < MAX_NAMED {
            self.left_out.push(left_out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_that_counts_too_far_is_believed_as_far_as_one_can_count() {
        let mut all = Collected::default();
        for kind in [Kind::Report, Kind::Report, Kind::Artifact] {
            all.count_left_out(kind, u64::MAX - 1);
        }
        all.leave_out(LeftOut { kind: Kind::Report, path: PathBuf::new(), why: String::new() });
        assert_eq!((all.left_out_of(Kind::Report), all.left_out_count()), (u64::MAX, u64::MAX));
    }
}
