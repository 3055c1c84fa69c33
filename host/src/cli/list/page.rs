//! The leases in a table, with what is wrong with some of them below it.

use super::refresh::Answers;
use crate::claims::{Listed, Reader, State};
use crate::cli::standing::{Standing, Standings};
use crate::cli::{age, in_short};
use crate::output::{Printer, Table, human, to_type};
use jiff::Timestamp;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Stands where there is nothing to say.
const NOTHING: &str = "-";

/// What `crabbox list` shows to people.
pub(super) struct Page<'a> {
    pub(super) table: Table,
    store: &'a Reader,
    standings: Standings,
    answers: Option<&'a Answers>,
    owners: BTreeMap<String, String>,
    now: Timestamp,
    rows: usize,
    failed: usize,
    /// The first one that failed, and the line that closes it.
    first_failed: Option<(String, String)>,
    /// How many were left by killed commands.
    unattended: usize,
    /// Slugs of others, and what is wrong with them.
    troubled: Vec<(String, String)>,
}

impl<'a> Page<'a> {
    pub(super) fn new(
        store: &'a Reader,
        standings: Standings,
        answers: Option<&'a Answers>,
        owners: BTreeMap<String, String>,
    ) -> Self {
        let mut headings = vec!["SLUG", "STATE"];
        headings.extend(answers.map(|_| "PROVIDER SAYS"));
        headings.extend(["PROVIDER", "AGE", "LEFT", "KEEP", "REPOSITORY", "LAST RUN", "ID"]);
        let at = headings.len() - 1;
        let mut table = Table::new(&headings).paths(at - 2).optional(at).optional(at - 1);
        if answers.is_some() {
            table = table.texts(2);
        }
        let (now, troubled) = (Timestamp::now(), Vec::new());
        Self {
            table,
            store,
            standings,
            answers,
            owners,
            now,
            rows: 0,
            failed: 0,
            first_failed: None,
            unattended: 0,
            troubled,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(super) fn add(&mut self, lease: &Listed<'_>) {
        self.rows += 1;
        let answer = self.answers.map(|answers| {
            answers.get(lease.id.as_ref()).map_or(NOTHING, |answer| answer.words.as_str())
        });
        let age = lease.created.map(|created| Cow::from(age(created, self.now)));
        let left = lease.left.filter(|_| !lease.is_final()).map(|left| {
            Duration::try_from(left).map_or(Cow::from("over"), |left| in_short(left).into())
        });
        // Where that can't be found out, its claim can't be read, which is told of, or nobody has a lock.
        let is_unattended =
            lease.in_work().is_some_and(|id| self.store.is_unattended(&id).unwrap_or(false));
        self.unattended += usize::from(is_unattended);
        let state = shown_state(&lease.state, lease.trouble.is_some(), is_unattended);
        let provider = self.provider(lease);
        let first = [lease.slug.as_ref(), state.as_ref()];
        let rest = [
            provider.as_ref(),
            age.as_deref().unwrap_or(NOTHING),
            left.as_deref().unwrap_or(NOTHING),
            if lease.keep { "yes" } else { NOTHING },
            lease.repository.as_ref(),
            lease.run.as_deref().unwrap_or(NOTHING),
            lease.id.as_ref(),
        ];
        self.table.row(first.into_iter().chain(answer).chain(rest));
        self.note(lease);
    }

    /// Its provider, with the machine that it is on, whose it is if it is another's, and whether it can be used at all.
    fn provider<'b>(&mut self, lease: &'b Listed<'_>) -> Cow<'b, str> {
        let standing = if lease.is_made && !lease.is_final() {
            self.standings.of(&lease.provider, &lease.slug, &lease.id)
        } else {
            Standing::Ok
        };
        let mut shown = Cow::from(lease.provider.as_ref());
        let host = lease.host.as_deref().map(|host| (" on ", host));
        let owner = self.owners.get(lease.id.as_ref()).map(|owner| (" of ", owner.as_str()));
        let standing = standing.in_words().map(|standing| (", ", standing));
        for (before, what) in [host, owner, standing].into_iter().flatten() {
            shown.to_mut().push_str(before);
            shown.to_mut().push_str(what);
        }
        shown
    }

    /// What is wrong with it, for later.
    fn note(&mut self, lease: &Listed<'_>) {
        let slug = lease.slug.as_ref();
        if lease.has_failed() {
            self.failed += 1;
            self.first_failed.get_or_insert_with(|| {
                let trouble = lease.trouble.as_deref().unwrap_or("leasing it failed");
                let line = ["stop", slug, "--delete", "--yes"];
                let line = to_type(if lease.is_made { &line } else { &line[..2] });
                (format!("{slug} failed: {trouble}"), line)
            });
        } else if let Some(trouble) = lease.trouble.as_deref().filter(|_| !lease.is_final()) {
            self.troubled.push((slug.to_owned(), trouble.to_owned()));
        }
    }

    /// What is wrong with leases, and what to do about it.
    pub(super) fn explain(self, printer: Printer) {
        match (self.failed, &self.first_failed) {
            (1, Some((why, line))) => printer.advice(why, line),
            (0, _) | (_, None) => {}
            (several, _) => {
                let count = human::count(several as u64, "lease");
                let line =
                    format!("{count} failed; this closes them with what is left of their boxes");
                printer.advice(&line, &to_type(&["cleanup"]));
            }
        }
        if self.unattended > 0 {
            let count = human::count(self.unattended as u64, "lease");
            let were = if self.unattended == 1 { "was" } else { "were" };
            let line = format!("{count} {were} left by commands that are gone");
            printer.advice(&line, &to_type(&["cleanup"]));
        }
        for (slug, trouble) in &self.troubled {
            let line = format!("{slug} may be out of reach: {trouble}");
            printer.advice(&line, &to_type(&["inspect", slug]));
        }
        self.standings.explain(printer);
    }
}

/// A state as people are shown it: with what is wrong there.
pub(in crate::cli) fn shown_state(
    state: &str,
    is_troubled: bool,
    is_unattended: bool,
) -> Cow<'_, str> {
    if is_unattended {
        format!("{state}, unattended").into()
    } else if is_troubled && state == State::Ready.as_str() {
        format!("{state}, in doubt").into()
    } else {
        state.into()
    }
}
