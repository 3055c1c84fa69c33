//! The sad states that `docs/how-to/recover.md` speaks of: each is made, and what is printed then is
//! what the document shows.

#![expect(clippy::unnecessary_wraps, reason = "a state may be one that a machine can't make")]

use crabbox_tests::{Ran, World, settle, until};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// A state: the heading that it stands under, and what makes it. `None`: this machine can't.
type State = (&'static str, fn(&World) -> Option<String>);

const STATES: &[State] = &[
    ("A lease stays busy, leasing or releasing", killed),
    ("A lease is failed", failed),
    ("The box is gone", gone),
    ("A box was let go of", no_more_time),
    ("Boxes that no lease names", no_records),
    ("Parked boxes pile up", long_parked),
    ("The box is in use", in_use),
    ("The box isn't as it was left", not_as_left),
    ("The box holds files that crabbox didn't put there", occupied),
    ("Most of the box would be deleted", mass_deletion),
    ("The box's disk is full", box_full),
    ("The disk here is full", here_full),
    ("The claims database can't be used", damaged),
    ("A claim can't be read", one_bad_claim),
    ("A box has no lease", unclaimed),
    ("The state folder can't be used", not_ours),
    ("Locks don't work in the state folder", no_locks),
    ("A provider refuses, dies or hangs", refused),
    ("A provider can't be used", writable),
    ("There is no such provider", unknown_provider),
    ("A repository asks for a provider", asked_for),
    ("A repository asks for a setting", asks),
    ("A setting is wrong", wrong_setting),
    ("A provider lacks a setting, or a secret was typed", lacking_setting),
    ("There is no HOME", no_home),
    ("It isn't a git checkout", no_checkout),
    ("git refuses the checkout", dubious),
];

#[test]
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn every_symptom_is_printed_as_the_document_shows_it() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/how-to/recover.md");
    let document = fs::read_to_string(path).expect("reads");
    let mut sections: Vec<(&str, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            sections.push((heading, Vec::new()));
        } else if line == "```text" {
            inside = true;
        } else if line == "```" {
            inside = false;
        } else if let Some((_, shown)) = sections.last_mut().filter(|_| inside) {
            shown.push(squeeze(line));
        }
    }
    for (heading, shown) in sections.into_iter().filter(|(_, shown)| !shown.is_empty()) {
        let state = STATES.iter().find(|(name, _)| *name == heading);
        let (_, make) = state.unwrap_or_else(|| panic!("nobody makes this state: {heading}"));
        let world = World::new();
        let Some(printed) = make(&world) else {
            println!("skipped, this machine can't make it: {heading}");
            continue;
        };
        let printed: Vec<String> = as_you(&world, &printed).lines().map(squeeze).collect();
        for line in shown {
            let is_there = printed.iter().any(|printed| matches(&line, printed));
            assert!(is_there, "{heading}: `{line}` isn't in\n{}", printed.join("\n"));
        }
    }
}

/// The paths that somebody would see whose name is `you`.
fn as_you(world: &World, text: &str) -> String {
    let root = world.root().display().to_string();
    let places = [
        ("/checkout", "/home/you/project"),
        ("/state", "/home/you/.local/state"),
        ("/data", "/home/you/.local/share"),
        ("/config", "/home/you/.config"),
        ("/providers", "/home/you/providers"),
        ("/plain", "/home/you/plain"),
        ("/home", "/home/you"),
    ];
    places
        .iter()
        .fold(text.to_owned(), |text, (here, there)| text.replace(&format!("{root}{here}"), there))
}

