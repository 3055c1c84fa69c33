//! What a box is wanted for: decides what is said, and with which code this program ends, where it
//! doesn't get that far. The codes of a run are the command's; those of a warm-up are every command's.

use super::outcome::Outcome;
use crate::output::{CommandError, Exit, Printer};

/// What a box is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A command is run on it.
    Run,
    /// It is made to hold the tree, and left ready.
    Warmup,
}

impl Purpose {
    /// What is said of a signal that came before that.
    #[must_use]
    pub fn interrupted(self) -> &'static str {
        match self {
            Self::Run => "interrupted before the command started",
            Self::Warmup => "interrupted before the box was ready",
        }
    }

    /// What this program exits with, where a run would exit with `outcome`.
    #[must_use]
    pub fn outcome(self, outcome: Outcome) -> Outcome {
        match (self, outcome.signal, outcome.exit) {
            (Self::Run, ..) | (_, Some(_), _) | (_, _, 0) => outcome,
            (Self::Warmup, None, _) => Outcome { exit: Exit::Failed as u8, ..outcome },
        }
    }

    /// Says why it failed; returns the exit code.
    #[must_use]
    pub fn fail(self, printer: Printer, error: CommandError, outcome: &Outcome) -> u8 {
        match self {
            Self::Run => {
                printer.failure(&error, outcome);
                outcome.exit
            }
            Self::Warmup => {
                let error = of_signal(error, outcome);
                printer.error(&error);
                error.exit()
            }
        }
    }

    /// The same for machines alone.
    #[must_use]
    pub fn fail_silently(self, printer: Printer, error: CommandError, outcome: &Outcome) -> u8 {
        match self {
            Self::Run => {
                printer.failure_document(&error, outcome);
                outcome.exit
            }
            Self::Warmup => {
                let error = of_signal(error, outcome);
                printer.error_document(&error);
                error.exit()
            }
        }
    }
}

fn of_signal(error: CommandError, outcome: &Outcome) -> CommandError {
    match outcome.signal {
        Some(signal) => error.of_signal(signal),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Origin;
    use super::*;

    #[test]
    fn a_warm_up_ends_with_the_codes_of_every_command() {
        let failed = Outcome::failure(Origin::Transport);
        assert_eq!(Purpose::Run.outcome(failed).exit, 125);
        assert_eq!(Purpose::Warmup.outcome(failed).exit, 1);
        assert_eq!(Purpose::Warmup.outcome(Outcome::of_signal(15)).exit, 143);
        assert_eq!(Purpose::Warmup.outcome(Outcome::DONE).exit, 0);
    }
}
