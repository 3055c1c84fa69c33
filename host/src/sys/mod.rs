//! Calls of the system that no safe library offers, each as a function that is safe to call.

mod changes;
mod descriptors;
mod front;
mod lock;
mod pipe;
mod session;
mod start;

pub(crate) use changes::Changes;
pub(crate) use descriptors::{duplicate, keep_from_children};
pub(crate) use front::run_in_front;
pub(crate) use lock::lock_beside_lookers;
pub(crate) use pipe::open_read_by_somebody;
pub(crate) use session::in_own_session;
pub(crate) use start::spawn_bound;
