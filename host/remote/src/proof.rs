//! Is this the leased box? Asked before anything happens on it.

use crate::facts::facts;
use crate::failure::Failure;
use crate::layout::{Layout, expand, make_private};
use crate::machine_id::{self, machine_id};
use crate::{place, random};
use crabbox_wire::PROTOCOL;
use crabbox_wire::message::{FailureCode, Identity, Marker, Proof, Request};
use crabbox_wire::text::Text;
use crabbox_wire::tree::Hash;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// How much of an identity file or a marker is read, in bytes.
const LIMIT: u64 = 4096;

/// Compares what the host expects; then writes or checks the marker.
pub(crate) fn prove(request: &Request, layout: &Layout) -> Result<Proof, Failure> {
    let machine_id = machine_id();
    let boot_id = boot_id();
    let is_it = match &request.identity {
        Identity::Record => true,
        Identity::Environment { name, value } => {
            env::var_os(name).is_some_and(|found| found.as_bytes() == value.as_bytes())
        }
        Identity::File { path, content } => {
            read(&expand(path)?).is_ok_and(|found| found.trim_ascii() == content.trim().as_bytes())
        }
        Identity::Place { place } => {
            !place.machine_id.is_empty()
                && place.machine_id == machine_id::of_places()
                && place::is_here(&layout.work_root, place).unwrap_or(false)
        }
        Identity::Machine { machine_id: machine, boot_id: boot } => {
            *machine == machine_id && *boot == boot_id
        }
    };
    if !is_it {
        return Err(Failure::new(
            FailureCode::Identity,
            "this is not the box that was leased: it can't show what its provider says of it",
        ));
    }
    let marker = match &request.marker {
        Marker::Write => write_marker(&request.lease, &layout.marker)?,
        Marker::Expect { hash } => check_marker(hash, &layout.marker)?,
    };
    Ok(Proof {
        protocol: PROTOCOL,
        machine_id,
        boot_id,
        marker,
        workspace: Text(layout.workspace.as_os_str().as_bytes().to_vec()),
        facts: facts(),
    })
}

fn write_marker(lease: &str, path: &Path) -> Result<String, Failure> {
    let written = random::number().and_then(|nonce| {
        let content = format!("{lease}\n{nonce}\n");
        let folder = path.parent().unwrap_or(Path::new("/"));
        make_private(folder).map_err(io::Error::other)?;
        let temporary = path.with_extension("new");
        let mut file =
            File::options().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(content.as_bytes())?;
        fs::rename(&temporary, path)?;
        Ok(content)
    });
    match written {
        Ok(content) => Ok(Hash::of(content.as_bytes()).to_string()),
        Err(error) => Err(Failure::system("marking the box with", path, &error)),
    }
}

fn check_marker(expected: &str, path: &Path) -> Result<String, Failure> {
    let refuse = |what: &str| {
        Err(Failure::new(FailureCode::Marker, format!("the lease's marker {what} on this box")))
    };
    match read(path) {
        Ok(content) if Hash::of(&content).to_string() == expected => Ok(expected.to_owned()),
        Ok(_) => refuse("is another one"),
        Err(_) => refuse("is not there"),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(LIMIT).read_to_end(&mut content)?;
    Ok(content)
}

fn boot_id() -> String {
    let content = read(Path::new("/proc/sys/kernel/random/boot_id")).unwrap_or_default();
    String::from_utf8_lossy(content.trim_ascii()).into_owned()
}
