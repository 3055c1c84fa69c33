//! What `ssh` reads for a lease: a file of its own, in which nothing of the user's `~/.ssh/config` counts unless the
//! provider says that it does.
//!
//! Where it does, ours stands first, for this one host alone (a host on the way there must not share our
//! socket), and is as little as keeps a connection alive and free of what isn't for us: the first value that
//! OpenSSH reads of an option holds.

use super::super::error::TransportError;
use super::super::route::Route;
use super::error::{SshError, SshFailure};
use super::folder::Folder;
use super::proxy;
use crate::output::Quoted;
use crate::places::private_folder;
use crate::provider::exec;
use crabbox_provider_api::ExecError;
use crabbox_provider_api::payload::{HostKey, Ssh};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// How long a connection stays without a session, in seconds: for the next run of somebody who works on something,
/// and not for the night. A box that is let go of ends it at once.
const PERSIST: u32 = 30 * 60;

/// How long `ssh` waits for a server's first words, in seconds. Behind a command of its own a box may take half
/// a minute.
const CONNECT: u32 = 45;

/// What holds for every connection. `ssh` finds a dead one after 15 s.
const ALWAYS: &str = "  ControlMaster auto
  ServerAliveInterval 5
  ServerAliveCountMax 3
";

/// What keeps off ours what isn't for us.
///
/// Of the environment, only what a session sends that rides: nothing. A `SetEnv` that stands first is the only one; this
/// names a variable that each shell sets itself.
const OURS: &str = "  ForwardAgent no
  ForwardX11 no
  ForwardX11Trusted no
  PermitLocalCommand no
  RemoteCommand none
  RequestTTY no
  ClearAllForwardings yes
  Tunnel no
  SessionType default
  StdinNull no
  ForkAfterAuthentication no
  Compression no
  LogLevel ERROR
  SetEnv _=
";

/// Stands before all else where the user's configuration counts: an `IgnoreUnknown` of theirs comes too late, and a client
/// that is older than an option of ours doesn't know it.
const LENIENT: &str = "IgnoreUnknown *\n";

/// What holds where the user's own configuration doesn't.
const ALONE: &str = "  UpdateHostKeys no
";

/// What an option's value must not hold: it would end there, or begin another line.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` can't stand in a configuration of ssh")]
struct Unspeakable(String);

/// How the host is called on the line of `ssh`.
pub(super) fn destination(lease: &str, ssh: &Ssh) -> String {
    if ssh.use_user_config {
        ssh.host.clone()
    } else {
        format!("crabbox-{}", &lease[lease.len().min(4)..])
    }
}

/// Writes what `ssh` reads, and what our part of a provider's own command reads.
pub(super) fn write(
    folder: &Folder,
    lease: &str,
    ssh: &Ssh,
    state: &Path,
    declared: &dyn Fn() -> Vec<String>,
) -> Result<(), TransportError> {
    let refuse = |said: String| SshError::new(ssh, SshFailure::Config, said);
    let keys = known_hosts(lease, ssh, state).map_err(|error| refuse(error.to_string()))?;
    let text = text(folder, lease, ssh, keys.as_deref());
    let text = text.map_err(|error| refuse(error.to_string()))?;
    let proxy = program_of(&ssh.proxy)
        .map_err(|error| SshError::new(ssh, SshFailure::Proxy, error.to_string()))?;
    let replaced = replace(&folder.config(), text.as_bytes()).and_then(|()| {
        if proxy.is_empty() {
            return Ok(());
        }
        proxy::write(folder, &proxy, declared())
    });
    replaced.map_err(|error| refuse(format!("`{}`: {error}", folder.path.display())).into())
}

/// With the file that its program is now: no other one leads there later, and none of the checkout.
fn program_of(proxy: &[String]) -> Result<Vec<String>, ExecError> {
    let [program, arguments @ ..] = proxy else { return Ok(Vec::new()) };
    let program = exec::program(program)?.to_string_lossy().into_owned();
    Ok([&[program], arguments].concat())
}

