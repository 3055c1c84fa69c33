//! What goes wrong on request, as the client sees it.

use super::{fed, noise, piped};
use crabbox_tests::ssh::{Hang, Refuse, Server, SshHost, SshHostBuilder};
use crabbox_tests::{Ran, until};
use std::time::Duration;

/// An hour: more than any test waits.
const EVER: Duration = Duration::from_hours(1);

fn russh() -> SshHostBuilder {
    SshHost::with(Server::Russh)
}

fn host(builder: SshHostBuilder) -> SshHost {
    builder.build().expect("a host")
}

/// The client fails of itself, and says so.
fn fails(host: &SshHost, says: &str) {
    let ran = host.runs("true");
    assert_eq!(ran.code, 255, "{ran:?}");
    assert!(ran.stderr.contains(says), "{ran:?}");
    until("the server has ended", || host.processes().is_empty());
}

#[test]
fn noise_before_the_version_is_skipped() {
    let host = host(russh().noise("Hello.").noise("Welcome."));
    let ran = Ran::of(host.ssh().args(["-v", host.alias(), "echo here"]));
    assert_eq!((ran.code, &*ran.stdout), (0, "here\n"));
    assert!(ran.stderr.contains("Hello.") && ran.stderr.contains("Welcome."), "{ran:?}");
}

#[test]
fn ten_thousand_lines_come_before_the_output() {
    let ran = host(russh().motd(10_000)).runs("echo here");
    assert_eq!(ran.stdout.lines().count(), 10_001);
    assert_eq!(ran.stdout.lines().last(), Some("here"));
}

#[test]
fn a_late_server_is_waited_for() {
    let late = Duration::from_millis(50);
    let host = host(russh().delay_banner(late).delay_exec(late));
    let output = fed(host.ssh().args([host.alias(), "cat"]), b"early");
    assert_eq!(output.stdout, b"early", "{output:?}");
}

#[test]
fn a_server_that_is_too_late_has_timed_out() {
    for late in [russh().delay_banner(EVER), russh().hang(Hang::Banner)] {
        fails(&host(late.option("ConnectTimeout 1")), "timed out during banner exchange");
    }
}

/// The client would wait for ever, and ends its server when it is ended.
#[test]
fn a_login_and_a_command_hang() {
    for (place, logins) in [(Hang::Auth, 0), (Hang::Exec, 1)] {
        let host = host(russh().rtt(Duration::ZERO).hang(place));
        let mut client = piped(host.ssh().args([host.alias(), "true"]));
        until("it hangs", || match place {
            Hang::Exec => host.counts().execs == 1,
            // The client has sent its key, the seventh chunk or so, and all before was answered.
            _ => host.counts().turns >= 4,
        });
        assert!(client.try_wait().expect("a process").is_none());
        assert_eq!(host.counts().logins, logins);
        client.kill().expect("it runs");
        client.wait().expect("an end");
        until("the server has ended", || host.processes().is_empty());
    }
}

#[test]
fn what_is_refused_is_refused() {
    fails(&host(russh().refuse(Refuse::Auth)), "Permission denied (publickey)");
    fails(&host(russh().refuse(Refuse::Exec)), "exec request failed");
    let refusing = host(russh().refuse(Refuse::Channel));
    fails(&refusing, "open failed");
    assert_eq!((refusing.counts().logins, refusing.counts().refused), (1, 1));
}

#[test]
fn the_connection_ends_after_as_many_bytes_as_asked() {
    let dropping = host(russh().drop_after(100_000));
    let ran = dropping.runs("yes");
    assert_eq!(ran.code, 255, "{}", ran.stderr);
    assert!(ran.stdout.len() < 100_000, "{}", ran.stdout.len());
    until("the server has ended", || dropping.counts().ended == 1);
    let counts = dropping.counts();
    assert_eq!(counts.to_server + counts.to_client, 100_000);
    let upwards = host(russh().drop_after(100_000));
    let output = fed(upwards.ssh().args([upwards.alias(), "cat >/dev/null"]), &noise(1 << 20));
    assert_eq!(output.status.code(), Some(255));
}

#[test]
fn small_windows_pass_everything() {
    let data = noise(100_000);
    let host = host(russh().window(64));
    let output = fed(host.ssh().args([host.alias(), "cat"]), &data);
    assert!(output.status.success() && output.stdout == data);
}

#[test]
fn keys_are_told_apart() {
    for server in [Server::Russh, Server::OpenSsh] {
        let Some(unknown) = SshHost::with(server).unknown().build() else {
            continue;
        };
        fails(&unknown, "Host key verification failed");
        let locked = SshHost::with(server).passphrase("secret").build().expect("a host");
        fails(&locked, "Permission denied (publickey)");
        let changed = SshHost::with(server).build().expect("a host");
        assert_eq!(changed.runs("true").code, 0);
        changed.change_host_key();
        fails(&changed, "REMOTE HOST IDENTIFICATION HAS CHANGED");
        assert_eq!(changed.counts().logins, 1);
    }
}
