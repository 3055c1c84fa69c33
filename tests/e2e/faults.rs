//! `kill -9` at every step: of crabbox itself and of the provider's child, at each point that
//! [`crabbox::fault::POINTS`] names. At random moments: [`crate::moments`]. Whatever was going on, afterwards the claims
//! name all that exists, the next run works, and everything can be stopped.

use crabbox::fault::POINTS;
use crabbox_tests::{Ran, World, scale};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// Whose boxes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provider {
    /// Folders that are always on; an endpoint comes with the lease.
    Local,
    /// Machines that are switched on and off; where they are is asked for.
    Desk,
}

/// A world with one provider.
pub(crate) struct Place {
    provider: Provider,
    world: World,
}

impl Place {
    pub(crate) fn new(provider: Provider) -> Self {
        let world = World::new();
        if provider == Provider::Desk {
            let root = world.root().join("desk");
            world.configure(&format!("[provider.desk]\nroot = '{}'\n", root.display()));
            let _ = world.provider_path("crabbox_provider_desk");
        }
        Self { provider, world }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self.provider {
            Provider::Local => "local",
            Provider::Desk => "desk",
        }
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = self.world.command(words);
        command.env("CRABBOX_PROVIDER", self.name());
        if self.provider == Provider::Desk {
            command.env("CRABBOX_PROVIDER_PATH", self.world.root().join("providers"));
        }
        command
    }

    pub(crate) fn crabbox(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.command(words))
    }

    /// Runs with an order for [`crabbox::fault`].
    fn faulted(&self, order: &str, words: &[&str]) -> (ExitStatus, Ran) {
        let output = self.command(words).env("CRABBOX_FAULT", order).output().expect("runs");
        (output.status, Ran::from(output))
    }

    /// The claims that aren't final.
    pub(crate) fn claims(&self) -> Vec<Value> {
        let list = self.crabbox(&["list", "--json"]).stdout;
        let list: Value = serde_json::from_str(&list).expect("JSON");
        list["leases"].as_array().expect("a list").clone()
    }

    /// The folders of all boxes, and of what is left of some.
    pub(crate) fn boxes(&self) -> Vec<PathBuf> {
        let folder = match self.provider {
            Provider::Local => return self.world.boxes(),
            Provider::Desk => self.world.root().join("desk"),
        };
        let Ok(entries) = fs::read_dir(folder) else {
            return Vec::new();
        };
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect()
    }

    fn only_box(&self) -> PathBuf {
        let mut boxes = self.boxes();
        assert_eq!(boxes.len(), 1, "{boxes:?}");
        boxes.remove(0)
    }

    /// Where a box has its immutable id.
    fn id_of(&self, folder: &Path) -> PathBuf {
        match self.provider {
            Provider::Local => folder.join(".crabbox/id"),
            Provider::Desk => folder.join("id"),
        }
    }

    /// The names of what exists; one that is half made or half gone has its name with a word before it.
    fn names(&self) -> Vec<String> {
        let name = |path: &PathBuf| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            // The desk's are whole, and called as the claim says.
            let at = if self.provider == Provider::Desk {
                0
            } else {
                name.find("cbx_").expect("a lease id")
            };
            name[at..].to_owned()
        };
        self.boxes().iter().map(name).collect()
    }

    /// All that exists is named by a claim, and no claim has two.
    pub(crate) fn check_claims(&self, after: &str) {
        let claims = self.claims();
        let claimed =
            |name: &String| claims.iter().any(|claim| claim["resource"]["name"] == **name);
        let names = self.names();
        let unclaimed = fs::read_to_string(self.unclaimed()).unwrap_or_default();
        for name in names.iter().filter(|name| unclaimed != **name) {
            assert!(claimed(name), "{after}: nothing claims {name}: {claims:?}");
        }
        let once: BTreeSet<_> = names.iter().collect();
        assert_eq!(once.len(), names.len(), "{after}: {names:?}");
    }

    pub(crate) fn check_next_run(&self, after: &str) {
        let ran = self.crabbox(&["run", "--", "cat", "hello.txt"]);
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{after}: {}", ran.stderr);
        self.check_claims(after);
    }

    /// Everything can be stopped, and nothing is left then.
    pub(crate) fn stop_all(&self, after: &str) {
        for claim in self.claims() {
            let id = claim["id"].as_str().expect("an id");
            let ran = self.crabbox(&["stop", id, "--delete", "--yes"]);
            assert_eq!(ran.code, 0, "{after}: {claim}: {}", ran.stderr);
        }
        assert_eq!(self.boxes(), Vec::<PathBuf>::new(), "{after}");
        assert_eq!(self.claims(), Vec::<Value>::new(), "{after}");
    }

    fn only_slug(&self) -> String {
        let claims = self.claims();
        assert_eq!(claims.len(), 1, "{claims:?}");
        claims[0]["slug"].as_str().expect("a slug").to_owned()
    }

    /// Holds the name of a box that isn't always some lease's, since that is what the scene is about.
    fn unclaimed(&self) -> PathBuf {
        self.world.root().join("unclaimed")
    }

    /// The only box, which has a lease, may lose it from now on.
    fn may_be_unclaimed(&self) {
        fs::write(self.unclaimed(), &self.names()[0]).expect("a file");
    }

    fn forget(&self) {
        assert_eq!(self.crabbox(&["forget", &self.only_slug(), "--yes"]).code, 0);
    }

    fn adopt(&self) -> Ran {
        let name = fs::read_to_string(self.unclaimed()).expect("a name");
        self.crabbox(&["adopt", &name, "--provider", self.name(), "--yes"])
    }

    fn mood(&self, mood: &str) {
        let folder = self.world.root().join("desk");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("mood"), mood).expect("a file");
    }
}

