//! Connections that are shared, that die, and that end with their lease.

use crabbox_tests::ssh::{Reached, Server};
use crabbox_tests::{Left, Ran, Typist, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

/// The processes of this world's connections that still run: of `ssh`, and of ours round the proxy command.
pub(super) fn processes(reached: &Reached) -> Vec<Pid> {
    let runtime = reached.runtime().display().to_string();
    crabbox_tests::processes(|_, words| {
        words.contains(&runtime) && (words.contains("[mux]") || words.contains("__proxy"))
    })
}

/// The one that holds the connection.
pub(super) fn master(reached: &Reached) -> Pid {
    let is_master = |pid: &Pid| {
        let words = fs::read(format!("/proc/{}/cmdline", pid.as_raw_pid())).unwrap_or_default();
        String::from_utf8_lossy(&words).contains("[mux]")
    };
    processes(reached).into_iter().find(is_master).expect("a connection")
}

pub(super) fn start(reached: &Reached, arguments: &[&str]) -> Child {
    let mut command = reached.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
}

#[test]
fn nothing_of_a_connection_outlives_its_lease() {
    for end in [&["stop", "@last"][..], &["stop", "@last", "--delete", "--yes"]] {
        let Some(reached) = Reached::on(Server::Russh) else { return };
        reached.warm_up();
        assert_eq!(processes(&reached).len(), 2, "the master, and ours round its command");
        let ran = reached.crabbox(end);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(processes(&reached).is_empty(), "{end:?}");
        assert!(reached.connections().is_empty(), "{end:?}");
        until("the server's end", || reached.host.processes().is_empty());
    }
}

#[test]
fn a_run_that_parks_its_box_leaves_no_connection() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    let ran = reached.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(processes(&reached).is_empty());
}

#[test]
fn a_master_that_dies_between_runs_is_replaced() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    let first = master(&reached);
    kill_process(first, Signal::KILL).expect("it is there");
    until("its end", || !processes(&reached).contains(&first));
    let ran = reached.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(reached.host.counts().connections, 2);
    assert!(!ran.stderr.contains("isn't as it was"), "a night's sleep is no news: {ran:?}");
}

#[test]
fn a_master_that_dies_during_a_run_is_an_end_of_the_way_and_makes_no_second_connection() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    let started = reached.world.root().join("started");
    let line = format!("touch {}; sleep 300", started.display());
    let child = start(&reached, &["run", "--json", "--shell", &line]);
    until("the command", || started.exists());
    kill_process(master(&reached), Signal::KILL).expect("it is there");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(125), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(r#""origin": "transport""#), "{text}");
    assert_eq!(reached.host.counts().connections, 1);
}

#[test]
fn twenty_at_once_share_what_connections_a_server_of_ten_sessions_takes() {
    let Some(reached) = Reached::on(Server::OpenSsh) else { return };
    reached.warm_up();
    let go = reached.world.root().join("go");
    let line = format!("until [ -e {} ];do sleep 0.1;done; echo done", go.display());
    let children: Vec<Child> =
        (0..20).map(|_| start(&reached, &["ssh", "@last", "--", "sh", "-c", &line])).collect();
    // The one that made the lease; of each, what proves the box and what stays there.
    until("all sessions", || reached.host.counts().execs > 2 * 20);
    fs::write(&go, "").expect("a file");
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "done\n", "{output:?}");
    }
    // A shell that finds its connection full makes one of its own.
    let connections = reached.host.counts().connections;
    assert!((2..20).contains(&connections), "{connections}");
}