fn text(
    folder: &Folder,
    lease: &str,
    ssh: &Ssh,
    keys: Option<&Path>,
) -> Result<String, Unspeakable> {
    let destination = destination(lease, ssh);
    let (user, host) = match destination.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, destination.as_str()),
    };
    let host = name(host)?;
    let (before, others) = if ssh.use_user_config {
        let theirs = quoted(&home_of_user().join(".ssh/config").to_string_lossy())?;
        let theirs = format!("Match all\nInclude {theirs}\nInclude /etc/ssh/ssh_config\n");
        // What is to be sent adds up, and is taken back by whoever comes last.
        (LENIENT, format!("{theirs}Host {host}\n  SendEnv -*\n"))
    } else {
        ("", ALONE.to_owned())
    };
    let mut block = format!("Host {host}\n");
    if !ssh.use_user_config {
        let _ = writeln!(block, "  HostName {}", expanded(name(&ssh.host)?));
    }
    block.push_str(&way(folder, lease, ssh, user, keys)?);
    if ssh.host_key == HostKey::Known {
        // Whatever theirs says: a key that nobody knows, or another one, is nobody's box. At a terminal they are asked.
        block.push_str("  StrictHostKeyChecking yes\n");
    }
    let _ = writeln!(block, "  ControlPath {}", quoted(&folder.socket(0).to_string_lossy())?);
    let _ = writeln!(block, "  ControlPersist {PERSIST}\n  ConnectTimeout {CONNECT}");
    let made = "# Made by crabbox, and made anew with each connection.";
    Ok(format!("{made}\n{before}{block}{ALWAYS}{OURS}{others}"))
}

/// What leads to the host, and what it shows.
fn way(
    folder: &Folder,
    lease: &str,
    ssh: &Ssh,
    user: Option<&str>,
    keys: Option<&Path>,
) -> Result<String, Unspeakable> {
    let mut text = String::new();
    let mut line =
        |option: &str, value: &str| writeln!(text, "{option} {value}").unwrap_or_default();
    if let Some(user) = ssh.user.as_deref().or(user) {
        line("  User", name(user)?);
    }
    if let Some(port) = ssh.port {
        line("  Port", &port.to_string());
    }
    if let Some(path) = &ssh.identity_file {
        line("  IdentityFile", &quoted(path)?);
        line("  IdentitiesOnly", "yes");
    }
    if let Some(keys) = keys {
        line("  HostKeyAlias", &format!("crabbox-{}", &lease[lease.len().min(4)..]));
        line("  UserKnownHostsFile", &quoted(&keys.to_string_lossy())?);
        line("  GlobalKnownHostsFile", "/dev/null");
        let policy = if ssh.host_key == HostKey::FirstSeen { "accept-new" } else { "yes" };
        line("  StrictHostKeyChecking", policy);
    }
    if !ssh.proxy.is_empty() {
        line("  ProxyCommand", &proxy_command(folder)?);
    }
    Ok(text)
}

/// A block for a file that is read beside others, by programs that want terminals and forwardings, and make connections
/// of their own: what a run keeps of one ends sooner than the lease. `resolved`: what the user's configuration comes to,
/// if it counts.
pub(super) fn for_editors(
    route: &Route<'_>,
    ssh: &Ssh,
    called: &str,
    resolved: &[(String, String)],
) -> io::Result<String> {
    let Route { lease, state, .. } = *route;
    let folder = Folder::for_editors(lease, state);
    if !ssh.proxy.is_empty() {
        private_folder(&folder.path).map_err(io::Error::other)?;
        // Of an editor's `PATH` nothing is known.
        let proxy = program_of(&ssh.proxy).map_err(io::Error::other)?;
        proxy::write(&folder, &proxy, (route.declared)())?;
    }
    let keys = known_hosts(lease, ssh, state)?;
    let mut text = format!("\n# For `{lease}`, as long as it is leased.\n");
    let unspeakable = io::Error::other::<Unspeakable>;
    let _ = writeln!(text, "Host {}", name(called).map_err(unspeakable)?);
    if !ssh.use_user_config {
        let host = name(&ssh.host).map_err(unspeakable)?;
        let _ = writeln!(text, "  HostName {}", expanded(host));
    }
    text.push_str(&way(&folder, lease, ssh, None, keys.as_deref()).map_err(unspeakable)?);
    for (option, value) in resolved {
        let _ = writeln!(text, "  {option} {value}");
    }
    Ok(text)
}

