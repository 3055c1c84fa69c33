//! `lease`: a new workspace, or the one that an earlier call for the same lease has made.

use crate::cli::{Cli, LONG, Login, Order, Workspace};
use crate::endpoint::{endpoint, identity};
use crate::noted;
use crate::scope;
use crate::up::{Bringing, Up};
use crate::wishes::Wishes;
use crabbox_provider_api::payload::{LeaseRequest, Leased, Resource};
use crabbox_provider_api::{Effect, Error, ErrorCode, Host};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) fn lease(request: LeaseRequest, host: &Host) -> Result<Leased, Error> {
    let wishes = Wishes::of(&request.settings);
    let work_root = wishes.work_root()?;
    let template = wishes.template()?;
    let cli = Cli::new(&request.settings, host);
    let version = cli.version()?;
    version.check()?;
    let login = cli.whoami()?;
    let scope = scope::own(&login);
    let name = request.name.unwrap_or(request.lease);
    let workspace = if let Some(there) = cli.by_name(&name)? {
        if !is_ours(&there, &login) {
            let message = format!(
                "a workspace `{name}` is there, and it can't be told that it was made for this lease"
            );
            return Err(Error::new(ErrorCode::Conflict, message).hint("coder list"));
        }
        there
    } else {
        let minutes = request.deadline.map(minutes_from_now);
        let order = Order { name: &name, template, minutes, wishes: &wishes, version };
        cli.check_preset(&order)?;
        host.checkpoint_in(&scope, &Resource::new(&name))?;
        cli.create(&order)?;
        // It is there from here on, whatever is said of it.
        let made = cli.by_name(&name).map_err(|error| error.effect(Effect::Done))?;
        made.ok_or_else(|| unseen(&name))?
    };
    let resource = Resource::new(name).with_id(&workspace.id);
    host.checkpoint_in(&scope, &resource)?;
    if request.deadline.is_some() && workspace.ttl_ms.is_none() {
        host.progress(
            "its template has no workspace stop by itself: this one runs until it is stopped",
        );
    }
    let bringing = Bringing { cli: &cli, wishes: &wishes, version, longest: LONG };
    let Up { workspace, agent, version } =
        bringing.up(workspace).map_err(|error| error.effect(Effect::Done))?;
    Ok(Leased::new(resource, scope)
        .with_endpoint(endpoint(&cli, &workspace, &agent, version, work_root))
        .with_identity(identity(&workspace))
        .with_attributes(noted::attributes(&cli, version, Some(work_root)))
        .with_owner(workspace.owner_name))
}

/// Its name alone is no proof: it is this login's, who has asked for its first build, which is its latest. What
/// has been built again since may have been somebody's.
pub(crate) fn is_ours(workspace: &Workspace, login: &Login) -> bool {
    let build = &workspace.latest_build;
    workspace.owner_id == login.user_id && build.initiator_id == login.user_id && build.number == 1
}

/// From now to a moment, rounded up: what Coder is told.
pub(crate) fn minutes_from_now(moment: u64) -> u64 {
    moment.saturating_sub(now()).div_ceil(60_000).max(1)
}

/// Milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn unseen(name: &str) -> Error {
    let message = format!("`coder create` has made `{name}`, and `coder list` doesn't show it");
    Error::new(ErrorCode::Internal, message).effect(Effect::Maybe)
}
