//! `crabbox inspect`

use super::claims::{block, record};
use super::config::warn;
use super::debug;
use super::history::{Meant, Remembered};
use super::list::standing;
use super::standing::{Standing, Standings};
use super::{Shared, bounds};
use crate::claims::{Claim, Made};
use crate::config::{Flags, Settings};
use crate::lease::{self, in_words};
use crate::log::Record;
use crate::output::{CommandError, Exit, Quoted, to_type, visible};
use crate::places::Places;
use clap::Args;
use crabbox_provider_api::payload::{Endpoint, Proof, Resolution, Transport};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// Show all that is known of one lease, or of one run
///
/// The provider of a lease is asked, and changes nothing; neither does this command. A run is shown as it is
/// remembered.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox inspect amber-crab
  crabbox inspect run_0123456789ab --json
  crabbox inspect @last --offline")]
pub(super) struct Inspect {
    /// A lease (id, slug, `@last`, `@repo`) or a run (id, `@last-failed`)
    id: String,
    /// Don't ask the provider
    #[arg(long)]
    offline: bool,
}

/// How long a provider may take.
const LONGEST: Duration = Duration::from_mins(10);

/// All that is known.
struct Known {
    claim: Claim,
    holder: Option<String>,
    /// Can its provider be used?
    standing: Standing,
    /// What the provider says, or why it says nothing. `None`: it wasn't asked.
    answer: Option<Result<Resolution, CommandError>>,
    /// The logs that name the lease, the latest first, with their numbers.
    logs: Vec<(usize, Record)>,
}

impl Inspect {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let unrecorded = match Remembered::find(shared, &self.id)? {
            Meant::Run(run) => return run.show(shared),
            Meant::Unrecorded(why) => Some(why),
            Meant::Lease => None,
        };
        let places = shared.places()?;
        let store = shared.look(&places)?;
        let claim = match (shared.find(&store, &places, &self.id), unrecorded) {
            (Err(error), Some(why)) if error.kind() == Exit::NotFound => return Err(why.into()),
            (Ok(claim), Some(why)) => {
                shared.printer.advice(&why.to_string(), &why.hint().unwrap_or_default());
                claim
            }
            (found, _) => found?,
        };
        let holder = store.holder(&claim.id)?;
        drop(store);
        let is_asked = !self.offline && claim.made().is_some();
        let answer = is_asked.then(|| ask(shared, &places, &claim));
        let logs = logs(&places.state, &claim);
        let mut standings = Standings::read(shared, &places);
        let standing = standing(&claim, &mut standings);
        let known = Known { claim, holder, standing, answer, logs };
        if shared.printer.json {
            return shared.printer.document(&known.to_json()?);
        }
        shared.printer.data(&known.describe(shared.printer.columns()))?;
        standings.explain(shared.printer);
        if let Some((what, line)) = known.next() {
            shared.printer.advice(what, &line);
        }
        Ok(())
    }
}

/// What the provider says, under the settings of the lease's checkout.
fn ask(shared: &Shared, places: &Places, claim: &Claim) -> Result<Resolution, CommandError> {
    let provider = Some(claim.provider.clone());
    let flags = Flags { of_lease: true, provider, ..shared.flags() };
    let settings = Settings::for_provider(flags, Some(&claim.repository), places)?;
    warn(shared.printer, &settings.warnings);
    bounds::check_provider(&settings, claim)?;
    let _asking = shared.printer.progress(format!("asking {}", claim.provider));
    let library = shared.registry(&settings).find(&claim.provider)?;
    let handed = &settings.provider_settings.handed;
    let (in_process, state) = (&settings.in_process, &places.state);
    lease::look_at(&library, in_process, shared.printer, claim, handed, state, LONGEST)
}

/// Those that tell of the lease.
fn logs(state: &Path, claim: &Claim) -> Vec<(usize, Record)> {
    let names = [claim.id.as_str(), &claim.slug];
    let tells = |record: &Record| {
        record.text().is_ok_and(|text| names.iter().any(|name| text.contains(name)))
    };
    (1..).zip(crate::log::records(state)).filter(|(_, record)| tells(record)).collect()
}

