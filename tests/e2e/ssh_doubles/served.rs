//! Commands: how they end, what they print, what they read, what they see.

use super::{each, fed, noise, piped};
use crabbox_provider_api::payload::{HostKey, Transport};
use crabbox_tests::ssh::{Server, SshHost, SshHostBuilder};
use crabbox_tests::until;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::ffi::OsString;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;

#[test]
fn codes_and_streams_come_back_as_they_are() {
    for host in each() {
        let ran = host.runs("echo out; echo err >&2; exit 7");
        assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (7, "out\n", "err\n"), "{host:?}");
        assert_eq!(host.runs("kill -TERM $$").code, 255);
        let counts = host.counts();
        assert_eq!((counts.connections, counts.logins, counts.execs), (2, 2, 2), "{}", host.log());
    }
}

#[test]
fn fifty_megabytes_pass_each_way_and_both_at_once() {
    let data = noise(50 << 20);
    for host in each() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        let (cat, path) = (|line: &str| line.replace("FILE", &file.display().to_string()), &file);
        let up = fed(host.ssh().arg(host.alias()).arg(cat("cat >FILE; exit 3")), &data);
        assert_eq!(up.status.code(), Some(3));
        assert!(fs::read(path).expect("a file") == data, "sent and received differ");
        let down = fed(host.ssh().arg(host.alias()).arg(cat("cat FILE; exit 4")), b"");
        assert_eq!(down.status.code(), Some(4));
        assert!(down.stdout == data, "sent and received differ");
        let both = fed(host.ssh().arg(host.alias()).arg("cat"), &data);
        assert!(both.status.success() && both.stdout == data, "sent and received differ");
    }
}

#[test]
fn the_end_of_input_arrives_and_the_code_comes_after_all_output() {
    for host in each() {
        let command = "wc -c; seq 200000; seq 200000 >&2; exit 5";
        let output = fed(host.ssh().arg(host.alias()).arg(command), b"four");
        assert_eq!(output.status.code(), Some(5));
        let lines = |bytes: &[u8]| bytes.split(|byte| *byte == b'\n').count() - 1;
        assert!(output.stdout.trim_ascii_start().starts_with(b"4\n"));
        assert_eq!((lines(&output.stdout), lines(&output.stderr)), (200_001, 200_000));
    }
}

/// Ten as with a stock server, each waiting for its input.
#[test]
fn ten_sessions_share_a_connection_and_the_eleventh_is_refused() {
    for server in [Server::Russh, Server::OpenSsh] {
        let Some(host) = SshHost::with(server).multiplexed().build() else {
            continue;
        };
        assert_eq!(host.runs("true").code, 0);
        // Without these, the client opens another connection without a word.
        let ssh = || {
            let mut ssh = host.ssh();
            ssh.args(["-o", "ControlMaster=no", "-o", "ProxyCommand=false", host.alias()]);
            ssh
        };
        let mut waiting: Vec<_> = (0..10)
            .map(|_| {
                let mut child = piped(ssh().arg("echo here; cat"));
                let mut line = String::new();
                let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
                output.read_line(&mut line).expect("a line");
                assert_eq!(line, "here\n");
                child
            })
            .collect();
        let eleventh = fed(ssh().arg("true"), b"");
        assert_eq!(eleventh.status.code(), Some(255), "{eleventh:?}");
        for child in &mut waiting {
            drop(child.stdin.take());
            assert!(child.wait().expect("an end").success());
        }
        assert!(fed(ssh().arg("true"), b"").status.success(), "there is room again");
        let counts = host.counts();
        assert_eq!((counts.connections, counts.execs), (1, 12), "{}", host.log());
    }
}

/// What it doesn't read lies somewhere, but not in the way.
#[test]
fn a_command_that_does_not_read_holds_up_no_other() {
    for server in [Server::Russh, Server::OpenSsh] {
        let Some(host) = SshHost::with(server).multiplexed().build() else {
            continue;
        };
        let mut stuck =
            piped(host.ssh().arg(host.alias()).arg("echo here; read go; exec sleep 20"));
        let mut input = stuck.stdin.take().expect("a pipe");
        let mut here = [0; 5];
        stuck.stdout.as_mut().expect("a pipe").read_exact(&mut here).expect("a line");
        let writer = thread::spawn(move || {
            let _ = input.write_all(&noise(20 << 20));
        });
        assert_eq!(host.runs("echo $((40 + 2))").stdout, "42\n");
        stuck.kill().expect("it runs");
        stuck.wait().expect("an end");
        writer.join().expect("no panic");
    }
}

