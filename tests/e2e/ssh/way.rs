//! What is recorded of the way of a run to a box behind a server.

use crabbox_tests::ssh::{Reached, Server};
use serde_json::{Value, json};
use std::fs;

/// After a run with these arguments.
fn after(reached: &Reached, arguments: &[&str]) -> [Value; 4] {
    let ran = reached.crabbox(&[&["run"], arguments, &["--", "true"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let way = crate::slow::way(&reached.world);
    ["had", "connected", "helper_sent", "asked_again"].map(|field| way[field].clone())
}

#[test]
fn a_connection_that_was_made_and_a_helper_that_was_sent_are_recorded() {
    let Some(reached) = Reached::on(Server::OpenSsh) else { return };
    let said =
        |had, connected, sent, again| [json!(had), json!(connected), json!(sent), json!(again)];
    assert_eq!(after(&reached, &["--keep"]), said("leased", false, true, false));
    assert_eq!(after(&reached, &[]), said("ready", true, false, false));
    fs::remove_dir_all(reached.home().join(".cache/crabbox/helper")).expect("a helper");
    assert_eq!(after(&reached, &[]), said("ready", true, true, false));
    reached.hang_up();
    assert_eq!(after(&reached, &[]), said("ready", false, false, true));
}
