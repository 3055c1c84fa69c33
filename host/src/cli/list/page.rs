//! The leases in a table, with what is wrong with some of them below it.

use super::refresh::Answers;
use crate::claims::Listed;
use crate::cli::{age, in_short};
use crate::output::{Printer, Table, human, to_type};
use jiff::Timestamp;
use std::borrow::Cow;
use std::time::Duration;

/// Stands where there is nothing to say.
const NOTHING: &str = "-";

/// What `crabbox list` shows to people.
pub(super) struct Page<'a> {
    pub(super) table: Table,
    answers: Option<&'a Answers>,
    now: Timestamp,
    rows: usize,
    failed: usize,
    /// The first one that failed, and the line that closes it.
    first_failed: Option<(String, String)>,
    /// Slugs of others, and what is wrong with them.
    troubled: Vec<(String, String)>,
}

impl<'a> Page<'a> {
    pub(super) fn new(answers: Option<&'a Answers>) -> Self {
        let mut headings = vec!["SLUG", "STATE"];
        headings.extend(answers.map(|_| "PROVIDER SAYS"));
        headings.extend(["PROVIDER", "AGE", "LEFT", "KEEP", "REPOSITORY", "LAST RUN", "ID"]);
        let at = headings.len() - 1;
        let mut table = Table::new(&headings).paths(at - 2).optional(at).optional(at - 1);
        if answers.is_some() {
            table = table.texts(2);
        }
        let (now, troubled) = (Timestamp::now(), Vec::new());
        Self { table, answers, now, rows: 0, failed: 0, first_failed: None, troubled }
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
        let first = [lease.slug.as_ref(), lease.state.as_ref()];
        let rest = [
            lease.provider.as_ref(),
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

    /// What is wrong with it, for later.
    fn note(&mut self, lease: &Listed<'_>) {
        let slug = lease.slug.as_ref();
        if lease.has_failed() {
            self.failed += 1;
            self.first_failed.get_or_insert_with(|| {
                let trouble = lease.trouble.as_deref().unwrap_or("leasing it failed");
                let line = ["stop", slug, "--delete"];
                let line = to_type(if lease.is_made { &line } else { &line[..2] });
                (format!("{slug} failed: {trouble}"), line)
            });
        } else if let Some(trouble) = lease.trouble.as_deref().filter(|_| !lease.is_final()) {
            self.troubled.push((slug.to_owned(), trouble.to_owned()));
        }
    }

    /// What is wrong with leases, and what to do about it.
    pub(super) fn explain(&self, printer: Printer) {
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
        for (slug, trouble) in &self.troubled {
            let line = format!("{slug} may be out of reach: {trouble}");
            printer.advice(&line, &to_type(&["stop", slug]));
        }
    }
}
