//! Channels to sockets of the box.

use super::{each, fed};
use crabbox_tests::ssh::{Server, SshHost};
use crabbox_tests::until;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Output, Stdio};
use std::thread;

/// Answers one client, after it has sent everything: what it sent, and a word.
fn answers(mut client: impl Read + Write) {
    let mut request = Vec::new();
    // One that leaves gets no answer.
    if client.read_to_end(&mut request).is_ok() {
        request.extend(b" answered");
        let _ = client.write_all(&request);
    }
}

/// Asks a service on the box, through the client's own streams.
fn asks(host: &SshHost) -> Output {
    let service = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = service.local_addr().expect("an address").to_string();
    thread::spawn(move || answers(service.accept().expect("a client").0));
    fed(host.ssh().args(["-W", &address, host.alias()]), b"asked")
}

#[test]
fn an_answer_comes_after_the_end_of_the_question() {
    for host in each() {
        let output = asks(&host);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "asked answered", "{output:?}");
    }
}

#[test]
fn without_half_closed_channels_the_answer_is_lost() {
    let host = SshHost::with(Server::Russh).no_half_close().build().expect("a host");
    let output = asks(&host);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{output:?}");
    assert_eq!(host.counts().forwards, 1);
}

#[test]
fn only_this_machine_is_forwarded_to() {
    let host = SshHost::with(Server::Russh).build().expect("a host");
    let output = fed(host.ssh().args(["-W", "192.0.2.1:80", host.alias()]), b"");
    assert_eq!(output.status.code(), Some(255));
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = closed.local_addr().expect("an address").to_string();
    drop(closed);
    let output = fed(host.ssh().args(["-W", &address, host.alias()]), b"");
    assert!(String::from_utf8_lossy(&output.stderr).contains("open failed"), "{output:?}");
}

#[test]
fn sockets_of_the_file_system_are_forwarded_to() {
    for host in each() {
        let folder = tempfile::tempdir().expect("a folder");
        let (near, far) = (folder.path().join("near"), folder.path().join("far"));
        let service = UnixListener::bind(&far).expect("a socket");
        thread::spawn(move || answers(service.accept().expect("a client").0));
        let mut ssh = host.ssh();
        ssh.arg("-N").arg("-L").arg(format!("{}:{}", near.display(), far.display()));
        let mut ssh = ssh.arg(host.alias()).stdout(Stdio::null()).spawn().expect("ssh runs");
        // A socket is there before anybody listens to it.
        let mut client = None;
        until("somebody listens", || {
            client = UnixStream::connect(&near).ok();
            client.is_some()
        });
        let mut client = client.expect("a connection");
        client.write_all(b"asked").expect("it reads");
        client.shutdown(Shutdown::Write).expect("an end");
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("an answer");
        assert_eq!(answer, "asked answered");
        ssh.kill().expect("it runs");
        ssh.wait().expect("an end");
    }
}
