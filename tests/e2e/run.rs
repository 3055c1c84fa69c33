//! A command on a box, from its start to its end.

use crabbox_tests::World;
use insta::assert_snapshot;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;

#[test]
fn the_first_run_leases_and_the_second_reuses() {
    let world = World::new();
    let first = world.shell("cat hello.txt; echo problem >&2; exit 7");
    assert_snapshot!(first.snapshot(&world), @r"
    exit 7
    --- stdout
    hello
    --- stderr
    crabbox: leased [SLUG] ([LEASE]) from local
    problem
    crabbox: exit 7 (program) in [TIME] ([TIME] in all) · 1 file sent · [SLUG] parked
    ");
    let second = world.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_snapshot!(second.snapshot(&world), @r"
    exit 0
    --- stdout
    hello
    --- stderr
    crabbox: exit 0 in [TIME] ([TIME] in all) · tree unchanged · [SLUG] parked
    ");
    assert!(world.only_box().is_dir());
}

#[test]
fn exit_codes_are_the_programs_own_and_ours_are_not() {
    let world = World::new();
    assert_eq!(world.shell("exit 255").code, 255);
    assert_eq!(world.shell("kill -9 $$").code, 137);
    assert_eq!(world.crabbox(&["run", "--", "no-such-program"]).code, 127);
    assert_eq!(world.crabbox(&["run", "--", "./hello.txt"]).code, 126);
    assert_eq!(world.crabbox(&["run", "--no-such-flag"]).code, 125);
    assert_eq!(world.crabbox(&["run", "--dir", "nowhere", "--", "true"]).code, 125);
    let late = world.crabbox(&["run", "--timeout", "1s", "--", "sleep", "60"]);
    assert_eq!(late.code, 124);
}

#[test]
fn json_is_one_document_also_on_failure() {
    let world = World::new();
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    let good = world.crabbox(&["run", "--json", "--", "cat", "hello.txt"]);
    let document = parse(&good.stdout);
    assert_eq!(document["outcome"]["exit"], 0);
    assert_eq!(document["outcome"]["origin"], "program");
    assert!(good.stderr.contains("hello"));
    let bad = world.crabbox(&["run", "--json", "--", "no-such-program"]);
    let document = parse(&bad.stdout);
    assert_eq!(document["outcome"]["exit"], 127);
    assert_eq!(document["outcome"]["origin"], "crabbox");
    let typo = world.crabbox(&["run", "--json", "--shel", "true"]);
    let document = parse(&typo.stdout);
    assert_eq!((typo.code, &document["outcome"]["exit"]), (125, &125.into()));
    assert_eq!(document["error"]["message"], "there is no option `--shel`");
    let typo = world.crabbox(&["list", "--json", "--al"]);
    assert_eq!((typo.code, &parse(&typo.stdout)["error"]["exit"]), (2, &2.into()));
    assert!(world.crabbox(&["list", "--al"]).stdout.is_empty());
}

#[test]
fn input_is_forwarded_byte_for_byte() {
    let world = World::new();
    let mut child = world
        .command(&["run", "-q", "--", "sha256sum"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let input: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut stdin = child.stdin.take().expect("a pipe");
    let written = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().expect("ends");
    written.join().expect("a thread").expect("writes");
    let sum = String::from_utf8_lossy(&output.stdout);
    assert_eq!(sum.trim(), "c50d07cdde4ac4afd7fe2d1470ebd96fb3f03adb6807f45a39025b4893c6c41b  -");
}

#[test]
fn a_command_that_reads_nothing_and_writes_much_is_not_stuck() {
    let world = World::new();
    let mut child = world
        .command(&["run", "-q", "--shell", "head -c 50000000 /dev/zero; cat >/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let written = std::thread::spawn(move || stdin.write_all(&vec![1; 20_000_000]));
    let mut output = Vec::new();
    child.stdout.take().expect("a pipe").read_to_end(&mut output).expect("reads");
    assert_eq!(output.len(), 50_000_000);
    written.join().expect("a thread").expect("writes");
    assert!(child.wait().expect("ends").success());
}

#[test]
fn variables_are_granted_and_ours_are_kept_back() {
    let world = World::new();
    let line = "echo $MINE $HANDED ${CRABBOX_SECRET-none} ${GIT_DIR-none} ${CARGO-none}";
    let output = world
        .command(&["run", "-q", "--env", "MINE=a b", "--env", "HANDED", "--shell", line])
        .env("HANDED", "on")
        .env("CRABBOX_SECRET", "x")
        .env("GIT_DIR", "/nowhere")
        .env("CARGO", "/nowhere")
        .output()
        .expect("runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a b on none none none\n");
    let clean = world
        .command(&["run", "-q", "--clean-env", "--shell", "echo ${OTHER-none}"])
        .env("OTHER", "x")
        .output()
        .expect("runs");
    assert_eq!(String::from_utf8_lossy(&clean.stdout), "none\n");
}

#[test]
fn the_first_interrupt_is_the_commands_own() {
    let world = World::new();
    let line = "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done";
    let mut child = world
        .command(&["run", "-q", "--shell", line])
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert_eq!(lines.next().expect("a line").expect("text"), "ready");
    kill_process(Pid::from_child(&child), Signal::INT).expect("signals");
    assert_eq!(lines.next().expect("a line").expect("text"), "caught");
    assert_eq!(child.wait().expect("ends").code(), Some(5));
}

#[test]
fn a_second_interrupt_kills_whatever_the_command_started() {
    let world = World::new();
    // A grandchild in a session of its own that ignores everything but SIGKILL.
    let line = "setsid sh -c 'trap \"\" INT TERM HUP; echo $$ >pid; exec sleep 300' &
        trap '' INT; while [ ! -s pid ]; do sleep 0.01; done; echo ready; sleep 300";
    let mut child = world
        .command(&["run", "-q", "--shell", line])
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert_eq!(lines.next().expect("a line").expect("text"), "ready");
    let pid = fs::read_to_string(world.workspace().join("pid")).expect("a pid");
    for _ in 0..2 {
        kill_process(Pid::from_child(&child), Signal::INT).expect("signals");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(child.wait().expect("ends").code(), Some(137));
    assert!(!fs::exists(format!("/proc/{}", pid.trim())).expect("looks"));
}

#[test]
fn a_killed_crabbox_leaves_neither_command_nor_riddle() {
    let world = World::new();
    let mut child = world
        .command(&["run", "-q", "--shell", "echo $$; exec sleep 300"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let pid = lines.next().expect("a line").expect("text");
    child.kill().expect("kills");
    child.wait().expect("ends");
    let mut patience = 500;
    while fs::exists(format!("/proc/{pid}")).expect("looks") {
        patience -= 1;
        assert!(patience > 0, "the command outlived crabbox");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    // The same box is taken up again.
    assert_eq!(world.shell("cat hello.txt").stdout, "hello\n");
    assert!(world.only_box().is_dir());
}

#[test]
fn a_kept_box_stays_ready_and_a_warm_run_starts_no_provider() {
    let world = World::new();
    assert_eq!(world.crabbox(&["run", "--keep", "--", "true"]).code, 0);
    let list = world.crabbox(&["list"]).stdout;
    assert!(list.contains("  ready  ") && list.contains("  yes   "), "{list}");
    // Without its providers, a warm run still runs.
    let alone = world.executable("alone", &crabbox_tests::built().crabbox);
    let warm = world.command_of(&alone, &["run", "-q", "--", "cat", "hello.txt"]).output();
    assert_eq!(warm.expect("runs").stdout, b"hello\n");
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_run_without_a_word() {
    let world = World::new();
    let line = r#""$0" run -q -- yes | head -n 1; echo "${PIPESTATUS[0]}""#;
    let output = world
        .command_of("bash".as_ref(), &["-c", line])
        .arg(&crabbox_tests::built().crabbox)
        .output()
        .expect("runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "y\n141\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn a_full_disk_under_our_output_is_our_failure() {
    let world = World::new();
    let full = fs::File::options().write(true).open("/dev/full").expect("a device");
    let output = world.command(&["run", "--", "echo", "x"]).stdout(full).output().expect("runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{stderr}");
    assert!(stderr.contains("output can't be written") && stderr.contains("No space"), "{stderr}");
}

#[test]
fn the_working_folder_counts_from_here_and_links_to_the_checkout_are_seen_through() {
    let world = World::new();
    world.write("sub/deep/file", "");
    let link = world.root().join("link");
    std::os::unix::fs::symlink(world.checkout(), &link).expect("a link");
    let run = |folder: &Path, dir: &str| {
        let mut command = world.command(&["run", "-q", "--dir", dir, "--", "pwd"]);
        let output = command.current_dir(folder).output().expect("runs");
        let shown = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let workspace = world.workspace();
        (output.status.code(), shown.strip_prefix(&*workspace.to_string_lossy()).map(str::to_owned))
    };
    let is = |place: &str| (Some(0), Some(place.to_owned()));
    let sub = world.checkout().join("sub");
    assert_eq!(run(&world.checkout(), "sub"), is("/sub"));
    assert_eq!(run(&sub, "deep"), is("/sub/deep"));
    assert_eq!(run(&sub, "."), is("/sub"));
    assert_eq!(run(&sub, ".."), is(""));
    assert_eq!(run(&link, "sub"), is("/sub"));
    assert_eq!(run(&sub, &link.join("sub").to_string_lossy()), is("/sub"));
    assert_eq!(run(&sub, "../.."), (Some(125), None));
}

#[test]
fn a_command_that_is_too_long_to_send_is_refused_before_anything_happens() {
    let world = World::new();
    let long = "x".repeat(100_000);
    let words = vec![long.as_str(); 6];
    let ran = world.crabbox(&[&["run", "--", "echo"], words.as_slice()].concat());
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("more than the"), "{}", ran.stderr);
    assert!(world.crabbox(&["list", "--all"]).stdout.is_empty());
    // What is too long for a command line on the box travels another way.
    let ran = world.crabbox(&[&["run", "-q", "--", "echo"], &words[..3]].concat());
    assert_eq!(ran.stdout.len(), 300_003, "{}", ran.stderr);
}
