//! `resolve`: what has become of a claim's workspace. It is asked for by its immutable id, with one call, whatever its
//! name is by now and whoever has that.

use crate::agents::{Reach, choose, reach};
use crate::cli::{Cli, Doing, Version, Workspace};
use crate::endpoint::{endpoint, identity};
use crate::lease::is_ours;
use crate::noted;
use crate::scope;
use crate::up::{Bringing, Up};
use crate::wishes::Wishes;
use crabbox_provider_api::payload::{
    Found, Intent, Resolution, ResolveRequest, Resource, ResourceState, Scope,
};
use crabbox_provider_api::{Error, Host};
use std::time::Duration;

/// The hook has ten minutes.
const CONNECTING: Duration = Duration::from_mins(9);

pub(crate) fn resolve(request: &ResolveRequest, host: &Host) -> Result<Resolution, Error> {
    let wishes = Wishes::of(&request.settings);
    let cli = Cli::of(&request.settings, host, request.scope.as_ref());
    let Resource { name, id, .. } = &request.resource;
    let workspace = match id {
        Some(id) => cli.by_id(id)?,
        None => cli.by_name(name)?,
    };
    let Some(workspace) = workspace else {
        let proof = scope::absent(&cli, request.scope.as_ref())?;
        return Ok(Resolution::Missing { proof });
    };
    let scope = match &request.scope {
        // Found, and its owner's: nothing else has that id.
        Some(scope) if id.is_some() => scope.clone(),
        _ => {
            let login = cli.whoami()?;
            if id.is_none() && !is_ours(&workspace, &login) {
                return Ok(Resolution::Ambiguous { candidates: vec![workspace.name] });
            }
            scope::of(&login, &workspace)
        }
    };
    if scope.account != workspace.owner_id {
        return Ok(Resolution::Foreign { owner: format!("the user `{}`", workspace.owner_name) });
    }
    let version = noted::version(&cli, &request.attributes)?;
    let work_root = noted::work_root(&request.attributes).map_or_else(|| wishes.work_root(), Ok);
    let asked = Asked { cli: &cli, wishes: &wishes, version, scope };
    match request.intent {
        Intent::Status => Ok(Resolution::Found(asked.looks(workspace, work_root))),
        Intent::Connect => {
            version.check()?;
            let work_root = work_root?;
            let longest = CONNECTING;
            let bringing = Bringing { cli: &cli, wishes: &wishes, version, longest };
            let Up { workspace, agent, version } = bringing.up(workspace)?;
            let asked = Asked { version, ..asked };
            Ok(Resolution::Found(asked.ready(workspace, &agent, work_root)))
        }
    }
}

struct Asked<'a> {
    cli: &'a Cli<'a>,
    wishes: &'a Wishes,
    version: Version,
    scope: Scope,
}

impl Asked<'_> {
    /// Nothing is started for this, and nothing waited for.
    fn looks(self, workspace: Workspace, work_root: Result<&str, Error>) -> Found {
        let known = work_root.as_ref().ok().copied();
        let (state, why) = match workspace.doing() {
            Doing::Running if workspace.is_dormant() => (
                ResourceState::Failed,
                Some("it is dormant, so that nothing leads to it".to_owned()),
            ),
            Doing::Running => {
                let chosen = choose(&workspace, self.wishes.agent.as_deref())
                    .and_then(|agent| Ok((agent, work_root?)));
                match chosen
                    .map(|(agent, root)| (agent.name.clone(), root, reach(agent, self.wishes)))
                {
                    Ok((agent, root, Reach::Now)) => return self.ready(workspace, &agent, root),
                    Ok((.., Reach::Soon(why) | Reach::Lost(why) | Reach::Never(why))) => {
                        (ResourceState::Starting, Some(why))
                    }
                    Err(error) => (ResourceState::Starting, Some(error.message)),
                }
            }
            doing => (state(&doing), None),
        };
        if let Some(why) = why {
            self.cli.host.progress(&why);
        }
        self.found(workspace, state, known)
    }

    fn ready(self, workspace: Workspace, agent: &str, work_root: &str) -> Found {
        let way = endpoint(self.cli, &workspace, agent, self.version, work_root);
        self.found(workspace, ResourceState::Ready, Some(work_root)).with_endpoint(way)
    }

    fn found(self, workspace: Workspace, state: ResourceState, work_root: Option<&str>) -> Found {
        let (shows, noted) =
            (identity(&workspace), noted::attributes(self.cli, self.version, work_root));
        let resource = Resource::new(workspace.name).with_id(workspace.id);
        Found::new(resource, self.scope, state)
            .with_identity(shows)
            .with_attributes(noted)
            .with_owner(workspace.owner_name)
    }
}

/// What it is doing, in the host's words.
pub(crate) fn state(doing: &Doing) -> ResourceState {
    match doing {
        Doing::Running => ResourceState::Ready,
        Doing::Starting => ResourceState::Starting,
        Doing::Stopped | Doing::Stopping => ResourceState::Parked,
        Doing::Failed { .. } | Doing::Deleting | Doing::Deleted => ResourceState::Failed,
        Doing::Unknown(_) => ResourceState::Unknown,
    }
}
