//! Nothing is used or removed on a machine but what proves to be the lease's own place.

use super::Cluster;
use crabbox_tests::processes;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

fn delete(cluster: &Cluster, expected: i32) -> String {
    let slug = cluster.slug();
    let stopped = cluster.crabbox(&["stop", &slug, "--delete", "--yes"]);
    assert_eq!(stopped.code, expected, "{}", stopped.stderr);
    stopped.stderr
}

#[test]
fn the_marker_of_another_lease_is_neither_used_nor_removed() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["warmup"]);
    let place = cluster.place("desk");
    let marker = place.join(".crabbox/place");
    let ours = fs::read_to_string(&marker).expect("a marker");
    let id = cluster.lease()["id"].as_str().expect("an id").to_owned();
    fs::write(&marker, ours.replace(&id, "cbx_000000000000")).expect("writes");
    let ran = cluster.crabbox(&["run", "--id", &id, "--shell", "touch done"]);
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    let said = delete(&cluster, 5);
    assert!(said.contains("another lease"), "{said}");
    assert!(place.exists() && cluster.lease()["state"] != "released");
    fs::write(&marker, ours).expect("writes");
    delete(&cluster, 0);
    assert!(!place.exists());
}

#[test]
fn a_place_that_lost_its_marker_keeps_its_claim_until_that_is_forgotten() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["run", "--", "true"]);
    let place = cluster.place("desk");
    fs::remove_file(place.join(".crabbox/place")).expect("removes");
    let list = cluster.done(&["list", "--refresh"]);
    assert!(list.stderr.contains("its marker is gone"), "{}", list.stderr);
    let said = delete(&cluster, 5);
    assert!(said.contains("its marker is gone"), "{said}");
    let slug = cluster.slug();
    let forget = format!("hint: crabbox forget {slug} --yes");
    assert!(said.contains(&forget), "{said}");
    assert_eq!(cluster.lease()["state"], "parked");
    let forgotten = cluster.done(&["forget", &slug, "--yes"]).stderr;
    assert!(place.exists());
    let stays = format!("`{}` stays on `desk`", place.display());
    assert!(forgotten.contains(&stays) && !forgotten.contains("adopt"), "{forgotten}");
}

#[test]
fn another_machine_proves_nothing() {
    let Some(mut cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["run", "--", "true"]);
    let place = cluster.place("desk");
    cluster.machine_mut("desk").off();
    if !cluster.machine_mut("desk").on_as_another() {
        return;
    }
    let id = cluster.lease()["id"].as_str().expect("an id").to_owned();
    let ran = cluster.crabbox(&["run", "--id", &id, "--shell", "touch done"]);
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    let said = delete(&cluster, 5);
    assert!(said.contains("this is another machine"), "{said}");
    // Places of another machine are none of this one's.
    cluster.configure(&["desk"], "max-leases = { desk = '1' }");
    cluster.done(&["run", "--fresh", "--", "true"]);
    assert!(place.join(".crabbox/place").exists());
}

#[test]
fn a_changed_host_key_is_told_of_and_loses_no_claim() {
    let Some(mut cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["run", "--", "true"]);
    let desk = cluster.machine_mut("desk");
    desk.off();
    desk.change_key();
    desk.on();
    let id = cluster.lease()["id"].as_str().expect("an id").to_owned();
    let ran = cluster.crabbox(&["run", "--id", &id, "--", "true"]);
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    assert!(ran.stderr.contains("host key isn't the one that is known"), "{}", ran.stderr);
    let said = delete(&cluster, 6);
    assert!(said.contains("host key isn't the one that is known"), "{said}");
    assert_eq!(cluster.counts(), [1]);
}

#[test]
fn a_machine_that_is_off_loses_no_claim() {
    let Some(mut cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["run", "--", "true"]);
    cluster.machine_mut("desk").off();
    let list = cluster.done(&["list", "--refresh"]);
    assert!(list.stdout.contains("`desk` can't be reached by ssh"), "{}", list.stdout);
    delete(&cluster, 6);
    assert_eq!(cluster.lease()["state"], "parked");
    cluster.machine_mut("desk").on();
    delete(&cluster, 0);
    assert_eq!(cluster.counts(), [0]);
}

/// Its place is still there: nothing leads to a claim that is dropped.
#[test]
fn who_cannot_ask_a_machine_may_ask_again() {
    let Some(mut cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["warmup"]);
    let slug = cluster.slug();
    let again = |words: &[&str], code: i32, cluster: &Cluster| {
        let ran = cluster.crabbox(words);
        assert_eq!(ran.code, code, "{words:?}: {ran:?}");
        let all = format!("{}{}", ran.stdout, ran.stderr);
        assert!(all.contains("can't be reached by ssh: the connection is refused"), "{ran:?}");
        let hint = format!("hint: crabbox {}\n", words.join(" "));
        assert!(ran.stderr.contains(&hint) && !all.contains("forget"), "{words:?}: {ran:?}");
    };
    cluster.machine_mut("desk").off();
    again(&["stop", &slug], 6, &cluster);
    again(&["stop", &slug, "--delete", "--yes"], 6, &cluster);
    again(&["inspect", &slug], 0, &cluster);
    cluster.machine_mut("desk").on();
    let parked = |cluster: &Cluster| {
        let said = cluster.done(&["stop", &slug]).stderr;
        assert_eq!(cluster.lease()["state"], "parked");
        said
    };
    assert!(parked(&cluster).contains(&format!("{slug} is parked\n")));
    let already = format!("{slug} is parked already\n");
    assert!(parked(&cluster).contains(&already));
    cluster.machine_mut("desk").off();
    let said = parked(&cluster);
    assert!(said.contains(&format!("{slug} couldn't be asked: `desk` ")), "{said}");
    assert!(said.contains(&already) && !said.contains("hint:"), "{said}");
    cluster.machine_mut("desk").on();
    delete(&cluster, 0);
    assert_eq!(cluster.counts(), [0]);
}

