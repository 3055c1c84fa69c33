//! What was recorded of a real deployment, done again with the stand-in: arguments, exit code, both streams.

use super::recorded::{compares, follows, recorded, replays, shape, shape_of, transcripts, value};
use crabbox_test_coder::{
    Agent, Answers, Parameter, Preset, State, Template, Transition, Workspace,
};
use crabbox_tests::{Coder, Ran};
use std::fs;
use std::path::Path;

/// Everything that the recordings speak of.
fn deployment(state: &mut State) {
    let region = Parameter {
        display: Some("Region".to_owned()),
        options: vec!["eu".to_owned(), "us".to_owned()],
        ..Parameter::new("region", Some("eu"))
    };
    let cpus = Parameter { between: Some((1, 16)), ..Parameter::new("cpus", Some("2")) };
    state.template("demo").parameters = vec![cpus, region, Parameter::new("tag", Some(""))];
    let mut two = Template::new("demo2");
    two.agents.push(Agent::new("side"));
    two.parameters = vec![Parameter::new("project", None)];
    let mut broken = Template::new("broken");
    broken.agents.clear();
    broken.fails = Some(vec!["Error: local-exec provisioner error".to_owned()]);
    let mut preset = Template::new("preset");
    preset.parameters = vec![Parameter::new("size", Some("small"))];
    let with = |name: &str, is_default, size: &str| Preset {
        name: name.to_owned(),
        is_default,
        parameters: vec![("size".to_owned(), size.to_owned())],
    };
    preset.presets = vec![with("Standard", true, "medium"), with("Big", false, "large")];
    let duo = Template { agents: two.agents.clone(), ..Template::new("duo") };
    let others = [two, broken, preset, Template::new("slowbuild"), duo];
    state.templates.extend(others);
    let alice = state.user("alice").id.clone();
    let one = Workspace::new("one", &alice, state.template("demo"));
    let pair = Workspace::new("duo", &alice, state.template("duo"));
    state.workspaces = vec![one, pair];
}

#[test]
fn versions_and_lines_that_cannot_be_read() {
    let coder = Coder::with(deployment);
    let calls = recorded("01-version.txt");
    assert!(calls.len() >= 4, "{calls:?}");
    for call in calls.iter().take(4) {
        let json = call.argv.contains(&"json".to_owned());
        if json {
            assert_eq!(shape_of(&coder, call), shape(&value(&call.stdout)));
        } else {
            replays(&coder, call);
        }
    }
    coder.deployment.change(|state| "v2.33.0+0000000".clone_into(&mut state.client));
    let search = ["list", "-o", "json", "--search", "name:nothing"];
    let ran = Ran::of(&mut coder.coder(&search));
    assert_eq!(ran.stdout, "[]\n");
    assert_eq!(
        ran.stderr,
        "version mismatch: client v2.33.0+0000000, server v2.35.1+8b44bd6\n\
         download v2.35.1+8b44bd6 with: 'curl -fsSL http://coder.example.test/install.sh | sh'\n"
    );
    let quiet = coder.coder(&[&["--no-version-warning"][..], &search].concat());
    assert_eq!(Ran::of(&mut { quiet }).stderr, "");
}

/// Each in the state in which it was recorded: who is logged in, and how the server answers.
#[test]
fn logins_that_are_missing_and_servers_that_are_away() {
    let coder = Coder::with(deployment);
    let url = "http://coder.example.test";
    let away = Path::new("/nonexistent");
    let mut seen = 0;
    for call in recorded("02-auth-offline.txt") {
        let (said, whose) = (&call.stderr, "alice");
        let token = coder.deployment.state().user(whose).token.clone();
        let mut command =
            coder.coder(&call.argv[1..].iter().map(|word| &**word).collect::<Vec<_>>());
        command.env("CODER_CONFIG_DIR", away);
        let answers = if said.contains("not logged in") {
            Answers::Well
        } else if said.contains("no such host") {
            Answers::Unknown
        } else if said.contains("connection refused") {
            Answers::Refused
        } else if said.contains("non-JSON") {
            Answers::Empty
        } else if said.contains("invalid character") {
            Answers::Page
        } else {
            // A time, or a signal of whoever recorded it.
            continue;
        };
        if answers != Answers::Well {
            let url = if answers == Answers::Unknown { "http://nope.invalid" } else { url };
            command.env("CODER_URL", url).env("CODER_SESSION_TOKEN", &token);
        }
        coder.deployment.change(|state| state.trouble.answers = answers);
        compares(command, &call);
        seen += 1;
    }
    assert!(seen >= 9, "{seen}");
}

