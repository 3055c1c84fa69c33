//! What `ssh` says when it doesn't get there.
//!
//! It exits with 255 and a line of text for all that goes wrong, so the text is what there is to tell one case from
//! another. What nobody recognises stays [`SshFailure::Other`], with the text.

use super::super::error::Noise;
use crate::output::{CommandError, Exit, Quoted, Typed};
use crate::tail;
use crabbox_provider_api::payload::Ssh;
use std::path::Path;

/// What `ssh` exits with when it fails itself.
const FAILED: i32 = 255;

/// `ssh` didn't get to the box.
#[derive(Debug, thiserror::Error)]
#[error("`{host}` can't be reached by ssh: {}{failure}{}{}", of_whom(*.on_the_way), and_absent(.tried.absent.as_ref()), tail::said(.said))]
pub struct SshError {
    /// As the provider calls it.
    pub host: String,
    /// In what way.
    pub failure: SshFailure,
    /// That is about another host, over which the way leads there.
    pub(super) on_the_way: bool,
    /// What was said about it.
    pub said: String,
    /// What was tried.
    pub(super) tried: Box<Tried>,
    /// The user's own configuration counts. A host on the way that it names asks where nobody sees it, and all there is to
    /// see is that the way ends there.
    pub(super) by_users: bool,
    /// What is done about it, where `ssh` or the way itself says what.
    pub(super) remedy: Option<Remedy>,
}

/// What was tried, for whoever looks into it.
#[derive(Debug)]
pub(super) struct Tried {
    /// The identity file, if it was to be used and isn't there.
    absent: Option<String>,
    /// The line that shows how far `ssh` gets.
    trial: String,
    /// The same, for whoever is asked something.
    login: String,
}

/// What is done about a host key that isn't the one that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// This line forgets the old one.
    Forget(String),
    /// The provider names the one that is known.
    Provider,
    /// `ssh` doesn't say where the old one is.
    Unsaid,
}

impl Remedy {
    /// By what `ssh` says: in which file the old key is, and under which name, a port included.
    pub(super) fn forget(stderr: &str) -> Self {
        let between = |before: &str, after: &str| {
            let rest = stderr.split_once(before)?.1;
            Some(rest.split_once(after)?.0.trim().to_owned())
        };
        let offending = stderr.lines().find(|line| line.starts_with("Offending "));
        let file = offending.and_then(|line| line.split_once(" key in ")?.1.rsplit_once(':'));
        let name = between("Host key for ", " has changed");
        match (file, name) {
            (Some((file, _)), Some(name)) => {
                let (file, name) = (Quoted(Path::new(file)), Quoted(Path::new(&name)));
                Self::Forget(format!("ssh-keygen -f {file} -R {name}"))
            }
            _ => Self::Unsaid,
        }
    }
}

impl SshError {
    pub(super) fn new(ssh: &Ssh, failure: SshFailure, said: String) -> Self {
        let (host, by_users) = (ssh.host.clone(), ssh.use_user_config);
        let is_absent = |file: &&String| {
            let file = Path::new(file);
            failure == SshFailure::Auth && file.is_absolute() && !file.exists()
        };
        let absent = ssh.identity_file.as_ref().filter(is_absent).cloned();
        let tried = Tried { absent, trial: by_hand(ssh, &["-v"]), login: by_hand(ssh, &[]) };
        let tried = Box::new(tried);
        Self { host, failure, on_the_way: false, said, tried, by_users, remedy: None }
    }

    /// Somebody at a terminal could do something about it.
    #[must_use]
    pub fn may_be_answered(&self) -> bool {
        match self.failure {
            SshFailure::KeyUnknown | SshFailure::Auth => true,
            SshFailure::Closed | SshFailure::TimedOut => self.by_users,
            _ => false,
        }
    }
}

fn of_whom(on_the_way: bool) -> &'static str {
    if on_the_way { "at a host on the way, " } else { "" }
}

fn and_absent(file: Option<&String>) -> String {
    let said = |file| format!(", and the identity file `{file}` isn't there");
    file.map(said).unwrap_or_default()
}

