//! Whether it can work: each check stands for itself.

use crabbox_test_coder::Answers;
use crabbox_tests::{Coder, Ran};
use serde_json::Value;
use std::fs;

fn checks(coder: &Coder, more: &[&str]) -> Vec<(String, String, String)> {
    let ran = coder.crabbox(&[&["doctor", "--json"][..], more].concat());
    let document: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    let text = |check: &Value, name: &str| check[name].as_str().unwrap_or_default().to_owned();
    let checks = document["checks"].as_array().expect("checks").iter();
    checks.map(|one| (text(one, "id"), text(one, "status"), one.to_string())).collect()
}

fn found(coder: &Coder, more: &[&str], id: &str) -> (String, String) {
    let all = checks(coder, more);
    let one = all.iter().find(|check| check.0.ends_with(id));
    let one = one.unwrap_or_else(|| panic!("{id}: {all:?}"));
    (one.1.clone(), one.2.clone())
}

#[test]
fn everything_is_well() {
    let coder = Coder::new();
    for id in ["cli", "login", "inventory", "template"] {
        assert_eq!(found(&coder, &[], id).0, "pass", "{id}");
    }
    let calls = coder.calls();
    assert!(calls.iter().all(|call| !call.contains("create")), "{calls:?}");
}

#[test]
fn what_is_wrong_with_a_login_is_told_apart_and_the_rest_is_kept() {
    let coder = Coder::new();
    coder.log_in_to("http://coder.example.test", "expired");
    let (status, said) = found(&coder, &[], "login");
    assert!(status == "fail" && said.contains("coder login"), "{said}");
    assert_eq!(found(&coder, &[], "cli").0, "pass");
    coder.log_in_to("http://nope.invalid", "token-of-alice");
    assert!(found(&coder, &[], "login").1.contains("no such host"));
    fs::remove_dir_all(coder.login()).expect("a login");
    assert!(found(&coder, &[], "login").1.contains("not logged in"));
}

#[test]
fn an_inventory_that_fails_takes_nothing_else_along() {
    let coder = Coder::with(|state| {
        state.trouble.limited = 99;
        state.trouble.limited_command = Some("list".to_owned());
    });
    let (status, said) = found(&coder, &[], "inventory");
    assert!(status == "fail" && said.contains("rate limited"), "{said}");
    for id in ["cli", "login", "template"] {
        assert_eq!(found(&coder, &[], id).0, "pass", "{id}");
    }
}

#[test]
fn a_template_that_is_not_there_names_those_that_are() {
    let coder = Coder::new();
    let (status, said) = found(&coder, &["--coder-template", "nope"], "template");
    assert!(status == "fail" && said.contains("demo"), "{said}");
}

#[test]
fn a_server_that_is_away_or_speaks_another_language_is_said_to() {
    for (answers, says) in [
        (Answers::Refused, "connection refused"),
        (Answers::Page, "invalid character"),
        (Answers::TooOften, "rate limited"),
        (Answers::Empty, "non-JSON"),
    ] {
        let coder = Coder::with(|state| state.trouble.answers = answers);
        let (status, said) = found(&coder, &[], "login");
        assert!(status == "fail" && said.contains(says), "{said}");
    }
}

#[test]
fn a_program_that_is_not_there_or_is_another_is_said_to_be() {
    let coder = Coder::new();
    let (status, said) = found(&coder, &["--coder-cli", "/nonexistent/coder"], "cli");
    assert!(status == "fail" && said.contains("/nonexistent/coder"), "{said}");
    let (status, said) = found(&coder, &["--coder-cli", "/bin/echo"], "cli");
    assert!(status == "fail" && said.contains("makes no sense"), "{said}");
}

#[test]
fn nothing_is_said_in_several_ways_and_nonsense_is_none_of_them() {
    for (text, code) in [("[]\n", 2), ("null\n", 2), ("", 2)] {
        let coder = Coder::new();
        assert_eq!(coder.crabbox(&["warmup"]).code, 0);
        coder.deployment.change(|state| state.trouble.answers = Answers::Says(text.to_owned()));
        let ran = coder.crabbox(&["stop", "@last"]);
        assert_ne!(ran.code, 0, "{code}: {ran:?}");
        assert_eq!(coder.world.leases(&[]).len(), 1);
    }
    let coder =
        Coder::with(|state| state.trouble.chatter = vec!["Hello from a wrapper".to_owned()]);
    let ran: Ran = coder.crabbox(&["run", "--", "true"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}
