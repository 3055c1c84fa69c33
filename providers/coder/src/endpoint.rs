//! The way to a workspace: `coder ssh --stdio`, which starts nothing and asks nobody.

use crate::cli::{Cli, Feature, Version, Workspace};
use crabbox_provider_api::payload::{Endpoint, HostKey, Identity, Ssh, Transport};

/// What a command calls the workspace: by what is never given to another one, where it takes that.
pub(crate) fn reference(workspace: &Workspace, version: Version) -> String {
    if version.has(Feature::Ids) {
        workspace.id.clone()
    } else {
        format!("{}/{}", workspace.owner_name, workspace.name)
    }
}

/// The way to an agent.
pub(crate) fn endpoint(
    cli: &Cli<'_>,
    workspace: &Workspace,
    agent: &str,
    version: Version,
    work_root: &str,
) -> Endpoint {
    let to = format!("{}.{agent}", reference(workspace, version));
    let words = [
        cli.program.as_str(),
        "--no-version-warning",
        "--no-feature-warning",
        "ssh",
        "--stdio",
        // Starting is for `resolve` alone.
        "--disable-autostart",
        "--wait=no",
        &to,
    ];
    // Only a name: one for each workspace, so that what is known of its key is its own.
    let ssh = Ssh::new(format!("coder-{}", workspace.id))
        .with_proxy(words.map(str::to_owned).into())
        // The agent's key is made of names, and proves nothing: the way there and `identity` do.
        .with_host_key(HostKey::FirstSeen);
    Endpoint::new(Transport::Ssh(ssh), work_root).with_immutable(version.has(Feature::Ids))
}

/// What commands on it see: the agent sets that, and nothing else can.
pub(crate) fn identity(workspace: &Workspace) -> Identity {
    Identity::Environment { name: "CODER_WORKSPACE_ID".to_owned(), value: workspace.id.clone() }
}