#[test]
fn who_is_logged_in_and_who_is_not() {
    let coder = Coder::with(deployment);
    let mut seen = 0;
    for call in recorded("03-login-whoami.txt") {
        let words: Vec<&str> = call.argv[1..].iter().map(String::as_str).collect();
        if words.iter().any(|word| ["login", "tokens", "--help", "--token"].contains(word)) {
            continue;
        }
        if call.stderr.contains("signed out") {
            coder.log_in_to("http://coder.example.test", "nonsense");
        } else if call.stderr.contains("not logged in") {
            fs::remove_dir_all(coder.login()).expect("a login");
        } else {
            coder.log_in("alice");
        }
        if call.exit == Some(0) && words.contains(&"json") {
            assert_eq!(shape_of(&coder, &call), shape(&value(&call.stdout)));
        } else {
            replays(&coder, &call);
        }
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

/// A workspace is there exactly where the recording says that it is.
#[test]
fn creates_that_succeed_and_all_that_do_not() {
    for file in [
        "05-create.txt",
        "06-create-errors.txt",
        "07-create-build-fails.txt",
        "08-create-options.txt",
    ] {
        let coder = Coder::with(deployment);
        let params = coder.world.root().join("params.yaml");
        fs::write(&params, "region: us\ncpus: 4\ntag: \"x\"\n").expect("a file");
        let mut seen = 0;
        for mut call in recorded(file) {
            // A signal, or a list to pick from.
            if call.signal.is_some() || call.argv[1] != "create" || call.stdout.contains("pick") {
                continue;
            }
            let has = |word: &str| call.argv.iter().any(|one| one == word);
            if !has("--template") || call.argv.iter().any(|one| one.contains("params2")) {
                continue;
            }
            let name = call.argv[2].rsplit('/').next().unwrap_or_default().to_owned();
            let is_there = call.stderr.contains("already exists named");
            coder.deployment.change(|state| {
                state.workspaces.retain(|one| !one.name.eq_ignore_ascii_case(&name) || is_there);
                if is_there && !state.names().iter().any(|one| one.eq_ignore_ascii_case(&name)) {
                    let alice = state.user("alice").id.clone();
                    let made = Workspace::new(&name, &alice, state.template("demo"));
                    state.workspaces.push(made);
                }
            });
            for word in &mut call.argv {
                if word == "$HOME/x/params.yaml" {
                    *word = params.display().to_string();
                }
            }
            replays(&coder, &call);
            seen += 1;
        }
        assert!(seen >= 2, "{file}: {seen}");
    }
}

/// What a call found is told by what it said.
fn found(state: &mut State, name: &str, verb: &str, said: &str) -> Workspace {
    let alice = state.user("alice").id.clone();
    let template = state.template("demo").clone();
    let mut made = Workspace::new(name, &alice, &template);
    let has = |text: &str| said.contains(text);
    if has("already active") {
        made.builds(Transition::Stop, &alice, &template);
        made.build.lasts = 60_000;
    } else if has("was deleted") {
        made.builds(Transition::Delete, &alice, &template);
    } else if verb == "start" && !has("already running") && !has("already starting") {
        made.builds(Transition::Stop, &alice, &template);
    }
    made
}

#[test]
fn starts_stops_and_deletes_in_each_state() {
    for file in ["20-start-stop-delete.txt", "21-build-in-progress.txt"] {
        let mut seen = 0;
        for mut call in recorded(file) {
            let verb = call.argv[1].clone();
            let is_plain = ["start", "stop", "delete"].contains(&verb.as_str());
            if !is_plain || call.argv.contains(&"--orphan".to_owned()) || call.signal.is_some() {
                continue;
            }
            let coder = Coder::with(deployment);
            let said = format!("{}{}", call.stdout, call.stderr);
            let typed = call.argv[2].clone();
            let is_id = typed.len() == 36;
            let names = ["one", "two", "sb", "d1"];
            let name = names.into_iter().find(|name| typed == *name || said.contains(name));
            let was_deleted = said.contains("was deleted");
            let is_unknown = said.contains("not found") || said.contains("invalid workspace");
            let id = coder.deployment.change(|state| {
                let made = found(state, name.unwrap_or("two"), &verb, &said);
                state.workspaces.retain(|one| one.name != made.name);
                let id = made.id.clone();
                if !is_unknown || was_deleted {
                    state.workspaces.push(made);
                }
                id
            });
            if is_id && !is_unknown {
                call.argv[2].clone_from(&id);
                call.stderr = call.stderr.replace(&typed, &id);
            }
            if said.contains("already starting") {
                follows(&coder, &call);
            } else {
                replays(&coder, &call);
            }
            seen += 1;
        }
        assert!(seen >= 5, "{file}: {seen}");
    }
}

#[test]
fn searches_as_they_are_answered() {
    let coder = Coder::with(deployment);
    let mut seen = 0;
    for call in recorded("30-list.txt") {
        let is_empty = call.stdout == "[]\n" || call.exit == Some(1);
        if call.argv[1] != "list" || !(is_empty || call.stdout.is_empty()) {
            continue;
        }
        // Who asks can't be told from the line.
        let others = call.argv.contains(&"owner:alice".to_owned());
        let none = !call.argv.contains(&"--search".to_owned());
        coder.log_in(if others || none { "bob" } else { "alice" });
        replays(&coder, &call);
        seen += 1;
    }
    assert!(seen >= 6, "{seen}");
}

#[test]
fn which_agent_and_what_there_is_no_way_to() {
    let coder = Coder::with(deployment);
    let mut seen = 0;
    for call in recorded("16-ssh-which-agent.txt").iter().filter(|call| call.exit == Some(1)) {
        replays(&coder, call);
        seen += 1;
    }
    coder.deployment.change(|state| {
        let (alice, template) = (state.user("alice").id.clone(), state.template("demo").clone());
        let mut stopped = Workspace::new("sb", &alice, &template);
        stopped.builds(Transition::Stop, &alice, &template);
        let broken = state.template("broken").clone();
        let bad = Workspace::new("bad", &alice, &broken);
        state.workspaces.extend([stopped, bad]);
    });
    for file in ["07-create-build-fails.txt", "21-build-in-progress.txt", "24-update-dormant.txt"] {
        for call in recorded(file) {
            let is_ssh = call.argv[1] == "ssh" && call.exit == Some(1);
            let can_be = ["has no agents", "must be started\n"];
            if !is_ssh || call.argv.contains(&"fl".to_owned()) {
                continue;
            }
            if can_be.iter().any(|text| call.stderr.contains(text)) {
                replays(&coder, &call);
                seen += 1;
            }
        }
    }
    assert!(seen >= 6, "{seen}");
}

/// Names and kinds of everything in what `list` and `templates list` tell.
#[test]
fn documents_have_the_same_shape() {
    let coder = Coder::with(|state| {
        deployment(state);
        let alice = state.user("alice").id.clone();
        let slow = state.template("slowbuild").clone();
        let broken = state.template("broken").clone();
        let mut stopped = Workspace::new("sb", &alice, &slow);
        stopped.builds(Transition::Stop, &alice, &slow);
        state.workspaces.extend([stopped, Workspace::new("bad", &alice, &broken)]);
    });
    let list = |name: &str| {
        let search = format!("owner:me name:{name}");
        let mut command = coder.coder(&["list", "-o", "json", "--search", &search]);
        shape(&value(&Ran::of(&mut command).stdout))
    };
    let file = |name: &str| {
        shape(&value(&fs::read_to_string(transcripts().join(name)).expect("a recording")))
    };
    assert_eq!(list("one"), file("31-list-running.json"));
    assert_eq!(list("sb"), file("33-list-stopped.json"));
    assert_eq!(list("bad"), file("34-list-failed.json"));
    coder.deployment.change(|state| {
        let alice = state.user("alice").id.clone();
        let waiting = Workspace::new("q2", &alice, state.template("slowbuild"));
        state.workspaces.push(waiting);
        (state.held, state.queue) = (true, 2);
    });
    assert_eq!(list("q2"), file("32-list-pending.json"));
    let templates = recorded("04-templates.txt");
    assert_eq!(shape_of(&coder, &templates[0]), shape(&value(&templates[0].stdout)));
}

/// What nobody has seen isn't guessed.
#[test]
fn what_was_not_recorded_is_refused_loudly() {
    let coder = Coder::with(deployment);
    for line in
        [&["update", "one"][..], &["list"], &["ssh", "one"], &["delete", "one", "-y", "--orphan"]]
    {
        let ran = Ran::of(&mut coder.coder(line));
        assert_eq!(ran.code, 70, "{line:?}: {ran:?}");
    }
}
