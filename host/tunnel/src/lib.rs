//! The two ends of connections that are carried through one session, for the host and for its remote helper alike.
//!
//! | module | what it does |
//! |---|---|
//! | [`streams`] | all of them: opens, finds and bounds them |
//! | `stream` | one connection, a thread for each direction |
//!
//! What travels is in [`crabbox_wire::tunnel`]. Nobody waits in a circle: whoever hands in what came from the other side
//! ([`Streams::take`]) never waits, since what may come was granted before; the threads of a stream wait for their own
//! connection, for what is granted, and for the way to the other side.

mod stream;
pub mod streams;

pub use streams::{Streams, StreamsError, Way};

/// The other side is gone: nothing more is to be said to it.
#[derive(Debug, thiserror::Error)]
#[error("the other side is gone")]
pub struct Gone;
