//! The how-to, followed as a new user would.

use super::Cluster;
use crate::documents::blocks;
use std::fs;
use std::path::Path;

#[test]
fn the_guide_works_as_it_is_written() {
    let Some(cluster) = Cluster::of(&["desk"]) else { return };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/how-to/use-any-ssh-host.md");
    let page = fs::read_to_string(page).expect("reads");
    cluster.world.configure(blocks(&page, "toml")[0]);
    let mut typed = 0;
    for block in blocks(&page, "sh") {
        for line in block.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(words[0], "crabbox", "{line}");
            cluster.done(&words[1..]);
            typed += 1;
        }
    }
    assert!(typed >= 8, "{typed}");
    assert_eq!(cluster.counts(), [0]);
    // The other blocks are a configuration that is right.
    cluster.world.configure(blocks(&page, "toml")[1]);
    cluster.done(&["config", "check"]);
}
