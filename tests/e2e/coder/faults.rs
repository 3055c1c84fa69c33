//! `kill -9` at each point that the life of a workspace comes to: what exists is claimed, the next command finishes
//! what was broken off, nobody else's workspace is touched, and nothing is left running.

use crate::state::damage_an_index;
use crabbox::fault::POINTS;
use crabbox_test_coder::{Ending, Transition, Workspace};
use crabbox_tests::{Coder, Ran, until};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;

/// Workspaces that are nobody's lease: one is called as if it were.
const FOREIGN: [&str; 2] = ["crabbox-amber-0123456789ab", "theirs"];

/// Something to be killed in.
struct Scene {
    /// Makes ready what the scene before has left.
    prepare: fn(&Coder),
    line: &'static str,
    /// Sets right what was made wrong on purpose.
    mend: fn(&Coder),
    /// Finishes what was broken off.
    next: &'static str,
}

/// Scenes that follow each other in one place, and how all of it ends.
struct Group {
    scenes: &'static [Scene],
    end: fn(&Coder),
}

const NO_CHANGE: fn(&Coder) = |_| ();
const RUN: &str = "run -- cat hello.txt";

fn with_others() -> Coder {
    Coder::with(|state| {
        let (alice, bob) = (state.user("alice").id.clone(), state.user("bob").id.clone());
        let template = state.template("demo").clone();
        let owners = [alice, bob];
        let others = FOREIGN.iter().zip(owners);
        state.workspaces =
            others.map(|(name, owner)| Workspace::new(name, &owner, &template)).collect();
    })
}

fn done(coder: &Coder, line: &str) -> Ran {
    let ran = coder.crabbox(&line.split(' ').collect::<Vec<_>>());
    assert_eq!(ran.code, 0, "{line}: {ran:?}");
    ran
}

/// What was asked for a moment ago may still appear: its claim stays for that long, though nothing is there.
fn is_done(ran: &Ran) -> bool {
    ran.code == 0 || format!("{}{}", ran.stdout, ran.stderr).contains("it may still appear")
}

fn own(coder: &Coder) -> Vec<String> {
    let state = coder.deployment.state();
    let names = state.names().into_iter().filter(|name| !FOREIGN.contains(name));
    names.map(str::to_owned).collect()
}

fn all_is_deleted(coder: &Coder) {
    for lease in coder.world.leases(&[]) {
        let id = lease["id"].as_str().expect("an id");
        let ran = coder.crabbox(&["stop", id, "--delete", "--yes"]);
        assert!(is_done(&ran), "{ran:?}");
    }
    assert_eq!(own(coder), [""; 0]);
}

/// What was adopted stays.
fn all_is_forgotten(coder: &Coder) {
    for lease in coder.world.leases(&[]) {
        done(coder, &format!("forget {} --yes", lease["id"].as_str().expect("an id")));
    }
}

fn one_is_parked(coder: &Coder) {
    coder.deployment.change(|state| state.template("demo").over_quota = false);
    let is_one = coder.world.leases(&[]).iter().any(|lease| lease["state"] == "parked");
    if !is_one || own(coder).len() != 1 {
        all_is_deleted(coder);
        done(coder, "run -- true");
    }
}

fn one_is_ready(coder: &Coder) {
    one_is_parked(coder);
    done(coder, "warmup");
}

/// A run is killed at that point.
fn a_run_is_killed(coder: &Coder, point: &str) {
    let mut command = coder.command(&["run", "--slug", "broken", "--", "true"]);
    let status = command.env("CRABBOX_FAULT", point).status().expect("runs");
    assert_eq!(status.signal(), Some(9), "{point}");
}

fn one_is_adopted(coder: &Coder) {
    all_is_forgotten(coder);
    done(coder, ADOPT);
}

/// Somebody has ours built at the deployment.
fn ours_builds(coder: &Coder, transition: Transition, then: fn(&mut Workspace)) {
    coder.deployment.change(|state| {
        let alice = state.user("alice").id.clone();
        let template = state.template("demo").clone();
        let one = state.workspaces.last_mut().expect("the last one is ours");
        one.builds(transition, &alice, &template);
        then(one);
    });
}

