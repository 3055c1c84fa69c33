//! What the program printed, a line each, and each line with a name that a link can lead to.

use super::text::Text;
use crate::output::human;
use crabbox_wire::frame::Stream;
use maud::{Markup, html};

/// The log as far as it is on the page: its end.
#[derive(Debug, Default)]
pub struct Log {
    /// The lines.
    pub lines: Vec<Line>,
    /// What the first of them is called, from 1 on.
    pub first: u64,
    /// So many bytes before it aren't here.
    pub cut: u64,
}

/// A line.
#[derive(Debug)]
pub struct Line {
    /// Where it was printed.
    pub stream: Stream,
    /// Without its end.
    pub text: String,
}

pub(super) fn show(log: &Log) -> Markup {
    html! {
        @if log.cut > 0 { p.run { (human::bytes(log.cut)) " before this aren't shown" } }
        @if log.lines.is_empty() {
            p { "It printed nothing." }
        } @else {
            div.log {
                @for (at, line) in (log.first.max(1)..).zip(&log.lines) {
                    @let name = format!("L{at}");
                    div.err[line.stream == Stream::Stderr] id=(name) {
                        a href={ "#" (name) } { (at) }
                        span { (Text(&line.text)) }
                    }
                }
            }
        }
    }
}
