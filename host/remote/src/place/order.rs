//! Does what the host asks about a place.

use super::folder::{self, Marker, Seen, lease, look, removing};
use super::removal::{another, remove, unmarked};
use super::root::Root;
use super::survey::survey;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::layout::{expand, is_lease};
use crate::machine_id;
use crabbox_wire::PROTOCOL;
use crabbox_wire::message::{FailureCode, Request};
use crabbox_wire::place::{Place, PlaceAnswer, PlaceOrder};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The answer to an order, which is done by then.
pub(crate) fn carry_out(
    order: &PlaceOrder,
    request: &Request,
    connection: &Connection,
) -> Result<PlaceAnswer, Failure> {
    let refuse = |what: &str| Err(Failure::new(FailureCode::Request, what));
    if request.protocol != PROTOCOL {
        return refuse("the host speaks another version of the protocol");
    }
    let folder = expand(&request.work_root)?;
    let name = folder.file_name().and_then(OsStr::to_str);
    if !is_lease(&request.lease) || name != Some(&*request.lease) {
        return refuse("that is no place of a lease");
    }
    let place = match order {
        PlaceOrder::Survey { root } => {
            return Ok(PlaceAnswer::Surveyed(survey(&folder, root.as_deref())?));
        }
        PlaceOrder::Take { place, .. }
        | PlaceOrder::Look { place }
        | PlaceOrder::Remove { place } => place,
    };
    if place.folder.0 != folder.as_os_str().as_bytes() || lease(place) != request.lease {
        return refuse("that is another place");
    }
    if place.machine_id.is_empty() {
        return Ok(elsewhere("nothing tells this machine from others"));
    }
    if place.machine_id != machine_id::of_places() {
        return Ok(elsewhere("this is another machine"));
    }
    if let PlaceOrder::Take { limit, .. } = order {
        return take(place, *limit, &request.holder, connection);
    }
    match (root_of(place), order) {
        (Err(why), _) => Ok(PlaceAnswer::Elsewhere { why }),
        (Ok(root), PlaceOrder::Remove { .. }) => remove(&root, place, &request.holder, connection),
        (Ok(root), _) => Ok(seen(&root, place)),
    }
}

fn take(
    place: &Place,
    limit: Option<u32>,
    holder: &str,
    connection: &Connection,
) -> Result<PlaceAnswer, Failure> {
    let path = path(place);
    let wrap = |error: io::Error| Failure::system("making the place", path, &error);
    let root = Root::make(path.parent().unwrap_or(Path::new("/")))?;
    let _lock = root.lock(holder, connection)?;
    if root.id().map_err(wrap)?.as_ref() != Some(&place.root) {
        return Ok(elsewhere("its work root is another one by now"));
    }
    if let Seen::Unmarked | Seen::Other = look(root.folder(), lease(place)).map_err(wrap)? {
        let why = format!("`{}` is there, and crabbox hasn't made it", path.display());
        return Ok(PlaceAnswer::Foreign { why });
    }
    match seen(&root, place) {
        PlaceAnswer::Gone => {}
        other => return Ok(other),
    }
    let used = root.count(&place.machine_id).map_err(wrap)?;
    if limit.is_some_and(|limit| used >= limit) {
        return Ok(PlaceAnswer::Full { used });
    }
    folder::make(root.folder(), place).map_err(wrap)?;
    Ok(PlaceAnswer::Here)
}

/// What has become of it. Something else in its place isn't it any more; a folder without a marker may be.
fn seen(root: &Root, place: &Place) -> PlaceAnswer {
    let ours = Marker::of(place);
    let removing = removing(place);
    for (name, answer) in [(lease(place), PlaceAnswer::Here), (&*removing, PlaceAnswer::Rest)] {
        match look(root.folder(), name) {
            Ok(Seen::Marked(marker)) if marker == ours => return answer,
            Ok(Seen::Marked(..)) => return another(),
            Ok(Seen::Unmarked) if name != removing => return unmarked(),
            Ok(Seen::Unmarked | Seen::Other | Seen::Absent) => {}
            Err(error) => return elsewhere(&unseen(place, &error)),
        }
    }
    PlaceAnswer::Gone
}

/// The work root that it is in; or why nothing is proven by what is there.
fn root_of(place: &Place) -> Result<Root, String> {
    let unseen = |error: io::Error| unseen(place, &error);
    let parent = path(place).parent().unwrap_or(Path::new("/"));
    let root = Root::open(parent).map_err(unseen)?;
    if root.id().map_err(unseen)?.as_ref() == Some(&place.root) {
        return Ok(root);
    }
    let parent = parent.display();
    Err(format!(
        "`{parent}` isn't the folder that held it: that one was deleted, or isn't mounted now"
    ))
}

fn path(place: &Place) -> &Path {
    Path::new(OsStr::from_bytes(&place.folder.0))
}

fn unseen(place: &Place, error: &io::Error) -> String {
    format!("`{}` can't be looked at: {error}", path(place).display())
}

fn elsewhere(why: &str) -> PlaceAnswer {
    PlaceAnswer::Elsewhere { why: why.to_owned() }
}
