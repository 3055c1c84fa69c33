//! Events whose origin isn't in this program's code: what was printed, and what providers log.

use crate::events::{self, Event};
use tracing::{Level, event};

/// The target of what was printed.
pub(super) const PRINTED: &str = "crabbox::output";

/// The target of what a provider logs, until [`super::collect`] gives it its own.
pub(super) const PROVIDER: &str = "crabbox::provider";

/// The fields of such an event.
pub(super) const PROVIDER_NAME: &str = "provider_name";
pub(super) const PROVIDER_TARGET: &str = "provider_target";

/// How much something that was printed matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matter {
    /// A failure.
    Error,
    /// Something odd.
    Warning,
    /// Anything else.
    Word,
}

/// A line that was, or would have been, printed: the files have it, too.
pub(crate) fn printed(matter: Matter, line: &str) {
    if matter == Matter::Warning {
        events::tell(&Event::Warning { message: line });
    }
    match matter {
        Matter::Error => event!(target: PRINTED, Level::ERROR, "{line}"),
        Matter::Warning => event!(target: PRINTED, Level::WARN, "{line}"),
        Matter::Word => event!(target: PRINTED, Level::INFO, "{line}"),
    }
}

/// What a provider logs, with the number of the level as it is sent.
pub(crate) fn of_provider(provider: &str, level: u32, target: &str, message: &str) {
    // Each level is a place in the code of its own to `tracing`.
    macro_rules! at {
        ($level:expr) => {
            event!(
                target: PROVIDER,
                $level,
                provider_name = provider,
                provider_target = target,
                "{message}"
            )
        };
    }
    match level {
        1 => at!(Level::ERROR),
        2 => at!(Level::WARN),
        3 => at!(Level::INFO),
        4 => at!(Level::DEBUG),
        _ => at!(Level::TRACE),
    }
}

/// The target under which a provider's event is filtered and shown: the provider's name, then its
/// own target without the name of its crate.
pub(super) fn target_of(provider: &str, source: &str) -> String {
    let package = format!("crabbox_provider_{}", provider.replace('-', "_"));
    let rest = source.strip_prefix(&package).unwrap_or(source);
    match rest.strip_prefix("::").unwrap_or(rest) {
        "" => provider.to_owned(),
        rest => format!("{provider}::{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_begins_with_the_providers_name() {
        assert_eq!(target_of("desk", "crabbox_provider_desk"), "desk");
        assert_eq!(target_of("my-desk", "crabbox_provider_my_desk::ssh"), "my-desk::ssh");
        assert_eq!(target_of("desk", "hyper::client"), "desk::hyper::client");
    }
}
