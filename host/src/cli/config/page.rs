//! All that there is to say of one setting: what each layer says, and which wins.

use super::{enforcement_to_json, origin_to_json};
use crate::config::{Chain, Enforcement, Key, Layers, Origin, Owner, Repository, Request};
use crate::output::{Table, visible as visible_text, wrap};
use crabbox_provider_api::manifest::{self, Manifest, Setting, settings};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What is said where a repository's file sets nothing.
fn in_repository(repository: Repository, asked: Option<&Request>) -> String {
    match (repository, asked) {
        (Repository::Never(_), _) => "not allowed".to_owned(),
        (_, Some(Request { value, line, denied, .. })) => {
            let which = if *denied { "you have denied" } else { "isn't granted" };
            format!("line {line} asks for {value}, which {which}")
        }
        _ => "not set".to_owned(),
    }
}

/// What is said where neither a flag nor a variable sets it.
fn silence(provider: &str, name: &str, setting: &Setting) -> (String, String) {
    let flag = settings::flag(provider, name);
    let flag = if setting.secret {
        format!("neither {flag}-stdin nor {flag}-file is given")
    } else {
        format!("{flag} isn't given")
    };
    let own = settings::variable(provider, name);
    let of_file = setting.secret.then(|| format!("{own}_FILE"));
    let names: Vec<String> =
        [Some(own), of_file, setting.env.clone()].into_iter().flatten().collect();
    let variable = match names.as_slice() {
        [one] => format!("{one} isn't set"),
        all => format!("none of {} is set", all.join(", ")),
    };
    (flag, variable)
}

/// One layer, and what it says.
pub(super) struct Step {
    pub(super) layer: &'static str,
    pub(super) text: Option<String>,
    pub(super) value: Value,
    pub(super) origin: Option<Origin>,
    /// Why it says nothing.
    pub(super) silent: String,
}

/// Everything there is to say of a setting.
pub(super) struct Page {
    pub(super) key: String,
    pub(super) about: String,
    pub(super) expected: String,
    pub(super) repository: Repository,
    /// What the repository's file asks for in vain.
    pub(super) asked: Option<Request>,
    pub(super) enforced: Option<Enforcement>,
    pub(super) adds_up: bool,
    /// The strongest first.
    pub(super) steps: Vec<Step>,
}

impl Page {
    pub(super) fn of_key(key: &'static Key, layers: &Layers) -> Self {
        let chain = layers.chain(key);
        let step = |layer, silent: &str, is_of: &dyn Fn(&Origin) -> bool| {
            let found = chain.iter().find(|found| is_of(&found.origin));
            Step {
                layer,
                text: found.map(|found| found.setting.text()),
                value: found.map_or(Value::Null, |found| found.setting.to_json()),
                origin: found.map(|found| found.origin.clone()),
                silent: silent.to_owned(),
            }
        };
        let of = |owner| move |origin: &Origin| matches!(origin, Origin::File { owner: of, .. } if *of == owner);
        let no_flag = key
            .flag
            .map_or_else(|| "no flag sets it".to_owned(), |flag| format!("{flag} isn't given"));
        let no_variable = key
            .variable
            .map_or_else(|| "no variable sets it".to_owned(), |name| format!("{name} isn't set"));
        let mut requests = layers.requests(&[]).into_iter();
        let asked = requests.find(|request| request.key == key.name && !request.granted);
        let in_repository = in_repository(key.repository, asked.as_ref());
        let steps = vec![
            step("flag", &no_flag, &|origin| matches!(origin, Origin::Flag(_))),
            step("variable", &no_variable, &|origin| matches!(origin, Origin::Variable(_))),
            step("repository", &in_repository, &of(Owner::Repository)),
            step("user", "not set", &of(Owner::User)),
            step("system", "not set", &of(Owner::System)),
            step("default", "none", &|origin| matches!(origin, Origin::Default)),
        ];
        Self {
            key: key.name.to_owned(),
            about: key.about.to_owned(),
            expected: key.kind.to_string(),
            repository: key.repository,
            asked,
            enforced: layers.enforced(key),
            adds_up: key.kind.adds_up(),
            steps,
        }
    }

