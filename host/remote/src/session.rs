//! The order of a session: proof, lock, sync, command.

use crate::apply::{self, Done};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::folders::{Folders, TO_WRITE, remove_all};
use crate::inbox::{Event, Inbox};
use crate::journal::{Journal, Opened, Rows};
use crate::layout::{Layout, make_private};
use crate::outbox::Outbox;
use crate::{collect, copy, lock, lost, place, proof, runs, scan, supervise, tunnel, verify};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use crabbox_wire::frame::{CHUNK, ToHost};
use crabbox_wire::greeting::greet;
use crabbox_wire::message::{self, Base, Environment, FailureCode, Request, Synced};
use crabbox_wire::tree::{self, Hash, Tree};
use rustix::fs::Mode;
use rustix::process::umask;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::sync::Arc;

/// Serves one session; `argument` is the request, or `-` when it comes as the first frame.
pub(crate) fn serve(argument: &str) -> ExitCode {
    if greet(&mut io::stdout()).is_err() {
        return ExitCode::FAILURE;
    }
    let Ok(connection) = Connection::open() else {
        return ExitCode::FAILURE;
    };
    let result = session(argument, &connection);
    if let Err(Failure::Told(failure)) = &result {
        connection.outbox.post(&ToHost::Failed(failure.clone()));
    }
    connection.outbox.flush();
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn session(argument: &str, connection: &Arc<Connection>) -> Result<(), Failure> {
    // The command gets the umask that this box gives; it must not take from us what we make.
    let mask = umask(Mode::from_raw_mode(0o077));
    umask(mask & !Mode::RWXU);
    let request = read_request(argument, &connection.inbox)?;
    if let Some(order) = &request.place {
        let answer = place::carry_out(order, &request, connection)?;
        return connection.outbox.send(&ToHost::Place(Box::new(answer)));
    }
    let layout = Layout::of(&request)?;
    let proof = proof::prove(&request, &layout)?;
    if let Some(run) = &request.look {
        let lock = lock::of_workspace(&layout, &request.identity)?;
        connection.outbox.send(&ToHost::Proved(Box::new(proof)))?;
        return connection.outbox.send(&ToHost::Fate(runs::fate(run, &layout, &lock)));
    }
    if request.probe {
        return connection.outbox.send(&ToHost::Proved(Box::new(proof)));
    }
    if let Some(copy) = &request.copy {
        connection.outbox.send(&ToHost::Proved(Box::new(proof)))?;
        return copy::serve(copy, &layout, connection);
    }
    if let Some(later) = &request.collect {
        connection.outbox.send(&ToHost::Proved(Box::new(proof)))?;
        return collect::later(later, &layout, connection);
    }
    if let Some(tunnel) = &request.tunnel {
        connection.outbox.send(&ToHost::Proved(Box::new(proof)))?;
        return tunnel::serve(tunnel, connection);
    }
    make_private(&layout.tree.join("tmp"))?;
    connection.outbox.send(&ToHost::Proved(Box::new(proof)))?;
    let lock = lock::of_workspace(&layout, &request.identity)?;
    // The file's lock lasts as long as the session.
    let _lock = lock::take(&lock, &request.holder, connection)?;
    lost::end_all(&layout);
    apply::empty(&layout.tree.join("tmp"));
    sync(&request, &layout, connection)?;
    let Some(run) = &request.run else {
        return Ok(());
    };
    let environment = if run.await_environment {
        await_environment(&connection.inbox)?
    } else {
        Environment::default()
    };
    supervise::run(run, &environment, &layout, mask, connection)
}

fn await_sync(inbox: &Inbox) -> Result<message::Sync, Failure> {
    while let Some(event) = inbox.next() {
        if let Event::Sync(sync) = event {
            return Ok(sync);
        }
    }
    Err(Failure::HostGone)
}

fn await_environment(inbox: &Inbox) -> Result<Environment, Failure> {
    while let Some(event) = inbox.next() {
        if let Event::Environment(environment) = event {
            return Ok(environment);
        }
    }
    Err(Failure::HostGone)
}

fn read_request(argument: &str, inbox: &Inbox) -> Result<Request, Failure> {
    if argument == "-" {
        return match inbox.next() {
            Some(Event::Request(request)) => Ok(*request),
            _ => Err(Failure::HostGone),
        };
    }
    decode(argument)
}

/// The request that stands in a word of the command line.
pub(crate) fn decode(argument: &str) -> Result<Request, Failure> {
    let refuse = |why: String| Failure::new(FailureCode::Request, why);
    let json = BASE64_URL_SAFE_NO_PAD
        .decode(argument)
        .map_err(|error| refuse(format!("the request can't be decoded: {error}")))?;
    serde_json::from_slice(&json)
        .map_err(|error| refuse(format!("the request can't be read: {error}")))
}

/// Makes the workspace hold the wanted tree, whatever it holds now.
fn sync(request: &Request, layout: &Layout, connection: &Connection) -> Result<(), Failure> {
    let Connection { inbox, outbox } = connection;
    // Looked at before it is known what is wanted: the host may still be reading that.
    let (mut journal, mut rows, held) = open_workspace(layout)?;
    let message::Sync { base, wanted } = match request.sync {
        Some(sync) => sync,
        None => await_sync(inbox)?,
    };
    if held == Some(wanted) {
        verify::names_are_distinct(&layout.workspace, &rows)?;
        return outbox.send(&ToHost::Synced(Synced { root: wanted, written: 0, removed: 0 }));
    }
    // The host has sent a delta from what it believes, unless it believes that all is well.
    let sent = base != Some(wanted);
    let usable = sent && base == held;
    outbox.send(&ToHost::Base(Base { root: held, manifest: !usable }))?;
    if !usable {
        if sent {
            skip_delta(inbox)?;
        }
        send_manifest(&rows, outbox)?;
    }
    let temporary = layout.tree.join("tmp");
    let done = apply::apply(inbox, &layout.workspace, &temporary, &mut journal, &mut rows)
        // What couldn't be put into its place mustn't fill the disk until the next session.
        .inspect_err(|_| apply::empty(&temporary))?;
    if let Err(failure) = verify::names_are_distinct(&layout.workspace, &rows) {
        // A record that isn't made costs a file that is sent again.
        let _ = journal.delete(&verify::aliases(&rows));
        return Err(failure);
    }
    report(&rows, wanted, done, outbox)
}

/// What the workspace holds: its journal, brought in line with what is there. No name: it is new.
fn open_workspace(layout: &Layout) -> Result<(Journal, Rows, Option<Hash>), Failure> {
    let path = layout.tree.join("journal");
    let wrap = |error: io::Error| Failure::system("reading", &layout.workspace, &error);
    let create = || {
        Journal::create(&path, &Rows::new())
            .map_err(|error| Failure::system("making", &path, &error))
    };
    match Journal::open(&path).map_err(wrap)? {
        Opened::Known(mut journal, mut rows) => {
            make_workspace(layout)?;
            let news = scan::refresh(&layout.workspace, &mut rows)?;
            let recorded = journal.put(&news.changed).and_then(|()| journal.delete(&news.gone));
            recorded.map_err(|error| Failure::system("writing to", &path, &error))?;
            let root = tree::root(rows.values().map(|row| &row.entry));
            Ok((journal, rows, Some(root)))
        }
        Opened::Absent => {
            let occupied =
                fs::read_dir(&layout.workspace).is_ok_and(|mut entries| entries.next().is_some());
            if occupied {
                return Err(Failure::new(
                    FailureCode::Occupied,
                    format!(
                        "`{}` on the box holds files that crabbox didn't put there",
                        layout.workspace.display()
                    ),
                ));
            }
            make_workspace(layout)?;
            Ok((create()?, Rows::new(), None))
        }
        Opened::Damaged => {
            // Ours, since our notes on it are there, and nothing says what of it is right.
            match remove_workspace(layout) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(wrap(error)),
                _ => {}
            }
            make_workspace(layout)?;
            Ok((create()?, Rows::new(), None))
        }
    }
}

