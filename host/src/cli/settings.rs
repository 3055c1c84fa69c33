//! The options for providers' settings, which their manifests name: `--NAME-KEY`.
//!
//! They are added to the parser only where a line has use for them: most lines name no setting, and
//! needn't look for providers before they are parsed.

use super::early::Early;
use crate::config::{Flag, Given, answering, default_text, placeholder};
use crate::redact;
use clap::builder::PossibleValuesParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint, value_parser};
use crabbox_provider_api::manifest::settings::flag;
use crabbox_provider_api::manifest::{Manifest, Setting, Type};
use std::ffi::OsString;
use std::path::PathBuf;

/// The commands that hand settings to a provider, or show them.
const TAKERS: &[&[&str]] = &[
    &["run"],
    &["warmup"],
    &["stop"],
    &["cleanup"],
    &["extend"],
    &["adopt"],
    &["doctor"],
    &["config", "show"],
    &["config", "explain"],
    &["config", "check"],
    &["provider", "describe"],
    &["provider", "call"],
];

/// The providers whose settings a line may name.
pub(super) struct Options {
    manifests: Vec<Manifest>,
    /// The one whose settings are shown in help and offered by shells.
    shown: Option<String>,
}

impl Options {
    /// What could help a line that the parser has refused, or whose help is asked for.
    pub(super) fn for_refused(error: &clap::Error) -> Option<Self> {
        let early = Early::of_this_process();
        let shown = early.provider();
        let helps = match error.kind() {
            ErrorKind::UnknownArgument => true,
            ErrorKind::DisplayHelp => shown.is_some(),
            _ => false,
        };
        if !helps {
            return None;
        }
        let manifests = early.manifests();
        forget_secrets(&early, &manifests);
        let shown = shown.and_then(|word| answering(&manifests, &word)).map(|one| one.name.clone());
        (!manifests.is_empty()).then_some(Self { manifests, shown })
    }

    /// For a shell that completes this line: the settings of the provider that it would use.
    pub(super) fn for_completion(early: &Early) -> Self {
        let manifests: Vec<_> = early.chosen().into_iter().collect();
        let shown = manifests.first().map(|manifest| manifest.name.clone());
        Self { manifests, shown }
    }

    /// Adds the options to the commands that take them. Where two providers' options would be called
    /// the same, that of the one that is shown is.
    pub(super) fn attach(&self, command: Command) -> Command {
        let shown = |manifest: &&Manifest| Some(&manifest.name) == self.shown.as_ref();
        let (first, others): (Vec<_>, Vec<_>) = self.manifests.iter().partition(shown);
        let arguments: Vec<Arg> = first
            .into_iter()
            .map(|manifest| (manifest, true))
            .chain(others.into_iter().map(|manifest| (manifest, false)))
            .flat_map(|(manifest, shown)| {
                let settings = manifest.settings.iter();
                settings.flat_map(move |(name, setting)| {
                    arguments(&manifest.name, name, setting, shown)
                })
            })
            .collect();
        TAKERS.iter().fold(command, |command, path| below(command, path, &arguments))
    }

    /// What a parsed line says of settings.
    pub(super) fn given(&self, matches: &ArgMatches) -> Vec<Flag> {
        let mut matches = matches;
        while let Some((_, inner)) = matches.subcommand() {
            matches = inner;
        }
        let of = |manifest: &Manifest, name: &String, setting: &Setting| {
            let given = given(matches, &manifest.name, name, setting);
            let (provider, setting) = (manifest.name.clone(), name.clone());
            given.map(|given| Flag { provider, setting, given })
        };
        let of_manifest = |manifest: &Manifest| {
            let settings = manifest.settings.iter();
            settings.filter_map(|(name, setting)| of(manifest, name, setting)).collect::<Vec<_>>()
        };
        self.manifests.iter().flat_map(of_manifest).collect()
    }
}

/// Is this the flag of a secret, which takes no value?
pub(super) fn is_secret(option: &str) -> bool {
    let is_of = |manifest: &Manifest| {
        let mut secrets = manifest.settings.iter().filter(|(_, setting)| setting.secret);
        secrets.any(|(key, _)| flag(&manifest.name, key) == option)
    };
    Early::of_this_process().manifests().iter().any(is_of)
}

/// The provider whose flags begin as this one does.
pub(super) fn provider_of(option: &str) -> Option<String> {
    let word = option.strip_prefix("--")?;
    let manifests = Early::of_this_process().manifests();
    let names = manifests.into_iter().map(|manifest| manifest.name);
    let is_of =
        |name: &String| word.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('-'));
    names.into_iter().find(is_of)
}

/// A secret that was typed, though it shouldn't be, isn't shown again, whatever else is wrong with the
/// line.
fn forget_secrets(early: &Early, manifests: &[Manifest]) {
    for Manifest { name, settings, .. } in manifests {
        for (key, _) in settings.iter().filter(|(_, setting)| setting.secret) {
            for word in early.values(&flag(name, key)) {
                redact::register(&word.to_string_lossy());
            }
        }
    }
}

