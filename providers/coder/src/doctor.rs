//! `doctor`: whether it can work here. Each check stands for itself, and nothing is changed.

use crate::cli::{Cli, Login, Template, Version};
use crate::wishes::Wishes;
use crabbox_provider_api::payload::{Check, CheckStatus, Diagnosis, DoctorRequest};
use crabbox_provider_api::{Error, Host};

pub(crate) fn doctor(request: &DoctorRequest, host: &Host) -> Diagnosis {
    let cli = Cli::new(&request.settings, host);
    let wishes = Wishes::of(&request.settings);
    let mut checks = Vec::new();
    let version = cli.version();
    let has_cli = version.is_ok();
    checks.push(cli_check(version));
    if has_cli {
        let login = cli.whoami();
        let is_in = login.is_ok();
        checks.push(login_check(login));
        if is_in {
            let own = request.settings.text("list-scope") != Some("all");
            let count = cli.all(own).map(|workspaces| workspaces.len());
            checks.push(told(
                "inventory",
                count.map(|count| format!("{} can be seen", counted(count))),
            ));
            checks.extend(template_checks(&cli, &wishes));
        } else {
            for id in ["inventory", "template"] {
                checks.push(check(id, CheckStatus::Skip, "nobody is logged in", None));
            }
        }
    }
    checks.extend(wishes.work_root().err().map(|error| failed("settings", error)));
    Diagnosis::new(checks)
}

fn cli_check(version: Result<Version, Error>) -> Check {
    let version = match version.and_then(|version| version.check().map(|()| version)) {
        Ok(version) => version,
        Err(error) => return failed("cli", error),
    };
    if version.is_known() {
        return check("cli", CheckStatus::Pass, format!("`coder` is {version}"), None);
    }
    let message = format!("`coder` is {version}, and nobody has tried that");
    check("cli", CheckStatus::Warn, message, None)
}

fn login_check(login: Result<Login, Error>) -> Check {
    told("login", login.map(|Login { url, username, .. }| format!("`{username}` of {url}")))
}

fn template_checks(cli: &Cli<'_>, wishes: &Wishes) -> Vec<Check> {
    let id = "template";
    let Some(wanted) = &wishes.template else {
        let hint = Some("set template to one of those that `coder templates list` shows");
        return vec![check(id, CheckStatus::Skip, "no template is set", hint)];
    };
    let templates = match cli.templates() {
        Ok(templates) => templates,
        Err(error) => return vec![failed(id, error)],
    };
    let is_it = |one: &&Template| {
        let organization = wishes.organization.as_deref();
        one.name == *wanted && organization.is_none_or(|name| one.organization_name == name)
    };
    let fitting: Vec<&Template> = templates.iter().filter(is_it).collect();
    let mut checks = Vec::new();
    match fitting[..] {
        [] => {
            let names: Vec<&str> = templates.iter().map(|one| one.name.as_str()).collect();
            let hint = format!("set template to one of: {}", names.join(", "));
            let message = format!("there is no template `{wanted}`");
            checks.push(check(id, CheckStatus::Fail, message, Some(&hint)));
        }
        [one] => {
            checks.push(check(
                id,
                CheckStatus::Pass,
                format!("there is a template `{wanted}`"),
                None,
            ));
            checks.extend(caveats(one));
        }
        _ => {
            let message = format!("several organizations have a template `{wanted}`");
            let names: Vec<&str> =
                fitting.iter().map(|one| one.organization_name.as_str()).collect();
            let hint = format!("set organization to one of: {}", names.join(", "));
            checks.push(check(id, CheckStatus::Fail, message, Some(&hint)));
        }
    }
    checks
}

fn caveats(template: &Template) -> Vec<Check> {
    let name = &template.name;
    let mut checks = Vec::new();
    let mut warn = |id, message: String| checks.push(check(id, CheckStatus::Warn, message, None));
    if !template.allow_user_autostop {
        warn("autostop", format!("workspaces of `{name}` can't be told to stop by themselves"));
    }
    if template.deprecated {
        warn(
            "template",
            format!("the template `{name}` is deprecated: nothing new is made from it"),
        );
    }
    checks
}

fn counted(workspaces: usize) -> String {
    if workspaces == 1 { "1 workspace".to_owned() } else { format!("{workspaces} workspaces") }
}

fn told(id: &str, answer: Result<String, Error>) -> Check {
    match answer {
        Ok(message) => check(id, CheckStatus::Pass, message, None),
        Err(error) => failed(id, error),
    }
}

fn failed(id: &str, error: Error) -> Check {
    check(id, CheckStatus::Fail, error.message, error.hint.as_deref())
}

fn check(id: &str, status: CheckStatus, message: impl Into<String>, hint: Option<&str>) -> Check {
    let check = Check::new(id, status, message);
    match hint {
        Some(hint) => check.with_hint(hint),
        None => check,
    }
}
