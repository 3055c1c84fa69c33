//! Where a provider runs: in a process of its own, below a keeper, unless its user says otherwise.

use crate::place::{Place, processes_of};
use crabbox_tests::{Ran, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

#[test]
fn a_warm_run_starts_no_provider() {
    let place = Place::new();
    let ran = place.crabbox(&["run", "--keep", "--", "true"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(place.loads(), 1);
    for _ in 0..2 {
        let ran = place.crabbox(&["run", "--", "cat", "hello.txt"]);
        assert_eq!(ran.stdout, "hello\n", "{}", ran.stderr);
    }
    assert_eq!(place.loads(), 1);
}

#[test]
fn without_isolation_a_provider_runs_inside_of_crabbox() {
    let place = Place::new();
    let root = place.root.display();
    place
        .world
        .configure(&format!("[provider.misbehaving]\nroot = '{root}'\nisolation = 'none'\n"));
    let child = place.command(&["run", "--", "cat", "hello.txt"]).output();
    let ran = Ran::from(child.expect("runs"));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
    let said = "warning: the provider `misbehaving` runs inside of crabbox\n";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    // Once for both calls, `lease` and `release`: a library is loaded for good.
    assert_eq!(place.loads(), 1);
    place.mood("release admit");
    let ran = place.crabbox(&["run", "--", "true"]);
    assert!(ran.stderr.contains("failed in `release`: it lost count"), "{}", ran.stderr);
    // That is what it can't contain.
    place.mood("release segfault");
    let ran = place.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, -1, "{}", ran.stderr);
    place.mood("");
    place.all_can_be_stopped("no isolation");
}

#[test]
fn a_hook_that_only_looks_runs_where_its_user_says() {
    let place = Place::new();
    let list = ["provider", "call", "misbehaving", "list"];
    let inside = "warning: the provider `misbehaving` runs inside of crabbox\n";
    let ran = place.crabbox(&list);
    let answer: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(answer["resources"][0]["resource"]["name"], "box-0", "{answer}");
    assert!(!ran.stderr.contains(inside), "{}", ran.stderr);
    place.mood("list segfault");
    let ran = place.crabbox(&list);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("ended in `list` without an answer: signal: 11"), "{ran:?}");
    place.nothing_runs("a list");
    let root = place.root.display();
    place
        .world
        .configure(&format!("[provider.misbehaving]\nroot = '{root}'\nisolation = 'none'\n"));
    let ran = place.crabbox(&list);
    assert_eq!(ran.code, -1, "that is what it can't contain: {}", ran.stderr);
    assert!(ran.stderr.contains(inside), "{}", ran.stderr);
    place.mood("");
    let ran = place.crabbox(&list);
    assert_eq!((ran.code, ran.stdout), (0, format!("{answer:#}\n")), "{}", ran.stderr);
}

#[test]
fn without_isolation_a_failed_lease_is_rolled_back_too() {
    let place = Place::new();
    let root = place.root.display();
    place.world.configure(&format!(
        "[lease]\nrelease = 'delete'\n[provider.misbehaving]\nroot = '{root}'\nisolation = 'none'\n"
    ));
    let mut command = place.command(&["run", "--", "true"]);
    let _ = Ran::of(command.env("CRABBOX_FAULT", "call.after.lease"));
    let list: Value =
        serde_json::from_str(&place.crabbox(&["list", "--json"]).stdout).expect("JSON");
    let slug = list["leases"][0]["slug"].as_str().expect("a lease");
    place.mood("lease admit");
    let ran = place.crabbox(&["run", "--id", slug, "--", "true"]);
    assert!(ran.stderr.contains("failed in `lease`: it lost count"), "{}", ran.stderr);
    assert!(ran.stderr.contains("note: what it made (`cbx_"), "{}", ran.stderr);
}

#[test]
fn nobody_but_the_user_says_how_a_provider_is_isolated() {
    let place = Place::new();
    let error = "only your own config.toml can say how a provider is isolated";
    place.world.write(".crabbox.toml", "[provider.misbehaving]\nisolation = 'none'\n");
    let ran = place.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains(&format!(".crabbox.toml:2: {error}")), "{}", ran.stderr);
    fs::remove_file(place.world.checkout().join(".crabbox.toml")).expect("removes");
    let mut command = place.command(&["run", "--", "true"]);
    let ran = Ran::of(command.env("CRABBOX_MISBEHAVING_ISOLATION", "none"));
    assert!(ran.stderr.contains(&format!("CRABBOX_MISBEHAVING_ISOLATION: {error}")), "{ran:?}");
    // A variable of somebody else's hinders nothing.
    let mut command = place.command(&["config", "check"]);
    let ran = Ran::of(command.env("CRABBOX_ANOTHER_ISOLATION", "none"));
    assert!(!ran.stderr.contains("_ISOLATION"), "{ran:?}");
    let ran = place.crabbox(&["run", "--misbehaving-isolation", "none", "--", "true"]);
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    place.world.configure("[provider.misbehaving]\nisolation = 'much'\n");
    let ran = place.crabbox(&["run", "--", "true"]);
    let said = "`provider.misbehaving.isolation` must be one of `process`, `none`, not `\"much\"`";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert_eq!(place.loads(), 0);
}