#[test]
fn the_eleventh_session_has_a_second_connection_that_others_ride() {
    let Some(reached) = Reached::on(Server::OpenSsh) else { return };
    reached.warm_up();
    let go = reached.world.root().join("go");
    let line = format!("until [ -e {} ];do sleep 0.1;done", go.display());
    let one = |number: usize| {
        let before = reached.host.counts().execs;
        let child = start(&reached, &["ssh", "@last", "--", "sh", "-c", &line]);
        // What proves the box, and what stays there.
        until("a session", || reached.host.counts().execs == before + 2);
        assert_eq!(reached.host.counts().connections, number, "{}", reached.host.log());
        child
    };
    let mut children: Vec<Child> = (0..10).map(|_| one(1)).collect();
    children.extend((0..3).map(|_| one(2)));
    fs::write(&go, "").expect("a file");
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn whoever_waits_for_somebody_elses_connection_is_told_whose_it_is() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    reached.hang_up();
    let path = reached.connections()[0].join("lock");
    let held = File::options().write(true).truncate(true).open(path).expect("a lock");
    held.lock().expect("nobody has it");
    writeln!(&held, "somebody on a machine").expect("writes");
    let mut typist = Typist::before(&reached.command(&["ssh", "@last", "--", "echo", "here"]));
    typist.reads("waiting for the connection of somebody on a machine");
    drop(held);
    typist.reads("here");
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(0), "{shown}");
}