/// Something to be killed in.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    /// One box, of which nothing is wrong.
    pub(crate) usual: bool,
    /// Makes an empty place ready for it.
    pub(crate) prepare: fn(&Place),
    pub(crate) command: fn(&Place) -> Vec<String>,
    /// Sets right what was made wrong on purpose.
    pub(crate) mend: fn(&Place),
}

const NO_CHANGE: fn(&Place) = |_| ();
const RUN: fn(&Place) -> Vec<String> = |_| words("run -- true");

/// Whatever was done to its lease, a box can be adopted, unless it has one.
const ADOPTED: fn(&Place) = |place| {
    let had = place.claims().len();
    assert_eq!(place.adopt().code, if had == 0 { 0 } else { 5 });
    assert_eq!(place.claims().len(), 1);
    fs::remove_file(place.unclaimed()).expect("removes");
};

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

pub(crate) fn has_run(place: &Place) {
    assert_eq!(place.crabbox(&["run", "--", "true"]).code, 0);
}

pub(crate) const SCENES: &[Scene] = &[
    Scene { name: "a first run", usual: true, prepare: NO_CHANGE, command: RUN, mend: NO_CHANGE },
    Scene { name: "a parked run", usual: true, prepare: has_run, command: RUN, mend: NO_CHANGE },
    Scene {
        name: "a kept run",
        usual: false,
        prepare: NO_CHANGE,
        command: |_| words("run --keep -- true"),
        mend: NO_CHANGE,
    },
    Scene {
        name: "a warm-up",
        usual: true,
        prepare: NO_CHANGE,
        command: |_| words("warmup --slug warm"),
        mend: NO_CHANGE,
    },
    Scene {
        name: "a second warm-up",
        usual: true,
        prepare: |place| assert_eq!(place.crabbox(&["warmup"]).code, 0),
        command: |_| words("warmup"),
        mend: NO_CHANGE,
    },
    Scene {
        name: "a run whose box is gone",
        usual: false,
        prepare: |place| {
            has_run(place);
            fs::remove_dir_all(place.only_box()).expect("removes");
        },
        command: RUN,
        mend: NO_CHANGE,
    },
    Scene {
        name: "a run whose box is another's",
        usual: false,
        prepare: |place| {
            has_run(place);
            let id = place.id_of(&place.only_box());
            fs::copy(&id, place.world.root().join("its-id")).expect("copies");
            fs::write(id, "somebody else's").expect("writes");
        },
        command: RUN,
        mend: |place| {
            let kept = place.world.root().join("its-id");
            let is_it =
                |path: &PathBuf| fs::read_to_string(path).is_ok_and(|id| id == "somebody else's");
            let ids = place.boxes().iter().map(|folder| place.id_of(folder)).collect::<Vec<_>>();
            let changed = ids.iter().find(|id| is_it(id)).expect("it is left alone");
            fs::copy(kept, changed).expect("copies");
        },
    },
    Scene {
        name: "a deletion",
        usual: false,
        prepare: has_run,
        command: |place| words(&format!("stop {} --delete --yes", place.only_slug())),
        mend: NO_CHANGE,
    },
    Scene {
        name: "an extension",
        usual: false,
        prepare: |place| assert_eq!(place.crabbox(&["run", "--keep", "--", "true"]).code, 0),
        command: |place| words(&format!("extend {} 9h", place.only_slug())),
        mend: NO_CHANGE,
    },
    Scene {
        name: "the end of a lease that never began",
        usual: false,
        prepare: |place| {
            let (status, _) = place.faulted("claim.after.insert", &["run", "--", "true"]);
            assert_eq!(status.signal(), Some(9));
        },
        command: |place| words(&format!("stop {}", place.only_slug())),
        mend: NO_CHANGE,
    },
    Scene {
        name: "an adoption",
        usual: false,
        prepare: |place| {
            has_run(place);
            place.may_be_unclaimed();
            place.forget();
        },
        command: |place| {
            let name = fs::read_to_string(place.unclaimed()).expect("a name");
            words(&format!("adopt {name} --provider {} --yes", place.name()))
        },
        mend: ADOPTED,
    },
    Scene {
        name: "the end of an adopted lease",
        usual: false,
        prepare: |place| {
            has_run(place);
            place.may_be_unclaimed();
            place.forget();
            assert_eq!(place.adopt().code, 0);
        },
        command: |place| words(&format!("stop {}", place.only_slug())),
        mend: ADOPTED,
    },
    Scene {
        name: "what is forgotten",
        usual: false,
        prepare: |place| {
            has_run(place);
            place.may_be_unclaimed();
        },
        command: |place| words(&format!("forget {} --yes", place.only_slug())),
        mend: ADOPTED,
    },
    Scene {
        name: "a cleanup after a killed run",
        usual: false,
        prepare: |place| {
            let (status, _) = place.faulted("session.started", &["run", "--", "true"]);
            assert_eq!(status.signal(), Some(9));
        },
        command: |_| words("cleanup"),
        mend: NO_CHANGE,
    },
    Scene {
        name: "a cleanup after a killed lease",
        usual: false,
        prepare: |place| {
            let (status, _) = place.faulted("claim.after.checkpoint", &["run", "--", "true"]);
            assert_eq!(status.signal(), Some(9));
        },
        command: |_| words("cleanup"),
        mend: NO_CHANGE,
    },
    Scene {
        name: "a lease that fails",
        usual: false,
        prepare: |place| place.mood("lease fails"),
        command: RUN,
        mend: |place| place.mood(""),
    },
];

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
        points.lines().filter(|point| !is_beside(point)).map(str::to_owned).collect()
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
        // No scene damages the claims or copies files: those are tested by themselves.
        name.starts_with("salvage.")
            || name.starts_with("copy.")
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
