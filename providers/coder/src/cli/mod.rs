//! `coder`, Coder's own command line: what it is called with, and what it says.
//!
//! | | |
//! |---|---|
//! | [`program`] | how it is run |
//! | [`version`] | which versions are used, and what newer ones can do more |
//! | [`told`] | the documents that it prints |
//! | [`create`] | making a workspace |
//! | [`failure`] | what its messages come to |
//! | [`build_log`] | why a build failed |

mod build_log;
mod create;
mod failure;
mod program;
mod told;
mod version;

pub(crate) use create::Order;
pub(crate) use failure::{Failed, Reason};
pub(crate) use program::{Cli, LONG};
pub(crate) use told::{Agent, Doing, Login, Template, Workspace};
pub(crate) use version::{Feature, Version};