/// Whoever holds the lease ends what another way has left.
#[test]
fn a_lease_that_is_reached_otherwise_keeps_one_connection() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    let [before] = &*reached.connections() else { panic!("one") };
    // The same way by another number: the command that leads there asks for none.
    reached.say("port", json!(22));
    kill_process(master(&reached), Signal::STOP).expect("it is there");
    let ran = reached.crabbox(&["run", "--keep", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let [after] = &*reached.connections() else { panic!("{:?}", reached.connections()) };
    assert_ne!(before, after);
    assert_eq!(processes(&reached).len(), 2, "the master, and ours round its command");
}

/// Where a command of the provider's leads to this one box: the key that is seen first holds from then on.
#[test]
fn a_key_that_is_first_seen_holds_and_only_where_the_way_proves_the_box() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.say("host_key", json!({ "kind": "first_seen" }));
    reached.warm_up();
    reached.hang_up();
    let ran = reached.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let logins = reached.host.counts().logins;
    reached.host.change_host_key();
    reached.hang_up();
    let ran = reached.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("its host key isn't the one that is known"), "{ran:?}");
    reached.say("proxy", json!([]));
    let ran = reached.crabbox(&["run", "--fresh", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(
        ran.stderr.contains("a key that is taken when it is first seen proves nothing"),
        "{ran:?}"
    );
    assert_eq!(reached.host.counts().logins, logins);
}

#[test]
fn a_command_that_leads_there_is_ended_by_whoever_ends_the_connection() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    let file = reached.world.root().join("pid");
    let words: Vec<_> = reached.host.proxy_argv().iter().map(|word| word.display()).collect();
    let words: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    // It lives on when its stream has ended.
    let line = format!("{}; echo $$ >{}; exec sleep 300", words.join(" "), file.display());
    reached.say("proxy", json!(["sh", "-c", line]));
    reached.warm_up();
    // What would end it is killed before.
    for process in processes(&reached) {
        kill_process(process, Signal::KILL).expect("it is there");
    }
    until("the end of its stream", || fs::read_to_string(&file).is_ok_and(|id| id.ends_with('\n')));
    let id = fs::read_to_string(&file).expect("a number");
    let ran = reached.crabbox(&["stop", "@last"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let stat = fs::read_to_string(Path::new("/proc").join(id.trim()).join("stat"));
    // Whoever asks last how it ended may be late.
    assert!(stat.as_ref().map_or(true, |stat| stat.contains(") Z ")), "{stat:?}");
}

#[test]
fn what_a_killed_command_kept_of_a_way_is_forgotten_by_a_cleanup() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    let folder = reached.world.root().join("state/crabbox/known-hosts");
    let names = || {
        let entries = fs::read_dir(&folder).expect("a folder");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        names.collect::<BTreeSet<_>>()
    };
    let of_lease = names();
    for (name, hours) in [("cbx_000000000001", 2), ("cbx_000000000002", 0), ("notes", 2)] {
        let file = File::create(folder.join(name)).expect("a file");
        let then = SystemTime::now() - Duration::from_hours(hours);
        file.set_modified(then).expect("a time");
    }
    for name in &of_lease {
        let file = File::options().append(true).open(folder.join(name)).expect("a file");
        file.set_modified(SystemTime::now() - Duration::from_hours(2)).expect("a time");
    }
    let ran = reached.crabbox(&["cleanup"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let mut left = names();
    assert!(left.remove(OsStr::new("notes")) && left.remove(OsStr::new("cbx_000000000002")));
    assert_eq!(left, of_lease);
}

#[test]
fn twenty_that_find_none_make_one() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    kill_process(master(&reached), Signal::KILL).expect("it is there");
    until("its end", || processes(&reached).is_empty());
    let children: Vec<Child> =
        (0..8).map(|_| start(&reached, &["ssh", "@last", "--", "true"])).collect();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(reached.host.counts().connections, 2);
}

#[test]
fn a_socket_that_a_dead_process_left_is_in_nobodys_way() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    reached.warm_up();
    let socket = reached.connections()[0].join("0");
    kill_process(master(&reached), Signal::KILL).expect("it is there");
    until("its end", || processes(&reached).is_empty());
    let _ = fs::remove_file(&socket);
    drop(UnixListener::bind(&socket).expect("binds"));
    assert!(socket.exists());
    let ran = reached.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn what_openssh_would_replace_in_a_runtime_folder_stays_as_it_is() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    let odd = reached.world.root().join("50%h");
    fs::DirBuilder::new().mode(0o700).create(&odd).expect("a folder");
    for words in
        [&["warmup"][..], &["run", "--keep", "--", "true"], &["ssh", "@last", "--", "true"]]
    {
        let output = reached.command(words).env("XDG_RUNTIME_DIR", &odd).output();
        assert!(output.as_ref().expect("it runs").status.success(), "{words:?}: {output:?}");
    }
    assert_eq!(reached.host.counts().connections, 1, "{}", reached.host.log());
    let mut stop = reached.command(&["stop", "@last"]);
    assert!(stop.env("XDG_RUNTIME_DIR", &odd).status().expect("it runs").success());
}

#[test]
fn a_runtime_folder_that_is_too_long_for_a_socket_is_passed_over() {
    let Some(reached) = Reached::on(Server::Russh) else { return };
    let long = reached.world.root().join("x".repeat(100));
    fs::create_dir(&long).expect("a folder");
    let mut command = reached.command(&["run", "--", "true"]);
    let short = reached.world.root().join("t");
    fs::create_dir(&short).expect("a folder");
    let output = command.env("XDG_RUNTIME_DIR", &long).env("TMPDIR", &short).output();
    assert!(output.as_ref().expect("it runs").status.success(), "{output:?}");
    assert_eq!(fs::read_dir(&long).expect("a folder").count(), 0);
    assert_eq!(folders(&short), 1);
}

fn folders(path: &Path) -> usize {
    let names = fs::read_dir(path).expect("a folder").filter_map(Result::ok);
    names.filter(|entry| entry.file_name().to_string_lossy().starts_with("crabbox-")).count()
}

/// Whoever owns the folder could put a socket of theirs there.
#[test]
fn a_runtime_folder_that_is_not_ours_alone_is_refused() {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};
    const NOBODY: u32 = 65534;
    let others = |folder: &Path| fs::set_permissions(folder, fs::Permissions::from_mode(0o777));
    let another = |folder: &Path| chown(folder, Some(NOBODY), Some(NOBODY));
    let link = |folder: &Path| {
        fs::remove_dir(folder)?;
        fs::create_dir(folder.with_file_name("elsewhere"))?;
        symlink("elsewhere", folder)
    };
    let all: [fn(&Path) -> io::Result<()>; 3] = [others, another, link];
    for spoil in all {
        let Some(reached) = Reached::on(Server::Russh) else { return };
        let folder = reached.runtime().join("crabbox");
        fs::create_dir(&folder).expect("a folder");
        if spoil(&folder).is_err() {
            let _ = writeln!(std::io::stderr(), "skipped: only root can give a folder away");
            continue;
        }
        let short = reached.world.root().join("t");
        fs::create_dir(&short).expect("a folder");
        let ran = Ran::of(reached.command(&["run", "--", "true"]).env("TMPDIR", &short));
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 0);
    }
}
