//! Every way in which a provider can fail, in each of its hooks: an error that names both, nothing on
//! standard output, nothing left running, and the next call works.

use crate::providers::{Nobody, open_library};
use crabbox::provider::{Provider, ProviderError};
use crabbox_provider_api::payload::{
    Attributes, DoctorRequest, ExtendRequest, Intent, LeaseRequest, ListRequest, ReleaseAction,
    ReleaseRequest, ResolveRequest, Resource, Scope, Settings,
};
use crabbox_tests::{Ran, World, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

const HOOKS: [&str; 6] = ["lease", "resolve", "release", "doctor", "list", "extend"];

/// What comes of a way to fail.
#[derive(Clone, Copy, Debug)]
enum Comes {
    /// An error with these words.
    Error(&'static str),
    /// An error of one of two kinds, with these words: it depends on who is faster.
    Either(&'static str, &'static str),
    /// An error with these words, once the time is up.
    Late(&'static str),
    /// An answer, as if nothing were.
    Answer,
}
use Comes::{Answer, Either, Error, Late};

const WAYS: &[(&str, Comes)] = &[
    ("panic", Error("failed in `HOOK`: it panicked: as asked")),
    ("abort", Error("ended in `HOOK` without an answer: signal: 6")),
    ("segfault", Error("ended in `HOOK` without an answer: signal: 11")),
    ("bus error", Error("ended in `HOOK` without an answer: signal: 7")),
    ("exit", Error("ended in `HOOK` without an answer: exit status: 0")),
    ("exit 1", Error("ended in `HOOK` without an answer: exit status: 1")),
    ("hang", Late("did not answer `HOOK` within 1s, and was ended")),
    ("deaf", Late("did not answer `HOOK` within 1s, and was ended")),
    ("polite", Late("did not answer `HOOK` within 1s, and stopped")),
    ("closes", Either("ended in `HOOK` without", "broke the protocol in `HOOK`: it closed")),
    ("garbage", Error("broke the protocol in `HOOK`: ")),
    ("half a frame", Error("broke the protocol in `HOOK`: ")),
    ("huge frame", Error("broke the protocol in `HOOK`: a frame of 4294967295 bytes is over")),
    ("another call", Error("broke the protocol in `HOOK`: it answers call 999, and 1 is")),
    ("long answer", Error("failed in `HOOK`: its answer is no use: a frame of 94")),
    ("orphan", Error("ended in `HOOK` without an answer: exit status: 0")),
    ("stderr", Answer),
    ("daemon", Answer),
    ("moves", Answer),
    ("threads", Answer),
    ("talks", Answer),
];

/// A world with the provider, whose boxes and whose mark on all that it starts are the world's own.
struct Place {
    world: World,
    root: PathBuf,
    mark: PathBuf,
    folder: String,
}

impl Place {
    fn new() -> Self {
        let world = World::new();
        let root = world.root().join("boxes");
        fs::create_dir(&root).expect("a folder");
        world.configure(&format!("[provider.misbehaving]\nroot = '{}'\n", root.display()));
        let folder = world.provider_path("crabbox_provider_misbehaving").display().to_string();
        let mark = world.root().join("loaded");
        Self { world, root, mark, folder }
    }

    /// One that waits a second for a hook, not a minute.
    fn impatient(self) -> Self {
        let file = PathBuf::from(&self.folder).join("libcrabbox_provider_misbehaving.so");
        let mut bytes = fs::read(&file).expect("reads");
        let (old, new) = (b" = \"60s\"", b" = \"01s\"");
        let places: Vec<usize> =
            (0..bytes.len() - old.len()).filter(|at| bytes[*at..].starts_with(old)).collect();
        assert_eq!(places.len(), 5, "all but `doctor`");
        for at in places {
            bytes[at..at + old.len()].copy_from_slice(new);
        }
        fs::write(&file, bytes).expect("writes");
        self
    }

    fn mood(&self, mood: &str) {
        fs::write(self.root.join("mood"), mood).expect("a file");
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.world.command(words);
        command
            .env("CRABBOX_PROVIDER", "misbehaving")
            .env("CRABBOX_PROVIDER_PATH", &self.folder)
            .env("CRABBOX_TEST_LOADED", &self.mark);
        command
    }

    fn crabbox(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.command(words))
    }

    fn claims(&self) -> Vec<Value> {
        let list: Value =
            serde_json::from_str(&self.crabbox(&["list", "--json"]).stdout).expect("JSON");
        list["leases"].as_array().expect("a list").clone()
    }

    /// How often the library was loaded.
    fn loads(&self) -> usize {
        fs::read_to_string(&self.mark).unwrap_or_default().lines().count()
    }

    /// No process that the provider was, or has started, is left.
    fn nothing_runs(&self, after: &str) {
        let root = self.world.root().display().to_string();
        until(&format!("the end of all, after {after}"), || processes_of(&root).is_empty());
    }

    /// What there is can be ended.
    fn all_can_be_stopped(&self, after: &str) {
        for claim in self.claims() {
            let id = claim["id"].as_str().expect("an id");
            let ran = self.crabbox(&["stop", id, "--delete", "--yes"]);
            assert_eq!(ran.code, 0, "{after}: {claim}: {}", ran.stderr);
        }
        let left: Vec<_> = fs::read_dir(&self.root).expect("a folder").flatten().collect();
        let left: Vec<_> = left.iter().filter(|entry| entry.path().is_dir()).collect();
        assert!(left.is_empty(), "{after}: {left:?}");
    }
}

/// The processes that name this folder in their environment, or have mapped a file below it.
fn processes_of(folder: &str) -> Vec<PathBuf> {
    let names = |path: PathBuf| {
        let text = fs::read(path).unwrap_or_default();
        String::from_utf8_lossy(&text).contains(folder)
    };
    let processes = fs::read_dir("/proc").expect("processes").flatten().map(|entry| entry.path());
    processes.filter(|path| names(path.join("environ")) || names(path.join("maps"))).collect()
}

/// Tries all in a few threads.
fn each<T: Sync>(cases: &[T], try_one: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        try_one(case);
                    }));
                    if let Err(panic) = tried {
                        let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                        failed.lock().expect("no panic").push(text);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no panic");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn call(
    provider: &mut Provider,
    hook: &str,
    settings: Settings,
    longest: Duration,
) -> Result<(), ProviderError> {
    let resource = Resource { name: "one".to_owned(), id: Some("id-one".to_owned()) };
    let lease = "cbx_000000000001".to_owned();
    let (scope, attributes) = (Scope::default(), Attributes::new());
    match hook {
        "lease" => {
            let request = LeaseRequest { lease, settings, ..LeaseRequest::default() };
            provider.lease(&request, longest, &mut Everything).map(drop)
        }
        "resolve" => {
            let intent = Intent::Status;
            let request =
                ResolveRequest { lease, resource, scope: None, attributes, intent, settings };
            provider.resolve(&request, longest, &mut Nobody).map(drop)
        }
        "release" => {
            let action = ReleaseAction::Park;
            let request = ReleaseRequest { lease, resource, scope, attributes, action, settings };
            provider.release(&request, longest, &mut Nobody).map(drop)
        }
        "doctor" => provider.doctor(&DoctorRequest { settings }, longest, &mut Nobody).map(drop),
        "list" => {
            let request = ListRequest { settings, ..ListRequest::default() };
            provider.list(&request, longest, &mut Nobody).map(drop)
        }
        "extend" => {
            let request =
                ExtendRequest { lease, resource, scope, attributes, deadline: 1, settings };
            provider.extend(&request, longest, &mut Nobody).map(drop)
        }
        other => panic!("no hook {other}"),
    }
}

