//! Between two looks at a workspace: longer each time, never in step with others, and not for ever.

use crabbox_provider_api::{Error, ErrorCode, Host};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Before the second look.
const FIRST: Duration = Duration::from_secs(2);

/// Between any two.
const LONGEST: Duration = Duration::from_secs(10);

/// How soon it is seen that nobody wants to know any more.
const SLICE: Duration = Duration::from_millis(100);

/// How long something that was there is waited for.
const PATIENCE: Duration = Duration::from_mins(2);

/// A wait.
pub(crate) struct Waiting<'a> {
    host: &'a Host,
    pause: Duration,
    end: Instant,
    lost_since: Option<Instant>,
    patience: Duration,
}

impl<'a> Waiting<'a> {
    /// For so long at most.
    pub(crate) fn new(host: &'a Host, longest: Duration) -> Self {
        let end = Instant::now() + longest;
        Self { host, pause: FIRST, end, lost_since: None, patience: PATIENCE }
    }

    /// Says what is waited for, and waits until it is worth another look.
    pub(crate) fn pause(&mut self, reason: &str) -> Result<(), Error> {
        self.lost_since = None;
        self.rest(reason)
    }

    /// The same for what was there before, and may not come back.
    pub(crate) fn pause_for_lost(&mut self, reason: &str) -> Result<(), Error> {
        let since = *self.lost_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.patience {
            return Err(too_long(reason));
        }
        self.rest(reason)
    }

    fn rest(&mut self, reason: &str) -> Result<(), Error> {
        if Instant::now() >= self.end {
            return Err(too_long(reason));
        }
        self.host.progress(reason);
        let until = Instant::now() + self.pause + jitter(self.pause);
        while Instant::now() < until {
            if self.host.cancelled() {
                return Err(Error::new(ErrorCode::Cancelled, format!("cancelled while {reason}")));
            }
            sleep(SLICE);
        }
        self.pause = (self.pause * 3 / 2).min(LONGEST);
        Ok(())
    }
}

fn too_long(reason: &str) -> Error {
    Error::new(ErrorCode::Timeout, format!("it takes too long: {reason}")).hint("coder list")
}

/// Up to a fifth more.
fn jitter(pause: Duration) -> Duration {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    pause / 5 * (since.subsec_nanos() % 100) / 100
}

#[cfg(test)]
mod tests {
    use super::*;
    use crabbox_provider_api::testing::{Cassette, TestHost};

    fn host() -> TestHost {
        TestHost::new(Cassette::parse("").expect("nothing is asked"))
    }

    #[test]
    fn what_is_lost_is_waited_for_no_longer_than_that_makes_sense() {
        let test = host();
        let mut waiting = Waiting::new(test.host(), Duration::from_hours(1));
        waiting.patience = Duration::ZERO;
        let error = waiting.pause_for_lost("the agent `main` is lost").expect_err("it is over");
        assert_eq!(error.code, ErrorCode::Timeout);
        assert!(error.message.contains("the agent `main` is lost"), "{error:?}");
    }

    #[test]
    fn the_end_of_all_waits_names_what_it_waited_for() {
        let test = host();
        let mut waiting = Waiting::new(test.host(), Duration::ZERO);
        let error = waiting.pause("the workspace is stopping").expect_err("it is over");
        assert_eq!(error.code, ErrorCode::Timeout);
        assert!(error.message.contains("the workspace is stopping"), "{error:?}");
    }

    #[test]
    fn whoever_leaves_is_told_what_was_going_on() {
        let test = host();
        test.cancel();
        let mut waiting = Waiting::new(test.host(), Duration::from_hours(1));
        let error = waiting.pause("the workspace is starting").expect_err("it is cancelled");
        assert_eq!(error.code, ErrorCode::Cancelled);
        assert_eq!(test.progress(), ["the workspace is starting"]);
    }
}
