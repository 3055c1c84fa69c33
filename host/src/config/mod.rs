//! Settings, from flags, the environment, the repository's `.crabbox.toml`, the user's
//! `config.toml`, the machine's and defaults, in this order. What the machine's own file
//! enforces holds against all of them: [`policy`].
//!
//! [`keys`] is the table of all settings, [`mod@file`] reads a file against it, [`duration`] is how a time is typed and [`size`] an amount, [`layers`] keeps
//! what each of them says and where, [`providers`] are the settings that a provider's
//! manifest declares, [`settings`] is what holds in the end. A repository's own file comes from whoever
//! wrote the repository: the table says what it may set, ask for, and never have, and
//! [`trust`] what the user has granted.

mod duration;
mod error;
mod file;
mod isolation;
mod keys;
mod layers;
mod policy;
mod providers;
mod reference;
mod settings;
mod size;
mod strays;
mod trust;
mod value;

pub use duration::{DurationError, parse_duration};
pub use error::{ConfigError, Place, Problem};
pub use file::{Owner, REPOSITORY_FILE, USER_FILE};
pub use keys::{
    DEFAULT_PROVIDER, Enforced, KEYS, Key, Kind, Repository, find as find_key,
    nearest as nearest_key,
};
pub use layers::{Flags, Layered, Layers, Origin, ProviderSetting};
pub use policy::{Bound, Enforcement};
pub use providers::{
    ABSENT, Chain, Flag, Found, Given, ProviderProblem, ProviderSettings, Value, answering,
    default_text, hidden, page as provider_page, placeholder, reference as settings_reference,
};
pub use reference::reference;
pub use settings::Settings;
pub use size::{SizeError, parse_size};
pub(crate) use strays::is_near;
pub use trust::{GrantTable, Grants, Pin, PinError, PinState, Pins, Request, TrustProblem};
pub use value::Setting;
