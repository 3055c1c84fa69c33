//! The folder of a host: keys, and the configurations of both sides.

use super::builder::SshHostBuilder;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder.
#[derive(Debug)]
pub(super) struct Files(tempfile::TempDir);

impl Files {
    /// With keys in it.
    pub(super) fn make(builder: &SshHostBuilder) -> Self {
        let files = Self(tempfile::tempdir().expect("a temporary folder"));
        make_key(&files.host_key(), "");
        make_key(&files.identity(), &builder.passphrase);
        let public = fs::read(public(&files.identity())).expect("a key");
        fs::write(files.authorized_keys(), public).expect("a file");
        let known = if builder.known { files.known_line(&builder.alias) } else { String::new() };
        fs::write(files.known_hosts(), known).expect("a file");
        for counts in [files.counts(), files.line_counts()] {
            fs::write(counts, "").expect("a file");
        }
        files
    }

    /// Another key for the host than its clients know.
    pub(super) fn change_host_key(&self) {
        fs::remove_file(self.host_key()).expect("a key");
        make_key(&self.host_key(), "");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn host_key(&self) -> PathBuf {
        self.path("host_key")
    }

    pub(super) fn identity(&self) -> PathBuf {
        self.path("identity")
    }

    pub(super) fn authorized_keys(&self) -> PathBuf {
        self.path("authorized_keys")
    }

    pub(super) fn known_hosts(&self) -> PathBuf {
        self.path("known_hosts")
    }

    pub(super) fn config(&self) -> PathBuf {
        self.path("config")
    }

    pub(super) fn sshd_config(&self) -> PathBuf {
        self.path("sshd_config")
    }

    /// What the server counts.
    pub(super) fn counts(&self) -> PathBuf {
        self.path("counts")
    }

    /// What the line counts.
    pub(super) fn line_counts(&self) -> PathBuf {
        self.path("line_counts")
    }

    /// Type and key, as a file of known hosts has them.
    pub(super) fn host_key_text(&self) -> String {
        let public = fs::read_to_string(public(&self.host_key())).expect("a key");
        public.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    fn known_line(&self, alias: &str) -> String {
        format!("{alias} {}\n", self.host_key_text())
    }

    /// The client's configuration. Nothing of the user's own holds, an agent included.
    pub(super) fn write_config(&self, builder: &SshHostBuilder, proxy: &[OsString]) {
        let mut text = format!("Host {}\n", builder.alias);
        for line in &builder.options {
            let _ = writeln!(text, "  {line}");
        }
        if builder.multiplexed {
            let socket = self.path("master");
            let _ = writeln!(text, "  ControlMaster auto\n  ControlPath {}", socket.display());
            let _ = writeln!(text, "  ControlPersist 600");
        }
        let _ = writeln!(
            text,
            "  HostKeyAlias {}\n  User {}\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
             IdentityAgent none\n  UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  \
             StrictHostKeyChecking yes\n  BatchMode yes\n  ProxyCommand {}",
            builder.alias,
            user(),
            self.identity().display(),
            self.known_hosts().display(),
            proxy_command(proxy),
        );
        fs::write(self.config(), text).expect("a file");
    }

    /// The configuration of OpenSSH's server, which as root needs a folder of the system, too.
    pub(super) fn write_sshd_config(&self, max_sessions: usize, variables: &[String]) {
        if rustix::process::geteuid().is_root() {
            fs::create_dir_all("/run/sshd").expect("a folder");
        }
        let mut text = format!(
            "HostKey {}\nAuthorizedKeysFile {}\nMaxSessions {max_sessions}\nPidFile none\n\
             UsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\nPrintMotd no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nLogLevel VERBOSE\n\
             Subsystem sftp internal-sftp\n",
            self.host_key().display(),
            self.authorized_keys().display(),
        );
        if !variables.is_empty() {
            let quoted = variables.iter().map(|variable| format!("\"{variable}\""));
            let _ = writeln!(text, "SetEnv {}", quoted.collect::<Vec<_>>().join(" "));
        }
        fs::write(self.sshd_config(), text).expect("a file");
    }
}

/// Who runs the tests.
pub(super) fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn public(key: &Path) -> PathBuf {
    key.with_extension("pub")
}

fn make_key(path: &Path, passphrase: &str) {
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519", "-C", "test", "-N", passphrase, "-f"]).arg(path);
    assert!(keygen.status().expect("ssh-keygen runs").success(), "{}", path.display());
}

/// A line for the shell that the client gives it to, after it has expanded `%`.
fn proxy_command(argv: &[OsString]) -> String {
    let quoted = argv.iter().map(|word| {
        let word = OsStr::to_str(word).expect("words of tests are text");
        format!("'{}'", word.replace('\'', r"'\''").replace('%', "%%"))
    });
    quoted.collect::<Vec<_>>().join(" ")
}
