//! The provider whose boxes are folders on this machine: the whole of crabbox
//! works with it, before any account or server.
//!
//! A box is `$XDG_DATA_HOME/crabbox/local/<lease id>`: [`mod@root`] says which folder that is and
//! whether it still is the same, [`folder`] what a box is in it, [`removal`] how one goes.
//! Its immutable id
//! is a random number in a file of it, which a folder that took its name wouldn't have. Nothing is ever switched
//! off: parking leaves the folder as it is, and with it the build caches that make the next run fast.
//!
//! It depends on `crabbox-provider-api` alone, as anybody's provider would. What runs on a box runs as the user,
//! with everything that the user can do: a folder is no sandbox.

mod folder;
mod removal;
mod root;

use crabbox_provider_api::payload::{
    Check, CheckStatus, Diagnosis, DoctorRequest, Endpoint, Found, Identity, Intent, Inventory,
    LeaseRequest, Leased, ListRequest, Listed, Proof, ReleaseAction, ReleaseRequest, Released,
    Resolution, ResolveRequest, Resource, ResourceState, Scope, Transport,
};
use crabbox_provider_api::{Effect, Error, ErrorCode, Host, Provider, export_provider};
use folder::{Boxes, NO_ID, Seen};
use root::Root;
use std::io;
use std::path::{Path, PathBuf};

export_provider!("provider.toml", Local);

/// What speaks against adopting a box: somebody is at work on it, without a claim that is known to whoever asks.
const IN_USE_BY: &str = "in use by";

/// See the crate's documentation.
#[derive(Default)]
struct Local;

impl Provider for Local {
    fn lease(&self, request: LeaseRequest, host: &Host) -> Result<Leased, Error> {
        let root = root()?;
        let boxes = Boxes::new(root.path().to_owned());
        let name = request.lease;
        let scope = root.make().map_err(|error| cannot_make(&root, &error))?;
        host.checkpoint_in(&scope, &Resource::new(&name))?;
        let id = boxes
            .create(&name)
            .map_err(|error| cannot_make(&root, &error).effect(Effect::Maybe))?;
        let resource = Resource::new(name).with_id(id);
        host.checkpoint_in(&scope, &resource)?;
        let (way, shows) = (endpoint(&boxes, &resource.name), identity(&boxes, &resource));
        Ok(Leased::new(resource, scope).with_endpoint(way).with_identity(shows))
    }

    fn resolve(&self, request: ResolveRequest, host: &Host) -> Result<Resolution, Error> {
        let root = root()?;
        let Some(scope) = scope_here(&root, request.scope.as_ref())? else {
            if let Some(scope) = &request.scope {
                host.progress(&root.why_not(scope));
                if let Some(line) = root.epitaph(scope).filter(|_| request.intent == Intent::Status)
                {
                    host.progress(&format!(
                        "if it was deleted with all its boxes, this says so: {line}"
                    ));
                }
            }
            return Ok(Resolution::Missing { proof: Proof::NotVisible });
        };
        let boxes = Boxes::new(root.path().to_owned());
        let Resource { name, id: claimed, .. } = request.resource;
        let Some(mut seen) = look(&boxes, &root, &name)? else {
            return Ok(Resolution::Missing { proof: Proof::Deleted });
        };
        if !seen.may_be(claimed.as_deref()) {
            if let (true, Some(id), Intent::Status) = (seen.is_nobodys(), &claimed, request.intent)
            {
                let line = boxes.vow(&name, id);
                host.progress(&format!("if it is the box all the same, this says so: {line}"));
            }
            return Ok(Resolution::Foreign { owner: whose(&boxes, &name, &seen) });
        }
        if matches!(seen, Seen::Rest { .. }) && request.intent == Intent::Connect {
            // It was to go. What can't go is there, and no box.
            match boxes.finish(&name) {
                Ok(()) => return Ok(Resolution::Missing { proof: Proof::Deleted }),
                Err(error) => host.progress(&cannot_delete(&boxes, &name, &error).message),
            }
            seen = look(&boxes, &root, &name)?.unwrap_or(seen);
        }
        if request.intent == Intent::Connect {
            boxes.start(&name);
        }
        Ok(Resolution::Found(match seen {
            Seen::Whole { id } => {
                let (state, way) = (state(&boxes, &name), endpoint(&boxes, &name));
                let resource = Resource::new(name).with_id(id);
                let shows = identity(&boxes, &resource);
                Found::new(resource, scope, state).with_endpoint(way).with_identity(shows)
            }
            Seen::Rest { id } => {
                let id = claimed.or(id).unwrap_or_else(|| NO_ID.to_owned());
                Found::new(Resource::new(name).with_id(id), scope, ResourceState::Failed)
            }
        }))
    }

    fn release(&self, request: ReleaseRequest, host: &Host) -> Result<Released, Error> {
        let root = root()?;
        if scope_here(&root, Some(&request.scope))?.is_none() {
            host.progress(&root.why_not(&request.scope));
            return Ok(Released::Missing { proof: Proof::NotVisible });
        }
        let boxes = Boxes::new(root.path().to_owned());
        let Resource { name, id, .. } = &request.resource;
        match look(&boxes, &root, name)? {
            None => Ok(Released::Missing { proof: Proof::Deleted }),
            Some(seen) if !seen.may_be(id.as_deref()) || id.is_none() => Err(Error::new(
                ErrorCode::Conflict,
                format!("`{name}` belongs to {}: it is left alone", whose(&boxes, name, &seen)),
            )),
            Some(Seen::Rest { .. }) => {
                boxes.finish(name).map_err(|error| cannot_delete(&boxes, name, &error))?;
                Ok(Released::Deleted)
            }
            // The build caches in it are what makes the next run fast.
            Some(Seen::Whole { .. }) if request.action == ReleaseAction::Park => {
                boxes.park(name);
                Ok(Released::Parked)
            }
            Some(Seen::Whole { .. }) => {
                boxes.delete(name).map_err(|error| cannot_delete(&boxes, name, &error))?;
                Ok(Released::Deleted)
            }
        }
    }

