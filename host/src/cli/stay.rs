//! How long a box may stay: options of the commands that lease one.

use crate::config::parse_duration;
use clap::Args;
use std::time::Duration;

#[derive(Clone, Copy, Debug, Args)]
pub(super) struct Stay {
    /// Let the box stay for so long, such as 8h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true)]
    pub(super) ttl: Option<Duration>,
    /// Let go of a box that nobody used for so long
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, allow_hyphen_values = true)]
    pub(super) idle: Option<Duration>,
}
