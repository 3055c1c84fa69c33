//! `crabbox config explain`

use super::page::{Page, Step};
use super::{Shared, manifests, owner_word, read, refuse_others};
use crate::config::{
    ABSENT, KEYS, Layers, Origin, Owner, ProviderSetting, Repository, Settings, answering,
    find_key, nearest_key,
};
use crate::output::{CommandError, Exit, to_type};
use clap::Args;
use crabbox_provider_api::manifest::{Manifest, settings};
use serde_json::Value;

/// Show what each layer says of one setting, and which wins
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox config explain lease.idle
  crabbox config explain provider.NAME.KEY")]
pub(in crate::cli) struct Explain {
    /// Its name, such as `lease.idle`
    key: String,
    /// As for a run with this provider
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
}

impl Explain {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let layers = read(shared, self.provider)?;
        let manifests = manifests(shared, &layers);
        let parts = self.key.strip_prefix("provider.").and_then(|rest| rest.split_once('.'));
        let chosen = Settings::of(&layers).provider;
        let used = [Some(chosen.as_str()), parts.map(|(provider, _)| provider)];
        let used = used.into_iter().flatten().filter_map(|word| answering(&manifests, word));
        refuse_others(&layers, used.map(|manifest| manifest.name.as_str()))?;
        let page = match find_key(&self.key) {
            Some(key) => Page::of_key(key, &layers),
            None => of_provider(&manifests, &layers, &self.key, parts)?,
        };
        if shared.printer.json {
            return shared.printer.document(&page.to_json());
        }
        shared.printer.data(&page.text(shared.printer.columns()))
    }
}

/// `provider.NAME.KEY`
fn of_provider(
    manifests: &[Manifest],
    layers: &Layers,
    key: &str,
    parts: Option<(&str, &str)>,
) -> Result<Page, CommandError> {
    let Some((provider, name)) = parts else {
        let error = CommandError::usage(format!("there is no setting `{key}`"));
        if let Some(meant) = nearest_key(key) {
            return Err(error.hint(to_type(&["config", "explain", meant])));
        }
        let names: Vec<_> = KEYS.iter().map(|key| key.name).collect();
        return Err(error.note(format!("there are: {}", names.join(", "))));
    };
    let Some(manifest) = answering(manifests, provider) else {
        if layers.provider_chain(provider).is_empty() {
            let message = format!("there is no provider `{provider}`, and nothing is set of one");
            return Err(
                CommandError::new(Exit::NotFound, message).hint(to_type(&["provider", "list"]))
            );
        }
        return Ok(of_absent(layers, key, provider, name));
    };
    let Some(setting) = manifest.settings.get(name) else {
        let known: Vec<&str> = manifest.settings.keys().map(String::as_str).collect();
        let near = known.iter().find(|known| strsim::jaro_winkler(known, name) > 0.8);
        let hint = match near {
            Some(near) => to_type(&["config", "explain", &settings::key(&manifest.name, near)]),
            None => to_type(&["provider", "options", &manifest.name]),
        };
        let message = format!("the provider `{}` has no setting `{name}`", manifest.name);
        return Err(CommandError::usage(message).hint(hint));
    };
    let mut chain = layers.chain_of(manifest, name, setting);
    if let Some(error) = chain.errors.drain(..).find(|error| !error.is_warning()) {
        return Err(CommandError::from(error).hint(layers.to_check()));
    }
    Ok(Page::of_setting(manifest, name, setting, &chain))
}

/// Of a provider that isn't here: nothing is known but where something stands.
fn of_absent(layers: &Layers, key: &str, provider: &str, name: &str) -> Page {
    let chain: Vec<ProviderSetting> =
        layers.provider_chain(provider).into_iter().filter(|one| one.name == name).collect();
    let steps = [Owner::Repository, Owner::User, Owner::System].map(|owner| {
        let of_owner =
            |one: &&ProviderSetting| matches!(one.origin, Origin::File { owner: of, .. } if of == owner);
        let found = chain.iter().find(of_owner);
        Step {
            layer: owner_word(owner),
            text: found.map(|_| ABSENT.to_owned()),
            value: Value::Null,
            origin: found.map(|one| one.origin.clone()),
            silent: "not set".to_owned(),
        }
    });
    Page {
        key: key.to_owned(),
        about: String::new(),
        expected: "anything".to_owned(),
        repository: Repository::Within("as its manifest says"),
        asked: None,
        enforced: None,
        adds_up: false,
        steps: steps.into(),
    }
}