fn below(command: Command, path: &[&str], arguments: &[Arg]) -> Command {
    match path {
        [] => arguments.iter().fold(command, |command, argument| {
            let taken = command.get_arguments().any(|one| one.get_long() == argument.get_long());
            if taken { command } else { command.arg(argument) }
        }),
        [name, rest @ ..] if command.find_subcommand(name).is_some() => {
            command.mut_subcommand(*name, |inner| below(inner, rest, arguments))
        }
        _ => command,
    }
}

fn arguments(provider: &str, name: &str, setting: &Setting, shown: bool) -> Vec<Arg> {
    let long = flag(provider, name)[2..].to_owned();
    let heading = format!("Settings of {provider}");
    let base = |long: String| {
        let argument = Arg::new(long.clone()).long(long).hide(!shown);
        argument.help_heading(heading.clone()).value_parser(value_parser!(OsString))
    };
    let about = about(setting);
    if setting.secret {
        let (file, stdin) = (format!("{long}-file"), format!("{long}-stdin"));
        return vec![
            // Found, so that it can be refused with a reason.
            base(long).num_args(0..=1).hide(true),
            base(file.clone())
                .value_name("FILE")
                .value_hint(ValueHint::FilePath)
                .help(format!("{about}, from a file")),
            Arg::new(stdin.clone())
                .long(stdin)
                .action(ArgAction::SetTrue)
                .conflicts_with(file)
                // There is one standard input.
                .group("standard input")
                .hide(!shown)
                .help_heading(heading.clone())
                .help("The same, from standard input"),
        ];
    }
    let argument = base(long).value_name(placeholder(setting)).help(about);
    vec![match setting.kind {
        Type::Bool => argument.num_args(0..=1).require_equals(true).default_missing_value("true"),
        Type::Integer => argument.allow_negative_numbers(true),
        Type::List | Type::Map => argument.action(ArgAction::Append),
        Type::Path => argument.value_hint(ValueHint::AnyPath),
        Type::Enum => argument.value_parser(PossibleValuesParser::new(setting.choices.clone())),
        Type::Unknown => return Vec::new(),
        _ => argument,
    }]
}

fn about(setting: &Setting) -> String {
    let text = crate::output::visible(&setting.description).into_owned();
    let text = if text.is_empty() { format!("A setting of type {}", setting.kind) } else { text };
    match default_text(setting) {
        Some(value) => format!("{text} [default: {}]", crate::output::visible(&value)),
        None if setting.required => format!("{text} [required]"),
        None => text,
    }
}

fn given(matches: &ArgMatches, provider: &str, name: &str, setting: &Setting) -> Option<Given> {
    let long = &flag(provider, name)[2..];
    let words = |id: &str| -> Option<Vec<OsString>> {
        let raw = matches.try_get_raw(id).ok().flatten()?;
        Some(raw.map(OsString::from).collect())
    };
    if !setting.secret {
        return words(long).map(Given::Words);
    }
    if words(long).is_some() {
        return Some(Given::Shown);
    }
    if let Some(file) = words(&format!("{long}-file")) {
        return file.into_iter().next_back().map(|file| Given::File(PathBuf::from(file)));
    }
    let stdin = matches.try_get_one::<bool>(&format!("{long}-stdin"));
    stdin.ok().flatten().filter(|yes| **yes).map(|_| Given::Stdin)
}

#[cfg(test)]
mod tests {
    use super::Options;
    use clap::error::ErrorKind;
    use crabbox_provider_api::manifest::Manifest;

    #[test]
    fn a_secret_comes_from_one_place_and_one_secret_from_standard_input() {
        let text = "name = 'safe'\nversion = '1.0.0'\nabi = '1'\n\
            [settings.a]\ntype = 'string'\nsecret = true\n[settings.b]\ntype = 'string'\nsecret = true\n";
        let manifests = vec![Manifest::parse(text).expect("reads")];
        let options = Options { manifests, shown: None };
        let parse = |flags: &[&str]| {
            let line = [&["crabbox", "run"], flags, &["--", "true"]].concat();
            options.attach(crate::cli::command()).try_get_matches_from(line)
        };
        let given =
            options.given(&parse(&["--safe-a-stdin", "--safe-b-file", "f"]).expect("parses"));
        let given: Vec<&str> = given.iter().map(|flag| flag.setting.as_str()).collect();
        assert_eq!(given, ["a", "b"]);
        for both in [["--safe-a-stdin", "--safe-b-stdin"], ["--safe-a-stdin", "--safe-a-file=f"]] {
            let error = parse(&both).expect_err("refuses");
            assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{both:?}");
        }
    }
}
