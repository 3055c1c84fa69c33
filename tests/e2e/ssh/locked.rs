//! A server that takes one session on a connection, and a key with a passphrase: who finds the connection full has it
//! opened by somebody at a terminal, or waits for its end.

use crabbox_tests::ssh::{Reached, Server};
use crabbox_tests::{Left, Ran, Typist, until};
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Stdio};

const ASKS: &str = "Enter passphrase for key";
const WORD: &str = "open sesame";

/// A lease whose connection somebody has opened.
fn opened() -> Option<Reached> {
    let reached = Reached::by(Server::OpenSsh, |host| host.max_sessions(1).passphrase(WORD))?;
    let mut typist = Typist::before(&reached.command(&["warmup"]));
    typist.reads(ASKS);
    typist.types(&format!("{WORD}\n"));
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(0), "{shown}");
    Some(reached)
}

/// A run that has the one session until the file is there.
fn run(reached: &Reached) -> (Child, PathBuf) {
    let (started, go) = (reached.world.root().join("started"), reached.world.root().join("go"));
    let line =
        format!("touch {}; until [ -e {} ];do sleep 0.05;done", started.display(), go.display());
    let mut run = reached.command(&["run", "--keep", "--shell", &line]);
    let run = run.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    until("the command", || started.exists());
    (run, go)
}

/// What a visitor wants.
fn copy(reached: &Reached) -> [String; 3] {
    let there = reached.home().join("file");
    fs::write(&there, "there\n").expect("a file");
    ["cp".to_owned(), format!("@last:{}", there.display()), "here".to_owned()]
}

fn words(line: &[String; 3]) -> [&str; 3] {
    line.each_ref().map(String::as_str)
}

#[test]
fn a_further_connection_is_made_where_somebody_answers() {
    let Some(reached) = opened() else { return };
    let (run, go) = run(&reached);
    let mut typist = Typist::before(&reached.command(&words(&copy(&reached))));
    typist.reads(ASKS);
    typist.types(&format!("{WORD}\n"));
    let Left { code, shown } = typist.leaves();
    assert_eq!(code, Some(0), "{shown}");
    fs::write(go, "").expect("a file");
    let run: Ran = run.wait_with_output().expect("it ends").into();
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn nobody_who_can_wait_needs_an_answer() {
    let Some(reached) = opened() else { return };
    let (run, go) = run(&reached);
    let before = reached.host.counts().connections;
    let mut copy = reached.command(&words(&copy(&reached)));
    let copy = copy.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    until("it tries another connection", || reached.host.counts().connections > before);
    fs::write(go, "").expect("a file");
    let copy: Ran = copy.wait_with_output().expect("it ends").into();
    assert_eq!(copy.code, 0, "{copy:?}");
    assert_eq!(reached.host.counts().connections, before + 1, "no key is tried again and again");
    let run: Ran = run.wait_with_output().expect("it ends").into();
    assert_eq!(run.code, 0, "{run:?}");
}