fn ours_is_of(coder: &Coder, user: &str) {
    coder.deployment.change(|state| {
        let user = state.user(user).id.clone();
        state.workspaces.last_mut().expect("the last one is ours").owner = user;
    });
}

/// It stays ready, and nothing leads to it: the deployment counts too many requests of whoever wants to.
fn one_is_ready_and_out_of_reach(coder: &Coder) {
    one_is_ready(coder);
    ours_builds(coder, Transition::Stop, |_| {});
    until("the connection is over", || coder.processes().is_empty());
    ours_builds(coder, Transition::Start, |_| {});
    coder.deployment.change(|state| {
        state.trouble.limited = u32::MAX;
        state.trouble.limited_command = Some("ssh".to_owned());
    });
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
fn points(coder: &Coder, scene: &Scene) -> Vec<String> {
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
fn play(group: &Group) -> BTreeSet<String> {
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

fn comes_to(met: &BTreeSet<String>, wanted: &[&str]) {
    assert!(met.iter().all(|point| POINTS.contains(&point.as_str())), "{met:?}");
    let missed: Vec<_> = wanted.iter().filter(|point| !met.contains(**point)).collect();
    assert!(missed.is_empty(), "{missed:?}: {met:?}");
}

const FIRST: Group = Group {
    scenes: &[Scene { prepare: all_is_deleted, line: "run -- true", mend: NO_CHANGE, next: RUN }],
    end: all_is_deleted,
};

#[test]
fn a_kill_in_a_first_run_loses_nothing() {
    comes_to(&play(&FIRST), &["claim.after.checkpoint", "child.after.lease", "claim.after.parked"]);
}

const THERE: Group = Group {
    scenes: &[
        Scene { prepare: one_is_parked, line: "run -- true", mend: NO_CHANGE, next: RUN },
        Scene {
            prepare: |coder| drop(done(coder, "warmup")),
            line: "extend @last 9h",
            mend: NO_CHANGE,
            next: "extend @last 10h",
        },
        Scene {
            prepare: one_is_parked,
            line: "stop @last --delete --yes",
            mend: NO_CHANGE,
            next: "cleanup",
        },
    ],
    end: all_is_deleted,
};

#[test]
fn a_kill_in_what_is_done_with_one_that_is_there_loses_nothing() {
    comes_to(&play(&THERE), &["claim.after.take", "child.after.extend", "claim.after.deleted"]);
}

const KEPT: Group = Group {
    scenes: &[
        Scene { prepare: all_is_deleted, line: "warmup", mend: NO_CHANGE, next: RUN },
        Scene { prepare: one_is_ready, line: "warmup", mend: NO_CHANGE, next: RUN },
        Scene { prepare: one_is_ready, line: "run -- true", mend: NO_CHANGE, next: RUN },
        Scene { prepare: all_is_deleted, line: "run --keep -- true", mend: NO_CHANGE, next: RUN },
        Scene {
            prepare: |coder| {
                one_is_ready(coder);
                coder.world.write("large", &"much ".repeat(200_000));
            },
            line: "cp large @last:copied",
            mend: NO_CHANGE,
            next: "cp large @last:copied",
        },
    ],
    end: all_is_deleted,
};

#[test]
fn a_kill_in_what_stays_ready_loses_nothing() {
    comes_to(&play(&KEPT), &["claim.after.leased", "run.after.let_go", "copy.block"]);
}

const WRONG: Group = Group {
    scenes: &[
        // Somebody has deleted it.
        Scene {
            prepare: |coder| {
                one_is_parked(coder);
                ours_builds(coder, Transition::Delete, |_| {});
            },
            line: "run -- true",
            mend: NO_CHANGE,
            next: RUN,
        },
        // Its first build fails.
        Scene {
            prepare: |coder| {
                all_is_deleted(coder);
                coder.deployment.change(|state| state.template("demo").over_quota = true);
            },
            line: "warmup",
            mend: NO_CHANGE,
            next: "cleanup",
        },
        // A start fails, and then doesn't.
        Scene {
            prepare: |coder| {
                one_is_parked(coder);
                ours_builds(coder, Transition::Start, |one| one.build.ends = Ending::Fails);
            },
            line: "run -- true",
            mend: NO_CHANGE,
            next: RUN,
        },
        // It is given away, and comes back.
        Scene {
            prepare: |coder| {
                one_is_parked(coder);
                ours_is_of(coder, "bob");
            },
            line: "run --id @last -- true",
            mend: |coder| ours_is_of(coder, "alice"),
            next: RUN,
        },
        // Nothing can be made of that.
        Scene {
            prepare: all_is_deleted,
            line: "warmup --coder-template nope",
            mend: NO_CHANGE,
            next: "cleanup",
        },
        // The way to it fails, though all is well with it.
        Scene {
            prepare: one_is_ready_and_out_of_reach,
            line: "run --id @last -- true",
            mend: |coder| coder.deployment.change(|state| state.trouble.limited = 0),
            next: RUN,
        },
        // A disk was bad.
        Scene {
            prepare: |coder| {
                one_is_parked(coder);
                damage_an_index(&coder.world.root().join("state/crabbox/claims.db"));
                assert_eq!(coder.crabbox(&["run", "--", "true"]).code, 125);
            },
            line: "list",
            mend: NO_CHANGE,
            next: RUN,
        },
    ],
    end: all_is_deleted,
};

#[test]
fn a_kill_where_something_is_wrong_loses_nothing() {
    let wanted =
        ["claim.after.gone", "claim.after.lease_failed", "claim.after.unreached", "salvage.moved"];
    comes_to(&play(&WRONG), &wanted);
}

const BROKEN_OFF: Group = Group {
    scenes: &[
        Scene {
            prepare: |coder| {
                all_is_deleted(coder);
                a_run_is_killed(coder, "claim.after.insert");
            },
            line: "stop broken",
            mend: NO_CHANGE,
            next: "cleanup",
        },
        Scene {
            prepare: |coder| {
                all_is_deleted(coder);
                a_run_is_killed(coder, "claim.after.checkpoint:2");
            },
            line: "cleanup",
            mend: NO_CHANGE,
            next: "cleanup",
        },
        Scene {
            prepare: |coder| {
                one_is_parked(coder);
                a_run_is_killed(coder, "session.started");
            },
            line: "cleanup",
            mend: NO_CHANGE,
            next: "cleanup",
        },
    ],
    end: all_is_deleted,
};

#[test]
fn a_kill_in_a_cleanup_after_a_kill_loses_nothing() {
    comes_to(&play(&BROKEN_OFF), &["call.after.resolve", "claim.after.release"]);
}

const ADOPT: &str = "adopt theirs --provider coder --coder-list-scope all --owner bob --yes";

const ADOPTED: Group = Group {
    scenes: &[
        Scene { prepare: all_is_forgotten, line: ADOPT, mend: NO_CHANGE, next: "cleanup" },
        Scene {
            prepare: one_is_adopted,
            line: "stop @last --yes",
            mend: NO_CHANGE,
            next: "cleanup",
        },
        Scene {
            prepare: one_is_adopted,
            line: "forget @last --yes",
            mend: NO_CHANGE,
            next: "cleanup",
        },
    ],
    end: all_is_forgotten,
};

#[test]
fn a_kill_in_an_adoption_loses_nothing() {
    let wanted = ["claim.after.insert", "child.after.list", "claim.after.let_go"];
    comes_to(&play(&ADOPTED), &wanted);
}

/// That no scene comes to a point is as bad as that there is none.
#[test]
fn every_point_is_come_to_with_this_provider() {
    let mut met = BTreeSet::new();
    for group in [FIRST, THERE, KEPT, WRONG, BROKEN_OFF, ADOPTED] {
        let coder = with_others();
        met.extend(group.scenes.iter().flat_map(|scene| points(&coder, scene)));
    }
    comes_to(&met, POINTS);
}
