//! One byte stream to the remote helper on a box, whatever leads there.
//!
//! [`bootstrap`] is the script that runs the helper there (and what the host does when it isn't there yet),
//! [`process`] our end of the stream, [`mod@helpers`] the executables that are embedded in this program,
//! [`watchdog`] ends a box's silence. [`mod@attach`] and [`shell`] are for people, without the frames, and [`mod@answered`]
//! asks them. A [`Route`] leads to a box by [`exec`] or by [`ssh`]; nothing above this
//! module knows which.

mod answered;
mod attach;
mod bootstrap;
mod error;
mod exec;
mod helpers;
mod process;
mod route;
mod shell;
pub mod ssh;
mod watchdog;

pub use answered::{Answers, answered};
pub use attach::attach;
pub use bootstrap::Link;
pub use error::TransportError;
pub use helpers::embedded as helpers;
pub use process::{LocalEnd, Process};
pub use route::{Route, open};
pub use shell::{folder_word, shell_line};
pub(crate) use watchdog::Watchdog;
