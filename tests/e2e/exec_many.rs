//! Several external commands of one hook at once, and how many there may be.

use crate::exec::{LONG, doctor, open, shell};
use crabbox_tests::{World, until};
use serde_json::json;
use std::fs;
use std::thread;

/// How many may run at once: `host/src/provider/exec/service.rs`.
const MOST: usize = 64;

#[test]
fn two_commands_of_one_hook_run_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let meet = |mine: &str, other: &str| {
        let at = folder.path().display();
        let line =
            format!(": >{at}/{mine}; until test -e {at}/{other}; do sleep 0.01; done; echo {mine}");
        json!({ "command": shell(&line).deadline(LONG) })
    };
    let world = World::new();
    let both = json!([meet("a", "b"), meet("b", "a")]);
    let came = doctor(&mut open(&world), &both, LONG).expect("the hook answers");
    assert_eq!((&came[0]["stdout"], &came[1]["stdout"]), (&json!("a\n"), &json!("b\n")));
}

#[test]
fn one_command_too_many_is_refused_and_harms_no_other() {
    let world = World::new();
    let folder = world.root().join("running");
    fs::create_dir(&folder).expect("a folder");
    let at = folder.display();
    let order = |number| {
        let line = format!(": >{at}/{number}; until test -e {at}.over; do sleep 0.1; done");
        json!({ "command": shell(&line).deadline(LONG) })
    };
    let mut orders: Vec<_> = (0..MOST).map(order).collect();
    // The last one begins while all others run, and they end when it has its answer.
    orders.push(json!({
        "command": shell("true"),
        "after": format!("{at}.all"),
        "then": format!("{at}.over"),
    }));
    let mut provider = open(&world);
    let came = thread::scope(|scope| {
        let came = scope.spawn(|| doctor(&mut provider, &json!(orders), LONG));
        until("all run", || fs::read_dir(&folder).expect("a folder").count() == MOST);
        fs::write(format!("{at}.all"), "").expect("a file");
        came.join().expect("no panic").expect("the hook answers")
    });
    let (last, others) = came.split_last().expect("answers");
    assert_eq!(last["error"], "refused", "{last}");
    let said = "more than 64 commands at once aren't run for a provider";
    assert_eq!(last["message"], said, "{last}");
    assert!(others.iter().all(|one| one["status"] == "exit 0"), "{others:?}");
    // There is room again.
    let again = json!([{ "command": shell("echo again") }]);
    let came = doctor(&mut provider, &again, LONG).expect("the hook answers");
    assert_eq!(came[0]["stdout"], "again\n", "{came:?}");
}
