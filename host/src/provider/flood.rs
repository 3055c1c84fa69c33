//! How much of a provider's talk is passed on: one that talks without end must neither bury what
//! else is said nor take up memory.

use std::borrow::Cow;
use std::time::{Duration, Instant};

/// The longest line for the user that is passed on, in bytes.
pub(super) const PROGRESS: usize = 1024;

/// The longest message for the log that is passed on, in bytes.
pub(super) const MESSAGE: usize = 16 * 1024;

/// So many lines at once, and then one each `pause`. What is over that is left out.
#[derive(Debug)]
pub(super) struct Allowance {
    most: u32,
    pause: Duration,
    left: u32,
    counted: Instant,
    /// How many lines were left out.
    pub(super) dropped: u64,
}

impl Allowance {
    pub(super) fn new(most: u32, pause: Duration) -> Self {
        Self { most, pause, left: most, counted: Instant::now(), dropped: 0 }
    }

    /// May one more line be passed on?
    pub(super) fn takes(&mut self) -> bool {
        self.takes_at(Instant::now())
    }

    fn takes_at(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.counted).as_nanos() / self.pause.as_nanos();
        if passed > 0 {
            let more = u32::try_from(passed).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(more).min(self.most);
            self.counted = now;
        }
        if let Some(left) = self.left.checked_sub(1) {
            self.left = left;
            return true;
        }
        self.dropped += 1;
        false
    }
}

/// The text, or its beginning.
pub(super) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return text.into();
    }
    format!("{}…", &text[..text.floor_char_boundary(most)]).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_a_trickle_is_not() {
        let mut allowance = Allowance::new(3, Duration::from_secs(1));
        let begun = allowance.counted;
        let at = |seconds| begun + Duration::from_secs(seconds);
        let flood: Vec<bool> = (0..5).map(|_| allowance.takes_at(at(0))).collect();
        assert_eq!(flood, [true, true, true, false, false]);
        assert_eq!(allowance.dropped, 2);
        assert!((1..100).all(|second| allowance.takes_at(at(second))));
        // What wasn't used doesn't add up for ever.
        let later: Vec<bool> = (0..4).map(|_| allowance.takes_at(at(10_000))).collect();
        assert_eq!(later, [true, true, true, false]);
    }

    #[test]
    fn a_long_text_ends_at_a_character() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("aäb", 2), "a…");
    }
}
