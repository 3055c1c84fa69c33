//! What `doctor` says of machines.

use super::Cluster;
use serde_json::Value;
use std::fs;

#[test]
fn each_machine_is_looked_at_and_one_that_is_off_hides_no_other() {
    let Some(mut cluster) = Cluster::of(&["attic", "desk"]) else { return };
    cluster.configure(&["desk", "attic"], "max-leases = { attic = '1', cellar = '2' }");
    cluster.machine_mut("desk").off();
    cluster.configure(&["attic", "desk"], "max-leases = { attic = '1', cellar = '2' }");
    cluster.done(&["warmup"]);
    cluster.configure(&["desk", "attic"], "max-leases = { attic = '1', cellar = '2' }");
    let before = cluster.counts();
    let ran = cluster.crabbox(&["doctor", "--json"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let document: Value = serde_json::from_str(&ran.stdout).expect("a document");
    let checks = document["checks"].as_array().expect("checks");
    let find = |id: &str| -> Vec<_> { checks.iter().filter(|check| check["id"] == id).collect() };
    let boxes = find("ssh-box");
    assert_eq!(boxes.len(), 2, "{checks:?}");
    let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_owned();
    assert_eq!(boxes[0]["status"], "fail");
    assert!(text(boxes[0], "message").contains("the connection is refused"), "{boxes:?}");
    assert_eq!(text(boxes[0], "hint"), "ssh -v desk true");
    assert_eq!(boxes[1]["status"], "warn");
    assert!(text(boxes[1], "message").contains("1 of 1 leases"), "{boxes:?}");
    let settings = find("ssh-settings");
    assert!(text(settings[0], "message").contains("cellar"), "{settings:?}");
    assert_eq!(cluster.counts(), before);
    // A box that isn't leased is left without a connection of ours.
    let runtime = cluster.world.root().join("run/crabbox");
    let left: Vec<_> = std::fs::read_dir(runtime).into_iter().flatten().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

/// `doctor` asks nobody: the line to type is one that does.
#[test]
fn what_somebody_has_to_answer_leads_to_a_line_that_asks() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    let hint = || {
        let ran = cluster.crabbox(&["doctor", "--json"]);
        let document: Value = serde_json::from_str(&ran.stdout).expect("a document");
        let checks = document["checks"].as_array().expect("checks").clone();
        let check = checks.into_iter().find(|check| check["id"] == "ssh-box").expect("a check");
        assert_eq!(check["status"], "fail", "{check}");
        check["hint"].as_str().expect("a hint").to_owned()
    };
    fs::write(cluster.known_hosts(), "").expect("writes");
    assert_eq!(hint(), "ssh desk true");
    fs::write(cluster.known_hosts(), cluster.machine("desk").known()).expect("writes");
    fs::remove_file(cluster.machine("desk").user_key()).expect("removes");
    assert_eq!(hint(), "ssh desk true");
}
