//! `resolve`: what has become of a claim's workspace. It is asked for by its immutable id, with one call, whatever its
//! name is by now and whoever has that.

use crate::agents::{Reach, choose, reach};
use crate::cli::{Cli, Doing, Version, Workspace};
use crate::endpoint::{attributes, endpoint, identity, noted_version, noted_work_root};
use crate::lease::is_ours;
use crate::scope;
use crate::up::{Bringing, Up};
use crate::wishes::Wishes;
use crabbox_provider_api::payload::{
    Attributes, Found, Intent, Resolution, ResolveRequest, Resource, ResourceState, Scope,
};
use crabbox_provider_api::{Error, Host};
use std::time::Duration;

/// The hook has ten minutes.
const CONNECTING: Duration = Duration::from_mins(9);

pub(crate) fn resolve(request: ResolveRequest, host: &Host) -> Result<Resolution, Error> {
    let wishes = Wishes::of(&request.settings)?;
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
    let version = match noted_version(&request.attributes) {
        Some(version) => version,
        None => cli.version()?,
    };
    let asked =
        Asked { cli: &cli, wishes: &wishes, version, attributes: request.attributes, scope };
    match request.intent {
        Intent::Status => Ok(Resolution::Found(asked.looks(workspace))),
        Intent::Connect => {
            version.check()?;
            let longest = CONNECTING;
            let bringing = Bringing { cli: &cli, wishes: &wishes, version, longest };
            let Up { workspace, agent } = bringing.up(workspace)?;
            Ok(Resolution::Found(asked.found(workspace, ResourceState::Ready, Some(&agent))))
        }
    }
}

struct Asked<'a> {
    cli: &'a Cli<'a>,
    wishes: &'a Wishes,
    version: Version,
    attributes: Attributes,
    scope: Scope,
}

impl Asked<'_> {
    /// Nothing is started for this, and nothing waited for.
    fn looks(self, workspace: Workspace) -> Found {
        let (state, why) = match workspace.doing() {
            Doing::Running if workspace.is_dormant() => (
                ResourceState::Failed,
                Some("it is dormant, so that nothing leads to it".to_owned()),
            ),
            Doing::Running => {
                let chosen = choose(&workspace, self.wishes.agent.as_deref());
                match chosen.map(|agent| (agent.name.clone(), reach(agent, self.wishes))) {
                    Ok((agent, Reach::Now)) => {
                        return self.found(workspace, ResourceState::Ready, Some(&agent));
                    }
                    Ok((_, Reach::Soon(why) | Reach::Lost(why) | Reach::Never(why))) => {
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
        self.found(workspace, state, None)
    }

    fn found(self, workspace: Workspace, state: ResourceState, agent: Option<&str>) -> Found {
        let Self { cli, wishes, version, attributes: noted, scope } = self;
        let work_root = noted_work_root(&noted, wishes).to_owned();
        let way = agent.map(|agent| endpoint(cli, &workspace, agent, version, &work_root));
        let shows = identity(&workspace);
        let found = Found::new(Resource::new(workspace.name).with_id(workspace.id), scope, state)
            .with_identity(shows)
            .with_attributes(attributes(version, &work_root))
            .with_owner(workspace.owner_name);
        match way {
            Some(way) => found.with_endpoint(way),
            None => found,
        }
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
