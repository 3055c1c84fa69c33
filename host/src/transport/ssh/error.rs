//! What `ssh` says when it doesn't get there.
//!
//! It exits with 255 and a line of text for all that goes wrong, so the text is what there is to tell one case from
//! another. What nobody recognises stays [`SshFailure::Other`], with the text.

use super::super::error::Noise;
use crate::output::{CommandError, Quoted, Typed};
use crate::tail;
use std::path::Path;

/// What `ssh` exits with when it fails itself.
const FAILED: i32 = 255;

/// `ssh` didn't get to the box.
#[derive(Debug, thiserror::Error)]
#[error("`{host}` can't be reached by ssh: {failure}{}", tail::said(.said))]
pub struct SshError {
    /// As the provider calls it.
    pub host: String,
    /// In what way.
    pub failure: SshFailure,
    /// What was said about it.
    pub said: String,
}

/// In what way `ssh` failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshFailure {
    /// There is no address for the name.
    #[error("its name can't be resolved")]
    Unresolved,
    /// Nobody listens at the port.
    #[error("the connection is refused")]
    Refused,
    /// There is no way there.
    #[error("there is no way there")]
    Unreachable,
    /// Nobody answers.
    #[error("it doesn't answer in time")]
    TimedOut,
    /// The server shows another key than the one that is known.
    #[error("its host key isn't the one that is known")]
    KeyChanged,
    /// The server's key isn't known here.
    #[error("its host key isn't known here")]
    KeyUnknown,
    /// No key or password of the user's is taken.
    #[error("it doesn't let us in")]
    Auth,
    /// The configuration can't be read.
    #[error("ssh can't be told how")]
    Config,
    /// The provider's own command leads nowhere.
    #[error("the command that leads there failed")]
    Proxy,
    /// The server hung up.
    #[error("it hung up")]
    Closed,
    /// The server takes no more sessions on this connection.
    #[error("its connection takes no more sessions")]
    NoSession,
    /// The server takes a login, and opens no session.
    #[error("it lets us in, and runs nothing")]
    NoCommand,
    /// Nobody says why: `ssh` doesn't tell of a command that the server refuses, or that a signal ends.
    #[error("it ended the session without a word")]
    Wordless,
    /// There is no folder for the socket.
    #[error("there is no folder for the connection's socket")]
    Folder,
    /// Something else.
    #[error("ssh failed")]
    Other,
}

impl SshFailure {
    /// Waiting, or asking once more, doesn't change it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::KeyChanged | Self::KeyUnknown | Self::Auth | Self::Config | Self::Folder
        )
    }

    /// Somebody at a terminal could do something about it.
    #[must_use]
    pub fn may_be_answered(self) -> bool {
        matches!(self, Self::KeyUnknown | Self::Auth)
    }
}

/// What `ssh` says, and what the user can do about it.
impl From<&SshError> for CommandError {
    fn from(error: &SshError) -> Self {
        let SshError { host, failure, .. } = error;
        let result = Self::failed(error.to_string()).code("run");
        let host = Quoted(Path::new(host));
        let ask = Typed::here().without_command().replaced("run", "warmup");
        match failure {
            SshFailure::KeyUnknown => {
                result.hint(ask.to_string()).note("on a terminal, that shows the key and asks")
            }
            SshFailure::KeyChanged => result.note(format!(
                "if the machine was installed anew, and only then, `ssh-keygen -R {host}` forgets the old key"
            )),
            SshFailure::Auth => result
                .hint(ask.to_string())
                .note("on a terminal, that can ask for a passphrase, a PIN or a password"),
            SshFailure::Unresolved
            | SshFailure::Refused
            | SshFailure::Unreachable
            | SshFailure::TimedOut => result.hint(format!("ssh -v {host} true")),
            _ => result,
        }
    }
}

