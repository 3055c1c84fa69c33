//! A kill at each point of each scene.

use super::place::{Place, Provider};
use super::scenes::{SCENES, Scene};
use crabbox::fault::POINTS;
use crabbox_tests::{Ran, scale};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

impl Place {
    /// Runs a scene's command with an order.
    fn begin(&self, scene: &Scene, order: &str) -> (ExitStatus, Ran) {
        (scene.prepare)(self);
        let command = (scene.command)(self);
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        self.faulted(order, &command)
    }

    /// What the scene's command comes to, in its order; a point that it comes to twice is there twice.
    fn points_of(&self, scene: &Scene) -> Vec<String> {
        let log = self.world.root().join("points");
        self.begin(scene, &format!(">{}", log.display()));
        (scene.mend)(self);
        self.stop_all(scene.name);
        let points = fs::read_to_string(log).expect("a log");
        // What is done beside a run comes when it comes, or not at all.
        let beside = scene.name != "an extension";
        let is_beside = |point: &&str| beside && point.contains(".extend");
        let points = points.lines().filter(|point| !is_beside(point));
        // A claim that got more time from there meanwhile is written once more.
        let mut once: Vec<String> = Vec::new();
        let mut last_of_claim = "";
        for point in points {
            let again = point.starts_with("claim.before.") && point == last_of_claim;
            if point.starts_with("claim.") {
                last_of_claim = point;
            }
            if !again {
                once.push(point.to_owned());
            }
        }
        once
    }

    /// Kills once in a scene, and looks at what is left.
    fn kill_in(&self, scene: &Scene, order: &str, then: Then) {
        let after = format!("{}, {}, {order}, then {then:?}", self.name(), scene.name);
        let (status, ran) = self.begin(scene, order);
        let of_child = order.starts_with("child.");
        if of_child {
            let named = format!("the provider `{}` (", self.name());
            assert!(ran.stderr.contains(&named), "{after}: {}", ran.stderr);
            assert!(ran.stderr.contains("signal: 9"), "{after}: {}", ran.stderr);
            // The program had come to its end before its box was released.
            let ended = order.contains("release") && ran.stderr.contains("exit 0 in");
            assert_eq!(ran.code == 0, ended, "{after}: {}", ran.stderr);
        } else {
            assert_eq!(status.signal(), Some(9), "{after}: {}", ran.stderr);
        }
        self.check_claims(&after);
        (scene.mend)(self);
        if then == Then::Run {
            self.check_next_run(&after);
            // What was left is taken up, and no other box leased beside it.
            let one = scene.usual && !of_child;
            assert!(!one || self.boxes().len() == 1, "{after}: {:?}", self.boxes());
        }
        self.stop_all(&after);
    }
}

/// What comes after a kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Run,
    Stop,
}

/// Kills at each point of each scene, and returns the points. At scale 1 a run comes after a point
/// that is new, `stop` after others, and those off the claims aren't met again in unusual scenes.
fn play(provider: Provider, scenes: impl Iterator<Item = &'static Scene>) -> BTreeSet<String> {
    let mut met = BTreeSet::new();
    for scene in scenes {
        let place = Place::new(provider);
        let points = place.points_of(scene);
        for (index, point) in points.iter().enumerate() {
            let times = points[..=index].iter().filter(|other| *other == point).count();
            // The provider's child is another one the next time, and counts anew.
            if times > 1 && point.starts_with("child.") {
                continue;
            }
            let known = met.contains(point) && !scene.usual && !point.starts_with("claim.");
            let order = format!("{point}:{times}");
            match scale() {
                1 if known => {}
                1 if met.contains(point) => place.kill_in(scene, &order, Then::Stop),
                1 => place.kill_in(scene, &order, Then::Run),
                _ => {
                    place.kill_in(scene, &order, Then::Run);
                    place.kill_in(scene, &order, Then::Stop);
                }
            }
        }
        met.extend(points);
    }
    met
}

fn play_all(provider: Provider, but: &[&str]) {
    let scenes = SCENES.iter().filter(|scene| !but.contains(&scene.name));
    let passed = play(provider, scenes);
    let unknown: Vec<_> = passed.iter().filter(|name| !POINTS.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "not in the table: {unknown:?}");
    // That no scene comes to a point is as bad as that there is none.
    let missed: Vec<_> = POINTS.iter().filter(|name| !passed.contains(**name)).collect();
    // Local boxes have no deadline of their own.
    let not_local = |name: &str| name.ends_with(".lease_failed") || name.ends_with(".extend");
    let excused = |name: &str| {
        // No scene damages the claims, copies or collects files, holds the history, or has a box that is out of reach: those are
        // tested by themselves.
        name.starts_with("salvage.")
            || name.starts_with("copy.")
            || name.starts_with("collect.")
            || ["history.before.mark", "history.after.mark"].contains(&name)
            || name.ends_with(".unreached")
            || provider == Provider::Local && not_local(name)
    };
    assert!(missed.iter().all(|name| excused(name)), "never met: {missed:?}");
}

#[test]
fn the_table_of_points_has_not_shrunk() {
    assert!(POINTS.len() >= 64, "{}", POINTS.len());
    assert_eq!(POINTS.iter().filter(|name| name.starts_with("child.")).count(), 12);
}

#[test]
fn a_kill_at_any_point_of_a_lease_of_local_loses_nothing() {
    play_all(Provider::Local, &["a lease that fails"]);
}

#[test]
fn a_kill_at_any_point_of_a_lease_of_desk_loses_nothing() {
    play_all(Provider::Desk, &[]);
}
