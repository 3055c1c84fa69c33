//! Finds a box for a checkout: a ready one, else a parked one, else a new one.

use super::desk::Desk;
use super::profile;
use super::reference::{self, Here};
use super::take::{Held, Taken, explicitly};
use super::wanted::{InUse, Wanted};
use crate::claims::{Claim, State};
use crate::output::{CommandError, Exit, Progress, Typed};

impl Desk {
    /// Finds or makes a box.
    pub fn acquire(&mut self, wanted: &Wanted) -> Result<Held, CommandError> {
        if let Some(reference) = &wanted.id {
            return self.acquire_named(reference, wanted);
        }
        if let Some(slug) = &wanted.slug {
            let held = self.acquire_by_slug(slug, wanted)?;
            return held.map_or_else(|| self.lease_new(wanted), Ok);
        }
        let _getting = self.getting(wanted);
        let mut in_use = None;
        for candidate in self.candidates(wanted)? {
            self.go_on()?;
            let holder = match self.store.hold(&candidate.id)? {
                Ok(holder) => holder,
                Err(by) => {
                    in_use.get_or_insert((candidate, by));
                    continue;
                }
            };
            match self.take(&candidate, holder, wanted)? {
                Taken::Held(held) => return Ok(*held),
                Taken::LeftAlone(why) | Taken::Unproven(why) => {
                    self.say_left_alone(&candidate, &why);
                }
                Taken::Gone => {}
            }
        }
        if let Some((own, _)) = in_use.as_ref().filter(|_| wanted.in_use == InUse::Wait) {
            let holder = self.wait_for(own)?;
            match self.take(own, holder, wanted)? {
                Taken::Held(held) => return Ok(*held),
                Taken::LeftAlone(why) | Taken::Unproven(why) => self.say_left_alone(own, &why),
                Taken::Gone => {}
            }
        } else if let Some((Claim { slug, .. }, by)) = in_use {
            self.printer.phase(&format!(
                "`{slug}` is in use by {by}: another box is leased; `--id {slug}` waits for it"
            ));
        }
        self.go_on()?;
        self.lease_new(wanted)
    }

    /// Nothing new is begun once the user wants to leave.
    fn go_on(&self) -> Result<(), CommandError> {
        if self.working.is_interrupted() {
            return Err(CommandError::failed("no other box is looked for"));
        }
        Ok(())
    }

    /// A lease that is asked for by its name is this one or none.
    fn acquire_named(&mut self, reference: &str, wanted: &Wanted) -> Result<Held, CommandError> {
        let claim = reference::find(&self.store, reference, &Here::of(wanted))?;
        let holder = match self.store.hold(&claim.id)? {
            Ok(holder) => holder,
            Err(_) if wanted.in_use != InUse::Refuse => self.wait_for(&claim)?,
            Err(by) => return Err(not_waited_for(&claim.slug, &by)),
        };
        let _getting = self.getting(wanted);
        let taken = self.take(&claim, holder, wanted)?;
        explicitly(taken, &claim)
    }

    pub(super) fn getting(&self, wanted: &Wanted) -> Progress {
        self.printer.progress(format!("getting a box from {}", wanted.provider))
    }

    /// The claims that may serve, best first.
    fn candidates(&self, wanted: &Wanted) -> Result<Vec<Claim>, CommandError> {
        if wanted.fresh {
            return Ok(Vec::new());
        }
        let mut claims = self.store.of_repository(&wanted.repository, &wanted.provider)?;
        claims.retain(|claim| !claim.has_failed() && !self.asked.contains(&claim.id));
        let fits = |claim: &Claim| profile::fits(&claim.profile, wanted.profile.as_deref());
        let (mut claims, others): (Vec<_>, Vec<_>) = claims.into_iter().partition(fits);
        self.say_others(&others);
        claims.sort_by_key(rank);
        Ok(claims)
    }

    /// Boxes that could be had, and aren't wanted as they are.
    fn say_others(&self, claims: &[Claim]) {
        let can_be_had = |claim: &&Claim| matches!(claim.state(), State::Ready | State::Parked);
        let slugs: Vec<&str> =
            claims.iter().filter(can_be_had).map(|claim| claim.slug.as_str()).collect();
        let who = match slugs.as_slice() {
            [] => return,
            [slug] => format!("`{slug}` was"),
            [slug, others @ ..] => format!("`{slug}` and {} more were", others.len()),
        };
        self.printer.phase(&format!(
            "{who} leased under other settings, and used only by `--id`, such as `--id {}`",
            slugs[0]
        ));
    }
}

/// Which of several claims is tried first.
pub(super) fn rank(claim: &Claim) -> u8 {
    match (claim.state(), claim.way()) {
        (State::Ready, Some(_)) => 0,
        (State::Ready | State::Parked, _) => 1,
        // Left by a command that was killed, or in use: their lock tells.
        _ => 2,
    }
}

/// Somebody else uses the box, and whoever wants it doesn't wait.
#[must_use]
pub fn not_waited_for(slug: &str, by: &str) -> CommandError {
    CommandError::new(Exit::Conflict, format!("`{slug}` is in use by {by}"))
        .hint(Typed::here().without_switch("--no-wait").to_string())
        .note("without `--no-wait` it waits; without `--id`, too, it gets another box")
}

/// The same line for a box of its own, of the same provider: a line that named a lease needn't say which that is.
#[must_use]
pub fn fresh(claim: &Claim) -> String {
    let line = Typed::here().without("--slug");
    let unnamed = line.clone().without("--id");
    let line = if unnamed == line {
        line
    } else {
        unnamed.without("--provider").with(&["--provider", &claim.provider])
    };
    line.with_switch("--fresh").to_string()
}
