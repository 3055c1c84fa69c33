//! Everything in which something is done to a lease, for whoever kills in it.

use super::place::Place;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;

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
