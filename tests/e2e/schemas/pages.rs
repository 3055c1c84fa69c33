//! A page for each JSON Schema, made from nothing but that: what a field means is said once, in its schema.

use super::{PARTS, Schemas};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const INDEX: &str = "\
# JSON documents

For programs that read what crabbox says: the document that each command prints with `--json`, and what it writes for
machines.

- Exactly one document on standard output, also when the command [fails](json/failure.md). A command line that can't be
  parsed has one, too, if `--json` stands in it before `--`. `--help` and `--version` print text.
- `schema_version` is 1. Fields may be added without a new version; ignore those that you don't know.
- A list is never `null`. A field that has no value is `null`, not absent, unless its page says that it may be absent.
- Times are RFC 3339 in UTC. Durations are whole milliseconds, in fields that end with `_ms`, and as `value` of a setting.
- `crabbox run --json` sends the program's standard output to standard error, since the document has the other.

Each page is made from its JSON Schema in [schemas](schemas), which a test holds every document against:
`CRABBOX_UPDATE=1 cargo test -p crabbox-tests --test e2e schemas` writes them anew.
";

/// A folder of the reference.
fn reference(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference").join(name)
}

/// What is shown of a document that was really printed, by the name of its schema.
fn example(name: &str) -> Option<String> {
    fs::read_to_string(reference("examples").join(format!("{name}.json"))).ok()
}

/// The index and all pages, each by its path below the reference.
fn pages(schemas: &Schemas) -> Vec<(String, String)> {
    let pages = schemas.all.keys().map(|name| (format!("json/{name}.md"), page(schemas, name)));
    pages.chain([("json.md".to_owned(), index(schemas))]).collect()
}

fn index(schemas: &Schemas) -> String {
    let mut page = INDEX.to_owned();
    let is_part = |name: &str| PARTS.contains(&name);
    for (heading, parts) in [("Documents", false), ("What they are made of", true)] {
        let _ = write!(page, "\n## {heading}\n\n| document | what it says |\n|---|---|\n");
        let names = schemas.all.keys().filter(|name| is_part(name) == parts);
        let mut lines: Vec<_> = names
            .map(|name| {
                let [title, about] =
                    ["title", "description"].map(|key| text(&schemas.all[name], key));
                format!("| [{title}](json/{name}.md) | {} |\n", sentence(&unlinked(&about)))
            })
            .collect();
        lines.sort();
        page.extend(lines);
    }
    page
}

/// Its first sentence, without the full stop.
fn sentence(text: &str) -> &str {
    text.split(". ").next().unwrap_or(text).trim_end_matches('.')
}

/// The text without where its links lead.
fn unlinked(text: &str) -> String {
    let mut parts = text.split("](");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once(')').map_or("", |(_, rest)| rest));
    }
    plain.replace('[', "")
}

fn page(schemas: &Schemas, name: &str) -> String {
    let schema = &schemas.all[name];
    let mut page = format!("# {}\n\n{}\n", text(schema, "title"), text(schema, "description"));
    match &kinds(schema)[..] {
        [only] => table(&mut page, &rows(schemas, only)),
        kinds => add_kinds(&mut page, schemas, kinds),
    }
    if let Some(example) = example(name) {
        let _ = write!(page, "\n## Example\n\n```json\n{}\n```\n", example.trim_end());
    }
    let _ = write!(page, "\nThis page is made from the [JSON Schema](../schemas/{name}.json).\n");
    page
}

/// A section for each kind of a document; what all of them have is said once, before.
fn add_kinds(page: &mut String, schemas: &Schemas, kinds: &[&Value]) {
    let tables: Vec<_> = kinds.iter().map(|kind| rows(schemas, kind)).collect();
    let is_common = |row: &String| tables.iter().all(|table| table.contains(row));
    let common: Vec<_> = tables[0].iter().filter(|row| is_common(row)).cloned().collect();
    table(page, &common);
    for (kind, rows) in kinds.iter().zip(&tables) {
        let (field, value) = discriminator(kind);
        let about = kind["description"].as_str().or(value["description"].as_str());
        let about = about.unwrap_or_default();
        let _ = write!(page, "\n## {field}: {}\n\n{about}\n", words(value).replace(", ", " or "));
        let is_said = |row: &String| is_common(row) || row.starts_with(&format!("| `{field}` |"));
        table(page, &rows.iter().filter(|row| !is_said(row)).cloned().collect::<Vec<_>>());
    }
}

