//! A whole life: the first run, warm ones, everything that one does with a box, and the end.

use crabbox_tests::{Coder, until};
use std::fs;

#[test]
fn a_run_leases_a_workspace_and_stops_it() {
    let coder = Coder::new();
    let ran = coder.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
    let state = coder.deployment.state();
    let name = state.names()[0].to_owned();
    assert_eq!(state.names().len(), 1);
    assert_eq!(state.doing(&name), "stopped");
    until("nothing of coder is left", || coder.processes().is_empty());
}

#[test]
fn after_a_warmup_runs_are_warm() {
    let coder = Coder::new();
    let ran = coder.crabbox(&["warmup"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    coder.deployment.forget_calls();
    for code in [0, 7] {
        let ran = coder.crabbox(&["run", "--shell", &format!("cat hello.txt; exit {code}")]);
        assert_eq!((ran.code, &*ran.stdout), (code, "hello\n"), "{ran:?}");
    }
    assert_eq!(coder.calls(), [""; 0]);
    coder.world.write("hello.txt", "edited\n");
    let ran = coder.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!(&*ran.stdout, "edited\n", "{ran:?}");
}

#[test]
fn all_that_one_does_with_a_box_is_done_with_a_workspace() {
    let coder = Coder::new();
    assert_eq!(coder.crabbox(&["warmup"]).code, 0);
    let ran = coder.crabbox(&["ssh", "@last", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
    let copied = coder.world.root().join("copied");
    let ran = coder.crabbox(&["cp", "@last:hello.txt", &copied.display().to_string()]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(fs::read_to_string(&copied).expect("a file"), "hello\n");
    for line in
        [&["status", "@last"][..], &["list", "--refresh"], &["inspect", "@last"], &["doctor"]]
    {
        let ran = coder.crabbox(line);
        assert_eq!(ran.code, 0, "{line:?}: {ran:?}");
    }
    let ran = coder.crabbox(&["stop", "@last"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let name = coder.deployment.state().names()[0].to_owned();
    assert_eq!(coder.deployment.state().doing(&name), "stopped");
    let ran = coder.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = coder.crabbox(&["stop", "@last", "--delete", "--yes"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(coder.deployment.state().names().is_empty());
    until("nothing of coder is left", || coder.processes().is_empty());
}
