//! `crabbox artifacts`

use super::interrupts::Interrupts;
use super::run::brought;
use super::visit::{Visit, ready};
use super::{Shared, history};
use crate::collect::{Artifacts, Collected, OURS, Wanted, check_glob};
use crate::config::{Flags, Settings};
use crate::copy::CopyError;
use crate::history::{Artifact, RunRecord};
use crate::output::{CommandError, Exit, Table, Typed, human, to_type};
use crate::run::bring_later;
use crate::transport::Route;
use crate::visit::VisitError;
use clap::{Args, ValueHint};
use crabbox_copy::glob::Globs;
use crabbox_wire::collect::Later;
use crabbox_wire::message::{FailureCode, Request};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What is left of a fetch that was interrupted.
const LEFT: &str = "interrupted: what came whole is there";

/// List what an earlier run has brought here, or fetch more
///
/// The files that came, and where they are, of all or those that match. With `--fetch`, the box is asked for them: it has
/// what its workspace holds now, which a later run may have changed. It must be ready or in use; nobody is waited for, and
/// what is here stays.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox artifacts
  crabbox artifacts run_0123456789ab --json
  crabbox artifacts @last 'target/**/*.log' --fetch")]
pub(super) struct ListArtifacts {
    /// The run: its id or the beginning of it, `@last` or `@last-failed`
    #[arg(default_value = "@last", hide_default_value = true)]
    run: String,
    /// Files like this; all that came, if there is none
    #[arg(value_name = "GLOB")]
    globs: Vec<String>,
    /// Bring them here from the box
    #[arg(long)]
    fetch: bool,
    /// Bring them here, not to `.crabbox/artifacts/RUN`
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, requires = "fetch")]
    artifact_dir: Option<PathBuf>,
    /// Let what comes replace what is here
    #[arg(long, alias = "force", requires = "fetch")]
    overwrite: bool,
}

impl ListArtifacts {
    pub(super) fn execute(self, shared: &Shared) -> Result<Exit, CommandError> {
        let (reader, run) = history::find(shared, &self.run)?;
        let record = reader.get(&run)?.ok_or_else(|| history::unknown(&reader, &run))?;
        self.globs.iter().try_for_each(|glob| check(glob, &record))?;
        let folder = PathBuf::from(&record.repository).join(OURS).join("artifacts");
        let folder = folder.join(record.id.as_str());
        if self.fetch {
            return self.bring(&record, folder, shared);
        }
        let chosen = Globs::new(&self.globs).unwrap_or_default();
        let is_chosen = |file: &&Artifact| {
            chosen.is_empty() || !chosen.matched_path(file.path.as_bytes()).is_empty()
        };
        let files: Vec<_> = record.artifacts.iter().filter(is_chosen).collect();
        let local = |file: &Artifact| Some(folder.join(&file.path)).filter(|path| path.is_file());
        if shared.printer.json {
            let files = files.iter().map(|file| {
                let local = local(file).map(|path| path.to_string_lossy().into_owned());
                json!({
                    "path": file.path,
                    "local_path": local,
                    "bytes": file.bytes,
                    "digest": file.digest,
                })
            });
            let files = files.collect::<Vec<Value>>();
            let document =
                json!({ "schema_version": 1, "run": record.id, "files": files, "fetched": null });
            return shared.printer.document(&document).map(|()| Exit::Ok);
        }
        if files.is_empty() {
            let line = format!("no artifact of `{}` is remembered", record.id);
            shared.printer.advice(&line, &to_type(&["artifacts", &self.run, "GLOB", "--fetch"]));
            return Ok(Exit::Ok);
        }
        let mut table = Table::new(&["PATH", "SIZE", "HERE"]).paths(0).paths(2);
        for file in files {
            let here =
                local(file).map_or_else(|| "-".to_owned(), |path| path.display().to_string());
            table.row([file.path.clone(), human::bytes(file.bytes), here]);
        }
        shared.printer.table(&table).map(|()| Exit::Ok)
    }

