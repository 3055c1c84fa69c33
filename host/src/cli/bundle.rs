//! `crabbox bundle`

use super::config::{Show, repository};
use super::doctor::Doctor;
use super::printed::Lines;
use super::{Shared, history, results, whole};
use crate::bundle::Bundle;
use crate::collect::{Unmade, make_ours};
use crate::history::{Command, Log, Piece, Reader, RunRecord, folder};
use crate::output::{CommandError, Quoted, to_type};
use crate::receipt::Receipt;
use crate::redact;
use clap::{Args, ValueHint};
use serde::Serialize;
use serde_json::json;
use std::env;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Seek};
use std::path::{Path, PathBuf};

/// What its receipt is called.
const RECEIPT: &str = "receipt.json";

/// The folder of bundles in a checkout's folder of our own.
const BUNDLES: &str = "bundles";

/// Put all that is known of a run into one file
///
/// For somebody who is to see what you saw: the receipt, what was printed, the results of the tests, the settings as they
/// are here now, what `doctor` says, and the line that runs the same again. Secrets that crabbox knows are taken out of
/// all of it; what the program printed otherwise is in it as it is. It is put into `.crabbox/bundles/` of the checkout,
/// which no run sends; outside of one, into this folder. A new one is for you alone to read. Where it is is printed.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox bundle @last-failed
  crabbox bundle run_0123456789ab -o failure.tar.zst")]
pub(super) struct MakeBundle {
    /// The run: its id or the beginning of it, `@last` or `@last-failed`
    #[arg(default_value = "@last", hide_default_value = true)]
    run: String,
    /// Write it here, and not to `.crabbox/bundles/RUN.tar.zst`
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
}

impl MakeBundle {
    pub(super) fn execute(self, shared: &Shared) -> Result<(), CommandError> {
        let (reader, run) = history::find(shared, &self.run)?;
        let record = reader.get(&run)?.ok_or_else(|| history::unknown(&reader, &run))?;
        let unwritten = |path: &Path, error: io::Error| {
            CommandError::failed(format!("`{}` can't be written", path.display()))
                .because(error)
                .hint(to_type(&["bundle", run.as_str(), "-o", "FILE"]))
        };
        let path = match self.output {
            Some(path) => path,
            None => place(&record).map_err(|Unmade { path, source }| unwritten(&path, source))?,
        };
        let texts = texts(&record, &reader, shared)?;
        let size =
            write(&path, &record, &reader, &texts).map_err(|error| unwritten(&path, error))?;
        if shared.printer.json {
            return shared.printer.document(&json!({
                "schema_version": 1,
                "run": run,
                "path": path.to_string_lossy(),
                "bytes": size,
            }));
        }
        shared.printer.data(&format!("{}\n", path.display()))
    }
}

/// Where it goes, unless that is said. In a checkout it would be part of the tree that the next run sends: it goes to the
/// folder in it that isn't.
fn place(record: &RunRecord) -> Result<PathBuf, Unmade> {
    let name = format!("{}.tar.zst", record.id);
    let Ok(here) = env::current_dir() else { return Ok(name.into()) };
    let sent = Path::new(&record.repository);
    // A folder that was sent needn't be a checkout.
    let is_here = sent.is_absolute() && here.starts_with(sent);
    let Some(root) = is_here.then(|| sent.to_owned()).or_else(repository) else {
        return Ok(name.into());
    };
    let path = make_ours(&root, BUNDLES)?.join(name);
    Ok(path.strip_prefix(&here).map(Path::to_owned).unwrap_or(path))
}

/// The files of text in it, by their names.
fn texts(
    record: &RunRecord,
    reader: &Reader,
    shared: &Shared,
) -> Result<Vec<(&'static str, String)>, CommandError> {
    let found = results::kept(reader, &record.id)?;
    let mut texts = vec![
        (RECEIPT, Receipt::of(record, found.as_ref()).to_json().unwrap_or_default()),
        ("run.json", pretty(record)),
        ("replay.sh", replay(record)),
    ];
    texts.extend(found.map(|found| ("results.json", pretty(&found))));
    // What is wrong with the settings is worth knowing, too.
    let settings = Show::document(record.provider.clone(), shared)
        .unwrap_or_else(|error| json!({ "error": error.to_string() }));
    texts.push(("config.json", pretty(&settings)));
    texts.push(("doctor.json", pretty(&Doctor::document(record.provider.clone(), shared))));
    Ok(texts)
}

/// Without secrets in any of its strings.
fn pretty(document: &impl Serialize) -> String {
    let value = serde_json::to_value(document).map(redact::json).unwrap_or_default();
    serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
}

/// Returns its size in bytes.
fn write(
    path: &Path,
    record: &RunRecord,
    reader: &Reader,
    texts: &[(&str, String)],
) -> io::Result<u64> {
    // What is kept of the output is the user's alone, and so is its copy.
    whole::write_private(path, |out| {
        let time = u64::try_from(record.began.as_second()).unwrap_or_default();
        let mut bundle = Bundle::begin(out, record.id.as_str(), time)?;
        for (name, text) in texts {
            if *name == RECEIPT { bundle.finished(name, text)? } else { bundle.text(name, text)? }
        }
        let log = Log::of(&folder(reader.state(), &record.id));
        if log.is_there() {
            let (length, printed) = printed(&log)?;
            bundle.stream("log.txt", length, printed)?;
        }
        bundle.finish().map(drop)
    })
}

/// What was printed, without secrets, and how much that is.
fn printed(log: &Log) -> io::Result<(u64, File)> {
    let mut lines = Lines::to(BufWriter::new(tempfile::tempfile()?));
    log.each(|piece| match piece {
        Piece::Output { stream, bytes, .. } => lines.add(stream, bytes),
        Piece::Cut(count) => lines.cut(count),
    })?;
    let mut file = lines.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    let length = file.stream_position()?;
    file.rewind()?;
    Ok((length, file))
}

/// What is to be typed, by somebody who has the checkout.
fn replay(record: &RunRecord) -> String {
    let mut text =
        String::from("#!/bin/sh\n# Runs the same again, in a checkout of the repository.\n");
    if let Some(commit) = &record.commit {
        // Writing to a string doesn't fail.
        let _ = writeln!(text, "git checkout {commit}");
    }
    if record.dirty == Some(true) || record.uncommitted.is_some() {
        text.push_str(
            "# What wasn't committed isn't here: the tree of the run is named in receipt.json.\n",
        );
    }
    let _ = writeln!(text, "exec {}", line(record));
    text
}

/// The line of a run, without the values of its variables.
fn line(record: &RunRecord) -> String {
    let mut line = format!("crabbox run --provider {}", record.provider);
    for name in &record.environment {
        let _ = write!(line, " --env {}", Quoted(Path::new(name)));
    }
    if !record.directory.is_empty() {
        let _ = write!(line, " --dir {}", Quoted(Path::new(&record.directory)));
    }
    match &record.command {
        Command::Argv(_) => format!("{line} -- {}", record.command),
        Command::Shell(shell) => format!("{line} --shell {}", Quoted(Path::new(shell))),
    }
}
