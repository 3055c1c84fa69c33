//! How a box is reached, as a provider says it.

use serde::{Deserialize, Serialize};

/// A box that can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Endpoint {
    /// How.
    pub transport: Transport,
    /// The folder on the box below which workspaces lie: absolute or with a leading `~/`.
    pub work_root: String,
    /// The box is this machine: commands get the caller's environment, since
    /// a toolchain that the caller sees is what they expect to be there.
    #[serde(default)]
    pub same_machine: bool,
    /// What `transport` names is the immutable resource itself: no other one can be reached by it, not even
    /// after this one is deleted. The host may then connect before it has asked `resolve`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub immutable: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// How to reach a box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Transport {
    /// A command of this machine that runs another one on the box: the host
    /// appends `/bin/sh -c SCRIPT` to it. Empty for this machine itself.
    Exec {
        /// Program and arguments; the program is absolute or found on `PATH`.
        prefix: Vec<String>,
    },
    /// The OpenSSH client of this machine.
    Ssh(Ssh),
    /// A kind that this version doesn't know.
    #[serde(other)]
    Unknown,
}

/// A box behind an ssh server. The host runs `ssh` with a configuration of its own, and keeps one
/// connection a lease.
///
/// No text of it may hold control characters, and none may begin with a dash; for host and user, see [`Ssh::is_name`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(not(feature = "exhaustive"), non_exhaustive)]
pub struct Ssh {
    /// A host's name or address. With `use_user_config`: whatever the user would type after `ssh`. With
    /// `proxy` it is only a name.
    pub host: String,
    /// Who logs in; the user's own name, or what their configuration says, if it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The server's port, if it isn't 22 or what the user's configuration says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The private key to log in with, absolute or with a leading `~/`; no other one is tried, but those that the user's
    /// configuration names for the host, with `use_user_config`. Left out: the user's usual ones, and their agent's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_file: Option<String>,
    /// A command of this machine whose standard streams are the connection to the server: program and
    /// arguments, without a shell; the program is absolute or found on `PATH`. It gets the environment that the manifest declares, as
    /// every tool of the provider does. Empty: a connection to `host`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub proxy: Vec<String>,
    /// How the server proves that it is the right one.
    #[serde(default)]
    pub host_key: HostKey,
    /// The user's own `~/.ssh/config` counts, as if they had typed `ssh HOST`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub use_user_config: bool,
}

impl Ssh {
    /// May this be a host or a user? Letters, digits and `._:%+~@-`, with no dash at the beginning: OpenSSH puts both
    /// into the line of a shell, where a user's configuration has a `ProxyCommand` or a `Match exec` with `%h` or `%r`.
    /// The host program reaches no box that is called otherwise.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        let is_fine = |c: char| c.is_alphanumeric() || "._:%+~@-".contains(c);
        !text.is_empty() && !text.starts_with('-') && text.chars().all(is_fine)
    }
}

/// How an ssh server proves that it is the right one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum HostKey {
    /// By a key that this machine or its user knows already (`known_hosts`).
    #[default]
    Known,
    /// By this key.
    Pinned {
        /// As in a `.pub` file, such as `ssh-ed25519 AAAA…`.
        key: String,
    },
    /// By the key that it shows the first time: only where the way there proves the box already, as a
    /// `proxy` does that leads to one resource alone. Without one, the host refuses the box.
    FirstSeen,
    /// A kind that this version doesn't know: the host refuses the box.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_newer_interface_says_of_the_way_is_understood_as_unknown() {
        let transport: Transport =
            serde_json::from_str(r#"{"kind":"carrier_pigeon","loft":7}"#).expect("tolerated");
        assert_eq!(transport, Transport::Unknown);
        let key: HostKey = serde_json::from_str(r#"{"kind":"dns"}"#).expect("tolerated");
        assert_eq!(key, HostKey::Unknown);
    }

    #[test]
    fn a_name_says_nothing_to_a_shell() {
        for good in ["desk", "10.0.0.7", "fe80::1%eth0", "ann@corp", "ann+tag", "büro", "a_b-c.d~e"]
        {
            assert!(Ssh::is_name(good), "{good}");
        }
        assert!(!Ssh::is_name("") && !Ssh::is_name("-oProxyCommand=x"));
        for bad in " \t\n\0'\"`$\\;&|<>(){}[]*?!,#/^=".chars() {
            assert!(!Ssh::is_name(&format!("a{bad}b")), "{bad:?}");
        }
    }

    #[test]
    fn a_host_alone_is_enough() {
        let ssh: Transport =
            serde_json::from_str(r#"{"kind":"ssh","host":"desk"}"#).expect("understood");
        assert_eq!(ssh, Transport::Ssh(Ssh { host: "desk".to_owned(), ..Ssh::default() }));
    }
}
