//! What each layer says of one setting, the strongest first.

use super::decision::{Decision, decide};
use super::flags::Given;
use super::problem::ProviderProblem;
use super::secrets::Source;
use super::text::resolve;
use super::value::{Value, Wrong};
use crate::config::error::{ConfigError, Place, Problem};
use crate::config::file::Owner;
use crate::config::layers::{FILES, Layers, Origin};
use crate::config::policy::{Bound, Enforcement};
use crate::config::trust::{Request, TrustProblem};
use crabbox_provider_api::manifest::settings::{flag, key, variable};
use crabbox_provider_api::manifest::{Manifest, Names, Setting};
use std::env;
use std::path::{Path, PathBuf};

/// A value, and where it comes from.
#[derive(Clone, Debug)]
pub struct Found {
    /// The value.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// What the layers say of one setting.
#[derive(Debug, Default)]
pub struct Chain {
    /// The strongest first: that one holds, and holds as a whole.
    pub found: Vec<Found>,
    /// What the repository's file asks for, if it does.
    pub asked: Option<Request>,
    /// What the machine's own file pins it to.
    pub enforced: Option<Enforcement>,
    /// What is wrong in any of them.
    pub errors: Vec<ConfigError>,
}

/// One setting of one provider, while its chain is made.
struct Walk<'a> {
    layers: &'a Layers,
    provider: &'a str,
    name: &'a str,
    setting: &'a Setting,
    /// What it must keep to, if it is what names begin with.
    names: Option<&'a Names>,
    here: PathBuf,
    chain: Chain,
}

impl Layers {
    /// What the layers say of a provider's setting. Secrets that lie in a file or come on standard
    /// input aren't read.
    #[must_use]
    pub fn chain_of(&self, manifest: &Manifest, name: &str, setting: &Setting) -> Chain {
        let mut walk = Walk {
            layers: self,
            provider: &manifest.name,
            name,
            setting,
            names: manifest.names.as_ref().filter(|_| name == Names::SETTING),
            here: env::current_dir().unwrap_or_default(),
            chain: Chain::default(),
        };
        walk.flag();
        walk.variables();
        for owner in FILES {
            walk.file(owner);
        }
        if let Some(default) = &setting.default {
            let value = Value::of_toml(setting, default, Path::new("/"));
            walk.take(value, Origin::Default, Place::Provider(manifest.name.clone()));
        }
        walk.pin();
        walk.chain
    }
}

