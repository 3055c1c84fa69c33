//! `crabbox slow`

use super::{Shared, history};
use crate::history::{Reader, RunRecord};
use crate::output::{CommandError, Table, human, to_type, visible};
use crate::slow::{Advice, Cost, Detour, Mark, Row, compare, detours};
use clap::Args;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::Duration;

/// So many runs say what is usual.
const RUNS: u32 = 10;

/// Show where the time of a run went
///
/// Phase by phase, against the last runs of the same command in the same checkout, and the budget where there is one. Below it
/// stands what the run did on its way that the fastest one doesn't, what that cost, and how to get round it.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox slow
  crabbox slow @last-failed
  crabbox slow run_0123456789ab --json")]
pub(super) struct Slow {
    /// The run: its id or the beginning of it, `@last` or `@last-failed`
    #[arg(default_value = "@last", hide_default_value = true)]
    run: String,
}

/// All that is told.
struct Told {
    run: RunRecord,
    /// How many runs say what is usual.
    runs: usize,
    rows: Vec<Row>,
    detours: Vec<Detour>,
}

impl Slow {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let (reader, id) = history::find(shared, &self.run)?;
        let run = reader.get(&id)?.ok_or_else(|| history::unknown(&reader, &id))?;
        let told = Told::of(&reader, run)?;
        history::tell_of_unreadable(shared, &reader);
        if shared.printer.json {
            return shared.printer.document(&told.to_json());
        }
        shared.printer.data(&told.describe(shared.printer.columns()))
    }
}

impl Told {
    fn of(reader: &Reader, run: RunRecord) -> Result<Self, CommandError> {
        let mut before = reader.up_to(&run, RUNS + 1)?;
        // Whoever never came to its command says nothing of how long that way is.
        before.retain(|one| one.id != run.id && one.wall_ms.is_some());
        let (rows, detours) = (compare(&run, &before), detours(&run, &before));
        Ok(Self { run, runs: before.len(), rows, detours })
    }

    /// Did it go the fastest way? `None`: nothing is known of its way.
    fn is_straight(&self) -> Option<bool> {
        self.run.way.had.map(|_| self.detours.is_empty())
    }

    fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "name": row.name,
                "ms": row.ms,
                "usual_ms": row.usual_ms,
                "budget_ms": row.budget.map(|budget| budget.ms),
                "budget_source": row.budget.map(|budget| budget.source),
                "stands_out": row.stands_out.iter().map(|mark| mark.as_str()).collect::<Vec<_>>(),
            })
        });
        let detours = self.detours.iter().map(|detour| {
            let advice =
                detour.advice.iter().map(|one| json!({ "text": one.text, "line": line(one) }));
            let (cost, is_at_most) = match detour.cost {
                Cost::Measured(ms) | Cost::More(ms) => (Some(ms), false),
                Cost::AtMost(ms) => (Some(ms), true),
                Cost::RoundTrip => (None, false),
            };
            json!({
                "kind": detour.kind.as_str(),
                "text": detour.kind.in_words(),
                "cost_ms": cost,
                "at_most": is_at_most,
                "advice": advice.collect::<Vec<_>>(),
            })
        });
        json!({
            "schema_version": 1,
            "run": self.run.id,
            "compared_with": self.runs,
            "phases": rows.collect::<Vec<_>>(),
            "detours": detours.collect::<Vec<_>>(),
            "straight": self.is_straight(),
        })
    }

    fn describe(&self, terminal: Option<usize>) -> String {
        let mut text = format!("{}: {}\n\n", self.run.id, visible(&self.run.command.to_string()));
        text.push_str(&self.table().render(terminal));
        let usual = match self.runs {
            0 => "no earlier run of this command here says what is usual".to_owned(),
            1 => "usual: what the run of this command before took".to_owned(),
            runs => format!("usual: the median of the {runs} runs of this command before"),
        };
        let _ = writeln!(text, "\n{usual}");
        for Row { name, budget, .. } in &self.rows {
            if let Some(budget) = budget {
                let _ = writeln!(text, "budget of {name}: {}", budget.source);
            }
        }
        text.push('\n');
        match self.is_straight() {
            None if self.run.lease.is_none() => text.push_str("It had no box\n"),
            None => text.push_str("How it came to its box isn't recorded\n"),
            Some(true) => {
                text.push_str(
                    "It was as fast as it can be: nothing on its way could be left out\n",
                );
            }
            Some(false) => text.push_str("What the fastest run doesn't do\n"),
        }
        for detour in &self.detours {
            let _ = writeln!(text, "  {} ({})", detour.kind.in_words(), cost(detour.cost));
            for advice in &detour.advice {
                let line = line(advice).map(|line| format!(": {line}")).unwrap_or_default();
                let _ = writeln!(text, "    {}{line}", advice.text);
            }
        }
        text
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&["PHASE", "TOOK", "USUAL", "BUDGET", "STANDS OUT"]).optional(3);
        for Row { name, ms, usual_ms, budget, stands_out } in &self.rows {
            let time = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), took);
            let marks: Vec<&str> = stands_out.iter().map(|mark: &Mark| mark.in_words()).collect();
            let [ms, usual, budget] = [*ms, *usual_ms, budget.map(|budget| budget.ms)].map(time);
            table.row([name.as_str(), &ms, &usual, &budget, &marks.join(", ")]);
        }
        table
    }
}

fn took(ms: u64) -> String {
    human::duration(Duration::from_millis(ms))
}

fn cost(cost: Cost) -> String {
    match cost {
        Cost::Measured(ms) => took(ms),
        Cost::More(ms) => format!("{} more than without", took(ms)),
        Cost::AtMost(ms) => format!("{} at most", took(ms)),
        Cost::RoundTrip => "once to the box and back".to_owned(),
    }
}

fn line(advice: &Advice) -> Option<String> {
    let words: Vec<&str> = advice.words.iter().map(String::as_str).collect();
    (!words.is_empty()).then(|| to_type(&words))
}
