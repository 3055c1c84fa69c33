//! A line that opens a shell on a box, for whoever has nothing of this program but the line.

use super::error::TransportError;
use super::route::Route;
use super::ssh;
use crate::output::Quoted;
use crabbox_provider_api::payload::Transport;
use std::path::Path;

/// In this folder of the box, which stands there as a word for a shell.
pub fn shell_line(route: &Route<'_>, folder: &str) -> Result<String, TransportError> {
    let inside = format!("cd {folder}; exec $SHELL -l");
    let words = match route.transport {
        Transport::Exec { prefix } if prefix.is_empty() => return Ok(format!("cd {folder}")),
        Transport::Exec { prefix } => {
            [prefix.as_slice(), &["/bin/sh", "-c", &inside].map(str::to_owned)].concat()
        }
        Transport::Ssh(to) => [ssh::line(route, to)?, vec![inside]].concat(),
        _ => return Err(TransportError::UnknownKind),
    };
    let words = words.iter().map(|word| Quoted(Path::new(word)).to_string());
    Ok(words.collect::<Vec<_>>().join(" "))
}

/// A folder of a box as a word for a shell there: that finds out what `~` is.
#[must_use]
pub fn folder_word(folder: &Path) -> String {
    match folder.strip_prefix("~") {
        Ok(rest) => format!("~/{}", Quoted(rest)),
        Err(_) => Quoted(folder).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_found_by_the_shell_there_and_the_rest_is_quoted() {
        let word = |folder: &str| folder_word(Path::new(folder));
        assert_eq!(word("~/crabbox/a b"), "~/'crabbox/a b'");
        assert_eq!(word("/srv/a b"), "'/srv/a b'");
        assert_eq!(word("~ann/x"), "'~ann/x'");
    }
}
