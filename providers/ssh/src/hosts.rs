//! The machines of the settings.

use crabbox_provider_api::payload::{Endpoint, HostKey, Settings, Ssh, Transport};
use crabbox_provider_api::{Error, ErrorCode};

/// How many leases a machine may hold where nothing is said of it.
const LEASES: u32 = 10;

/// In `max-leases`: all machines that aren't named.
const OTHERS: &str = "*";

/// An entry of `hosts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// As it stands there: what the machine goes by everywhere.
    pub(crate) entry: String,
    user: Option<String>,
    name: String,
    port: Option<u16>,
}

impl Host {
    /// `[USER@]HOST[:PORT]`; an address of IPv6 with a port stands in brackets.
    pub(crate) fn parse(entry: &str) -> Result<Self, Error> {
        let bad = |why: &str| {
            let message = format!("`{}` can't be a host: {why}", entry.escape_debug());
            Error::new(ErrorCode::InvalidConfig, message).hint(format!(
                "set hosts to entries such as `desk`, `ann@desk:2222` or `[fe80::1]:22`: {why}"
            ))
        };
        let (user, rest) = match entry.rsplit_once('@') {
            Some((user, rest)) => (Some(user), rest),
            None => (None, entry),
        };
        let (name, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((name, "")) => (name, None),
            Some((name, port)) => (name, port.strip_prefix(':').or(Some(port))),
            // More than one colon is an address without a port.
            None => match rest.split_once(':') {
                Some((name, port)) if !port.contains(':') => (name, Some(port)),
                _ => (rest, None),
            },
        };
        let port = port.map(|port| port.parse().ok().filter(|port| *port > 0));
        if port == Some(None) {
            return Err(bad("its port is no number from 1 to 65535"));
        }
        if !Ssh::is_name(name) || user.is_some_and(|user| !Ssh::is_name(user)) {
            return Err(bad("user and host are plain words"));
        }
        Ok(Self {
            entry: entry.to_owned(),
            user: user.map(str::to_owned),
            name: name.to_owned(),
            port: port.flatten(),
        })
    }

    /// The way to it, for a lease whose place is called so; or for whoever only looks.
    pub(crate) fn endpoint(
        &self,
        place: Option<&str>,
        settings: &Settings,
    ) -> Result<Endpoint, Error> {
        let key = settings.map("host-key").get(&*self.entry).map(|key| (*key).to_owned());
        let root = settings.text("work-root").unwrap_or("~/crabbox").trim_end_matches('/');
        if !(root.starts_with('/') || root.starts_with("~/")) {
            let message = format!("`{root}` can't be the work root");
            return Err(Error::new(ErrorCode::InvalidConfig, message)
                .hint("set work-root to an absolute folder, or to one below `~/`"));
        }
        let mut ssh = Ssh::new(&self.name).with_use_user_config(settings.is_on("use-user-config"));
        ssh.user = match &self.user {
            None => user(settings)?,
            user => user.clone(),
        };
        ssh.port = match self.port {
            None => port(settings)?,
            port => port,
        };
        ssh.identity_file = settings.text("identity-file").map(str::to_owned);
        ssh.host_key = key.map_or(HostKey::Known, |key| HostKey::Pinned { key });
        let transport = Transport::Ssh(ssh);
        let work_root = place.map_or_else(|| root.to_owned(), |place| format!("{root}/{place}"));
        Ok(Endpoint::new(transport, work_root))
    }

    /// How many leases it may hold.
    pub(crate) fn limit(&self, settings: &Settings) -> Result<u32, Error> {
        let limits = settings.map("max-leases");
        let Some(limit) = limits.get(&*self.entry).or_else(|| limits.get(OTHERS)) else {
            return Ok(LEASES);
        };
        limit.parse().ok().filter(|limit| *limit > 0).ok_or_else(|| {
            let entry = &self.entry;
            let message = format!("`{limit}` can't be how many leases `{entry}` may hold");
            Error::new(ErrorCode::InvalidConfig, message)
                .hint("set max-leases to whole numbers from 1 on, such as { desk = \"2\" }")
        })
    }

    fn has_label(&self, label: &str, settings: &Settings) -> bool {
        let labels = settings.map("labels");
        let of_host = labels.get(&*self.entry).copied().unwrap_or_default();
        of_host.split_whitespace().any(|one| one == label)
    }
}

fn user(settings: &Settings) -> Result<Option<String>, Error> {
    let Some(user) = settings.text("user") else { return Ok(None) };
    if Ssh::is_name(user) {
        return Ok(Some(user.to_owned()));
    }
    let message = format!("`{}` can't be who logs in", user.escape_debug());
    Err(Error::new(ErrorCode::InvalidConfig, message)
        .hint("set user to a plain word, such as `ann`"))
}

fn port(settings: &Settings) -> Result<Option<u16>, Error> {
    let Some(port) = settings.integer("port") else { return Ok(None) };
    let port = u16::try_from(port).ok().filter(|port| *port > 0);
    port.map(Some).ok_or_else(|| {
        Error::new(ErrorCode::InvalidConfig, "the port of ssh is no number from 1 to 65535")
    })
}

