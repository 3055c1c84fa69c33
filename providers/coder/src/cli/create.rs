//! Making a workspace, without a question that could be asked: whoever is asked isn't there.

use super::failure::{Failed, Reason};
use super::program::{Cli, LONG};
use super::version::{Feature, Version};
use crate::wishes::Wishes;
use crabbox_provider_api::exec::Stream;
use crabbox_provider_api::{Effect, Error, ErrorCode};
use std::ops::ControlFlow::{Break, Continue};

/// What is to be made.
pub(crate) struct Order<'a> {
    pub(crate) name: &'a str,
    pub(crate) template: &'a str,
    /// It stops by itself so many minutes after its start.
    pub(crate) minutes: Option<u64>,
    pub(crate) wishes: &'a Wishes,
    pub(crate) version: Version,
}

/// What says that somebody has to visit a page first.
const VISIT: &str = "You must authenticate with ";

impl Cli<'_> {
    /// A preset that isn't there is passed over in silence by a template that has none, and one that is there wins
    /// over values, in silence, too: so both are looked at before.
    pub(crate) fn check_preset(&self, order: &Order<'_>) -> Result<(), Error> {
        let Wishes { preset, organization, template_version, parameters, .. } = order.wishes;
        if preset == "none" {
            return Ok(());
        }
        let template = order.template;
        let presets = self
            .presets(template, organization.as_deref(), template_version.as_deref())
            .map_err(|error| self.unseen(template, error))?;
        let invalid =
            |message: String| Error::new(ErrorCode::InvalidConfig, message).effect(Effect::None);
        let Some(wanted) = presets.iter().find(|one| one.name == *preset) else {
            let names: Vec<&str> = presets.iter().map(|one| one.name.as_str()).collect();
            let all = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(invalid(format!("the template `{template}` has no preset `{preset}`"))
                .hint(format!("set preset to one of its own: {all}")));
        };
        let sets = |name: &str, value: &str| {
            let mut own = wanted.parameters.iter().flatten();
            own.any(|one| one.name == name && one.value != value)
        };
        match parameters.iter().find(|(name, value)| sets(name, value)) {
            None => Ok(()),
            Some((name, _)) => Err(invalid(format!(
                "the preset `{preset}` has a value of its own for `{name}`, which Coder takes instead"
            ))
            .hint(format!("leave `{name}` out of parameters, or set preset to none"))),
        }
    }

    /// Makes it, and follows its first build to the end, unless the server doesn't let it: then that goes on.
    pub(crate) fn create(&self, order: &Order<'_>) -> Result<(), Error> {
        let command = order.arguments().into_iter().fold(
            self.command(["create", order.name]).deadline(LONG).keep_end(),
            crabbox_provider_api::Command::arg,
        );
        let mut who: Option<String> = None;
        let ended = self.host.exec_until(command, |stream, line| {
            self.tell_stage(line);
            if let Some(rest) = line.strip_prefix(VISIT).filter(|_| stream == Stream::Stdout) {
                let name = rest.split(" to create ").next().unwrap_or(rest);
                who = Some(name.to_owned());
            }
            let page = line.trim();
            match who.take_if(|_| page.starts_with("http")) {
                Some(who) => Break((who, page.to_owned())),
                None => Continue(()),
            }
        });
        let output = match ended.map_err(Self::not_run)? {
            Continue(output) => output,
            Break((who, page)) => {
                let message = format!("the template `{}` needs a login at {who}", order.template);
                return Err(Error::new(ErrorCode::Auth, message)
                    .hint(format!("visit {page}"))
                    .effect(Effect::None));
            }
        };
        if output.success() {
            return Ok(());
        }
        let failed = Failed::of("coder create", &output);
        if failed.reason == Reason::Unfollowed {
            return Ok(());
        }
        Err(self.explain(&failed, order))
    }

    /// With what could have been meant.
    fn explain(&self, failed: &Failed, order: &Order<'_>) -> Error {
        let error = failed.error();
        if failed.reason == Reason::Unanswered && !order.version.has(Feature::CreateDefaults) {
            return error.hint(format!(
                "set parameters to a value of it: `coder` {} can't take the template's own",
                order.version
            ));
        }
        if failed.reason != Reason::NoTemplate {
            return error;
        }
        self.names_templates(error)
    }

    /// Of presets it isn't said what wasn't found.
    fn unseen(&self, template: &str, error: Error) -> Error {
        if error.code != ErrorCode::NotFound {
            return error;
        }
        let message = format!("the template `{template}` or the version of it isn't there");
        let error = Error::new(ErrorCode::InvalidConfig, message).effect(Effect::None);
        self.names_templates(error)
    }

    fn names_templates(&self, error: Error) -> Error {
        let names: Vec<String> =
            self.templates().unwrap_or_default().into_iter().map(|one| one.name).collect();
        if names.is_empty() {
            return error.hint("coder templates list");
        }
        error.hint(format!("set template to one of: {}", names.join(", ")))
    }
}

impl Order<'_> {
    fn arguments(&self) -> Vec<String> {
        let wishes = self.wishes;
        let mut arguments = Vec::new();
        let mut says = |flag: &str, value: Option<&str>| {
            arguments.extend(value.into_iter().flat_map(|value| [flag, value].map(str::to_owned)));
        };
        says("--template", Some(self.template));
        says("--template-version", wishes.template_version.as_deref());
        says("--org", wishes.organization.as_deref());
        says("--preset", Some(&wishes.preset));
        let minutes = self.minutes.map(|minutes| format!("{minutes}m"));
        says("--stop-after", minutes.as_deref());
        says("--rich-parameter-file", wishes.parameter_file.as_deref());
        for (name, value) in &wishes.parameters {
            says("--parameter", Some(&field(&format!("{name}={value}"))));
        }
        arguments.push("--yes".to_owned());
        if wishes.takes_defaults && self.version.has(Feature::CreateDefaults) {
            arguments.push("--use-parameter-defaults".to_owned());
        }
        arguments
    }
}

/// Each value of `--parameter` is read as a record of comma-separated ones: as the only field of it.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_field_of_a_record() {
        assert_eq!(field("region=us"), "region=us");
        assert_eq!(field("tag=a,\"b\" c"), "\"tag=a,\"\"b\"\" c\"");
        assert_eq!(field("zones=[\"a\"]"), "\"zones=[\"\"a\"\"]\"");
    }
}
