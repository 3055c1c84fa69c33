//! The way to a workspace: `coder ssh --stdio`, which starts nothing and asks nobody.

use crate::cli::{Cli, Feature, Version, Workspace};
use crabbox_provider_api::payload::{Attributes, Endpoint, HostKey, Identity, Ssh, Transport};

/// In a lease's attributes: which `coder` has leased it.
const VERSION: &str = "coder";

/// In a lease's attributes: where checkouts lie.
const WORK_ROOT: &str = "work_root";

/// What is noted of a lease.
pub(crate) fn attributes(version: Version, work_root: Option<&str>) -> Attributes {
    let mut attributes = Attributes::new();
    attributes.insert(VERSION.to_owned(), version.to_string().into());
    if let Some(work_root) = work_root {
        attributes.insert(WORK_ROOT.to_owned(), work_root.into());
    }
    attributes
}

/// Which `coder` has leased it, if that is noted: it isn't asked each time.
pub(crate) fn noted_version(attributes: &Attributes) -> Option<Version> {
    attributes.get(VERSION).and_then(|version| Version::parse(version.as_str()?))
}

/// Where checkouts lie, if that is noted: where they did when it was leased.
pub(crate) fn noted_work_root(attributes: &Attributes) -> Option<&str> {
    attributes.get(WORK_ROOT).and_then(|root| root.as_str())
}

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
