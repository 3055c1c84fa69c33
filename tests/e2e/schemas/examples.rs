//! What the pages show of documents has the shape of what is really printed.

use super::Schemas;
use crabbox_tests::World;
use serde_json::Value;
use std::fs;
use std::path::Path;

const REPORT: &str = "\
echo running; echo '<testsuite name=\"parser\"><testcase name=\"reads\" time=\"0.01\">\
<failure message=\"left != right\">src/parser.rs:7</failure></testcase></testsuite>' >junit.xml; exit 1";

/// The lines that print the documents that are shown, each after what it needs. `SLUG` is the lease's.
const LINES: [(&str, &[&str]); 14] = [
    ("list", &["list"]),
    ("status", &["status", "SLUG"]),
    ("warmup", &["warmup"]),
    ("run", &["run", "--", "true"]),
    ("provider-list", &["provider", "list"]),
    ("provider-options", &["provider", "options", "gallery"]),
    ("provider-call", &["provider", "call", "local", "doctor"]),
    ("doctor", &["doctor"]),
    ("debug-list", &["debug", "list"]),
    ("failure", &["status", "nope"]),
    ("results", &["results"]),
    ("logs", &["logs", "@last"]),
    ("history-prune", &["history", "prune", "--keep", "0"]),
    ("verify", &["verify", "../receipt"]),
];

#[test]
fn what_is_shown_has_the_shape_of_what_is_printed() {
    let schemas = Schemas::read();
    let world = World::new();
    let providers = world.provider_path("crabbox_provider_gallery").display().to_string();
    assert_eq!(world.crabbox(&["run", "--keep", "--", "true"]).code, 0);
    let slug = world.only_slug();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/examples");
    for (name, line) in LINES {
        if name == "results" {
            let receipt = ["run", "--receipt", "../receipt", "--shell", REPORT];
            assert_eq!(world.crabbox(&receipt).code, 1);
        }
        let line = line.iter().map(|word| if *word == "SLUG" { &*slug } else { *word });
        let providers =
            ["--provider-path", &*providers].into_iter().filter(|_| name.ends_with("options"));
        let line: Vec<&str> = ["--json"].into_iter().chain(line).chain(providers).collect();
        let ran = world.crabbox(&line);
        assert_ne!(ran.stdout, "", "{line:?}: {ran:?}");
        let printed = value(&ran.stdout);
        let shown = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap_or_default();
        assert_ne!(shown, "", "nothing is shown of {line:?}: {printed:#}");
        schemas.hold(name, "what is shown", &value(&shown));
        assert_eq!(shape(&value(&shown)), shape(&printed), "{line:?}: {printed:#}");
    }
    let shown = fs::read_dir(folder).expect("a folder").count();
    assert_eq!(shown, LINES.len(), "each that is shown is compared");
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A document with its values left out.
fn shape(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => "plain".to_owned(),
        Value::String(_) => "text".to_owned(),
        Value::Array(items) => format!("[{}]", items.first().map(shape).unwrap_or_default()),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}: {}", shape(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}