impl Walk<'_> {
    fn take(&mut self, value: Result<Value, Wrong>, origin: Origin, place: Place) {
        let value = match (value, self.names) {
            (Ok(Value::Text(text)), Some(names)) => {
                let prefix = names.prefix(&text).map(Value::Text);
                prefix.ok_or_else(|| Wrong::no_prefix(self.setting, &text, names))
            }
            (value, _) => value,
        };
        match value {
            Ok(value) => self.chain.found.push(Found { value, origin }),
            Err(wrong) => self.refuse(place, wrong.of(key(self.provider, self.name))),
        }
    }

    fn refuse(&mut self, place: Place, problem: ProviderProblem) {
        self.chain.errors.push(ConfigError::new(place, problem.into()));
    }

    fn flag(&mut self) {
        let flag = flag(self.provider, self.name);
        for given in self.layers.given(self.provider, self.name) {
            let (value, name) = match given {
                Given::Shown => {
                    let problem = ProviderProblem::Shown { flag: flag.clone() };
                    self.refuse(Place::Flag(flag.clone().into()), problem);
                    continue;
                }
                Given::Words(words) => {
                    (Value::of_words(self.setting, words, &self.here), flag.clone())
                }
                Given::File(file) => {
                    (Ok(Value::Unread(Source::File(self.here.join(file)))), format!("{flag}-file"))
                }
                Given::Stdin => (Ok(Value::Unread(Source::Stdin)), format!("{flag}-stdin")),
            };
            self.take(value, Origin::Flag(name.clone().into()), Place::Flag(name.into()));
        }
    }

    /// Crabbox's own variable, for a secret the one that names a file, and the one of other tools.
    fn variables(&mut self) {
        let own = variable(self.provider, self.name);
        let of_file = self.setting.secret.then(|| format!("{own}_FILE"));
        let is_set = |name: &String| env::var_os(name).is_some_and(|value| !value.is_empty());
        if let Some(of_file) = of_file.as_ref().filter(|of_file| is_set(of_file) && is_set(&own)) {
            let key = key(self.provider, self.name);
            let place = Place::Variable(of_file.clone().into());
            self.refuse(place, ProviderProblem::Both { key });
        }
        let names = [Some(own), of_file, self.setting.env.clone()];
        for (at, name) in names.into_iter().enumerate().filter_map(|(at, name)| Some((at, name?))) {
            let Some(value) = env::var_os(&name).filter(|value| !value.is_empty()) else {
                continue;
            };
            let value = match value.to_str() {
                Some(text) if at == 1 => self.secret_file(text, &self.here),
                Some(text) => Value::of_text(self.setting, text, &self.here),
                None => Value::of_words(self.setting, &[value], &self.here),
            };
            let origin = Origin::Variable(name.clone().into());
            self.take(value, origin, Place::Variable(name.into()));
        }
    }

    fn file(&mut self, owner: Owner) {
        let (path, table) = self.layers.table(owner, self.provider);
        let Some(table) = table else {
            return;
        };
        let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let of_file = self.setting.secret.then(|| format!("{}-file", self.name));
        let second = of_file.as_ref().and_then(|name| table.get(name));
        if let (Some(one), Some(second), true) =
            (table.get(self.name), second, owner != Owner::Repository)
        {
            let line = Some(one.line.max(second.line));
            let key = key(self.provider, self.name);
            let place = Place::File { path: path.to_owned(), line };
            self.refuse(place, ProviderProblem::Both { key });
        }
        for name in [Some(self.name.to_owned()), of_file.clone()].into_iter().flatten() {
            let Some(entry) = table.get(&name) else {
                continue;
            };
            let place = Place::File { path: path.to_owned(), line: Some(entry.line) };
            let value = match entry.value.as_str() {
                Some(text) if of_file.as_ref() == Some(&name) => self.secret_file(text, &folder),
                _ => Value::of_toml(self.setting, &entry.value, &folder),
            };
            let key = key(self.provider, &name);
            let decision = match owner {
                Owner::Repository => decide(self.layers, self.setting, &key, &entry.value),
                Owner::User | Owner::System => Decision::Set,
            };
            if let Decision::Requested { granted } = decision {
                self.chain.asked = Some(Request {
                    key: key.clone(),
                    value: entry.value.clone(),
                    line: entry.line,
                    reason: format!("how the provider `{}` is used", self.provider),
                    granted,
                    denied: self.layers.grants().denies(&key, &entry.value),
                });
            }
            match (decision, value) {
                (Decision::Refused, _) => self.refuse(place, ProviderProblem::Forbidden { key }),
                (Decision::Requested { granted: false }, Ok(_)) => self.say_ungranted(place),
                (_, value) => {
                    let origin = Origin::File { owner, path: path.to_owned(), line: entry.line };
                    self.take(value, origin, place);
                }
            }
        }
    }

    /// What the machine's own file pins holds, and whoever holds something else is told. It doesn't keep
    /// anybody from letting go of a lease that was made before.
    fn pin(&mut self) {
        let (path, table) = self.layers.pinned(self.provider);
        let place = |line| Place::File { path: path.to_owned(), line: Some(line) };
        if self.setting.secret {
            // Everybody reads that file, and knows the one that it would name.
            for name in [self.name.to_owned(), format!("{}-file", self.name)] {
                if let Some(entry) = table.and_then(|table| table.get(&name)) {
                    let problem = TrustProblem::NotEnforced { key: key(self.provider, &name) };
                    self.chain.errors.push(ConfigError::new(place(entry.line), problem.into()));
                }
            }
            return;
        }
        let Some(entry) = table.and_then(|table| table.get(self.name)) else {
            return;
        };
        let key = key(self.provider, self.name);
        let place = place(entry.line);
        let folder = path.parent().unwrap_or(Path::new("/"));
        let value = match Value::of_toml(self.setting, &entry.value, folder) {
            Ok(value) => value,
            Err(wrong) => return self.refuse(place, wrong.of(key)),
        };
        let enforcement =
            Enforcement { bound: Bound::Allowed(vec![value.text()]), place: place.clone() };
        let strongest = self.chain.found.first().and_then(|one| Some((one.origin.place()?, one)));
        if let Some((of, found)) = strongest.filter(|(_, found)| found.value != value) {
            if self.layers.is_of_lease() {
                return;
            }
            let (found, enforcement) = (found.value.text(), Box::new(enforcement.clone()));
            let problem = Problem::Enforced { key, found, enforcement };
            self.chain.errors.push(ConfigError::new(of, problem));
        }
        let origin = Origin::File { owner: Owner::System, path: path.to_owned(), line: entry.line };
        self.chain.found.insert(0, Found { value, origin });
        self.chain.enforced = Some(enforcement);
    }

    fn say_ungranted(&mut self, place: Place) {
        if let Some(request) = self.chain.asked.as_ref().filter(|request| !request.denied) {
            let (text, reason) = (request.text(), request.reason.clone());
            let problem = TrustProblem::Ungranted { text, reason };
            self.chain.errors.push(ConfigError::new(place, problem.into()));
        }
    }

    fn secret_file(&self, text: &str, folder: &Path) -> Result<Value, Wrong> {
        let file = resolve(text, folder).map(|path| Value::Unread(Source::File(path.into())));
        file.ok_or_else(|| Wrong::no_file(self.setting))
    }
}
