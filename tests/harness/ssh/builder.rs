//! What a host is, and what goes wrong with it.

use super::files::Files;
use super::host::SshHost;
use super::programs;
use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

/// The real one of Debian.
const SSHD: &str = "/usr/sbin/sshd";

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// russh's, which does wrong what it is asked to.
    Russh,
    /// OpenSSH's own, for the user who runs the test.
    OpenSsh,
}

/// What a server of [`Server::Russh`] refuses.
#[derive(Clone, Copy, Debug)]
pub enum Refuse {
    /// Every key.
    Auth,
    /// Every command and shell.
    Exec,
    /// Every channel.
    Channel,
}

/// Where a server of [`Server::Russh`] stops answering, with the connection open.
#[derive(Clone, Copy, Debug)]
pub enum Hang {
    /// Before the version of the protocol.
    Banner,
    /// When a key is offered.
    Auth,
    /// When a command is asked for; the connection itself lives.
    Exec,
}

/// Builds a [`SshHost`]; see the switches of `crabbox-test-sshd --help`.
#[derive(Clone, Debug)]
pub struct SshHostBuilder {
    pub(super) server: Server,
    pub(super) alias: String,
    /// Of the server of russh.
    switches: Vec<OsString>,
    /// Of a server of OpenSSH.
    max_sessions: usize,
    variables: Vec<String>,
    /// Before the server, if there is a line at all.
    line: Option<Vec<OsString>>,
    /// More of the client's configuration.
    pub(super) options: Vec<String>,
    pub(super) multiplexed: bool,
    pub(super) known: bool,
    pub(super) passphrase: String,
    anybody: bool,
}

impl SshHostBuilder {
    pub(super) fn new(server: Server) -> Self {
        Self {
            server,
            alias: "box".to_owned(),
            switches: Vec::new(),
            max_sessions: 10,
            variables: Vec::new(),
            line: None,
            options: Vec::new(),
            multiplexed: false,
            known: true,
            passphrase: String::new(),
            anybody: false,
        }
    }

    /// What the client calls it; `box` otherwise.
    #[must_use]
    pub fn alias(mut self, alias: &str) -> Self {
        alias.clone_into(&mut self.alias);
        self
    }

    /// A line of the client's configuration for this host; what comes first holds.
    #[must_use]
    pub fn option(mut self, line: &str) -> Self {
        self.options.push(line.to_owned());
        self
    }

    /// The client keeps one connection for all that it is asked to do, until the host is dropped.
    #[must_use]
    pub fn multiplexed(mut self) -> Self {
        self.multiplexed = true;
        self
    }

    /// The client doesn't know the host's key.
    #[must_use]
    pub fn unknown(mut self) -> Self {
        self.known = false;
        self
    }

    /// The user's key has a passphrase.
    #[must_use]
    pub fn passphrase(mut self, passphrase: &str) -> Self {
        passphrase.clone_into(&mut self.passphrase);
        self
    }

    /// A line that counts, and is slow: a round trip takes so long.
    #[must_use]
    pub fn rtt(self, rtt: Duration) -> Self {
        self.line_with("--rtt", format!("{}ms", rtt.as_millis()))
    }

    /// A line that counts, and lets so much pass each way, such as `100mbit`.
    #[must_use]
    pub fn rate(self, rate: &str) -> Self {
        self.line_with("--rate", rate.to_owned())
    }

    /// A line that counts, and forgets a connection on which nothing has passed for so long: nothing passes then.
    #[must_use]
    pub fn forget_after(self, idle: Duration) -> Self {
        self.line_with("--forget-after", format!("{}ms", idle.as_millis()))
    }

    fn line_with(mut self, switch: &str, value: String) -> Self {
        self.line.get_or_insert_default().extend([OsString::from(switch), value.into()]);
        self
    }

    /// How many sessions a connection may have open at once; 10 otherwise.
    #[must_use]
    pub fn max_sessions(mut self, count: usize) -> Self {
        self.max_sessions = count;
        self
    }

