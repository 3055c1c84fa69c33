//! What the box says of itself to whoever may want a place on it.

use super::root::Root;
use crate::failure::Failure;
use crate::machine_id;
use crabbox_wire::place::Survey;
use crabbox_wire::text::Text;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;

/// What there is, for a place that would lie here. Nothing is made for it but the work root, if that is to have
/// this number.
pub(super) fn survey(folder: &Path, root: Option<&str>) -> Result<Survey, Failure> {
    let parent = folder.parent().unwrap_or(Path::new("/"));
    let wrap = |error: io::Error| Failure::system("looking at", parent, &error);
    let machine_id = if let Some(id) = root {
        Root::make(parent)?.id_or(id).map_err(wrap)?;
        machine_id::of_places_or_new()
    } else {
        machine_id::of_places()
    };
    look(folder, machine_id).map_err(wrap)
}

fn look(folder: &Path, machine_id: String) -> io::Result<Survey> {
    let parent = folder.parent().unwrap_or(Path::new("/"));
    let (root, used) = match Root::open(parent) {
        Ok(root) => (root.id()?, root.count(&machine_id)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (None, 0),
        Err(error) => return Err(error),
    };
    let there = parent.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let free = rustix::fs::statvfs(there).ok();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    Ok(Survey {
        root,
        folder: Text(folder.as_os_str().as_bytes().to_vec()),
        used,
        name: fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
        free: free.map(|found| found.f_bavail.saturating_mul(found.f_frsize)),
        processors: thread::available_parallelism()
            .map_or(0, |count| u32::try_from(count.get()).unwrap_or(u32::MAX)),
        load: load.split_whitespace().next().unwrap_or_default().to_owned(),
        machine_id,
    })
}