/// The line that goes there without us. Where a provider's own command leads there, ports and keys are its own.
fn by_hand(ssh: &Ssh, options: &[&str]) -> String {
    let mut words: Vec<String> =
        ["ssh"].iter().chain(options).map(|word| (*word).to_owned()).collect();
    let mut host = ssh.host.clone();
    if ssh.proxy.is_empty() {
        words.extend(ssh.port.iter().flat_map(|port| ["-p".to_owned(), port.to_string()]));
        let file = ssh.identity_file.iter();
        words.extend(file.flat_map(|file| ["-i".to_owned(), quoted(file)]));
        host = ssh.user.iter().map(|user| format!("{user}@")).chain([host]).collect();
    }
    words.extend([quoted(&host), "true".to_owned()]);
    words.join(" ")
}

fn quoted(word: &str) -> String {
    Quoted(Path::new(word)).to_string()
}

/// In what way `ssh` failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SshFailure {
    /// There is no address for the name.
    #[error("its name can't be resolved")]
    Unresolved,
    /// Nobody listens at the port.
    #[error("the connection is refused")]
    Refused,
    /// There is no way there.
    #[error("there is no way there")]
    Unreachable,
    /// Nobody answers.
    #[error("it doesn't answer in time")]
    TimedOut,
    /// The server shows another key than the one that is known.
    #[error(
        "its host key isn't the one that is known: unless the machine was installed anew, this may be an attack"
    )]
    KeyChanged,
    /// The server's key isn't known here.
    #[error("its host key isn't known here")]
    KeyUnknown,
    /// No key or password of the user's is taken.
    #[error("it doesn't let us in")]
    Auth,
    /// The configuration can't be read.
    #[error("ssh can't be told how")]
    Config,
    /// The provider's own command leads nowhere.
    #[error("the command that leads there failed")]
    Proxy,
    /// The server hung up.
    #[error("it hung up")]
    Closed,
    /// The server takes no more sessions on this connection.
    #[error("its connection takes no more sessions")]
    NoSession,
    /// The server takes a login, and opens no session.
    #[error("it lets us in, and runs nothing")]
    NoCommand,
    /// A host on the way takes a login, and leads no further.
    #[error("it lets us in, and doesn't lead any further")]
    NoFurther,
    /// Nobody says why: `ssh` doesn't tell of a command that the server refuses, or that a signal ends.
    #[error("it ended the session without a word")]
    Wordless,
    /// Somebody else makes a connection, and doesn't come to an end of it.
    #[error("somebody else is still connecting")]
    Busy,
    /// There is no folder for the socket.
    #[error("there is no folder for the connection's socket")]
    Folder,
    /// Something else.
    #[error("ssh failed")]
    Other,
}

impl SshFailure {
    /// Waiting, or asking once more, doesn't change it.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::KeyChanged | Self::KeyUnknown | Self::Auth | Self::Config | Self::Folder
        )
    }
}

/// What `ssh` says, and what the user can do about it.
impl From<&SshError> for CommandError {
    fn from(error: &SshError) -> Self {
        // Whoever wants a document isn't asked.
        let ask = Typed::here().made_ready().map(|line| line.without_switch("--json").to_string());
        error.told(ask.as_ref().unwrap_or(&error.tried.login))
    }
}

impl SshError {
    /// The same in a command that lets `ssh` ask nobody, at no terminal.
    #[must_use]
    pub fn of_who_asks_nobody(&self) -> CommandError {
        self.told(&self.tried.login)
    }

