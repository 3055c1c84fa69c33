//! `list`: the workspaces of the login, or all that it may see. Coder has no labels: what speaks for a lease is the
//! name, which proves nothing.

use crate::cli::{Cli, Workspace};
use crate::resolve::state;
use crate::scope;
use crabbox_provider_api::payload::{Inventory, ListRequest, Listed, Resource};
use crabbox_provider_api::{Error, Host};
use std::collections::BTreeMap;

pub(crate) fn list(request: &ListRequest, host: &Host) -> Result<Inventory, Error> {
    let cli = Cli::new(&request.settings, host);
    let login = cli.whoami()?;
    let own = request.settings.text("list-scope") != Some("all");
    let resources = cli.all(own)?.into_iter().map(|workspace| {
        let scope = scope::of(&login, &workspace);
        let state = state(&workspace.doing());
        let mine = workspace.owner_id == login.user_id;
        let lease = lease_in(&workspace.name);
        let evidence = evidence(&workspace);
        let Workspace { id, name, owner_name, .. } = workspace;
        let listed = Listed::new(Resource::new(name).with_id(id), scope, state);
        let listed = listed.with_owner(owner_name).with_mine(mine).with_evidence(evidence);
        match lease {
            Some(lease) => listed.with_lease(lease),
            None => listed,
        }
    });
    Ok(Inventory::new(resources.collect()))
}

/// What it was made from, and who has asked for its latest build, which may be its first: others choose their names.
fn evidence(workspace: &Workspace) -> BTreeMap<String, String> {
    let initiator = &workspace.latest_build.initiator_name;
    let said = [("template", &workspace.template_name), ("initiator", initiator)];
    let said = said.into_iter().filter(|(_, name)| !name.is_empty());
    said.map(|(what, name)| (what.to_owned(), name.clone())).collect()
}

/// The lease that a name speaks of, as the host makes names.
fn lease_in(name: &str) -> Option<String> {
    let (_, last) = name.rsplit_once('-')?;
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (last.len() == 12 && last.bytes().all(is_hex)).then(|| format!("cbx_{last}"))
}

#[cfg(test)]
mod tests {
    use super::lease_in;

    #[test]
    fn a_name_may_speak_of_a_lease() {
        let named = lease_in("crabbox-amber-crab-0123456789ab");
        assert_eq!(named.as_deref(), Some("cbx_0123456789ab"));
        for other in ["one", "crabbox-amber-crab", "x-0123456789AB", "0123456789ab"] {
            assert_eq!(lease_in(other), None, "{other}");
        }
    }
}
