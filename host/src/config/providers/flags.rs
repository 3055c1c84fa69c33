//! What a command line says of a provider's settings, as it was typed.

use std::ffi::OsString;
use std::path::PathBuf;

/// One setting on a command line.
#[derive(Clone, Debug)]
pub struct Flag {
    /// The provider's name.
    pub provider: String,
    /// The setting's.
    pub setting: String,
    /// What was typed for it.
    pub given: Given,
}

/// What was typed for a setting.
#[derive(Clone, Debug)]
pub enum Given {
    /// A value; several for a list or a map.
    Words(Vec<OsString>),
    /// A secret, in plain sight: it is forgotten.
    Shown,
    /// The file that holds a secret.
    File(PathBuf),
    /// A secret comes on standard input.
    Stdin,
}
