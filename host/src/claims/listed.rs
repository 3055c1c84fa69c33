//! What a list shows of the claims: read from columns, row by row, since there may be thousands and their
//! records are long.

use super::error::ClaimError;
use super::id::LeaseId;
use super::moment::Moment;
use super::queries::cow;
use super::reader::Reader;
use super::stage::State;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Row;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What a list shows of a claim; also of one whose record can't be read.
#[derive(Clone, Debug)]
pub struct Listed<'a> {
    /// The lease.
    pub id: Cow<'a, str>,
    /// Its name for people.
    pub slug: Cow<'a, str>,
    /// Where it stands.
    pub state: Cow<'a, str>,
    /// The provider's name.
    pub provider: Cow<'a, str>,
    /// The checkout that it serves.
    pub repository: Cow<'a, str>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// How long it is until its box is let go of at the latest; negative if it is over.
    pub left: Option<SignedDuration>,
    /// Stays ready after a run.
    pub keep: bool,
    /// The last run on it.
    pub run: Option<Cow<'a, str>>,
    /// A resource was named.
    pub is_made: bool,
    /// What is wrong with it.
    pub trouble: Option<Cow<'a, str>>,
    /// The machine that it has a place on, where several leases share one.
    pub host: Option<Cow<'a, str>>,
}

impl<'a> Listed<'a> {
    /// Leasing it failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.state == State::Failed.as_str()
    }

    /// Nothing of it is left.
    #[must_use]
    pub fn is_final(&self) -> bool {
        [State::Released, State::Lost].iter().any(|state| self.state == state.as_str())
    }

    /// Its id, if somebody works with it, or was killed.
    #[must_use]
    pub fn in_work(&self) -> Option<LeaseId> {
        let states = [State::Leasing, State::Busy, State::Releasing];
        let is_so = states.iter().any(|state| self.state == state.as_str());
        is_so.then(|| self.id.parse().ok())?
    }

    fn of(row: &'a Row<'_>, now: &Moment) -> rusqlite::Result<Self> {
        let time = |at| {
            row.get::<_, Option<i64>>(at)
                .map(|millis| millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()))
        };
        let maybe = |at| {
            let bytes = row.get_ref(at)?.as_bytes_or_null()?;
            Ok::<_, rusqlite::Error>(bytes.map(String::from_utf8_lossy))
        };
        let boot = row.get_ref(7)?.as_str_or_null()?.zip(row.get::<_, Option<i64>>(8)?);
        Ok(Self {
            id: cow(row, 0)?,
            slug: cow(row, 1)?,
            state: cow(row, 2)?,
            provider: cow(row, 3)?,
            repository: cow(row, 4)?,
            created: time(5)?,
            left: time(6)?.map(|wall| now.until_either(wall, boot)),
            keep: row.get::<_, Option<bool>>(9)?.unwrap_or_default(),
            run: maybe(10)?,
            is_made: maybe(11)?.is_some(),
            trouble: maybe(12)?,
            host: maybe(13)?,
        })
    }
}

impl Reader {
    /// Shows the claims, or only those that aren't final, the last used first.
    pub fn list(
        &self,
        also_final: bool,
        mut show: impl FnMut(&Listed<'_>),
    ) -> Result<(), ClaimError> {
        let shown = "SELECT id, slug, state, provider, repository, created, ends, ends_boot,
            ends_since_boot, keep, run, resource_name, trouble, host FROM claims";
        let query = if also_final {
            format!("{shown} ORDER BY used DESC")
        } else {
            format!("{shown} WHERE state NOT IN ('released', 'lost') ORDER BY used DESC")
        };
        let now = Moment::now();
        let mut each = || {
            let mut statement = self.database().prepare(&query)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                show(&Listed::of(row, &now)?);
            }
            Ok(())
        };
        each().map_err(|source| self.wrap(source))
    }

    /// Whose the boxes are that were adopted as another's, by lease. The record says so, and is read only of a lease
    /// whose resource isn't named after it.
    pub fn owners(&self) -> Result<BTreeMap<String, String>, ClaimError> {
        let query = "SELECT id, json_extract(record, '$.owner') AS owner FROM claims
            WHERE state NOT IN ('released', 'lost') AND instr(resource_name, substr(id, 5)) = 0
            AND json_valid(record) AND json_type(record, '$.owner') IS 'text'";
        let collect = || {
            let mut statement = self.database().prepare(query)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<Result<BTreeMap<_, _>, rusqlite::Error>>()
        };
        collect().map_err(|source| self.wrap(source))
    }
}

#[cfg(test)]
mod tests {
    use super::super::life::tests::{claim, owned};
    use super::super::{Claim, Stage, Store, skew};
    use super::*;
    use std::time::Duration;

    #[test]
    fn what_is_left_of_a_deadline_is_what_it_is_by_the_clock_that_nobody_sets() {
        skew::reset();
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut store = Store::open(&folder.path().join("state")).expect("opens");
        let deadline = Some(Moment::after(Duration::from_hours(2)));
        let claim = Claim { deadline, ..claim(Stage::Leasing { made: Some(owned("1").into()) }) };
        assert!(store.insert(&claim).expect("inserts"));
        let hours = |store: &Store| {
            let mut left = Vec::new();
            let minutes = |left: SignedDuration| (left.as_mins() + 1).div_euclid(60);
            store.list(false, |one| left.push(one.left.map(minutes))).expect("lists");
            left
        };
        assert_eq!(hours(&store), [Some(2)]);
        skew::set_wall(SignedDuration::from_hours(24));
        assert_eq!(hours(&store), [Some(2)], "a clock that is set takes no time");
        skew::pass(SignedDuration::from_hours(1));
        assert_eq!(hours(&store), [Some(1)]);
        skew::set_wall(SignedDuration::from_hours(-48));
        skew::pass(SignedDuration::from_hours(2));
        assert_eq!(hours(&store), [Some(-1)], "nor does it give any");
        skew::reset();
    }
}
