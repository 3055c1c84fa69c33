//! When which box is to be let go of. A box is due by the moment in its claim, which no clock that is set
//! brings nearer.

use crate::claims::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// After the first attempt that came to nothing: how long until the next, and so much more each time.
const AGAIN: Duration = Duration::from_mins(5);

/// Attempts at one box, some six hours of them. What can't be let go of by then is for people.
const ATTEMPTS: u32 = 12;

#[derive(Debug)]
struct Item {
    /// By its claim.
    due: Moment,
    /// When it is tried, or tried again.
    at: Moment,
    attempts: u32,
}

/// The boxes that are to be let go of, by lease id.
#[derive(Debug, Default)]
pub(super) struct Agenda(BTreeMap<String, Item>);

impl Agenda {
    /// Holds these from now on, and no others. Of one that has another time than before, all begins
    /// anew.
    pub(super) fn update(&mut self, ready: &BTreeMap<String, Moment>) {
        self.0.retain(|lease, item| ready.get(lease) == Some(&item.due));
        for (lease, due) in ready {
            let item = Item { due: due.clone(), at: due.clone(), attempts: 0 };
            self.0.entry(lease.clone()).or_insert(item);
        }
    }

    /// Those whose time has come.
    pub(super) fn due(&self) -> Vec<String> {
        let due = self.open().filter(|(_, item)| item.at.is_over());
        due.map(|(lease, _)| lease.clone()).collect()
    }

    /// How long until the first one's has. `None`: there is none left.
    pub(super) fn next(&self) -> Option<Duration> {
        self.open().map(|(_, item)| item.at.left().unwrap_or_default()).min()
    }

    /// It was tried: should it still be there, it is tried again later.
    pub(super) fn tried(&mut self, lease: &str) {
        if let Some(item) = self.0.get_mut(lease) {
            item.attempts += 1;
            item.at = Moment::after(AGAIN * item.attempts);
        }
    }

    fn open(&self) -> impl Iterator<Item = (&String, &Item)> {
        self.0.iter().filter(|(_, item)| item.attempts < ATTEMPTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::skew;
    use jiff::SignedDuration;

    fn minutes(count: i64) -> SignedDuration {
        SignedDuration::from_mins(count)
    }

    /// What is due in so many minutes.
    fn ready(times: &[(&str, u64)]) -> BTreeMap<String, Moment> {
        let at = |minutes| Moment::after(Duration::from_mins(minutes));
        times.iter().map(|(lease, minutes)| ((*lease).to_owned(), at(*minutes))).collect()
    }

    const NONE: [&str; 0] = [];

    #[test]
    fn a_box_is_due_at_its_time_whatever_clock_is_set() {
        skew::reset();
        let mut agenda = Agenda::default();
        assert_eq!(agenda.next(), None);
        agenda.update(&ready(&[("a", 30), ("b", 10)]));
        skew::set_wall(minutes(24 * 60));
        assert_eq!(agenda.due(), NONE);
        assert!(agenda.next().is_some_and(|left| left <= Duration::from_mins(10)));
        skew::set_wall(minutes(-72 * 60));
        skew::pass(minutes(11));
        assert_eq!(agenda.due(), ["b"]);
        // The machine slept.
        skew::pass(minutes(24 * 60));
        assert_eq!(agenda.due(), ["a", "b"]);
        agenda.update(&BTreeMap::new());
        assert_eq!(agenda.next(), None);
        skew::reset();
    }

    #[test]
    fn a_new_time_counts_and_what_cannot_be_done_is_given_up() {
        skew::reset();
        let mut agenda = Agenda::default();
        agenda.update(&ready(&[("a", 30)]));
        agenda.update(&ready(&[("a", 10)]));
        skew::pass(minutes(11));
        assert_eq!(agenda.due(), ["a"]);
        let late = ready(&[("a", 60)]);
        agenda.update(&late);
        assert_eq!(agenda.due(), NONE);
        let mut attempts = 0;
        while let Some(left) = agenda.next() {
            skew::pass(SignedDuration::try_from(left).expect("short") + minutes(1));
            agenda.update(&late);
            assert_eq!(agenda.due(), ["a"]);
            agenda.tried("a");
            assert_eq!(agenda.due(), NONE);
            attempts += 1;
        }
        assert_eq!(attempts, ATTEMPTS);
        agenda.update(&ready(&[("a", 60)]));
        assert!(agenda.next().is_some(), "somebody has used it since");
        skew::reset();
    }
}