/// A host to which every checkpoint is right.
struct Everything;

impl crabbox::provider::Callbacks for Everything {
    fn checkpoint(&mut self, _: &crabbox_provider_api::payload::Checkpoint) -> Result<(), String> {
        Ok(())
    }

    fn progress(&mut self, _: &str) {}
}

fn check_error(error: &ProviderError, hook: &str, comes: Comes, after: &str) {
    let text = error.to_string();
    let said = |words: &str| text.contains(&words.replace("HOOK", hook));
    let right = match comes {
        Error(words) | Late(words) => said(words),
        Either(one, other) => said(one) || said(other),
        Answer => false,
    };
    assert!(right, "{after}: {text}");
    assert!(text.contains("the provider `misbehaving` (`"), "{after}: {text}");
}

#[test]
fn every_hook_can_fail_in_every_way_and_nothing_is_left_of_it() {
    let cases: Vec<_> =
        HOOKS.iter().flat_map(|hook| WAYS.iter().map(move |way| (*hook, *way))).collect();
    each(&cases, |(hook, (way, comes))| {
        let after = format!("{hook} {way}");
        let place = Place::new();
        place.mood(&after);
        let longest = Duration::from_secs(if matches!(comes, Late(_)) { 1 } else { 60 });
        let mut settings = Settings::default();
        settings.insert("root".to_owned(), place.root.display().to_string().into());
        let mut provider = open_library(&place.world, "misbehaving");
        let answer = call(&mut provider, hook, settings.clone(), longest);
        match (answer, comes) {
            (Ok(()), Answer) => {}
            (Err(error), comes) => check_error(&error, hook, *comes, &after),
            (Ok(()), _) => panic!("{after}: an answer"),
        }
        drop(provider);
        place.nothing_runs(&after);
        place.mood("");
        let mut provider = open_library(&place.world, "misbehaving");
        let answer = call(&mut provider, hook, settings, Duration::from_mins(1));
        answer.unwrap_or_else(|error| panic!("{after}: {error}"));
    });
}

