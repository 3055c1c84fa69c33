//! From whatever a workspace is doing to one that can be used: starts it where it is stopped, waits for its builds and
//! for its agent. `coder` itself says that a start has succeeded before the agent is there.

use crate::agents::{Reach, choose, reach};
use crate::cli::{Cli, Doing, Feature, Reason, Version, Workspace};
use crate::endpoint::reference;
use crate::waiting::Waiting;
use crate::wishes::Wishes;
use crabbox_provider_api::{Effect, Error, ErrorCode};
use std::time::Duration;

/// A workspace that can be used.
pub(crate) struct Up {
    pub(crate) workspace: Workspace,
    /// The name of its agent.
    pub(crate) agent: String,
    /// Which `coder` it is.
    pub(crate) version: Version,
}

/// What may be done for it.
pub(crate) struct Bringing<'a> {
    pub(crate) cli: &'a Cli<'a>,
    pub(crate) wishes: &'a Wishes,
    /// Which `coder` it was the last time.
    pub(crate) version: Version,
    /// For so long at most: less than the hook has, so that the reason is told.
    pub(crate) longest: Duration,
}

impl Bringing<'_> {
    /// Waits until it can be used, and does for that what may be done.
    pub(crate) fn up(&self, mut workspace: Workspace) -> Result<Up, Error> {
        let mut waiting = Waiting::new(self.cli.host, self.longest);
        let (mut may_retry, mut was_started) = (true, false);
        let mut version = self.version;
        loop {
            if workspace.is_dormant() && !self.may_wake(&workspace) {
                return Err(dormant(&workspace));
            }
            match workspace.doing() {
                Doing::Running => match self.reached(&workspace)? {
                    (agent, Reach::Now) => return Ok(Up { workspace, agent, version }),
                    (_, Reach::Soon(why)) => waiting.pause(&why)?,
                    (_, Reach::Lost(why)) => waiting.pause_for_lost(&why)?,
                    (_, Reach::Never(why)) => return Err(Error::new(ErrorCode::Timeout, why)),
                },
                Doing::Starting => waiting.pause(&starting(&workspace))?,
                Doing::Stopping => waiting.pause("the workspace is stopping")?,
                // It was told to start, and hasn't heard of it: it isn't told each moment.
                Doing::Stopped if was_started => {
                    was_started = false;
                    waiting.pause("the workspace doesn't start yet")?;
                }
                Doing::Stopped => {
                    was_started = true;
                    version = self.start(&workspace, version)?;
                }
                // `coder` cleans up after it, and tries again.
                Doing::Failed { start: true } if may_retry => {
                    may_retry = false;
                    version = self.start(&workspace, version)?;
                }
                Doing::Failed { .. } => return Err(failed(&workspace)),
                Doing::Deleting | Doing::Deleted => return Err(gone(&workspace)),
                Doing::Unknown(word) => waiting.pause(&format!("the workspace is {word}"))?,
            }
            let id = &workspace.id;
            workspace = self.cli.by_id(id)?.ok_or_else(|| gone(&workspace))?;
        }
    }

    /// Only a start of one that is stopped wakes it.
    fn may_wake(&self, workspace: &Workspace) -> bool {
        self.wishes.wakes_dormant && workspace.doing() != Doing::Running
    }

    fn reached(&self, workspace: &Workspace) -> Result<(String, Reach), Error> {
        let agent = choose(workspace, self.wishes.agent.as_deref())?;
        Ok((agent.name.clone(), reach(agent, self.wishes)))
    }

    /// Asks nobody. Another build that is under way is waited for. Which `coder` has done it?
    fn start(&self, workspace: &Workspace, version: Version) -> Result<Version, Error> {
        let name = &workspace.name;
        self.cli.host.progress(&format!("the workspace `{name}` is started"));
        if workspace.outdated {
            self.cli.host.progress(&newer(workspace));
        }
        let to = reference(workspace, version);
        let mut arguments = vec![to.as_str(), "--yes"];
        if self.wishes.takes_defaults && version.has(Feature::StartDefaults) {
            arguments.push("--use-parameter-defaults");
        }
        match self.cli.builds("start", &arguments)? {
            None => Ok(version),
            Some(failed) if matches!(failed.reason, Reason::Busy | Reason::Unfollowed) => {
                Ok(version)
            }
            // It isn't the one that is noted, and takes other words.
            Some(failed) if matches!(failed.reason, Reason::NotFound | Reason::UnknownFlag) => {
                let now = self.cli.version()?;
                now.check()?;
                if now == version { Err(failed.error()) } else { self.start(workspace, now) }
            }
            // A start refuses a value of what can't be changed later, as most can't: an update asks for those that are new.
            Some(failed) if failed.reason == Reason::Unanswered => {
                Err(failed.error().hint(format!("coder update {}/{name}", workspace.owner_name)))
            }
            Some(failed) => Err(failed.error()),
        }
    }
}

/// What it is started with, where there is something newer.
fn newer(workspace: &Workspace) -> String {
    let name = &workspace.name;
    if workspace.requires_newest {
        return "its template has a newer version, and wants it started with that".to_owned();
    }
    format!("its template has a newer version, which `coder update {name}` takes")
}

fn starting(workspace: &Workspace) -> String {
    match workspace.latest_build.job.queue_position {
        0 => "the workspace is starting".to_owned(),
        position => format!("the workspace waits to be started, at position {position}"),
    }
}

/// Its last build failed. Why is in a log that only a page shows by now.
pub(crate) fn failed(workspace: &Workspace) -> Error {
    let Workspace { name, owner_name, latest_build, .. } = workspace;
    let why = latest_build.job.error.as_deref().unwrap_or("it was cancelled");
    let message = format!("the last build of the workspace `{name}` failed: {why}");
    Error::new(ErrorCode::Unavailable, message)
        .hint(format!("coder show {owner_name}/{name}"))
        .effect(Effect::Done)
}

fn dormant(workspace: &Workspace) -> Error {
    let name = &workspace.name;
    let message = format!("the workspace `{name}` is dormant: it wasn't used for long");
    let error = Error::new(ErrorCode::Conflict, message).effect(Effect::None);
    if workspace.doing() == Doing::Running {
        return error.hint(format!("coder restart {}/{name}", workspace.owner_name));
    }
    error.hint("set activate-dormant to true, which has it started all the same")
}

fn gone(workspace: &Workspace) -> Error {
    let message = format!("the workspace `{}` was deleted meanwhile", workspace.name);
    Error::new(ErrorCode::NotFound, message)
}
