//! What a record holds, and of what there is one.

use super::{all, folders, json, last, state, text};
use crate::desk::Desk;
use crabbox_tests::{World, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

#[test]
fn a_run_is_remembered_with_all_that_came_of_it() {
    let world = World::new();
    fs::create_dir(world.checkout().join("below")).expect("a folder");
    world.write("below/file", "");
    let line = "echo out; echo err >&2; exit 3";
    let ran = world.crabbox(&[
        "run",
        "--json",
        "--dir",
        "below",
        "--env",
        "MODE=fast",
        "--",
        "sh",
        "-c",
        line,
    ]);
    let (run, told) = (last(&world), json(&ran));
    assert_eq!((&run["id"], &run["outcome"]), (&told["run"], &told["outcome"]));
    assert_eq!(run["command"]["argv"], serde_json::json!(["sh", "-c", line]));
    assert_eq!((&run["directory"], &run["environment"][0]), (&"below".into(), &"MODE".into()));
    assert_eq!(text(&run["repository"]), world.checkout().to_string_lossy());
    let mut git = Command::new("git");
    let head = git.arg("-C").arg(world.checkout()).args(["rev-parse", "HEAD"]).output();
    let head = String::from_utf8(head.expect("git runs").stdout).expect("text");
    assert_eq!((text(&run["commit"]), text(&run["branch"])), (head.trim().into(), "main".into()));
    assert_eq!((&run["tree"], &run["dirty"]), (&told["sync"]["root"], &true.into()));
    assert_eq!(run["sync"]["written"], told["sync"]["written"]);
    assert_eq!(run["lease"]["slug"], told["lease"]["slug"]);
    assert_eq!((&run["lease"]["end"], &run["provider"]), (&"parked".into(), &"local".into()));
    assert_eq!((&run["wall_ms"], &run["error"]), (&told["wall_ms"], &Value::Null));
    let facts = &run["facts"];
    assert!(
        facts["cpus"].as_u64() > Some(0) && facts["memory"].as_u64() > Some(1 << 20),
        "{facts}"
    );
    assert!(!text(&facts["kernel"]).is_empty() && !text(&facts["arch"]).is_empty(), "{facts}");
    assert_eq!(run["log"], serde_json::json!({ "bytes": 8, "cut": 0 }));
    let phases: Vec<_> = run["phases"].as_array().expect("a list").iter().collect();
    for name in ["scan", "acquire", "connect", "prove", "sync", "program", "release"] {
        assert_eq!(phases.iter().filter(|phase| phase["name"] == name).count(), 1, "{name}");
    }
    let begins: Vec<_> = phases.iter().map(|phase| phase["start_ms"].as_u64()).collect();
    assert!(begins.is_sorted(), "{begins:?}");
}

#[test]
fn what_is_kept_is_for_nobody_else() {
    let world = World::new();
    assert_eq!(world.shell("echo x").code, 0);
    let mut folders = vec![state(&world)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("reads") {
            let (path, found) = entry.map(|one| (one.path(), one.metadata())).expect("an entry");
            let found = found.expect("looks");
            assert_eq!(found.permissions().mode() & 0o077, 0, "{}", path.display());
            if found.is_dir() {
                folders.push(path);
            }
        }
    }
}

#[test]
fn a_run_that_never_came_to_its_program_is_remembered_and_a_wrong_line_is_not() {
    let desk = Desk::new("");
    desk.mood("lease fails");
    assert_eq!(desk.run(&["--", "true"]).code, 125);
    let run = last(&desk.world);
    assert_eq!(
        (&run["outcome"]["exit"], &run["outcome"]["origin"]),
        (&125.into(), &"provider".into())
    );
    assert!(text(&run["error"]).contains("the machine smokes"), "{run}");
    assert_eq!((&run["lease"], &run["log"]), (&Value::Null, &Value::Null));
    desk.mood("");
    assert_eq!(desk.run(&["--", "no-such-program"]).code, 127);
    let run = last(&desk.world);
    assert_eq!(text(&run["error"]), "there is no program `no-such-program` on the box");
    assert!(text(&run["lease"]["id"]).starts_with("cbx_"));
    let count = all(&desk.world).len();
    for line in [&["--no-such-flag"][..], &["--dir", "/", "--", "true"]] {
        assert_eq!(desk.run(line).code, 125);
    }
    assert_eq!(desk.crabbox(&["warmup"]).code, 0);
    assert_eq!((all(&desk.world).len(), folders(&desk.world)), (count, Vec::new()));
}

#[test]
fn runs_that_end_at_once_are_all_remembered() {
    let world = World::new();
    let count = 6;
    thread::scope(|scope| {
        for number in 0..count {
            let world = &world;
            scope.spawn(move || {
                let line = format!("echo {number}; exit {number}");
                assert_eq!(world.crabbox(&["run", "--fresh", "--shell", &line]).code, number);
            });
        }
    });
    let mut exits: Vec<_> = all(&world).iter().map(|run| run["outcome"]["exit"].as_i64()).collect();
    exits.sort_unstable();
    assert_eq!(exits, (0..count).map(|exit| Some(exit.into())).collect::<Vec<_>>());
}

#[test]
fn of_a_run_that_is_killed_there_is_what_it_printed() {
    let world = World::new();
    let mut command = world.command(&["run", "--shell", "echo first; sleep 60"]);
    let mut run = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("runs");
    let printed = |run: &str| world.crabbox(&["logs", run]).stdout;
    until("the output is kept", || {
        folders(&world).first().is_some_and(|run| printed(run) == "first\n")
    });
    kill_process(Pid::from_child(&run), Signal::KILL).expect("signals");
    run.wait().expect("ends");
    let id = folders(&world).remove(0);
    assert_eq!((printed(&id).as_str(), printed(&id[..8]).as_str()), ("first\n", "first\n"));
    assert_eq!(all(&world).len(), 0);
    // The lease that it had is what there is to see.
    let inspect = world.crabbox(&["inspect", &id, "--offline", "--json"]);
    assert_eq!(json(&inspect)["record"]["run"]["id"].as_str(), Some(id.as_str()));
}

#[test]
fn a_run_that_is_interrupted_is_remembered_with_its_signal() {
    let world = World::new();
    let mut command = world.command(&["run", "--shell", "echo first; sleep 60"]);
    let mut run = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("runs");
    until("the output is kept", || !folders(&world).is_empty());
    kill_process(Pid::from_child(&run), Signal::TERM).expect("signals");
    assert_eq!(run.wait().expect("ends").code(), Some(143));
    let run = last(&world);
    assert_eq!((&run["outcome"]["exit"], &run["outcome"]["signal"]), (&143.into(), &15.into()));
}

#[test]
fn a_run_that_is_left_before_it_had_a_box_is_remembered() {
    let desk = Desk::new("");
    desk.mood("resolve waits");
    let mut command = desk.command(&["--", "true"]);
    let mut run = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs");
    let waited_for = desk.world.root().join("desk/waited-for");
    until("the provider is at work", || waited_for.exists());
    // The first one tells the provider; whether or not it ends before the second, there is no box.
    for _ in 0..2 {
        let _ = kill_process(Pid::from_child(&run), Signal::INT);
        thread::sleep(Duration::from_millis(50));
    }
    let exit = run.wait().expect("ends").code();
    let run = last(&desk.world);
    assert_eq!(
        (exit, &run["outcome"]["exit"], &run["lease"]),
        (Some(130), &130.into(), &Value::Null)
    );
    assert!(text(&run["error"]).contains("before the command started"), "{run}");
}

#[test]
fn nothing_that_looks_like_a_secret_is_kept() {
    let world = World::new();
    let canaries = ["c4nary-one", "c4nary-two", "c4nary-three", "c4nary-four"];
    let [one, two, three, four] = canaries;
    let url = format!("https://me:{three}@example.org/");
    let mut argv = world.command(&[
        "run",
        "--env",
        &format!("A_TOKEN={one}"),
        "--",
        "true",
        "--token",
        two,
        &url,
    ]);
    assert_eq!(argv.status().expect("runs").code(), Some(0));
    assert_eq!(world.shell(&format!("B_PASSWORD={four} true")).code, 0);
    let shown: String = [&["history"][..], &["history", "--json"], &["inspect", "@last"]]
        .map(|words| world.crabbox(words).stdout)
        .concat();
    for canary in canaries {
        assert!(!shown.contains(canary), "{canary}: {shown}");
        for name in ["history.db", "history.db-wal"] {
            let kept = fs::read(state(&world).join(name)).unwrap_or_default();
            assert!(!holds(&kept, canary), "{canary} in {name}");
        }
    }
    assert!(shown.contains("--token '[redacted]'"), "{shown}");
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_worktree_and_a_folder_without_git_have_their_own_runs() {
    let world = World::new();
    world.git(&["worktree", "add", "-q", "../other", "-b", "side"]);
    let plain = world.root().join("plain");
    fs::create_dir(&plain).expect("a folder");
    let run = |folder: &Path, words: &[&str]| {
        let mut command = world.command(words);
        command.current_dir(folder);
        crabbox_tests::Ran::of(&mut command)
    };
    let other = world.root().join("other");
    assert_eq!(run(&other, &["run", "--", "true"]).code, 0);
    assert_eq!(last(&world)["branch"], "side");
    assert_eq!(run(&plain, &["run", "--from-dir", ".", "--", "true"]).code, 0);
    assert_eq!((&last(&world)["branch"], &last(&world)["commit"]), (&Value::Null, &Value::Null));
    for folder in [&other, &plain] {
        assert_eq!(super::ids(&run(folder, &["history"])).len(), 1);
    }
    assert!(world.crabbox(&["history"]).stdout.is_empty());
}
