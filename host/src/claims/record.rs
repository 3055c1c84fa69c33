//! Reads the record of a claim. A record that stands in another lease's row is no claim of either: what is
//! looked for by the columns must be what is done something to.

use super::claim::Claim;
use super::migrations::of_schema_1;
use serde::de::Error;

/// `id`, `slug` and `state` are the row's.
pub(super) fn read(
    record: &[u8],
    id: &str,
    slug: &str,
    state: &str,
) -> Result<Claim, serde_json::Error> {
    let claim = match serde_json::from_slice::<Claim>(record) {
        Ok(claim) if claim.state().as_str() == state => claim,
        Ok(claim) => return Err(differs("state", state, claim.state().as_str())),
        // What such a record is called now may be something else.
        Err(error) => of_schema_1(record).ok_or(error)?,
    };
    if claim.id.as_str() != id {
        return Err(differs("lease", id, claim.id.as_str()));
    }
    match claim.slug == slug {
        true => Ok(claim),
        // It gave way when two that were saved from a damaged database had the same.
        false if slug == id => Ok(Claim { slug: slug.to_owned(), ..claim }),
        false => Err(differs("name", slug, &claim.slug)),
    }
}

fn differs(what: &str, column: &str, record: &str) -> serde_json::Error {
    Error::custom(format_args!("its row says {what} `{column}`, its record `{record}`"))
}

#[cfg(test)]
mod tests {
    use super::super::life::tests::{claim, owned};
    use super::super::{ClaimError, Event, LeaseId, Made, Reader, Stage, Store};
    use super::*;

    #[test]
    fn a_record_in_the_row_of_another_lease_is_no_claim() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let state = folder.path().join("state");
        let mut store = Store::open(&state).expect("opens");
        let of = |bits, slug: &str| {
            let made: Made = owned(slug).into();
            let (id, slug) = (LeaseId::from_bits(bits), slug.to_owned());
            Claim { id, slug, ..claim(Stage::Leasing { made: Some(made) }) }
        };
        let (one, mut other) = (of(1, "red-eel"), of(2, "teal-ray"));
        for claim in [&one, &other] {
            assert!(store.insert(claim).expect("inserts"));
        }
        let change = |what: &str| {
            let change = format!("UPDATE claims SET {what} WHERE id = 'cbx_000000000002'");
            store.database().execute(&change, []).expect("changes");
        };
        let said = |store: &Store| match store.get(&other.id) {
            Err(ClaimError::Unreadable { id, slug, source }) => {
                assert_eq!((id.as_str(), slug.as_str()), (other.id.as_str(), "teal-ray"));
                source.to_string()
            }
            came => panic!("{came:?}"),
        };
        let its_own = "record = (SELECT record FROM kept)";
        store
            .database()
            .execute_batch(
                "CREATE TEMP TABLE kept AS SELECT record FROM claims WHERE slug = 'teal-ray'",
            )
            .expect("keeps");
        change("record = (SELECT record FROM claims WHERE slug = 'red-eel')");
        let why = "its row says lease `cbx_000000000002`, its record `cbx_000000000001`";
        assert_eq!(said(&store), why);
        assert_eq!(store.stored("teal-ray").expect("reads").expect("one").claim(), None);
        let (_, unreadable) =
            Reader::open(&state).expect("opens").expect("is there").read_each().expect("reads");
        assert_eq!(unreadable.len(), 1);
        assert_eq!(store.unreadable(false).expect("looks").len(), 1);
        change(its_own);
        change("state = 'ready'");
        assert_eq!(said(&store), "its row says state `ready`, its record `leasing`");
        change("state = 'leasing', record = replace(record, 'teal-ray', 'blue-cod')");
        assert_eq!(said(&store), "its row says name `teal-ray`, its record `blue-cod`");
        change("slug = id");
        let read = store.get(&other.id).expect("reads").expect("one");
        assert_eq!(read.slug, other.id.as_str());
        change(its_own);
        change("slug = 'teal-ray'");
        store.transition(&mut other, &Event::Gone).expect("is itself again");
    }
}
