//! The phases of a run against time: a line each, with a bar from its begin to its end.

use super::text::Text;
use crate::output::human;
use maud::{Markup, html};
use std::time::Duration;

/// A part of a run.
#[derive(Debug, Clone)]
pub struct Phase {
    /// What it is called.
    pub name: String,
    /// When it began, in milliseconds after the run did.
    pub start_ms: u64,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// As wide as the whole run, in units of the picture.
const WIDTH: u64 = 1000;

/// What takes no time is still seen.
const THINNEST: u64 = 3;

pub(super) fn draw(phases: &[Phase]) -> Markup {
    let end = phases.iter().map(|phase| phase.start_ms + phase.ms).max().unwrap_or(0).max(1);
    let at = |ms: u64| ms.min(end) * WIDTH / end;
    html! {
        table.timeline {
            tbody {
                @for phase in phases {
                    @let length = at(phase.ms).max(THINNEST);
                    @let start = at(phase.start_ms).min(WIDTH - length.min(WIDTH));
                    @let took = human::duration(Duration::from_millis(phase.ms));
                    tr {
                        th scope="row" { (Text(&phase.name)) }
                        td.bar {
                            svg viewBox={ "0 0 " (WIDTH) " 10" } preserveAspectRatio="none" role="img"
                                aria-label={ (Text(&phase.name)) ", " (took) } {
                                rect x="0" y="4" width=(WIDTH) height="2" class="line" {}
                                rect x=(start) y="0" width=(length) height="10" class={ "phase " (Text(&phase.name)) } {}
                            }
                        }
                        td.time { (took) }
                    }
                }
            }
        }
    }
}