/// The settings of a provider whose boxes are in this world.
fn settings(place: &Place) -> Settings {
    let root = place.root.display().to_string();
    [("root".to_owned(), root.into())].into_iter().collect()
}

#[test]
fn a_second_answer_is_no_answer_to_the_next_call() {
    let place = Place::new();
    let longest = Duration::from_mins(1);
    place.mood("doctor two answers");
    let mut provider = open_library(&place.world, "misbehaving");
    let first = call(&mut provider, "doctor", settings(&place), longest).expect_err("fails");
    assert_eq!(first.to_string(), "misbehaving: the first of two");
    let second = call(&mut provider, "extend", settings(&place), longest).expect_err("fails");
    let said = "broke the protocol in `extend`: it answers call 1, and 2 is waited for";
    assert!(second.to_string().contains(said), "{second}");
}

#[test]
fn a_list_is_asked_for_page_by_page_and_has_an_end() {
    let place = Place::new();
    let list = |pages: &str| {
        let mut provider = open_library(&place.world, "misbehaving");
        let mut request = ListRequest::default();
        request.settings.insert("pages".to_owned(), pages.into());
        provider.list(&request, Duration::from_mins(1), &mut Nobody)
    };
    let names = |pages| {
        let inventory = list(pages).expect("a list");
        assert_eq!(inventory.next, None);
        let names = inventory.resources.into_iter().map(|listed| listed.resource.name);
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("1"), "box-0");
    assert_eq!(names("3"), "box-0 box-1 box-2");
    let round = list("round").expect_err("never ends").to_string();
    assert!(round.contains("`list`: its list goes round in circles at `0`"), "{round}");
    let long = list("long cursor").expect_err("too long").to_string();
    assert!(long.contains("`list`: a cursor of its list has more than 4096 bytes"), "{long}");
    let large = list("large").expect_err("too large").to_string();
    assert!(large.contains("`list`: its list has more than 33554432 bytes"), "{large}");
    let endless = list("endless").expect_err("never ends").to_string();
    assert!(endless.contains("`list`: its list has more than 1000 pages"), "{endless}");
}

