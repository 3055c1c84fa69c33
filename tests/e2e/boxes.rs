//! Boxes that aren't as one would wish, and commands that do as they like.

use crabbox_tests::{World, until};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// A small disk for this world's boxes, for as long as it lives.
struct Disk(PathBuf);

impl Disk {
    /// `None`, with a word on it, where nothing can be mounted.
    fn mount(world: &World, size: &str) -> Option<Self> {
        Self::mount_at(world, "data", size)
    }

    fn mount_at(world: &World, place: &str, size: &str) -> Option<Self> {
        let path = world.root().join(place);
        fs::create_dir_all(&path).expect("a folder");
        let disk = Self(path);
        disk.options(&format!("size={size}")).then_some(disk)
    }

    fn resize(&self, size: &str) {
        assert!(self.options(&format!("remount,size={size}")));
    }

    #[expect(clippy::print_stderr, reason = "a test that was skipped must say so")]
    fn options(&self, options: &str) -> bool {
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "crabbox-test"])
            .arg(&self.0)
            .status();
        let mounted = mount.is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("skipped: nothing can be mounted here");
        }
        mounted
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn start(world: &World, arguments: &[&str]) -> Child {
    world.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs")
}

#[test]
fn a_disk_that_fills_while_syncing_is_said_to_be_full() {
    let world = World::new();
    let Some(disk) = Disk::mount(&world, "4m") else {
        return;
    };
    assert_eq!(world.shell("true").code, 0);
    world.write("large", &"0123456789abcdef".repeat(400_000));
    for _ in 0..2 {
        let ran = world.shell("echo ran");
        assert_eq!((ran.code, ran.stdout.as_str()), (125, ""), "{}", ran.stderr);
        assert!(ran.stderr.contains("`large`"), "{}", ran.stderr);
        assert!(ran.stderr.contains("the disk is full"), "{}", ran.stderr);
    }
    disk.resize("32m");
    let ran = world.shell("wc -c <large && cat hello.txt");
    assert_eq!(ran.stdout, "6400000\nhello\n", "{}", ran.stderr);
}

#[test]
fn a_command_that_fills_the_disk_keeps_its_own_result() {
    let world = World::new();
    let Some(disk) = Disk::mount(&world, "4m") else {
        return;
    };
    let line = "dd if=/dev/zero of=fill bs=64k 2>/dev/null; echo out; exit 7";
    let ran = world.shell(line);
    assert_eq!((ran.code, ran.stdout.as_str()), (7, "out\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the disk is full"), "{}", ran.stderr);
    let refused = world.shell("echo ran");
    assert_eq!((refused.code, refused.stdout.as_str()), (125, ""));
    assert!(refused.stderr.contains("the disk is full"), "{}", refused.stderr);
    assert!(refused.stderr.contains("--delete --yes"), "{}", refused.stderr);
    disk.resize("32m");
    assert_eq!(world.shell("rm fill && cat hello.txt").stdout, "hello\n");
}

#[test]
fn a_helper_that_finds_no_room_is_kept_elsewhere() {
    let world = World::new();
    let Some(_disk) = Disk::mount_at(&world, "cache", "300k") else {
        return;
    };
    let ran = world.shell("cat hello.txt");
    assert_eq!(ran.stdout, "hello\n", "{}", ran.stderr);
    // It is in a folder of all users' now, and nobody else needs it there.
    let version: serde_json::Value =
        serde_json::from_str(&world.crabbox(&["version", "--json"]).stdout).expect("JSON");
    let user = rustix::process::geteuid().as_raw();
    let removed = version["helpers"].as_array().into_iter().flatten().filter(|helper| {
        let name = helper["sha256"].as_str().unwrap_or_default();
        fs::remove_file(format!("/var/tmp/crabbox-{user}/{name}")).is_ok()
    });
    assert_eq!(removed.count(), 1);
}

