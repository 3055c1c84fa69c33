//! Reads one configuration file against the table of keys. Everything that is wrong is found
//! at once, each with its line, and what is right is kept.

use super::rules::Rules;
use super::{Layer, Lined, Owner};
use crate::config::error::{ConfigError, Place, Problem};
use crate::config::isolation;
use crate::config::keys::{self, Key};
use crate::config::trust::TrustProblem;
use crate::config::value::Setting;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

pub(super) fn parse(path: &Path, text: &str, owner: Owner) -> Layer {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader { path, text, rules: Rules::of(owner), layer: Layer::default() };
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let message = match text.get(span.clone()) {
            Some(key) if error.message() == "duplicate key" => format!("duplicate key `{key}`"),
            _ => error.message().to_owned(),
        };
        reader.report(span.start, Problem::Syntax(message));
    }
    // What is made of a line that isn't TOML is a guess; it isn't judged.
    let syntax = reader.layer.errors.len();
    for (section, value) in table.get_ref() {
        reader.section(section, value);
    }
    let mut layer = reader.layer;
    let judged = layer.errors.split_off(syntax);
    let guessed = |error: &ConfigError| layer.errors.iter().any(|known| known.place == error.place);
    let judged: Vec<_> = judged.into_iter().filter(|error| !guessed(error)).collect();
    layer.errors.extend(judged);
    layer.errors.sort_by_key(|error| match &error.place {
        Place::File { line, .. } => *line,
        _ => None,
    });
    layer
}

pub(super) struct Reader<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    pub(super) rules: Rules,
    pub(super) layer: Layer,
}

impl Reader<'_> {
    pub(super) fn line(&self, position: usize) -> usize {
        let before = self.text.get(..position).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    pub(super) fn report(&mut self, position: usize, problem: impl Into<Problem>) {
        let place = Place::File { path: self.path.to_owned(), line: Some(self.line(position)) };
        self.layer.errors.push(ConfigError::new(place, problem.into()));
    }

    /// A value as it stands in the file, for a message.
    pub(super) fn shown(&self, value: &Spanned<DeValue<'_>>) -> String {
        let text = self.text.get(value.span()).unwrap_or_default();
        match value.get_ref() {
            DeValue::Table(_) => "a table".to_owned(),
            _ if text.len() > 60 || text.contains('\n') => match value.get_ref() {
                DeValue::Array(_) => "a list".to_owned(),
                _ => "this value".to_owned(),
            },
            _ => format!("`{text}`"),
        }
    }

    pub(super) fn section(
        &mut self,
        section: &Spanned<Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) {
        let start = section.span().start;
        let name = section.get_ref().as_ref();
        match value.get_ref() {
            DeValue::Table(tables) if name == "provider" => self.providers(tables),
            _ if name == "trust" && self.rules == Rules::Repository => {
                let reason = "what it is granted";
                self.report(start, TrustProblem::Forbidden { key: "trust".to_owned(), reason });
            }
            DeValue::Table(tables) if name == "trust" && self.rules == Rules::Own => {
                self.grants(tables);
            }
            DeValue::Table(_) if name == "trust" && self.rules == Rules::System => {
                self.report(start, TrustProblem::Grants);
            }
            _ if name == "enforced" && matches!(self.rules, Rules::Own | Rules::Repository) => {
                self.report(start, TrustProblem::Enforces);
            }
            DeValue::Table(sections) if name == "enforced" && self.rules == Rules::System => {
                self.bounds(sections);
            }
            DeValue::Table(entries) if !entries.is_empty() || is_section(name) => {
                for (key, value) in entries {
                    self.entry(&format!("{name}.{}", key.get_ref()), key.span(), value);
                }
            }
            _ if is_section(name) => {
                let (key, expected) = (name.to_owned(), "a table of settings".to_owned());
                let found = self.shown(value);
                self.report(start, Problem::Value { key, expected, found });
            }
            _ => {
                let problem = Problem::Unknown { key: name.to_owned(), meant: keys::nearest(name) };
                self.report(start, problem);
            }
        }
    }

    fn entry(&mut self, name: &str, span: Range<usize>, value: &Spanned<DeValue<'_>>) {
        let Some(key) = keys::find(name) else {
            let problem = Problem::Unknown { key: name.to_owned(), meant: keys::nearest(name) };
            return self.report(span.start, problem);
        };
        if let Err(problem) = self.may_stand(key) {
            return self.report(span.start, problem);
        }
        if self.rules == Rules::Enforced {
            return self.bound(key, span, value);
        }
        match Setting::of_toml(key, value.get_ref()) {
            Some(setting) => {
                let line = self.line(span.start);
                self.layer.settings.insert(key.name, Lined { line, value: setting });
            }
            None => self.wrong_kind(key, span, value),
        }
    }

    pub(super) fn wrong_kind(
        &mut self,
        key: &Key,
        span: Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) {
        self.report(span.start, Problem::value(key.name, key.kind, self.shown(value)));
    }

    /// The tables under `[provider]`.
    fn providers(&mut self, tables: &DeTable<'_>) {
        for (name, value) in tables {
            let start = name.span().start;
            let DeValue::Table(entries) = value.get_ref() else {
                let name = name.get_ref().to_string();
                // Not what it is: most likely a setting of a provider, perhaps a secret.
                let found = kind(value.get_ref());
                self.report(start, Problem::ProviderShape { name, found });
                continue;
            };
            let entries = entries.iter().filter_map(|(key, value)| {
                let line = self.line(key.span().start);
                let value =
                    toml::Value::deserialize(ValueDeserializer::from(value.clone())).ok()?;
                Some((key.get_ref().to_string(), Lined { line, value }))
            });
            let mut table = Lined { line: self.line(start), value: entries.collect() };
            self.isolation(name.get_ref(), &mut table.value);
            let tables = match self.rules {
                Rules::Enforced => &mut self.layer.pinned,
                _ => &mut self.layer.providers,
            };
            tables.insert(name.get_ref().to_string(), table);
        }
    }

    /// Takes out of a provider's table what is the host's own.
    fn isolation(&mut self, provider: &str, table: &mut BTreeMap<String, Lined<toml::Value>>) {
        let Some(Lined { line, value }) = table.remove(isolation::KEY) else { return };
        let problem = match isolation::is_none(&value) {
            _ if self.rules != Rules::Own => Problem::Isolation,
            Some(none) => {
                if none {
                    self.layer.in_process.insert(provider.to_owned());
                }
                return;
            }
            None => isolation::not_that(provider, &value),
        };
        let place = Place::File { path: self.path.to_owned(), line: Some(line) };
        self.layer.errors.push(ConfigError::new(place, problem));
    }
}

