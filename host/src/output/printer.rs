//! What is said, and in which form.

use super::colour::{self, Colour, is_live};
use super::progress::{self, Progress};
use super::visible::visible_json;
use super::{CommandError, Table, stream, visible};
use crate::log::{self, Matter};
use crate::redact;
use crate::run::Outcome;
use anstyle::Style;
use serde::Serialize;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tracing::Level;

/// How large a terminal is, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// How wide; never 0.
    pub columns: usize,
    /// How high; never 0.
    pub rows: usize,
}

/// How to print: settled once, from the global flags.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub struct Printer {
    quiet: bool,
    /// One JSON document on standard output, also on failure.
    pub json: bool,
    coloured: bool,
    /// Standard error is a terminal where a line can be drawn over.
    live: bool,
    heartbeat: Duration,
}

/// What the global flags say of printing.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Say nothing but errors (the program's own output is never silenced).
    pub quiet: bool,
    /// One JSON document on standard output, also on failure.
    pub json: bool,
    /// Colours on standard error.
    pub colour: Colour,
    /// How often to say what is waited for where there is no terminal to draw on.
    pub heartbeat: Duration,
}

impl Printer {
    /// For the streams of this process.
    #[must_use]
    pub fn new(manner: Manner) -> Self {
        let Manner { quiet, json, colour, heartbeat } = manner;
        let live = is_live(&io::stderr());
        Self { quiet, json, coloured: colour.on_stderr(), live, heartbeat }
    }

    /// Does it say nothing but warnings and errors?
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// One line about a phase.
    pub fn phase(&self, line: &str) {
        if self.quiet {
            log::printed(Matter::Word, line);
        } else {
            self.say(Matter::Word, colour::PLAIN, "", line);
        }
    }

    /// A line of the log, which is whole, without secrets and without what a terminal obeys.
    pub(crate) fn log(&self, level: Level, line: &str) {
        let (style, prefix) = match level {
            Level::ERROR => (colour::ERROR, "error: "),
            Level::WARN => (colour::WARNING, "warning: "),
            Level::INFO => (colour::MARK, ""),
            Level::DEBUG => (colour::MARK, "debug: "),
            Level::TRACE => (colour::MARK, "trace: "),
        };
        let _ = stream::line(&format!("{}\n", self.marked(style, prefix, line)));
    }

    /// A question, whatever `--quiet` says: without it the program would seem to hang. The answer is
    /// typed behind it.
    pub fn ask(&self, question: &str) {
        let _ = stream::line(&format!("{} ", self.text(colour::PLAIN, "", question)));
    }

    /// Ends the line of a question that nobody answers.
    pub fn unanswered(&self) {
        let _ = stream::line("\n");
    }

    /// Something that isn't as it should be, and doesn't stop the command.
    pub fn warning(&self, line: &str) {
        self.say(Matter::Warning, colour::WARNING, "warning: ", line);
    }

    /// The same, said once in a process.
    pub fn warning_once(&self, line: &str) {
        if is_new(line) {
            self.warning(line);
        }
    }

    /// One line about a phase, said once in a process.
    pub fn phase_once(&self, line: &str) {
        if is_new(line) {
            self.phase(line);
        }
    }

    /// What is to be known of it.
    pub fn note(&self, line: &str) {
        self.say(Matter::Word, colour::HINT, "  note: ", line);
    }

    /// What to do about it.
    pub fn hint(&self, line: &str) {
        self.say(Matter::Word, colour::HINT, "  hint: ", line);
    }

    /// Why the command failed; with `--json`, as its document, too.
    pub fn error(&self, error: &CommandError) {
        self.error_document(error);
        self.explain(error);
    }

    /// The document alone.
    pub fn error_document(&self, error: &CommandError) {
        if self.json {
            // Nobody is left to tell when standard output is gone.
            let _ = self.document(&error.to_json());
        }
    }

    /// The same of a run, whose document also says how it ended.
    pub fn failure(&self, error: &CommandError, outcome: &Outcome) {
        self.failure_document(error, outcome);
        self.explain(error);
    }

    /// The document alone.
    pub fn failure_document(&self, error: &CommandError, outcome: &Outcome) {
        if self.json {
            // Nobody is left to tell when standard output is gone.
            let _ = self.document(&error.to_json_of_run(outcome));
        }
    }

    /// Why the command failed, for people.
    pub fn explain(&self, error: &CommandError) {
        self.say(Matter::Error, colour::ERROR, "error: ", &error.to_string());
        for cause in error.causes() {
            for (index, line) in cause.lines().enumerate() {
                let prefix = if index == 0 { "  because: " } else { "           " };
                self.say(Matter::Error, colour::PLAIN, prefix, line);
            }
        }
        for note in error.notes() {
            self.note(note);
        }
        for hint in error.hints() {
            self.hint(hint);
        }
    }

