//! Whose workspaces a login sees. A scope is the deployment's address and the immutable id of the workspace's owner;
//! what is absent is proven gone only to that owner, at that deployment.

use crate::cli::{Cli, Login, Workspace};
use crabbox_provider_api::Error;
use crabbox_provider_api::payload::{Proof, Scope};

/// Where what this login makes belongs.
pub(crate) fn own(login: &Login) -> Scope {
    of_owner(login, &login.user_id)
}

/// Where a workspace that this login sees belongs.
pub(crate) fn of(login: &Login, workspace: &Workspace) -> Scope {
    of_owner(login, &workspace.owner_id)
}

fn of_owner(login: &Login, owner: &str) -> Scope {
    Scope::new(login.deployment(), owner)
}

/// What it proves that a workspace wasn't found.
pub(crate) fn absent(cli: &Cli<'_>, claimed: Option<&Scope>) -> Result<Proof, Error> {
    let Some(claimed) = claimed else { return Ok(Proof::NotVisible) };
    let login = cli.whoami()?;
    if own(&login) == *claimed {
        return Ok(Proof::Deleted);
    }
    let Scope { deployment, account, .. } = claimed;
    let Login { url, username, user_id } = &login;
    cli.host.progress(&format!(
        "the lease belongs to the user {account} of {deployment}, and you are logged in as `{username}` ({user_id}) of {url}"
    ));
    Ok(Proof::NotVisible)
}
