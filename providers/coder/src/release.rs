//! `release`: stops or deletes exactly the workspace of the claim.

use crate::cli::{Cli, Doing, Failed, LONG, Reason, Workspace};
use crate::endpoint::reference;
use crate::noted;
use crate::scope;
use crate::waiting::Waiting;
use crabbox_provider_api::payload::{Proof, ReleaseAction, ReleaseRequest, Released};
use crabbox_provider_api::{Effect, Error, ErrorCode, Host};

pub(crate) fn release(request: &ReleaseRequest, host: &Host) -> Result<Released, Error> {
    let cli = Cli::of(&request.settings, host, Some(&request.scope));
    let Some(id) = &request.resource.id else {
        let message = format!("`{}` has no immutable id: it is left alone", request.resource.name);
        return Err(Error::new(ErrorCode::Conflict, message).effect(Effect::None));
    };
    let mut waiting = Waiting::new(host, LONG);
    // A delete of ours was asked for, and may be what has removed it.
    let mut asked = false;
    let (mut version, mut unfound) = (None, false);
    loop {
        // Looked at right before each step: where a command takes names alone, another may have it by then.
        let Some(workspace) = cli.by_id(id)? else {
            return match scope::absent(&cli, Some(&request.scope))? {
                Proof::Deleted if asked => Ok(Released::Deleted),
                proof => Ok(Released::Missing { proof }),
            };
        };
        if workspace.owner_id != request.scope.account {
            let Workspace { name, owner_name, .. } = &workspace;
            let message = format!("`{name}` belongs to `{owner_name}` by now: it is left alone");
            return Err(Error::new(ErrorCode::Conflict, message).effect(Effect::None));
        }
        match (workspace.doing(), request.action) {
            // Another stop would be a build for nothing.
            (Doing::Stopped, ReleaseAction::Park) => return Ok(Released::Parked),
            (Doing::Deleted, ReleaseAction::Delete) => return Ok(Released::Deleted),
            (Doing::Deleting | Doing::Deleted, _) => {
                asked = true;
                waiting.pause("the workspace is being deleted")?;
            }
            (Doing::Stopping, _) => waiting.pause("the workspace is stopping")?,
            (Doing::Starting, _) => waiting.pause("a build of the workspace is under way")?,
            (_, action) => {
                let known = match version {
                    Some(known) => known,
                    None if unfound => cli.version()?,
                    None => noted::version(&cli, &request.attributes)?,
                };
                known.check()?;
                version = Some(known);
                match end(&cli, &reference(&workspace, known), action)? {
                    Ended::Well(released) => return Ok(released),
                    Ended::Busy => waiting.pause("another build of the workspace is under way")?,
                    Ended::Unfound(failed) if unfound => return Err(failed.error()),
                    // It has gone just now, or this `coder` isn't the one that is noted, and takes names alone.
                    Ended::Unfound(_) => (unfound, version) = (true, None),
                }
            }
        }
    }
}

/// What came of asking for its end.
enum Ended {
    Well(Released),
    /// A build is under way.
    Busy,
    /// `coder` doesn't find it.
    Unfound(Failed),
}

fn end(cli: &Cli<'_>, to: &str, action: ReleaseAction) -> Result<Ended, Error> {
    let (verb, released) = match action {
        ReleaseAction::Park => ("stop", Released::Parked),
        ReleaseAction::Delete => ("delete", Released::Deleted),
    };
    let Some(failed) = cli.builds(verb, &[to, "--yes"])? else { return Ok(Ended::Well(released)) };
    match failed.reason {
        Reason::Busy | Reason::Unfollowed => Ok(Ended::Busy),
        Reason::Deleted | Reason::NotFound => Ok(Ended::Unfound(failed)),
        // Nothing was begun: it is asked for again, from its first look on.
        Reason::TooOften => Err(failed.error()),
        _ => Err(failed.error().effect(Effect::Maybe)),
    }
}
