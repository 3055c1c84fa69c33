//! What travels across the interface: one request and one answer a hook, as JSON.
//!
//! These types may grow: unknown fields are ignored and new fields have
//! defaults, so that a provider and a host of different ages understand each other. So that the source of a provider
//! understands a newer interface, too, none of them is written out field by field: each has a `new` with what it can't be
//! without, and the rest is set with its `with_…`, or as a field. A pattern of one ends with `..`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub use crate::endpoint::{Endpoint, HostKey, Ssh, Transport};
pub use crate::settings::Settings;

/// The provider's own notes on a resource: the host stores them with the claim and
/// hands them back, and never looks inside.
pub type Attributes = Map<String, Value>;

/// What the provider made, or will make.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Resource {
    /// The name it goes by. Never proof of ownership.
    pub name: String,
    /// The immutable id, as soon as it is known: it is never given to another
    /// resource, not even after this one is deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Where a resource belongs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Scope {
    /// The deployment: a URL, a cluster, a machine.
    pub deployment: String,
    /// The account there: an immutable user id.
    pub account: String,
}

/// `checkpoint`: what exists or may exist from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Checkpoint {
    /// The resource.
    #[serde(flatten)]
    pub resource: Resource,
    /// Where it belongs, if the provider says so before its answer: a lease that breaks off then
    /// can be told from one of another place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

/// What the box must show to prove that it is this resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Identity {
    /// A variable of the box's environment has this value.
    Environment {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A file on the box holds this, white space at both ends aside.
    File {
        /// Absolute, or with a leading `~/`.
        path: String,
        /// At most 4 KiB.
        content: String,
    },
    /// A kind that this version doesn't know: the host refuses the box.
    #[serde(other)]
    Unknown,
}

/// `lease`: make the resource for this lease, or adopt the one that an earlier call
/// for the same lease id made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct LeaseRequest {
    /// The lease id, `cbx_` and 12 hex digits.
    pub lease: String,
    /// The lease's slug, such as `amber-crab`.
    pub slug: String,
    /// What to call the resource, where the manifest has `[names]`: it keeps to them, is the same in
    /// each call for this lease, and its last 12 characters tell it from all others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When the resource should end by itself: milliseconds since 1970, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<u64>,
    /// Members of a pool that are taken: their names and their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
    /// The provider's settings.
    #[serde(default)]
    pub settings: Settings,
}

/// What `lease` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Leased {
    /// With its immutable id.
    pub resource: Resource,
    /// Where it belongs.
    pub scope: Scope,
    /// How to reach it, if that is known already; else the host asks `resolve`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// What it must show; `None`: the host remembers machine and boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The provider's own notes.
    #[serde(default)]
    pub attributes: Attributes,
    /// Whose it is, for people: the name of a user or a group. A lease is found by `OWNER/NAME`, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// With the capability `shared_box`: how many leases may have a place on this box. `None`: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// What a `resolve` is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// Only to know: starts, touches and extends nothing.
    Status,
    /// To use it: may start a parked resource, and waits until its endpoint is usable.
    Connect,
}

/// `resolve`: what has become of a claim's resource?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ResolveRequest {
    /// The lease id.
    pub lease: String,
    /// From the claim. The id is missing only where `lease` broke off before it was known.
    pub resource: Resource,
    /// From the claim, once `lease` has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
    /// From the claim.
    #[serde(default)]
    pub attributes: Attributes,
    /// What for.
    pub intent: Intent,
    /// The provider's settings.
    #[serde(default)]
    pub settings: Settings,
}

/// How sure it is that a resource is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// It says so of the immutable id, or the id is absent while the scope is confirmed.
    Deleted,
    /// It can't be seen: deleted, or another login, or a lost right.
    #[serde(other)]
    NotVisible,
}

/// The state of a resource that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ResourceState {
    /// Usable now.
    Ready,
    /// On its way to usable.
    Starting,
    /// Stopped, or on its way there; can be started.
    Parked,
    /// There, and broken.
    Failed,
    /// Another state.
    #[serde(other)]
    Unknown,
}

/// What `resolve` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "one is made a call, and read at once")]
pub enum Resolution {
    /// It isn't there.
    Missing {
        /// How sure that is.
        proof: Proof,
    },
    /// More than one resource answers to it, and none is proven.
    Ambiguous {
        /// Their names.
        candidates: Vec<String>,
    },
    /// It is there and another's.
    Foreign {
        /// Whose, for the message.
        owner: String,
    },
    /// It is there and the claim's.
    Found(Found),
    /// An answer that this version doesn't know: nothing is proven.
    #[serde(other)]
    Unknown,
}

