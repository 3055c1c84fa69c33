//! A provider that was built for the interface as a later minor version could have it: with answers of which this
//! host knows neither all fields nor all words. Its source is `fixtures/abi/next`.

use super::shelf::{folder, put_all};
use crabbox_tests::{Ran, World};
use serde_json::Value;

/// A world with that provider, which says this.
struct Next {
    world: World,
    path: String,
}

impl Next {
    fn new() -> Self {
        let world = World::new();
        let path = put_all(&world, &folder("1.0.0", "next")).display().to_string();
        let next = Self { world, path };
        next.says("nothing");
        next
    }

    fn says(&self, word: &str) {
        let root = self.world.root().join("box");
        let text = format!("[provider.next]\nroot = '{}'\nsays = '{word}'\n", root.display());
        self.world.configure(&text);
    }

    fn crabbox(&self, words: &[&str]) -> Ran {
        let mut command = self.world.command(words);
        command.env("CRABBOX_PROVIDER_PATH", &self.path).env("CRABBOX_PROVIDER", "next");
        Ran::of(&mut command)
    }

    /// With a lease whose box is ready.
    fn warm() -> Self {
        let next = Self::new();
        let ran = next.crabbox(&["warmup"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        next
    }

    fn state(&self) -> String {
        let lease = &self.world.leases(&["--all"])[0];
        lease["state"].as_str().expect("a state").to_owned()
    }

    fn called(&self, words: &[&str]) -> Value {
        let ran = self.crabbox(&[&["provider", "call", "next"], words].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"))
    }
}

#[test]
fn fields_that_this_host_does_not_know_are_no_matter() {
    let next = Next::new();
    let ran = next.crabbox(&["run", "--", "cat", "hello.txt"]);
    assert_eq!((ran.code, &*ran.stdout), (0, "hello\n"), "{ran:?}");
}

#[test]
fn an_error_of_an_unknown_code_is_an_error_with_its_text() {
    let next = Next::new();
    next.says("strike");
    let ran = next.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125);
    assert!(ran.stderr.contains("the boxes are on strike"), "{ran:?}");
}

#[test]
fn a_box_that_proves_itself_in_an_unknown_way_or_lies_at_the_end_of_one_is_not_used() {
    let cases = [
        ("smell", "it proves itself in a way that this crabbox doesn't know"),
        ("pigeon", "way to reach the box is of a kind that this crabbox doesn't know"),
    ];
    for (word, reason) in cases {
        let next = Next::new();
        next.says(word);
        let ran = next.crabbox(&["run", "--", "true"]);
        assert_eq!(ran.code, 125, "{ran:?}");
        assert!(ran.stderr.contains(reason), "{ran:?}");
    }
}

#[test]
fn an_outcome_or_a_proof_that_this_host_does_not_know_ends_no_claim() {
    let unknown = "the provider gives an answer that this crabbox doesn't know";
    let cases = [
        ("quarantine", unknown, "ready"),
        ("rumour", "its resource can't be seen with this login", "ready"),
        // The resource was there before.
        ("lent", unknown, "releasing"),
    ];
    for (word, reason, state) in cases {
        let next = Next::warm();
        next.says(word);
        let ran = next.crabbox(&["stop", "@last"]);
        assert_eq!(ran.code, 5, "{ran:?}");
        assert!(ran.stderr.contains(reason), "{ran:?}");
        assert_eq!(next.state(), state, "{word}");
        // As soon as it says what is known, the claim goes its way.
        next.says("nothing");
        let ran = next.crabbox(&["stop", "@last"]);
        assert_eq!((ran.code, &*next.state()), (0, "released"), "{ran:?}");
    }
}

#[test]
fn words_that_only_inform_are_shown_as_unknown() {
    let next = Next::new();
    let checks = next.called(&["doctor"]);
    assert_eq!(checks["checks"][0]["status"], "skip", "{checks}");
    let listed = next.called(&["list"]);
    assert_eq!(listed["resources"][0]["state"], "unknown", "{listed}");
}
