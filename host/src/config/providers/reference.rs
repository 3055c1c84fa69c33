//! The page about providers' settings: the rules of their names, and those of the providers that
//! come with this program.

use super::value::default_text;
use crabbox_provider_api::manifest::settings::{flag, variable};
use crabbox_provider_api::manifest::{Manifest, Setting};
use std::fmt::Write as _;

const RULES: &str = "\
# Settings of providers

For whoever configures a provider: how its settings are called, where they may come from, and which there are for
the providers that come with crabbox. A provider's manifest declares them; `crabbox provider options NAME` shows those
of any provider on this machine, `crabbox run --provider NAME --help` its flags. Made from the manifests:
`CRABBOX_UPDATE=1 cargo test -p crabbox-tests --test e2e the_page_of_settings` writes it anew.

## Names

A setting `disk-size` of a provider `cloud` is

| where | as |
|---|---|
| in `.crabbox.toml` and in your `config.toml` | `disk-size` under `[provider.cloud]` |
| on the command line | `--cloud-disk-size VALUE`, for `run`, `warmup`, `stop`, `cleanup`, `extend`, `adopt`, `doctor`, `config show`, `config explain`, `config check`, `provider describe` and `provider call` |
| in the environment | `CRABBOX_CLOUD_DISK_SIZE`, and a variable of other tools where the manifest names one |
| for `config explain` | `provider.cloud.disk-size` |

A provider's other names (`aliases`) choose it, and make no names of settings.

## Which value holds

A flag comes before the environment, that before the repository's file, that before yours, that before the machine's
(`/etc/crabbox/config.toml`), that before the manifest's default. In the environment, `CRABBOX_…` comes before the variable of other tools. The strongest that says
something holds as a whole, lists and maps included: they don't add up. An empty variable counts as unset.
`crabbox config explain provider.NAME.KEY` shows them side by side. What stands under
[`[enforced.provider.NAME]`](config.md) of the machine's file holds before all of them, and who says something else is told.

Everything is checked before a provider is started: each error names the flag, the variable, or the file and line.

## Values

| type | in a file | on the command line | in the environment |
|---|---|---|---|
| `string`, `enum` | `\"text\"` | the text | the text |
| `integer` | `7` | `7` | `7` |
| `bool` | `true` | `--NAME-KEY` or `--NAME-KEY=false` | `true`, `1`, `false` or `0` |
| `duration` | `\"90s\"` | `90s`, `15m`, `7d`, `'1h 30m'` | the same |
| `path` | `\"~/folder\"` | a path | a path |
| `list` | `[\"a\", \"b\"]` | `--NAME-KEY a --NAME-KEY b` | `a,b`, or as in a file where a part holds a comma |
| `map` | `{ a = \"1\", b = \"2\" }` | `--NAME-KEY a=1 --NAME-KEY b=2` | `a=1,b=2`, or as in a file |

`~` and `~/…` are your home folder. A relative path counts from the folder of the file that it stands in, on the
command line and in the environment from the current folder.

## Secrets

A secret is never typed on a command line, where everybody who lists processes sees it, and never comes from a
repository. It comes from

| | |
|---|---|
| `--NAME-KEY-stdin` | standard input, to its end: `pass show token \\| crabbox run --NAME-KEY-stdin -- make`; the command then has an empty one |
| `--NAME-KEY-file FILE` | a file or a pipe; the line end at its end isn't a part of it |
| `CRABBOX_NAME_KEY` or the variable of other tools | the environment |
| `CRABBOX_NAME_KEY_FILE` | a file that the environment names |
| `KEY-file = \"FILE\"` under `[provider.NAME]` | a file that your `config.toml` names |
| `KEY = \"…\"` under `[provider.NAME]` | your `config.toml` itself |

`KEY` and `KEY-file` in one table are an error, and so is an empty secret. `config show`, `config explain`,
`provider describe`, errors, logs and claims show none.

## What a repository may do

| `repository` | a value in `.crabbox.toml` |
|---|---|
| `set` | holds |
| `request` | is asked for: it holds once you have [granted](../explanation/trust.md#requests-and-grants) it, and is told until then |
| `never` | is an error |

## What a setting affects

A box that was leased under other values of the settings that affect the `resource` isn't reused by a run that doesn't
name it with `--id`. Those that affect the `connection` or the `lifecycle` make no difference.
";

/// `docs/reference/settings.md`, for these providers.
#[must_use]
pub fn reference(manifests: &[Manifest]) -> String {
    let mut text = RULES.to_owned();
    for manifest in manifests {
        let Manifest { name, description, settings, .. } = manifest;
        let _ = write!(text, "\n## `{name}`\n\n{description}. ");
        if settings.is_empty() {
            text.push_str("It has no settings.\n");
            continue;
        }
        text.push_str("Its settings:\n\n");
        settings_table(&mut text, manifest);
    }
    text
}

/// The settings of one provider.
pub(super) fn settings_table(text: &mut String, manifest: &Manifest) {
    text.push_str(
        "| key | what it is | type | default | flag | variables | a repository | affects |\n\
        |---|---|---|---|---|---|---|---|\n",
    );
    for (key, setting) in &manifest.settings {
        row(text, &manifest.name, key, setting);
    }
}

fn row(text: &mut String, provider: &str, key: &str, setting: &Setting) {
    let kind = match setting.choices.as_slice() {
        [] => setting.kind.to_string(),
        choices => format!("one of `{}`", choices.join("`, `")),
    };
    let default = match default_text(setting) {
        Some(value) => format!("`{value}`"),
        None if setting.required => "required".to_owned(),
        None => "none".to_owned(),
    };
    let end = if setting.secret { "-stdin` or `-file FILE" } else { "" };
    let other = setting.env.as_ref().map_or_else(String::new, |name| format!(", `{name}`"));
    let _ = writeln!(
        text,
        "| `{key}` | {} | {kind} | {default} | `{}{end}` | `{}`{other} | {} | {} |",
        setting.description,
        flag(provider, key),
        variable(provider, key),
        setting.repository().as_str(),
        setting.affects().as_str(),
    );
}
