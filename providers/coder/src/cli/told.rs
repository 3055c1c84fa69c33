//! The documents that `coder` prints. Only what is used is read: what agents have in their environment and in their
//! scripts may be secret, and goes no further than this.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// `coder whoami`: who is logged in, and where.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Login {
    pub(crate) url: String,
    pub(crate) username: String,
    pub(crate) user_id: String,
}

impl Login {
    /// Where it is a login to.
    pub(crate) fn deployment(&self) -> &str {
        self.url.trim_end_matches('/')
    }
}

/// `coder version`.
#[derive(Debug, Deserialize)]
pub(super) struct Versions {
    pub(super) version: String,
}

/// `coder templates list`, an element.
#[derive(Debug, Deserialize)]
pub(super) struct TemplateRow {
    #[serde(rename = "Template")]
    pub(super) template: Template,
}

/// A template.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Template {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) organization_name: String,
    #[serde(default)]
    pub(crate) deprecated: bool,
    /// Its workspaces may have a time after which they stop.
    #[serde(default = "yes")]
    pub(crate) allow_user_autostop: bool,
}

fn yes() -> bool {
    true
}

/// `coder templates presets list`, an element.
#[derive(Debug, Deserialize)]
pub(super) struct PresetRow {
    #[serde(rename = "TemplatePreset")]
    pub(super) preset: Preset,
}

/// A preset. Its keys have had both spellings.
#[derive(Debug, Deserialize)]
pub(super) struct Preset {
    #[serde(alias = "Name")]
    pub(super) name: String,
    #[serde(alias = "Parameters", default)]
    pub(super) parameters: Option<Vec<PresetParameter>>,
}

/// A value that a preset sets.
#[derive(Debug, Deserialize)]
pub(super) struct PresetParameter {
    #[serde(alias = "Name")]
    pub(super) name: String,
    #[serde(alias = "Value")]
    pub(super) value: String,
}

/// `coder list`, an element.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Workspace {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) owner_id: String,
    #[serde(default)]
    pub(crate) owner_name: String,
    #[serde(default)]
    pub(crate) template_name: String,
    #[serde(default)]
    pub(crate) outdated: bool,
    /// It is started with the newest version of its template alone.
    #[serde(default, rename = "template_require_active_version")]
    pub(crate) requires_newest: bool,
    #[serde(default)]
    pub(crate) dormant_at: Option<String>,
    #[serde(default)]
    pub(crate) ttl_ms: Option<u64>,
    pub(crate) latest_build: Build,
}

/// Its latest build.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Build {
    #[serde(default, rename = "build_number")]
    pub(crate) number: u32,
    #[serde(default)]
    pub(crate) initiator_id: String,
    #[serde(default)]
    pub(crate) initiator_name: String,
    #[serde(default)]
    transition: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    pub(crate) deadline: Option<String>,
    #[serde(default)]
    pub(crate) job: Job,
    #[serde(default)]
    resources: Option<Vec<Resource>>,
}

/// The work of a build.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Job {
    #[serde(default)]
    pub(crate) error: Option<String>,
    #[serde(default)]
    pub(crate) queue_position: u32,
}

#[derive(Clone, Debug, Deserialize)]
struct Resource {
    #[serde(default)]
    agents: Option<Vec<Agent>>,
}

/// An agent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Agent {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) lifecycle_state: String,
    /// It runs in a container that another agent has started.
    #[serde(default)]
    pub(crate) parent_id: Option<String>,
    #[serde(default)]
    pub(crate) health: Health,
    #[serde(default)]
    pub(crate) scripts: Option<Vec<Script>>,
}

/// What is wrong with an agent.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Health {
    #[serde(default)]
    pub(crate) reason: Option<String>,
}

/// A script of an agent, without the script.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Script {
    #[serde(default)]
    pub(crate) start_blocks_login: bool,
}

/// What a workspace is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Starting,
    Running,
    Stopping,
    Stopped,
    /// Its last build failed, or somebody stopped that: it was a start, or not.
    Failed {
        start: bool,
    },
    Deleting,
    Deleted,
    /// A word of a newer version.
    Unknown(String),
}

