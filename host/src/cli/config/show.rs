//! `crabbox config show`

use super::{Shared, enforcement_to_json, manifests, origin_to_json, read, refuse_others};
use crate::config::{
    ABSENT, Enforcement, KEYS, Key, Layered, Layers, Origin, ProviderSetting, Settings, answering,
};
use crate::output::{CommandError, Table};
use clap::Args;
use crabbox_provider_api::manifest::{Manifest, Setting, settings};
use serde_json::{Value, json};

/// Show every setting, its value, and where that comes from
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox config show
  crabbox config show --provider NAME --json")]
pub(in crate::cli) struct Show {
    /// As for a run with this provider
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
}

impl Show {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let shown = self.shown(shared)?;
        if shared.printer.json {
            return shared.printer.document(&to_json(&shown));
        }
        let mut table = Table::new(&["KEY", "VALUE", "FROM"]).paths(2).texts(1);
        for one in shown {
            let bound = one.enforced.as_ref();
            let place = bound.map(|enforcement| enforcement.place.to_string());
            let origins = one.origins.iter().map(ToString::to_string);
            let origins = origins.filter(|origin| Some(origin) != place.as_ref());
            let from: Vec<_> = origins.chain(bound.map(ToString::to_string)).collect();
            table.row([one.key, one.text, from.join(", ")]);
        }
        shared.printer.table(&table)
    }

    /// What it would say of a run with this provider, as a document.
    pub(in crate::cli) fn document(
        provider: String,
        shared: &Shared,
    ) -> Result<Value, CommandError> {
        Ok(to_json(&Self { provider: Some(provider) }.shown(shared)?))
    }

    fn shown(self, shared: &Shared) -> Result<Vec<Shown>, CommandError> {
        let layers = read(shared, self.provider)?;
        let provider = Settings::of(&layers).provider;
        let mut shown: Vec<Shown> = KEYS.iter().map(|key| Shown::of_key(key, &layers)).collect();
        let manifests = manifests(shared, &layers);
        let manifest = answering(&manifests, &provider);
        refuse_others(&layers, manifest.map(|one| one.name.as_str()))?;
        shown.extend(match manifest {
            Some(manifest) => of_provider(&layers, manifest)?,
            None => layers
                .provider_chain(&provider)
                .iter()
                .map(|one| of_absent(&provider, one))
                .collect(),
        });
        Ok(shown)
    }
}

fn to_json(shown: &[Shown]) -> Value {
    let settings: Vec<Value> = shown.iter().map(Shown::to_json).collect();
    json!({ "schema_version": 1, "settings": settings })
}

/// What holds of a key: the strongest layer, or all of those that add up.
fn held(layers: &Layers, key: &'static Key) -> Vec<Layered> {
    let mut chain = layers.chain(key);
    if !key.kind.adds_up() {
        chain.truncate(1);
    }
    chain
}

struct Shown {
    key: String,
    text: String,
    value: Value,
    origins: Vec<Origin>,
    enforced: Option<Enforcement>,
}

impl Shown {
    fn of_key(key: &'static Key, layers: &Layers) -> Self {
        let held = held(layers, key);
        let texts: Vec<String> = held.iter().map(|found| found.setting.text()).collect();
        let value = if key.kind.adds_up() {
            let lists = held.iter().map(|found| found.setting.to_json());
            lists.flat_map(|list| list.as_array().cloned().unwrap_or_default()).collect()
        } else {
            held.first().map_or(Value::Null, |found| found.setting.to_json())
        };
        let mut origins: Vec<Origin> = held.iter().map(|found| found.origin.clone()).collect();
        if origins.is_empty() {
            origins.push(Origin::Default);
        }
        let text = if texts.is_empty() { "-".to_owned() } else { texts.join(", ") };
        let enforced = layers.enforced(key);
        Self { key: key.name.to_owned(), text, value, origins, enforced }
    }

    fn to_json(&self) -> Value {
        json!({
            "key": self.key,
            "value": self.value,
            "origins": self.origins.iter().map(origin_to_json).collect::<Vec<_>>(),
            "enforced": self.enforced.as_ref().map(enforcement_to_json),
        })
    }
}

/// Every setting of a provider.
fn of_provider(layers: &Layers, manifest: &Manifest) -> Result<Vec<Shown>, CommandError> {
    let of_setting = |(name, setting): (&String, &Setting)| {
        let chain = layers.chain_of(manifest, name, setting);
        if let Some(error) = chain.errors.into_iter().find(|error| !error.is_warning()) {
            return Err(CommandError::from(error).hint(layers.to_check()));
        }
        let found = chain.found.into_iter().next();
        Ok(Shown {
            key: settings::key(&manifest.name, name),
            text: found.as_ref().map_or_else(|| "-".to_owned(), |found| found.value.text()),
            value: found.as_ref().map_or(Value::Null, |found| found.value.to_json()),
            origins: vec![found.map_or(Origin::Default, |found| found.origin)],
            enforced: chain.enforced,
        })
    };
    manifest.settings.iter().map(of_setting).collect()
}

/// What stands in a file for a provider that isn't here.
fn of_absent(provider: &str, setting: &ProviderSetting) -> Shown {
    Shown {
        key: settings::key(provider, &setting.name),
        text: ABSENT.to_owned(),
        value: Value::Null,
        origins: vec![setting.origin.clone()],
        enforced: None,
    }
}
