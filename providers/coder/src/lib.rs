//! The provider whose boxes are workspaces of a Coder deployment.
//!
//! Everything goes through `coder`, Coder's own command line, which the host runs: so the login stays where that
//! keeps it, and no token is seen here. What it is called with, and what it says, is in [`cli`]; the rest is a file
//! for each hook, and what several of them need:
//!
//! | | |
//! |---|---|
//! | [`lease`], [`resolve`], [`release`], [`extend`], [`list`], [`doctor`] | the hooks |
//! | [`wishes`] | the settings, checked |
//! | [`scope`] | whose workspaces a login sees, and what absence proves |
//! | [`up`] | from whatever a workspace is doing to one that can be used |
//! | [`agents`] | which agent, and whether it can be reached |
//! | [`endpoint`] | the way to it |
//! | [`noted`] | what is known of a lease from one hook to the next |
//! | [`waiting`] | between two looks |
//!
//! It depends on `crabbox-provider-api` alone, as anybody's provider would. Nothing is retried, rolled back or kept
//! here: that is the host's.

mod agents;
mod cli;
mod doctor;
mod endpoint;
mod extend;
mod lease;
mod list;
mod noted;
mod release;
mod resolve;
mod scope;
mod up;
mod waiting;
mod wishes;

use crabbox_provider_api::payload::{
    Diagnosis, DoctorRequest, ExtendRequest, Extended, Inventory, LeaseRequest, Leased,
    ListRequest, ReleaseRequest, Released, Resolution, ResolveRequest,
};
use crabbox_provider_api::{Error, Host, Provider, export_provider};

export_provider!("provider.toml", Coder);

/// See the crate's documentation.
#[derive(Default)]
struct Coder;

impl Provider for Coder {
    fn lease(&self, request: LeaseRequest, host: &Host) -> Result<Leased, Error> {
        lease::lease(request, host)
    }

    fn resolve(&self, request: ResolveRequest, host: &Host) -> Result<Resolution, Error> {
        resolve::resolve(&request, host)
    }

    fn release(&self, request: ReleaseRequest, host: &Host) -> Result<Released, Error> {
        release::release(&request, host)
    }

    fn extend(&self, request: ExtendRequest, host: &Host) -> Result<Extended, Error> {
        extend::extend(&request, host)
    }

    fn list(&self, request: ListRequest, host: &Host) -> Result<Inventory, Error> {
        list::list(&request, host)
    }

    fn doctor(&self, request: DoctorRequest, host: &Host) -> Result<Diagnosis, Error> {
        Ok(doctor::doctor(&request, host))
    }
}
