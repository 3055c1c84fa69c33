//! Loads one provider's library, for the life of the process.

#![expect(
    unsafe_code,
    reason = "loading a library runs its code, and its symbol's type is a promise"
)]

use crabbox_provider_api::abi::{self, Header, Loaded};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use std::mem;
use std::os::raw::c_int;
use std::path::Path;

/// Never unmap: threads and destructors of the provider may outlive any call. Linux's value.
const RTLD_NODELETE: c_int = 0x1000;

/// Opens the library at an absolute path, checks its header and builds its module.
pub(super) fn load(path: &Path) -> Result<Loaded, String> {
    let flags = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;
    // SAFETY: this runs the library's initialisers. The host checked the file and
    // gave this process nothing else to lose.
    let library = unsafe { Library::open(Some(path), flags) }.map_err(|error| chain(&error))?;
    // SAFETY: the registry checked that the symbol is there; `from_header` checks its magic
    // number before anything else of it is used.
    let header = unsafe { library.get::<Header>(abi::SYMBOL.as_bytes()) };
    let header = *header.map_err(|error| chain(&error))?;
    mem::forget(library);
    Loaded::from_header(header).map_err(|error| error.to_string())
}

/// libloading's own text leaves out what the loader said.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