fn squeeze(line: &str) -> String {
    settle(line).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `…` in a shown line stands for anything.
fn matches(shown: &str, printed: &str) -> bool {
    let mut rest = printed;
    let mut parts = shown.split('…').peekable();
    let first = parts.next().unwrap_or_default();
    let Some(after) = rest.strip_prefix(first) else {
        return false;
    };
    rest = after;
    while let Some(part) = parts.next() {
        let at = if parts.peek().is_none() && part.is_empty() {
            Some(rest.len())
        } else {
            rest.find(part).map(|at| at + part.len())
        };
        match at {
            Some(at) => rest = &rest[at..],
            None => return false,
        }
    }
    rest.is_empty()
}

fn all(runs: &[Ran]) -> String {
    runs.iter().flat_map(|ran| [ran.stdout.as_str(), ran.stderr.as_str()]).collect()
}

fn slug(world: &World) -> String {
    let list = world.crabbox(&["list", "--json"]).stdout;
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    list["leases"][0]["slug"].as_str().expect("a lease").to_owned()
}

/// A run that has got as far as its command.
fn started(world: &World) -> std::process::Child {
    let line = "echo started; exec sleep 300";
    let mut command = world.command(&["run", "-q", "--shell", line]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("runs");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert_eq!(lines.next().expect("a line").expect("text"), "started");
    child
}

fn killed(world: &World) -> Option<String> {
    let mut child = started(world);
    child.kill().expect("kills");
    child.wait().expect("ends");
    let list = world.crabbox(&["list"]);
    // Another session has taken the workspace, and the run is in it.
    let notes = world.only_box().join(".crabbox");
    let entries = |name: &str| fs::read_dir(notes.join(name)).expect("a folder").flatten();
    let lock = entries("trees").next().expect("a workspace").path().join("lock");
    let lock = fs::File::open(lock).expect("a lock");
    until("the session ends", || lock.try_lock().is_ok());
    for run in entries("runs") {
        let _ = fs::remove_file(run.path().join("exit"));
    }
    let cleanup = world.crabbox(&["cleanup"]);
    drop(lock);
    Some(all(&[list, cleanup, world.crabbox(&["stop", &slug(world)])]))
}

fn no_more_time(world: &World) -> Option<String> {
    let root = world.root().join("desk");
    world.configure(&format!("[provider.desk]\nroot = '{}'\n", root.display()));
    let path = world.provider_path("crabbox_provider_desk").display().to_string();
    let run = |ttl| {
        let provider = ["run", "--provider-path", &path, "--provider", "desk", "--keep"];
        world.crabbox(&[&provider[..], &["--ttl", ttl, "--", "true"]].concat())
    };
    let _ = run("1m");
    fs::write(root.join("mood"), "extend fails").expect("writes");
    Some(run("8h").stderr)
}

fn no_records(world: &World) -> Option<String> {
    let _ = world.shell("true");
    fs::remove_dir_all(world.root().join("state")).expect("removes");
    Some(world.crabbox(&["cleanup"]).stderr)
}

fn long_parked(world: &World) -> Option<String> {
    world.configure("[lease]\nparked_ttl = '1ms'\n");
    for _ in 0..2 {
        let _ = world.crabbox(&["run", "--fresh", "--", "true"]);
    }
    Some(world.crabbox(&["list"]).stderr)
}

fn misbehaving(world: &World, how: &str) -> Ran {
    world.configure(&format!("[provider.misbehaving]\nlease = '{how}'\n"));
    let path = world.provider_path("crabbox_provider_misbehaving").display().to_string();
    let provider = ["--provider-path", &path, "--provider", "misbehaving"];
    world.crabbox(&[&["run"], &provider[..], &["--", "true"]].concat())
}

fn failed(world: &World) -> Option<String> {
    let data = world.root().join("data");
    fs::write(&data, "a file where a folder should be").expect("writes");
    let ran = world.shell("true");
    fs::remove_file(data).expect("removes");
    let slug = slug(world);
    let used = world.crabbox(&["run", "--id", &slug, "--", "true"]);
    let (list, status) = (world.crabbox(&["list"]), world.crabbox(&["status", &slug]));
    Some(all(&[ran, used, list, status, world.crabbox(&["stop", &slug])]))
}

fn gone(world: &World) -> Option<String> {
    let _ = world.shell("true");
    fs::remove_dir_all(world.only_box()).expect("removes");
    let slug = slug(world);
    Some(all(&[
        world.crabbox(&["run", "--id", &slug, "--", "cargo", "test"]),
        world.crabbox(&["list", "--all"]),
    ]))
}

fn in_use(world: &World) -> Option<String> {
    let child = started(world);
    let slug = slug(world);
    let refused = world.crabbox(&["run", "--no-wait", "--id", &slug, "--", "true"]);
    let stop = world.crabbox(&["stop", &slug]);
    let other = world.shell("true");
    let mut waiter = world.command(&["run", "--id", &slug, "--", "true"]);
    let mut waiter = waiter.stderr(Stdio::piped()).spawn().expect("runs");
    let mut said = BufReader::new(waiter.stderr.take().expect("a pipe"));
    let mut first = String::new();
    said.read_line(&mut first).expect("a line");
    for mut process in [child, waiter] {
        process.kill().expect("kills");
        process.wait().expect("ends");
    }
    Some(all(&[refused, stop, other]) + &first)
}

fn not_as_left(world: &World) -> Option<String> {
    let _ = world.crabbox(&["run", "--keep", "--", "true"]);
    let slug = slug(world);
    fs::write(world.only_box().join(".crabbox/id"), "another's").expect("writes");
    Some(all(&[world.shell("true"), world.crabbox(&["stop", &slug])]))
}

fn occupied(world: &World) -> Option<String> {
    let _ = world.shell("true");
    fs::remove_dir_all(world.only_box().join(".crabbox/trees")).expect("removes");
    Some(all(&[world.shell("true")]))
}

fn mass_deletion(world: &World) -> Option<String> {
    for number in 0..250 {
        world.write(&format!("many/{number}"), "x");
    }
    let _ = world.shell("true");
    fs::remove_dir_all(world.checkout().join("many")).expect("removes");
    Some(all(&[world.crabbox(&["run", "--", "cargo", "test"])]))
}

/// Crabbox with a disk of 1 MiB at a place in its world.
pub(crate) fn on_small_disk(world: &World, place: &str, line: &str) -> Option<String> {
    let small = world.root().join(place);
    fs::create_dir_all(&small).expect("a folder");
    let script = format!("mount -t tmpfs -o size=1m tmpfs \"$0\" || exit 99; {line}");
    let mut command = world.command_of("unshare".as_ref(), &["-Urm", "sh", "-c", &script]);
    let output = command.args([&small, &crabbox_tests::built().crabbox]).output().ok()?;
    let ran = Ran::from(output);
    // The mount isn't allowed, or `unshare` isn't.
    (ran.code != 99 && !ran.stderr.starts_with("unshare:")).then_some(ran.stdout + &ran.stderr)
}

fn box_full(world: &World) -> Option<String> {
    world.write("large", &"0123456789abcdef".repeat(200_000));
    let other = "head -c 3000000 /dev/zero >\"$0/fill\" 2>/dev/null; \"$1\" run --fresh -- true";
    on_small_disk(world, "data", &format!("\"$1\" run -- true; {other}"))
}

fn here_full(world: &World) -> Option<String> {
    let fill = "head -c 3000000 /dev/zero >\"$0/fill\" 2>/dev/null";
    let first = on_small_disk(world, "state", &format!("{fill}; \"$1\" run -- true"))?;
    let output = fs::File::options().write(true).open("/dev/full").ok()?;
    let second = world.command(&["run", "--", "echo", "x"]).stdout(output).output().expect("runs");
    Some(first + &Ran::from(second).stderr)
}

fn damaged(world: &World) -> Option<String> {
    let _ = world.shell("true");
    for entry in fs::read_dir(world.root().join("state/crabbox")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            fs::write(path, "garbage, and a good deal of it").expect("writes");
        }
    }
    let unreadable = world.crabbox(&["list"]);
    fs::remove_dir_all(world.root().join("state/crabbox")).expect("removes");
    let _ = world.shell("true");
    let database = world.root().join("state/crabbox/claims.db");
    let found = hit(&database).then(|| [world.shell("true"), world.crabbox(&["list"])])?;
    fs::set_permissions(&database, fs::Permissions::from_mode(0o666)).expect("a mode");
    let open = world.crabbox(&["list"]);
    Some(all(&[unreadable]) + &all(&found) + &all(&[open]))
}

/// Damages what is read only when a claim is looked for by its checkout.
fn hit(database: &Path) -> bool {
    let line = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); \
        d.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchall(); \
        q = \"SELECT rootpage FROM sqlite_master WHERE name = 'by_repository'\"; \
        page = d.execute(q).fetchone()[0]; d.close(); f = open(sys.argv[1], 'r+b'); \
        f.seek((page - 1) * 4096); f.write(b'x' * 4096)";
    let done = Command::new("python3").args(["-c", line]).arg(database).status();
    done.is_ok_and(|status| status.success())
}

