//! The provider whose boxes are folders on this machine: the whole of crabbox
//! works with it, before any account or server.
//!
//! A box is `$XDG_DATA_HOME/crabbox/local/<lease id>`; see [`folder`].

mod folder;

use crabbox_provider_api::payload::{
    Attributes, Check, CheckStatus, Diagnosis, DoctorRequest, Endpoint, Found, Identity, Inventory,
    LeaseRequest, Leased, ListRequest, Listed, Proof, ReleaseAction, ReleaseRequest, Released,
    Resolution, ResolveRequest, Resource, ResourceState, Scope, Transport,
};
use crabbox_provider_api::{Effect, Error, ErrorCode, Host, Provider, export_provider};
use folder::Boxes;
use std::fs;
use std::io;
use std::path::PathBuf;

export_provider!("provider.toml", Local);

/// See the crate's documentation.
#[derive(Default)]
struct Local;

impl Provider for Local {
    fn lease(&self, request: LeaseRequest, host: &Host) -> Result<Leased, Error> {
        let boxes = boxes()?;
        let name = request.lease;
        host.checkpoint(&Resource { name: name.clone(), id: None })?;
        let id = boxes.create(&name).map_err(|error| {
            let root = boxes.root().display();
            let code = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorCode::Quota,
                _ => ErrorCode::Unavailable,
            };
            Error::new(code, format!("no box can be made in `{root}`: {error}"))
                .effect(Effect::Maybe)
        })?;
        let resource = Resource { name, id: Some(id) };
        host.checkpoint(&resource)?;
        Ok(Leased {
            scope: scope(),
            endpoint: Some(endpoint(&boxes, &resource.name)),
            identity: Some(identity(&boxes, &resource)),
            attributes: Attributes::new(),
            resource,
        })
    }

    fn resolve(&self, request: ResolveRequest, _: &Host) -> Result<Resolution, Error> {
        let boxes = boxes()?;
        if request.scope.is_some_and(|claimed| claimed != scope()) {
            return Ok(Resolution::Missing { proof: Proof::NotVisible });
        }
        let name = &request.resource.name;
        let Some(id) = boxes.id(name).map_err(|error| unreadable(&boxes, &error))? else {
            return Ok(Resolution::Missing { proof: Proof::Deleted });
        };
        if request.resource.id.is_some_and(|claimed| claimed != id) {
            return Ok(Resolution::Foreign {
                owner: format!("another lease that is called `{name}`"),
            });
        }
        let resource = Resource { name: name.clone(), id: Some(id) };
        Ok(Resolution::Found(Found {
            scope: scope(),
            state: ResourceState::Ready,
            endpoint: Some(endpoint(&boxes, name)),
            identity: Some(identity(&boxes, &resource)),
            attributes: Attributes::new(),
            resource,
        }))
    }

    fn release(&self, request: ReleaseRequest, _: &Host) -> Result<Released, Error> {
        let boxes = boxes()?;
        let Resource { name, id } = &request.resource;
        if request.scope != scope() {
            return Ok(Released::Missing { proof: Proof::NotVisible });
        }
        let found = boxes.id(name).map_err(|error| unreadable(&boxes, &error))?;
        match found {
            None => Ok(Released::Missing { proof: Proof::Deleted }),
            Some(found) if id.as_ref() != Some(&found) => Err(Error::new(
                ErrorCode::Conflict,
                format!("the folder `{name}` belongs to another lease: it is left alone"),
            )),
            // The build caches in it are what makes the next run fast.
            Some(_) if request.action == ReleaseAction::Park => Ok(Released::Parked),
            Some(_) => {
                boxes.delete(name).map_err(|error| {
                    let root = boxes.root().display();
                    Error::new(
                        ErrorCode::Unavailable,
                        format!("`{root}/{name}` can't be deleted: {error}"),
                    )
                    .effect(Effect::Maybe)
                })?;
                Ok(Released::Deleted)
            }
        }
    }

    fn list(&self, _: ListRequest, _: &Host) -> Result<Inventory, Error> {
        let boxes = boxes()?;
        let listed = boxes.list().map_err(|error| unreadable(&boxes, &error))?;
        let resources = listed
            .into_iter()
            .map(|(name, id)| Listed {
                lease: Some(name.clone()),
                resource: Resource { name, id: Some(id) },
                scope: scope(),
                state: ResourceState::Ready,
            })
            .collect();
        Ok(Inventory { resources })
    }

    fn doctor(&self, _: DoctorRequest, _: &Host) -> Result<Diagnosis, Error> {
        let check = |status, message, hint: Option<&str>| Check {
            id: "data-folder".to_owned(),
            status,
            message,
            hint: hint.map(str::to_owned),
        };
        let check = match boxes() {
            Err(error) => check(CheckStatus::Fail, error.message, Some("set HOME")),
            Ok(boxes) => match boxes.probe() {
                Ok(()) => {
                    let root = boxes.root().display();
                    check(CheckStatus::Pass, format!("`{root}` can be written"), None)
                }
                Err(error) => {
                    let root = boxes.root().display();
                    check(
                        CheckStatus::Fail,
                        format!("`{root}` can't be written: {error}"),
                        Some("XDG_DATA_HOME puts it elsewhere"),
                    )
                }
            },
        };
        Ok(Diagnosis { checks: vec![check] })
    }
}

/// The folder of all boxes.
fn boxes() -> Result<Boxes, Error> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .ok_or_else(|| {
            Error::new(ErrorCode::InvalidConfig, "neither `HOME` nor `XDG_DATA_HOME` is set")
                .hint("set HOME to your home folder")
        })?;
    Ok(Boxes::new(data.join("crabbox/local")))
}

/// This machine, this user.
fn scope() -> Scope {
    Scope {
        deployment: fs::read_to_string("/etc/machine-id").unwrap_or_default().trim().to_owned(),
        account: rustix::process::geteuid().as_raw().to_string(),
    }
}

fn endpoint(boxes: &Boxes, name: &str) -> Endpoint {
    Endpoint {
        transport: Transport::Exec { prefix: Vec::new() },
        work_root: boxes.folder(name).to_string_lossy().into_owned(),
        same_machine: true,
    }
}

fn identity(boxes: &Boxes, resource: &Resource) -> Identity {
    Identity::File {
        path: boxes.id_file(&resource.name).to_string_lossy().into_owned(),
        content: resource.id.clone().unwrap_or_default(),
    }
}

fn unreadable(boxes: &Boxes, error: &io::Error) -> Error {
    let root = boxes.root().display();
    Error::new(ErrorCode::Unavailable, format!("`{root}` can't be read: {error}"))
}
