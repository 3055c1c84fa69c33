//! What the options of every command come to: the claims, the providers, the places, a voice.

use super::config::{repository, warn};
use super::line::Common;
use crate::claims::{Claim, ClaimError, Reader, Salvaged, Store};
use crate::config::{Flag, Flags, Settings};
use crate::lease::{self, Checkout, Desk, Here};
use crate::output::{CommandError, Exit, Printer, Typed, human, to_type};
use crate::places::Places;
use crate::registry::Registry;
use std::io::ErrorKind;
use std::path::Path;

/// What the options of every command come to.
#[derive(Debug)]
pub(in crate::cli) struct Shared {
    pub(super) common: Common,
    /// What the line says of providers' settings.
    pub(super) settings: Vec<Flag>,
    pub(in crate::cli) printer: Printer,
}

impl Shared {
    pub(in crate::cli) fn places(&self) -> Result<Places, CommandError> {
        Places::discover(self.common.state_dir.as_deref())
    }

    /// Flags that every command has, for the settings.
    pub(in crate::cli) fn flags(&self) -> Flags {
        Flags {
            provider_path: self.common.provider_path.clone(),
            settings: self.settings.clone(),
            ..Flags::default()
        }
    }

    /// A state folder that was asked for, and isn't there: nothing was recorded in it, or it was meant to be another.
    pub(in crate::cli) fn is_without_state(&self, places: &Places) -> bool {
        let is_absent = || {
            places.state.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound)
        };
        self.common.state_dir.is_some() && is_absent()
    }

    /// Is there a state folder for what is about a lease? None is made for that.
    pub(in crate::cli) fn check_state(&self, places: &Places) -> Result<(), CommandError> {
        if !self.is_without_state(places) {
            return Ok(());
        }
        let error = CommandError::new(Exit::NotFound, no_state(places));
        let (line, without) = (Typed::here(), Typed::here().without("--state-dir"));
        if line.to_string() == without.to_string() {
            return Err(error.note("`CRABBOX_STATE_DIR` names it"));
        }
        Err(error.hint(without.to_string()))
    }

    /// The claims.
    pub(in crate::cli) fn store(&self, places: &Places) -> Result<Store, CommandError> {
        let store = Store::open(&places.state)?;
        if let Some(Salvaged { aside, count }) = store.salvaged() {
            let (claims, aside) = (human::count(*count as u64, "claim"), aside.display());
            self.printer.warning(&format!(
                "the claims database was damaged: {claims} could be saved; it is kept in `{aside}`"
            ));
        }
        Ok(store)
    }

    /// The claims, for a command that only shows them: nothing is made or written. Where they can't be
    /// looked at like this, they are opened as by every other command, which saves what can be read of
    /// damaged ones or says what is wrong.
    pub(in crate::cli) fn look(&self, places: &Places) -> Result<Reader, CommandError> {
        if self.is_without_state(places) {
            self.printer.phase_once(&no_state(places));
        }
        match Reader::look(&places.state) {
            Err(ClaimError::Database { .. } | ClaimError::Damaged { .. }) => {
                Ok(self.store(places)?.into_reader())
            }
            looked => Ok(looked?),
        }
    }

    /// The claims and the providers.
    pub(in crate::cli) fn desk(
        &self,
        places: &Places,
        settings: &Settings,
    ) -> Result<Desk, CommandError> {
        let store = self.store(places)?;
        let desk = Desk::new(store, self.registry(settings), self.printer);
        let desk = desk.with_in_process(settings.in_process.clone()).with_here(self.here(places));
        Ok(desk.with_longest(settings.longest_ttl.clone()))
    }

    /// The claim that `reference` stands for, for a command that needs no provider.
    pub(in crate::cli) fn find(
        &self,
        store: &Reader,
        places: &Places,
        reference: &str,
    ) -> Result<Claim, CommandError> {
        lease::find(store, reference, &self.here(places))
    }

    /// What a run would want in the checkout that this is called in.
    pub(in crate::cli) fn here(&self, places: &Places) -> Here {
        let (flags, places, printer) = (self.flags(), places.clone(), self.printer);
        Here::new(move || {
            let repository = repository().ok_or_else(|| {
                CommandError::new(Exit::NotFound, "there is no checkout here")
                    .hint(to_type(&["list"]))
            })?;
            let settings = in_spite_of(printer, &flags, &repository, &places)?;
            let profile = settings.provider_settings.profile;
            Ok(Checkout { repository, provider: settings.provider, profile })
        })
    }

    pub(in crate::cli) fn registry(&self, settings: &Settings) -> Registry {
        for folder in &settings.provider_path {
            let is_settled = settings.settled_provider_path.contains(folder);
            let shown = folder.display();
            if !folder.is_dir() {
                self.printer.warning_once(&format!("there is no folder `{shown}` with providers"));
            } else if is_settled {
                self.printer.phase_once(&format!("providers in `{shown}` come before all others"));
            } else {
                let line = format!("providers in `{shown}` come before all others");
                self.printer.warning_once(&line);
            }
        }
        Registry::new(crate::registry::Places::discover(settings.provider_path.clone()))
    }
}

fn no_state(places: &Places) -> String {
    format!("there is no state folder `{}`: nothing is recorded there", places.state.display())
}

/// The settings of a checkout for what is only looked for, or stays as it is: its own file is left out, with a
/// warning, where it is wrong.
pub(super) fn in_spite_of(
    printer: Printer,
    flags: &Flags,
    repository: &Path,
    places: &Places,
) -> Result<Settings, CommandError> {
    Settings::for_provider(flags.clone(), Some(repository), places).or_else(|_| {
        // What is wrong without it, too, isn't its fault.
        Settings::for_provider(flags.clone(), None, places)?;
        let flags = Flags { of_lease: true, ..flags.clone() };
        let settings = Settings::for_provider(flags, Some(repository), places)?;
        warn(printer, &settings.warnings);
        Ok(settings)
    })
}