    fn bring(
        self,
        record: &RunRecord,
        folder: PathBuf,
        shared: &Shared,
    ) -> Result<Exit, CommandError> {
        let globs = if self.globs.is_empty() {
            record.artifacts.iter().map(|file| quoted(&file.path)).collect()
        } else {
            self.globs
        };
        if globs.is_empty() {
            let message =
                format!("no artifact of `{}` is remembered: which are wanted?", record.id);
            let line = ["artifacts", record.id.as_str(), "GLOB", "--fetch"];
            return Err(CommandError::usage(message).hint(to_type(&line)));
        }
        let lease = record.lease.as_ref().ok_or_else(|| {
            CommandError::new(Exit::NotFound, format!("`{}` had no box", record.id))
        })?;
        let settings =
            Settings::load(Flags { of_lease: true, ..shared.flags() }, None, &shared.places()?)?;
        let checkout = self.artifact_dir.is_none().then(|| PathBuf::from(&record.repository));
        let into = self.artifact_dir.unwrap_or(folder);
        let wanted = Wanted {
            reports: None,
            artifacts: Some(Artifacts { globs, required: Vec::new(), into, checkout }),
            downloads: Vec::new(),
            overwrite: self.overwrite,
            max_size: settings.artifacts_max_size,
        };
        let visit = Visit::to(&lease.id, shared)?;
        let _interrupts =
            Interrupts::listen_alone(shared.printer, LEFT, Typed::here().to_string())?;
        let collected = fetch(&wanted, record, &visit, shared)?;
        check_found(&collected, &visit)?;
        show(&collected, record, shared)
    }
}

/// What lies elsewhere on the box is a thing for `crabbox cp`.
fn check(glob: &str, record: &RunRecord) -> Result<(), CommandError> {
    check_glob("GLOB", glob).map_err(|error| {
        let leads_away = !error.hints().is_empty();
        let error = error.without_hints();
        match &record.lease {
            Some(lease) if leads_away => {
                error.hint(to_type(&["cp", &format!("{}:{glob}", lease.slug), "."]))
            }
            _ => error,
        }
    })
}

fn fetch(
    wanted: &Wanted,
    record: &RunRecord,
    visit: &Visit,
    shared: &Shared,
) -> Result<Collected, CommandError> {
    let later = wanted
        .request(!visit.is_here())
        .map(|collect| Later { run: record.id.as_str().to_owned(), collect });
    let request = Request { collect: later, ..visit.request.clone() };
    let slug = &visit.claim.slug;
    let progress = shared.printer.progress(format!("bringing back files from {slug}"));
    let bring = |route: &Route<'_>| bring_later(route, &request, wanted, &progress);
    let brought = visit.by_route(bring, |error: &CopyError| match error {
        CopyError::Visit(error) => error.unreached(),
        _ => None,
    });
    brought.map_err(|error| match error {
        CopyError::Visit(VisitError::Box(failure)) if failure.code == FailureCode::Missing => {
            CommandError::new(Exit::NotFound, format!("{} ({slug})", failure.message))
        }
        CopyError::Visit(error) => visit.explain(&error),
        error => {
            CommandError::failed(error.to_string()).code("artifacts").hint(ready(&visit.claim))
        }
    })
}

/// Is there anything to be said of what was asked for but that it isn't there?
fn check_found(collected: &Collected, visit: &Visit) -> Result<(), CommandError> {
    let is_found = collected.matched.iter().any(|one| one.files > 0);
    if is_found || collected.left_out_count() > 0 || collected.broke_off.is_some() {
        return Ok(());
    }
    let what = match collected.matched.as_slice() {
        [one] => format!("`{}`", one.glob),
        several => format!("any of {} patterns", several.len()),
    };
    let message = format!("no file on {} matches {what}", visit.claim.slug);
    Err(CommandError::new(Exit::NotFound, message))
}

fn show(collected: &Collected, record: &RunRecord, shared: &Shared) -> Result<Exit, CommandError> {
    let printer = shared.printer;
    if printer.json {
        let fetched = brought::to_json(collected);
        printer.document(&json!({
            "schema_version": 1,
            "run": record.id,
            "files": fetched["files"],
            "fetched": fetched,
        }))?;
    } else {
        for line in brought::lines(collected) {
            printer.phase(&line);
        }
    }
    brought::warn(collected, None, printer);
    for file in &collected.artifacts {
        let path = file.path.to_string_lossy();
        let then = record.artifacts.iter().find(|then| then.path == path);
        if then.is_some_and(|then| then.digest != file.digest.to_string()) {
            printer.warning(&format!("`{path}` isn't what it was when the run ended"));
        }
    }
    let is_whole = collected.broke_off.is_none() && collected.left_out_count() == 0;
    Ok(if is_whole { Exit::Ok } else { Exit::Failed })
}

/// The pattern of this path alone.
fn quoted(path: &str) -> String {
    let mut glob = String::new();
    for character in path.chars() {
        if matches!(character, '*' | '?' | '[' | ']' | '{' | '}' | ',' | '\\' | '~') {
            glob.push('\\');
        }
        glob.push(character);
    }
    glob
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_pattern_of_itself() {
        for path in ["a/b.txt", "{a,b}/[c]*?", r"back\slash", "~", "ü"] {
            let globs = Globs::new([quoted(path)]).expect("a pattern");
            assert_eq!(globs.matched_path(path.as_bytes()), [0], "{path}");
        }
    }
}
