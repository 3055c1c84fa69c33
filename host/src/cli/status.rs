//! `crabbox status`

use super::list::{Lease, shown_state, standing};
use super::standing::{Standing, Standings};
use super::{Shared, ago, in_short};
use crate::claims::{Claim, Moment, State};
use crate::config::parse_duration;
use crate::lease::AtStop;
use crate::output::{CommandError, Exit, Typed, human, to_type, visible, wrap};
use crate::places::Places;
use clap::Args;
use serde_json::json;
use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

/// How often a waiter looks again.
const PAUSE: Duration = Duration::from_millis(100);

/// What `crabbox stop` does with a lease that somebody works with.
const REFUSED: &str = "refuse";

/// Show one lease, from local records only
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox status amber-crab
  crabbox status @last --json
  crabbox status amber-crab --wait --timeout 5m")]
pub(super) struct Status {
    /// The lease: its id, its slug, `@last` or `@repo`
    id: String,
    /// Wait until it is free, and ready, parked or over
    #[arg(long)]
    wait: bool,
    /// Wait at most for so long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, requires = "wait")]
    #[arg(default_value = "10m")]
    timeout: Duration,
}

impl Status {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let places = shared.places()?;
        let store = shared.look(&places)?;
        let claim = shared.find(&store, &places, &self.id)?;
        let (claim, holder) = if self.wait {
            (settled(shared, &places, claim, self.timeout)?, None)
        } else {
            let holder = store.holder(&claim.id)?;
            (claim, holder)
        };
        let mut standings = Standings::read(shared, &places);
        let is_used =
            holder.is_some() && claim.state() != State::Releasing && !store.is_let_go(&claim.id)?;
        if shared.printer.json {
            return shared.printer.document(&json!({
                "schema_version": 1,
                "stop": if is_used { REFUSED } else { AtStop::of(&claim).as_str() },
                "lease": Lease::looked_at(claim, &store, &mut standings),
                "holder": holder,
            }));
        }
        let seen = Seen {
            holder,
            is_used,
            is_unattended: !self.wait && store.is_unattended(&claim.id)?,
            standing: standing(&claim, &mut standings),
        };
        shared.printer.data(&describe(&claim, &seen, shared.printer.columns()))?;
        standings.explain(shared.printer);
        Ok(())
    }
}

/// Looks until nobody works with the lease and its state stays.
fn settled(
    shared: &Shared,
    places: &Places,
    mut claim: Claim,
    timeout: Duration,
) -> Result<Claim, CommandError> {
    let (end, printer) = (Instant::now() + timeout, shared.printer);
    let _waiting = printer.progress(format!("waiting for {}", claim.slug));
    let mut told = String::new();
    loop {
        // One that is open already needn't see what others write.
        let store = shared.look(places)?;
        claim = store.get(&claim.id)?.unwrap_or(claim);
        let why = match (store.holder(&claim.id)?, claim.state()) {
            (Some(by), state) => format!("it is {state}, used by {by}"),
            (None, State::Failed) => return Err(failed(&claim)),
            (None, state) if !state.is_in_work() => return Ok(claim),
            (None, _) if store.is_unattended(&claim.id)? => return Err(unattended(&claim)),
            (None, state) => format!("it is {state}"),
        };
        if Instant::now() >= end {
            let waited = human::duration(timeout);
            let message = format!("waited {waited} for `{}`: {why}", claim.slug);
            return Err(CommandError::new(Exit::TryAgain, message)
                .code("timeout")
                .hint(Typed::here().to_string()));
        }
        if why != told {
            printer.phase(&format!("waiting for {}: {why}", claim.slug));
            told = why;
        }
        thread::sleep(PAUSE.min(end.saturating_duration_since(Instant::now())));
    }
}

/// It is never ready, however long anybody waits.
fn failed(claim: &Claim) -> CommandError {
    let slug = &claim.slug;
    let trouble = claim.trouble.as_deref().unwrap_or("leasing it failed");
    CommandError::failed(format!("`{slug}` has failed: {trouble}"))
        .code("failed")
        .hint(to_type(&["stop", slug]))
}

/// Nobody will end what it is in the middle of.
fn unattended(claim: &Claim) -> CommandError {
    let (slug, state) = (&claim.slug, claim.state());
    let message = format!("`{slug}` is {state}, and the command that had it is gone");
    CommandError::failed(message)
        .code("unattended")
        .hint(to_type(&["cleanup"]))
        .hint(to_type(&["stop", slug]))
}

/// What is known of a lease beside its claim.
struct Seen {
    holder: Option<String>,
    /// By somebody who doesn't let go of it.
    is_used: bool,
    is_unattended: bool,
    standing: Standing,
}

/// A lease in lines for people.
fn describe(claim: &Claim, seen: &Seen, terminal: Option<usize>) -> String {
    let mut text = format!("{} ({})\n", visible(&claim.slug), claim.id);
    let mut line = |name: &str, value: &str| {
        let value = wrap(&visible(value), 14, terminal);
        let _ = writeln!(text, "  {name:<11} {value}");
    };
    let in_doubt = claim.trouble.is_some();
    line("state", &shown_state(claim.state().as_str(), in_doubt, seen.is_unattended));
    if let Some(holder) = &seen.holder {
        line("used by", holder);
    }
    let standing = seen.standing.in_words().map(|words| format!(", {words}")).unwrap_or_default();
    line("provider", &format!("{} {}{standing}", claim.provider, claim.provider_version));
    if let Some(made) = claim.made() {
        if let Some(host) = made.host() {
            line("host", host);
        }
        line("resource", &made.name);
    }
    line("repository", &claim.repository.display().to_string());
    line("made", &ago(claim.created));
    line("used", &ago(claim.used));
    line("keep", if claim.keep { "yes" } else { "no" });
    // A kept one is only told of then, by a cleanup.
    let then = if claim.keep { ", and is told of then" } else { "" };
    let deadlines =
        [("stays until", claim.deadline.as_ref(), ""), ("idle until", claim.idle_until(), then)];
    for (name, end, then) in deadlines {
        if let Some(end) = end.filter(|_| !is_over(claim)) {
            line(name, &format!("{}{then}", until(end)));
        }
    }
    if !is_over(claim) {
        let stop = AtStop::of(claim).in_words();
        let refused = format!("is refused while it is in use; then it {stop}");
        line("stop", if seen.is_used { &refused } else { stop });
    }
    if let Some(run) = &claim.run {
        let how = if run.over { "over" } else { "its end wasn't seen" };
        line("last run", &format!("{}, {how}", run.id));
    }
    if let Some(trouble) = &claim.trouble {
        line("trouble", trouble);
    }
    text
}

fn is_over(claim: &Claim) -> bool {
    matches!(claim.state(), State::Released | State::Lost)
}

/// A time with what is left until then.
pub(super) fn until(end: &Moment) -> String {
    let at = end.wall.strftime("%Y-%m-%d %H:%M:%SZ");
    match end.left() {
        Some(left) => format!("{at}, {} from now", in_short(left)),
        None => format!("{at}, which is over"),
    }
}
