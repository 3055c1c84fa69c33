//! `kill -9` at random moments, of crabbox itself or of what it has started for a provider, in everything
//! that changes a lease. Afterwards the claims name all that exists, the next run works, and everything can
//! be stopped.

use crate::faults::{Place, Provider, SCENES, Scene};
use crabbox_tests::scale;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Random enough, and the same again from the same seed.
struct Dice {
    /// `CRABBOX_TEST_SEED`, or any.
    seed: u64,
    now: u64,
}

impl Dice {
    fn new() -> Self {
        let given = std::env::var("CRABBOX_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(crabbox::lease::random_bits);
        Self { seed, now: seed }
    }

    fn below(&mut self, limit: u64) -> u64 {
        // Steele and others, "Fast splittable pseudorandom number generators".
        self.now = self.now.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.now;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (bits ^ (bits >> 31)) % limit
    }
}

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whom {
    Crabbox,
    /// A process of the provider's, while there is one.
    ItsChild,
}

/// Those in which something is done to a lease.
const NAMES: [&str; 10] = [
    "a first run",
    "a parked run",
    "a warm-up",
    "a second warm-up",
    "a deletion",
    "an extension",
    "an adoption",
    "the end of an adopted lease",
    "a cleanup after a killed run",
    "a cleanup after a killed lease",
];

/// So often in each, for each of two providers, at a scale of 1: 220 in all.
const KILLS: [(Whom, usize); 2] = [(Whom::Crabbox, 8), (Whom::ItsChild, 3)];

fn begin(place: &Place, scene: &Scene) -> Child {
    let command = (scene.command)(place);
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    place.command(&command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("runs")
}

/// How long the scene's command takes, in microseconds.
fn usual(place: &Place, scene: &Scene) -> u64 {
    (scene.prepare)(place);
    let begun = Instant::now();
    begin(place, scene).wait().expect("ends");
    let usual = u64::try_from(begun.elapsed().as_micros()).expect("a short time");
    (scene.mend)(place);
    place.stop_all(scene.name);
    usual
}

/// Kills once, at another moment each time.
fn kill(place: &Place, scene: &Scene, whom: Whom, usual: u64, dice: &mut Dice) {
    (scene.prepare)(place);
    let mut child = begin(place, scene);
    let delay = Duration::from_micros(dice.below(usual));
    thread::sleep(delay);
    match whom {
        Whom::Crabbox => child.kill().expect("kills"),
        Whom::ItsChild => kill_a_child(&mut child, dice),
    }
    child.wait().expect("ends");
    let (name, of, seed) = (scene.name, place.name(), dice.seed);
    let after = format!("{of}, {name}, {whom:?} killed after {delay:?}, CRABBOX_TEST_SEED={seed}");
    place.check_claims(&after);
    (scene.mend)(place);
    if dice.below(4) > 0 {
        place.check_next_run(&after);
        let one = scene.usual && whom == Whom::Crabbox;
        assert!(!one || place.boxes().len() == 1, "{after}: {:?}", place.boxes());
    }
    place.stop_all(&after);
}

/// Kills one of them as soon as there is one, unless it comes to its end before.
fn kill_a_child(child: &mut Child, dice: &mut Dice) {
    while child.try_wait().expect("is there").is_none() {
        let found = of_provider(child.id());
        let Ok(count) = u64::try_from(found.len()) else { return };
        if count > 0 {
            let one = found[usize::try_from(dice.below(count)).expect("one of them")];
            // It may have ended just now.
            let _ = kill_process(one, Signal::KILL);
            return;
        }
        thread::sleep(Duration::from_micros(200));
    }
}

/// What runs for a provider below this process: its keepers and its children.
fn of_provider(host: u32) -> Vec<Pid> {
    let mut all = Vec::new();
    for entry in fs::read_dir("/proc").expect("a folder").flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let (Ok(stat), Ok(line)) =
            (fs::read_to_string(entry.path().join("stat")), fs::read(entry.path().join("cmdline")))
        else {
            continue;
        };
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)?.parse().ok());
        let is_of_provider = ["__keeper", "__provider-child"]
            .iter()
            .any(|word| line.split(|byte| *byte == 0).any(|part| part == word.as_bytes()));
        all.push((pid, parent.unwrap_or(0), is_of_provider));
    }
    let mut below = vec![i32::try_from(host).expect("a process id")];
    let mut found = Vec::new();
    while let Some(parent) = below.pop() {
        for (pid, _, is_of_provider) in all.iter().filter(|(_, of, _)| *of == parent) {
            below.push(*pid);
            found.extend(Pid::from_raw(*pid).filter(|_| *is_of_provider));
        }
    }
    found
}

fn kill_in_all(provider: Provider, whom: Whom) {
    let mut dice = Dice::new();
    let place = Place::new(provider);
    let (_, count) = KILLS.into_iter().find(|(of, _)| *of == whom).expect("it is in the table");
    for name in NAMES {
        let scene = SCENES.iter().find(|scene| scene.name == name).expect("there is one");
        let usual = usual(&place, scene);
        for _ in 0..count * scale() {
            kill(&place, scene, whom, usual, &mut dice);
        }
    }
}

#[test]
fn a_kill_of_crabbox_at_any_moment_loses_nothing_of_local() {
    kill_in_all(Provider::Local, Whom::Crabbox);
}

#[test]
fn a_kill_of_crabbox_at_any_moment_loses_nothing_of_desk() {
    kill_in_all(Provider::Desk, Whom::Crabbox);
}

#[test]
fn a_kill_of_its_provider_at_any_moment_loses_nothing_of_local() {
    kill_in_all(Provider::Local, Whom::ItsChild);
}

#[test]
fn a_kill_of_its_provider_at_any_moment_loses_nothing_of_desk() {
    kill_in_all(Provider::Desk, Whom::ItsChild);
}

#[test]
fn there_are_enough_of_them() {
    let of_each: usize = KILLS.iter().map(|(_, count)| count).sum();
    assert!(of_each * NAMES.len() * 2 >= 100);
}
