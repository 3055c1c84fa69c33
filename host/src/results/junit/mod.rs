//! Reads one report: JUnit's XML, as many tools write it and no two alike.
//!
//! [`build`] makes tests of its elements by what those have [`said`]. It comes from a box, so all of it has [`bounds`]: depth,
//! names, texts of which both [`ends`] are kept, tests. What a tool gets wrong costs as little as
//! possible: a number that is none is no number, and of a file that ends in the middle the tests before that count.
//!
//! The XML itself is [`quick_xml`]'s, which expands no entity that a document declares. Of the two libraries that know
//! JUnit on top of it, `quick-junit` reads what its own writer writes, without suites in suites; `junit-parser` (1.7.0)
//! gives up a whole file for one time such as `1,234.5` (Surefire's) and for a missing end, leaves `&lt;` out of
//! texts, and ends the process where suites are nested a million deep.

mod bounds;
mod build;
mod encoding;
mod ends;
mod said;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tools;

use self::bounds::MAX_DEPTH;
#[cfg(test)]
pub(super) use self::bounds::MAX_TEXT;
pub(super) use self::bounds::{MAX_TRIES, MAX_WORD, cut};
use self::build::Builder;
use super::case::Case;
use super::totals::Totals;
use crate::redact::Redactor;
use quick_xml::Reader;
use quick_xml::events::Event;

/// What could be read of a report.
#[derive(Debug, Default)]
pub struct Report {
    /// Its tests, in its order.
    pub cases: Vec<Case>,
    /// Those of which there is no more than that, since it has too many, or says too much of them.
    pub counted: Totals,
    /// In which element each of them stands: tests of one suite that are called alike may be tries of one.
    pub elements: Vec<usize>,
    /// How long all of it took, in milliseconds, as the outermost elements say it, else as those in them do: tests that
    /// ran at once, or within others, took less than the sum of their times.
    pub ms: u64,
    /// Why it isn't all. `None`: it is.
    pub trouble: Option<Trouble>,
}

/// Why a report wasn't read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is something else.
    #[error("it is no JUnit report")]
    Foreign,
    /// It ends too early.
    #[error("it ends in the middle")]
    Truncated,
    /// It isn't XML.
    #[error("at byte {at}: {what}")]
    Malformed {
        /// From the start of the file.
        at: u64,
        /// What the parser says.
        what: String,
    },
    /// More than [`MAX_DEPTH`].
    #[error("its elements are nested deeper than {MAX_DEPTH}")]
    Depth,
}

/// Reads a report, as far as it can be read, without these secrets.
#[must_use]
pub fn read(bytes: &[u8], redactor: &Redactor) -> Report {
    if bytes.is_empty() {
        return Report { trouble: Some(Trouble::Empty), ..Report::default() };
    }
    let text = encoding::decoded(bytes);
    let mut xml = Reader::from_str(text.trim_start_matches('\u{feff}'));
    // Failures are full of it, and not every tool escapes.
    xml.config_mut().allow_dangling_amp = true;
    let mut builder = Builder::without(redactor);
    let trouble = loop {
        match xml.read_event() {
            Ok(Event::Eof) if builder.is_complete() && builder.is_report() => break None,
            Ok(Event::Eof) if builder.is_complete() => break Some(Trouble::Foreign),
            Ok(Event::Eof) => break Some(Trouble::Truncated),
            Ok(event) => {
                if let Err(trouble) = builder.take(&event) {
                    break Some(trouble);
                }
            }
            Err(quick_xml::Error::Syntax(_)) if builder.is_report() => {
                break Some(Trouble::Truncated);
            }
            Err(error) => {
                let (at, what) = (xml.error_position(), error.to_string());
                break Some(Trouble::Malformed { at, what });
            }
        }
    };
    builder.break_off();
    let Builder { cases, counted, elements, ms, .. } = builder;
    Report { cases, counted, elements, ms, trouble }
}
