//! A world with machines in its user's `~/.ssh/config`.

use super::sshd::Sshd;
use crabbox_tests::{Ran, World, built};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `ssh` looks for its configuration where the list of users says that the home is. Becomes the program.
const AS_AT_HOME: &str = "mount --bind \"$0\" /etc/passwd && exec \"$@\"";

pub(crate) struct Cluster {
    pub(crate) world: World,
    machines: BTreeMap<&'static str, Sshd>,
}

impl Cluster {
    /// With machines of these names, best first. `None`, and a line that says so, where there can't be any.
    pub(crate) fn of(names: &[&'static str]) -> Option<Self> {
        if !Sshd::can_be() {
            return None;
        }
        let world = World::new();
        let machines: BTreeMap<_, _> = names
            .iter()
            .map(|name| (*name, Sshd::start(&world.root().join("machines").join(name))))
            .collect();
        let known = known_hosts(&world);
        let (mut config, mut keys) = (String::new(), String::new());
        for (name, machine) in &machines {
            config.push_str(&machine.config(name, &known));
            let _ = writeln!(keys, "{}", machine.known());
        }
        fs::create_dir_all(world.root().join("home/.ssh")).expect("a folder");
        fs::write(world.root().join("home/.ssh/config"), config).expect("writes");
        fs::write(known, keys).expect("writes");
        let cluster = Self { world, machines };
        let id = rustix::process::getuid().as_raw().to_string();
        let home = cluster.world.root().join("home").display().to_string();
        let users = fs::read_to_string("/etc/passwd").expect("users");
        let moved = users.lines().map(|line| {
            let mut fields: Vec<&str> = line.split(':').collect();
            if fields.len() == 7 && fields[2] == id {
                fields[5] = &home;
            }
            fields.join(":") + "\n"
        });
        fs::write(cluster.users(), moved.collect::<String>()).expect("writes");
        cluster.configure(names, "");
        Some(cluster)
    }

    /// The list of users, in which this one lives in the world.
    fn users(&self) -> PathBuf {
        self.world.root().join("passwd")
    }

    /// With these hosts and further settings.
    pub(super) fn configure(&self, hosts: &[&str], more: &str) {
        let hosts = serde_json::to_string(hosts).expect("text");
        let provider = format!("[provider.ssh]\nhosts = {hosts}\n{more}\n");
        self.world.configure(&format!("[lease]\nprovider = 'ssh'\n{provider}"));
    }

    /// The user's own configuration begins with this from now on: what stands first holds.
    pub(super) fn prefers(&self, text: &str) {
        let path = self.world.root().join("home/.ssh/config");
        let rest = fs::read_to_string(&path).expect("reads");
        fs::write(path, format!("{text}Match all\n{rest}")).expect("writes");
    }

    /// The keys that its user knows.
    pub(super) fn known_hosts(&self) -> PathBuf {
        known_hosts(&self.world)
    }

    pub(super) fn machine(&self, name: &str) -> &Sshd {
        &self.machines[name]
    }

    pub(super) fn machine_mut(&mut self, name: &str) -> &mut Sshd {
        self.machines.get_mut(name).expect("a machine")
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let crabbox = built().crabbox.display().to_string();
        self.at_home(&[&[&*crabbox], words].concat())
    }

    /// A line of shell of the user's.
    pub(super) fn shell(&self, line: &str) -> Command {
        self.at_home(&["sh", "-c", line])
    }

    fn at_home(&self, words: &[&str]) -> Command {
        let users = self.users().display().to_string();
        let before = ["-m", "sh", "-c", AS_AT_HOME, &users];
        let mut command = self.world.command_of(Path::new("unshare"), &[&before, words].concat());
        // Sockets of a world are gone with it.
        let runtime = self.world.root().join("run");
        fs::create_dir_all(&runtime).expect("a folder");
        command.env("XDG_RUNTIME_DIR", runtime);
        command
    }

    pub(super) fn crabbox(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.command(words))
    }

    /// Runs it, and it must end well.
    pub(super) fn done(&self, words: &[&str]) -> Ran {
        let ran = self.crabbox(words);
        assert_eq!(ran.code, 0, "{words:?}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    /// All leases, also those that are over, the oldest first.
    pub(super) fn leases(&self) -> Vec<Value> {
        self.world.leases(&["--all"])
    }

    /// The only lease.
    pub(super) fn lease(&self) -> Value {
        let leases = self.leases();
        assert_eq!(leases.len(), 1, "{leases:?}");
        leases[0].clone()
    }

    pub(super) fn slug(&self) -> String {
        self.lease()["slug"].as_str().expect("a slug").to_owned()
    }

    /// The only place on a machine.
    pub(super) fn place(&self, name: &str) -> PathBuf {
        let mut places = self.machine(name).places();
        assert_eq!(places.len(), 1, "{places:?}");
        places.remove(0)
    }

    pub(super) fn counts(&self) -> Vec<usize> {
        self.machines.values().map(|machine| machine.places().len()).collect()
    }
}

fn known_hosts(world: &World) -> PathBuf {
    world.root().join("known_hosts")
}
