//! Lines to type: each looks at the places that the line before it named.

use crate::desk::Desk;
use std::fs;

#[test]
fn what_is_to_be_typed_of_a_lease_keeps_the_places() {
    let desk = Desk::new("");
    let state = desk.world.root().join("elsewhere").display().to_string();
    let places = ["--state-dir", &state, "--provider-path", &desk.path];
    let crabbox = |words: &[&str]| desk.world.crabbox(&[&places[..], words].concat());
    let hints = |words: &[&str], line: &str| {
        let ran = crabbox(words);
        let line =
            format!("hint: crabbox --state-dir {state} --provider-path {} {line}", desk.path);
        assert!(ran.code != 0 && ran.stderr.contains(&line), "{line}: {}", ran.stderr);
    };
    let kept = crabbox(&["run", "--provider", "desk", "--keep", "--", "true"]);
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    let list = crabbox(&["list", "--json"]).stdout;
    let list: serde_json::Value = serde_json::from_str(&list).expect("JSON");
    let slug = list["leases"][0]["slug"].as_str().expect("a slug");
    hints(&["run", "--id", "nobody", "--", "true"], "list\n");
    fs::remove_file(desk.machine().join("on")).expect("switches off");
    desk.mood("resolve foreign");
    hints(&["run", "--provider", "desk", "--id", slug, "--", "true"], &format!("stop {slug}\n"));
    fs::write(desk.machine().join("id"), "another").expect("changes");
    hints(&["stop", slug, "--delete", "--yes"], &format!("stop {slug} --delete, once"));
}
