//! `kill -9` at each point that the life of a workspace comes to: what exists is claimed, the next command finishes
//! what was broken off, nobody else's workspace is touched, and nothing is left running.
//!
//! [`scenes`] says what goes on, [`prepared`] makes ready what it begins with, and [`scene`] kills.

mod prepared;
mod scene;
mod scenes;
