//! The language between the host (`crabbox`) and the remote helper (`crabbox-remote`).
//!
//! One session is one byte stream each way. The helper opens with the
//! [`greeting`], after which both sides exchange [`frame`]s: control messages
//! ([`message`]) are JSON, so that a field can be added; bulk bytes (the sync
//! stream, output, input) travel raw. What a tree is, and the hash that names it,
//! is in [`tree`]; the records that change one tree into another are in [`delta`].
//!
//! | module | what it holds |
//! |---|---|
//! | [`greeting`] | the first words, found among whatever a box prints before them |
//! | [`frame`] | kind, length, payload: [`frame::ToHelper`] and [`frame::ToHost`] |
//! | [`message`] | the JSON of control frames, from [`message::Request`] to [`message::Ended`] |
//! | [`place`] | a lease's part of a box that several share |
//! | [`text`] | strings that need not be UTF-8, in JSON |
//! | [`tree`] | entries, manifests, and the hash that names a tree |
//! | [`delta`] | the records in the sync stream |
//! | [`tunnel`] | pieces of the streams that connections are carried in |
//! | [`copy`] | records and words while files are copied |
//! | [`collect`] | what is brought back from a run |
//!
//! A session is a request (in the helper's command line, or as the first frame), the box's proof, the sync, and
//! the command's life: `docs/reference/wire.md` has the order.
//!
//! # What it must not do
//!
//! This crate holds types and their encodings only: no I/O beyond reading and
//! writing frames, no policy. Whatever arrives is hostile until it has been
//! decoded here, so every length is checked before memory is set aside for it. It is linked into the helper: no C
//! code, no dependency that isn't needed there.

pub mod collect;
pub mod copy;
pub mod delta;
pub mod frame;
pub mod greeting;
pub mod message;
pub mod place;
pub mod text;
pub mod tree;
pub mod tunnel;

/// Version of everything in this crate. Host and helper are built from one
/// source and the helper is named by its hash, so the two always agree; the number
/// guards against a helper that was put in place by hand.
pub const PROTOCOL: u32 = 1;