/// The home folder that `ssh` takes: the one in the list of users. That an `Include` with a `~` takes is `HOME`, which
/// may be another one. Users who are in no file have `HOME` from where they are listed.
fn home_of_user() -> PathBuf {
    let user = rustix::process::getuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let found = users.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [_, _, id, _, _, home, _] = fields.as_slice() else { return None };
        (*id == user && home.starts_with('/')).then(|| PathBuf::from(home))
    });
    found.or_else(|| env::var_os("HOME").map(PathBuf::from)).unwrap_or_default()
}

/// The file of the keys that the server may show, where it isn't the user's own.
fn known_hosts(lease: &str, ssh: &Ssh, state: &Path) -> io::Result<Option<PathBuf>> {
    let path = keys_of(lease, state);
    let key = match &ssh.host_key {
        HostKey::Known => return Ok(None),
        HostKey::FirstSeen if ssh.proxy.is_empty() => {
            return Err(io::Error::other(
                "a key that is taken when it is first seen proves nothing, unless a command of the provider leads to this one box",
            ));
        }
        HostKey::FirstSeen => None,
        HostKey::Pinned { key } => Some(key),
        _ => {
            return Err(io::Error::other(
                "the host key is settled in a way that this crabbox doesn't know",
            ));
        }
    };
    if let Some(folder) = path.parent() {
        private_folder(folder).map_err(io::Error::other)?;
    }
    if let Some(key) = key {
        let mut words = key.split_ascii_whitespace();
        let plain = |word: &&str| word.chars().all(|c| c.is_ascii_graphic());
        let (Some(kind), Some(bytes)) = (words.next().filter(plain), words.next().filter(plain))
        else {
            return Err(io::Error::other("the host key isn't one, such as `ssh-ed25519 AAAA…`"));
        };
        let line = format!("crabbox-{} {kind} {bytes}\n", &lease[lease.len().min(4)..]);
        replace(&path, line.as_bytes())?;
    }
    Ok(Some(path))
}

/// Where the keys of a lease's server are kept: a box keeps its key when this machine is started again.
pub(super) fn keys_of(lease: &str, state: &Path) -> PathBuf {
    state.join("known-hosts").join(lease)
}

/// What is kept of the ways of leases, each under the name of its own.
pub(super) fn kept(state: &Path) -> Vec<PathBuf> {
    let folders = [keys_of("", state), Folder::for_editors("", state).path];
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn proxy_command(folder: &Folder) -> Result<String, Unspeakable> {
    let program = env::current_exe().unwrap_or_else(|_| PathBuf::from("crabbox"));
    let words = [&*program, Path::new(proxy::COMMAND), &*folder.path];
    let words: Result<Vec<_>, _> = words
        .iter()
        .map(|word| {
            plain(&word.to_string_lossy())?;
            Ok(Quoted(word).to_string())
        })
        .collect();
    // OpenSSH puts an `exec` before it.
    Ok(expanded(&words?.join(" ")))
}

/// What OpenSSH would replace.
pub(super) fn expanded(text: &str) -> String {
    text.replace('%', "%%")
}

/// A single word that needs no quotes, here and in the line of shell that the user's own configuration may make of it:
/// OpenSSH checks only what is typed after it.
fn name(text: &str) -> Result<&str, Unspeakable> {
    if !Ssh::is_name(text) {
        return Err(Unspeakable(text.escape_debug().to_string()));
    }
    Ok(text)
}

fn plain(text: &str) -> Result<(), Unspeakable> {
    if text.is_empty() || text.starts_with('-') || text.chars().any(char::is_control) {
        return Err(Unspeakable(text.escape_debug().to_string()));
    }
    Ok(())
}

/// A path in quotes. OpenSSH of each age reads a backslash otherwise, and looks variables up.
fn quoted(path: &str) -> Result<String, Unspeakable> {
    plain(path)?;
    if path.contains(['"', '\\']) || path.contains("${") {
        return Err(Unspeakable(path.to_owned()));
    }
    Ok(format!("\"{}\"", expanded(path)))
}

/// Whole or not at all: another command may read it right now.
pub(super) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new("/")))?;
    file.write_all(text)?;
    file.persist(path)?;
    Ok(())
}

