//! `extend`: when a running workspace stops by itself.

use crate::cli::{Cli, Doing, Failed, Reason, Version, Workspace};
use crate::endpoint::reference;
use crate::lease::{minutes_from_now, now};
use crate::noted;
use crabbox_provider_api::payload::{ExtendRequest, Extended};
use crabbox_provider_api::{Effect, Error, ErrorCode, Host};

pub(crate) fn extend(request: &ExtendRequest, host: &Host) -> Result<Extended, Error> {
    let cli = Cli::of(&request.settings, host, Some(&request.scope));
    let name = &request.resource.name;
    let refuse =
        |code, why: &str| Err(Error::new(code, format!("`{name}` {why}")).effect(Effect::None));
    let found = request.resource.id.as_deref().map(|id| cli.by_id(id)).transpose()?.flatten();
    let Some(workspace) = found else {
        return refuse(ErrorCode::NotFound, "can't be seen: it gets no more time");
    };
    if workspace.owner_id != request.scope.account {
        return refuse(ErrorCode::Conflict, "belongs to somebody else by now: it is left alone");
    }
    if workspace.doing() != Doing::Running {
        return refuse(ErrorCode::Conflict, "doesn't run: it gets no more time");
    }
    if workspace.latest_build.deadline.is_none() {
        return refuse(
            ErrorCode::Unsupported,
            "never stops by itself, so that it needs no more time",
        );
    }
    let minutes = minutes_from_now(request.deadline);
    let before = now();
    let noted = noted::version(&cli, &request.attributes)?;
    let failed = match push(&cli, &workspace, noted, minutes)? {
        // It isn't the one that is noted, and takes names alone.
        Some(failed) if failed.reason == Reason::NotFound => {
            let now = cli.version()?;
            if now == noted { Some(failed) } else { push(&cli, &workspace, now, minutes)? }
        }
        other => other,
    };
    match failed {
        None => Ok(Extended::new(before + minutes * 60_000)),
        Some(failed) => Err(failed.error()),
    }
}

fn push(
    cli: &Cli<'_>,
    workspace: &Workspace,
    version: Version,
    minutes: u64,
) -> Result<Option<Failed>, Error> {
    version.check()?;
    let to = reference(workspace, version);
    cli.does(&["schedule", "extend", &to, &format!("{minutes}m")])
}
