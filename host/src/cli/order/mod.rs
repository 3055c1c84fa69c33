//! What `run` and `warmup` share: a checkout, and a box that is made to hold it.
//!
//! [`choice`] is which box and which files, as it is typed, and [`Order`] what that comes to; [`execute`] is its
//! way through everything, [`attempt`] what is asked of one box, [`done`] what came of it, [`explain`] why
//! nothing did, [`record`] what the history remembers of it, and [`dirty`] whether its tree was its commit's.
//! Beside all of that, [`settle`] keeps the databases quick to open.

mod attempt;
mod choice;
mod dirty;
mod done;
mod execute;
mod explain;
mod record;
mod settle;

pub(in crate::cli) use choice::{Choice, Files, refuse_to_nest};
pub(in crate::cli) use done::{Done, Unreleased, changed};
pub(in crate::cli) use explain::{Failed, explain_sync};
pub(in crate::cli) use record::remember;

use crate::cli::stay::Stay;
use crate::collect::Wanted as Collect;
use crate::config::Settings;
use crate::lease::Wanted;
use crate::places::Places;
use crate::run::Purpose;
use crate::sync::Source;
use crabbox_wire::message::{Command, Environment};
use crabbox_wire::text::Text;

/// What the arguments come to, checked.
pub(in crate::cli) struct Order {
    pub(in crate::cli) places: Places,
    pub(in crate::cli) settings: Settings,
    pub(in crate::cli) source: Source,
    pub(in crate::cli) allow_mass_deletion: bool,
    /// The provider that the line names, by `--provider`.
    pub(in crate::cli) named: Option<String>,
    /// What the line says of how long the box may stay.
    pub(in crate::cli) asked: Stay,
    pub(in crate::cli) wanted: Wanted,
    /// What is run there. `None`: the box is only made ready.
    pub(in crate::cli) program: Option<Program>,
}

/// What is run on a box.
pub(in crate::cli) struct Program {
    /// The run: `run_` and 12 hex digits.
    pub(in crate::cli) run: String,
    pub(in crate::cli) command: Command,
    /// The working directory on the box, relative to the tree; empty for its root.
    pub(in crate::cli) directory: Text,
    /// Values for the command.
    pub(in crate::cli) environment: Environment,
    pub(in crate::cli) clean_env: bool,
    /// What is brought here once it has ended.
    pub(in crate::cli) collect: Option<Collect>,
}

impl Order {
    fn purpose(&self) -> Purpose {
        if self.program.is_some() { Purpose::Run } else { Purpose::Warmup }
    }
}