#[test]
fn what_was_deleted_on_the_machine_is_gone() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["warmup"]);
    let runtime = cluster.world.root().join("run/crabbox").display().to_string();
    let masters = || processes(|_, words| words.contains(&runtime) && words.contains("[mux]"));
    assert_eq!(masters().len(), 1);
    fs::remove_dir_all(cluster.place("desk")).expect("removes");
    let list = cluster.done(&["list", "--refresh"]);
    assert!(list.stdout.contains("its resource was deleted"), "{}", list.stdout);
    delete(&cluster, 0);
    assert_eq!(cluster.lease()["state"], "lost");
    assert_eq!(masters(), [], "its connection is of no use to anybody");
}

/// Nobody has to let go of it: the run that finds it so gets another place, and its connection ends with it.
#[test]
fn a_run_in_a_place_that_was_deleted_gets_another_one() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["warmup"]);
    let folders = || {
        let entries = fs::read_dir(cluster.world.root().join("run/crabbox"));
        entries.expect("a folder").map(|entry| entry.expect("an entry").path()).collect::<Vec<_>>()
    };
    let before = folders();
    assert_eq!(before.len(), 1, "{before:?}");
    fs::remove_dir_all(cluster.place("desk")).expect("removes");
    let ran = cluster.done(&["run", "--", "true"]);
    assert!(ran.stderr.contains("was deleted: its claim is closed"), "{ran:?}");
    assert!(!ran.stderr.contains("isn't as it was left"), "one line is enough: {ran:?}");
    assert_eq!(cluster.leases()[0]["state"], "lost");
    assert_eq!(cluster.leases()[1]["state"], "parked");
    assert_eq!(folders(), Vec::<PathBuf>::new());
    let runtime = cluster.world.root().join("run").display().to_string();
    assert!(crabbox_tests::processes(|_, words| words.contains(&runtime)).is_empty());
    // The same of a parked one; a lease that is named is that one or none.
    fs::remove_dir_all(cluster.place("desk")).expect("removes");
    let id = cluster.leases()[1]["id"].as_str().expect("an id").to_owned();
    let ran = cluster.crabbox(&["run", "--id", &id, "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("has no box any more"), "{ran:?}");
    assert_eq!(cluster.leases()[1]["state"], "lost");
    assert_eq!(cluster.counts(), [0]);
}

/// Whatever else somebody keeps there.
#[test]
fn only_what_is_marked_counts_as_a_lease_of_a_machine() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.configure(&["desk"], "max-leases = { desk = '1' }");
    let root = cluster.machine("desk").work_root();
    for name in ["cbx_000000000001", "notes"] {
        fs::create_dir_all(root.join(name)).expect("a folder");
    }
    cluster.done(&["warmup"]);
    assert_eq!(cluster.crabbox(&["warmup", "--fresh"]).code, 7);
    cluster.done(&["stop", "@last", "--delete", "--yes"]);
    assert!(root.join("cbx_000000000001").exists() && root.join("notes").exists());
}

#[test]
fn a_work_root_that_is_another_one_proves_nothing() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["run", "--", "true"]);
    let (root, away) = (cluster.machine("desk").work_root(), cluster.machine("desk").home());
    fs::rename(&root, away.join("away")).expect("unmounts");
    for another in [false, true] {
        if another {
            fs::create_dir(&root).expect("a folder");
            fs::write(root.join(".crabbox-root"), "0\n").expect("writes");
        }
        let said = delete(&cluster, 5);
        assert!(said.contains("nothing is proven of"), "{said}");
    }
    fs::remove_dir_all(&root).expect("removes");
    fs::rename(away.join("away"), &root).expect("mounts");
    delete(&cluster, 0);
}

#[test]
fn a_link_in_the_place_of_a_lease_is_not_followed() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["run", "--", "true"]);
    let place = cluster.place("desk");
    // Its content is elsewhere, marker and all, and a link leads there.
    let elsewhere = cluster.machine("desk").home().join("elsewhere");
    fs::rename(&place, &elsewhere).expect("moves");
    symlink(&elsewhere, &place).expect("links");
    let id = cluster.lease()["id"].as_str().expect("an id").to_owned();
    let ran = cluster.crabbox(&["run", "--id", &id, "--shell", "touch done"]);
    assert_eq!(ran.code, 125, "{}", ran.stderr);
    assert_eq!(cluster.lease()["state"], "lost", "the place itself is gone");
    delete(&cluster, 0);
    assert!(elsewhere.join(".crabbox/place").exists());
    assert!(fs::symlink_metadata(&place).expect("it stays").is_symlink());
}

#[test]
fn links_in_a_place_are_removed_and_not_what_they_lead_to() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["run", "--shell", "mkdir -p deep/er && chmod 0 deep"]);
    let place = cluster.place("desk");
    let precious = cluster.machine("desk").home().join("precious");
    fs::create_dir(&precious).expect("a folder");
    fs::write(precious.join("file"), "").expect("writes");
    symlink(&precious, place.join("link")).expect("links");
    delete(&cluster, 0);
    assert!(!place.exists() && precious.join("file").exists());
}
