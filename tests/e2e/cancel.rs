//! Ctrl-C and SIGTERM while a provider works, at each point that it and the host come to: the
//! provider is told to stop and has a moment for that, what was begun is undone, the code is the signal's, and the
//! claims name all that is left.

use crate::place::Place;
use crabbox::fault::POINTS;
use crabbox_tests::screen::{self, Kind, XTERM};
use crabbox_tests::{Ran, until};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

const STOPPING: &str = "crabbox: the provider is told to stop; once more leaves at once";

impl Place {
    /// Starts a command, and returns once this hook is called.
    pub(crate) fn reach(&self, mood: &str, words: &[&str]) -> Running {
        self.mood(mood);
        let _ = fs::remove_file(self.root.join("reached"));
        let running = Running::of(&mut self.command(words));
        until("the hook is called", || self.root.join("reached").exists());
        running
    }

    pub(crate) fn next_works_and_all_can_be_stopped(&self, after: &str) {
        self.mood("");
        let next = self.crabbox(&["run", "--", "cat", "hello.txt"]);
        assert_eq!((next.code, next.stdout.as_str()), (0, "hello\n"), "{after}: {}", next.stderr);
        for claim in self.claims() {
            let id = claim["id"].as_str().expect("an id");
            let ran = self.crabbox(&["stop", id, "--delete", "--yes"]);
            assert_eq!(ran.code, 0, "{after}: {claim}: {}", ran.stderr);
        }
        assert_eq!(self.boxes(), 0, "{after}");
    }
}

/// A command that runs, and what it says.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Receiver<String>,
    said: String,
}

impl Running {
    pub(crate) fn of(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("runs");
        let stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let (send, lines) = channel();
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        Self { child, lines, said: String::new() }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("signals");
    }

    /// Waits until it has seen the signal: it says so, or ends.
    pub(crate) fn is_told(&mut self) {
        self.hears(STOPPING);
    }

    /// Waits until this line is said, or it ends.
    pub(crate) fn hears(&mut self, wanted: &str) {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_mins(1)) {
            self.said += &line;
            self.said.push('\n');
            if line == wanted {
                return;
            }
        }
    }

    pub(crate) fn ends(mut self) -> Ran {
        for line in &self.lines {
            self.said += &line;
            self.said.push('\n');
        }
        let mut ran = Ran::from(self.child.wait_with_output().expect("ends"));
        ran.stderr = self.said;
        ran
    }
}

#[test]
fn a_lease_that_is_interrupted_is_told_and_leaves_nothing() {
    for (signal, code, way) in
        [(Signal::INT, 130, "polite"), (Signal::TERM, 143, "polite"), (Signal::INT, 130, "hang")]
    {
        let place = Place::new();
        let running = place.reach(&format!("lease {way}"), &["run", "--json", "--", "true"]);
        running.signal(signal);
        let ran = running.ends();
        assert_eq!(ran.code, code, "{way}: {}", ran.stderr);
        let document: Value = serde_json::from_str(&ran.stdout).expect("one document");
        assert_eq!(document["outcome"]["exit"], code);
        let cause = document["error"]["causes"][0].as_str().expect("a cause");
        let ended = if way == "polite" { "stopped" } else { "was ended" };
        let words = format!("was told to stop in `lease`, and {ended}");
        assert!(cause.contains(&words), "{cause}");
        assert!(ran.stderr.contains(STOPPING), "{}", ran.stderr);
        assert_eq!(place.claims(), Vec::<Value>::new(), "nothing was made, and nothing is left");
        place.next_works_and_all_can_be_stopped(way);
    }
}

#[test]
fn a_second_interrupt_leaves_at_once_and_the_claim_stays() {
    let place = Place::new();
    let mut running = place.reach("lease hang", &["run", "--", "true"]);
    running.signal(Signal::INT);
    running.is_told();
    running.signal(Signal::INT);
    let ran = running.ends();
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    let claims = place.claims();
    assert_eq!(claims[0]["state"], "leasing");
    let hint = format!("hint: crabbox stop {}\n", claims[0]["slug"].as_str().expect("a slug"));
    assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
    place.next_works_and_all_can_be_stopped("a second interrupt");
}

#[test]
fn what_can_not_be_undone_is_named_with_the_line_to_type() {
    let place = Place::new();
    // It stands in `lease`, behind its first checkpoint, and nobody can be asked for it.
    let hold = place.world.root().join("hold");
    let order = format!("child.after.checkpoint@{}", hold.display());
    let mut command = place.command(&["run", "--", "true"]);
    let mut running = Running::of(command.env("CRABBOX_FAULT", order));
    until("the lease has begun", || hold.exists());
    place.mood("resolve exit");
    running.signal(Signal::INT);
    running.is_told();
    let ran = running.ends();
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    let claims = place.claims();
    let (slug, name) = (&claims[0]["slug"], &claims[0]["resource"]["name"]);
    let said = format!("note: `{}` may be left at the provider: ", name.as_str().expect("a name"));
    assert!(ran.stderr.contains(&said), "{}", ran.stderr);
    let hint = format!("hint: crabbox stop {} --delete --yes\n", slug.as_str().expect("a slug"));
    assert!(ran.stderr.contains(&hint), "{}", ran.stderr);
    place.next_works_and_all_can_be_stopped("what can't be undone");
}

