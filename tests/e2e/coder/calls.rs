//! How often the deployment is asked.

use crabbox_tests::Coder;

fn asked(coder: &Coder, line: &[&str]) -> usize {
    coder.deployment.forget_calls();
    let ran = coder.crabbox(line);
    assert_eq!(ran.code, 0, "{line:?}: {ran:?}");
    // The way there is the connection's, not a question.
    coder.calls().iter().filter(|call| !call.contains("ssh --stdio")).count()
}

#[test]
fn each_command_asks_as_little_as_it_can() {
    let coder = Coder::new();
    assert!(asked(&coder, &["warmup"]) <= 6, "{:?}", coder.calls());
    assert_eq!(asked(&coder, &["run", "--", "true"]), 0);
    // Local records are enough.
    assert_eq!(asked(&coder, &["status", "@last"]), 0);
    assert_eq!(asked(&coder, &["provider", "call", "coder", "resolve", "--id", "@last"]), 1);
    assert!(asked(&coder, &["stop", "@last"]) <= 3, "{:?}", coder.calls());
}

/// One look, one start, one look, and what the end of the run takes.
#[test]
fn a_parked_one_is_found_with_one_question() {
    let coder = Coder::new();
    assert_eq!(coder.crabbox(&["run", "--", "true"]).code, 0);
    assert!(asked(&coder, &["warmup"]) <= 6, "{:?}", coder.calls());
    let calls = coder.calls();
    assert!(calls[0].starts_with("list -o json --search id:"), "{calls:?}");
    assert!(calls[1].starts_with("start "), "{calls:?}");
}

/// Who has logged in again may be somebody else: one question tells.
#[test]
fn another_login_is_one_question_more() {
    let coder = Coder::new();
    assert_eq!(coder.crabbox(&["warmup"]).code, 0);
    coder.log_in("alice");
    assert_eq!(asked(&coder, &["run", "--", "true"]), 1, "{:?}", coder.calls());
    assert_eq!(asked(&coder, &["run", "--", "true"]), 0);
    coder.log_in("bob");
    let ran = coder.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let owners: Vec<_> = coder.deployment.state().names().into_iter().map(str::to_owned).collect();
    assert_eq!(owners.len(), 2, "{owners:?}: {ran:?}");
}
