//! What the documents show is what happens, and what they point to is there.

use crabbox_tests::transcript::{Terminal, steps};
use crabbox_tests::{Ran, World, built};
use serde_json::Value;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every document of the project.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut found = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path);
            }
        }
    }
    found
}

/// Lines and words in backticks that begin with `crabbox` and a command.
fn commands(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().map(|line| line.trim_start().trim_start_matches("$ "));
    let spans = text.split('`').skip(1).step_by(2);
    lines
        .chain(spans)
        .filter_map(|line| line.strip_prefix("crabbox "))
        .map(|rest| {
            let ours = rest.split(" -- ").next().unwrap_or(rest);
            ours.split_whitespace().map(|word| word.replace(['[', ']'], "")).collect()
        })
        .filter(|words: &Vec<String>| words.first().is_some_and(|word| is_command(word)))
        .collect()
}

fn is_command(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[test]
fn every_command_and_flag_that_is_shown_exists() {
    let world = World::new();
    let mut shown = 0;
    let mut helps = HashMap::new();
    for document in documents() {
        for words in commands(&fs::read_to_string(&document).expect("reads")) {
            let path: Vec<String> =
                words.iter().take_while(|word| is_command(word)).cloned().collect();
            let help = |path: &Vec<String>| {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                world.crabbox(&[&path[..], &["--help"]].concat())
            };
            let ran = helps.entry(path).or_insert_with_key(help);
            let line = format!("{}: crabbox {}", document.display(), words.join(" "));
            assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
            for flag in words.iter().filter(|word| word.starts_with("--")) {
                let flag = flag.split('=').next().unwrap_or(flag);
                assert!(ran.stdout.contains(flag), "{line}: no {flag} in its help");
            }
            shown += 1;
        }
    }
    assert!(shown >= 5, "the documents show commands: {shown}");
}

#[test]
fn what_the_transcripts_show_is_what_happens() {
    let mut followed = 0;
    for document in documents() {
        let steps = steps(&fs::read_to_string(&document).expect("reads"));
        if steps.is_empty() {
            continue;
        }
        let mut terminal = Terminal::new();
        for step in &steps {
            if let Err(difference) = terminal.follow(step) {
                panic!("{}:{}: {}: {difference}", document.display(), step.line, step.command);
            }
            followed += 1;
        }
    }
    assert!(followed >= 20, "the documents hold transcripts: {followed}");
}

#[test]
fn every_link_leads_somewhere() {
    let mut followed = 0;
    for document in documents() {
        let text = prose(&fs::read_to_string(&document).expect("reads"));
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            let place = format!("{}: {link}", document.display());
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => document.clone(),
                file => document.parent().expect("a folder").join(file),
            };
            assert!(target.exists(), "{place}: it isn't there");
            if !anchor.is_empty() {
                let text = prose(&fs::read_to_string(target).expect("reads"));
                let anchors = anchors(&text);
                assert!(anchors.iter().any(|known| known == anchor), "{place}: only {anchors:?}");
            }
            followed += 1;
        }
    }
    assert!(followed >= 20, "the documents hold links: {followed}");
}

/// A document without its fenced blocks.
fn prose(document: &str) -> String {
    let mut inside = false;
    let lines = document.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        inside ^= is_fence;
        !inside && !is_fence
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// What a link can name in a document, as GitHub makes it of the headings.
fn anchors(prose: &str) -> Vec<String> {
    let mut seen: HashMap<String, u32> = HashMap::new();
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let words = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = words.chars().filter(|c| c.is_alphanumeric() || "-_ ".contains(*c));
            let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
            let before = seen.entry(anchor.clone()).or_default();
            *before += 1;
            if *before == 1 { anchor } else { format!("{anchor}-{}", *before - 1) }
        })
        .collect()
}

#[test]
fn the_page_of_variables_names_those_of_all_settings() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/environment.md");
    let page = fs::read_to_string(path).expect("reads");
    for name in crabbox::config::KEYS.iter().filter_map(|key| key.variable) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The fenced blocks of this language, in their order.
pub(crate) fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    let parts = text.split(fence.as_str()).skip(1);
    parts.filter_map(|part| part.split("\n```").next()).collect()
}