fn one_bad_claim(world: &World) -> Option<String> {
    let _ = world.shell("true");
    let database = world.root().join("state/crabbox/claims.db");
    // Through SQLite; nothing else may touch the file.
    let line = "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); \
        d.execute(\"UPDATE claims SET record = '{'\"); d.commit()";
    let done = Command::new("python3").args(["-c", line]).arg(database).status();
    done.is_ok_and(|status| status.success()).then(|| world.crabbox(&["list"]).stderr)
}

fn unclaimed(world: &World) -> Option<String> {
    let _ = world.shell("true");
    let lease = world.leases(&[]).remove(0);
    let id = lease["id"].as_str().expect("an id");
    let adopt = |name| world.crabbox(&["adopt", name, "--provider", "local", "--yes"]);
    let claimed = adopt(id);
    assert_eq!(world.crabbox(&["forget", id, "--yes"]).code, 0);
    Some(all(&[claimed, world.crabbox(&["stop", id]), adopt("my-box")]))
}

fn not_ours(world: &World) -> Option<String> {
    let state = world.root().join("state/crabbox");
    fs::create_dir_all(&state).expect("a folder");
    std::os::unix::fs::chown(state, Some(65534), None).ok()?;
    Some(all(&[world.crabbox(&["list"])]))
}