    pub(super) fn of_setting(
        manifest: &Manifest,
        name: &str,
        setting: &Setting,
        chain: &Chain,
    ) -> Self {
        let provider = &manifest.name;
        let step = |layer, silent: String, is_of: &dyn Fn(&Origin) -> bool| {
            let found = chain.found.iter().find(|found| is_of(&found.origin));
            Step {
                layer,
                text: found.map(|found| found.value.text()),
                value: found.map_or(Value::Null, |found| found.value.to_json()),
                origin: found.map(|found| found.origin.clone()),
                silent,
            }
        };
        let of = |owner| move |origin: &Origin| matches!(origin, Origin::File { owner: of, .. } if *of == owner);
        let (no_flag, no_variable) = silence(provider, name, setting);
        let repository = match setting.repository() {
            manifest::Repository::Set => Repository::Set,
            manifest::Repository::Request => Repository::Request("how the provider is used"),
            _ => Repository::Never("what is yours alone"),
        };
        let asked = chain.asked.clone().filter(|request| !request.granted);
        let in_repository = in_repository(repository, asked.as_ref());
        let steps = vec![
            step("flag", no_flag, &|origin| matches!(origin, Origin::Flag(_))),
            step("variable", no_variable, &|origin| matches!(origin, Origin::Variable(_))),
            step("repository", in_repository, &of(Owner::Repository)),
            step("user", "not set".to_owned(), &of(Owner::User)),
            step("system", "not set".to_owned(), &of(Owner::System)),
            step("default", "none".to_owned(), &|origin| matches!(origin, Origin::Default)),
        ];
        Self {
            key: settings::key(provider, name),
            about: setting.description.clone(),
            expected: match setting.choices.as_slice() {
                [] => setting.kind.expected().to_owned(),
                choices => format!("one of `{}`", choices.join("`, `")),
            },
            repository,
            asked,
            enforced: chain.enforced.clone(),
            adds_up: false,
            steps,
        }
    }

    /// `wins`, `added`, or the layer that it loses to.
    fn verdict(&self, index: usize) -> String {
        let step = &self.steps[index];
        let first = self.steps.iter().position(|step| step.text.is_some());
        match (&step.text, first) {
            (None, _) => String::new(),
            (Some(_), _) if self.adds_up => "added".to_owned(),
            (Some(_), Some(first)) if first < index => {
                format!("loses to: {}", self.steps[first].layer)
            }
            (Some(_), _) => "wins".to_owned(),
        }
    }

    fn value(&self) -> String {
        let texts: Vec<&str> = self.steps.iter().filter_map(|step| step.text.as_deref()).collect();
        match texts.first() {
            None => "not set".to_owned(),
            Some(_) if self.adds_up => texts.join(", "),
            Some(first) => (*first).to_owned(),
        }
    }

    pub(super) fn text(&self, terminal: Option<usize>) -> String {
        let mut text = format!("{}: {}\n", self.key, visible_text(&self.value()));
        if !self.about.is_empty() {
            let about = wrap(&visible_text(&self.about), 21, terminal);
            let _ = writeln!(text, "  what it is         {about}");
        }
        let _ = writeln!(text, "  value              {}", visible_text(&self.expected));
        let _ = writeln!(text, "  in .crabbox.toml   {}", self.repository);
        if let Some(enforcement) = &self.enforced {
            let enforcement = wrap(&visible_text(&enforcement.to_string()), 21, terminal);
            let _ = writeln!(text, "  enforced           {enforcement}");
        }
        text.push('\n');
        let mut table = Table::new(&["LAYER", "VALUE", "", "FROM"]).texts(1).paths(3);
        for (index, step) in self.steps.iter().enumerate() {
            let origin = step.origin.as_ref().map(ToString::to_string);
            table.row([
                step.layer.to_owned(),
                step.text.clone().unwrap_or_else(|| "-".to_owned()),
                self.verdict(index),
                origin.unwrap_or_else(|| step.silent.clone()),
            ]);
        }
        text.push_str(&table.render(terminal));
        text
    }

    pub(super) fn to_json(&self) -> Value {
        let layers: Vec<Value> = self
            .steps
            .iter()
            .enumerate()
            .map(|(index, step)| {
                json!({
                    "layer": step.layer,
                    "value": step.value,
                    "origin": step.origin.as_ref().map(origin_to_json),
                    "verdict": self.verdict(index),
                })
            })
            .collect();
        json!({
            "schema_version": 1,
            "key": self.key,
            "about": self.about,
            "expected": self.expected,
            "adds_up": self.adds_up,
            "repository": {
                "may_set": matches!(self.repository, Repository::Set | Repository::Within(_)),
                "may_ask": matches!(self.repository, Repository::Request(_)),
                "ungranted": self.asked.as_ref().map(|request| &request.value),
                "note": self.repository.to_string(),
            },
            "enforced": self.enforced.as_ref().map(enforcement_to_json),
            "layers": layers,
        })
    }
}
