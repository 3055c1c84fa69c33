//! `crabbox history`

use super::prune::Prune;
use super::receipt::PrintReceipt;
use super::{repository, tell_of_unreadable};
use crate::cli::{Shared, ago};
use crate::config::parse_duration;
use crate::history::{Filter, Reader, Row, RunRecord, Unfinished};
use crate::output::{CommandError, Table, human, to_type};
use crate::places::real;
use clap::{Args, Subcommand, ValueHint};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Stands where there is nothing to say.
const NOTHING: &str = "-";

/// List earlier runs, from local records
///
/// Those of this checkout, the latest first. What stands under RUN, or a beginning of it that no other has, is
/// understood by every command that takes a run; so are `@last` and `@last-failed`, of this checkout.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(override_usage = "crabbox history [OPTIONS] [COMMAND]")]
#[command(before_help = "Examples:
  crabbox history
  crabbox history --failed --since 7d
  crabbox history --all --json
  crabbox history prune --keep 100")]
pub(in crate::cli) struct History {
    #[command(subcommand)]
    below: Option<Below>,
    /// Those that didn't end with 0
    #[arg(long)]
    failed: bool,
    /// Those of the checkout or folder at this path
    #[arg(long, value_name = "PATH", value_hint = ValueHint::DirPath, conflicts_with = "all")]
    repo: Option<PathBuf>,
    /// Those of all checkouts
    #[arg(long)]
    all: bool,
    /// Those since then: `7d`, `2026-01-31`
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    since: Option<Timestamp>,
    /// Those whose command holds this text
    #[arg(long, value_name = "TEXT")]
    command: Option<String>,
    /// So many at most
    #[arg(long, value_name = "N", default_value = "20")]
    limit: u32,
}

#[derive(Debug, Subcommand)]
enum Below {
    Prune(Prune),
    #[command(name = "receipt")]
    Receipt(PrintReceipt),
}

impl History {
    pub(in crate::cli) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        match self.below {
            Some(Below::Prune(prune)) => prune.execute(shared),
            Some(Below::Receipt(receipt)) => receipt.execute(shared),
            None => self.list(shared),
        }
    }

    fn list(self, shared: &Shared) -> Result<(), CommandError> {
        let reader = Reader::open(&shared.places()?.state)?;
        let is_of_all = self.all;
        let limit = self.limit as usize;
        let filter = self.filter()?;
        // Before what is recorded: whoever ends meanwhile is in both, and not in neither.
        let mut unfinished = reader.unfinished(&filter)?;
        if shared.printer.json {
            let mut runs = reader.records(&filter)?;
            tell_of_unreadable(shared, &reader);
            unfinished.retain(|one| runs.iter().all(|run| run.id != one.run.id));
            keep_latest(limit, &mut unfinished, &mut runs, |run| run.began);
            let unfinished: Vec<_> = unfinished.iter().map(to_json).collect();
            let document = json!({ "schema_version": 1, "runs": runs, "unfinished": unfinished });
            return shared.printer.document(&document);
        }
        let mut rows = reader.rows(&filter)?;
        unfinished.retain(|one| rows.iter().all(|row| row.id != one.run.id.as_str()));
        keep_latest(limit, &mut unfinished, &mut rows, |row| row.began);
        if rows.is_empty() && unfinished.is_empty() {
            return nothing(shared, &reader, &filter);
        }
        shared.printer.table(&table(&rows, &unfinished, is_of_all))
    }

    fn filter(self) -> Result<Filter, CommandError> {
        let repository = match self.repo {
            Some(path) => Some(real(&path).to_string_lossy().into_owned()),
            None if self.all => None,
            None => Some(repository()?),
        };
        Ok(Filter {
            repository,
            failed: self.failed,
            since: self.since,
            command: self.command,
            limit: Some(self.limit),
        })
    }
}

/// Says so, and where there are some.
fn nothing(shared: &Shared, reader: &Reader, filter: &Filter) -> Result<(), CommandError> {
    let one =
        |filter| reader.rows(&Filter { limit: Some(1), ..filter }).map(|rows| !rows.is_empty());
    let repository = filter.repository.clone();
    if one(Filter { repository: repository.clone(), ..Filter::default() })? {
        shared.printer.phase("no such runs");
    } else if let Some(repository) = repository {
        let line = format!("no run of `{repository}` is remembered");
        if one(Filter::default())? {
            shared.printer.advice(&line, &to_type(&["history", "--all"]));
        } else {
            shared.printer.phase(&line);
        }
    } else {
        shared.printer.phase("no run is remembered");
    }
    Ok(())
}