/// What kind of value it is, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a bool",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn is_section(name: &str) -> bool {
    keys::KEYS.iter().any(|key| key.name.split('.').next() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn errors(owner: Owner, text: &str) -> Vec<String> {
        parse(Path::new("f.toml"), text, owner).errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_kind_of_value() {
        let text = "[lease]\nprovider = 'x'\nidle = '1h 30m'\nrelease = 'delete'\n\
            [sync]\nexclude = ['a', 'b']\n[provider.coder]\ntemplate = 't'\n\
            [providers]\npath = ['/p']\n";
        let layer = parse(Path::new("f.toml"), text, Owner::User);
        assert!(layer.errors.is_empty(), "{:?}", layer.errors);
        let idle = &layer.settings["lease.idle"];
        assert_eq!((idle.line, &idle.value), (3, &Setting::Duration(Duration::from_mins(90))));
        let exclude = &layer.settings["sync.exclude"].value;
        assert_eq!(exclude, &Setting::Texts(vec!["a".into(), "b".into()]));
        let coder = &layer.providers["coder"];
        assert_eq!((coder.line, coder.value["template"].line), (7, 8));
        assert_eq!(coder.value["template"].value.as_str(), Some("t"));
    }

    #[test]
    fn errors_name_the_line() {
        let of_user = |text| errors(Owner::User, text).join("\n");
        assert_eq!(of_user("\n[lease]\nprovidr = 'x'\n"), "f.toml:3: unknown key `lease.providr`");
        assert_eq!(
            of_user("[lease]\nidle = 5\n"),
            "f.toml:2: `lease.idle` must be a duration in ms, s, m, h, d or w, such as `90s` or `1h 30m`, not `5`"
        );
        assert_eq!(of_user("provider = 'x'"), "f.toml:1: unknown key `provider`");
        assert_eq!(of_user("[nothing]"), "f.toml:1: unknown key `nothing`");
        assert_eq!(of_user("lease = 3"), "f.toml:1: `lease` must be a table of settings, not `3`");
        assert_eq!(of_user("[lease]"), "");
        assert_eq!(
            of_user("[lease.idle]\nx = 1\n"),
            "f.toml:1: `lease.idle` must be a duration in ms, s, m, h, d or w, such as `90s` or `1h 30m`, not a table"
        );
        assert_eq!(
            of_user("[provider]\nlocal = 'x'\n"),
            "f.toml:2: `provider.local` must be a table of settings, not a string"
        );
        assert_eq!(
            errors(Owner::Repository, "[providers]\npath = ['/p']\n"),
            [
                "f.toml:2: a repository can't set `providers.path`: it would choose what code runs on this machine"
            ]
        );
    }

    #[test]
    fn what_has_no_place_in_the_file_of_the_machine_is_named() {
        let of_system = |text| errors(Owner::System, text).join("\n");
        assert_eq!(
            of_system("[trust.'/x'.lease]\nrelease = 'delete'\n"),
            "f.toml:1: only your own file grants: a repository is trusted by each user"
        );
        assert_eq!(
            of_system("[enforced.provider.gallery]\nisolation = 'none'\n"),
            "f.toml:2: only your own config.toml can say how a provider is isolated"
        );
    }

    #[test]
    fn all_errors_are_found_at_once_in_the_order_of_the_file() {
        let text = "[lease]\nidle = 5\nidle = '1m'\n[run]\ntimeot = '1m'\ntimeout = nonsense\n";
        let errors = errors(Owner::User, text);
        let lines: Vec<&str> = errors.iter().map(|error| &error[7..8]).collect();
        assert_eq!(lines, ["2", "3", "5", "6"], "{errors:#?}");
        assert!(errors[1].contains("duplicate key `idle`"), "{errors:#?}");
    }

    proptest! {
        #[test]
        fn foreign_text_never_panics(text: String) {
            let _ = parse(Path::new("f.toml"), &text, Owner::Repository);
        }

        #[test]
        fn damaged_files_never_panic(at in 0..90_usize, with: String) {
            let mut text = "[lease]\nidle = '1m'\n[provider.x]\ny = [1, {z = 2}]\n[sync]\n\
                exclude = ['a', '''b''']\n".to_owned();
            let at = at.min(text.len());
            text.insert_str(at, &with);
            let _ = parse(Path::new("f.toml"), &text, Owner::User);
        }
    }
}
