//! How long a box may stay: options of the commands that lease one.

use super::parse_positive;
use clap::Args;
use std::time::Duration;

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Stay {
    /// Let go of the box after this time, such as 8h; one that is ready gets more, never less
    #[arg(long, value_name = "DURATION", value_parser = parse_positive)]
    pub(super) ttl: Option<Duration>,
    /// Let go of a box that nobody used for so long, now and after later runs
    #[arg(long, value_name = "DURATION", value_parser = parse_positive)]
    pub(super) idle: Option<Duration>,
}
