//! A question before what can't be undone, or lets others do what they couldn't.

use super::Shared;
use crate::output::CommandError;
use std::io::{self, BufRead, IsTerminal};

/// A question, and what is said without an answer of yes.
pub(super) struct Question {
    /// What is asked.
    pub(super) ask: String,
    /// What is said where nobody can be asked.
    pub(super) refused: String,
    /// The line that needs no answer.
    pub(super) line: String,
    /// What is said after a no.
    pub(super) left: String,
}

impl Question {
    /// Asks on a terminal; elsewhere the line that needs no answer is the question.
    pub(super) fn put(self, shared: &Shared) -> Result<(), CommandError> {
        if !io::stdin().is_terminal() || shared.printer.json {
            return Err(CommandError::usage(self.refused).hint(self.line));
        }
        shared.printer.ask(&self.ask);
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        match read {
            // Whoever ends the input, as with Ctrl-D, leaves the question's line open.
            Ok(0) | Err(_) => {
                shared.printer.unanswered();
                Err(CommandError::usage(self.left).because("there was no answer"))
            }
            Ok(_) if matches!(&*answer.trim().to_lowercase(), "y" | "yes") => Ok(()),
            _ => Err(CommandError::usage(self.left)),
        }
    }
}