#[test]
fn a_workspace_that_was_deleted_under_a_parked_claim_is_filled_again() {
    let world = World::new();
    world.write("src/a", "1");
    assert_eq!(world.shell("true").code, 0);
    fs::remove_dir_all(world.workspace()).expect("removes");
    assert_eq!(world.shell("cat src/a hello.txt").stdout, "1hello\n");
    // The box with all that crabbox knows of it: there is another one.
    fs::remove_dir_all(world.only_box()).expect("removes");
    assert_eq!(world.shell("cat src/a hello.txt").stdout, "1hello\n");
}

#[test]
fn what_is_in_the_way_of_the_tree_goes() {
    let world = World::new();
    let line = "echo file >src; mkdir -p tool/deep/er; echo foreign >tool/deep/er/file;
        ln -s /etc link; mkfifo pipe";
    assert_eq!(world.shell(line).code, 0);
    world.write("src/a/b", "1");
    world.write("tool", "2");
    world.write("link/c", "3");
    world.write("pipe", "4");
    let ran = world.shell("cat src/a/b tool link/c pipe; test ! -L link");
    assert_eq!((ran.stdout.as_str(), ran.code), ("1234", 0), "{}", ran.stderr);
    assert!(!Path::new("/etc/c").exists());
}

/// Makes changes until told to stop.
fn meanwhile(change: impl Fn(u32) + Send + 'static) -> impl FnOnce() {
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let editor = thread::spawn(move || {
        for round in 0.. {
            if told.load(Ordering::Relaxed) {
                return;
            }
            change(round);
        }
    });
    move || {
        stop.store(true, Ordering::Relaxed);
        editor.join().expect("an editor");
    }
}

#[test]
fn somebody_who_edits_the_tree_meanwhile_makes_no_wrong_tree_pass() {
    let world = World::new();
    for number in 0..300 {
        world.write(&format!("src/{number}"), "0");
    }
    assert_eq!(world.shell("true").code, 0);
    let outside = world.root().join("outside");
    fs::create_dir(&outside).expect("a folder");
    let (workspace, elsewhere) = (world.workspace(), outside.clone());
    let stop = meanwhile(move |round| {
        let file = workspace.join(format!("src/{}", round % 300));
        // Whatever of this fails, it is only there to disturb.
        let _ = match round % 7 {
            0 => fs::remove_file(file),
            1 => fs::remove_file(&file).and_then(|()| fs::create_dir(file)),
            2 => fs::remove_file(&file).and_then(|()| symlink(&elsewhere, file)),
            3 if round % 50 == 3 => fs::remove_dir_all(workspace.join("src")),
            4 if round % 50 == 4 => fs::rename(workspace.join("src"), workspace.join("old"))
                .and_then(|()| symlink(&elsewhere, workspace.join("src"))),
            _ => fs::write(file, "disturbed"),
        };
        thread::sleep(Duration::from_micros(300));
    });
    for round in 0..10 {
        for number in 0..300 {
            world.write(&format!("src/{number}"), &round.to_string());
        }
        let ran = world.shell("true");
        let told = ran.stderr.contains("`src/") || ran.stderr.contains("the box");
        assert!(ran.code == 0 || (ran.code == 125 && told), "{}: {}", ran.code, ran.stderr);
    }
    stop();
    let ran = world.shell("cat src/*");
    assert_eq!(ran.stdout, "9".repeat(300), "{}", ran.stderr);
    // What is there came from the disturber; nothing of the tree went through a link.
    for entry in fs::read_dir(outside).expect("reads") {
        let content = fs::read_to_string(entry.expect("an entry").path()).unwrap_or_default();
        assert!(content.parse::<u32>().is_err(), "{content}");
    }
}

/// A line of what is known of a process, in KiB; `None` when it has ended.
fn memory(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// The most memory that a process has had but for what of its program was read in, which of a debug build is most:
/// in KiB.
fn peak(pid: u32) -> u64 {
    memory(pid, "VmHWM").expect("a process") - memory(pid, "RssFile").expect("a process")
}

fn parent(pid: u32) -> u32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("a parent");
    line.trim().parse().expect("a number")
}