fn table(page: &mut String, rows: &[String]) {
    if !rows.is_empty() {
        page.push_str("\n| field | type | meaning |\n|---|---|---|\n");
        page.extend(rows.iter().map(String::as_str));
    }
}

/// What a document may be: itself, or one of these.
fn kinds(schema: &Value) -> Vec<&Value> {
    match alternatives(schema) {
        Some(kinds) => kinds.iter().filter(|kind| kind["type"] != "null").collect(),
        None => vec![schema],
    }
}

fn alternatives(schema: &Value) -> Option<&Vec<Value>> {
    schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array)
}

/// The field that says which kind it is.
fn discriminator(kind: &Value) -> (&str, &Value) {
    let mut fields = properties(kind).into_iter();
    let says = |value: &Value| value["const"].is_string() || value["enum"].is_array();
    fields.find(|(_, value)| says(value)).expect("a field that says which kind it is")
}

/// The fields of an object: those that are always there in the order in which they are printed, then the others.
fn properties(schema: &Value) -> Vec<(&str, &Value)> {
    let Some(all) = schema["properties"].as_object() else { return Vec::new() };
    let always = required(schema);
    let others = all.keys().map(String::as_str).filter(|name| !always.contains(name));
    always.iter().copied().chain(others).map(|name| (name, &all[name])).collect()
}