#[test]
fn what_a_client_leaves_behind_lives_on_unless_it_is_to_end() {
    let left = |host: &SshHost| {
        let mut child = piped(host.ssh().arg(host.alias()).arg("echo $$; exec sleep 200"));
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        output.read_line(&mut line).expect("a line");
        child.kill().expect("it runs");
        child.wait().expect("an end");
        Pid::from_raw(line.trim().parse().expect("a number")).expect("a process")
    };
    for host in each() {
        let process = left(&host);
        until("the server has ended", || host.processes().is_empty());
        assert_eq!(test_kill_process(process), Ok(()), "as with any sshd");
        kill_process(process, Signal::KILL).expect("it lives");
    }
    let host = SshHost::with(Server::Russh).kill_on_close().build().expect("a host");
    let process = left(&host);
    until("it has ended", || is_over(process));
    assert_eq!(host.counts().ended, 1);
}

/// Ended, if its parent hasn't looked yet.
fn is_over(process: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
    stat.map_or(true, |stat| stat.contains(") Z "))
}

#[test]
fn the_box_is_as_the_test_wants_it() {
    let home = tempfile::tempdir().expect("a folder");
    let host = |build: fn(SshHostBuilder) -> SshHostBuilder| {
        build(SshHost::with(Server::Russh).home(home.path())).build().expect("a host")
    };
    let at_home = format!("{0} {0}\n", home.path().display());
    assert_eq!(host(|host| host).runs("echo $HOME $(pwd)").stdout, at_home);
    let elsewhere = host(|host| host.cwd(Path::new("/usr")).env("KIND", "a box"));
    assert_eq!(elsewhere.runs("echo $(pwd) $KIND").stdout, "/usr a box\n");
    let bare = host(|host| host.clear_env().unset_env("HOME"));
    let names = bare.runs("env | sed 's/=.*//' | grep -vx -e PWD -e _ -e SHLVL -e OLDPWD | sort");
    assert_eq!(names.stdout, "LOGNAME\nPATH\nSHELL\nSSH_CLIENT\nSSH_CONNECTION\nUSER\n");
}

#[test]
fn openssh_takes_another_home_too() {
    let home = tempfile::tempdir().expect("a folder");
    if let Some(host) = SshHost::with(Server::OpenSsh).home(home.path()).build() {
        assert_eq!(host.runs("echo $HOME").stdout, format!("{}\n", home.path().display()));
    }
}

#[test]
fn nobody_is_asked_for_a_key_where_everybody_may_log_in() {
    let keyless = || SshHost::with(Server::Russh).option("PubkeyAuthentication no");
    let host = keyless().anybody().build().expect("a host");
    assert_eq!(host.runs("exit 3").code, 3);
    assert_eq!(host.counts().logins, 1, "{}", host.log());
    assert_eq!(keyless().build().expect("a host").runs("true").code, 255);
}

#[test]
fn commands_go_through_the_login_shell() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("shell");
    fs::write(&script, "#!/bin/sh\nprintf '<%s>' \"$@\"\n").expect("a file");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a mode");
    let host = SshHost::with(Server::Russh).shell(&script).build().expect("a host");
    assert_eq!(host.runs("a  command 'as it is'").stdout, "<-c><a  command 'as it is'>");
    assert_eq!(host.counts().command_bytes, [21]);
    for (shell, line) in [
        ("/usr/bin/fish", "set it (math 40 + 2); echo $it"),
        ("/bin/csh", "set it = 42; echo $it"),
        ("/usr/bin/zsh", "typeset -i it=42; print $it"),
    ] {
        if !Path::new(shell).exists() {
            let _ = writeln!(io::stderr(), "skipped: there is no {shell}");
            continue;
        }
        let host = SshHost::with(Server::Russh).shell(Path::new(shell)).home(folder.path());
        let ran = host.build().expect("a host").runs(line);
        assert_eq!((ran.code, &*ran.stdout), (0, "42\n"), "{shell}: {ran:?}");
    }
}

#[test]
fn the_way_there_is_what_a_provider_says() {
    let host = SshHost::with(Server::Russh).build().expect("a host");
    let way = serde_json::from_value(host.transport()).expect("a way");
    let Transport::Ssh(ssh) = way else {
        panic!("{way:?}");
    };
    assert_eq!(ssh.host_key, HostKey::Pinned { key: host.host_key() });
    assert!(host.proxy_argv().iter().cloned().eq(ssh.proxy.iter().map(OsString::from)), "{ssh:?}");
}
