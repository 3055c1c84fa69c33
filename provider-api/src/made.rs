//! How a provider makes what it says, and a test what it is asked: with what each can't be without. What comes later has
//! a default, so that source which was written before goes on to mean the same.

use crate::endpoint::{Endpoint, HostKey, Ssh, Transport};
use crate::payload::{
    Attributes, Check, CheckStatus, Diagnosis, ExtendRequest, Extended, Found, Identity, Intent,
    Inventory, LeaseRequest, Leased, Listed, ReleaseAction, ReleaseRequest, ResolveRequest,
    Resource, ResourceState, Scope, ToProbe,
};
use crate::settings::Settings;
use std::collections::BTreeMap;

/// Methods that set a field, named after it.
macro_rules! with {
    ($($name:ident, $field:ident: $type:ty = $value:expr, $doc:literal;)+) => {
        $(
            #[doc = $doc]
            #[must_use]
            pub fn $name(mut self, $field: $type) -> Self {
                self.$field = $value;
                self
            }
        )+
    };
}

impl Resource {
    /// One of which only the name is known.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), id: None }
    }

    with! {
        with_id, id: impl Into<String> = Some(id.into()), "With its immutable id.";
    }
}

impl Scope {
    /// That account of that deployment.
    #[must_use]
    pub fn new(deployment: impl Into<String>, account: impl Into<String>) -> Self {
        Self { deployment: deployment.into(), account: account.into() }
    }
}

impl Leased {
    /// What was made, and where it belongs.
    #[must_use]
    pub fn new(resource: Resource, scope: Scope) -> Self {
        Self { resource, scope, ..Self::default() }
    }

    with! {
        with_endpoint, endpoint: Endpoint = Some(endpoint), "With the way to it.";
        with_identity, identity: Identity = Some(identity), "With what it must show.";
        with_attributes, attributes: Attributes = attributes, "With the provider's notes on it.";
        with_owner, owner: impl Into<String> = Some(owner.into()), "With whose it is, for people.";
        with_limit, limit: u32 = Some(limit), "With how many leases may be on it at a time.";
    }
}

impl Found {
    /// What was found, where it belongs, and what it is doing.
    #[must_use]
    pub fn new(resource: Resource, scope: Scope, state: ResourceState) -> Self {
        Self { state, ..Self::from(Leased::new(resource, scope)) }
    }

    with! {
        with_endpoint, endpoint: Endpoint = Some(endpoint), "With the way to it.";
        with_identity, identity: Identity = Some(identity), "With what it must show.";
        with_attributes, attributes: Attributes = attributes, "With the provider's notes on it.";
        with_owner, owner: impl Into<String> = Some(owner.into()), "With whose it is, for people.";
    }
}

impl Listed {
    /// What there is, where it belongs, and what it is doing.
    #[must_use]
    pub fn new(resource: Resource, scope: Scope, state: ResourceState) -> Self {
        let evidence = BTreeMap::new();
        Self { resource, scope, state, lease: None, owner: None, mine: None, evidence }
    }

    with! {
        with_lease, lease: impl Into<String> = Some(lease.into()), "With the lease that it names.";
        with_owner, owner: impl Into<String> = Some(owner.into()), "With whose it is, for people.";
        with_mine, mine: bool = Some(mine), "With whether it is this login's.";
        with_evidence, evidence: BTreeMap<String, String> = evidence, "With what speaks for it.";
    }
}

impl Inventory {
    /// All that there is.
    #[must_use]
    pub fn new(resources: Vec<Listed>) -> Self {
        Self { resources, next: None }
    }

    with! {
        with_next, next: impl Into<String> = Some(next.into()), "With where the next page begins.";
    }
}

impl Check {
    /// What was looked at, and how that went.
    #[must_use]
    pub fn new(id: impl Into<String>, status: CheckStatus, message: impl Into<String>) -> Self {
        Self { id: id.into(), status, message: message.into(), hint: None }
    }

    with! {
        with_hint, hint: impl Into<String> = Some(hint.into()), "With what to do about it.";
    }
}

impl Diagnosis {
    /// These checks.
    #[must_use]
    pub fn new(checks: Vec<Check>) -> Self {
        Self { checks, boxes: Vec::new() }
    }