/// A resource that is there and the claim's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Found {
    /// With its immutable id.
    pub resource: Resource,
    /// Where it belongs.
    pub scope: Scope,
    /// What it is doing.
    pub state: ResourceState,
    /// How to reach it. Always there for [`Intent::Connect`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// What it must show; `None`: the host remembers machine and boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The provider's own notes, which replace the claim's.
    #[serde(default)]
    pub attributes: Attributes,
    /// As in [`Leased::owner`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
}

impl From<Leased> for Found {
    /// What was just made is there.
    fn from(leased: Leased) -> Self {
        Self {
            resource: leased.resource,
            scope: leased.scope,
            state: ResourceState::Ready,
            endpoint: leased.endpoint,
            identity: leased.identity,
            attributes: leased.attributes,
            owner: leased.owner,
        }
    }
}

/// What becomes of the resource when its lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseAction {
    /// Stopped, and kept for the next time.
    Park,
    /// Deleted.
    Delete,
}

/// `release`: park or delete the claim's resource, after verifying its immutable id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ReleaseRequest {
    /// The lease id.
    pub lease: String,
    /// From the claim.
    pub resource: Resource,
    /// From the claim.
    pub scope: Scope,
    /// From the claim.
    #[serde(default)]
    pub attributes: Attributes,
    /// Exactly what to do.
    pub action: ReleaseAction,
    /// The provider's settings.
    #[serde(default)]
    pub settings: Settings,
}

/// What `release` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Released {
    /// It is stopped.
    Parked,
    /// It is gone, through this call or an earlier one of ours.
    Deleted,
    /// It wasn't there.
    Missing {
        /// How sure that is.
        proof: Proof,
    },
    /// An answer that this version doesn't know: the claim stays.
    #[serde(other)]
    Unknown,
}

/// `doctor`: can this provider work here?
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct DoctorRequest {
    /// The provider's settings.
    #[serde(default)]
    pub settings: Settings,
}

/// What `doctor` answers. One failing check never hides the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Diagnosis {
    /// In the order to show them in.
    pub checks: Vec<Check>,
    /// With the capability `probe_by_host`: the boxes that the host is to look at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub boxes: Vec<ToProbe>,
}

/// A box that the host is to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ToProbe {
    /// What it goes by.
    pub name: String,
    /// How to reach it.
    pub endpoint: Endpoint,
    /// As in [`Leased::limit`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// One thing that `doctor` looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Check {
    /// Stable, kebab-case.
    pub id: String,
    /// How it went.
    pub status: CheckStatus,
    /// What was seen.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How a check went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// As it should be.
    Pass,
    /// Works, with a caveat.
    Warn,
    /// Doesn't work.
    Fail,
    /// Couldn't be looked at.
    #[serde(other)]
    Skip,
}

/// `list`: every resource that could be ours, with what speaks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ListRequest {
    /// Where to go on: [`Inventory::next`] of the page before. `None`: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// The provider's settings.
    #[serde(default)]
    pub settings: Settings,
}

/// What `list` answers: everything, or a page of it. An answer is at most 8 MiB long, about 20,000
/// resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Inventory {
    /// In no particular order.
    pub resources: Vec<Listed>,
    /// There is more: the host asks for it with this, which must differ from page to page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// One resource of an inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Listed {
    /// With its immutable id.
    pub resource: Resource,
    /// Where it belongs.
    pub scope: Scope,
    /// What it is doing.
    pub state: ResourceState,
    /// The lease id that the resource itself names, if it names one. Evidence, not proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// Whose it is, for people: the name of a user or a group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Does it belong to the login that this call was made with? `None`: that can't be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mine: Option<bool>,
    /// What else speaks for or against its being ours, for people: such as what it was made from, and by whom. Shown, and
    /// never decided by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub evidence: BTreeMap<String, String>,
}

/// `extend`: push the provider's own deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct ExtendRequest {
    /// The lease id.
    pub lease: String,
    /// From the claim.
    pub resource: Resource,
    /// From the claim.
    pub scope: Scope,
    /// From the claim.
    #[serde(default)]
    pub attributes: Attributes,
    /// When the resource should end by itself: milliseconds since 1970, UTC.
    pub deadline: u64,
    /// The provider's settings.
    #[serde(default)]
    pub settings: Settings,
}

/// What `extend` answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Extended {
    /// The deadline that the provider has set: milliseconds since 1970, UTC.
    pub deadline: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_a_newer_interface_are_understood_as_unknown() {
        let resolution: Resolution =
            serde_json::from_str(r#"{"outcome":"quarantined"}"#).expect("tolerated");
        assert_eq!(resolution, Resolution::Unknown);
        let proof: Proof = serde_json::from_str(r#""rumour""#).expect("tolerated");
        assert_eq!(proof, Proof::NotVisible);
    }

    #[test]
    fn unknown_fields_are_ignored() {
        let request: DoctorRequest =
            serde_json::from_str(r#"{"settings":{},"depth":"full"}"#).expect("tolerated");
        assert_eq!(request, DoctorRequest::default());
    }
}