/// Counts what comes out of a pipe.
fn count(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<u64> {
    thread::spawn(move || std::io::copy(&mut pipe, &mut std::io::sink()).expect("reads"))
}

#[test]
fn a_flood_on_both_streams_takes_constant_memory() {
    const FLOOD: u64 = 200_000_000;
    let world = World::new();
    let line = format!(
        "echo $$ >pid; head -c {FLOOD} /dev/zero >&2 & head -c {FLOOD} /dev/zero; wait; touch done; read -r word"
    );
    let mut child = world
        .command(&["run", "-q", "--shell", &line])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let stdout = count(child.stdout.take().expect("a pipe"));
    let stderr = count(child.stderr.take().expect("a pipe"));
    until("the flood is over", || {
        let entries = world.boxes().first().and_then(|one| fs::read_dir(one).ok());
        entries.is_some_and(|entries| {
            entries.flatten().any(|entry| entry.path().join("done").exists())
        })
    });
    let command = fs::read_to_string(world.workspace().join("pid")).expect("a pid");
    let helper = peak(parent(command.trim().parse().expect("a number")));
    let host = peak(child.id());
    drop(child.stdin.take());
    assert!(helper <= 12 * 1024, "the helper took {helper} KiB");
    assert!(host <= 12 * 1024, "the host took {host} KiB");
    assert_eq!(child.wait().expect("ends").code(), Some(1), "`read` finds an end");
    assert_eq!((stdout.join().expect("reads"), stderr.join().expect("reads")), (FLOOD, FLOOD));
}

fn output(world: &World, line: &str) -> Output {
    world.command(&["run", "-q", "--shell", line]).output().expect("runs")
}

#[test]
fn what_a_command_does_to_its_streams_is_its_own_business() {
    let world = World::new();
    // Bytes that are no text.
    let ran = output(&world, r"printf '\377\376\000a\200\n'; printf '\303(' >&2; exit 255");
    assert_eq!(ran.stdout, b"\xff\xfe\0a\x80\n");
    assert_eq!(ran.stderr, b"\xc3(");
    assert_eq!(ran.status.code(), Some(255));
    // A stream that is closed early, both of them, and one that ends without a newline.
    let ran =
        output(&world, "echo one; exec >&-; echo two >&2; sleep 0.5; printf three >&2; exit 4");
    assert_eq!((ran.stdout.as_slice(), ran.stderr.as_slice()), (&b"one\n"[..], &b"two\nthree"[..]));
    assert_eq!(ran.status.code(), Some(4));
    let ran = output(&world, "exec >&- 2>&-; sleep 0.5; exit 5");
    assert_eq!(ran.status.code(), Some(5));
}

#[test]
fn a_child_that_holds_the_pipes_holds_up_nothing_and_is_ended() {
    let world = World::new();
    let quiet = "sleep 300 & echo $!; exit 3";
    let loud = "sh -c 'echo $$; while :; do echo more; sleep 0.1; done' & sleep 0.3; exit 3";
    let away =
        "setsid sh -c 'trap \"\" TERM HUP; echo $$; while :; do sleep 1; done' & sleep 0.3; exit 3";
    for line in [quiet, loud, away] {
        let ran = world.crabbox(&["run", "-q", "--timeout", "5m", "--shell", line]);
        assert_eq!(ran.code, 3, "{line}");
        let pid = ran.stdout.lines().next().expect("a pid");
        assert!(!Path::new("/proc").join(pid).exists(), "{line}");
    }
}

#[test]
fn a_command_that_reads_for_ever_ends_when_its_input_does_or_when_told() {
    let world = World::new();
    // The end of the input, at once.
    assert_eq!(world.shell("cat; exit 6").code, 6);
    // An input that stays open and says nothing.
    let open = |arguments: &[&str]| {
        let mut child = world
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("runs");
        let input = child.stdin.take();
        (child, input)
    };
    let (mut child, input) = open(&["run", "-q", "--timeout", "1s", "--", "cat"]);
    assert_eq!(child.wait().expect("ends").code(), Some(124));
    drop(input);
    let (mut child, input) = open(&["run", "-q", "--shell", "echo on; exec cat"]);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert_eq!(lines.next().expect("a line").expect("text"), "on");
    kill_process(Pid::from_child(&child), Signal::INT).expect("signals");
    assert_eq!(child.wait().expect("ends").code(), Some(130));
    drop(input);
}

#[test]
fn output_that_nobody_reads_disables_neither_the_time_limit_nor_an_interrupt() {
    let world = World::new();
    for limit in [Some("1s"), None] {
        let line = "echo $$ >pid; touch started; exec yes";
        let mut arguments = vec!["run", "-q", "--shell", line];
        arguments.extend(limit.iter().flat_map(|limit| ["--timeout", limit]));
        let mut child = start(&world, &arguments);
        // The command writes until every pipe is full, and nothing here reads.
        let pid = || {
            let mut inside = fs::read_dir(world.boxes().first()?).ok()?.flatten();
            let pid = inside.find_map(|entry| fs::read_to_string(entry.path().join("pid")).ok())?;
            pid.trim().parse::<u32>().ok().filter(|pid| memory(*pid, "VmRSS").is_some())
        };
        until("the command runs", || pid().is_some());
        let command = pid().expect("a pid");
        if limit.is_none() {
            thread::sleep(Duration::from_millis(300));
            kill_process(Pid::from_child(&child), Signal::INT).expect("signals");
        }
        until("the command ends", || memory(command, "VmRSS").is_none());
        let read = count(child.stdout.take().expect("a pipe"));
        let code = if limit.is_some() { 124 } else { 130 };
        assert_eq!(child.wait().expect("ends").code(), Some(code));
        assert!(read.join().expect("reads") > 0);
    }
}

#[test]
fn what_a_killed_helper_leaves_is_ended_by_the_next_run() {
    let world = World::new();
    let line = "trap '' TERM HUP; setsid sleep 300 >/dev/null 2>&1 & echo $$ $!; exec sleep 300";
    let mut child = start(&world, &["run", "-q", "--shell", line]);
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let pids = lines.next().expect("a line").expect("text");
    let pids: Vec<u32> = pids.split(' ').map(|pid| pid.parse().expect("a number")).collect();
    let helper = i32::try_from(parent(pids[0])).ok().and_then(Pid::from_raw).expect("a pid");
    kill_process(helper, Signal::KILL).expect("kills");
    assert_eq!(child.wait().expect("ends").code(), Some(125));
    let next = world.shell("cat hello.txt");
    assert_eq!(next.stdout, "hello\n", "{}", next.stderr);
    for pid in pids {
        assert!(memory(pid, "VmRSS").is_none(), "{pid} is still there");
    }
}

#[test]
#[expect(clippy::print_stderr, reason = "a test that was skipped must say so")]
fn what_a_command_does_to_modes_is_put_right() {
    let world = World::new();
    world.write("src/a", "1");
    let given = Command::new("chown").args(["-R", "65534:65534"]).arg(world.root()).status();
    let crabbox = crabbox_tests::built().crabbox.display().to_string();
    let shell = |line: &str| {
        let user = ["--reuid", "65534", "--regid", "65534", "--clear-groups"];
        let words = [&user[..], &[&crabbox, "run", "-q", "--shell", line]].concat();
        world.command_of(Path::new("setpriv"), &words).output()
    };
    let first = shell("true");
    if !given.is_ok_and(|status| status.success()) || first.is_ok_and(|ran| !ran.status.success()) {
        eprintln!("skipped: only root can run as somebody else");
        return;
    }
    let drifts = ["chmod 000 hello.txt", "chmod 555 src", "chmod 000 src", "chmod 000 ."];
    for (round, drift) in drifts.iter().enumerate() {
        assert!(shell(drift).expect("runs").status.success(), "{drift}");
        world.write("src/a", &round.to_string());
        let ran = shell("cat src/a hello.txt").expect("runs");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(
            String::from_utf8_lossy(&ran.stdout),
            format!("{round}hello\n"),
            "{drift}: {said}"
        );
    }
}
