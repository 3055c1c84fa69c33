//! A scene: what is made ready, the line that is killed at each of its points, and what has to hold afterwards.

use crabbox::fault::POINTS;
use crabbox_test_coder::Workspace;
use crabbox_tests::{Coder, Ran, until};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;

/// Workspaces that are nobody's lease: one is called as if it were.
const FOREIGN: [&str; 2] = ["crabbox-amber-0123456789ab", "theirs"];

/// Something to be killed in.
pub(super) struct Scene {
    /// Makes ready what the scene before has left.
    pub(super) prepare: fn(&Coder),
    pub(super) line: &'static str,
    /// Sets right what was made wrong on purpose.
    pub(super) mend: fn(&Coder),
    /// Finishes what was broken off.
    pub(super) next: &'static str,
}

/// Scenes that follow each other in one place, and how all of it ends.
pub(super) struct Group {
    pub(super) scenes: &'static [Scene],
    pub(super) end: fn(&Coder),
}

pub(super) const NO_CHANGE: fn(&Coder) = |_| ();

pub(super) fn with_others() -> Coder {
    Coder::with(|state| {
        let (alice, bob) = (state.user("alice").id.clone(), state.user("bob").id.clone());
        let template = state.template("demo").clone();
        let owners = [alice, bob];
        let others = FOREIGN.iter().zip(owners);
        state.workspaces =
            others.map(|(name, owner)| Workspace::new(name, &owner, &template)).collect();
    })
}

pub(super) fn done(coder: &Coder, line: &str) -> Ran {
    let ran = coder.crabbox(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(ran.code, 0, "{line}: {ran:?}");
    ran
}

/// What was asked for a moment ago may still appear: its claim stays for that long, though nothing is there.
pub(super) fn is_done(ran: &Ran) -> bool {
    ran.code == 0 || format!("{}{}", ran.stdout, ran.stderr).contains("it may still appear")
}

pub(super) fn own(coder: &Coder) -> Vec<String> {
    let state = coder.deployment.state();
    let names = state.names().into_iter().filter(|name| !FOREIGN.contains(name));
    names.map(str::to_owned).collect()
}

/// All that exists is named by a claim, and what is others' is as it was.
fn check(coder: &Coder, after: &str) {
    let claims = coder.world.leases(&[]);
    for name in own(coder) {
        let claimed = claims.iter().any(|claim| claim["resource"]["name"] == name);
        assert!(claimed, "{after}: nothing claims {name}: {claims:?}");
    }
    let state = coder.deployment.state();
    let others = state.workspaces.iter().filter(|one| FOREIGN.contains(&&*one.name));
    let builds: Vec<u32> = others.map(|one| one.build.number).collect();
    assert_eq!(builds, [1, 1], "{after}");
}

/// What a scene comes to, in its order.
pub(super) fn points(coder: &Coder, scene: &Scene) -> Vec<String> {
    let log = coder.world.root().join("points");
    let _ = fs::remove_file(&log);
    (scene.prepare)(coder);
    let mut command = coder.command(&scene.line.split(' ').collect::<Vec<_>>());
    let ran = Ran::of(command.env("CRABBOX_FAULT", format!(">{}", log.display())));
    (scene.mend)(coder);
    let points = fs::read_to_string(log).unwrap_or_else(|_| panic!("{}: {ran:?}", scene.line));
    // What is done beside a run comes when it comes.
    let beside = |point: &str| point.contains(".extend") && !scene.line.starts_with("extend");
    points.lines().filter(|point| !beside(point)).map(str::to_owned).collect()
}

fn kill_at(coder: &Coder, scene: &Scene, order: &str) {
    let after = format!("{}, {order}", scene.line);
    (scene.prepare)(coder);
    let mut command = coder.command(&scene.line.split(' ').collect::<Vec<_>>());
    let output = command.env("CRABBOX_FAULT", order).output().expect("it runs");
    if !order.starts_with("child.") {
        assert_eq!(output.status.signal(), Some(9), "{after}: {output:?}");
    }
    // Of a connection, `coder` and its server may be left to the next.
    until("nothing of coder is left but a connection", || {
        coder.processes().len() <= 2 * coder.world.leases(&[]).len()
    });
    check(coder, &after);
    (scene.mend)(coder);
    let ran = coder.crabbox(&scene.next.split(' ').collect::<Vec<_>>());
    assert!(is_done(&ran), "{after}: {ran:?}");
    check(coder, &after);
    // What a provider that has died left behind is told of, and not taken up by itself.
    let left = usize::from(order.starts_with("child."));
    assert!(own(coder).len() <= 1 + left, "{after}: {:?}", own(coder));
}

/// Kills at each point that no scene before has come to, and at each checkpoint.
pub(super) fn play(group: &Group) -> BTreeSet<String> {
    let coder = with_others();
    let mut met = BTreeSet::new();
    for scene in group.scenes {
        let points = points(&coder, scene);
        for (index, point) in points.iter().enumerate() {
            let times = points[..=index].iter().filter(|other| *other == point).count();
            if met.insert(point.clone()) || times > 1 && point.contains("checkpoint") {
                kill_at(&coder, scene, &format!("{point}:{times}"));
            }
        }
    }
    (group.end)(&coder);
    check(&coder, "the end");
    until("nothing of coder is left", || coder.processes().is_empty());
    met
}

pub(super) fn comes_to(met: &BTreeSet<String>, wanted: &[&str]) {
    assert!(met.iter().all(|point| POINTS.contains(&point.as_str())), "{met:?}");
    let missed: Vec<_> = wanted.iter().filter(|point| !met.contains(**point)).collect();
    assert!(missed.is_empty(), "{missed:?}: {met:?}");
}
