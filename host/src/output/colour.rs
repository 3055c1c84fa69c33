//! When to colour, and with what. Colour never carries meaning alone: each coloured word says it, too.

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use std::env;
use std::io::{self, IsTerminal};

/// What `--color` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal that can, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Colour {
    /// Is what goes to standard error to be coloured?
    #[must_use]
    pub fn on_stderr(self) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            // https://no-color.org: set and not empty.
            Self::Auto => {
                env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && is_live(&io::stderr())
            }
        }
    }
}

impl From<Colour> for clap::ColorChoice {
    fn from(colour: Colour) -> Self {
        match colour {
            Colour::Auto => Self::Auto,
            Colour::Always => Self::Always,
            Colour::Never => Self::Never,
        }
    }
}

/// Is there a terminal that does more than print line after line?
pub(super) fn is_live(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb")
}

// Each is to be seen on white as on black, which yellow, cyan and blue aren't.
pub(super) const MARK: Style = Style::new().dimmed();
pub(super) const ERROR: Style = AnsiColor::Red.on_default().bold();
pub(super) const WARNING: Style = AnsiColor::Magenta.on_default().bold();
pub(super) const HINT: Style = Style::new().bold();
pub(super) const PLAIN: Style = Style::new();