/// So many of both kinds together.
fn keep_latest<T>(
    limit: usize,
    unfinished: &mut Vec<Unfinished>,
    recorded: &mut Vec<T>,
    began: impl Fn(&T) -> Timestamp,
) {
    let (mut first, mut second) = (0, 0);
    while first + second < limit {
        match (unfinished.get(first), recorded.get(second)) {
            (Some(one), other) if other.is_none_or(|other| one.run.began > began(other)) => {
                first += 1;
            }
            (_, Some(_)) => second += 1,
            _ => break,
        }
    }
    unfinished.truncate(first);
    recorded.truncate(second);
}

fn to_json(one: &Unfinished) -> Value {
    let RunRecord { id, began, repository, command, .. } = &one.run;
    json!({
        "id": id,
        "began": began,
        "repository": repository,
        "command": command,
        "goes_on": one.goes_on,
        "exit": one.exit,
    })
}

/// The latest first, of both kinds.
fn table(rows: &[Row], unfinished: &[Unfinished], with_repository: bool) -> Table {
    let mut headings = vec!["RUN", "WHEN", "EXIT", "COMMAND", "FAILED", "TOOK"];
    if with_repository {
        headings.push("REPOSITORY");
    }
    let mut table = Table::new(&headings);
    if with_repository {
        table = table.paths(6);
    }
    table = table.texts(3).optional(4);
    let mut unfinished = unfinished.iter().peekable();
    let mut rows = rows.iter().peekable();
    loop {
        let since = rows.peek().map(|row| row.began);
        if let Some(one) = unfinished.next_if(|one| since.is_none_or(|since| one.run.began > since))
        {
            let RunRecord { id, began, command, repository, .. } = &one.run;
            let none = || NOTHING.to_owned();
            let (command, exit) = (command.to_string(), one.word());
            let cells = [id.to_string(), ago(*began), exit, command, none(), none()];
            table.row(cells.into_iter().chain(with_repository.then(|| repository.clone())));
            continue;
        }
        let Some(row) = rows.next() else { break };
        let failed = row.failed.map_or_else(|| NOTHING.to_owned(), |count| count.to_string());
        let took = human::duration(Duration::from_millis(row.total_ms));
        let cells = [
            row.id.clone(),
            ago(row.began),
            row.exit.to_string(),
            row.command.clone(),
            failed,
            took,
        ];
        let repository = with_repository.then(|| row.repository.clone());
        table.row(cells.into_iter().chain(repository));
    }
    table
}

/// How long ago, or since when, by the calendar here.
fn parse_since(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(date) = text.parse::<Date>() {
        let begin =
            date.to_zoned_datetime(TimeZone::system()).map_err(|error| error.to_string())?;
        return Ok(begin.timestamp());
    }
    let ago = parse_duration(text).map_err(|error| {
        format!("{error}, or a date such as 2026-01-31, or a time such as 2026-01-31T08:00:00Z")
    })?;
    let ago = SignedDuration::try_from(ago).unwrap_or(SignedDuration::MAX);
    Ok(Timestamp::now().checked_sub(ago).unwrap_or(Timestamp::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_said_by_its_length_a_date_or_itself() {
        let since = |text: &str| parse_since(text).expect(text);
        assert_eq!(since("2026-01-31T08:00:00Z").to_string(), "2026-01-31T08:00:00Z");
        let day = since("2026-02-01").duration_since(since("2026-01-31"));
        assert!((23..=25).contains(&day.as_hours()));
        let then = since("1h");
        let hour = Timestamp::now().duration_since(then).as_secs();
        assert!((3600..3700).contains(&hour), "{hour}");
        assert!(since("1000w") < since("1h"));
        for bad in ["", "soon", "2026-13-01", "yesterday"] {
            assert!(parse_since(bad).is_err(), "{bad}");
        }
    }
}
