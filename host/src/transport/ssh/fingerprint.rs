//! The fingerprint of a host key that isn't known here: what somebody compares before they trust it. OpenSSH shows it
//! only where it can ask, or to whoever debugs it; so, where it has refused a key, it is asked once more.

use super::connect::Way;
use super::once_more;

/// What stands before the key's kind and fingerprint.
const BEFORE: &str = "debug1: Server host key: ";

/// Such as `ssh-ed25519 SHA256:…`, if the server shows one.
pub(super) fn shown(way: &Way<'_>) -> Option<String> {
    let said = once_more::said(way, "DEBUG1")?;
    let line = said.lines().find_map(|line| line.strip_prefix(BEFORE))?;
    Some(line.trim().to_owned())
}
