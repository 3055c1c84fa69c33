//! A provider's settings, as its manifest declares them: [`setting`] is one of them, [`rules`] says which
//! can't be, and [`names`] how each is called in a file, on a command line and in the environment.

mod names;
mod rules;
mod setting;
#[cfg(test)]
mod tests;

pub use names::{flag, key, variable};
pub use rules::SettingProblem;
pub use setting::{Affects, Repository, Setting, Type};

pub(crate) use rules::{check, check_strictly};
