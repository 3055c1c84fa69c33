//! The how-to, followed as a new user would.

use crate::documents::blocks;
use crabbox_test_coder::{Parameter, Preset};
use crabbox_tests::{Coder, Ran};
use std::fs;
use std::path::Path;

#[test]
fn the_guide_works_as_it_is_written() {
    let coder = Coder::with(|state| {
        let demo = state.template("demo");
        demo.parameters =
            vec![Parameter::new("region", Some("us")), Parameter::new("tag", Some(""))];
        let preset = Preset { name: "Big".to_owned(), is_default: false, parameters: Vec::new() };
        demo.presets = vec![preset];
    });
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/how-to/use-coder.md");
    let page = fs::read_to_string(page).expect("reads");
    // Nothing but what the page says.
    let done = |words: &[&str]| {
        let mut command = coder.command(words);
        command.env_remove("CRABBOX_PROVIDER").env_remove("CRABBOX_CODER_TEMPLATE");
        let ran = Ran::of(&mut command);
        assert_eq!(ran.code, 0, "{words:?}: {ran:?}");
    };
    let configurations = blocks(&page, "toml");
    coder.world.configure(configurations[0]);
    let mut typed = 0;
    for block in blocks(&page, "sh") {
        for line in block.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(words[0], "crabbox", "{line}");
            done(&words[1..]);
            typed += 1;
        }
    }
    assert!(typed >= 10, "{typed}");
    assert!(coder.deployment.state().names().is_empty());
    coder.world.configure(configurations[1]);
    done(&["run", "--provider", "coder", "--", "true"]);
    let made = coder.deployment.state().workspaces.pop().expect("a workspace");
    let tag = ("tag".to_owned(), "a, \"b\"".to_owned());
    assert!(made.parameters.contains(&tag), "{made:?}");
}