    /// `ask`: the line by which `ssh` asks what it needs.
    fn told(&self, ask: &str) -> CommandError {
        let Self { failure, tried, .. } = self;
        let kind = if *failure == SshFailure::Busy { Exit::TryAgain } else { Exit::Failed };
        let result = CommandError::new(kind, self.to_string()).code("transport");
        match failure {
            SshFailure::KeyUnknown => {
                result.hint(ask).note("on a terminal, that shows the key and asks")
            }
            SshFailure::KeyChanged => match &self.remedy {
                Some(Remedy::Forget(line)) => result
                    .hint(line)
                    .note("that forgets the old key: only if the machine was installed anew"),
                Some(Remedy::Provider) => result.note(
                    "the one that is known is named by the provider or its settings, as by `host-key` of `ssh`",
                ),
                _ => result,
            },
            SshFailure::Auth => result
                .hint(ask)
                .note("on a terminal, that can ask for a passphrase, a PIN or a password"),
            SshFailure::Closed | SshFailure::TimedOut if self.by_users => result
                .hint(ask)
                .note("on a terminal, that can answer what a host on the way asks")
                .hint(&tried.trial),
            SshFailure::Busy => result.hint(Typed::here().to_string()),
            SshFailure::NoFurther
            | SshFailure::Unresolved
            | SshFailure::Refused
            | SshFailure::Unreachable
            | SshFailure::TimedOut => result.hint(&tried.trial),
            _ => result,
        }
    }
}

/// What OpenSSH says of what: the first that fits holds.
const WORDS: &[(&str, SshFailure)] = &[
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", SshFailure::KeyChanged),
    ("Host key verification failed", SshFailure::KeyUnknown),
    ("host key is known for", SshFailure::KeyUnknown),
    ("Permission denied (", SshFailure::Auth),
    ("Too many authentication failures", SshFailure::Auth),
    ("Could not resolve hostname", SshFailure::Unresolved),
    ("Connection timed out", SshFailure::TimedOut),
    ("Operation timed out", SshFailure::TimedOut),
    ("Connection refused", SshFailure::Refused),
    ("No route to host", SshFailure::Unreachable),
    ("Network is unreachable", SshFailure::Unreachable),
    ("session request failed", SshFailure::NoCommand),
    ("exec request failed", SshFailure::NoCommand),
    ("open failed", SshFailure::NoCommand),
    ("Bad configuration option", SshFailure::Config),
    ("Bad owner or permissions", SshFailure::Config),
    ("bad configuration options", SshFailure::Config),
    ("no argument after keyword", SshFailure::Config),
    ("Connection closed by", SshFailure::Closed),
    ("Connection reset by", SshFailure::Closed),
    ("kex_exchange_identification", SshFailure::Closed),
    ("banner exchange", SshFailure::Closed),
];

/// Does a live connection refuse another session?
pub(super) fn takes_no_session(noise: &Noise) -> bool {
    noise.code == Some(FAILED)
        && ["session request failed", "open refused", "open failed"]
            .iter()
            .any(|words| noise.stderr.contains(words))
}

/// Did `ssh` itself fail, before anything of ours ran?
pub(super) fn is_of_ssh(noise: &Noise) -> bool {
    noise.code == Some(FAILED)
}

