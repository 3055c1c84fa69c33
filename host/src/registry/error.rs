//! How the search for a provider fails, and what a command says of it.

use super::library::Unusable;
use crate::output::{CommandError, Exit, to_type};
use std::env;
use std::path::{Path, PathBuf};

/// No provider to use.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// None of that name.
    #[error("there is no provider `{name}`")]
    Missing {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The one of that name can't be used.
    #[error("the provider `{name}` (`{}`) can't be used", .path.display())]
    Broken {
        /// The name.
        name: String,
        /// Its file.
        path: PathBuf,
        /// Why.
        #[source]
        reason: Unusable,
    },
    /// Two providers answer to it, and neither is called so first.
    #[error("`{word}` could be two providers: `{}` and `{}` both answer to it", .one.display(), .other.display())]
    Clash {
        /// The name or alias.
        word: String,
        /// The file of one.
        one: PathBuf,
        /// The file of the other.
        other: PathBuf,
    },
}

impl From<FindError> for CommandError {
    fn from(error: FindError) -> Self {
        let message = error.to_string();
        match error {
            FindError::Missing { known, .. } => Self::new(Exit::NotFound, message)
                .code("provider")
                .note(if known.is_empty() {
                    none()
                } else {
                    format!("there are: {}", known.join(", "))
                })
                .hint(to_type(&["provider", "list"])),
            FindError::Clash { .. } => Self::new(Exit::Conflict, message)
                .code("provider")
                .note("use a name that only one has")
                .hint(to_type(&["provider", "list"])),
            FindError::Broken { reason, .. } => {
                let hint = reason.hint().unwrap_or_else(|| to_type(&["provider", "list"]));
                Self::failed(message).code("provider").because(reason.to_string()).hint(hint)
            }
        }
    }
}

/// There is no provider at all: somebody has this program without what comes with it.
#[must_use]
pub fn none() -> String {
    let missing = "no provider is installed: those that come with crabbox lie beside its program";
    match env::current_exe().ok().as_deref().and_then(Path::parent) {
        Some(folder) => format!("{missing}, in `{}`", folder.display()),
        None => missing.to_owned(),
    }
}
