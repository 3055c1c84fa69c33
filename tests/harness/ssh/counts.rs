//! What a host has counted.

use serde_json::Value;

/// Sums over all connections of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections that were opened.
    pub connections: usize,
    /// Of these, whoever logged in.
    pub logins: usize,
    /// Sessions that were opened; of OpenSSH's server, those in which something was started.
    pub sessions: usize,
    /// Forwardings that were asked for; not known of OpenSSH's server.
    pub forwards: usize,
    /// Channels that were refused; not known of OpenSSH's server.
    pub refused: usize,
    /// Commands that were asked for.
    pub execs: usize,
    /// The length of each in bytes; not known of OpenSSH's server.
    pub command_bytes: Vec<u64>,
    /// Shells that were asked for.
    pub shells: usize,
    /// Connections that have ended; without a line, not known of OpenSSH's server.
    pub ended: usize,
    /// Bytes from the client; without a line, those of connections that have ended.
    pub to_server: u64,
    /// Bytes to it.
    pub to_client: u64,
    /// How often the client sent after something had come to it: at most one more for each thing
    /// than the round trips it waited for, since the last word may be its own. Needs a line.
    pub turns: usize,
    /// Connections that a line has forgotten.
    pub forgotten: usize,
}

impl Counts {
    /// Of the events of russh's server.
    pub(super) fn of_events(text: &str) -> Self {
        let mut counts = Self::default();
        for event in events(text) {
            let bytes = |name: &str| event[name].as_u64().unwrap_or(0);
            match event["event"].as_str().unwrap_or_default() {
                "connection" => counts.connections += 1,
                "login" => counts.logins += 1,
                "channel" if event["accepted"] == false => counts.refused += 1,
                "channel" if event["kind"] == "session" => counts.sessions += 1,
                "channel" => counts.forwards += 1,
                "exec" => {
                    counts.execs += 1;
                    counts.command_bytes.push(bytes("bytes"));
                }
                "shell" => counts.shells += 1,
                "end" => {
                    counts.ended += 1;
                    counts.to_server += bytes("received");
                    counts.to_client += bytes("sent");
                }
                _ => {}
            }
        }
        counts
    }

    /// Of the log of OpenSSH's server.
    pub(super) fn of_log(text: &str) -> Self {
        let mut counts = Self::default();
        for line in text.lines() {
            if line.starts_with("Connection from ") {
                counts.connections += 1;
            } else if line.starts_with("Accepted publickey ") {
                counts.logins += 1;
            } else if let Some(what) = line.strip_prefix("Starting session: ") {
                counts.sessions += 1;
                counts.execs += usize::from(what.starts_with("command"));
                counts.shells += usize::from(what.starts_with("shell"));
            }
        }
        counts
    }

    /// The same with what a line knows better.
    pub(super) fn with_line(mut self, text: &str) -> Self {
        if text.is_empty() {
            return self;
        }
        (self.connections, self.ended, self.to_server, self.to_client) = (0, 0, 0, 0);
        for event in events(text) {
            let bytes = event["bytes"].as_u64().unwrap_or(0);
            match event["event"].as_str().unwrap_or_default() {
                "connection" => self.connections += 1,
                "to_server" => self.to_server += bytes,
                "to_client" => self.to_client += bytes,
                "forgotten" => self.forgotten += 1,
                "end" => self.ended += 1,
                _ => {}
            }
            self.turns += usize::from(event["turn"] == true);
        }
        self
    }
}

/// A last line may be half written.
fn events(text: &str) -> impl Iterator<Item = Value> {
    text.lines().filter_map(|line| serde_json::from_str(line).ok())
}
