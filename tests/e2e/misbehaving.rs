//! Every way in which a provider can fail, in each of its hooks: an error that names both, nothing on
//! standard output, nothing left running, and the next call works.

use crate::place::Place;
use crate::providers::{Nobody, open_library};
use crabbox::provider::{Provider, ProviderError};
use crabbox_provider_api::payload::{
    Attributes, DoctorRequest, ExtendRequest, Intent, LeaseRequest, ListRequest, ReleaseAction,
    ReleaseRequest, ResolveRequest, Resource, Scope, Settings,
};
use crabbox_tests::World;
use std::fs;
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
    ("late panic", Late("failed in `HOOK`: it panicked: as asked, if late")),
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

/// Nothing of a name that nobody should give is recorded or shown as it is.
#[test]
fn names_and_ids_are_looked_at_where_they_come_in() {
    const KINDS: [(&str, &str); 5] = [
        ("long", "has 100000 bytes, and 1024 are allowed"),
        ("bell", r"holds the control character \u{7}"),
        ("nul", r"holds the control character \u{0}"),
        ("lines", r"holds the control character \u{a}"),
        ("blank", "is empty"),
    ];
    const PLACES: [(&str, &str); 4] = [
        ("records a name", "the name of its resource "),
        ("records an id", "the id of its resource "),
        ("answers a name", "the name of its resource "),
        ("answers an id", "the id of its resource "),
    ];
    for (place, what) in PLACES {
        for (kind, why) in KINDS {
            let world = World::new();
            let root = world.root().join("boxes");
            let settings = format!("root = '{}'\nlease = '{place}: {kind}'", root.display());
            world.configure(&format!("[provider.misbehaving]\n{settings}\n"));
            let path = world.provider_path("crabbox_provider_misbehaving").display().to_string();
            let line = ["run", "--provider-path", &path, "--provider", "misbehaving", "--", "true"];
            let ran = world.crabbox(&line);
            let said = format!(" broke the protocol in `lease`: {what}{why}");
            assert_eq!(ran.code, 125, "{place} {kind}: {ran:?}");
            assert!(ran.stderr.contains(&said), "{place} {kind}: {}", ran.stderr);
            assert!(ran.stderr.contains("the provider `misbehaving`"), "{place}: {}", ran.stderr);
            let records = world.crabbox(&["claims", "--all", "--json"]).stdout;
            for odd in ["xxxxxxxx", r"box\u0007", r"box\u0000", r"box\n", "\"  \""] {
                assert!(!records.contains(odd), "{place} {kind}: {records}");
            }
        }
    }
    // Others may call theirs what they like: it hides nothing of ours.
    let place = Place::new();
    for (kind, _) in KINDS {
        let mut provider = open_library(&place.world, "misbehaving");
        let pages = serde_json::Value::from(format!("odd {kind}"));
        let settings = Settings::from_iter([("pages".to_owned(), pages)]);
        let request = ListRequest { settings, ..ListRequest::default() };
        let listed = provider.list(&request, Duration::from_mins(1), &mut Nobody).expect("lists");
        let names: Vec<_> = listed.resources.iter().map(|one| one.resource.name.as_str()).collect();
        assert_eq!(names, ["fine"], "{kind}");
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
fn what_a_provider_prints_is_for_whoever_asks_for_every_step() {
    let place = Place::new();
    place.mood("doctor moves");
    let ran = place.crabbox(&["doctor", "--provider", "misbehaving", "-vv"]);
    for line in ["this goes nowhere near", "last words before: moves"] {
        assert!(ran.stderr.contains(&format!("it printed: {line}")), "{}", ran.stderr);
    }
    let ran = place.crabbox(&["doctor", "--provider", "misbehaving", "-v"]);
    assert!(!ran.stderr.contains("it printed"), "{}", ran.stderr);
}