impl Known {
    /// The way to the box, while somebody vouches for it.
    fn endpoint(&self) -> Option<&Endpoint> {
        let found = match &self.answer {
            Some(Ok(Resolution::Found(found)))
                if self.claim.is_about(&found.resource, &found.scope) =>
            {
                found.endpoint.as_ref()
            }
            _ => None,
        };
        found.or_else(|| self.claim.way().map(|way| &way.endpoint))
    }

    /// What to do about an answer that isn't the box.
    fn next(&self) -> Option<(&'static str, String)> {
        let slug = &self.claim.slug;
        match &self.answer {
            _ if self.claim.state().is_final() => None,
            Some(Ok(Resolution::Missing { proof: Proof::Deleted })) => {
                Some(("this closes the claim", to_type(&["stop", slug])))
            }
            Some(Ok(Resolution::Found(found)))
                if self.claim.is_about(&found.resource, &found.scope) =>
            {
                None
            }
            Some(Ok(_)) => Some((
                "nothing is done to it until its provider vouches for it; to drop the claim leaves it as it is",
                to_type(&["forget", slug, "--yes"]),
            )),
            Some(Err(error)) if lease::is_unreached(error) => {
                let again = "nothing is known of it until its machine is reached; then ask again";
                Some((again, to_type(&["inspect", slug])))
            }
            None | Some(Err(_)) => None,
        }
    }

    fn to_json(&self) -> Result<Value, CommandError> {
        let failed = |error| CommandError::failed("the answer can't be shown").because(error);
        let (answer, error) = match &self.answer {
            None => (None, None),
            Some(Ok(answer)) => (Some(serde_json::to_value(answer).map_err(failed)?), None),
            Some(Err(error)) => (None, Some(error.to_json()["error"].clone())),
        };
        let logs = self.logs.iter().map(|(number, log)| debug::to_json(*number, log));
        let record = record(&self.claim, self.holder.as_deref())?;
        Ok(json!({
            "schema_version": 1,
            "record": record["record"],
            "holder": self.holder,
            "host": self.claim.made().as_ref().and_then(Made::host),
            "provider_state": self.standing,
            "answer": answer,
            "answer_error": error,
            "endpoint": self.endpoint().map(serde_json::to_value).transpose().map_err(failed)?,
            "logs": logs.collect::<Vec<_>>(),
        }))
    }

    fn describe(&self, terminal: Option<usize>) -> String {
        let mut text = block(&self.claim, self.holder.as_deref(), terminal);
        let says = match &self.answer {
            None => match self.standing.in_words() {
                Some(standing) => format!("it can't be asked: {standing}"),
                None => "it wasn't asked".to_owned(),
            },
            Some(Ok(answer)) => in_words(&self.claim, answer),
            Some(Err(error)) => format!("error: {error}"),
        };
        let _ = writeln!(text, "\nThe provider says\n  {}", visible(&says));
        if let Some(endpoint) = self.endpoint() {
            let _ = writeln!(text, "\nThe way to the box\n  {}", visible(&way(endpoint)));
        }
        if !self.logs.is_empty() {
            text.push_str("\nLogs that name it\n");
        }
        for (number, log) in &self.logs {
            let exit = log.exit.map_or_else(|| "no end".to_owned(), |exit| format!("exit {exit}"));
            let command = visible(&log.command);
            let line = to_type(&["debug", "last", &number.to_string()]);
            let _ = writeln!(text, "  {line}: {command} ({exit})");
        }
        text
    }
}

/// The command that runs another one there, for people.
fn way(endpoint: &Endpoint) -> String {
    match &endpoint.transport {
        Transport::Exec { prefix } if prefix.is_empty() => "it is this machine".to_owned(),
        Transport::Ssh(ssh) => format!("ssh, `{}`", ssh.host),
        Transport::Exec { prefix } => {
            let words: Vec<String> =
                prefix.iter().map(|word| Quoted(Path::new(word)).to_string()).collect();
            format!("{} /bin/sh -c SCRIPT", words.join(" "))
        }
        _ => "of a kind that this crabbox doesn't know".to_owned(),
    }
}
