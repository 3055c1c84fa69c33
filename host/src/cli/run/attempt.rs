//! One attempt at a run on a box that is held: what is asked of the helper, and what is
//! recorded of its answer.

use super::Run;
use crate::claims::{Claim, Event, Machine, Store, describe_holder};
use crate::config::Settings;
use crate::lease::{Desk, Held, workspace_name};
use crate::output::Printer;
use crate::places::Places;
use crate::run::{self, Finished, Job, RunError, Seen};
use crate::sync::{Base, Source};
use crabbox_provider_api::payload::{self, Endpoint};
use crabbox_wire::message::{
    Environment, Identity, Inherit, Marker, Proof, Request, Run as RunRequest, Sync,
};
use crabbox_wire::text::Text;
use crabbox_wire::tree::Tree;

/// A command line with everything that surrounds it.
pub(super) struct Attempt<'a> {
    pub(super) line: &'a Run,
    pub(super) places: &'a Places,
    pub(super) settings: &'a Settings,
    pub(super) source: &'a Source,
    pub(super) tree: &'a Tree,
    pub(super) directory: Text,
    pub(super) environment: Environment,
    pub(super) printer: Printer,
}

/// An attempt that came to nothing.
pub(super) struct Unfinished {
    pub(super) error: RunError,
    /// The box had proved itself: something may have been done to it.
    pub(super) proved: bool,
}

impl Attempt<'_> {
    /// Makes the held box hold the tree and runs the command there.
    pub(super) fn on_box(&self, desk: &mut Desk, held: &mut Held) -> Result<Finished, Unfinished> {
        let Endpoint { transport, work_root, same_machine } = held.endpoint.clone();
        let workspace = workspace_name(&self.source.root);
        let base = Base::open_for(
            &self.places.cache,
            held.claim.id.as_str(),
            &String::from_utf8_lossy(&workspace),
            self.tree.root(),
        );
        let request = Request {
            protocol: crabbox_wire::PROTOCOL,
            lease: held.claim.id.to_string(),
            identity: identity(&held.claim),
            marker: match &held.claim.marker {
                Some(hash) => Marker::Expect { hash: hash.clone() },
                None => Marker::Write,
            },
            work_root: Text(work_root.into_bytes()),
            workspace: Text(workspace),
            sync: Sync { base: base.root, wanted: self.tree.root() },
            run: Some(RunRequest {
                id: held.claim.run.clone().unwrap_or_default(),
                command: self.line.command(),
                directory: self.directory.clone(),
                environment: inherit(same_machine && !self.line.clean_env),
                await_environment: !self.environment.0.is_empty(),
                stdin: run::stdin_is_forwarded(),
                timeout_ms: self
                    .settings
                    .timeout
                    .map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
            }),
            holder: describe_holder(),
        };
        let job = Job {
            transport: &transport,
            request: &request,
            environment: self.environment.clone(),
            source: self.source,
            tree: self.tree,
            base: &base,
            allow_mass_deletion: self.line.allow_mass_deletion,
            output_to_stderr: self.printer.json,
            printer: self.printer,
        };
        let mut record = Record { store: &mut desk.store, claim: &mut held.claim, proved: false };
        run::run(&job, &mut record).map_err(|error| Unfinished { error, proved: record.proved })
    }
}

/// What the command doesn't get from this machine even where the box is this
/// machine: our own variables, the caller's git, and what cargo and rustup set for their
/// children, which would make a cargo on the box take itself for a part of this one.
fn inherit(all: bool) -> Inherit {
    if !all {
        return Inherit::Clean;
    }
    let names = [
        "CRABBOX_*",
        "GIT_*",
        "CARGO",
        "CARGO_MANIFEST_*",
        "CARGO_PKG_*",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "CARGO_BIN_*",
        "CARGO_TARGET_TMPDIR",
        "CARGO_CFG_*",
        "CARGO_FEATURE_*",
        "CARGO_MAKEFLAGS",
        "RUSTUP_TOOLCHAIN",
        "RUST_RECURSION_COUNT",
        "RUSTUP_TOOLCHAIN_SOURCE",
        "LD_LIBRARY_PATH",
        "OUT_DIR",
        "MAKEFLAGS",
        "MFLAGS",
        "CODER_SESSION_TOKEN",
    ];
    Inherit::AllBut(names.map(str::to_owned).to_vec())
}

/// What the box must show: what the provider named, or what it showed the last time.
fn identity(claim: &Claim) -> Identity {
    match (&claim.identity, &claim.machine) {
        (Some(payload::Identity::Environment { name, value }), _) => {
            Identity::Environment { name: name.clone(), value: value.clone() }
        }
        (Some(payload::Identity::File { path, content }), _) => {
            Identity::File { path: Text(path.clone().into_bytes()), content: content.clone() }
        }
        (Some(_), _) | (None, None) => Identity::Record,
        (None, Some(machine)) => Identity::Machine {
            machine_id: machine.machine_id.clone(),
            boot_id: machine.boot_id.clone(),
        },
    }
}

/// Notes in the claim what the box showed, before the command starts.
struct Record<'a> {
    store: &'a mut Store,
    claim: &'a mut Claim,
    proved: bool,
}

impl Seen for Record<'_> {
    fn proved(&mut self, proof: &Proof) -> Result<(), RunError> {
        self.proved = true;
        let machine =
            Machine { machine_id: proof.machine_id.clone(), boot_id: proof.boot_id.clone() };
        let known = self.claim.machine.as_ref() == Some(&machine)
            && self.claim.marker.as_ref() == Some(&proof.marker);
        if known {
            return Ok(());
        }
        self.store.transition(self.claim, Event::Note, |claim| {
            claim.machine = Some(machine);
            claim.marker = Some(proof.marker.clone());
        })?;
        Ok(())
    }
}