/// What its words come to. `proxy`: what the provider's own command said, if there is one.
pub(super) fn classify(stderr: &str, proxy: Option<&str>) -> SshFailure {
    let found = WORDS.iter().find(|(words, _)| stderr.contains(words));
    match (found.map(|(_, failure)| *failure), proxy) {
        (None, None | Some("")) if stderr.trim().is_empty() => SshFailure::Wordless,
        // Its end is all that ssh sees of it.
        (None | Some(SshFailure::Closed), Some(_)) => SshFailure::Proxy,
        (failure, _) => failure.unwrap_or(SshFailure::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_openssh_says_is_told_apart() {
        let cases = [
            (
                "ssh: Could not resolve hostname desk: Name or service not known",
                SshFailure::Unresolved,
            ),
            ("ssh: connect to host 127.0.0.1 port 9: Connection refused", SshFailure::Refused),
            ("ssh: connect to host 10.0.0.1 port 22: No route to host", SshFailure::Unreachable),
            ("Connection timed out during banner exchange", SshFailure::TimedOut),
            ("ann@desk: Permission denied (publickey).", SshFailure::Auth),
            ("Host key verification failed.", SshFailure::KeyUnknown),
            (
                "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nHost key verification failed.",
                SshFailure::KeyChanged,
            ),
            ("/x/config: line 3: Bad configuration option: foo", SshFailure::Config),
            ("kex_exchange_identification: Connection closed by remote host", SshFailure::Closed),
            (
                "mux_client_request_session: session request failed: Session open refused by peer",
                SshFailure::NoCommand,
            ),
            ("", SshFailure::Wordless),
            ("something new", SshFailure::Other),
        ];
        for (stderr, expected) in cases {
            assert_eq!(classify(stderr, None), expected, "{stderr}");
        }
    }

    #[test]
    fn the_line_that_tries_it_goes_the_same_way() {
        let trial = |ssh: Ssh| {
            let error = SshError::new(&ssh, SshFailure::Refused, String::new());
            CommandError::from(&error).hints().to_vec()
        };
        let plain = Ssh {
            host: "127.0.0.1".to_owned(),
            user: Some("ann".to_owned()),
            port: Some(22999),
            ..Ssh::default()
        };
        assert_eq!(trial(plain.clone()), ["ssh -v -p 22999 ann@127.0.0.1 true"]);
        let identity_file = Some("/h/my key".to_owned());
        let with_key =
            Ssh { identity_file: identity_file.clone(), user: None, port: None, ..plain };
        assert_eq!(trial(with_key), ["ssh -v -i '/h/my key' 127.0.0.1 true"]);
    }

    #[test]
    fn an_identity_file_that_is_not_there_is_told_of_where_nobody_is_let_in() {
        let identity_file = Some("/nowhere/key".to_owned());
        let desk = Ssh { host: "desk".to_owned(), identity_file, ..Ssh::default() };
        let said = |failure| SshError::new(&desk, failure, String::new()).to_string();
        let absent = "the identity file `/nowhere/key` isn't there";
        assert!(said(SshFailure::Auth).ends_with(absent), "{}", said(SshFailure::Auth));
        assert!(!said(SshFailure::Refused).contains(absent));
    }

    #[test]
    fn the_line_that_forgets_a_key_is_for_the_file_and_the_name_that_ssh_tells_of() {
        let said = "Add correct host key in /h/known_hosts to get rid of this message.\r\n\
            Offending ED25519 key in /h/known_hosts:3\r\n\
            Host key for [desk]:2222 has changed and you have requested strict checking.\r\n";
        let line = "ssh-keygen -f /h/known_hosts -R '[desk]:2222'".to_owned();
        assert_eq!(Remedy::forget(said), Remedy::Forget(line));
        assert_eq!(Remedy::forget("Host key verification failed."), Remedy::Unsaid);
    }

    #[test]
    fn who_waits_for_somebody_else_may_come_again() {
        let desk = Ssh { host: "desk".to_owned(), ..Ssh::default() };
        let busy = SshError::new(&desk, SshFailure::Busy, String::new());
        assert!(!busy.failure.is_final() && !busy.may_be_answered());
        assert_eq!(CommandError::from(&busy).kind(), Exit::TryAgain);
    }

    #[test]
    fn an_end_may_be_a_question_where_hosts_on_the_way_are_the_users() {
        let desk = Ssh { host: "desk".to_owned(), ..Ssh::default() };
        let theirs = Ssh { use_user_config: true, ..desk.clone() };
        let answerable =
            |ssh: &Ssh| SshError::new(ssh, SshFailure::Closed, String::new()).may_be_answered();
        assert!(answerable(&theirs) && !answerable(&desk));
    }

    #[test]
    fn an_end_of_the_providers_command_is_its_own() {
        let closed = "Connection closed by UNKNOWN port 65535";
        assert_eq!(classify(closed, None), SshFailure::Closed);
        assert_eq!(classify(closed, Some("no such workspace")), SshFailure::Proxy);
        assert_eq!(classify("", Some("")), SshFailure::Wordless);
        assert_eq!(classify("", Some("no such workspace")), SshFailure::Proxy);
        let denied = "ann@desk: Permission denied (publickey).";
        assert_eq!(classify(denied, Some("a warning")), SshFailure::Auth);
    }
}
