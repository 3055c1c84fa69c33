//! Why the way ends before it gets to the host: the user's own configuration may have it lead over other hosts
//! (`ProxyJump`), or through a command (`ProxyCommand`).
//!
//! What these say is the reason, and OpenSSH sends it to nowhere where a connection is to stay. So, where all that is seen
//! is that the way ended, it is asked once more for a connection that doesn't.

use super::connect::Way;
use super::error::{SshFailure, classify};
use super::once_more::{self, Loudness};

/// What is said of a channel that a host on the way was to open to the next one.
const OPEN_FAILED: &str = "open failed: ";

/// What such a host says of the next one.
const OF_THE_NEXT: &[(&str, SshFailure)] = &[
    ("refused", SshFailure::Refused),
    ("No route to host", SshFailure::Unreachable),
    ("unreachable", SshFailure::Unreachable),
    ("timed out", SshFailure::TimedOut),
    ("not known", SshFailure::Unresolved),
    ("resol", SshFailure::Unresolved),
];

/// Why the way ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) failure: SshFailure,
    /// It is about a host on the way, and not about the one that is wanted.
    pub(super) on_the_way: bool,
    /// What was said there.
    pub(super) said: String,
}

/// Asks for it; `stderr` is what `ssh` itself said.
pub(super) fn reason(way: &Way<'_>, stderr: &str) -> Option<Reason> {
    reason_of(stderr, &once_more::said(way, Loudness::Errors)?)
}

/// `again`: what was said when it was asked once more, by it and by what leads there.
fn reason_of(stderr: &str, again: &str) -> Option<Reason> {
    let ours: Vec<&str> = lines(stderr).collect();
    let (repeated, theirs): (Vec<_>, Vec<_>) = lines(again).partition(|line| ours.contains(line));
    // Else it came to another end this time.
    if repeated.is_empty() || theirs.is_empty() {
        return None;
    }
    let said = theirs.join("\n");
    let (failure, on_the_way) = match said.split_once(OPEN_FAILED) {
        Some((_, of_the_next)) => {
            let found = OF_THE_NEXT.iter().find(|(words, _)| of_the_next.contains(words));
            found.map_or((SshFailure::NoFurther, true), |(_, failure)| (*failure, false))
        }
        None => match classify(&said, None) {
            SshFailure::Other => (SshFailure::Closed, false),
            failure => (failure, true),
        },
    };
    Some(Reason { failure, on_the_way, said })
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_others_say_who_stand_on_the_way() {
        let closed = "kex_exchange_identification: Connection closed by remote host";
        let seen = |theirs: &str| {
            let reason = reason_of(&format!("{closed}\r\n"), &format!("{theirs}\r\n{closed}\r\n"));
            reason.map(|reason| (reason.failure, reason.on_the_way))
        };
        let open = |why: &str| format!("channel 0: open failed: {why}\r\nstdio forwarding failed");
        for (theirs, expected) in [
            (&*open("connect failed: Connection refused"), (SshFailure::Refused, false)),
            (&*open("connect failed: No route to host"), (SshFailure::Unreachable, false)),
            (&*open("connect failed: Name or service not known"), (SshFailure::Unresolved, false)),
            (&*open("administratively prohibited: open failed"), (SshFailure::NoFurther, true)),
            ("ann@attic: Permission denied (publickey).", (SshFailure::Auth, true)),
            ("Host key verification failed.", (SshFailure::KeyUnknown, true)),
            ("ssh: Could not resolve hostname attic: Name", (SshFailure::Unresolved, true)),
            ("nc: gone fishing", (SshFailure::Closed, false)),
        ] {
            assert_eq!(seen(theirs), Some(expected), "{theirs}");
        }
        assert_eq!(seen(""), None);
        // It got there by now.
        assert_eq!(reason_of(closed, "ann@desk: Permission denied (publickey)."), None);
    }
}
