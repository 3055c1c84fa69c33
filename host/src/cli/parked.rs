//! Boxes that are parked for long: told of in one line where somebody looks at leases, and deleted by
//! `cleanup` alone.

use crate::claims::{Claim, Moment, Reader};
use crate::config::Settings;
use crate::lease::is_long_parked;
use crate::output::{Printer, to_type};
use jiff::Timestamp;
use std::path::Path;
use std::time::Duration;

/// How many of a checkout's are.
pub(super) fn of_checkout(store: &Reader, root: &Path, settings: &Settings) -> usize {
    // The run is over, and was what it was.
    let claims = store.parked(root).unwrap_or_default();
    count(&claims, settings.parked_ttl)
}

/// Tells how many there are, if any.
pub(super) fn tell_of(printer: Printer, store: &Reader, settings: &Settings) {
    // Only those are read that may be.
    let long_ago = Timestamp::now().checked_sub(settings.parked_ttl).unwrap_or(Timestamp::MIN);
    let claims = store.parked_before(long_ago).unwrap_or_default();
    tell(printer, count(&claims, settings.parked_ttl));
}

/// Tells that there are so many, if there are any.
pub(super) fn tell(printer: Printer, count: usize) {
    if let Some((line, hint)) = told(count).filter(|_| !printer.is_quiet()) {
        printer.phase(&line);
        printer.hint(&hint);
    }
}

/// What is told of so many, and the line to type.
pub(super) fn told(count: usize) -> Option<(String, String)> {
    let boxes = match count {
        0 => return None,
        1 => "1 box is".to_owned(),
        count => format!("{count} boxes are"),
    };
    let line = format!("{boxes} parked for longer than `lease.parked_ttl`");
    Some((line, to_type(&["cleanup", "--delete-parked", "--yes"])))
}

fn count(claims: &[Claim], parked_ttl: Duration) -> usize {
    let now = Moment::now();
    claims.iter().filter(|claim| is_long_parked(claim, parked_ttl, &now)).count()
}
