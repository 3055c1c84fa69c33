//! A world whose boxes lie behind a host: leased from the provider `route`, reached by the program under test.

use super::builder::{Server, SshHostBuilder};
use super::host::SshHost;
use crate::{Ran, World};
use serde_json::Value;
use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A world, and the host that its boxes are on.
#[derive(Debug)]
pub struct Reached {
    /// The world.
    pub world: World,
    /// The host; its commands' home is `box` in the world.
    pub host: SshHost,
    transport: RefCell<Value>,
    providers: PathBuf,
}

impl Reached {
    /// On a host that is as it should be. `None`, and a line that says so, where there is no such server.
    #[must_use]
    pub fn on(server: Server) -> Option<Self> {
        Self::by(server, |host| host)
    }

    /// On a host of this kind.
    #[must_use]
    pub fn by(server: Server, kind: impl FnOnce(SshHostBuilder) -> SshHostBuilder) -> Option<Self> {
        Self::around(World::new(), server, kind)
    }

    /// The same for a world that is there.
    #[must_use]
    pub fn around(
        world: World,
        server: Server,
        kind: impl FnOnce(SshHostBuilder) -> SshHostBuilder,
    ) -> Option<Self> {
        let (home, runtime) = (world.root().join("box"), world.root().join("run"));
        fs::create_dir(&home).expect("a folder");
        fs::DirBuilder::new().mode(0o700).create(&runtime).expect("a folder");
        let builder = SshHost::with(server).home(&home);
        // It hands its own environment on: the box has a cache of its own.
        let builder = builder.env("XDG_CACHE_HOME", &home.join(".cache").display().to_string());
        let host = kind(builder).build()?;
        let transport = host.transport();
        let providers = world.provider_path("crabbox_provider_route");
        Some(Self { world, host, transport: RefCell::new(transport), providers })
    }

    /// From now on the provider says something else of the way.
    pub fn say(&self, name: &str, value: Value) {
        self.transport.borrow_mut()[name] = value;
    }

    /// From now on the stock client is started with these options before all others.
    pub fn ssh_with(&self, options: &[&str]) {
        let words: Vec<&str> = options.iter().flat_map(|option| ["-o", option]).collect();
        self.ssh_by(&format!("exec {} {} \"$@\"", stock_client().display(), words.join(" ")));
    }

    /// From now on these commands stand before the input and behind the output of the stock client.
    pub fn ssh_between(&self, before: &str, behind: &str) {
        self.ssh_by(&format!("{before} | {} \"$@\" | {behind}", stock_client().display()));
    }

    fn ssh_by(&self, line: &str) {
        let file = self.world.root().join("another-ssh");
        fs::write(&file, format!("#!/bin/sh\n{line}\n")).expect("a file");
        let _ = self.world.executable("bin/ssh", &file);
    }

    /// The home of commands on the box.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.world.root().join("box")
    }

    /// The only copy of a checkout there.
    #[must_use]
    pub fn copy(&self) -> PathBuf {
        let root = fs::read_dir(self.home().join("crabbox")).expect("a work root");
        let entries = root.map(|entry| entry.expect("an entry").path());
        let mut copies: Vec<_> = entries.filter(|path| !path.ends_with(".crabbox")).collect();
        assert_eq!(copies.len(), 1, "{copies:?}");
        copies.remove(0)
    }

    /// Where the program under test keeps its connections.
    #[must_use]
    pub fn runtime(&self) -> PathBuf {
        self.world.root().join("run")
    }

    /// The folders of connections.
    #[must_use]
    pub fn connections(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.runtime().join("crabbox")).into_iter().flatten();
        entries.flatten().map(|entry| entry.path()).collect()
    }

    /// Crabbox in the checkout.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.dress(self.world.command(arguments))
    }

    /// The same environment for another command of this world's.
    #[must_use]
    pub fn dress(&self, mut command: Command) -> Command {
        let bin = self.world.root().join("bin");
        if bin.exists() {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = [bin].into_iter().chain(std::env::split_paths(&path));
            command.env("PATH", std::env::join_paths(folders).expect("folders"));
        }
        command
            .env("XDG_RUNTIME_DIR", self.runtime())
            .env("CRABBOX_PROVIDER", "route")
            .env("CRABBOX_PROVIDER_PATH", &self.providers)
            .env("CRABBOX_ROUTE_TRANSPORT", self.transport.borrow().to_string())
            .env("CRABBOX_ROUTE_WORK_ROOT", self.home().join("crabbox"))
            .env("CRABBOX_ROUTE_CALLS", self.world.root().join("calls"));
        command
    }

    /// Runs it to its end.
    #[must_use]
    pub fn crabbox(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Leases a box, and leaves it ready.
    pub fn warm_up(&self) {
        let ran = self.crabbox(&["warmup"]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }

    /// Ends the connections, as when this machine was asleep for long.
    pub fn hang_up(&self) {
        for folder in self.connections() {
            assert!(ends(&folder.join("0")), "{}", folder.display());
        }
    }

    /// What the provider was called with so far.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.world.root().join("calls")).unwrap_or_default();
        calls.lines().map(str::to_owned).collect()
    }
}

/// A server of OpenSSH's outlives its host, and a connection to it this world.
impl Drop for Reached {
    fn drop(&mut self) {
        for folder in self.connections() {
            for number in 0..4 {
                let socket = folder.join(number.to_string());
                let _ = socket.exists() && ends(&socket);
            }
        }
    }
}

/// Ends the connection of this socket.
fn ends(socket: &Path) -> bool {
    let mut ssh = Command::new("ssh");
    ssh.arg("-S").arg(socket).args(["-O", "exit", "box"]).stderr(Stdio::null());
    ssh.status().is_ok_and(|status| status.success())
}

fn stock_client() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let ssh = std::env::split_paths(&path).map(|folder| folder.join("ssh"));
    ssh.into_iter().find(|file| file.exists()).expect("an ssh")
}