    with! {
        with_boxes, boxes: Vec<ToProbe> = boxes, "With boxes that the host is to try.";
    }
}

impl ToProbe {
    /// That box, at the end of that way.
    #[must_use]
    pub fn new(name: impl Into<String>, endpoint: Endpoint) -> Self {
        Self { name: name.into(), endpoint, limit: None }
    }

    with! {
        with_limit, limit: u32 = Some(limit), "With how many leases may be on it at a time.";
    }
}

impl Extended {
    /// Until then, in milliseconds since 1970.
    #[must_use]
    pub fn new(deadline: u64) -> Self {
        Self { deadline }
    }
}

impl Endpoint {
    /// That way, and the folder on the box that checkouts are kept in.
    #[must_use]
    pub fn new(transport: Transport, work_root: impl Into<String>) -> Self {
        let work_root = work_root.into();
        Self { transport, work_root, same_machine: false, immutable: false }
    }

    with! {
        with_same_machine, same_machine: bool = same_machine, "With whether it is this machine.";
        with_immutable, immutable: bool = immutable, "With whether it leads to no other resource, ever.";
    }
}

impl Ssh {
    /// To that host.
    #[must_use]
    pub fn new(host: impl Into<String>) -> Self {
        Self { host: host.into(), ..Self::default() }
    }

    with! {
        with_user, user: impl Into<String> = Some(user.into()), "As that user.";
        with_port, port: u16 = Some(port), "At that port.";
        with_identity_file, identity_file: impl Into<String> = Some(identity_file.into()), "With that key.";
        with_proxy, proxy: Vec<String> = proxy, "Through that command: program and arguments.";
        with_host_key, host_key: HostKey = host_key, "With what is known of its key.";
        with_use_user_config, use_user_config: bool = use_user_config, "With whether the user's own configuration counts.";
    }
}

impl LeaseRequest {
    /// For that lease, by its id and its name for people.
    #[must_use]
    pub fn new(lease: impl Into<String>, slug: impl Into<String>) -> Self {
        Self { lease: lease.into(), slug: slug.into(), ..Self::default() }
    }
}

impl ResolveRequest {
    /// For that resource of that lease.
    #[must_use]
    pub fn new(lease: impl Into<String>, resource: Resource, intent: Intent) -> Self {
        let (lease, attributes, settings) = (lease.into(), Attributes::new(), Settings::default());
        Self { lease, resource, scope: None, attributes, intent, settings }
    }
}

impl ReleaseRequest {
    /// For that resource of that lease.
    #[must_use]
    pub fn new(
        lease: impl Into<String>,
        resource: Resource,
        scope: Scope,
        action: ReleaseAction,
    ) -> Self {
        let (lease, attributes, settings) = (lease.into(), Attributes::new(), Settings::default());
        Self { lease, resource, scope, attributes, action, settings }
    }
}

impl ExtendRequest {
    /// For that resource of that lease, until then, in milliseconds since 1970.
    #[must_use]
    pub fn new(lease: impl Into<String>, resource: Resource, scope: Scope, deadline: u64) -> Self {
        let (lease, attributes, settings) = (lease.into(), Attributes::new(), Settings::default());
        Self { lease, resource, scope, attributes, deadline, settings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json};

    #[test]
    fn what_is_made_is_what_its_document_says() {
        let resource = Resource::new("box").with_id("1");
        let scope = Scope::new("desk", "ann");
        let way = Endpoint::new(Transport::Ssh(Ssh::new("desk").with_port(2222)), "~/crabbox");
        let found = Found::new(resource.clone(), scope.clone(), ResourceState::Ready)
            .with_endpoint(way.with_immutable(true))
            .with_owner("ann");
        let document = json!({
            "resource": { "name": "box", "id": "1" },
            "scope": { "deployment": "desk", "account": "ann" },
            "state": "ready",
            "owner": "ann",
            "endpoint": {
                "transport": { "kind": "ssh", "host": "desk", "port": 2222 },
                "work_root": "~/crabbox",
                "immutable": true,
            },
        });
        assert_eq!(found, from_value(document).expect("a document"));
        let listed = Listed::new(resource, scope, ResourceState::Parked).with_mine(true);
        assert_eq!((listed.mine, listed.lease), (Some(true), None));
    }
}
