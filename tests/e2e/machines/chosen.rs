//! Which machine is used, what is asked of whoever has a lease there, and what is left where there was none to be had.

use super::Cluster;

#[test]
fn where_a_box_is_to_be_shapes_it() {
    let Some(cluster) = Cluster::of(&["attic", "desk"]) else { return };
    cluster.configure(&["desk"], "");
    cluster.done(&["run", "--", "true"]);
    let ran = cluster.done(&["run", "--ssh-hosts", "attic", "--", "true"]);
    assert!(ran.stderr.contains("was leased under other settings"), "{}", ran.stderr);
    assert_eq!(cluster.counts(), [1, 1]);
    for (count, other) in [
        (3, "work-root = '~/other'"),
        (4, "user = 'nobody-here'"),
        (5, "port = 1"),
        (6, "use-user-config = false"),
    ] {
        cluster.configure(&["desk"], other);
        let ran = cluster.crabbox(&["run", "--", "true"]);
        assert!(ran.stderr.contains("leased under other settings"), "{other}: {}", ran.stderr);
        assert_eq!(cluster.leases().len(), count, "{other}: {}", ran.stderr);
    }
    // Each is where it was leased, whatever holds now.
    for lease in cluster.world.leases(&[]) {
        let id = lease["id"].as_str().expect("an id");
        cluster.done(&["stop", id, "--delete", "--yes"]);
    }
    assert_eq!(cluster.counts(), [0, 0]);
}

#[test]
fn whoever_has_a_lease_need_not_say_again_where_it_is() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.world.configure("");
    cluster.prefers("Host desk\n  Port 1\n");
    let entry = cluster.machine("desk").entry();
    let (_, port) = entry.split_once(':').expect("a port");
    cluster.done(&["warmup", "--provider", "ssh", "--ssh-hosts", "desk", "--ssh-port", port]);
    let slug = &*cluster.slug();
    for words in [
        &["run", "--id", slug, "--", "true"][..],
        &["extend", slug, "2h"],
        &["list", "--refresh"],
        &["stop", slug],
        &["run", "--id", slug, "--", "true"],
        &["cleanup", "--dry-run"],
        &["stop", slug, "--delete", "--yes"],
    ] {
        cluster.done(words);
    }
    assert_eq!((cluster.counts(), cluster.world.leases(&[]).len()), (vec![0], 0));
    let ran = cluster.crabbox(&["run", "--provider", "ssh", "--", "true"]);
    assert!(ran.stderr.contains("`provider.ssh.hosts` isn't set"), "{}", ran.stderr);
}

/// What the name of a machine means is settled with the lease.
#[test]
fn a_lease_of_the_users_configuration_is_reached_by_it_whatever_holds_later() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    cluster.done(&["run", "--", "true"]);
    let slug = &*cluster.slug();
    cluster.configure(&["desk"], "use-user-config = false");
    for words in [
        &["run", "--id", slug, "--", "true"][..],
        &["list", "--refresh"],
        &["stop", slug, "--delete", "--yes"],
    ] {
        cluster.done(words);
    }
    assert_eq!(cluster.counts(), [0]);
}

#[test]
fn what_never_was_leaves_no_lease_and_is_never_the_last_one() {
    let Some(mut cluster) = Cluster::of(&["attic", "desk"]) else { return };
    cluster.configure(&["desk"], "max-leases = { '*' = '1' }");
    cluster.done(&["run", "--", "true"]);
    cluster.machine_mut("attic").off();
    for words in [
        &["warmup", "--fresh"][..],
        &["warmup", "--ssh-label", "none"],
        &["warmup", "--ssh-hosts", "attic"],
        &["warmup", "--ssh-hosts", "nowhere.invalid"],
        &["warmup", "--ssh-port", "70000"],
    ] {
        let ran = cluster.crabbox(words);
        assert_ne!(ran.code, 0, "{words:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("hint: crabbox stop"), "{words:?}: {}", ran.stderr);
        assert_eq!(cluster.world.leases(&[]).len(), 1, "{words:?}: {}", ran.stderr);
    }
    cluster.done(&["stop", "@last", "--delete", "--yes"]);
    assert_eq!(cluster.counts(), [0, 0]);
}
