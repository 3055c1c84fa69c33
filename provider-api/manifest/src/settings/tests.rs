//! What a manifest's settings must be.

use super::setting::{Affects, Repository, Type};
use crate::{Manifest, ManifestError};

fn manifest(provider: &str, settings: &str) -> Result<Manifest, ManifestError> {
    Manifest::parse(&format!("name = '{provider}'\nversion = '1.0.0'\nabi = '1'\n{settings}"))
}

/// What is said of one setting `it` with these keys.
fn error(keys: &str) -> String {
    let error = manifest("desk", &format!("[settings.it]\n{keys}\n")).expect_err(keys).to_string();
    let about = error.strip_prefix("the setting `it` can't be: ");
    about.unwrap_or_else(|| panic!("{keys}: {error}")).to_owned()
}

#[test]
fn every_type_has_a_default_of_its_own() {
    for (kind, right, wrong) in [
        ("string", "'a'", "1"),
        ("integer", "-7", "'7'"),
        ("bool", "false", "'false'"),
        ("duration", "'90s'", "'soon'"),
        ("duration", "'1h'", "'0s'"),
        ("path", "'~/boxes'", "7"),
        ("enum", "'a'", "1"),
        ("list", "['a', 'b']", "[1]"),
        ("map", "{ a = 'b' }", "{ a = 1 }"),
    ] {
        let choices = if kind == "enum" { "choices = ['a', 'b']" } else { "" };
        let keys = |default| format!("type = '{kind}'\ndefault = {default}\n{choices}");
        let manifest = manifest("desk", &format!("[settings.it]\n{}", keys(right))).expect(kind);
        assert_eq!(manifest.settings["it"].kind.as_str(), kind);
        assert!(error(&keys(wrong)).starts_with("its default must be "), "{kind}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    for (keys, expected) in [
        ("type = 'enum'", "an enum needs `choices`"),
        ("type = 'enum'\nchoices = ['a', 'a']", "an enum needs `choices`"),
        ("type = 'enum'\nchoices = ['']", "an enum needs `choices`"),
        ("type = 'enum'\nchoices = [\"\\u001b[2J\"]", "an enum needs `choices`"),
        ("type = 'enum'\nchoices = ['a']\ndefault = 'b'", "its default isn't one of its choices"),
        ("type = 'string'\nchoices = ['a']", "only an enum has `choices`"),
        ("type = 'string'\ndefault = 'a'\nrequired = true", "what is required has no default"),
        ("type = 'string'\ndefault = 'a'\nsecret = true", "a secret has no default"),
        ("type = 'integer'\nsecret = true", "a secret is a string"),
        ("type = 'string'\nsecret = true\nrepository = 'request'", "a secret can't come from"),
        ("type = 'string'\nsecret = true\naffects = 'resource'", "a secret can't be a part"),
        ("type = 'path'\nrepository = 'set'", "a path can't be set by a repository"),
        ("type = 'path'\ndefault = 'boxes'", "its default must be absolute"),
        ("type = 'string'\nenv = 'url'", "`url` can't be the name of its variable"),
        ("type = 'string'\nenv = 'CRABBOX_URL'", "`CRABBOX_URL` can't be the name"),
    ] {
        assert!(error(keys).starts_with(expected), "{keys}: {}", error(keys));
    }
}

#[test]
fn names_and_variables_are_had_once() {
    let text = |provider: &str, settings: &str| {
        manifest(provider, settings).expect_err(settings).to_string()
    };
    assert!(text("desk", "[settings.Root]\ntype = 'path'").contains("lower-case words"));
    let same = "[settings.a]\ntype = 'string'\nenv = 'X'\n[settings.b]\ntype = 'string'\nenv = 'X'";
    assert!(
        text("desk", same).contains("the setting `b` can't be: its variable `X` is that of `a`")
    );
    let secret =
        "[settings.key]\ntype = 'string'\nsecret = true\n[settings.key-file]\ntype = 'path'";
    assert!(text("desk", secret).contains("`--desk-key-file`, which hands on the secret `key`"));
}

#[test]
fn what_the_author_leaves_out_is_the_safest_that_is_usable() {
    let settings = "[settings.a]\ntype = 'string'\n[settings.b]\ntype = 'path'\n\
        [settings.c]\ntype = 'string'\nsecret = true\n\
        [settings.d]\ntype = 'list'\nrepository = 'set'\naffects = 'lifecycle'\n";
    let settings = manifest("desk", settings).expect("reads").settings;
    let of = |name: &str| (settings[name].affects(), settings[name].repository());
    assert_eq!(of("a"), (Affects::Resource, Repository::Request));
    assert_eq!(of("b"), (Affects::Resource, Repository::Never));
    assert_eq!(of("c"), (Affects::Connection, Repository::Never));
    assert_eq!(of("d"), (Affects::Lifecycle, Repository::Set));
}

#[test]
fn words_of_a_newer_interface_are_an_error_to_the_author_alone() {
    for (word, keys) in [
        ("type", "type = 'colour'"),
        ("affects", "type = 'string'\naffects = 'weather'"),
        ("repository", "type = 'string'\nrepository = 'perhaps'"),
    ] {
        let text = format!("name = 'desk'\nversion = '1.0.0'\nabi = '1'\n[settings.it]\n{keys}\n");
        let read = Manifest::parse(&text).expect("the host reads it").settings["it"].clone();
        let error = Manifest::parse_strictly(&text).expect_err(word).to_string();
        assert!(
            error.ends_with(&format!("`{word}` is no word that this version knows")),
            "{error}"
        );
        match word {
            "type" => assert_eq!(read.kind, Type::Unknown),
            "affects" => assert_eq!(read.affects(), Affects::Resource),
            _ => assert_eq!(read.repository(), Repository::Never),
        }
    }
}
