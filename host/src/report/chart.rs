//! The tests of the last runs: a column each, what failed at its foot.

use super::text::Text;
use crate::results::Totals;
use maud::{Markup, html};

/// A run, with what its tests came to.
#[derive(Debug, Clone)]
pub struct Earlier {
    /// Its id.
    pub run: String,
    /// When, for people.
    pub when: String,
    /// What its tests came to.
    pub totals: Totals,
}

/// In units of the picture.
const COLUMN: u64 = 20;
const HEIGHT: u64 = 100;

pub(super) fn draw(runs: &[Earlier]) -> Markup {
    let all = |totals: &Totals| totals.passed + totals.failed + totals.skipped + totals.flaky;
    let most = runs.iter().map(|run| all(&run.totals)).max().unwrap_or(0).max(1);
    let width = COLUMN * runs.len() as u64;
    html! {
        figure.chart {
            svg viewBox={ "0 0 " (width) " " (HEIGHT) } role="img" style={ "max-width: " (width * 2) "px" }
                aria-label="Tests of the last runs" {
                @for (at, run) in runs.iter().enumerate() {
                    (column(at as u64 * COLUMN, run, most))
                }
            }
            figcaption {
                span.key.failed {} "failed " span.key.flaky {} "flaky "
                span.key.skipped {} "skipped " span.key.passed {} "passed"
            }
        }
    }
}

fn column(x: u64, run: &Earlier, most: u64) -> Markup {
    let Totals { passed, failed, skipped, flaky, .. } = run.totals;
    let mut foot = HEIGHT;
    let parts = [("failed", failed), ("flaky", flaky), ("skipped", skipped), ("passed", passed)];
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(what, count)| {
            // One that failed among thousands is what the picture is for.
            let height = (count * (HEIGHT - 10) / most).max(2);
            foot = foot.saturating_sub(height);
            (what, foot, height)
        })
        .collect();
    html! {
        g {
            title { (Text(&run.when)) ": " (failed) " failed, " (flaky) " flaky, " (skipped) " skipped, " (passed) " passed (" (Text(&run.run)) ")" }
            @for (what, y, height) in parts {
                rect class=(what) x=(x + 2) y=(y) width=(COLUMN - 4) height=(height) {}
            }
        }
    }
}
