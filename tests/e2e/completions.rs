//! What a shell offers while a command is typed.

use crate::desk::Desk;
use crabbox::claims::{Claim, Event, LeaseId, Store};
use crabbox_tests::{Ran, World, built};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

/// Asks bash for candidates as the tab key does, with the script sourced.
const ASK_BASH: &str = r#"
source <(crabbox completions bash)
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_TYPE=9
_clap_complete_crabbox crabbox "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

/// A shell whose `crabbox` is the one under test.
fn shell(world: &World, program: &str, arguments: &[&str]) -> Command {
    let mut command = world.command_of(Path::new(program), arguments);
    let folder = built().crabbox.parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = [folder].into_iter().chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(path).expect("a path"));
    command
}

fn bash(world: &World, words: &[&str]) -> Vec<String> {
    let arguments = [&["-c", ASK_BASH, "bash"], words].concat();
    let output = shell(world, "bash", &arguments).output().expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

fn leased() -> (World, String, String) {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let list = world.crabbox(&["list", "--json"]).stdout;
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    let field = |name: &str| list["leases"][0][name].as_str().expect("a lease").to_owned();
    let (slug, id) = (field("slug"), field("id"));
    (world, slug, id)
}

#[test]
#[expect(clippy::print_stdout, reason = "a shell that isn't there is said to be skipped")]
fn the_scripts_are_valid() {
    let world = World::new();
    for (name, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = world.crabbox(&["completions", name]);
        assert_eq!((script.code, script.stderr.as_str()), (0, ""));
        assert!(script.stdout.contains("CRABBOX_COMPLETE"), "{}", script.stdout);
        if !is_installed(name) {
            println!("skipped: there is no {name}");
            continue;
        }
        let file = world.root().join(name);
        fs::write(&file, &script.stdout).expect("a file");
        let checked = shell(&world, name, &[check]).arg(&file).output().expect("runs");
        assert!(checked.status.success(), "{name}: {}", String::from_utf8_lossy(&checked.stderr));
    }
    assert_eq!(world.crabbox(&["completions", "tcsh"]).code, 2);
}

#[test]
fn bash_offers_the_runs_of_this_checkout() {
    let world = World::new();
    assert_eq!(world.shell("true").code, 0);
    let offered = bash(&world, &["crabbox", "logs", ""]);
    let [last, run, ..] = offered.as_slice() else { panic!("{offered:?}") };
    assert!(last == "@last" && run.starts_with("run_"), "{offered:?}");
    assert_eq!(world.shell("exit 1").code, 1);
    let offered = bash(&world, &["crabbox", "logs", "@last-"]);
    assert_eq!(offered, ["@last-failed"]);
    assert_eq!(bash(&world, &["crabbox", "logs", "run_"]).len(), 2);
}

#[test]
fn bash_offers_leases_providers_and_settings() {
    let (world, slug, id) = leased();
    let has = |words: &[&str], expected: &str| {
        let found = bash(&world, words);
        assert!(found.iter().any(|one| one == expected), "{words:?}: {found:?}");
    };
    has(&["crabbox", "sta"], "status");
    has(&["crabbox", "status", ""], &slug);
    has(&["crabbox", "status", &slug[..3]], &slug);
    has(&["crabbox", "status", "cbx"], &id);
    has(&["crabbox", "stop", ""], &slug);
    has(&["crabbox", "run", "--id", ""], &slug);
    has(&["crabbox", "run", "--provider", ""], "local");
    has(&["crabbox", "config", "show", "--provider", "lo"], "local");
    has(&["crabbox", "config", "explain", "lease."], "lease.idle");
    has(&["crabbox", "run", "--allow"], "--allow-mass-deletion");
    // The box holds what is here.
    has(&["crabbox", "run", "--", "./hel"], "./hello.txt");
    has(&["crabbox", "run", "--", "cat", "hel"], "hello.txt");
    assert!(bash(&world, &["crabbox", "run", "--dir", "hel"]).is_empty(), "it is no folder");
    // Bash takes words apart at `=`, and replaces what is behind it.
    has(&["crabbox", "run", "--provider", "=", "lo"], "local");
    has(&["crabbox", "run", "--provider", "="], "local");
    assert!(bash(&world, &["crabbox", "status", "no-such"]).is_empty());
    let providers = world.provider_path("crabbox_provider_desk").display().to_string();
    has(&["crabbox", "run", "--provider-path", &providers, "--provider", ""], "desk");
    // What stands for one of them, as bash takes it apart.
    for words in [&["@"][..], &["@", "la"], &[""]] {
        has(&[&["crabbox", "status"], words].concat(), "@last");
    }
    has(&["crabbox", "run", "--id", "=@", "re"], "@repo");
    // A lease that failed isn't this checkout's for any run.
    let state = world.root().join("state/crabbox");
    let mut store = Store::open(&state).expect("opens");
    let mut failed = Claim::new(LeaseId::from_bits(1), "red-eel".to_owned());
    "local".clone_into(&mut failed.provider);
    failed.repository = world.checkout();
    assert!(store.insert(&failed).expect("inserts"));
    let event = Event::LeaseFailed { left: None, why: String::new() };
    store.transition(&mut failed, &event).expect("fails");
    // A released lease isn't offered.
    assert_eq!(world.crabbox(&["stop", &slug, "--delete", "--yes"]).code, 0);
    assert!(!bash(&world, &["crabbox", "status", ""]).contains(&slug));
    assert_eq!(bash(&world, &["crabbox", "status", "@"]), ["@last"]);
    store.transition(&mut failed, &Event::Nothing).expect("is over");
    assert!(bash(&world, &["crabbox", "status", "@"]).is_empty(), "none is left");
}

#[test]
fn bash_offers_the_settings_of_the_provider_that_would_be_used() {
    let world = World::new();
    let path = world.provider_path("crabbox_provider_gallery").display().to_string();
    let offered = |words: &[&str]| {
        let crabbox = ["crabbox", "--provider-path", &path];
        bash(&world, &[&crabbox, words].concat())
    };
    let line = ["run", "--provider", "gallery"];
    let flags = offered(&[&line[..], &["--gallery-"]].concat());
    for flag in ["--gallery-size", "--gallery-lit", "--gallery-token-file", "--gallery-token-stdin"]
    {
        assert!(flags.iter().any(|one| one == flag), "{flag}: {flags:?}");
    }
    assert!(
        !flags.iter().any(|one| one == "--gallery-token"),
        "a secret is never typed: {flags:?}"
    );
    let sizes = ["small", "medium", "large"];
    assert_eq!(offered(&[&line[..], &["--gallery-size", ""]].concat()), sizes);
    assert_eq!(offered(&[&line[..], &["--gallery-size", "=", "l"]].concat()), ["large"]);
    assert!(offered(&["run", "--gallery-"]).is_empty(), "another provider would be used");
    assert_eq!(offered(&["provider", "options", "gal"]), ["gallery"]);
    let keys = offered(&["config", "explain", "provider.gallery.r"]);
    assert_eq!(keys, ["provider.gallery.rooms", "provider.gallery.root"]);
    world.configure("[lease]\nprovider = 'museum'\n");
    assert!(offered(&["run", "--gallery-s"]).iter().any(|one| one == "--gallery-size"));
    // A lease is let go of by its own provider, and nobody knows which that is.
    assert!(offered(&["stop", "--gallery-s"]).is_empty());
    let root = world.root().join("rooms").display().to_string();
    for (provider, knows) in [("gallery", true), ("local", false)] {
        let crabbox = ["--provider-path", &path, "run", "--provider", provider];
        let root = ["--gallery-root", &root];
        let root = if knows { &root[..] } else { &[] };
        let ran = world.crabbox(&[&crabbox, root, &["--", "true"]].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let list = world.crabbox(&["list", "--json"]).stdout;
        let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
        for field in ["slug", "id"] {
            let lease = list["leases"][0][field].as_str().expect("a lease");
            for line in [&["stop", "--delete", lease][..], &["extend", lease, "2h"]] {
                let found = offered(&[line, &["--gallery-s"]].concat());
                assert_eq!(found.iter().any(|one| one == "--gallery-size"), knows, "{found:?}");
            }
        }
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a shell that isn't there is said to be skipped")]
fn fish_and_zsh_offer_the_same_with_a_word_on_each() {
    let (world, slug, _) = leased();
    // As the script of zsh asks.
    let zsh = world
        .command(&["--", "crabbox", "status"])
        .envs([("CRABBOX_COMPLETE", "zsh"), ("_CLAP_COMPLETE_INDEX", "2"), ("_CLAP_IFS", "\n")])
        .output()
        .expect("runs");
    let zsh = String::from_utf8_lossy(&zsh.stdout);
    assert!(zsh.contains(&format!("{slug}:parked on local, ")), "{zsh}");
    if !is_installed("fish") {
        println!("skipped: there is no fish");
        return;
    }
    let ask = "crabbox completions fish | source; complete -C 'crabbox stop '";
    let fish = shell(&world, "fish", &["--no-config", "-c", ask]).output().expect("runs");
    let text = String::from_utf8_lossy(&fish.stdout);
    assert!(text.contains(&format!("{slug}\tparked on local, ")), "{text}");
}

/// Every file below, with its length and time.
fn files(folder: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let about = entry.metadata().expect("is there");
            if about.is_dir() {
                folders.push(entry.path());
            }
            found.insert(entry.path(), (about.len(), about.modified().expect("a time")));
        }
    }
    found
}

fn ask(world: &World, words: &[&str]) -> Ran {
    let mut command = world.command(&[&["--"], words].concat());
    command.env("CRABBOX_COMPLETE", "bash");
    Ran::of(command.env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string()))
}

const QUESTIONS: [&[&str]; 3] = [
    &["crabbox", "status", ""],
    &["crabbox", "run", "--provider", ""],
    &["crabbox", "run", "--id", "cbx_"],
];

#[test]
fn asking_writes_nothing() {
    let fresh = World::new();
    let (used, ..) = leased();
    for world in [&fresh, &used] {
        let before = files(world.root());
        for words in QUESTIONS {
            let asked = ask(world, words);
            assert_eq!((asked.code, asked.stderr.as_str()), (0, ""), "{words:?}");
        }
        assert_eq!(files(world.root()), before);
    }
}

#[test]
fn asking_is_silent_when_everything_is_wrong() {
    let world = World::new();
    fs::create_dir_all(world.root().join("state/crabbox")).expect("a folder");
    fs::write(world.root().join("state/crabbox/claims.db"), "rubbish").expect("a file");
    world.configure("[lease\nidle = = 5");
    world.write(".crabbox.toml", "\u{0}");
    fs::create_dir_all(world.root().join("data/crabbox/providers")).expect("a folder");
    let broken = world.root().join("data/crabbox/providers/libcrabbox_provider_x.so");
    fs::write(broken, "rubbish").expect("a file");
    for words in QUESTIONS {
        assert_eq!(ask(&world, words).stderr, "", "{words:?}");
    }
    assert!(ask(&world, QUESTIONS[1]).stdout.contains("local"));
    // Words that no shell would send.
    for words in [&["crabbox"][..], &["crabbox", "no-such", ""], &["crabbox", "--", "x", ""]] {
        assert_eq!(ask(&world, words).stderr, "", "{words:?}");
    }
    for (shell, index) in [("zsh", "99"), ("fish", ""), ("bash", "-1"), ("tcsh", "0")] {
        let mut command = world.command(&["--"]);
        command.envs([("CRABBOX_COMPLETE", shell), ("_CLAP_COMPLETE_INDEX", index)]);
        let odd = command.output().expect("runs");
        assert!(odd.stdout.is_empty() && odd.stderr.is_empty(), "{shell}");
    }
}

#[test]
fn asking_asks_no_provider() {
    let desk = Desk::new("");
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    let slug = desk.world.only_slug();
    desk.calls();
    let path = ["crabbox", "--provider-path", &desk.path];
    for words in [&["status", ""][..], &["run", "--id", ""], &["stop", ""], &["extend", ""]] {
        assert!(bash(&desk.world, &[&path, words].concat()).contains(&slug), "{words:?}");
    }
    assert_eq!(desk.calls(), "");
}