#[test]
fn what_a_provider_says_without_end_is_cut_and_counted() {
    let place = Place::new();
    place.mood("lease talks");
    let file = place.world.root().join("log");
    let ran = place.crabbox(&["run", "--log-file", &file.display().to_string(), "--", "true"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let said = ran.stderr.lines().filter(|line| line.contains("ppp"));
    let said: Vec<usize> = said.map(str::len).collect();
    assert!((1..1400).contains(&said.len()), "{}", said.len());
    assert!(said.iter().all(|length| *length < 1100), "{said:?}");
    let logged = fs::read_to_string(&file).expect("a log");
    assert!(logged.contains(" of its lines were left out"), "{logged:.1000}");
    assert!(logged.lines().all(|line| line.len() < 20_000));
}

#[test]
fn hooks_of_several_leases_run_at_once_and_one_that_dies_harms_no_other() {
    let place = Place::new();
    let longest = Duration::from_mins(1);
    thread::scope(|scope| {
        let all: Vec<_> = ["hang", "segfault", "", ""]
            .into_iter()
            .map(|way| {
                let place = &place;
                scope.spawn(move || {
                    let root = place.root.join(if way.is_empty() { "well" } else { way });
                    fs::create_dir_all(&root).expect("a folder");
                    fs::write(root.join("mood"), format!("doctor {way}")).expect("a file");
                    let mut settings = Settings::default();
                    settings.insert("root".to_owned(), root.display().to_string().into());
                    let mut provider = open_library(&place.world, "misbehaving");
                    let longest = if way == "hang" { Duration::from_secs(1) } else { longest };
                    call(&mut provider, "doctor", settings, longest).is_ok()
                })
            })
            .collect();
        let came: Vec<_> = all.into_iter().map(|one| one.join().expect("no panic")).collect();
        assert_eq!(came, [false, false, true, true]);
    });
}

#[test]
fn a_command_survives_every_way_to_fail_and_so_does_its_claim() {
    let hooks = ["lease", "resolve", "release"];
    let cases: Vec<_> =
        hooks.iter().flat_map(|hook| WAYS.iter().map(move |way| (*hook, *way))).collect();
    each(&cases, |(hook, (way, comes))| {
        let after = format!("{hook} {way}");
        let place = Place::new();
        let place = if matches!(comes, Late(_)) { place.impatient() } else { place };
        if *hook != "lease" {
            let ran = place.crabbox(&["run", "--", "true"]);
            assert_eq!(ran.code, 0, "{after}: {}", ran.stderr);
        }
        place.mood(&after);
        let ran = place.crabbox(&["run", "--", "echo", "the program"]);
        // The program had come to its end before its box was released.
        let answers = matches!(comes, Answer);
        let runs = answers || *hook == "release";
        assert_eq!(ran.code, if runs { 0 } else { 125 }, "{after}: {}", ran.stderr);
        assert_eq!(ran.stdout, if runs { "the program\n" } else { "" }, "{after}");
        let words = match comes {
            Error(words) | Late(words) => vec![*words],
            Either(one, other) => vec![*one, *other],
            Answer => vec!["crabbox: "],
        };
        let said = |words: &&str| ran.stderr.contains(&words.replace("HOOK", hook));
        assert!(words.iter().any(said), "{after}: {}", ran.stderr);
        let who = "the provider `misbehaving` (`";
        assert_eq!(ran.stderr.contains(who), !answers, "{after}: {}", ran.stderr);
        place.nothing_runs(&after);
        place.mood("");
        let next = place.crabbox(&["run", "--", "cat", "hello.txt"]);
        assert_eq!((next.code, next.stdout.as_str()), (0, "hello\n"), "{after}: {}", next.stderr);
        place.all_can_be_stopped(&after);
    });
}

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
    assert!(ran.stderr.contains("hint: what it made (`cbx_"), "{}", ran.stderr);
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
    assert!(ran.stderr.contains("nothing is recorded when a box is only looked at"), "{ran:?}");
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
        line.ends_with(b"\0__provider\0")
    };
    let keeper = processes_of(&root).into_iter().find(is_keeper).expect("a keeper");
    let keeper = keeper.file_name().and_then(|name| name.to_str()?.parse().ok()).expect("a pid");
    kill_process(Pid::from_raw(keeper).expect("a pid"), Signal::KILL).expect("kills");
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("ended in `lease` without an answer: signal: 9"), "{}", ran.stderr);
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