    fn list(&self, _: ListRequest, _: &Host) -> Result<Inventory, Error> {
        let root = root()?;
        let Some(scope) = scope_here(&root, None)? else {
            return Ok(Inventory::default());
        };
        let boxes = Boxes::new(root.path().to_owned());
        let listed = boxes.list().map_err(|error| unreadable(&root, &error))?;
        let resources = listed
            .into_iter()
            .map(|(name, seen)| {
                let (state, id, user) = match seen {
                    Seen::Whole { id } => (state(&boxes, &name), Some(id), boxes.user(&name)),
                    Seen::Rest { id } => (ResourceState::Failed, id, None),
                };
                let mut resource = Resource::new(&name);
                resource.id = id;
                // The folder of all boxes is this user's own.
                let mut listed =
                    Listed::new(resource, scope.clone(), state).with_lease(name).with_mine(true);
                listed.evidence.extend(user.map(|user| (IN_USE_BY.to_owned(), user)));
                listed
            })
            .collect();
        Ok(Inventory::new(resources))
    }

    fn doctor(&self, _: DoctorRequest, _: &Host) -> Result<Diagnosis, Error> {
        let (status, message, hint) = match root() {
            Err(error) => (CheckStatus::Fail, error.message, Some("set HOME")),
            Ok(root) => {
                let path = root.path().display();
                match can_be_written(root.path()) {
                    Ok(()) => (CheckStatus::Pass, format!("`{path}` can be written"), None),
                    Err(error) => (
                        CheckStatus::Fail,
                        format!("`{path}` can't be written: {error}"),
                        Some("XDG_DATA_HOME puts it elsewhere"),
                    ),
                }
            }
        };
        let mut check = Check::new("data-folder", status, message);
        check.hint = hint.map(str::to_owned);
        Ok(Diagnosis::new(vec![check]))
    }
}

/// What a whole box is doing.
fn state(boxes: &Boxes, name: &str) -> ResourceState {
    if boxes.is_parked(name) { ResourceState::Parked } else { ResourceState::Ready }
}

/// The folder of all boxes.
fn root() -> Result<Root, Error> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .ok_or_else(|| {
            Error::new(ErrorCode::InvalidConfig, "neither `HOME` nor `XDG_DATA_HOME` is set")
                .hint(r#"export HOME="$(getent passwd "$(id -u)" | cut -d: -f6)""#)
        })?;
    Ok(Root::new(data.join("crabbox/local")))
}

/// The scope that holds here, if the claimed one does; what isn't found then is gone.
fn scope_here(root: &Root, claimed: Option<&Scope>) -> Result<Option<Scope>, Error> {
    let wrap = |error| unreadable(root, &error);
    match claimed {
        Some(claimed) if !root.is_of(claimed).map_err(wrap)? => Ok(None),
        Some(claimed) => Ok(Some(claimed.clone())),
        None => root.current().map_err(wrap),
    }
}

fn look(boxes: &Boxes, root: &Root, name: &str) -> Result<Option<Seen>, Error> {
    boxes.look(name).map_err(|error| unreadable(root, &error))
}

/// Whose a folder is that isn't the box which is asked for, for people.
fn whose(boxes: &Boxes, name: &str, seen: &Seen) -> String {
    if seen.is_nobodys() {
        let id = boxes.id_file(name);
        return format!("nobody for all that it shows: `{}` is gone", id.display());
    }
    format!("somebody else: `{}` has another id by now", boxes.folder(name).display())
}

/// Can boxes be made here? Nothing is changed to find out.
fn can_be_written(root: &Path) -> io::Result<()> {
    use rustix::fs::{Access, access};
    let there = root.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    Ok(access(there, Access::WRITE_OK | Access::EXEC_OK)?)
}

/// 128 random bits, hex.
fn random_id() -> io::Result<String> {
    let mut bytes = [0; 16];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

fn endpoint(boxes: &Boxes, name: &str) -> Endpoint {
    let work_root = boxes.folder(name).to_string_lossy().into_owned();
    let here = Transport::Exec { prefix: Vec::new() };
    Endpoint::new(here, work_root).with_same_machine(true)
}

fn identity(boxes: &Boxes, resource: &Resource) -> Identity {
    Identity::File {
        path: boxes.id_file(&resource.name).to_string_lossy().into_owned(),
        content: resource.id.clone().unwrap_or_default(),
    }
}

fn cannot_make(root: &Root, error: &io::Error) -> Error {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::Quota,
        _ => ErrorCode::Unavailable,
    };
    let root = root.path().display();
    Error::new(code, format!("no box can be made in `{root}`: {error}"))
        .hint("XDG_DATA_HOME puts boxes elsewhere")
}

fn cannot_delete(boxes: &Boxes, name: &str, error: &io::Error) -> Error {
    let folder = boxes.folder(name);
    let message = format!("the box `{}` can't be deleted: {error}", folder.display());
    Error::new(ErrorCode::Unavailable, message).effect(Effect::Maybe)
}

fn unreadable(root: &Root, error: &io::Error) -> Error {
    let root = root.path().display();
    Error::new(ErrorCode::Unavailable, format!("`{root}` can't be read: {error}"))
}