#[test]
fn a_box_that_is_only_looked_at_can_not_be_recorded_as_another() {
    let place = Place::new();
    assert_eq!(place.crabbox(&["run", "--keep", "--", "true"]).code, 0);
    let before = place.claims();
    let slug = before[0]["slug"].as_str().expect("a slug");
    place.mood("resolve records");
    let ran = place.crabbox(&["provider", "call", "misbehaving", "resolve", "--id", slug]);
    assert!(ran.stderr.contains("nothing is recorded by this hook"), "{ran:?}");
    assert_eq!(place.claims()[0]["resource"], before[0]["resource"]);
    place.mood("");
    place.all_can_be_stopped("a look");
}

#[test]
fn a_provider_gets_no_descriptor_that_crabbox_was_started_with() {
    let place = Place::new();
    place.mood("lease hang");
    let handed = place.world.root().join("handed");
    let line = format!("exec 9>'{}'; exec \"$0\" run -- true", handed.display());
    let crabbox = place.command(&[]);
    let mut command = Command::new("sh");
    command.args(["-c", &line]).arg(crabbox.get_program()).env_clear();
    command.envs(crabbox.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child = command.current_dir(place.world.checkout()).spawn().expect("runs");
    until("the provider is at work", || place.root.join("reached").exists());
    let loaded = fs::read_to_string(&place.mark).expect("a process");
    let holds = |process: &str| {
        let all = fs::read_dir(format!("/proc/{process}/fd")).expect("descriptors").flatten();
        all.filter_map(|one| fs::read_link(one.path()).ok()).any(|file| file == handed)
    };
    assert!(holds(&child.id().to_string()), "what is looked for is there");
    assert!(!holds(loaded.trim()));
    child.kill().expect("kills");
    child.wait().expect("ends");
    place.nothing_runs("a look at its descriptors");
}

#[test]
fn a_provider_does_not_outlive_a_host_that_is_killed() {
    for way in ["hang", "deaf", "daemon"] {
        let place = Place::new();
        // What a daemon is for: it is there while something else hangs.
        place.mood(&format!("lease {way}"));
        let mut command = place.command(&["run", "--", "sleep", "300"]);
        let mut child = command.spawn().expect("runs");
        until("the provider is at work", || place.loads() > 0);
        if way == "daemon" {
            until("the program runs", || !place.claims().is_empty());
        }
        child.kill().expect("kills");
        child.wait().expect("ends");
        place.nothing_runs(way);
    }
}

#[test]
fn a_provider_dies_with_its_keeper() {
    let place = Place::new();
    let mut command = place.command(&["run", "--", "true"]);
    command.stderr(Stdio::piped());
    place.mood("lease deaf");
    let child = command.spawn().expect("runs");
    until("the hook is called", || place.root.join("reached").exists());
    let root = place.world.root().display().to_string();
    let is_keeper = |path: &PathBuf| {
        let line = fs::read(path.join("cmdline")).unwrap_or_default();
        line.ends_with(b"\0__keeper\0")
    };
    let keeper = processes_of(&root).into_iter().find(is_keeper).expect("a keeper");
    let keeper = keeper.file_name().and_then(|name| name.to_str()?.parse().ok()).expect("a pid");
    kill_process(Pid::from_raw(keeper).expect("a pid"), Signal::KILL).expect("kills");
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    assert_eq!(ran.code, 125);
    let said = "was ended in `lease`, since the process that keeps it has ended (signal: 9";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    place.nothing_runs("a killed keeper");
}

#[test]
fn two_runs_at_once_have_providers_of_their_own() {
    let place = Place::new();
    let mut stuck = place.command(&["run", "--fresh", "--", "true"]);
    let loaded = place.world.root().join("other-loaded");
    stuck.env("CRABBOX_TEST_LOADED", &loaded).stderr(Stdio::piped());
    place.mood("lease hang");
    let mut stuck = stuck.spawn().expect("runs");
    until("the provider hangs", || loaded.exists() && place.root.join("reached").exists());
    place.mood("");
    let ran = place.crabbox(&["run", "--fresh", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
    assert_eq!(stuck.try_wait().expect("looks"), None);
    stuck.kill().expect("kills");
    stuck.wait().expect("ends");
    place.nothing_runs("two runs");
    place.all_can_be_stopped("two runs");
}
