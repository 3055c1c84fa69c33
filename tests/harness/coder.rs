//! A world whose boxes are workspaces of a Coder deployment, which is a folder of it.

use crate::{Ran, World, processes};
use crabbox_test_coder::{Deployment, State};
use rustix::process::Pid;
use std::env;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A world, and a deployment in it.
#[derive(Debug)]
pub struct Coder {
    /// The world.
    pub world: World,
    /// What the server knows.
    pub deployment: Deployment,
}

impl Coder {
    /// With `alice` logged in, and a template `demo`.
    #[must_use]
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// The same, changed before anything else.
    #[must_use]
    pub fn with(change: impl FnOnce(&mut State)) -> Self {
        let world = World::new();
        let mut state = State::default();
        // Nobody waits a minute here.
        "0s".clone_into(&mut state.trouble.window);
        change(&mut state);
        let folder = world.root().join("deployment");
        let deployment = Deployment::create(&folder, &state);
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(deployment.host_key());
        assert!(keygen.status().expect("ssh-keygen runs").success());
        let runtime = world.root().join("run");
        fs::DirBuilder::new().mode(0o700).create(runtime).expect("a folder");
        let coder = Self { world, deployment };
        coder.put_program();
        coder.log_in("alice");
        coder
    }

    fn put_program(&self) {
        let folder = self.world.root().join("deployment");
        let script =
            format!("#!/bin/sh\nexec '{}' '{}' \"$@\"\n", program().display(), folder.display());
        let made = self.world.root().join("coder.sh");
        fs::write(&made, script).expect("a script");
        let _ = self.world.executable("bin/coder", &made);
    }

    /// Installs this version of `coder` in the place of the one that is there.
    pub fn install(&self, version: &str) {
        self.deployment.change(|state| version.clone_into(&mut state.client));
        self.put_program();
    }

    /// With a lease whose workspace is ready, and the workspace's name; what was asked for it is forgotten.
    #[must_use]
    pub fn warm() -> (Self, String) {
        Self::after(&["warmup"])
    }

    /// The same, stopped.
    #[must_use]
    pub fn parked() -> (Self, String) {
        Self::after(&["run", "--", "true"])
    }

    fn after(line: &[&str]) -> (Self, String) {
        let coder = Self::new();
        let ran = coder.crabbox(line);
        assert_eq!(ran.code, 0, "{ran:?}");
        let name = coder.deployment.state().names()[0].to_owned();
        coder.deployment.forget_calls();
        (coder, name)
    }

    /// From now on that user is logged in.
    pub fn log_in(&self, user: &str) {
        let state = self.deployment.state();
        self.log_in_to(&state.url, &state.user(user).token);
    }

    /// The same at some server, with whatever token.
    pub fn log_in_to(&self, url: &str, token: &str) {
        fs::create_dir_all(self.login()).expect("a folder");
        fs::write(self.login().join("url"), url).expect("a file");
        fs::write(self.login().join("session"), token).expect("a file");
    }

    /// Where `coder` keeps its login.
    #[must_use]
    pub fn login(&self) -> PathBuf {
        self.world.root().join("config/coderv2")
    }

    /// What stands in for `coder`.
    #[must_use]
    pub fn program(&self) -> PathBuf {
        self.world.root().join("bin/coder")
    }

    /// Crabbox in the checkout, with the provider `coder` and the template `demo`.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.dress(self.world.command(arguments));
        command.env("CRABBOX_PROVIDER", "coder").env("CRABBOX_CODER_TEMPLATE", "demo");
        command
    }

    /// Runs it to its end.
    #[must_use]
    pub fn crabbox(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// `coder` itself, as a user types it.
    #[must_use]
    pub fn coder(&self, arguments: &[&str]) -> Command {
        self.dress(self.world.command_of(&self.program(), arguments))
    }

    fn dress(&self, mut command: Command) -> Command {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = [self.world.root().join("bin")].into_iter().chain(env::split_paths(&path));
        command
            .env("PATH", env::join_paths(folders).expect("folders"))
            .env("XDG_RUNTIME_DIR", self.world.root().join("run"))
            .stdin(Stdio::null());
        command
    }

    /// What `coder` was called with since they were forgotten, each as it is typed.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        self.deployment.calls().iter().map(|words| words.join(" ")).collect()
    }

    /// The processes of `coder`, and of the ssh servers that it has started.
    #[must_use]
    pub fn processes(&self) -> Vec<Pid> {
        let folder = self.world.root().join("deployment").display().to_string();
        processes(|executable, words| {
            let is_one = |name: &str| executable.file_name().is_some_and(|own| own == name);
            (is_one("crabbox-test-coder") || is_one("crabbox-test-sshd")) && words.contains(&folder)
        })
    }
}

impl Default for Coder {
    fn default() -> Self {
        Self::new()
    }
}

/// What cargo builds with the tests; beside it is the ssh server that it starts.
fn program() -> PathBuf {
    let name = "CARGO_BIN_EXE_crabbox-test-coder";
    let program = env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name} for tests"));
    Path::new(&program).to_owned()
}
