//! What goes over a way, with somebody at a terminal who can answer what the way asks.

use super::error::TransportError;
use super::route::Route;
use super::ssh;
use crate::output::Printer;

/// Who is asked.
#[derive(Clone, Copy)]
pub struct Answers {
    /// Somebody sits at a terminal, and is there for that.
    pub can_ask: bool,
    /// For messages.
    pub printer: Printer,
}

/// Does it; where the way asks something that can be answered, `ssh` asks, and it is done once more. `unreached`: is this
/// an error of the way? `lift`: one of the way as one of the work's.
pub fn answered<T, E>(
    route: &Route<'_>,
    Answers { can_ask, printer }: Answers,
    mut work: impl FnMut(&Route<'_>) -> Result<T, E>,
    unreached: impl Fn(&E) -> Option<&TransportError>,
    lift: impl Fn(TransportError) -> E,
) -> Result<T, E> {
    let result = work(&Route { may_ask: can_ask, ..*route });
    let Some(error) = result.as_ref().err().and_then(unreached) else { return result };
    if !can_ask || !error.may_be_answered() {
        return result;
    }
    printer.phase(&format!("{error}: ssh asks what it needs"));
    ssh::open_in_foreground(route).map_err(lift)?;
    work(route)
}
