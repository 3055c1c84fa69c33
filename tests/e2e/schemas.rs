//! Every document of `--json` is what its committed schema says: a field that comes, goes or
//! changes its type changes the schema in the same commit.

mod examples;
mod pages;

use crate::desk::Desk;
use crate::settings::Gallery;
use crabbox_tests::{Ran, World};
use jsonschema::{Registry, Validator};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Those that are no document of their own, but part of others.
const PARTS: [&str; 9] =
    ["enforced", "error", "lease", "log", "origin", "outcome", "problem", "record", "run-record"];

struct Schemas {
    all: BTreeMap<String, Value>,
    used: Vec<String>,
}

impl Schemas {
    fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/schemas");
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let schema: Value = serde_json::from_slice(&fs::read(&path).expect("reads"))
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            assert_eq!(schema["$id"], format!("urn:crabbox:{name}"), "{}", path.display());
            all.insert(name, schema);
        }
        Self { all, used: Vec::new() }
    }

    fn validator(&self, name: &str) -> Validator {
        let resources = self.all.iter().map(|(name, schema)| {
            let resource = jsonschema::Resource::from_contents(schema.clone());
            (format!("urn:crabbox:{name}"), resource)
        });
        let registry = Registry::new().extend(resources).expect("whole").prepare().expect("whole");
        jsonschema::options().with_registry(&registry).build(&self.all[name]).expect("a schema")
    }

    /// Does the document, which is all that stands on standard output, keep to this schema?
    fn check(&mut self, name: &str, what: &str, ran: &Ran) {
        let document: Value = serde_json::from_str(&ran.stdout)
            .unwrap_or_else(|error| panic!("{what}: {error}: {:?}", ran.stdout));
        self.hold(name, what, &document);
        self.used.push(name.to_owned());
    }

    /// Does this document keep to this schema?
    fn hold(&self, name: &str, what: &str, document: &Value) {
        let validator = self.validator(name);
        let wrong: Vec<_> = validator
            .iter_errors(document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{what}: {wrong:#?} in {document:#}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a list: each document is a line")]
fn every_document_keeps_to_its_schema() {
    let mut schemas = Schemas::read();
    let world = World::new();
    let mut check = |schema: &str, arguments: &[&str]| {
        let ran = world.crabbox(&[&["--json"], arguments].concat());
        schemas.check(schema, &arguments.join(" "), &ran);
        ran
    };
    check("list", &["list"]);
    check("run", &["run", "--", "true"]);
    check("warmup", &["warmup"]);
    check("failure", &["warmup", "--slug", "@"]);
    check("run", &["run", "--keep", "--shell", "kill -9 $$"]);
    check("failure", &["run", "--", "no-such-program"]);
    check("failure", &["run", "--no-such-flag"]);
    check("failure", &["status", "no-such-lease"]);
    let list = check("list", &["list", "--all"]).stdout;
    let list: Value = serde_json::from_str(&list).expect("JSON");
    let slug = list["leases"][0]["slug"].as_str().expect("a slug");
    check("list", &["list", "--refresh"]);
    check("status", &["status", slug]);
    check("inspect", &["inspect", slug]);
    check("inspect", &["inspect", slug, "--offline"]);
    check("cp", &["cp", "hello.txt", &format!("{slug}:copied")]);
    check("cp", &["cp", &format!("{slug}:copied"), "../back"]);
    check("claims", &["claims"]);
    check("stop", &["stop", slug]);
    check("stop", &["stop", slug, "no-such-lease"]);
    check("cleanup", &["cleanup", "--dry-run"]);
    let id = list["leases"][0]["id"].as_str().expect("an id").to_owned();
    check("forget", &["forget", slug, "--yes"]);
    check("status", &["adopt", &id, "--provider", "local", "--slug", slug, "--yes"]);
    check("provider-list", &["provider", "list"]);
    check("provider-options", &["provider", "options", "local"]);
    check("provider-describe", &["provider", "describe", "local"]);
    let lease = check("provider-call", &["provider", "call", "local", "lease"]).stdout;
    let lease: Value = serde_json::from_str(&lease).expect("JSON");
    let slug = lease["lease"]["slug"].as_str().expect("a slug");
    check("provider-call", &["provider", "call", "local", "resolve", "--id", slug]);
    check("provider-call", &["provider", "call", "local", "release", "--id", slug]);
    check("config-show", &["config", "show"]);
    check("config-path", &["config", "path"]);
    check("config-check", &["config", "check"]);
    check("doctor", &["doctor"]);
    check("init", &["init", "--print"]);
    check("artifacts", &["artifacts"]);
    check("history", &["history"]);
    check("history", &["history", "--all", "--failed"]);
    check("inspect-run", &["inspect", "@last-failed"]);
    check("logs", &["logs", "@last"]);
    check("failure", &["logs", "run_nothing"]);
    world.write(
        "junit.sh",
        "echo '<testsuite><testcase name=\"a\"><failure/></testcase></testsuite>' >junit.xml",
    );
    check(
        "run",
        &["run", "--artifact", "*.xml", "--receipt", "../receipt", "--", "sh", "junit.sh"],
    );
    check("run", &["run", "--events", "../events", "--artifact", "*.xml", "--", "sh", "junit.sh"]);
    check("results", &["results"]);
    check("logs-test", &["logs", "@last", "--test", "a"]);
    check("results", &["results", "--failed"]);
    check("results-flaky", &["results", "--flaky"]);
    check("report", &["report", "-o", "../run.html"]);
    check("slow", &["slow"]);
    check("slow", &["slow", "@last-failed"]);
    check("bundle", &["bundle", "-o", "../run.tar.zst"]);
    check("receipt", &["history", "receipt"]);
    check("verify", &["verify", "../receipt"]);
    check("failure", &["results", "run_nothing"]);
    check("history-prune", &["history", "prune", "--keep", "1"]);
    check("version", &["version"]);
    check("debug-last", &["debug", "last"]);
    check("debug-list", &["debug", "list"]);
    check("completions", &["completions", "bash"]);
    world.write(".crabbox.toml", "[lease]\nidle = '5m'\n");
    world.configure("[lease]\nidl = 5\n[sync]\nexclude = ['a']\n");
    check("config-check", &["config", "check"]);
    world.configure("[sync]\nexclude = ['a']\n");
    for key in ["lease.idle", "sync.exclude"] {
        check("config-explain", &["config", "explain", key]);
    }
    check("config-show", &["config", "show"]);
    world.write(".crabbox.toml", "[lease]\nrelease = 'delete'\n");
    check("config-check", &["config", "check"]);
    check("run", &["run", "--", "true"]);
    check("config-explain", &["config", "explain", "lease.release"]);
    if world.configure_machine("[enforced.lease]\nidle = '1h'\nrelease = ['park']\n") {
        check("config-show", &["config", "show"]);
        check("config-explain", &["config", "explain", "lease.idle"]);
        check("config-check", &["config", "check"]);
        assert!(world.configure_machine(""));
    }
    check("config-trust", &["config", "trust", "--deny"]);
    check("config-trust-list", &["config", "trust", "--list"]);
    check("config-trust", &["config", "trust", "--yes"]);
    check("config-trust-list", &["config", "trust", "--list"]);
    check("config-trust-revoke", &["config", "trust", "--revoke"]);

    let events = fs::read_to_string(world.root().join("events")).expect("events");
    for line in events.lines() {
        let line = Ran { code: 0, stdout: line.to_owned(), stderr: String::new() };
        schemas.check("event", "events", &line);
    }

    let gallery = Gallery::new("token = 'c4nary-of-the-gallery'\nvisit = '5m'");
    let mut check = |schema: &str, arguments: &[&str]| {
        let ran = gallery.crabbox(&[&["--json"], arguments].concat());
        schemas.check(schema, &arguments.join(" "), &ran);
    };
    check("provider-options", &["provider", "options", "gallery"]);
    check("provider-describe", &["provider", "describe", "gallery"]);
    check("config-show", &["config", "show", "--provider", "gallery", "--gallery-lit"]);
    check("config-check", &["config", "check", "--gallery-rooms", "x"]);
    for key in ["token", "visit", "root", "labels"] {
        check("config-explain", &["config", "explain", &format!("provider.gallery.{key}")]);
    }
    check("failure", &["run", "--provider", "gallery", "--gallery-token", "x", "--", "true"]);

    let world = World::new();
    world.configure("[lease]\nparked_ttl = '1ms'\n");
    assert_eq!(world.crabbox(&["run", "--", "true"]).code, 0);
    schemas.check("cleanup", "cleanup", &world.crabbox(&["cleanup", "--json"]));
    fs::remove_dir_all(world.root().join("state")).expect("removes");
    schemas.check(
        "cleanup-timer",
        "cron",
        &world.crabbox(&["cleanup", "--install-timer", "--json"]),
    );
    schemas.check("cleanup", "without claims", &world.crabbox(&["cleanup", "--json"]));

    let desk = Desk::new("");
    assert_eq!(desk.run(&["--", "true"]).code, 0);
    schemas.check("list", "list", &desk.world.crabbox(&["list", "--json"]));
    assert_eq!(desk.run(&["--keep", "--", "true"]).code, 0);
    let tunnel = desk.crabbox_command(&["tunnel", "@last", "9", "--json"]);
    schemas.check("tunnel", "tunnel", &crate::tunnel::documented(tunnel, |_| {}));
    schemas.check("inspect", "inspect", &desk.world.crabbox(&["inspect", "@last", "--json"]));

    for name in schemas.all.keys() {
        assert!(
            schemas.used.contains(name) || PARTS.contains(&name.as_str()),
            "nobody uses {name}"
        );
    }
}
