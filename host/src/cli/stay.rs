//! How long a box may stay: options of the commands that lease one.

use super::parse_positive;
use clap::Args;
use std::time::Duration;

#[derive(Debug, Args)]
pub(super) struct Stay {
    /// Let go of the box after this time, such as 8h
    #[arg(long, value_name = "DURATION", value_parser = parse_positive)]
    pub(super) ttl: Option<Duration>,
    /// Let go of a box that nobody used for so long
    #[arg(long, value_name = "DURATION", value_parser = parse_positive)]
    pub(super) idle: Option<Duration>,
}
