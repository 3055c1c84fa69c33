//! What a provider implements.

use crate::host::Host;
use crate::payload::{
    Diagnosis, DoctorRequest, ExtendRequest, Extended, Inventory, LeaseRequest, Leased,
    ListRequest, ReleaseRequest, Released, Resolution, ResolveRequest,
};
use crate::{Error, ErrorCode};

/// The hooks. One that isn't implemented answers [`ErrorCode::Unsupported`].
///
/// A provider keeps no state between calls: the host makes a value for each, in a process that
/// may serve one call only. It keeps no claims, retries nothing and rolls nothing back: that is the host's.
pub trait Provider: Default {
    /// Makes the resource for this lease id, or adopts the one that an earlier call for it
    /// made. Calls [`Host::checkpoint`] before it creates anything, and again
    /// as soon as the immutable id is known.
    fn lease(&self, request: LeaseRequest, host: &Host) -> Result<Leased, Error> {
        let _ = (request, host);
        Err(unsupported("lease"))
    }

    /// Says what has become of a claim's resource. With [`crate::payload::Intent::Status`] it
    /// starts, touches and extends nothing.
    fn resolve(&self, request: ResolveRequest, host: &Host) -> Result<Resolution, Error> {
        let _ = (request, host);
        Err(unsupported("resolve"))
    }

    /// Parks or deletes the resource, after verifying its immutable id. Idempotent.
    fn release(&self, request: ReleaseRequest, host: &Host) -> Result<Released, Error> {
        let _ = (request, host);
        Err(unsupported("release"))
    }

    /// Checks whether the provider can work here.
    fn doctor(&self, request: DoctorRequest, host: &Host) -> Result<Diagnosis, Error> {
        let _ = (request, host);
        Err(unsupported("doctor"))
    }

    /// Lists what could be ours, with evidence.
    fn list(&self, request: ListRequest, host: &Host) -> Result<Inventory, Error> {
        let _ = (request, host);
        Err(unsupported("list"))
    }

    /// Pushes the provider's own deadline.
    fn extend(&self, request: ExtendRequest, host: &Host) -> Result<Extended, Error> {
        let _ = (request, host);
        Err(unsupported("extend"))
    }
}

fn unsupported(hook: &str) -> Error {
    Error::new(ErrorCode::Unsupported, format!("this provider has no `{hook}`"))
}
