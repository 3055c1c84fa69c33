//! A server that isn't content with a key: somebody at a terminal types a code besides, and what comes after it rides the
//! connection.

use crabbox_tests::ssh::{Reached, Server};
use crabbox_tests::{Left, Typist};

const ASKS: &str = "Verification code:";
const CODE: &str = "314159";

fn reached() -> Reached {
    Reached::by(Server::Russh, |host| host.second_factor(CODE)).expect("a host")
}

/// Types it when it is asked for; nobody sees it.
fn answers(reached: &Reached, words: &[&str]) {
    let mut typist = Typist::before(&reached.command(words));
    typist.reads(ASKS);
    typist.types(&format!("{CODE}\n"));
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(0), "{words:?}: {shown}");
    assert_eq!(shown.matches(ASKS).count(), 1, "{words:?}: {shown}");
    assert!(!shown.contains(CODE), "{words:?}: {shown}");
}

#[test]
fn it_is_asked_for_once_and_runs_ride_what_it_opened() {
    let reached = reached();
    // In a batch nobody is asked, and the line that does is told.
    let ran = reached.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 125, "{ran:?}");
    assert!(ran.stderr.contains("it doesn't let us in"), "{ran:?}");
    assert!(ran.stderr.contains("hint: crabbox warmup"), "{ran:?}");
    assert_eq!(reached.host.counts().logins, 0);
    answers(&reached, &["warmup"]);
    for _ in 0..2 {
        let ran = reached.crabbox(&["run", "--keep", "--shell", "echo here"]);
        assert_eq!((ran.code, &*ran.stdout), (0, "here\n"), "{ran:?}");
    }
    assert_eq!(reached.host.counts().logins, 1);
}

/// After a night, on a box that stands ready.
#[test]
fn a_shell_asks_for_it_where_there_is_no_connection_any_more() {
    let reached = reached();
    answers(&reached, &["warmup"]);
    reached.hang_up();
    answers(&reached, &["ssh", "@last", "--", "true"]);
    let ran = reached.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(reached.host.counts().logins, 2);
}

#[test]
fn a_wrong_code_is_what_the_error_says() {
    let reached = reached();
    let mut typist = Typist::before(&reached.command(&["warmup"]));
    for _ in 0..3 {
        typist.reads(ASKS);
        typist.types("271828\n");
    }
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(1), "{shown}");
    let (_, after) = shown.rsplit_once("error: ").expect("an error");
    assert!(after.contains("it doesn't let us in"), "{shown}");
    assert_eq!(reached.host.counts().logins, 0);
}
