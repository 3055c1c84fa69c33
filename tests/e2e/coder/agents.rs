//! A workspace with one agent has one way; one with several needs a name.

use crabbox_test_coder::Agent;
use crabbox_tests::Coder;

fn with(agents: Vec<Agent>) -> Coder {
    Coder::with(|state| state.template("demo").agents = agents)
}

/// A run goes to this agent and to no other.
fn leads_to(coder: &Coder, more: &[&str], agent: &str) {
    coder.deployment.forget_calls();
    let ran = coder.crabbox(&[&["run"][..], more, &["--", "true"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let calls = coder.calls();
    let ways: Vec<_> = calls.iter().filter(|call| call.contains("ssh --stdio")).collect();
    let end = format!(".{agent}");
    assert!(!ways.is_empty() && ways.iter().all(|way| way.ends_with(&end)), "{calls:?}");
}

#[test]
fn several_without_a_name_are_an_error_with_the_names() {
    let coder = with(vec![Agent::new("main"), Agent::new("side")]);
    let ran = coder.crabbox(&["warmup"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("main, side"), "{ran:?}");
    leads_to(&coder, &["--coder-agent", "side"], "side");
}

#[test]
fn one_in_a_container_is_meant_by_its_name_alone() {
    let nested = Agent { is_nested: true, ..Agent::new("inner") };
    let coder = with(vec![Agent::new("main"), nested]);
    leads_to(&coder, &[], "main");
    leads_to(&coder, &["--coder-agent", "inner"], "inner");
}

#[test]
fn an_agent_that_is_not_there_is_an_error_with_the_names() {
    let coder = with(vec![Agent::new("main")]);
    let ran = coder.crabbox(&["warmup", "--coder-agent", "nope"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("no agent `nope`") && ran.stderr.contains("main"), "{ran:?}");
}
