//! What this program brings along or finds beside itself: remote helpers, providers.

use super::{fail, pass, skip, warn};
use crate::output::to_type;
use crate::registry::{self, Condition, Entry};
use crate::transport;
use crabbox_provider_api::payload::Check;

/// The machines that a box may be.
const MACHINES: [&str; 2] = ["x86_64", "aarch64"];

/// One check for each kind of box.
pub(super) fn helpers() -> Vec<Check> {
    let check = |machine: &str| {
        let id = format!("helper-{machine}");
        match transport::helpers().find(|(known, _)| *known == machine) {
            Some((_, sha256)) => pass(&id, format!("{} for {machine} boxes", &sha256[..12])),
            None => warn(
                &id,
                format!("this build can't use {machine} boxes: it holds no helper for them"),
                format!("rustup target add {machine}-unknown-linux-musl && cargo build --release"),
            ),
        }
    };
    MACHINES.into_iter().map(check).collect()
}

/// One check for each provider that is found, and one for the chosen one if it isn't.
pub(super) fn providers(entries: &[Entry], chosen: &str) -> Vec<Check> {
    let mut checks: Vec<Check> = entries.iter().map(|entry| provider(entry, chosen)).collect();
    let answers = |entry: &Entry| {
        let aliases = entry.manifest.iter().flat_map(|manifest| &manifest.aliases);
        entry.name == chosen || aliases.into_iter().any(|alias| alias == chosen)
    };
    if !entries.iter().any(answers) {
        let message = if entries.is_empty() {
            registry::none()
        } else {
            format!("there is no provider `{chosen}`, which the settings choose")
        };
        let id = format!("provider-{chosen}");
        let hint: &[&str] = match entries {
            [] => &["provider", "list"],
            _ => &["config", "explain", "lease.provider"],
        };
        checks.push(fail(&id, message, to_type(hint)));
    }
    checks
}

fn provider(entry: &Entry, chosen: &str) -> Check {
    let id = format!("provider-{}", entry.name);
    let path = entry.path.display();
    match &entry.state {
        Condition::Ok => {
            let version = entry.manifest.as_ref().map(|manifest| manifest.version.to_string());
            pass(&id, format!("{} in `{path}`", version.unwrap_or_default()))
        }
        Condition::Shadowed { .. } => skip(&id, format!("`{path}`: an earlier one has its name")),
        Condition::Unusable(reason) => {
            let make = if entry.name == chosen { fail } else { warn };
            let hint = reason.hint().unwrap_or_else(|| to_type(&["provider", "list"]));
            make(&id, format!("`{path}` can't be used: {reason}"), hint)
        }
    }
}