#[test]
fn what_an_interrupted_lease_has_made_is_released_as_it_was_settled() {
    for (release, left) in [("delete", 0), ("park", 1)] {
        let place = Place::new();
        let root = place.root.display();
        let lease = format!("[lease]\nrelease = '{release}'\n");
        place.world.configure(&format!("{lease}[provider.misbehaving]\nroot = '{root}'\n"));
        let hold = place.world.root().join("hold");
        let mut command = place.command(&["run", "--", "true"]);
        // Behind the second checkpoint, the box is there.
        command.env("CRABBOX_FAULT", format!("child.after.checkpoint:2@{}", hold.display()));
        let mut running = Running::of(&mut command);
        until("the box is made", || hold.exists());
        assert_eq!(place.boxes(), 1);
        running.signal(Signal::INT);
        running.is_told();
        let ran = running.ends();
        assert_eq!(ran.code, 130, "{}", ran.stderr);
        assert_eq!((place.boxes(), place.claims().len()), (left, left), "{}", ran.stderr);
        assert!(ran.stderr.contains("note: what it made (`cbx_"), "{}", ran.stderr);
        let hint = "--delete --yes\n";
        assert_eq!(ran.stderr.contains(hint), left > 0, "{}", ran.stderr);
        place.next_works_and_all_can_be_stopped(release);
    }
}

/// A claim that is still `leasing`, with its box, which its next run goes on with.
fn leasing(place: &Place) -> String {
    let root = place.root.display();
    place.world.configure(&format!(
        "[lease]\nrelease = 'delete'\n[provider.misbehaving]\nroot = '{root}'\n"
    ));
    let mut command = place.command(&["run", "--", "true"]);
    let _ = Ran::of(command.env("CRABBOX_FAULT", "call.after.lease"));
    let claims = place.claims();
    assert_eq!((&claims[0]["state"], place.boxes()), (&"leasing".into(), 1));
    claims[0]["slug"].as_str().expect("a slug").to_owned()
}

#[test]
fn an_error_that_speaks_of_no_effect_does_not_forget_the_box_of_an_earlier_call() {
    let place = Place::new();
    let slug = leasing(&place);
    place.mood("lease admit");
    let ran = place.crabbox(&["run", "--id", &slug, "--", "true"]);
    assert!(ran.stderr.contains("failed in `lease`: it lost count"), "{}", ran.stderr);
    assert!(ran.stderr.contains("note: what it made (`cbx_"), "{}", ran.stderr);
    assert_eq!(place.boxes(), 0, "{}", ran.stderr);

    let place = Place::new();
    let slug = leasing(&place);
    let running = place.reach("lease polite", &["run", "--id", &slug, "--", "true"]);
    running.signal(Signal::INT);
    let ran = running.ends();
    assert_eq!((ran.code, place.boxes()), (130, 0), "{}", ran.stderr);
    assert_eq!(place.claims(), Vec::<Value>::new(), "nothing is left");
}

#[test]
fn a_resolve_or_a_release_that_is_interrupted_leaves_its_claim_as_it_can_be_taken_up() {
    for hook in ["resolve", "release"] {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let place = Place::new();
            assert_eq!(place.crabbox(&["run", "--", "true"]).code, 0);
            let running = place.reach(&format!("{hook} polite"), &["run", "--", "true"]);
            running.signal(signal);
            let ran = running.ends();
            // The program had come to its end before its box was released.
            let code = if hook == "release" { 0 } else { code };
            assert_eq!(ran.code, code, "{hook}: {}", ran.stderr);
            let said = format!("was told to stop in `{hook}`, and stopped");
            assert!(ran.stderr.contains(&said), "{}", ran.stderr);
            let slug = place.claims()[0]["slug"].as_str().expect("a slug").to_owned();
            let hint = format!("hint: crabbox stop {slug}\n");
            assert!(ran.stderr.contains(&hint), "{hook}: {}", ran.stderr);
            place.next_works_and_all_can_be_stopped(hook);
        }
    }
}

/// The points of a run that begins with a lease, in their order.
fn points(place: &Place) -> Vec<String> {
    let log = place.world.root().join("points");
    let mut command = place.command(&["run", "--", "true"]);
    command.env("CRABBOX_FAULT", format!(">{}", log.display()));
    assert_eq!(Ran::of(&mut command).code, 0);
    let text = fs::read_to_string(log).expect("a log");
    let points: BTreeSet<&str> = text.lines().collect();
    POINTS.iter().copied().filter(|point| points.contains(point)).map(str::to_owned).collect()
}

