//! The keys of both sides, wherever the user has them: as `ssh` has it.

use super::Cluster;
use crabbox_tests::{Ran, until};
use std::fs;
use std::process::{Child, Command, Stdio};

/// The user's key is in nobody's hands but an agent's.
struct Agent(Child);

impl Agent {
    fn at(socket: &str) -> Self {
        let mut agent = Command::new("ssh-agent");
        agent.args(["-D", "-a", socket]).stdout(Stdio::null()).stderr(Stdio::null());
        let agent = Self(agent.spawn().expect("ssh-agent starts"));
        until("an agent", || fs::exists(socket).is_ok_and(|is_there| is_there));
        agent
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn quietly(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_key_may_be_an_agents_and_the_agent_stays_here() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    let socket = cluster.world.root().join("agent").display().to_string();
    let _agent = Agent::at(&socket);
    let key = cluster.machine("desk").user_key();
    quietly(Command::new("ssh-add").arg(&key).env("SSH_AUTH_SOCK", &socket));
    fs::remove_file(&key).expect("removes");
    cluster.prefers("Host desk\n  ForwardAgent yes\n");
    for line in [
        &["run", "--keep", "--shell", "echo none"][..],
        // Of a run's variables it would be none in any case.
        &["ssh", "@last", "--", "sh", "-c", "echo ${SSH_AUTH_SOCK-none}"],
    ] {
        let ran = Ran::of(cluster.command(line).env("SSH_AUTH_SOCK", &socket));
        assert_eq!((ran.code, &*ran.stdout), (0, "none\n"), "{ran:?}");
    }
    assert_eq!(cluster.machine("desk").connections(), 1);
}

#[test]
fn a_key_may_have_a_certificate() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    let key = cluster.machine("desk").user_key();
    let authority = key.with_file_name("authority");
    quietly(
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&authority),
    );
    let public = fs::read_to_string(authority.with_extension("pub")).expect("a key");
    fs::write(key.with_file_name("authorized"), format!("cert-authority {public}"))
        .expect("writes");
    assert_eq!(cluster.crabbox(&["run", "--", "true"]).code, 125, "the key alone is none");
    let name = Command::new("id").arg("-un").output().expect("it runs").stdout;
    let name = String::from_utf8(name).expect("text");
    let mut sign = Command::new("ssh-keygen");
    sign.arg("-q").arg("-s").arg(&authority).args(["-I", "test", "-n", name.trim()]);
    quietly(sign.arg(key.with_extension("pub")));
    let certificate = key.with_file_name("elsewhere");
    fs::rename(key.with_file_name("user-cert.pub"), &certificate).expect("moves");
    cluster.prefers(&format!("Host desk\n  CertificateFile {}\n", certificate.display()));
    cluster.done(&["run", "--", "true"]);
}

#[test]
fn a_machines_key_may_be_known_to_the_whole_system_or_to_the_settings() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    let known = fs::read_to_string(cluster.known_hosts()).expect("reads");
    fs::write(cluster.known_hosts(), "").expect("writes");
    assert_eq!(cluster.crabbox(&["run", "--", "true"]).code, 125, "nobody knows it");
    let key = cluster.machine("desk").host_key();
    cluster.configure(&["desk"], &format!("host-key = {{ desk = '{key}' }}"));
    cluster.done(&["run", "--", "true"]);
    cluster.done(&["stop", "@last", "--delete", "--yes"]);
    cluster.configure(&["desk"], "");
    let of_system = cluster.world.root().join("known-to-all");
    fs::write(&of_system, known).expect("writes");
    cluster.prefers(&format!("Host desk\n  GlobalKnownHostsFile {}\n", of_system.display()));
    cluster.done(&["run", "--", "true"]);
    assert_eq!(fs::read_to_string(cluster.known_hosts()).expect("reads"), "");
}
