//! From what is kept of a run to its page.

use super::chart::Earlier;
use super::lines;
use super::page::{Page, Verdict};
use super::timeline::Phase;
use crate::history::{self, RunRecord};
use crate::output::human;
use crate::results::{Results, compare};
use crate::run::{Origin, Outcome};
use std::io;
use std::time::Duration;

/// What there is of a run, and of those before it.
#[derive(Debug)]
pub struct Kept<'a> {
    /// What is recorded.
    pub record: &'a RunRecord,
    /// What it printed.
    pub log: &'a history::Log,
    /// Its tests.
    pub results: Option<Results>,
    /// Those of the last run of the same command before it.
    pub before: Option<Results>,
    /// The runs of the same command up to this one, the latest first.
    pub runs: &'a [RunRecord],
}

impl Page {
    /// The page of a run.
    pub fn of(kept: Kept<'_>) -> io::Result<Self> {
        let Kept { record, log, results, before, runs } = kept;
        let compared = results.as_ref().zip(before.as_ref());
        let compared = compared.map(|(now, before)| compare(before, now));
        let phases = record.phases.iter().map(|phase| Phase {
            name: phase.name.clone(),
            start_ms: phase.start_ms,
            ms: phase.ms,
        });
        let mut phases: Vec<_> = phases.collect();
        phases.sort_by_key(|phase| phase.start_ms);
        let artifacts = record.artifacts.iter();
        Ok(Self {
            run: record.id.to_string(),
            command: record.command.to_string(),
            verdict: verdict(record),
            facts: facts(record),
            phases,
            results,
            compared,
            earlier: runs.iter().rev().filter_map(earlier).collect(),
            artifacts: artifacts.map(|one| (one.path.clone(), human::bytes(one.bytes))).collect(),
            log: lines::last(log)?,
        })
    }
}

fn verdict(record: &RunRecord) -> Verdict {
    let Outcome { exit, origin, signal } = record.outcome;
    let words = match (signal, origin) {
        (Some(signal), _) => format!("exit {exit} (signal {signal})"),
        (None, Origin::Program) => format!("exit {exit}"),
        (None, origin) => format!("exit {exit} ({})", origin.as_str()),
    };
    Verdict { words, why: record.error.clone(), well: exit == 0 }
}

fn earlier(run: &RunRecord) -> Option<Earlier> {
    let totals = run.tests?;
    Some(Earlier { run: run.id.to_string(), when: day(run), totals })
}

fn day(run: &RunRecord) -> String {
    run.began.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn facts(record: &RunRecord) -> Vec<(&'static str, String)> {
    let took = |ms| human::duration(Duration::from_millis(ms));
    let mut facts = vec![("When", day(record)), ("Took", took(record.total_ms))];
    facts.extend(record.wall_ms.map(|ms| ("Of that, the command", took(ms))));
    facts.push(("Repository", record.repository.clone()));
    if !record.directory.is_empty() {
        facts.push(("Folder", record.directory.clone()));
    }
    facts.extend(commit(record).map(|commit| ("Commit", commit)));
    facts.extend(record.tree.clone().map(|tree| ("Tree", tree)));
    let lease = record.lease.as_ref();
    facts.extend(lease.map(|lease| ("Lease", format!("{} ({})", lease.slug, lease.id))));
    facts.push(("Provider", record.provider.clone()));
    facts.extend(the_box(record).map(|facts| ("Box", facts)));
    if !record.environment.is_empty() {
        facts.push(("Variables", record.environment.join(", ")));
    }
    facts
}

fn commit(record: &RunRecord) -> Option<String> {
    let commit = record.commit.as_ref()?;
    let short = commit.get(..12).unwrap_or(commit);
    let on = record.branch.as_ref().map_or_else(String::new, |branch| format!(" on {branch}"));
    let dirty = if record.dirty == Some(true) { ", with changes" } else { "" };
    Some(format!("{short}{on}{dirty}"))
}

/// `x86_64, 8 processors, 15.6 GiB, Debian GNU/Linux 12`.
fn the_box(record: &RunRecord) -> Option<String> {
    let facts = record.facts.as_ref()?;
    let mut words = vec![facts.arch.clone()];
    if facts.cpus > 0 {
        words.push(human::count(facts.cpus.into(), "processor"));
    }
    if facts.memory > 0 {
        words.push(human::bytes(facts.memory));
    }
    words.extend([facts.system.clone(), facts.kernel.clone()]);
    words.retain(|word| !word.is_empty());
    Some(words.join(", ")).filter(|words| !words.is_empty())
}
