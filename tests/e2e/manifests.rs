//! Manifests as somebody's tool, or somebody's malice, could write them: each is refused with a reason in
//! `provider list`, nothing that it says is obeyed, and none of the library's code runs.

use crabbox_tests::World;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const SYMBOL: &[u8] = b"_1as_0lib_1header_0root_bmodule_bloader";
const NAMES: &[u8] = b"\0.dynsym\0.dynstr\0.crabbox.manifest\0.shstrtab\0";

/// A shared library of this machine that has nothing but the symbol of a provider and this section.
fn library(section: &[u8]) -> Vec<u8> {
    let machine: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    // An empty symbol, then a global object called by the string at 1.
    let mut symbols = vec![0; 24];
    symbols.extend(1_u32.to_le_bytes());
    symbols.extend([0x11, 0, 1, 0]);
    symbols.extend([0; 16]);
    let strings = [b"\0", SYMBOL, b"\0"].concat();
    let parts: [&[u8]; 4] = [&symbols, &strings, section, NAMES];
    // Kind, name, link and size of an entry, of each section.
    let kinds: [(u32, usize, u32, u64); 4] =
        [(11, 1, 2, 24), (3, 9, 0, 0), (1, 17, 0, 0), (3, 35, 0, 0)];
    let mut body = Vec::new();
    let mut headers = vec![0; 64];
    for (part, (kind, name, link, entry)) in parts.iter().zip(kinds) {
        let start = 64 + body.len() as u64;
        body.extend_from_slice(part);
        headers.extend(u32::try_from(name).expect("small").to_le_bytes());
        headers.extend(kind.to_le_bytes());
        for number in [0, 0, start, part.len() as u64] {
            headers.extend(number.to_le_bytes());
        }
        headers.extend(link.to_le_bytes());
        headers.extend(u32::from(kind == 11).to_le_bytes());
        for number in [1, entry] {
            headers.extend(number.to_le_bytes());
        }
    }
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0".to_vec();
    file.extend(machine.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    for number in [0, 0, 64 + body.len() as u64] {
        file.extend(number.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    for number in [64_u16, 56, 0, 64, 5, 4] {
        file.extend(number.to_le_bytes());
    }
    [file, body, headers].concat()
}

fn section(text: &[u8]) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("short").to_le_bytes();
    [b"crabbox-manifest".as_slice(), &length, text].concat()
}

/// A store that holds these, one library each; what `provider list` says of them, in their order, and how it is shown.
fn listed(sections: &[Vec<u8>]) -> (Vec<Value>, String) {
    let world = World::new();
    let store = world.root().join("data/crabbox/providers");
    fs::create_dir_all(&store).expect("a folder");
    let path = |index: usize| store.join(format!("libcrabbox_provider_{index:03}.so"));
    for (index, section) in sections.iter().enumerate() {
        fs::write(path(index), library(section)).expect("a file");
        fs::set_permissions(path(index), fs::Permissions::from_mode(0o644)).expect("a mode");
    }
    for folder in [&store, &world.root().join("data/crabbox"), &world.root().join("data")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    let list: Value = serde_json::from_str(&world.crabbox(&["provider", "list", "--json"]).stdout)
        .expect("one document");
    let list = list["providers"].as_array().expect("a list");
    let of = |index| {
        let file = path(index).display().to_string();
        list.iter().find(|entry| entry["path"] == *file).expect("an entry").clone()
    };
    let shown = world.crabbox(&["provider", "list"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    ((0..sections.len()).map(of).collect(), shown.stdout + &shown.stderr)
}

const WHOLE: [(&str, &str); 3] = [("name", "'box'"), ("version", "'1.0.0'"), ("abi", "'1'")];

/// A manifest in which this key has this value, or is missing.
fn with(key: &str, value: Option<&str>) -> String {
    let others = WHOLE.into_iter().filter(|(known, _)| *known != key);
    let all = others.chain(value.map(|value| (key, value)));
    let lines: Vec<_> = all.map(|(key, value)| format!("{key} = {value}\n")).collect();
    lines.concat()
}

#[test]
fn a_right_one_is_taken() {
    let (entries, _) = listed(&[section(with("description", Some("'a box'")).as_bytes())]);
    assert_eq!((&entries[0]["state"], &entries[0]["name"]), (&"ok".into(), &"box".into()));
}

#[test]
fn what_is_missing_or_of_a_wrong_type_is_named() {
    let unreadable = "the manifest can't be read: ";
    let mut cases: Vec<(String, &str)> = ["name", "version", "abi"]
        .into_iter()
        .map(|key| (with(key, None), "missing field `"))
        .collect();
    let wrong = [
        ("name", "1"),
        ("version", "1"),
        ("version", "'one'"),
        ("abi", "1"),
        ("abi", "'one'"),
        ("description", "1"),
        ("aliases", "'x'"),
        ("aliases", "[1]"),
        ("targets", "1"),
        ("capabilities", "{}"),
        ("environment", "'HOME'"),
        ("environment.HOME", "1"),
        ("deadlines", "1"),
        ("deadlines.lease", "5"),
        ("deadlines.lease", "'5'"),
        ("deadlines.lease", "'-5s'"),
        ("settings", "1"),
        ("settings.x", "1"),
        ("settings.x", "{}"),
        ("settings.x", "{ type = 1 }"),
        ("settings.x", "{ type = 'string', required = 'yes' }"),
        ("license", "1"),
        ("homepage", "['x']"),
    ];
    cases.extend(wrong.map(|(key, value)| (with(key, Some(value)), unreadable)));
    cases.push(("name = ".to_owned(), unreadable));
    cases.push((String::new(), "missing field `name`"));
    let sections: Vec<_> = cases.iter().map(|(text, _)| section(text.as_bytes())).collect();
    let (entries, _) = listed(&sections);
    for ((text, reason), entry) in cases.iter().zip(entries) {
        assert_eq!(entry["state"], "unusable", "{text}: {entry}");
        assert!(entry["reason"].as_str().expect("a reason").contains(reason), "{text}: {entry}");
    }
}

#[test]
fn a_section_that_is_too_long_or_damaged_is_refused() {
    let long = with("description", Some(&format!("'{}'", "x".repeat(1 << 20))));
    let mut longer_than_it_is = section(with("description", Some("'x'")).as_bytes());
    longer_than_it_is.truncate(30);
    let mut huge = section(b"");
    huge[16..20].copy_from_slice(&[0xff; 4]);
    let damaged = "the manifest section is damaged";
    let too_long = "the manifest is longer than 65536 bytes";
    let cases = [
        (section(long.as_bytes()), too_long),
        (huge, too_long),
        (longer_than_it_is, damaged),
        (section(b"name = '\xff\xfe'"), damaged),
        (b"something else altogether".to_vec(), damaged),
        (Vec::new(), damaged),
    ];
    let sections: Vec<_> = cases.iter().map(|(section, _)| section.clone()).collect();
    let (entries, _) = listed(&sections);
    for ((_, reason), entry) in cases.iter().zip(entries) {
        assert_eq!((&entry["state"], &entry["reason"]), (&"unusable".into(), &(*reason).into()));
    }
}

#[test]
fn a_name_that_is_a_path_an_option_or_crabboxs_own_is_refused() {
    let long = format!("'{}'", "x".repeat(33));
    let no_name = "can't be a provider's name: use lower-case";
    let own = "can't be a provider's name: it is a word of crabbox's own";
    let names =
        ["'../../etc'", "'a/b'", "'.'", "''", "'-rf'", "'A'", "'a b'", "\"a\\u0000b\"", &long];
    let words = ["'list'", "'run'", "'provider'", "'no'", "'clean'", "'allow-mass'"];
    let mut cases = Vec::new();
    for (values, reason) in [(&names[..], no_name), (&words[..], own)] {
        for value in values {
            cases.push((with("name", Some(value)), reason));
            cases.push((with("aliases", Some(&format!("[{value}]"))), reason));
        }
    }
    let sections: Vec<_> = cases.iter().map(|(text, _)| section(text.as_bytes())).collect();
    let (entries, _) = listed(&sections);
    for ((text, reason), entry) in cases.iter().zip(entries) {
        assert_eq!(entry["state"], "unusable", "{text}: {entry}");
        assert!(entry["reason"].as_str().expect("a reason").contains(reason), "{text}: {entry}");
    }
}

#[test]
fn what_would_move_the_cursor_is_shown_and_not_obeyed() {
    let escape = "\"\\u001b[2J\\u009b31m\\r\\u202e\"";
    let texts = [
        with("name", Some(escape)),
        with("aliases", Some(&format!("[{escape}]"))),
        with("version", Some(escape)),
        with("abi", Some(escape)),
        with("deadlines.lease", Some(escape)),
        // A key that means nothing is named, too.
        with(escape, Some("1")),
        with("description", Some(escape)),
    ];
    let sections: Vec<_> = texts.iter().map(|text| section(text.as_bytes())).collect();
    let (entries, shown) = listed(&sections);
    assert_eq!(entries[6]["state"], "shadowed", "{entries:?}");
    assert!(shown.contains("[2J"), "{shown}");
    let bad = |char: char| (char.is_control() && char != '\n') || char == '\u{202e}';
    assert!(!shown.contains(bad), "{shown:?}");
}
