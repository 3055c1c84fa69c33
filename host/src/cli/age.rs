//! How long ago, and how long, in as few letters as a table has room for.

use crate::output::human;
use jiff::Timestamp;
use std::time::Duration;

/// `2m ago` and the like.
pub(super) fn ago(then: Timestamp) -> String {
    let age = age(then, Timestamp::now());
    if age.starts_with(char::is_numeric) {
        return format!("{age} ago");
    }
    age
}

/// How long ago: `2m` and the like.
pub(super) fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs();
    match seconds {
        // The clock was set back since.
        ..-60 => "in the future".to_owned(),
        -60..60 => format!("{}s", seconds.max(0)),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// `59s`, `2m 05s`, `3h 07m`, `29d 23h`.
pub(super) fn in_short(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        _ => human::duration(time),
    }
}
