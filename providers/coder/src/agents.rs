//! Which agent of a workspace is used, and whether it can be reached. `running` says that a build has succeeded; it is
//! the agent that `coder ssh` leads to, and it waits for one that is lost for ever.

use crate::cli::{Agent, Workspace};
use crate::wishes::{Scripts, Wishes};
use crabbox_provider_api::{Effect, Error, ErrorCode};

/// Can an agent be reached?
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It is there.
    Now,
    /// Not yet, for this reason.
    Soon(String),
    /// It was there, or should be: it is waited for, though not for long.
    Lost(String),
    /// Nothing comes of waiting, for this reason.
    Never(String),
}

/// The one that is meant. Those in containers of a workspace come and go, and are meant only by name.
pub(crate) fn choose<'a>(
    workspace: &'a Workspace,
    wanted: Option<&str>,
) -> Result<&'a Agent, Error> {
    let name = &workspace.name;
    let invalid =
        |message: String| Error::new(ErrorCode::InvalidConfig, message).effect(Effect::None);
    if let Some(wanted) = wanted {
        return workspace.agents().find(|agent| agent.name == wanted).ok_or_else(|| {
            let names = names(workspace.agents());
            invalid(format!("the workspace `{name}` has no agent `{wanted}`"))
                .hint(format!("set agent to one of its own: {names}"))
        });
    }
    let own: Vec<&Agent> = workspace.agents().filter(|agent| agent.parent_id.is_none()).collect();
    match own[..] {
        [agent] => Ok(agent),
        [] => Err(invalid(format!(
            "the workspace `{name}` has no agent, so that nothing leads to it"
        ))
        .hint("set template to one whose workspaces have an agent")),
        _ => {
            let names = names(own.iter().copied());
            Err(invalid(format!("the workspace `{name}` has several agents: {names}"))
                .hint(format!("set agent to one of its own: {names}")))
        }
    }
}

fn names<'a>(agents: impl Iterator<Item = &'a Agent>) -> String {
    agents.map(|agent| agent.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Whether it can be reached, and its scripts are over as far as they are waited for.
pub(crate) fn reach(agent: &Agent, wishes: &Wishes) -> Reach {
    let name = &agent.name;
    let why = agent.health.reason.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    match (agent.status.as_str(), agent.lifecycle_state.as_str()) {
        ("connecting", _) => Reach::Soon(format!("the agent `{name}` connects")),
        // Its template's patience is over, not its own: a machine that boots for long still comes.
        ("timeout", _) => Reach::Lost(format!("the agent `{name}` doesn't connect{why}")),
        ("disconnected", _) => Reach::Lost(format!("the agent `{name}` is lost{why}")),
        (_, "shutting_down" | "shutdown_timeout" | "shutdown_error" | "off") => {
            Reach::Never(format!("the agent `{name}` is shutting down"))
        }
        ("connected", "created" | "starting") if waits(agent, wishes) => {
            Reach::Soon(format!("the start-up scripts of the agent `{name}` run"))
        }
        ("connected", _) => Reach::Now,
        (other, _) => Reach::Soon(format!("the agent `{name}` is {other}")),
    }
}

fn waits(agent: &Agent, wishes: &Wishes) -> bool {
    match wishes.scripts {
        Scripts::All => true,
        Scripts::None => false,
        Scripts::Blocking => agent.scripts.iter().flatten().any(|one| one.start_blocks_login),
    }
}
