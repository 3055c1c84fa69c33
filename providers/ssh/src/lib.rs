//! The provider of machines that are there already, and that one can ssh to.
//!
//! Several leases share a machine: each has a place on it, a folder below the work root. Which machine that is and
//! how to get there is all that is decided here ([`hosts`]). Whether there is room for another place, that it
//! is this lease's, and that nothing else is ever removed is the host program's work, over the connection that it makes:
//! a provider has none. So this one changes nothing anywhere.
//!
//! It depends on `crabbox-provider-api` alone, as anybody's provider would.

mod hosts;

use crabbox_provider_api::payload::{
    Attributes, Check, CheckStatus, Diagnosis, DoctorRequest, Found, LeaseRequest, Leased, Proof,
    ReleaseAction, ReleaseRequest, Released, Resolution, ResolveRequest, Resource, ResourceState,
    Scope, ToProbe,
};
use crabbox_provider_api::{Effect, Error, ErrorCode, Host, Provider, export_provider};

export_provider!("provider.toml", Machines);

/// In a lease's attributes: the machine that it is on.
const HOST: &str = "host";

/// Settings that a lease's attributes say, too: its place is where it was leased, whatever they are now.
/// What a name means is one thing in the user's configuration, and another one without it.
const LEASED: [&str; 3] = ["user", "port", "use-user-config"];

/// See the crate's documentation.
#[derive(Default)]
struct Machines;

impl Provider for Machines {
    fn lease(&self, request: LeaseRequest, _: &Host) -> Result<Leased, Error> {
        let hosts = hosts::wanted(&request.settings).map_err(|error| error.effect(Effect::None))?;
        let Some(host) = hosts.iter().find(|host| !request.exclude.contains(&host.entry)) else {
            return Err(Error::new(ErrorCode::Quota, "no host is left").effect(Effect::None));
        };
        let mut attributes = Attributes::new();
        attributes.insert(HOST.to_owned(), host.entry.clone().into());
        for name in LEASED {
            let value = request.settings.get(name).cloned().unwrap_or_default();
            attributes.insert(name.to_owned(), value);
        }
        Ok(Leased {
            resource: Resource { name: host.entry.clone(), id: None },
            scope: scope(host),
            endpoint: Some(host.endpoint(Some(&request.lease), &request.settings)?),
            attributes,
            limit: Some(host.limit(&request.settings)?),
            ..Leased::default()
        })
    }

    fn resolve(&self, request: ResolveRequest, host: &Host) -> Result<Resolution, Error> {
        let Some(entry) = request.attributes.get(HOST).and_then(|entry| entry.as_str()) else {
            host.progress("the lease doesn't say on which machine it is");
            return Ok(Resolution::Missing { proof: Proof::NotVisible });
        };
        // Whether it is still among the hosts or not: what was leased there is there.
        let machine = hosts::Host::parse(entry)?;
        let mut settings = request.settings;
        for name in LEASED {
            if let Some(value) = request.attributes.get(name) {
                settings.insert(name.to_owned(), value.clone());
            }
        }
        Ok(Resolution::Found(Found {
            scope: scope(&machine),
            state: ResourceState::Ready,
            endpoint: Some(machine.endpoint(Some(&request.lease), &settings)?),
            identity: None,
            attributes: request.attributes,
            owner: None,
            resource: request.resource,
        }))
    }

    fn release(&self, request: ReleaseRequest, _: &Host) -> Result<Released, Error> {
        Ok(match request.action {
            ReleaseAction::Park => Released::Parked,
            ReleaseAction::Delete => Released::Deleted,
        })
    }

    fn doctor(&self, request: DoctorRequest, _: &Host) -> Result<Diagnosis, Error> {
        let settings = &request.settings;
        let hosts = match hosts::all(settings) {
            Ok(hosts) => hosts,
            Err(error) => return Ok(Diagnosis { checks: vec![failed(error)], boxes: Vec::new() }),
        };
        let mut checks: Vec<_> = hosts::wanted(settings).err().into_iter().map(failed).collect();
        checks.extend(hosts::strangers(settings).into_iter().map(|(setting, name)| Check {
            id: "settings".to_owned(),
            status: CheckStatus::Warn,
            message: format!("`{setting}` names `{name}`, which isn't among the hosts"),
            hint: Some(format!("remove `{name}` from {setting}, or add it to hosts")),
        }));
        let mut boxes = Vec::new();
        for host in hosts {
            let probed = host.endpoint(None, settings).and_then(|endpoint| {
                let limit = Some(host.limit(settings)?);
                Ok(ToProbe { name: host.entry.clone(), endpoint, limit })
            });
            match probed {
                Ok(probed) => boxes.push(probed),
                Err(error) => checks.push(failed(error)),
            }
        }
        if checks.is_empty() {
            let message = format!("the settings name {}", counted(boxes.len()));
            checks.push(Check { message, ..check(CheckStatus::Pass) });
        }
        Ok(Diagnosis { checks, boxes })
    }
}

fn scope(host: &hosts::Host) -> Scope {
    Scope { deployment: host.entry.clone(), account: String::new() }
}

fn check(status: CheckStatus) -> Check {
    Check { id: "settings".to_owned(), status, message: String::new(), hint: None }
}

fn failed(error: Error) -> Check {
    Check { message: error.message, hint: error.hint, ..check(CheckStatus::Fail) }
}

fn counted(hosts: usize) -> String {
    if hosts == 1 { "1 host".to_owned() } else { format!("{hosts} hosts") }
}
