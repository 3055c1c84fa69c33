//! What `docs/reference/abi.md` says of the interface is what its types are.

use crabbox_provider_api::Error;
use crabbox_provider_api::abi::{self, HostTable, Reply, RootModule};
use crabbox_provider_api::payload::{
    Diagnosis, DoctorRequest, ExtendRequest, Extended, Inventory, LeaseRequest, Leased,
    ListRequest, ReleaseRequest, Released, Resolution, ResolveRequest, Resource,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::mem::{offset_of, size_of};
use std::path::Path;

/// The sections under third-level headings, by heading.
fn sections() -> BTreeMap<String, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/abi.md");
    let document = fs::read_to_string(path).expect("reads");
    let parts = document.split("\n## ").flat_map(|part| part.split("\n### ").skip(1));
    parts
        .filter_map(|part| part.split_once('\n'))
        .map(|(heading, text)| (heading.to_owned(), text.to_owned()))
        .collect()
}

/// Reads an example as its type and writes it again: nothing is lost, nothing comes.
fn again<T: Serialize + DeserializeOwned>(shown: &Value) -> Value {
    let read: T = serde_json::from_value(shown.clone()).expect("an example of its type");
    serde_json::to_value(read).expect("writes")
}

#[test]
fn every_example_is_of_its_type() {
    type Again = fn(&Value) -> Value;
    let types: [(&str, Again); 14] = [
        ("Resource", again::<Resource>),
        ("LeaseRequest", again::<LeaseRequest>),
        ("Leased", again::<Leased>),
        ("ResolveRequest", again::<ResolveRequest>),
        ("Resolution", again::<Resolution>),
        ("ReleaseRequest", again::<ReleaseRequest>),
        ("Released", again::<Released>),
        ("DoctorRequest", again::<DoctorRequest>),
        ("Diagnosis", again::<Diagnosis>),
        ("ListRequest", again::<ListRequest>),
        ("Inventory", again::<Inventory>),
        ("ExtendRequest", again::<ExtendRequest>),
        ("Extended", again::<Extended>),
        ("Error", again::<Error>),
    ];
    let sections = sections();
    for (name, again) in types {
        let examples = sections[name].split("```json\n").skip(1);
        let examples: Vec<&str> = examples.filter_map(|rest| rest.split("```").next()).collect();
        assert!(!examples.is_empty(), "{name}");
        for example in examples {
            let shown = serde_json::from_str(example).expect("JSON");
            assert_eq!(again(&shown), shown, "{name}");
        }
    }
}

#[test]
fn every_offset_is_the_real_one() {
    let sections = sections();
    let check = |heading: &str, size: usize, fields: &[(&str, usize)]| {
        let text = &sections[heading];
        assert!(text.contains(&format!("{size} bytes")), "{heading}: {size} bytes");
        for (name, offset) in fields {
            let row = format!("| {offset} | `{name}` |");
            assert!(text.contains(&row), "{heading}: {row}");
        }
        assert_eq!(text.matches("\n| ").count(), fields.len() + 1, "{heading}: rows");
    };
    check(
        "Reply",
        size_of::<Reply>(),
        &[("status", offset_of!(Reply, status)), ("body", offset_of!(Reply, body))],
    );
    macro_rules! fields {
        ($type:ty: $($field:ident)+) => { [$((stringify!($field), offset_of!($type, $field))),+] };
    }
    check(
        "HostTable",
        size_of::<HostTable>(),
        &fields!(HostTable: context log progress checkpoint cancelled exec extension),
    );
    check(
        "RootModule",
        size_of::<RootModule>(),
        &fields!(RootModule: connect lease resolve release doctor list extend extension),
    );
    assert!(sections["LibHeader"].contains(&format!("{} bytes", size_of::<abi::LibHeader>())));
}

#[test]
fn the_symbol_and_the_version_are_the_real_ones() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/abi.md");
    let document = fs::read_to_string(path).expect("reads");
    assert!(document.contains(abi::SYMBOL));
    let words = document.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(&format!("`crabbox-provider-api`, {} now", abi::VERSION)));
}
