//! All that the author of a crabbox provider depends on.
//!
//! A provider is a cdylib that makes boxes: it implements [`Provider`], describes
//! itself in a `provider.toml` ([`manifest`]) and ends with one line of
//! [`export_provider!`]. The host loads it in a child process and calls its hooks,
//! one at a time.
//!
//! | | |
//! |---|---|
//! | [`Provider`] | the hooks to implement |
//! | [`payload`] | what each is asked, and what it answers |
//! | [`Error`] | how it fails: a code, a message, a hint, and whether anything may exist now |
//! | [`Host`] | what it may ask of the host meanwhile; above all [`Host::checkpoint`] |
//! | [`exec`] | external commands, which the host runs: [`Command`], [`Host::exec`] |
//! | `testing` | with that feature: hooks tested without a host and without tools |
//! | [`manifest`] | what it says of itself, readable without running it |
//! | [`export_provider!`] | the line that makes the crate a provider |
//! | [`abi`] | what crosses the border, who frees what, what may be called from where |
//!
//! # What is whose job
//!
//! A provider makes a resource, finds it again, and parks or deletes it. It tells the host what it is
//! about to make before it makes it, and what it knows for sure, no more. Everything else is the host's: claims,
//! retries, roll-back, deadlines, exit codes, messages. A provider keeps no state between calls, prints nothing, starts no process itself,
//! and never acts on a resource of which it only knows the name.
//!
//! # A whole provider
//!
//! `provider.toml`, beside its `Cargo.toml`:
//!
//! ```toml
#![doc = include_str!("../example/provider.toml")]
//! ```
//!
//! and `src/lib.rs`:
//!
//! ```no_run
//! use crabbox_provider_api::payload::{
//!     Endpoint, LeaseRequest, Leased, Resource, Scope, Transport,
//! };
//! use crabbox_provider_api::{Error, ErrorCode, Host, Provider, export_provider};
//!
//! # #[cfg(any())]
//! export_provider!("provider.toml", Desk);
//! # export_provider!("example/provider.toml", Desk);
//!
//! /// Boxes on a machine under the desk.
//! #[derive(Default)]
//! struct Desk;
//!
//! impl Provider for Desk {
//!     fn lease(&self, request: LeaseRequest, host: &Host) -> Result<Leased, Error> {
//!         let name = format!("desk-{}", request.lease);
//!         // Durable before anything exists: after a crash the host knows what to look for.
//!         host.checkpoint(&Resource::new(&name))?;
//!         std::fs::create_dir_all(format!("/srv/{name}"))
//!             .map_err(|error| Error::new(ErrorCode::Unavailable, error.to_string()))?;
//!         let resource = Resource::new(&name).with_id(&name);
//!         host.checkpoint(&resource)?;
//!         let way = Transport::Exec { prefix: vec!["ssh".into(), "desk".into()] };
//!         let scope = Scope::new("desk", "everybody");
//!         Ok(Leased::new(resource, scope).with_endpoint(Endpoint::new(way, "~/crabbox")))
//!     }
//! }
//! ```
//!
//! The crate is called `crabbox-provider-desk` and is a `cdylib`, since the host looks for files called
//! `libcrabbox_provider_*.so`. `crabbox run --provider-path target/debug --provider desk -- COMMAND` tries it.
//!
//! A manifest that the host couldn't read, or with a key that means nothing, doesn't compile:
//!
//! ```compile_fail
//! # use crabbox_provider_api::{Provider, export_provider};
//! # #[derive(Default)] struct Desk;
//! # impl Provider for Desk {}
//! export_provider!("Cargo.toml", Desk);
//! ```

pub mod abi;
mod endpoint;
mod error;
pub mod exec;
mod export;
mod host;
mod made;
pub mod payload;
mod provider;
mod settings;
#[cfg(feature = "testing")]
pub mod testing;
mod trace;

#[doc(hidden)]
pub use crabbox_provider_macros::check_manifest;
pub use crabbox_provider_manifest as manifest;
pub use error::{Effect, Error, ErrorCode, LONGEST_RETRY_AFTER};
pub use exec::{Command, ExecError, ExecErrorKind, Output};
pub use host::{Host, Level};
pub use provider::Provider;
