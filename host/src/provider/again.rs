//! Makes a call again, where its provider says after how long that is worth it: a tool that was asked too often answers
//! again in a minute. Providers retry nothing themselves. Only what failed without effect is made again, and a
//! `lease`: for the same lease a second call takes up what an earlier one has made, as after a lost reply.

use super::error::ProviderError;
use super::hooks::Callbacks;
use crate::output::waiting_within;
use crabbox_provider_api::{Effect, LONGEST_RETRY_AFTER};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// So often a call is made again.
const MOST: u32 = 4;

/// One call, with all its repetitions.
pub(super) struct Again {
    hook: &'static str,
    deadline: Duration,
    end: Instant,
    made: u32,
}

impl Again {
    /// All of them together have this long.
    pub(super) fn new(hook: &'static str, deadline: Duration) -> Self {
        Self { hook, deadline, end: Instant::now() + deadline, made: 0 }
    }

    /// How long is left: for the first one all of it, as it is told of one that takes too long.
    pub(super) fn left(&self) -> Duration {
        if self.made == 0 {
            return self.deadline;
        }
        self.end.saturating_duration_since(Instant::now())
    }

    /// Waits until the call that failed may be made again, and says so. `false`: it isn't to be.
    pub(super) fn waits(&mut self, error: &ProviderError, host: &mut dyn Callbacks) -> bool {
        let Some(pause) =
            self.pause(error).filter(|pause| self.made < MOST && *pause < self.left())
        else {
            return false;
        };
        self.made += 1;
        let seconds = pause.as_secs_f64().ceil();
        let line = format!("{error}; asking again in {seconds}s ({} of {MOST})", self.made);
        host.progress(&line);
        let _waiting = waiting_within(format!("waiting {seconds}s: {error}"));
        rest(pause, host)
    }

    /// How long is to be waited, if it is worth it.
    fn pause(&self, error: &ProviderError) -> Option<Duration> {
        let ProviderError::Answer { error, .. } = error else { return None };
        let is_safe = error.effect == Effect::None || self.hook == "lease";
        let after = error.retry_after.filter(|_| error.retryable && is_safe)?;
        let pause = Duration::from_secs(after.min(LONGEST_RETRY_AFTER).into());
        Some(pause + jitter(pause))
    }
}

/// Up to a fifth more: those that were refused together don't come back together.
fn jitter(pause: Duration) -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    pause / 5 * (since.subsec_micros() % 1000) / 1000
}

/// `false`: it was told to stop meanwhile.
fn rest(pause: Duration, host: &mut dyn Callbacks) -> bool {
    let Some(stop) = host.stop() else {
        // A signal ends this process.
        thread::sleep(pause);
        return true;
    };
    let end = Instant::now() + pause;
    loop {
        if stop.is_set() {
            return false;
        }
        let left = end.saturating_duration_since(Instant::now());
        let (false, Ok(left)) = (left.is_zero(), Timespec::try_from(left)) else { return true };
        // Interrupted or not: it is looked at again.
        let _ = poll(&mut [PollFd::new(&stop, PollFlags::IN)], Some(&left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::Stop;
    use crabbox_provider_api::payload::Checkpoint;
    use crabbox_provider_api::{Error, ErrorCode};

    #[derive(Default)]
    struct Listener {
        said: Vec<String>,
        stop: Option<Stop>,
    }

    impl Callbacks for Listener {
        fn checkpoint(&mut self, _: &Checkpoint) -> Result<(), String> {
            Ok(())
        }

        fn progress(&mut self, text: &str) {
            self.said.push(text.to_owned());
        }

        fn stop(&self) -> Option<Stop> {
            self.stop.clone()
        }
    }

    fn answer(error: Error) -> ProviderError {
        ProviderError::Answer { provider: "desk".to_owned(), error }
    }

    fn limited(seconds: u32) -> Error {
        let error = Error::new(ErrorCode::Unavailable, "too many questions");
        error.retry_after(seconds).effect(Effect::None)
    }

    #[test]
    fn a_call_is_made_again_so_often_and_each_time_is_told() {
        let (mut again, mut host) =
            (Again::new("resolve", Duration::from_mins(1)), Listener::default());
        let error = answer(limited(0));
        for _ in 0..MOST {
            assert!(again.waits(&error, &mut host));
        }
        assert!(!again.waits(&error, &mut host));
        assert_eq!(host.said.len(), 4);
        assert_eq!(host.said[0], "desk: too many questions; asking again in 0s (1 of 4)");
    }

    #[test]
    fn nothing_is_made_again_that_may_have_had_an_effect_or_of_which_nobody_says_when() {
        let mut host = Listener::default();
        for error in [
            limited(0).effect(Effect::Maybe),
            limited(0).effect(Effect::Done),
            Error { retry_after: None, ..limited(0) },
            Error { retryable: false, ..limited(0) },
        ] {
            assert!(
                !Again::new("resolve", Duration::from_mins(1)).waits(&answer(error), &mut host)
            );
        }
        // There would be no time for it.
        assert!(
            !Again::new("resolve", Duration::from_mins(1)).waits(&answer(limited(60)), &mut host)
        );
        assert!(host.said.is_empty());
    }

    #[test]
    fn a_lease_is_made_again_whatever_it_has_made() {
        let mut host = Listener::default();
        for effect in [Effect::Maybe, Effect::Done] {
            let mut again = Again::new("lease", Duration::from_mins(1));
            assert!(again.waits(&answer(limited(0).effect(effect)), &mut host));
            let unsaid = Error { retry_after: None, ..limited(0).effect(effect) };
            assert!(!again.waits(&answer(unsaid), &mut host));
        }
    }

    #[test]
    fn whoever_is_to_stop_waits_for_nothing() {
        let stop = Stop::new().expect("a descriptor");
        stop.set();
        let mut host = Listener { stop: Some(stop), ..Listener::default() };
        let error = answer(Error { retry_after: Some(u32::MAX), ..limited(0) });
        assert!(!Again::new("resolve", Duration::from_hours(24)).waits(&error, &mut host));
        assert_eq!(host.said.len(), 1);
    }
}