/// Forgets the keys of a lease.
pub(super) fn forget_keys(lease: &str, state: &Path) {
    let _ = fs::remove_file(keys_of(lease, state));
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: &str = "cbx_0123456789ab";

    fn made(ssh: &Ssh) -> Result<String, Unspeakable> {
        text(&Folder { path: PathBuf::from("/run/user/7/crabbox/x") }, LEASE, ssh, None)
    }

    #[test]
    fn nothing_of_the_users_counts_unless_it_is_said() {
        let desk = Ssh { host: "desk".to_owned(), ..Ssh::default() };
        let text = made(&desk).expect("a configuration");
        assert!(text.contains("Host crabbox-0123456789ab\n  HostName desk\n"), "{text}");
        assert!(!text.contains("Include"), "{text}");
        let text = made(&Ssh { use_user_config: true, ..desk }).expect("a configuration");
        assert!(text.contains("Host desk\n"), "{text}");
        let at = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
        assert!(at("ControlPath") < at("/.ssh/config\"\n"), "{text}");
        assert!(at("/etc/ssh/ssh_config\n") < at("SendEnv -*\n"), "{text}");
        assert!(!text.contains("HostName"), "{text}");
    }

    #[test]
    fn what_would_be_another_line_or_option_is_refused() {
        let desk = || Ssh { host: "desk".to_owned(), ..Ssh::default() };
        let bad = [
            Ssh { host: "desk\nProxyCommand rm".to_owned(), ..desk() },
            Ssh { host: "-oProxyCommand=x".to_owned(), ..desk() },
            Ssh { host: "a b".to_owned(), ..desk() },
            Ssh { host: String::new(), ..desk() },
            Ssh { host: "*".to_owned(), use_user_config: true, ..desk() },
            Ssh { host: "ssh://desk:1".to_owned(), use_user_config: true, ..desk() },
            Ssh { user: Some("ann\nPort 1".to_owned()), ..desk() },
            Ssh { user: Some("$(id)".to_owned()), use_user_config: true, ..desk() },
            Ssh { host: "`id`@desk".to_owned(), use_user_config: true, ..desk() },
            Ssh { host: "desk;id".to_owned(), use_user_config: true, ..desk() },
            Ssh { identity_file: Some("/a\"b".to_owned()), ..desk() },
            Ssh { identity_file: Some("/a${HOME}".to_owned()), ..desk() },
        ];
        for ssh in bad {
            assert!(made(&ssh).is_err(), "{ssh:?}");
        }
    }

    #[test]
    fn a_key_that_is_first_seen_needs_a_way_that_proves_the_box() {
        let state = tempfile::tempdir().expect("a folder");
        let seen = Ssh {
            host: "desk".to_owned(),
            host_key: HostKey::FirstSeen,
            proxy: vec!["leads-there".to_owned()],
            ..Ssh::default()
        };
        assert!(known_hosts(LEASE, &seen, state.path()).is_ok());
        let direct = Ssh { proxy: Vec::new(), ..seen };
        assert!(known_hosts(LEASE, &direct, state.path()).is_err());
    }

    #[test]
    fn what_openssh_would_expand_stays_as_it_is() {
        let desk = Ssh { host: "fe80::1%eth0".to_owned(), ..Ssh::default() };
        let identity_file = Some("/keys/100% mine".to_owned());
        let text = made(&Ssh { identity_file, ..desk }).expect("a configuration");
        assert!(text.contains("HostName fe80::1%%eth0\n"), "{text}");
        assert!(text.contains("IdentityFile \"/keys/100%% mine\"\n"), "{text}");
    }

    #[test]
    fn a_user_before_the_host_is_no_part_of_its_name() {
        let host = "ann@desk".to_owned();
        let text = made(&Ssh { host, use_user_config: true, ..Ssh::default() });
        assert!(text.expect("a configuration").contains("Host desk\n  User ann\n"));
    }
}
