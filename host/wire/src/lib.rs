//! The language between the host (`crabbox`) and the remote helper (`crabbox-remote`).
//!
//! One session is one byte stream each way. The helper opens with the
//! [`greeting`], after which both sides exchange [`frame`]s: control messages
//! ([`message`]) are JSON, so that a field can be added; bulk bytes (the sync
//! stream, output, input) travel raw. What a tree is, and the hash that names it,
//! is in [`tree`]; the records that change one tree into another are in [`delta`].
//!
//! This crate holds types and their encodings only: no I/O beyond reading and
//! writing frames, no policy. Whatever arrives is hostile until it has been
//! decoded here, so every length is checked before memory is set aside for it.

pub mod delta;
pub mod frame;
pub mod greeting;
pub mod message;
pub mod text;
pub mod tree;

/// Version of everything in this crate. Host and helper are built from one
/// source and the helper is named by its hash, so the two always agree; the number
/// guards against a helper that was put in place by hand.
pub const PROTOCOL: u32 = 1;
