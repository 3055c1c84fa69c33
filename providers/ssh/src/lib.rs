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

/// What `doctor` looks at here: all else, the machines themselves say.
const SETTINGS: &str = "settings";

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
        let endpoint = host.endpoint(Some(&request.lease), &request.settings)?;
        Ok(Leased::new(Resource::new(&host.entry), scope(host))
            .with_endpoint(endpoint)
            .with_attributes(attributes)
            .with_limit(host.limit(&request.settings)?))
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
        let endpoint = machine.endpoint(Some(&request.lease), &settings)?;
        let found = Found::new(request.resource, scope(&machine), ResourceState::Ready);
        Ok(Resolution::Found(found.with_endpoint(endpoint).with_attributes(request.attributes)))
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
            Err(error) => return Ok(Diagnosis::new(vec![failed(error)])),
        };
        let mut checks: Vec<_> = hosts::wanted(settings).err().into_iter().map(failed).collect();
        checks.extend(hosts::strangers(settings).into_iter().map(|(setting, name)| {
            let message = format!("`{setting}` names `{name}`, which isn't among the hosts");
            let hint = format!("remove `{name}` from {setting}, or add it to hosts");
            Check::new(SETTINGS, CheckStatus::Warn, message).with_hint(hint)
        }));
        let mut boxes = Vec::new();
        for host in hosts {
            let probed = host.endpoint(None, settings).and_then(|endpoint| {
                Ok(ToProbe::new(&host.entry, endpoint).with_limit(host.limit(settings)?))
            });
            match probed {
                Ok(probed) => boxes.push(probed),
                Err(error) => checks.push(failed(error)),
            }
        }
        if checks.is_empty() {
            let message = format!("the settings name {}", counted(boxes.len()));
            checks.push(Check::new(SETTINGS, CheckStatus::Pass, message));
        }
        Ok(Diagnosis::new(checks).with_boxes(boxes))
    }
}

fn scope(host: &hosts::Host) -> Scope {
    Scope::new(&host.entry, "")
}

fn failed(error: Error) -> Check {
    let mut check = Check::new(SETTINGS, CheckStatus::Fail, error.message);
    check.hint = error.hint;
    check
}

fn counted(hosts: usize) -> String {
    if hosts == 1 { "1 host".to_owned() } else { format!("{hosts} hosts") }
}
