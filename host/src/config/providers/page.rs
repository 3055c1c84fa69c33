//! The page of one provider that comes with this program: all that its manifest says, for whoever wants to know what
//! it gets and what it is told.

use super::reference::settings_table;
use crabbox_provider_api::manifest::{Deadline, Manifest, Names};
use std::fmt::Write as _;
use std::time::Duration;

/// `docs/reference/provider-NAME.md`.
#[must_use]
pub fn page(manifest: &Manifest) -> String {
    let Manifest { name, description, environment, .. } = manifest;
    let mut text = format!(
        "# The provider `{name}`\n\nFor whoever uses it: what its manifest says. {description}. Made from\n\
        [`providers/{name}/provider.toml`](../../providers/{name}/provider.toml):\n\
        `CRABBOX_UPDATE=1 cargo test -p crabbox-tests --test e2e the_page_of_settings` writes it anew.\n\n\
        ## Settings\n\n"
    );
    if manifest.settings.is_empty() {
        text.push_str("It has none.\n");
    } else {
        text.push_str("How they are set stands in [settings](settings.md).\n\n");
        settings_table(&mut text, manifest);
    }
    text.push_str("\n## Variables of yours that it gets\n\n");
    if environment.is_empty() {
        text.push_str("None; neither do the commands that it has run.\n");
    } else {
        text.push_str("These and no others, with the commands that it has run.\n\n");
        text.push_str("| variable | what for |\n|---|---|\n");
        for (variable, reason) in environment {
            let _ = writeln!(text, "| `{variable}` | {reason} |");
        }
    }
    let rules = rules(manifest);
    if !rules.is_empty() {
        text.push_str("\n## What it is told and given\n\n| what | |\n|---|---|\n");
        for (what, said) in rules {
            let _ = writeln!(text, "| {what} | {said} |");
        }
    }
    text
}

fn rules(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let mut rules = Vec::new();
    rules.extend(manifest.names.as_ref().map(|names| ("names of its boxes", of_names(names))));
    let deadline = manifest.deadline.as_ref().map(of_deadline);
    rules.extend(deadline.map(|said| ("when a box is to end by itself", said)));
    let hooks = [
        ("`lease` has at most", manifest.deadlines.lease),
        ("`resolve` has at most", manifest.deadlines.resolve),
        ("`release` has at most", manifest.deadlines.release),
        ("`extend` has at most", manifest.deadlines.extend),
        ("`list` has at most", manifest.deadlines.list),
        ("`doctor` has at most", manifest.deadlines.doctor),
    ];
    rules.extend(hooks.into_iter().filter_map(|(hook, limit)| Some((hook, time(limit?.0)))));
    let settles = manifest.settles.0;
    if !settles.is_zero() {
        rules.push(("a box may still appear after a lease that broke off for", time(settles)));
    }
    rules
}

fn of_names(names: &Names) -> String {
    let reserved: Vec<String> = names.reserved.iter().map(|name| format!("`{name}`")).collect();
    let never = if reserved.is_empty() {
        String::new()
    } else {
        format!(", never {}", reserved.join(", "))
    };
    format!("made by crabbox, at most {} bytes{never}", names.max)
}

fn of_deadline(deadline: &Deadline) -> String {
    let parts = [
        ("for a new one from", deadline.create_min),
        ("to be moved to from", deadline.extend_min),
        ("at most", deadline.max),
        ("in steps of", deadline.step),
    ];
    let said = parts
        .iter()
        .filter_map(|(word, limit)| Some(format!("{word} {}", time(limit.as_ref()?.0))));
    let said: Vec<String> = said.collect();
    if said.is_empty() { "any time".to_owned() } else { said.join(", ") }
}

/// In the largest unit that leaves no rest.
fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute")];
    let fitting = units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit));
    let (unit, name) = fitting.unwrap_or((1, "second"));
    let amount = seconds / unit;
    if amount == 1 { format!("1 {name}") } else { format!("{amount} {name}s") }
}
