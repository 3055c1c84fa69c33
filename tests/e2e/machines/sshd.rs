//! An `sshd` of the system on loopback. It ends with the test, and all connections to it.

use crabbox_tests::until;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const SSHD: &str = "/usr/sbin/sshd";

/// A machine that one can ssh to.
pub(super) struct Sshd {
    folder: PathBuf,
    port: u16,
    server: Child,
}

impl Sshd {
    /// Can there be one here? `false`, and a line that says so, if not.
    pub(super) fn can_be() -> bool {
        let is_root = rustix::process::geteuid().is_root();
        let mut mount = Command::new("unshare");
        mount.args(["-m", "mount", "--bind", "/etc/passwd", "/etc/passwd"]);
        let mounts = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        let runs = mounts
            && Path::new(SSHD).exists()
            && (!is_root || fs::create_dir_all("/run/sshd").is_ok());
        if !runs {
            let _ = writeln!(
                std::io::stderr(),
                "skipped: there is no sshd here, or nothing can be mounted"
            );
        }
        runs
    }

    /// Its home is `home` in this folder, in which all else of it lies, too.
    pub(super) fn start(folder: &Path) -> Self {
        fs::create_dir_all(folder.join("home")).expect("a folder");
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("a mode");
        for key in ["host", "user"] {
            key_of(&folder.join(key));
        }
        fs::copy(folder.join("user.pub"), folder.join("authorized")).expect("a copy");
        let port = free_port();
        let server = serve(folder, port);
        Self { folder: folder.to_owned(), port, server }
    }

    pub(super) fn home(&self) -> PathBuf {
        self.folder.join("home")
    }

    /// The folder of all places.
    pub(super) fn work_root(&self) -> PathBuf {
        self.home().join("crabbox")
    }

    /// The folders of leases, in order.
    pub(super) fn places(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.work_root()).into_iter().flatten().flatten();
        let mut places: Vec<_> = entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with("cbx_"))
            .map(|entry| entry.path())
            .collect();
        places.sort();
        places
    }

    /// As the user's configuration has it under this name, and the line for `known_hosts`.
    pub(super) fn config(&self, name: &str, known: &Path) -> String {
        let (port, key, known) = (self.port, self.folder.join("user"), known.display().to_string());
        format!(
            "Host {name}\n  HostName 127.0.0.1\n  Port {port}\n  IdentityFile {}\n  UserKnownHostsFile {known}\n",
            key.display()
        )
    }

    /// How it is reached without a name.
    pub(super) fn entry(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The key that it lets in.
    pub(super) fn user_key(&self) -> PathBuf {
        self.folder.join("user")
    }

    /// The file of its own key.
    pub(super) fn host_key_file(&self) -> PathBuf {
        self.folder.join("host.pub")
    }

    /// Its own key.
    pub(super) fn host_key(&self) -> String {
        let key = fs::read_to_string(self.host_key_file()).expect("a key");
        key.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    /// What tells `ssh` its key.
    pub(super) fn known(&self) -> String {
        let key = fs::read_to_string(self.host_key_file()).expect("a key");
        format!("[127.0.0.1]:{} {key}", self.port)
    }

    /// Switches it off, with all connections.
    pub(super) fn off(&mut self) {
        let id = self.server.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let children = children.unwrap_or_default();
        for child in children.split_whitespace().filter_map(|id| id.parse().ok()) {
            if let Some(child) = Pid::from_raw(child) {
                let _ = kill_process(child, Signal::TERM);
            }
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }

    /// Switches it on again.
    pub(super) fn on(&mut self) {
        self.server = serve(&self.folder, self.port);
    }

    /// Switches it on again as another machine, which has the same disk. `false`, and a line that says so, where that
    /// can't be.
    pub(super) fn on_as_another(&mut self) -> bool {
        let id = self.folder.join("machine-id");
        fs::write(&id, "0123456789abcdef0123456789abcdef\n").expect("writes");
        let mount = format!("mount --bind '{}' /etc/machine-id", id.display());
        let mut unshare = Command::new("unshare");
        unshare.args(["-m", "sh", "-c", &format!("{mount} && true")]);
        let status = unshare.stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !status.is_ok_and(|status| status.success()) {
            let _ = writeln!(std::io::stderr(), "skipped: nothing can be mounted here");
            return false;
        }
        let line = format!("{mount} && exec \"$0\" \"$@\"");
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &line, SSHD]);
        self.server = started(command, &self.folder, self.port);
        true
    }

    /// Has another host key from the next start on.
    pub(super) fn change_key(&self) {
        for name in ["host", "host.pub"] {
            fs::remove_file(self.folder.join(name)).expect("removes");
        }
        key_of(&self.folder.join("host"));
    }

    /// How many sessions it has served.
    pub(super) fn sessions(&self) -> usize {
        let log = fs::read_to_string(self.folder.join("log")).expect("a log");
        log.lines().filter(|line| line.contains("Starting session: command")).count()
    }

    /// How many connections it has let in.
    pub(super) fn connections(&self) -> usize {
        let log = fs::read_to_string(self.folder.join("log")).expect("a log");
        log.lines().filter(|line| line.contains("Accepted publickey")).count()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.off();
    }
}

fn key_of(path: &Path) {
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path);
    assert!(keygen.status().expect("ssh-keygen runs").success());
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn serve(folder: &Path, port: u16) -> Child {
    started(Command::new(SSHD), folder, port)
}

fn started(mut command: Command, folder: &Path, port: u16) -> Child {
    let shown = folder.display();
    let text = format!(
        "ListenAddress 127.0.0.1:{port}\nHostKey {shown}/host\nAuthorizedKeysFile {shown}/authorized\n\
         PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\n\
         PasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel VERBOSE\n\
         AcceptEnv LANG LC_*\nSetEnv HOME={shown}/home XDG_CACHE_HOME={shown}/home/.cache\n"
    );
    let config = folder.join("sshd_config");
    fs::write(&config, text).expect("writes");
    let log = folder.join("log");
    let file = File::options().append(true).create(true).open(&log).expect("a log");
    let listens = || {
        let log = fs::read_to_string(&log).unwrap_or_default();
        log.lines().filter(|line| line.starts_with("Server listening")).count()
    };
    let before = listens();
    let server = command
        .args(["-D", "-e", "-f"])
        .arg(&config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .spawn()
        .expect("sshd starts");
    until("sshd listens", || listens() > before);
    server
}