/// What OpenSSH says of what: the first that fits holds.
const WORDS: &[(&str, SshFailure)] = &[
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", SshFailure::KeyChanged),
    ("Host key verification failed", SshFailure::KeyUnknown),
    ("host key is known for", SshFailure::KeyUnknown),
    ("Permission denied (", SshFailure::Auth),
    ("Too many authentication failures", SshFailure::Auth),
    ("Could not resolve hostname", SshFailure::Unresolved),
    ("Connection timed out", SshFailure::TimedOut),
    ("Operation timed out", SshFailure::TimedOut),
    ("Connection refused", SshFailure::Refused),
    ("No route to host", SshFailure::Unreachable),
    ("Network is unreachable", SshFailure::Unreachable),
    ("session request failed", SshFailure::NoCommand),
    ("exec request failed", SshFailure::NoCommand),
    ("open failed", SshFailure::NoCommand),
    ("Bad configuration option", SshFailure::Config),
    ("Bad owner or permissions", SshFailure::Config),
    ("bad configuration options", SshFailure::Config),
    ("no argument after keyword", SshFailure::Config),
    ("Connection closed by", SshFailure::Closed),
    ("Connection reset by", SshFailure::Closed),
    ("kex_exchange_identification", SshFailure::Closed),
    ("banner exchange", SshFailure::Closed),
];

/// Does a live connection refuse another session?
pub(super) fn takes_no_session(noise: &Noise) -> bool {
    noise.code == Some(FAILED)
        && ["session request failed", "open refused", "open failed"]
            .iter()
            .any(|words| noise.stderr.contains(words))
}

/// Did `ssh` itself fail, before anything of ours ran?
pub(super) fn is_of_ssh(noise: &Noise) -> bool {
    noise.code == Some(FAILED)
}

/// What its words come to. `proxy`: what the provider's own command said, if there is one.
pub(super) fn classify(stderr: &str, proxy: Option<&str>) -> SshFailure {
    let found = WORDS.iter().find(|(words, _)| stderr.contains(words));
    match (found.map(|(_, failure)| *failure), proxy) {
        (None, None | Some("")) if stderr.trim().is_empty() => SshFailure::Wordless,
        // Its end is all that ssh sees of it.
        (None | Some(SshFailure::Closed), Some(_)) => SshFailure::Proxy,
        (failure, _) => failure.unwrap_or(SshFailure::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_openssh_says_is_told_apart() {
        let cases = [
            (
                "ssh: Could not resolve hostname desk: Name or service not known",
                SshFailure::Unresolved,
            ),
            ("ssh: connect to host 127.0.0.1 port 9: Connection refused", SshFailure::Refused),
            ("ssh: connect to host 10.0.0.1 port 22: No route to host", SshFailure::Unreachable),
            ("Connection timed out during banner exchange", SshFailure::TimedOut),
            ("ann@desk: Permission denied (publickey).", SshFailure::Auth),
            ("Host key verification failed.", SshFailure::KeyUnknown),
            (
                "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.",
                SshFailure::KeyChanged,
            ),
            ("/x/config: line 3: Bad configuration option: foo", SshFailure::Config),
            ("kex_exchange_identification: Connection closed by remote host", SshFailure::Closed),
            (
                "mux_client_request_session: session request failed: Session open refused by peer",
                SshFailure::NoCommand,
            ),
            ("", SshFailure::Wordless),
            ("something new", SshFailure::Other),
        ];
        for (stderr, expected) in cases {
            assert_eq!(classify(stderr, None), expected, "{stderr}");
        }
    }

    #[test]
    fn an_end_of_the_providers_command_is_its_own() {
        let closed = "Connection closed by UNKNOWN port 65535";
        assert_eq!(classify(closed, None), SshFailure::Closed);
        assert_eq!(classify(closed, Some("no such workspace")), SshFailure::Proxy);
        assert_eq!(classify("", Some("")), SshFailure::Wordless);
        assert_eq!(classify("", Some("no such workspace")), SshFailure::Proxy);
        let denied = "ann@desk: Permission denied (publickey).";
        assert_eq!(classify(denied, Some("a warning")), SshFailure::Auth);
    }
}
