//! What a run printed, kept in its folder: `log/OFFSET.zst`, each a segment of the output from that offset on.
//!
//! [`writer`] compresses on a thread of its own what [`queue`] hands over, in memory of [`spare`], into [`segments`] of which
//! the first and the last are kept, each a file of [`frames`]; [`mask`] covers secrets before; [`piece`] is what stands in one,
//! and [`reader`] gives it back, piece by piece.

mod frames;
mod mask;
mod piece;
mod queue;
mod reader;
mod segments;
mod spare;
mod writer;

pub use piece::Piece;
pub use reader::Log;
pub use writer::{Cut, OutputLog};