    /// A line about a phase and what to do about it, which is of no use without that line.
    pub fn advice(&self, line: &str, hint: &str) {
        self.phase(line);
        if !self.quiet {
            self.hint(hint);
        }
    }

    /// Says what is waited for, until the answer is dropped: in one line that moves on a terminal,
    /// by a line every now and then elsewhere. What takes no time is never said.
    #[must_use]
    pub fn progress(&self, what: impl Into<String>) -> Progress {
        if self.quiet {
            return Progress::silent();
        }
        progress::begin(what.into(), self.live, self.heartbeat, *self)
    }

    /// Off a terminal, says now and then that `what` goes on in silence; [`Progress::advance`]
    /// breaks the silence. On a terminal nothing is drawn between the lines of a program.
    #[must_use]
    pub fn silence(&self, what: impl Into<String>) -> Progress {
        if self.quiet || self.live {
            return Progress::silent();
        }
        progress::begin_silence(what.into(), self.heartbeat, *self)
    }

    /// Ctrl-C was pressed: a terminal shows that where it stands.
    pub(crate) fn interrupted(&self) {
        if self.live {
            stream::broken_into();
        }
    }

    /// This program leaves, whatever else it still does: no line stays that was drawn over.
    pub(crate) fn leave(&self) {
        if self.live {
            progress::end();
        }
    }

    /// Text that was asked for, on standard output: a [`super::Table`], or lines whose values from
    /// outside went through [`visible()`], or JSON. What a terminal would obey all the same is
    /// written as JSON writes it.
    pub fn data(&self, text: &str) -> Result<(), CommandError> {
        unwritten(stream::stdout(visible_json(&redact::text(text)).as_bytes()))
    }

    /// A document that was asked for, on standard output: whoever made it took the secrets out of each text in it, and what
    /// stands between those isn't to be taken for one.
    pub fn finished(&self, document: &str) -> Result<(), CommandError> {
        unwritten(stream::stdout(visible_json(document).as_bytes()))
    }

    /// A table that was asked for, on standard output, as wide as fits there.
    pub fn table(&self, table: &Table) -> Result<(), CommandError> {
        self.data(&table.render(self.columns()))
    }

    /// How wide the terminal is that standard output goes to, if it goes to one.
    #[must_use]
    pub fn columns(&self) -> Option<usize> {
        stream::columns()
    }

    /// How large the terminal is that standard error goes to, if it goes to one.
    #[must_use]
    pub fn screen(&self) -> Option<Screen> {
        stream::screen()
    }

    /// The document that `--json` asked for.
    pub fn document(&self, document: &impl Serialize) -> Result<(), CommandError> {
        let text = in_json(document).map_err(io::Error::other);
        unwritten(text.and_then(|text| stream::stdout(visible_json(&text).as_bytes())))
    }

    /// A line of ours on standard error, recognisable among the program's.
    fn say(&self, matter: Matter, style: Style, prefix: &str, line: &str) {
        log::printed(matter, &format!("{}{line}", prefix.trim_start()));
        // Nobody is left to tell when standard error is gone.
        let _ = stream::line(&format!("{}\n", self.text(style, prefix, line)));
    }

    fn text(&self, style: Style, prefix: &str, line: &str) -> String {
        self.marked(style, prefix, &shown(line))
    }

    fn marked(&self, style: Style, prefix: &str, line: &str) -> String {
        if self.coloured {
            let mark = colour::MARK;
            format!("{mark}crabbox:{mark:#} {style}{prefix}{style:#}{line}")
        } else {
            format!("crabbox: {prefix}{line}")
        }
    }
}

/// A line of ours as it is shown, without what stands before it.
pub(crate) fn shown(line: &str) -> String {
    let line = redact::text(line);
    // A tab does no harm in a line of its own.
    line.split('\t').map(visible).collect::<Vec<_>>().join("\t")
}

/// As JSON, without secrets. Those are looked for in the whole text first, where each stands in a form that
/// is known: hardly any document holds one, and of one that does each string is cleaned for itself.
fn in_json(document: &impl Serialize) -> serde_json::Result<String> {
    let mut text = serde_json::to_string_pretty(document)?;
    if matches!(redact::text(&text), Cow::Owned(_)) {
        let clean = redact::json(serde_json::to_value(document)?);
        text = serde_json::to_string_pretty(&clean)?;
    }
    text.push('\n');
    Ok(text)
}

/// Wasn't this line asked about before?
fn is_new(line: &str) -> bool {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(line.to_owned())
}

/// The error of standard output that can't be written. A reader that has seen enough (`| head -1`) is
/// none.
pub fn unwritten(result: io::Result<()>) -> Result<(), CommandError> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::failed("standard output can't be written").because(error))
        }
        _ => Ok(()),
    }
}