    /// A variable of commands.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push(format!("{name}={value}"));
        self
    }

    /// The home of commands. OpenSSH's server starts them in the user's own all the same.
    #[must_use]
    pub fn home(self, folder: &Path) -> Self {
        let home = folder.display().to_string();
        match self.server {
            Server::Russh => self.switch("--home", Some(folder.as_os_str())),
            Server::OpenSsh => self.env("HOME", &home),
        }
    }

    fn switch(mut self, name: &str, value: Option<&OsStr>) -> Self {
        assert_eq!(self.server, Server::Russh, "a server of OpenSSH's has no {name}");
        self.switches.push(name.into());
        self.switches.extend(value.map(OsStr::to_owned));
        self
    }

    fn number(self, name: &str, number: impl Into<u128>) -> Self {
        self.switch(name, Some(OsStr::new(&number.into().to_string())))
    }

    /// Builds it; `None`, and a line that says so, where this machine has no server of OpenSSH's.
    #[must_use]
    pub fn build(self) -> Option<SshHost> {
        if self.server == Server::OpenSsh && !Path::new(SSHD).exists() {
            let mut stderr = std::io::stderr();
            let _ = writeln!(stderr, "skipped: there is no {SSHD}");
            return None;
        }
        let files = Files::make(&self);
        let mut proxy = Vec::new();
        if let Some(line) = &self.line {
            proxy.push(programs::relay().into());
            proxy.extend(line.iter().cloned());
            proxy.extend(["--count".into(), files.line_counts().into(), "--".into()]);
        }
        proxy.extend(match self.server {
            Server::Russh => self.russh(&files),
            Server::OpenSsh => self.openssh(&files),
        });
        files.write_config(&self, &proxy);
        Some(SshHost::new(files, &self, proxy))
    }

    fn russh(&self, files: &Files) -> Vec<OsString> {
        let mut argv = vec![programs::server().into()];
        for (switch, file) in [("--host-key", files.host_key()), ("--count", files.counts())] {
            argv.extend([switch.into(), file.into()]);
        }
        if !self.anybody {
            argv.extend(["--authorized-keys".into(), files.authorized_keys().into()]);
        }
        argv.extend(["--max-sessions".into(), self.max_sessions.to_string().into()]);
        for variable in &self.variables {
            argv.extend(["--env".into(), variable.into()]);
        }
        argv.extend(self.switches.iter().cloned());
        argv
    }

    fn openssh(&self, files: &Files) -> Vec<OsString> {
        files.write_sshd_config(self.max_sessions, &self.variables);
        let config = files.sshd_config();
        [SSHD.into(), "-i".into(), "-f".into(), config.into(), "-E".into(), files.counts().into()]
            .into()
    }
}

/// Only of [`Server::Russh`].
impl SshHostBuilder {
    /// The login shell.
    #[must_use]
    pub fn shell(self, shell: &Path) -> Self {
        self.switch("--shell", Some(shell.as_os_str()))
    }

    /// Where commands start, if not in the home.
    #[must_use]
    pub fn cwd(self, folder: &Path) -> Self {
        self.switch("--cwd", Some(folder.as_os_str()))
    }

    /// This has to be typed after the key was taken.
    #[must_use]
    pub fn second_factor(self, code: &str) -> Self {
        self.switch("--second-factor", Some(OsStr::new(code)))
    }

    /// Nobody is asked for a key.
    #[must_use]
    pub fn anybody(mut self) -> Self {
        self.anybody = true;
        self
    }

    /// Commands get what sshd gives them, and nothing of the client's environment.
    #[must_use]
    pub fn clear_env(self) -> Self {
        self.switch("--clear-env", None)
    }

    /// Commands lack a variable, even `HOME`.
    #[must_use]
    pub fn unset_env(self, name: &str) -> Self {
        self.switch("--unset-env", Some(OsStr::new(name)))
    }

    /// The window of a channel, in bytes.
    #[must_use]
    pub fn window(self, bytes: u32) -> Self {
        self.number("--window", bytes)
    }

    /// What commands have started ends with the connection.
    #[must_use]
    pub fn kill_on_close(self) -> Self {
        self.switch("--kill-on-close", None)
    }

    /// A line before the version of the protocol.
    #[must_use]
    pub fn noise(self, text: &str) -> Self {
        self.switch("--noise", Some(OsStr::new(text)))
    }

    /// So many lines before the output of each command.
    #[must_use]
    pub fn motd(self, lines: u32) -> Self {
        self.number("--motd", lines)
    }

    /// Nothing is said for so long.
    #[must_use]
    pub fn delay_banner(self, delay: Duration) -> Self {
        self.number("--delay-banner", delay.as_millis())
    }

    /// Each command starts so much later.
    #[must_use]
    pub fn delay_exec(self, delay: Duration) -> Self {
        self.number("--delay-exec", delay.as_millis())
    }

    /// Something is refused.
    #[must_use]
    pub fn refuse(self, what: Refuse) -> Self {
        let what = match what {
            Refuse::Auth => "auth",
            Refuse::Exec => "exec",
            Refuse::Channel => "channel",
        };
        self.switch("--refuse", Some(OsStr::new(what)))
    }

    /// Answers stop.
    #[must_use]
    pub fn hang(self, place: Hang) -> Self {
        let place = match place {
            Hang::Banner => "banner",
            Hang::Auth => "auth",
            Hang::Exec => "exec",
        };
        self.switch("--hang", Some(OsStr::new(place)))
    }

    /// The connection ends without a word once so many bytes have come and gone.
    #[must_use]
    pub fn drop_after(self, bytes: u64) -> Self {
        self.number("--drop-after", bytes)
    }

    /// A forwarding loses the answer to a client that has sent everything.
    #[must_use]
    pub fn no_half_close(self) -> Self {
        self.switch("--no-half-close", None)
    }
}
