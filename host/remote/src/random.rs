//! Numbers that nobody can guess.

use rustix::rand::{GetRandomFlags, getrandom};
use std::io;

/// 128 random bits, hex.
pub(crate) fn number() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}
