//! The way to a box for other programs: a line to type, and a block for editors.

use super::super::error::TransportError;
use super::super::route::Route;
use super::config;
use super::connect::Way;
use crabbox_provider_api::payload::Ssh;

/// Words for `ssh`, from any folder, as long as the lease is this machine's.
pub fn line(route: &Route<'_>, ssh: &Ssh) -> Result<Vec<String>, TransportError> {
    let way = Way::to(route, ssh)?;
    way.prepare()?;
    let config = way.folder.config().to_string_lossy().into_owned();
    Ok(vec!["ssh".to_owned(), "-t".to_owned(), "-F".to_owned(), config, way.destination()])
}

/// A `Host` block. What keeps terminals and forwardings from a run's connection isn't in it: an editor wants them.
pub fn editors(route: &Route<'_>, ssh: &Ssh) -> Result<String, TransportError> {
    let way = Way::to(route, ssh)?;
    way.prepare()?;
    config::for_editors(&way.folder, route.lease, ssh, route.state)
        .map_err(|said| way.misconfigured(said).into())
}