#[test]
fn the_provider_that_is_shown_builds_and_makes_a_box() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let text = fs::read_to_string(root.join("docs/how-to/write-a-provider.md")).expect("reads");
    let world = World::new();
    let api = root.join("provider-api").display().to_string();
    let manifests = blocks(&text, "toml");
    world.write(
        "Cargo.toml",
        &format!("{}\n[workspace]\n", manifests[0].replace("../crabbox/provider-api", &api)),
    );
    world.write("provider.toml", manifests[1]);
    world.write("src/lib.rs", blocks(&text, "rust")[0]);
    fs::copy(root.join("Cargo.lock"), world.checkout().join("Cargo.lock")).expect("copies");
    // What is built once isn't built again for the next test.
    let target = root.join("target/write-a-provider");
    fs::create_dir_all(&target).expect("a folder");
    std::os::unix::fs::symlink(target, world.checkout().join("target")).expect("a link");
    let run = |line: &str| {
        let line = line.replace("/tmp/shed", &world.root().join("shed").to_string_lossy());
        let line = line.replace("cargo build", "cargo build --quiet --offline");
        let mut command = world.command_of("sh".as_ref(), &["-ec", &line]);
        let beside = built().crabbox.parent().expect("a folder").to_owned();
        let path = std::env::join_paths(
            [beside]
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").expect("a path"))),
        );
        command.env("PATH", path.expect("joins")).env("CARGO_PROFILE_DEV_DEBUG", "0");
        command.env_remove("XDG_DATA_HOME");
        for name in ["CARGO_HOME", "RUSTUP_HOME"] {
            let folder = name.strip_suffix("_HOME").expect("a home").to_lowercase();
            let home = std::env::var_os("HOME").unwrap_or_default();
            let there = Path::new(&home).join(format!(".{folder}"));
            command.env(name, std::env::var_os(name).unwrap_or(there.into()));
        }
        Ran::of(&mut command)
    };
    let lines = blocks(&text, "sh");
    let tried = run(lines[0]);
    assert_eq!(tried.code, 0, "{}", tried.stderr);
    assert!(tried.stdout.contains("provider.toml"), "{}", tried.stdout);
    let installed = run(lines[1]);
    assert!(installed.stdout.contains("shed"), "{}", installed.stderr);
    // With a field more of a later interface, this would be no program any more: it is none today.
    let whole =
        "pub fn whole() -> Scope { Scope { deployment: String::new(), account: String::new() } }";
    world.write("src/lib.rs", &format!("{}\n{whole}\n", blocks(&text, "rust")[0]));
    let refused = run("cargo build");
    assert!(refused.code != 0 && refused.stderr.contains("E0639"), "{}", refused.stderr);
    let crabbox = |line: &str| run(&format!("export CRABBOX_SHED_ROOT=/tmp/shed; crabbox {line}"));
    let list = json(&crabbox("list --json").stdout);
    let slug = |at: usize| list["leases"][at]["slug"].as_str().expect("a slug");
    let shed = world.root().join("shed");
    let id_file = |at: usize| {
        let id = list["leases"][at]["id"].as_str().expect("an id");
        shed.join(format!("{id}.id"))
    };
    let state = |slug: &str| {
        json(&crabbox(&format!("status {slug} --json")).stdout)["lease"]["state"].clone()
    };

    // A shed that isn't where it was proves nothing, nor does one that lies there instead.
    fs::rename(&shed, world.root().join("elsewhere")).expect("moves");
    let before = state(slug(0));
    fs::create_dir(&shed).expect("a folder");
    assert_eq!((before.as_str(), state(slug(0)).as_str()), (Some("ready"), Some("ready")));
    assert_ne!(crabbox(&format!("stop {} --delete --yes", slug(0))).code, 0);
    fs::remove_dir(&shed).expect("removes");
    fs::rename(world.root().join("elsewhere"), &shed).expect("moves");

    // What another box has is left alone.
    let id = fs::read(id_file(0)).expect("reads");
    fs::write(id_file(0), "another").expect("writes");
    let stopped = crabbox(&format!("stop {} --delete --yes", slug(0)));
    assert_eq!(stopped.code, 5, "{}", stopped.stderr);
    fs::write(id_file(0), id).expect("writes");

    // What is gone already is no error.
    fs::remove_dir_all(id_file(1).with_extension("")).expect("removes");
    fs::remove_file(id_file(1)).expect("removes");
    for at in [0, 1] {
        let stopped = crabbox(&format!("stop {} --delete --yes", slug(at)));
        assert_eq!(stopped.code, 0, "{}", stopped.stderr);
        assert!(!id_file(at).exists() && !id_file(at).with_extension("").exists(), "it is gone");
    }
}
