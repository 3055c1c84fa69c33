//! The fingerprint of a host key that isn't known here: what somebody compares before they trust it. OpenSSH shows it
//! only where it can ask, or to whoever debugs it; so, where it has refused a key, it is asked once more.

use super::connect::Way;
use super::once_more::{self, Loudness};

/// What stands before the key's kind and fingerprint.
const BEFORE: &str = "debug1: Server host key: ";

/// Such as `ssh-ed25519 SHA256:…`, if the server shows one.
pub(super) fn shown(way: &Way<'_>) -> Option<String> {
    last(&once_more::said(way, Loudness::Debug)?)
}

/// The hosts on the way come first, and it went no further than to the one whose key isn't known.
fn last(said: &str) -> Option<String> {
    let line = said.lines().rev().find_map(|line| line.strip_prefix(BEFORE))?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_key_is_the_one_that_was_refused() {
        let said = "debug1: Server host key: ssh-ed25519 SHA256:attic\r\n\
            Authenticated to attic ([127.0.0.1]:22) using \"publickey\".\r\n\
            debug1: Server host key: ssh-ed25519 SHA256:desk\r\n\
            Host key verification failed.\r\n";
        assert_eq!(last(said).as_deref(), Some("ssh-ed25519 SHA256:desk"));
        assert_eq!(last("Host key verification failed."), None);
    }
}