fn remove_workspace(layout: &Layout) -> io::Result<()> {
    let mut folders = Folders::open(&layout.work_root, TO_WRITE)?;
    let name = layout.workspace.file_name().unwrap_or_default();
    remove_all(folders.existing(b"")?, name.as_bytes())
}

/// The workspace itself is an ordinary folder: commands may look at its mode.
fn make_workspace(layout: &Layout) -> Result<(), Failure> {
    fs::create_dir_all(&layout.workspace)
        .map_err(|error| Failure::system("making the folder", &layout.workspace, &error))
}

fn skip_delta(inbox: &Inbox) -> Result<(), Failure> {
    while let Some(event) = inbox.next() {
        if let Event::DeltaEnd = event {
            return Ok(());
        }
    }
    Err(Failure::HostGone)
}

fn send_manifest(rows: &Rows, outbox: &Outbox) -> Result<(), Failure> {
    for chunk in tree::encode(&tree_of(rows)?).chunks(CHUNK) {
        outbox.send(&ToHost::Manifest(chunk))?;
    }
    outbox.send(&ToHost::ManifestEnd)
}

/// The last check: the hash of what was really written. That it lies there is seen by then.
fn report(rows: &Rows, wanted: Hash, done: Done, outbox: &Outbox) -> Result<(), Failure> {
    let root = tree_of(rows)?.root();
    if root != wanted {
        return Err(Failure::new(
            FailureCode::Verify,
            "the tree on the box isn't the one that was sent: the checkout changed meanwhile",
        ));
    }
    outbox.send(&ToHost::Synced(Synced { root, written: done.written, removed: done.removed }))
}

/// The rows as a tree, which they must be.
fn tree_of(rows: &Rows) -> Result<Tree, Failure> {
    let entries = rows.values().map(|row| row.entry.clone()).collect();
    Tree::from_sorted(entries).map_err(|error| Failure::new(FailureCode::Sync, error.to_string()))
}
