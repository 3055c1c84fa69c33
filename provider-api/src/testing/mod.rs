//! For a provider's own tests (feature `testing`): a host that is played, and external commands whose answers come
//! from a cassette, so that nothing has to be installed and nothing happens anywhere.
//!
//! ```
//! use crabbox_provider_api::payload::{Check, CheckStatus, Diagnosis, DoctorRequest};
//! use crabbox_provider_api::testing::{Cassette, TestHost};
//! use crabbox_provider_api::{Command, Error, Host, Provider};
//!
//! #[derive(Default)]
//! struct Desk;
//!
//! impl Provider for Desk {
//!     fn doctor(&self, _: DoctorRequest, host: &Host) -> Result<Diagnosis, Error> {
//!         let power = host.exec(Command::new("deskctl").args(["power", "--all"]))?;
//!         let status = if power.success() { CheckStatus::Pass } else { CheckStatus::Fail };
//!         let message = power.stdout_text().trim().to_owned();
//!         Ok(Diagnosis::new(vec![Check::new("power", status, message)]))
//!     }
//! }
//!
//! let cassette = Cassette::parse(
//!     r#"
//!     [[call]]
//!     argv = ["deskctl", "power", "--all"]
//!     exit = 0
//!     stdout = "on\n"
//!     "#,
//! )?;
//! let test = TestHost::new(cassette);
//! let diagnosis = Desk.doctor(DoctorRequest::default(), test.host())?;
//! assert_eq!(diagnosis.checks[0].message, "on");
//! // A call that isn't on the cassette, and one that isn't made, fail the test.
//! test.finish();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Cassettes
//!
//! A [`Cassette`] is a TOML file with one `[[call]]` for each time that a command is run; see [`Call`] for its keys. A call is
//! answered by the first entry that matches and wasn't used yet, so two entries with the same `argv` answer twice, in
//! their order. In `argv`, `${NAME}` stands for any text but none: the first time it notes what it stood for, and from then on it
//! stands for the same, also in answers. `$${` stands for `${`.
//!
//! `CRABBOX_CASSETTE_RECORD=FILE crabbox …` writes a cassette of what a real tool answers, and
//! `CRABBOX_CASSETTE_REPLAY=FILE crabbox …` runs a whole command against one. [`Cassette::from_transcript`] makes one of a
//! terminal session that was noted by hand or by a script.

mod cassette;
mod difference;
mod host;
mod pattern;
mod replay;
mod transcript;

pub use cassette::{Call, Cassette, CassetteError};
pub use host::TestHost;
pub use replay::Replay;
