//! The table: times with their ratio to a baseline, and counts with their budget.

use crate::figures::Figures;
use serde_json::{Value, json};

/// All rows so far.
#[derive(Debug, Default)]
pub(crate) struct Table {
    times: Vec<Time>,
    counts: Vec<Count>,
}

#[derive(Debug)]
struct Time {
    what: String,
    figures: Figures,
    /// The median of this other row, and its name.
    against: Option<(String, f64)>,
}

#[derive(Debug)]
struct Count {
    what: String,
    /// `None`: it can't be counted here.
    found: Option<u64>,
    budget: u64,
}

impl Table {
    /// A time that stands for itself, or that others are held against.
    pub(crate) fn baseline(&mut self, what: &str, figures: &Figures) {
        self.times.push(Time { what: what.to_owned(), figures: figures.clone(), against: None });
    }

    /// A time held against another.
    pub(crate) fn ratio(&mut self, what: &str, figures: &Figures, name: &str, other: &Figures) {
        let against = Some((name.to_owned(), other.median()));
        self.times.push(Time { what: what.to_owned(), figures: figures.clone(), against });
    }

    /// A count held against its budget.
    pub(crate) fn count(&mut self, what: &str, count: Option<u64>, budget: u64) {
        self.counts.push(Count { what: what.to_owned(), found: count, budget });
    }

    pub(crate) fn over_budget(&self) -> bool {
        self.counts.iter().any(|row| row.found.is_some_and(|found| found > row.budget))
    }

    pub(crate) fn print(&self) {
        println!("{:>7}  {:>8} {:>8} {:>8}  what", "ratio", "min ms", "median", "max");
        for Time { what, figures, against } in &self.times {
            let (ratio, to) = match against {
                Some((name, other)) => {
                    (format!("{:.2}", figures.median() / other), format!(", against {name}"))
                }
                None => (String::new(), String::new()),
            };
            let (min, median, max) = (figures.min(), figures.median(), figures.max());
            println!("{ratio:>7}  {min:>8.1} {median:>8.1} {max:>8.1}  {what}{to}");
        }
        println!("\n{:>9} {:>9}  count", "", "budget");
        for Count { what, found, budget } in &self.counts {
            let shown = found.map_or("-".to_owned(), |found| found.to_string());
            let note =
                if found.is_some_and(|found| found > *budget) { "  OVER BUDGET" } else { "" };
            println!("{shown:>9} {budget:>9}  {what}{note}");
        }
    }

    pub(crate) fn json(&self) -> String {
        let times: Vec<Value> = self
            .times
            .iter()
            .map(|Time { what, figures, against }| {
                json!({
                    "what": what,
                    "min_ms": figures.min(),
                    "median_ms": figures.median(),
                    "max_ms": figures.max(),
                    "against": against.as_ref().map(|(name, _)| name),
                    "ratio": against.as_ref().map(|(_, other)| figures.median() / other),
                })
            })
            .collect();
        let counts: Vec<Value> = self
            .counts
            .iter()
            .map(|row| json!({ "what": row.what, "count": row.found, "budget": row.budget }))
            .collect();
        format!("{:#}\n", json!({ "schema_version": 1, "times": times, "counts": counts }))
    }
}