#[test]
fn an_interrupt_at_any_point_of_a_run_leaves_a_claim_that_can_be_taken_up() {
    let points = points(&Place::new());
    assert!(points.len() > 25, "{points:?}");
    thread::scope(|scope| {
        for some in points.chunks(points.len().div_ceil(4)) {
            scope.spawn(|| some.iter().for_each(|point| interrupt_at(point)));
        }
    });
}

fn interrupt_at(point: &str) {
    let place = Place::new();
    let hold = place.world.root().join("hold");
    let mut command = place.command(&["run", "--", "true"]);
    command.env("CRABBOX_FAULT", format!("{point}@{}", hold.display()));
    let mut running = Running::of(&mut command);
    until(point, || hold.exists());
    running.signal(Signal::INT);
    // It may be that nothing is said, and nothing ends, before it goes on.
    if let Ok(line) = running.lines.recv_timeout(Duration::from_millis(300)) {
        running.said += &line;
    }
    fs::remove_file(&hold).expect("goes on");
    let ran = running.ends();
    // Behind the end of the program its own code counts.
    assert!([130, 0].contains(&ran.code), "{point}: {}: {}", ran.code, ran.stderr);
    assert!(place.boxes() <= place.claims().len(), "{point}: {:?}", place.claims());
    place.next_works_and_all_can_be_stopped(point);
}

#[test]
fn the_third_interrupt_leaves_at_once_also_when_the_box_is_released_by_then() {
    let place = Place::new();
    place.mood("release hang");
    let line = "trap 'echo heard >&2' INT; echo started >&2; while :; do sleep 0.01; done";
    let mut running = Running::of(&mut place.command(&["run", "--shell", line]));
    running.hears("started");
    running.signal(Signal::INT);
    running.hears("heard");
    running.signal(Signal::INT);
    until("the release has begun", || place.root.join("reached").exists());
    running.signal(Signal::INT);
    let ran = running.ends();
    assert_eq!(ran.code, 137, "{}", ran.stderr);
    assert!(ran.stderr.contains("once more leaves at once"), "{}", ran.stderr);
    assert!(ran.stderr.contains("left before the box was released"), "{}", ran.stderr);
    assert!(!ran.stderr.contains(STOPPING), "{}", ran.stderr);
    place.next_works_and_all_can_be_stopped("a third interrupt");
}

/// What a terminal shows in the end of what was written to it.
fn shown_at_last(written: &str) -> Vec<String> {
    let mut lines = vec![Vec::new()];
    let (mut row, mut column) = (0, 0);
    let mut text = written.chars().peekable();
    while let Some(character) = text.next() {
        match character {
            '\r' => column = 0,
            '\n' => {
                row += 1;
                lines.resize(lines.len().max(row + 1), Vec::new());
            }
            '\u{1b}' => {
                text.next();
                let mut number = String::new();
                let order = loop {
                    match text.next() {
                        Some(one) if one.is_ascii_alphabetic() => break one,
                        Some(one) => number.push(one),
                        None => return Vec::new(),
                    }
                };
                match order {
                    'A' => row -= number.parse().unwrap_or(1),
                    'K' if number == "2" => lines[row].clear(),
                    'K' => lines[row].truncate(column),
                    _ => {}
                }
            }
            _ => {
                if column == 80 {
                    (row, column) = (row + 1, 0);
                    lines.resize(lines.len().max(row + 1), Vec::new());
                }
                let length = lines[row].len().max(column + 1);
                lines[row].resize(length, ' ');
                lines[row][column] = character;
                column += 1;
            }
        }
    }
    lines.into_iter().map(|line| line.into_iter().collect()).collect()
}

#[test]
fn no_line_that_is_drawn_over_stays_when_a_key_leaves() {
    let place = Place::new();
    place.mood("lease hang");
    let kind = Kind { variables: &[("NO_COLOR", "1")], ..XTERM };
    let Some(mut terminal) = screen::terminal(&place.world, kind, &["run", "--", "true"]) else {
        return;
    };
    let like = place.command(&[]);
    terminal.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut child =
        terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("script runs");
    let mut keys = child.stdin.take().expect("a pipe");
    let mut output = child.stdout.take().expect("a pipe");
    let mut shown = Vec::new();
    let mut read_until = |words: &str| {
        let mut buffer = [0; 4096];
        while !String::from_utf8_lossy(&shown).contains(words) {
            let length = output.read(&mut buffer).expect("reads");
            assert_ne!(length, 0, "{}", String::from_utf8_lossy(&shown));
            shown.extend_from_slice(&buffer[..length]);
        }
    };
    read_until("getting a box");
    keys.write_all(b"\x03").expect("types");
    read_until(STOPPING);
    keys.write_all(b"\x03").expect("types");
    read_until("hint: ");
    output.read_to_end(&mut shown).expect("reads");
    child.wait().expect("ends");
    let lines = shown_at_last(&String::from_utf8_lossy(&shown));
    assert!(lines.iter().any(|line| line == STOPPING), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.contains("getting a box")), "{lines:#?}");
}
