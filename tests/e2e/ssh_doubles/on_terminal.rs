//! Shells on a terminal of the box.

use super::{each, fed, piped};
use crabbox_tests::Pty;
use crabbox_tests::ssh::SshHost;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Stdio};

/// Starts a command on a terminal, and waits for its first line, `ready`.
fn ready(host: &SshHost, command: &str, input: Stdio) -> (Child, impl BufRead + use<>) {
    let mut ssh = host.ssh();
    ssh.arg("-tt").arg(host.alias()).arg(command);
    let mut child = ssh.stdin(input).stdout(Stdio::piped()).spawn().expect("ssh runs");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    output.read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\r\n");
    (child, output)
}

#[test]
fn a_command_has_a_terminal_of_its_own_session() {
    for host in each() {
        let mut ssh = host.ssh();
        ssh.arg("-tt").arg(host.alias()).arg("tty <&2 >/dev/tty && exit 3");
        let output = fed(&mut ssh, b"");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.starts_with("/dev/pts/") && text.ends_with("\r\n"), "{text:?}");
        assert_eq!(output.status.code(), Some(3));
    }
}

#[test]
fn a_shell_reads_what_is_typed() {
    for host in each() {
        let mut ssh = host.ssh();
        let output = fed(ssh.arg("-tt").arg(host.alias()), b"echo $((40 + 2))\nexit 5\n");
        assert_eq!(output.status.code(), Some(5), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("42\r\n"), "{output:?}");
        let counts = host.counts();
        assert_eq!((counts.shells, counts.execs), (1, 0));
    }
}

#[test]
fn the_interrupt_key_interrupts() {
    for host in each() {
        let line = "trap 'exit 9' INT; echo ready; while :; do sleep 0.1; done";
        let (mut child, _output) = ready(&host, line, Stdio::piped());
        child.stdin.as_mut().expect("a pipe").write_all(b"\x03").expect("it reads");
        assert_eq!(child.wait().expect("an end").code(), Some(9));
    }
}

#[test]
fn the_terminal_grows_with_the_client() {
    for host in each() {
        let pty = Pty::open();
        pty.resize(80, 24);
        let line =
            "trap 'stty size; exit' WINCH; echo ready; stty size; while :; do sleep 0.1; done";
        let (mut child, mut output) =
            ready(&host, line, Stdio::from(pty.slave.try_clone().expect("a copy")));
        let mut size = String::new();
        output.read_line(&mut size).expect("a line");
        assert_eq!(size, "24 80\r\n");
        pty.resize(132, 50);
        // The client isn't in the terminal's foreground, where the kernel would tell it.
        let client = Pid::from_child(&child);
        kill_process(client, Signal::WINCH).expect("it runs");
        let mut rest = String::new();
        output.read_to_string(&mut rest).expect("text");
        assert_eq!(rest, "50 132\r\n");
        assert_eq!(child.wait().expect("an end").code(), Some(0));
    }
}

/// What is left of a terminal's session doesn't hold up its end.
#[test]
fn a_terminal_ends_with_its_shell() {
    for host in each() {
        let mut ssh = host.ssh();
        ssh.arg("-tt").arg(host.alias()).arg("trap '' HUP; sleep 5 & echo ready; exit 4");
        let mut child = piped(&mut ssh);
        let mut text = String::new();
        let mut output = child.stdout.take().expect("a pipe");
        output.read_to_string(&mut text).expect("text");
        assert_eq!((text.as_str(), child.wait().expect("an end").code()), ("ready\r\n", Some(4)));
    }
}
