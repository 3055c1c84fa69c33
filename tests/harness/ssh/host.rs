//! A host to ssh to.

use super::builder::{Server, SshHostBuilder};
use super::counts::Counts;
use super::files::{Files, user};
use super::programs;
use crate::Ran;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A host; nothing of it outlives it but what commands have left running.
#[derive(Debug)]
pub struct SshHost {
    files: Files,
    alias: String,
    server: Server,
    proxy: Vec<OsString>,
}

impl SshHost {
    /// One with that server.
    #[must_use]
    pub fn with(server: Server) -> SshHostBuilder {
        SshHostBuilder::new(server)
    }

    pub(super) fn new(files: Files, builder: &SshHostBuilder, proxy: Vec<OsString>) -> Self {
        Self { files, alias: builder.alias.clone(), server: builder.server, proxy }
    }

    /// The client's configuration file, for `ssh -F`.
    #[must_use]
    pub fn config_path(&self) -> PathBuf {
        self.files.config()
    }

    /// The name of the host in it.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// Who logs in: the user who runs the test.
    #[must_use]
    pub fn user(&self) -> String {
        user()
    }

    /// What the client's proxy command runs: the line, if there is one, and the server.
    #[must_use]
    pub fn proxy_argv(&self) -> &[OsString] {
        &self.proxy
    }

    /// The user's private key.
    #[must_use]
    pub fn identity(&self) -> PathBuf {
        self.files.identity()
    }

    /// The client's file of known hosts, where the host is under its alias.
    #[must_use]
    pub fn known_hosts(&self) -> PathBuf {
        self.files.known_hosts()
    }

    /// The host's public key: type and key in base64.
    #[must_use]
    pub fn host_key(&self) -> String {
        self.files.host_key_text()
    }

    /// The way there as a provider names it, in JSON: the proxy command, the keys of both sides, and
    /// nothing of the configuration file.
    #[must_use]
    pub fn transport(&self) -> Value {
        let text = |word: &OsString| word.to_string_lossy().into_owned();
        json!({
            "kind": "ssh",
            "host": self.alias,
            "user": self.user(),
            "identity_file": self.identity(),
            "proxy": self.proxy.iter().map(text).collect::<Vec<_>>(),
            "host_key": { "kind": "pinned", "key": self.host_key() },
        })
    }

    /// From the next connection on the host has another key than clients know.
    pub fn change_host_key(&self) {
        self.files.change_host_key();
    }

    /// The stock client with this host's configuration, and no input; options, alias and command are
    /// the caller's.
    #[must_use]
    pub fn ssh(&self) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(self.config_path()).stdin(Stdio::null());
        ssh
    }

    /// Runs a command there with the stock client.
    #[must_use]
    pub fn runs(&self, command: &str) -> Ran {
        Ran::of(self.ssh().arg(self.alias()).arg(command))
    }

    /// What the server and the line have counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let server = fs::read_to_string(self.files.counts()).expect("counts");
        let line = fs::read_to_string(self.files.line_counts()).expect("counts");
        let counts = match self.server {
            Server::Russh => Counts::of_events(&server),
            Server::OpenSsh => Counts::of_log(&server),
        };
        counts.with_line(&line)
    }

    /// What the server wrote down, line by line: for a message when a test fails.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.files.counts()).expect("counts")
    }

    /// The lines that carry something, or could.
    #[must_use]
    pub fn lines(&self) -> Vec<Pid> {
        living(&self.files.line_counts(), &programs::relay())
    }

    /// The servers and lines that haven't come to their end.
    #[must_use]
    pub fn processes(&self) -> Vec<Pid> {
        let of_line = self.lines();
        match self.server {
            Server::Russh => [of_line, living(&self.files.counts(), &programs::server())].concat(),
            Server::OpenSsh => of_line,
        }
    }
}

/// A client that keeps its connection loses it with the server.
impl Drop for SshHost {
    fn drop(&mut self) {
        let mut exit = self.ssh();
        exit.args(["-O", "exit"]).arg(&self.alias).stdout(Stdio::null()).stderr(Stdio::null());
        let _ = exit.status();
        for process in self.processes() {
            let _ = kill_process(process, Signal::TERM);
        }
    }
}

/// The processes of a program that a file of counts names.
fn living(counts: &Path, program: &Path) -> Vec<Pid> {
    let text = fs::read_to_string(counts).unwrap_or_default();
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let begun = events.filter(|event| event["event"] == "connection");
    let ids = begun.filter_map(|event| i32::try_from(event["pid"].as_i64()?).ok());
    // The number may be another process' by now.
    let is_one = |id: &i32| {
        fs::read_link(format!("/proc/{id}/exe")).is_ok_and(|executable| executable == program)
    };
    ids.filter(is_one).filter_map(Pid::from_raw).collect()
}
