//! The page about settings, made from the table.

use super::keys::{KEYS, Kind};
use std::fmt::Write as _;

const BEFORE: &str = "\
# Configuration

TOML, in `.crabbox.toml` at the root of a repository, in the user's `$XDG_CONFIG_HOME/crabbox/config.toml` and in the
machine's `/etc/crabbox/config.toml`. Flags come before the environment, the environment before the repository's file,
that before the user's, and that before the machine's. A key that isn't in this table is an error; an empty variable
counts as unset.

| key | what it is | value | default | variable | flag | a repository may set it | the machine may enforce it |
|---|---|---|---|---|---|---|---|
";

const AFTER: &str = "
Lists add up: each layer adds to those below it.

A duration is made of whole numbers, each with a unit: `ms`, `s`, `m`, `h`, `d` (24 hours) or `w`, such as `90s`, `1h 30m`,
`14d` or `1w2d`, and is at most 1000 years; the same in a file, a variable and an argument.

`[provider.NAME]` holds a provider's own settings, which its manifest declares: see
[Settings of providers](settings.md). They don't add up. One key there is crabbox's: `isolation`, in the user's file
alone, is `process`, or `none` for [debugging a provider](../explanation/isolation.md#without-isolation). Where crabbox
chooses [the names of boxes](manifest.md#names), `prefix` is what they begin with.

Patterns in a file `.crabboxignore` at the root of the repository work like `sync.exclude`.

`[trust.\"PATH\"]`, in the user's file alone, grants what the file of the repository at `PATH` may only ask for, in the
form of that file; [trust](../explanation/trust.md#requests-and-grants) says more. What isn't granted doesn't hold.

`[enforced]`, in the machine's file alone, bounds settings: nothing overrides it, and what contradicts it is an error
that names its line. A list (or one value) says what is allowed, a duration what is the most; where nobody says
anything else, the first of the list holds, or the most. `[enforced.provider.NAME]` pins settings of a provider, each to
the one value that stands there; a secret can't be. That file and the folders above it must be root's and
writable by nobody else.

```toml
# /etc/crabbox/config.toml
[lease]
idle = \"10m\"                  # a default, as any other layer's

[enforced.lease]
provider = [\"local\"]
idle = \"1h\"
release = \"delete\"
```

| command | what it does |
|---|---|
| `crabbox init` | writes a `.crabbox.toml` with all that a repository may set, commented out |
| `crabbox config show` | every setting, its value, and the place that it comes from |
| `crabbox config explain KEY` | what each layer says of one setting, and which wins |
| `crabbox config check [FILE]` | everything that is wrong, each with its line; with `--provider NAME` as for a run with that one |
| `crabbox config path` | the files that are read |
| `crabbox config trust [PATH]` | what a repository's file asks for, and whether it is granted; `--deny` says no for good |
";

/// `docs/reference/config.md`.
#[must_use]
pub fn reference() -> String {
    let mut text = BEFORE.to_owned();
    let code = |word: Option<&str>| word.map_or_else(String::new, |word| format!("`{word}`"));
    for key in KEYS {
        let kind = match key.kind {
            Kind::Duration => "a duration".to_owned(),
            Kind::Size => "a size".to_owned(),
            other => other.to_string(),
        };
        let default = key.default.map_or_else(|| "none".to_owned(), |word| format!("`{word}`"));
        let _ = writeln!(
            text,
            "| `{}` | {} | {kind} | {default} | {} | {} | {} | {} |",
            key.name,
            key.about,
            code(key.variable),
            code(key.flag),
            key.repository,
            key.enforced,
        );
    }
    text.push_str(AFTER);
    text
}
