//! What `provider call` asks of a hook: the hooks, and the parts of their requests that may be given.

use crate::claims::{Claim, Ending};
use crate::output::{CommandError, Exit};
use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::{Map, Value};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Hook {
    Doctor,
    List,
    Resolve,
    Lease,
    Release,
    Extend,
}

impl Hook {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Doctor => "doctor",
            Self::List => "list",
            Self::Resolve => "resolve",
            Self::Lease => "lease",
            Self::Release => "release",
            Self::Extend => "extend",
        }
    }

    /// What may be asked for. A resource is never among it: that comes from a claim alone. Nor are
    /// settings: they are checked, and secrets among them aren't for a command line.
    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Doctor | Self::List | Self::Lease => &[],
            Self::Resolve => &["intent"],
            Self::Release => &["action"],
            Self::Extend => &["deadline"],
        }
    }

    pub(super) fn is_about_a_lease(self) -> bool {
        matches!(self, Self::Resolve | Self::Release | Self::Extend)
    }
}

/// Parts of a request, as JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts(pub(super) Map<String, Value>);

impl Parts {
    pub(super) fn connects(&self) -> Result<bool, CommandError> {
        match self.0.get("intent").map(Value::as_str) {
            None | Some(Some("status")) => Ok(false),
            Some(Some("connect")) => Ok(true),
            Some(_) => Err(CommandError::usage("`intent` must be `status` or `connect`")),
        }
    }

    /// Is deleting asked for? Else what was settled when it was leased holds.
    pub(super) fn deletes(&self, claim: &Claim) -> Result<bool, CommandError> {
        match (self.0.get("action").map(Value::as_str), claim.ending) {
            (None, _) | (Some(Some("park")), Ending::Park) => Ok(false),
            (Some(Some("delete")), _) => Ok(true),
            (Some(Some("park")), Ending::Delete | Ending::None) => {
                let settled =
                    if claim.ending == Ending::None { "left as it is" } else { "deleted" };
                let message = format!("`{}` was leased to be {settled} at its end", claim.slug);
                Err(CommandError::new(Exit::Conflict, message))
            }
            (Some(_), _) => Err(CommandError::usage("`action` must be `park` or `delete`")),
        }
    }

    /// How long a box is to stay from now.
    pub(super) fn time(&self) -> Result<Duration, CommandError> {
        let error =
            || CommandError::usage("`deadline` must be milliseconds since 1970, from now on");
        let deadline = self.0.get("deadline").and_then(Value::as_i64).ok_or_else(error)?;
        let deadline = Timestamp::from_millisecond(deadline).map_err(|_| error())?;
        let time = deadline.duration_since(Timestamp::now());
        Duration::try_from(time).ok().filter(|time| !time.is_zero()).ok_or_else(error)
    }
}

pub(super) fn parse_parts(text: &str) -> Result<Parts, String> {
    match serde_json::from_str(text) {
        Ok(Value::Object(request)) => Ok(Parts(request)),
        Ok(_) => Err("expected a JSON object".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
