//! What every database of ours needs of SQLite, whatever is in it.
//!
//! Its [`files`] are private and belong together, it is [`open`]ed for one kind of work or for a look alone, and whoever
//! exchanges it holds a [`lock`]. Its log is [`mod@settle`]d while nobody waits. What is wrong with one is a [`fault`].

mod fault;
mod files;
mod lock;
mod open;
mod settle;

pub(crate) use fault::Fault;
pub(crate) use files::{Untrusted, check, check_trusted, create_private, is_cut_off, put_aside};
pub(crate) use lock::{lock_file, wait_for};
pub(crate) use open::{prepare, schema, to_look_at};
pub(crate) use settle::{is_due, settle};