fn required(schema: &Value) -> Vec<&str> {
    schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn rows(schemas: &Schemas, schema: &Value) -> Vec<String> {
    let mut rows = Vec::new();
    add_rows(schemas, schema, "", &mut rows);
    rows
}

/// A line for each field, and for those in it.
fn add_rows(schemas: &Schemas, schema: &Value, path: &str, rows: &mut Vec<String>) {
    let always = required(schema);
    for (name, field) in properties(schema) {
        let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
        let absent = if always.contains(&name) { "" } else { "; may be absent" };
        let about = description(schemas, field).replace('|', "\\|");
        rows.push(format!("| `{path}` | {}{absent} | {about} |\n", words(field)));
        let is_list = field["items"].is_object();
        let inner = if is_list { &field["items"] } else { field };
        let path = if is_list { format!("{path}[]") } else { path };
        for kind in kinds(inner) {
            add_rows(schemas, kind, &path, rows);
        }
    }
}

/// What a field means: in its own words, or in those of what it refers to.
fn description(schemas: &Schemas, field: &Value) -> String {
    let referred = || schemas.referred(field["$ref"].as_str()?)?["description"].as_str();
    field["description"].as_str().or_else(referred).unwrap_or_default().to_owned()
}

/// The type of a field.
fn words(schema: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str() {
        return link(target);
    }
    if let Some(value) = schema.get("const") {
        return code(value);
    }
    if let Some(values) = schema["enum"].as_array() {
        let (nothing, values): (Vec<_>, Vec<_>) = values.iter().partition(|one| one.is_null());
        let values: Vec<_> = values.into_iter().map(code).collect();
        return or_null(values.join(", "), !nothing.is_empty());
    }
    if let Some(kinds) = alternatives(schema) {
        let kinds: BTreeSet<_> = kinds.iter().map(words).filter(|kind| kind != "`null`").collect();
        return or_null(kinds.into_iter().collect::<Vec<_>>().join(" or "), may_be_null(schema));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let named = types.iter().filter(|one| **one != "null").map(|one| named(one, schema));
    let named = named.collect::<Vec<_>>().join(" or ");
    match (named.is_empty(), types.contains(&"null")) {
        (true, true) => "`null`".to_owned(),
        (true, false) => "anything".to_owned(),
        (false, is_nothing) => or_null(named, is_nothing),
    }
}

fn may_be_null(schema: &Value) -> bool {
    alternatives(schema).is_some_and(|kinds| kinds.iter().any(|kind| kind["type"] == "null"))
}

fn or_null(words: String, is_nothing: bool) -> String {
    if is_nothing { format!("{words} or `null`") } else { words }
}

fn named(kind: &str, schema: &Value) -> String {
    let word = match kind {
        "string" if schema["format"] == "date-time" => "time",
        "string" => "text",
        "integer" => "whole number",
        "boolean" => "`true` or `false`",
        "array" => return format!("list of {}", several(&schema["items"])),
        "object" if schema["additionalProperties"]["type"] == "string" => "object of texts",
        "object" => "object",
        other => panic!("no words for the type {other}"),
    };
    word.to_owned()
}

/// The elements of a list.
fn several(items: &Value) -> String {
    match words(items) {
        plain if ["text", "object", "whole number"].contains(&&*plain) => format!("{plain}s"),
        other => other,
    }
}

fn code(value: &Value) -> String {
    format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// A link to the page of what is referred to: `urn:crabbox:NAME`, or a field in it.
fn link(target: &str) -> String {
    let (name, field) = parts(target);
    match field {
        "" => format!("[{name}]({name}.md)"),
        field => {
            let path = field.trim_start_matches('/').replace("properties/", "");
            let path = path.replace("/items/", "[].").replace('/', ".");
            format!("[`{path}` of {name}]({name}.md)")
        }
    }
}

/// The name of a schema, and the pointer to a place in it.
fn parts(target: &str) -> (&str, &str) {
    let target = target.strip_prefix("urn:crabbox:").expect("one of ours");
    target.split_once('#').unwrap_or((target, ""))
}

impl Schemas {
    /// What a `$ref` refers to.
    fn referred(&self, target: &str) -> Option<&Value> {
        let (name, field) = parts(target);
        self.all.get(name)?.pointer(field)
    }
}

fn text(schema: &Value, key: &str) -> String {
    schema[key].as_str().unwrap_or_default().to_owned()
}

#[test]
fn each_page_is_what_its_schema_says() {
    let schemas = Schemas::read();
    let pages = pages(&schemas);
    if std::env::var_os("CRABBOX_UPDATE").is_some() {
        fs::create_dir_all(reference("json")).expect("a folder");
        for (path, page) in &pages {
            fs::write(reference(path), page).expect("writes");
        }
    }
    for (path, page) in &pages {
        let written = fs::read_to_string(reference(path)).unwrap_or_default();
        assert!(
            written == *page,
            "docs/reference/{path} is old: CRABBOX_UPDATE=1 cargo test -p crabbox-tests --test e2e schemas"
        );
    }
    for folder in ["json", "examples"] {
        for entry in fs::read_dir(reference(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().expect("a name").to_string_lossy();
            assert!(schemas.all.contains_key(&*name), "{} is of no schema", path.display());
        }
    }
}

#[test]
fn every_schema_and_every_field_says_what_it_is() {
    let schemas = Schemas::read();
    let index = fs::read_to_string(reference("json.md")).expect("reads");
    let mut silent = Vec::new();
    for (name, schema) in &schemas.all {
        assert!(index.contains(&format!("](json/{name}.md)")), "the index leads to no {name}");
        for key in ["title", "description"] {
            assert_ne!(text(schema, key), "", "{name} has no {key}");
        }
        find_silent(&schemas, schema, name, &mut silent);
    }
    assert!(silent.is_empty(), "these fields have no description: {silent:#?}");
}

/// Wherever in a schema fields are: those that nothing is said of.
fn find_silent(schemas: &Schemas, schema: &Value, path: &str, silent: &mut Vec<String>) {
    for (name, field) in properties(schema) {
        let path = format!("{path}.{name}");
        if description(schemas, field).trim().is_empty() {
            silent.push(path.clone());
        }
        find_silent(schemas, field, &path, silent);
    }
    let inner = alternatives(schema).into_iter().flatten().chain(schema.get("items"));
    for one in inner {
        find_silent(schemas, one, path, silent);
    }
}