/// All of them, in the user's order.
pub(crate) fn all(settings: &Settings) -> Result<Vec<Host>, Error> {
    let hosts: Result<Vec<_>, _> = settings.list("hosts").into_iter().map(Host::parse).collect();
    let hosts = hosts?;
    if hosts.is_empty() {
        return Err(Error::new(ErrorCode::InvalidConfig, "there are no hosts")
            .hint("set hosts to machines that you can ssh to, such as [\"desk\"]"));
    }
    Ok(hosts)
}

/// Those with the label that is wanted, if one is.
pub(crate) fn wanted(settings: &Settings) -> Result<Vec<Host>, Error> {
    let mut hosts = all(settings)?;
    let Some(label) = settings.text("label") else { return Ok(hosts) };
    hosts.retain(|host| host.has_label(label, settings));
    if hosts.is_empty() {
        let message = format!("no host has the label `{label}`");
        return Err(Error::new(ErrorCode::InvalidConfig, message)
            .hint(format!("set labels of a host, such as {{ desk = \"{label}\" }}")));
    }
    Ok(hosts)
}

/// Names in `labels`, `max-leases` and `host-key` that no host has.
pub(crate) fn strangers(settings: &Settings) -> Vec<(&'static str, String)> {
    let hosts = settings.list("hosts");
    let mut strangers = Vec::new();
    for setting in ["labels", "max-leases", "host-key"] {
        let names = settings.map(setting).into_keys();
        let is_known =
            |name: &&str| hosts.contains(name) || setting == "max-leases" && *name == OTHERS;
        let unknown = names.filter(|name| !is_known(name));
        strangers.extend(unknown.map(|name| (setting, name.to_owned())));
    }
    strangers
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(values: serde_json::Value) -> Settings {
        serde_json::from_value(values).expect("settings")
    }

    fn way(entry: &str, values: serde_json::Value) -> Ssh {
        let host = Host::parse(entry).expect("a host");
        match host.endpoint(Some("cbx_1"), &settings(values)).expect("a way").transport {
            Transport::Ssh(ssh) => ssh,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_entry_is_what_one_types_after_ssh() {
        for (entry, user, name, port) in [
            ("desk", None, "desk", None),
            ("ann@desk:2222", Some("ann"), "desk", Some(2222)),
            ("fe80::1", None, "fe80::1", None),
            ("[fe80::1]:22", None, "fe80::1", Some(22)),
            ("ann@[fe80::1]", Some("ann"), "fe80::1", None),
            ("ann@corp@desk", Some("ann@corp"), "desk", None),
        ] {
            let host = Host::parse(entry).expect("a host");
            assert_eq!((host.user.as_deref(), &*host.name, host.port), (user, name, port));
        }
        for bad in ["", "-oProxyCommand=x", "a b", "desk:x", "desk:0", "@desk", "ann@", "a\nb", "*"]
        {
            assert!(Host::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn neither_user_nor_host_is_a_line_of_shell() {
        for bad in ["$(id)", "`id`", "a|id", "a;id", "a&id", "{id}", "a<b", "a>b"] {
            for entry in [format!("{bad}@desk"), format!("ann@{bad}"), bad.to_owned()] {
                assert!(Host::parse(&entry).is_err(), "{entry}");
            }
            let settings = settings(json!({ "user": bad }));
            let desk = Host::parse("desk").expect("a host");
            assert!(desk.endpoint(None, &settings).is_err(), "{bad}");
            assert!(Host::parse("ann@desk").expect("a host").endpoint(None, &settings).is_ok());
        }
    }

    #[test]
    fn what_an_entry_says_comes_before_what_holds_for_all() {
        let common =
            json!({ "user": "bob", "port": 2200, "host-key": { "desk": "ssh-ed25519 A" } });
        let desk = way("desk", common.clone());
        assert_eq!((desk.user.as_deref(), desk.port), (Some("bob"), Some(2200)));
        assert_eq!(desk.host_key, HostKey::Pinned { key: "ssh-ed25519 A".to_owned() });
        let attic = way("ann@attic:22", common);
        assert_eq!((attic.user.as_deref(), attic.port), (Some("ann"), Some(22)));
        assert_eq!(attic.host_key, HostKey::Known);
    }

    #[test]
    fn limits_and_labels_are_of_the_entry() {
        let settings = settings(json!({
            "hosts": ["desk", "attic"],
            "label": "gpu",
            "labels": { "attic": "big gpu", "cellar": "gpu" },
            "max-leases": { "desk": "2", "*": "1" },
        }));
        let hosts = all(&settings).expect("hosts");
        let limits: Vec<_> = hosts.iter().map(|host| host.limit(&settings).expect("one")).collect();
        assert_eq!(limits, [2, 1]);
        assert_eq!(wanted(&settings).expect("hosts"), hosts[1..]);
        assert_eq!(strangers(&settings), [("labels", "cellar".to_owned())]);
    }
}
