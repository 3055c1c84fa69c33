//! What `crabbox list --json` shows. There may be thousands of leases: each is read, printed and let go of before the
//! next is read.

use super::lease::Lease;
use super::refresh::{self, Answers};
use crate::claims::{ClaimError, Reader};
use crate::cli::standing::Standings;
use crate::output::{CommandError, Printer};
use serde::ser::{Error as _, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The fields stand in the order in which they are printed.
#[derive(Serialize)]
struct Document<'a> {
    answers: Vec<Value>,
    leases: Leases<'a>,
    schema_version: u32,
}

/// All of them, the last used first.
struct Leases<'a> {
    store: &'a Reader,
    also_final: bool,
    met: RefCell<Met>,
}

/// What is learnt on the way.
struct Met {
    standings: Standings,
    unreadable: Vec<ClaimError>,
    /// Why there are no more.
    end: Option<ClaimError>,
}

/// Prints it; returns the claims that can't be read.
pub(super) fn print(
    printer: Printer,
    store: &Reader,
    also_final: bool,
    standings: Standings,
    answers: Option<&Answers>,
) -> Result<Vec<ClaimError>, CommandError> {
    let answers = answers.map(BTreeMap::values).into_iter().flatten();
    let answers = answers.map(refresh::to_json).collect();
    let met = RefCell::new(Met { standings, unreadable: Vec::new(), end: None });
    let leases = Leases { store, also_final, met };
    let document = Document { answers, leases, schema_version: 1 };
    let came = printer.document(&document);
    let Met { unreadable, end, .. } = document.leases.met.into_inner();
    match end {
        Some(error) => Err(error.into()),
        None => came.map(|()| unreadable),
    }
}

impl Serialize for Leases<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut met = self.met.borrow_mut();
        let Met { standings, unreadable, end } = &mut *met;
        // It may be done twice: what holds a secret is cleaned first.
        unreadable.clear();
        let mut leases = serializer.serialize_seq(None)?;
        let mut written = Ok(());
        let read = self.store.each(self.also_final, |claim| match claim {
            Ok(claim) if written.is_ok() => {
                let lease = Lease::looked_at(claim, self.store, standings);
                written = leases.serialize_element(&lease);
            }
            Ok(_) => {}
            Err(error) => unreadable.push(error),
        });
        if let Err(error) = read {
            let why = error.to_string();
            *end = Some(error);
            return Err(S::Error::custom(why));
        }
        written?;
        leases.end()
    }
}