impl Workspace {
    pub(crate) fn doing(&self) -> Doing {
        let Build { status, transition, .. } = &self.latest_build;
        match (status.as_str(), transition.as_str()) {
            ("running", _) => Doing::Running,
            ("stopped", _) => Doing::Stopped,
            ("deleted", _) => Doing::Deleted,
            ("starting", _) | ("pending" | "canceling", "start") => Doing::Starting,
            ("stopping", _) | ("pending" | "canceling", "stop") => Doing::Stopping,
            ("deleting", _) | ("pending" | "canceling", "delete") => Doing::Deleting,
            ("failed" | "canceled", transition) => Doing::Failed { start: transition == "start" },
            (other, _) => Doing::Unknown(other.to_owned()),
        }
    }

    /// May what it is called by stand on a command line? What begins with a dash would be read as a flag there.
    pub(super) fn can_be_named(&self) -> bool {
        let is_id =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let is_word = |text: &str| !text.starts_with('-') && !text.contains(['/', '\0']);
        is_id(&self.id)
            && [&self.id, &self.name, &self.owner_name].into_iter().all(|text| is_word(text))
    }

    pub(crate) fn is_dormant(&self) -> bool {
        self.dormant_at.is_some()
    }

    /// Its agents, whatever they are of.
    pub(crate) fn agents(&self) -> impl Iterator<Item = &Agent> {
        let resources = self.latest_build.resources.iter().flatten();
        resources.flat_map(|resource| resource.agents.iter().flatten())
    }
}

/// The elements of a list: none also where it is empty, `null`, or a sentence that says so. Lines before it, as a
/// wrapper may print, are passed over. What can't be read is no list of none: that would prove that something is gone.
pub(super) fn elements<T: DeserializeOwned>(text: &str) -> Result<Vec<T>, serde_json::Error> {
    let is_none = ["", "null"].contains(&text.trim()) || says_none(text);
    let first = text.starts_with('[').then_some(0);
    let mut begins = first.into_iter().chain(text.match_indices("\n[").map(|(at, _)| at + 1));
    let told = begins.find_map(|at| serde_json::from_str(text.get(at..)?).ok());
    match told {
        Some(elements) => Ok(elements),
        None if is_none => Ok(Vec::new()),
        None => serde_json::from_str(text),
    }
}

/// The sentence is a line of its own, and beside it there is no list: in one, anybody may have written it.
fn says_none(text: &str) -> bool {
    let begins = |words: &str| text.lines().any(|line| line.trim_start().starts_with(words));
    (begins("No workspaces found") || begins("No presets found")) && !begins("[")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(build: &str) -> Workspace {
        let text = format!(r#"{{"id":"i","name":"n","owner_id":"o","latest_build":{build}}}"#);
        serde_json::from_str(&text).expect("a workspace")
    }

    #[test]
    fn a_word_says_where_to_only_with_the_transition() {
        let doing = |status: &str, transition: &str| {
            workspace(&format!(r#"{{"status":"{status}","transition":"{transition}"}}"#)).doing()
        };
        assert_eq!(doing("pending", "stop"), Doing::Stopping);
        assert_eq!(doing("canceling", "start"), Doing::Starting);
        assert_eq!(doing("canceled", "start"), Doing::Failed { start: true });
        assert_eq!(doing("failed", "delete"), Doing::Failed { start: false });
        assert_eq!(doing("levitating", "start"), Doing::Unknown("levitating".to_owned()));
    }

    #[test]
    fn nothing_is_said_in_several_ways() {
        for text in [
            "",
            "null",
            "[]",
            "[]\n",
            "No workspaces found! Create one:\n",
            "hello\n[]\n",
            "[info] hello\n[]\n",
        ] {
            assert!(elements::<Login>(text).expect(text).is_empty(), "{text}");
        }
        for text in [
            "<html>",
            "{}",
            "[1]",
            "hello",
            "hello: No workspaces found",
            "[{\"script\":\"echo No workspaces found\"}]\nbye\n",
            "[\n  {\"script\": \"No presets found\"}\n]\n",
            "[{}]\nNo workspaces found!\n",
        ] {
            assert!(elements::<Login>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn agents_are_below_several_resources_or_none() {
        let build = r#"{"resources":[{},{"agents":null},{"agents":[{"name":"a"}]}]}"#;
        let names: Vec<_> = workspace(build).agents().map(|agent| agent.name.clone()).collect();
        assert_eq!(names, ["a"]);
        assert_eq!(workspace(r#"{"resources":null}"#).agents().count(), 0);
    }
}
