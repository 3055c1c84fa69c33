//! Settings, from flags, the environment, the repository's `.crabbox.toml`, the user's
//! `config.toml` and defaults, in this order.
//!
//! [`keys`] is the table of all settings, [`mod@file`] reads a file against it, [`settings`] puts
//! the layers together. A repository's own file comes from whoever wrote the repository: the
//! table says what it may not set.

mod file;
mod keys;
mod settings;

pub use file::{ConfigError, Origin, parse_duration};
pub use settings::{Flags, Settings};
