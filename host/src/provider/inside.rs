//! A provider in this very process (`isolation = "none"`): for whoever debugs one.
//!
//! Its hooks run in a thread, at the other end of the same connection that leads to a child otherwise, so
//! that deadlines and cancellation are asked for in the same way. Nothing can be enforced: a crash is ours, what it
//! prints is ours, and a hook that hangs is left to itself.

use super::error::{Ended, ProviderError, Said, Who, is_bug};
use super::frame::ToHost;
use super::hooks::{Callbacks, Runtime};
use super::link::{Link, Trouble, Why};
use super::load::load;
use super::process::{LEAVING, LOAD_DEADLINE};
use super::serve::{Connection, connection};
use crate::registry::Library;
use crabbox_provider_api::Effect;
use crabbox_provider_api::abi::Loaded;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A library that this process has loaded, for good.
#[derive(Clone, Copy)]
struct Resident {
    loaded: Loaded,
    connection: &'static Connection,
    /// Somebody calls it, or a hook of it has never come back.
    taken: bool,
}

/// By device and inode: the loader gives the same library for the same file.
static RESIDENTS: Mutex<BTreeMap<(u64, u64), Resident>> = Mutex::new(BTreeMap::new());

/// A provider that runs here.
pub(super) struct Inside {
    who: Who,
    link: Link,
    server: JoinHandle<()>,
}

impl fmt::Debug for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inside").field("who", &self.who).finish_non_exhaustive()
    }
}

impl Inside {
    pub(super) fn start(library: &Library) -> Result<Self, ProviderError> {
        let who = Who::of(library);
        let start = |source| ProviderError::Start { who: who.clone(), source };
        let found = library.file.metadata().map_err(start)?;
        let file = (found.dev(), found.ino());
        let resident = match take(library, file) {
            Ok(resident) => resident,
            Err(reason) => {
                let stderr = Said(String::new());
                return Err(ProviderError::Load { who, reason, stderr });
            }
        };
        let (ours, theirs) = UnixStream::pair().map_err(start)?;
        let link = Link::new(&library.manifest, ours, "/proc/self/exe".into()).map_err(start)?;
        let server = serve(resident, theirs, file).map_err(start)?;
        let mut inside = Self { who: who.clone(), link, server };
        match inside.link.first(LOAD_DEADLINE) {
            Ok(ToHost::Ready) => Ok(inside),
            Ok(other) => Err(inside.broken("load", format!("{other:?} came first"))),
            Err(trouble) => Err(inside.explain("load", trouble, LOAD_DEADLINE)),
        }
    }

    fn explain(
        &mut self,
        hook: &'static str,
        trouble: Trouble,
        deadline: Duration,
    ) -> ProviderError {
        let (who, stderr) = (self.who.clone(), Said(String::new()));
        let (ended, effect) = (Ended::Left, Effect::Maybe);
        match trouble {
            Trouble::Failed(error) | Trouble::Stopped(_, error) if is_bug(&error) => {
                ProviderError::Bug { who, hook, error: Box::new(error), stderr }
            }
            Trouble::Failed(error) => ProviderError::Answer { provider: who.name, error },
            Trouble::Stopped(why, error) => ProviderError::stopped(who, hook, deadline, why, error),
            Trouble::Deaf(Why::Deadline) => {
                ProviderError::Deadline { who, hook, deadline, ended, effect, stderr }
            }
            Trouble::Deaf(Why::Cancelled) => {
                ProviderError::Cancelled { who, hook, ended, effect, stderr }
            }
            Trouble::Closed => self.broken(hook, "it closed the connection".to_owned()),
            Trouble::Nonsense(reason) => self.broken(hook, reason),
        }
    }
}

impl Runtime for Inside {
    fn call(
        &mut self,
        hook: &'static str,
        request: Value,
        longest: Duration,
        host: &mut dyn Callbacks,
    ) -> Result<Value, ProviderError> {
        let answer = self.link.call(hook, request, longest, host);
        answer.map_err(|trouble| self.explain(hook, trouble, longest))
    }

    fn broken(&mut self, hook: &'static str, reason: String) -> ProviderError {
        self.link.close();
        let stderr = Said(String::new());
        ProviderError::Protocol { who: self.who.clone(), hook, reason, stderr }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.link.close();
        // Then it can be called again.
        let end = Instant::now() + LEAVING;
        while !self.server.is_finished() && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Loads the library, unless that was done already.
fn take(library: &Library, file: (u64, u64)) -> Result<Resident, String> {
    let mut residents = RESIDENTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(resident) = residents.get_mut(&file) {
        if resident.taken {
            return Err("it is at work already, in this process".to_owned());
        }
        resident.taken = true;
        return Ok(*resident);
    }
    let path = PathBuf::from(format!("/proc/self/fd/{}", library.file.as_raw_fd()));
    let loaded = load(&path)?;
    let (connection, table) = connection();
    loaded.connect(table);
    let resident = Resident { loaded, connection, taken: true };
    residents.insert(file, resident);
    Ok(resident)
}

/// Serves its hooks in a thread until the link is closed.
fn serve(resident: Resident, socket: UnixStream, file: (u64, u64)) -> io::Result<JoinHandle<()>> {
    let Resident { loaded, connection, .. } = resident;
    connection.lead_to(socket.try_clone()?);
    Ok(thread::spawn(move || {
        // What comes of it the other end sees.
        let _ = connection.serve(loaded, socket, || ());
        let mut residents = RESIDENTS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(resident) = residents.get_mut(&file) {
            resident.taken = false;
        }
    }))
}