fn no_locks(world: &World) -> Option<String> {
    let mut run = world.command(&["run", "--", "cargo", "test"]);
    Some(Ran::of(run.env("CRABBOX_FAULT", "~locks.unseen")).stderr)
}

fn refused(world: &World) -> Option<String> {
    Some(all(&[misbehaving(world, "refuse"), misbehaving(world, "segfault")]))
}

fn writable(world: &World) -> Option<String> {
    let folder = world.provider_path("crabbox_provider_misbehaving");
    let file = folder.join("libcrabbox_provider_misbehaving.so");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o777)).expect("a mode");
    let path = folder.display().to_string();
    let provider = ["--provider-path", &path, "--provider", "misbehaving"];
    Some(all(&[world.crabbox(&[&["run"], &provider[..], &["--", "true"]].concat())]))
}

fn unknown_provider(world: &World) -> Option<String> {
    let root = world.root().join("desk");
    world.configure(&format!("[provider.desk]\nroot = '{}'\n", root.display()));
    let folder = world.provider_path("crabbox_provider_desk");
    let path = folder.display().to_string();
    let kept = ["run", "--provider-path", &path, "--provider", "desk", "--keep", "--", "true"];
    let _ = world.crabbox(&kept);
    fs::remove_dir_all(folder).expect("removes");
    let run = world.crabbox(&["run", "--fresh", "--provider", "desk", "--", "true"]);
    let list = world.crabbox(&["list"]);
    Some(all(&[run, list, world.crabbox(&["stop", &slug(world)])]))
}

fn asked_for(world: &World) -> Option<String> {
    world.write(".crabbox.toml", "[lease]\nprovider = 'desk'\n");
    let missing = world.crabbox(&["run", "--", "cargo", "test"]);
    let path = world.provider_path("crabbox_provider_desk");
    let mut run = world.command(&["run", "--", "cargo", "test"]);
    run.env("CRABBOX_PROVIDER_PATH", path).env("CRABBOX_DESK_ROOT", world.root().join("desk"));
    Some(all(&[missing, Ran::of(&mut run)]))
}

fn asks(world: &World) -> Option<String> {
    world.write(".crabbox.toml", "[lease]\nrelease = 'delete'\n");
    Some(all(&[world.shell("true")]))
}

fn wrong_setting(world: &World) -> Option<String> {
    world.write(".crabbox.toml", "[lease]\nprovidr = 'local'\n");
    let unknown = world.shell("true");
    world.write(".crabbox.toml", "[providers]\npath = ['/p']\n");
    Some(all(&[unknown, world.shell("true")]))
}

fn lacking_setting(world: &World) -> Option<String> {
    let folder = world.provider_path("crabbox_provider_gallery");
    let run = |flags: &[&str]| {
        let mut command =
            world.command(&[&["run", "--provider", "gallery"], flags, &["--", "make"]].concat());
        Ran::of(command.env("CRABBOX_PROVIDER_PATH", &folder))
    };
    Some(all(&[run(&[]), run(&["--gallery-token", "s3cr3t-s3cr3t"])]))
}

fn no_home(world: &World) -> Option<String> {
    let mut command = world.command(&["list"]);
    let output = command.env_remove("HOME").env_remove("XDG_STATE_HOME").output().expect("runs");
    Some(all(&[Ran::from(output)]))
}

fn no_checkout(world: &World) -> Option<String> {
    let folder = world.root().join("plain");
    fs::create_dir(&folder).expect("a folder");
    let output = world.command(&["run", "--", "ls"]).current_dir(folder).output().expect("runs");
    Some(all(&[Ran::from(output)]))
}

fn dubious(world: &World) -> Option<String> {
    for path in [world.checkout(), world.checkout().join(".git")] {
        std::os::unix::fs::chown(path, Some(65534), None).ok()?;
    }
    let ran = world.shell("true");
    // Whoever may give files away may be allowed everything by the machine's git, too.
    (ran.code != 0).then_some(ran.stderr)
}
