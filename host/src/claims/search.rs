//! Which claims a word can stand for. Who asks decides what becomes of several, or none.

use super::error::ClaimError;
use super::reader::{Reader, Row};
use rusqlite::{Connection, ToSql};

/// What is looked at of a claim.
const ROW: &str = "SELECT id, slug, state, provider, repository FROM claims";

/// More than these aren't told apart by anybody.
const MOST: usize = 20;

/// A beginning of an id that is shorter isn't taken for one.
const SHORTEST: usize = 4;

const LIVE: &str = "state NOT IN ('released', 'lost')";

/// In an id, all of whose digits are below it.
const ABOVE_HEX: char = 'g';

impl Reader {
    /// The claims that `word` can stand for, at most 20: several only where nothing tells them apart. An
    /// id comes before a slug, a slug before all else, and what isn't over before what is.
    pub fn search(&self, word: &str) -> Result<Vec<Row>, ClaimError> {
        search(self.database(), word).map_err(|source| self.wrap(source))
    }

    /// The claim whose box was used last, or may have been made last: one of which nothing was named isn't meant.
    pub fn last_used(&self) -> Result<Option<Row>, ClaimError> {
        last(self.database()).map_err(|source| self.wrap(source))
    }

    /// The slugs of the claims that aren't over.
    pub fn slugs(&self) -> Result<Vec<String>, ClaimError> {
        let collect = || {
            let query = format!("SELECT slug FROM claims WHERE {LIVE}");
            let mut statement = self.database().prepare(&query)?;
            statement.query_map([], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()
        };
        collect().map_err(|source| self.wrap(source))
    }
}

fn last(database: &Connection) -> rusqlite::Result<Option<Row>> {
    let query = format!("{ROW} WHERE resource_name IS NOT NULL ORDER BY used DESC LIMIT 1");
    Ok(rows(database, &query, &[])?.pop())
}

fn search(database: &Connection, word: &str) -> rusqlite::Result<Vec<Row>> {
    let word = word.trim();
    if !word.chars().any(char::is_alphanumeric) {
        return Ok(Vec::new());
    }
    let lower = word.to_lowercase();
    for exactly in ["id = ?1".to_owned(), format!("slug = ?1 AND {LIVE}")] {
        let found = those(database, &exactly, &[&lower])?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let mut found = those(database, "slug = ?1", &[&lower])?;
    // Of those that are over: a name that is used again and again means the last of them.
    found.truncate(1);
    let by_resource = "resource_name = ?1 OR resource_id = ?1";
    found.extend(those(database, by_resource, &[&word])?);
    if let Some((from, to)) = range(&lower, "run_") {
        found.extend(those(database, "run >= ?1 AND run < ?2", &[&from, &to])?);
    }
    let digits = lower.strip_prefix("cbx_").unwrap_or(&lower);
    if let Some((from, to)) = range(&format!("cbx_{digits}"), "cbx_") {
        found.extend(those(database, "id >= ?1 AND id < ?2", &[&from, &to])?);
    }
    let mut seen = Vec::new();
    found.retain(|row| {
        let is_new = !seen.contains(&row.id);
        seen.push(row.id.clone());
        is_new
    });
    if found.iter().any(|row| !row.is_final()) {
        found.retain(|row| !row.is_final());
    }
    found.truncate(MOST);
    Ok(found)
}

/// Between which two texts all ids lie that begin like this. `None`: it isn't the beginning of one.
fn range(word: &str, prefix: &str) -> Option<(String, String)> {
    let digits = word.strip_prefix(prefix)?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    (digits.len() >= SHORTEST && is_hex).then(|| (word.to_owned(), format!("{word}{ABOVE_HEX}")))
}

fn those(
    database: &Connection,
    condition: &str,
    values: &[&dyn ToSql],
) -> rusqlite::Result<Vec<Row>> {
    let query = format!("{ROW} WHERE {condition} ORDER BY {LIVE} DESC, updated DESC LIMIT {MOST}");
    rows(database, &query, values)
}

fn rows(database: &Connection, query: &str, values: &[&dyn ToSql]) -> rusqlite::Result<Vec<Row>> {
    let mut statement = database.prepare(query)?;
    statement.query_map(values, Row::of)?.collect()
}

#[cfg(test)]
mod tests {
    use super::super::claim::Made;
    use super::super::life::tests::{claim as any, owned};
    use super::super::{Claim, Event, LastRun, LeaseId, Owned, Stage, Store};
    use jiff::Timestamp;

    /// One of a box called `NAME` with an id of its own, last used so many microseconds after 1970.
    fn claim(bits: u64, slug: &str, name: &str) -> Claim {
        let id = format!("id-of-{bits:x}");
        let made = Some(Owned { name: name.to_owned(), id, ..owned("") }.into());
        let run = Some(LastRun::new(format!("run_{bits:012x}")));
        let used =
            Timestamp::from_microsecond(i64::try_from(bits).expect("48 bits")).expect("a time");
        let stage = Stage::Leasing { made };
        Claim { id: LeaseId::from_bits(bits), slug: slug.to_owned(), run, used, ..any(stage) }
    }

    fn store(claims: &[Claim]) -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut store = Store::open(&folder.path().join("state")).expect("opens");
        for claim in claims {
            assert!(store.insert(claim).expect("inserts"));
        }
        (folder, store)
    }

    fn slugs(store: &Store, word: &str) -> Vec<String> {
        let mut found: Vec<_> =
            store.search(word).expect("looks").into_iter().map(|row| row.slug).collect();
        found.sort();
        found
    }

    #[test]
    fn a_claim_is_found_by_everything_that_stands_for_it() {
        let claims =
            [claim(0xaaaa_bbbb_cccc, "red-eel", "ann/box"), claim(0xaaab, "teal-ray", "other")];
        let (_folder, store) = store(&claims);
        let words = [
            "cbx_aaaabbbbcccc",
            "aaaabbbbcccc",
            "cbx_aaaa",
            "aaaa",
            "AAAA",
            "red-eel",
            " Red-Eel\t",
            "ann/box",
            "id-of-aaaabbbbcccc",
            "run_aaaabbbbcccc",
            "run_aaaa",
        ];
        for word in words {
            assert_eq!(slugs(&store, word), ["red-eel"], "{word}");
        }
        for word in ["", " ", "!!!", "aaa", "cbx_", "cbx_aaa", "run_", "box", "ANN/BOX", "%", "red"]
        {
            assert_eq!(slugs(&store, word), [""; 0], "{word}");
        }
        assert_eq!(store.last_used().expect("looks").expect("is there").slug, "red-eel");
    }

    #[test]
    fn what_may_exist_is_the_last_and_what_never_was_is_not() {
        let begun = Stage::Leasing { made: None };
        let nothing = Claim { stage: begun, ..claim(0xdddd, "never-was", "") };
        let (_folder, mut store) = store(&[claim(0xaaaa, "parked-box", "one"), nothing]);
        let last = |store: &Store| store.last_used().expect("looks").expect("is there").slug;
        assert_eq!(last(&store), "parked-box");
        // Whoever was killed here means this one, and no box of before.
        let named = Owned { name: "two".to_owned(), ..owned("") };
        let made = Some(Made { id: None, ..named.into() });
        let half = Claim { stage: Stage::Leasing { made }, ..claim(0xeeee, "half-made", "") };
        assert!(store.insert(&half).expect("inserts"));
        assert_eq!(last(&store), "half-made");
    }

    #[test]
    fn a_name_that_was_used_again_and_again_means_the_last_of_them() {
        let (_folder, mut store) = store(&[]);
        for bits in [0xaaaa, 0xbbbb] {
            let mut one = claim(bits, "red-eel", &format!("box-{bits}"));
            assert!(store.insert(&one).expect("inserts"));
            store.transition(&mut one, &Event::Gone).expect("is gone");
        }
        let found = store.search("red-eel").expect("looks");
        assert_eq!(found.iter().map(|row| &*row.id).collect::<Vec<_>>(), ["cbx_00000000bbbb"]);
    }

    #[test]
    fn an_id_comes_before_a_slug_and_a_slug_before_all_else() {
        let claims = [
            claim(0x0123_4567_89ab, "beef", "one"),
            claim(2, "cbx_0123456789ab", "beef"),
            claim(0xbeef_0000_0000, "red-eel", "other"),
        ];
        let (_folder, store) = store(&claims);
        assert_eq!(slugs(&store, "cbx_0123456789ab"), ["beef"]);
        assert_eq!(slugs(&store, "beef"), ["beef"]);
        assert_eq!(slugs(&store, "cbx_beef"), ["red-eel"]);
    }

    #[test]
    fn several_are_all_named_and_those_that_are_over_come_last() {
        let mut claims =
            [claim(0xbeef_0000_0001, "a", "same"), claim(0xbeef_0000_0002, "b", "same")];
        let (_folder, mut store) = store(&claims);
        assert_eq!(slugs(&store, "beef"), ["a", "b"]);
        assert_eq!(slugs(&store, "same"), ["a", "b"]);
        store.transition(&mut claims[0], &Event::Gone).expect("is over");
        assert_eq!(slugs(&store, "beef"), ["b"]);
        assert_eq!(slugs(&store, "a"), ["a"], "its slug still says which it was");
        assert!(store.insert(&claim(7, "a", "new")).expect("inserts"));
        let found = store.search("a").expect("looks");
        assert_eq!((found.len(), found[0].is_final()), (1, false));
    }
}
