//! `crabbox cp`

use super::Shared;
use super::interrupts::Interrupts;
use super::list::to_json;
use super::visit::{Visit, ready};
use crate::copy::{CopyError, Ends, EndsError, Watch, get, put};
use crate::output::{CommandError, Exit, Printer, Typed, human, to_type};
use crate::transport::Route;
use crate::visit::VisitError;
use clap::{Args, ValueHint};
use crabbox_copy::receive::ReceiveError;
use crabbox_copy::target::{Target, TargetError, name_of};
use crabbox_wire::copy::{Copied, Copy, Remark};
use crabbox_wire::message::{Failure, FailureCode, Request};
use crabbox_wire::text::Text;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// So many entries that couldn't be copied are named, and so many others of which there is something to be said.
const NAMED: usize = 20;

/// How much of a path, and of what there is to be said of it, is shown, in characters: both may come from the box.
const SHOWN: usize = 1024;

/// What is left of a copy that was interrupted.
const LEFT: &str = "the copy was interrupted: what was copied whole is there, and a large file goes on where it stopped";

/// Copy files and folders to or from a box
///
/// One of the two is on a box: `ID:PATH`, where PATH counts from the folder that holds the
/// checkout there, unless it begins with `/` or `~/`. A file here with a colon in its name is
/// written `./a:b`. A folder is copied with all that is in it, into DST if that is a folder, else
/// as it. Modes and links are kept. Nothing of a box goes into a `.git` here. A large file that
/// broke off goes on where it stopped when the same line is typed again. The box must be ready or
/// in use; nobody is waited for.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox cp amber-crab:target/report.html .
  crabbox cp data amber-crab:/tmp
  crabbox cp @last:'~/core.1234' /tmp --json")]
pub(super) struct Cp {
    /// What to copy
    #[arg(value_name = "SRC", value_hint = ValueHint::AnyPath)]
    from: OsString,
    /// Where to
    #[arg(value_name = "DST", value_hint = ValueHint::AnyPath)]
    to: OsString,
}

impl Cp {
    pub(super) fn execute(self, shared: &Shared) -> Result<Exit, CommandError> {
        let ends = Ends::of(&self.from, &self.to).map_err(|error| refuse(&error))?;
        if let Ends::Put { from, .. } = &ends {
            check_source(from)?;
        }
        let visit = Visit::to(ends.lease(), shared)?;
        let printer = shared.printer;
        let _interrupts = Interrupts::listen_alone(printer, LEFT, Typed::here().to_string())?;
        let began = Instant::now();
        let mut failed =
            Failed { from: Path::new(&self.from), printer, count: 0, first: Vec::new(), grown: 0 };
        let copied = copy(&ends, &visit, printer, &mut failed)
            .map_err(|error| explain(error, &ends, &visit))?;
        let report = Report { visit: &visit, ends: &ends, copied, failed, took: began.elapsed() };
        report.show(printer)
    }
}

fn refuse(error: &EndsError) -> CommandError {
    let result = CommandError::usage(error.to_string());
    match error {
        EndsError::BothThere(from, _) => {
            result.hint(to_type(&["cp", from, "."])).note("copy it here first, then there")
        }
        EndsError::BothHere(..) | EndsError::Empty => result.hint(to_type(&["list"])),
    }
}

/// Before a box is bothered.
fn check_source(from: &Path) -> Result<(), CommandError> {
    match fs::symlink_metadata(from) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(CommandError::new(Exit::NotFound, format!("there is no `{}` here", from.display())))
        }
        Err(error) => {
            let message = format!("`{}` can't be read", from.display());
            Err(CommandError::failed(message).because(error))
        }
        Ok(_) => Ok(()),
    }
}

fn copy(
    ends: &Ends,
    visit: &Visit,
    printer: Printer,
    failed: &mut Failed<'_>,
) -> Result<Copied, CopyError> {
    let slug = &visit.claim.slug;
    let (copy, way) = match ends {
        Ends::Get { from, .. } => {
            let path = Text(from.clone());
            (Copy::Get { path, packed: !visit.is_here() }, "from")
        }
        Ends::Put { from, to, .. } => {
            let name = name_of(from.as_os_str().as_bytes()).map(Text);
            (Copy::Put { path: Text(to.clone()), name }, "to")
        }
    };
    let request = Request { copy: Some(copy), ..visit.request.clone() };
    let progress = printer.progress(format!("copying {way} {slug}"));
    let mut watch = Watch { progress: &progress, remark: &mut |remark| failed.note(remark) };
    let copy = |route: &Route<'_>| match ends {
        Ends::Get { from, to, .. } => {
            let name = name_of(from).filter(|name| name != b"~");
            get(route, &request, Target { path: to.clone(), name }, &mut watch)
        }
        Ends::Put { from, .. } => put(route, &request, from, !visit.is_here(), &mut watch),
    };
    visit.by_route(copy, |error| match error {
        CopyError::Visit(VisitError::Transport(error)) => Some(error),
        _ => None,
    })
}

/// Entries that couldn't be copied.
struct Failed<'a> {
    from: &'a Path,
    printer: Printer,
    count: u64,
    first: Vec<(String, String)>,
    /// Others, of which only a part was had.
    grown: usize,
}

impl Failed<'_> {
    fn note(&mut self, remark: Remark) {
        let Remark { path, what, failed } = remark;
        let mut shown = self.from.to_string_lossy().into_owned();
        if !path.0.is_empty() {
            let slash = if shown.ends_with(['/', ':']) { "" } else { "/" };
            shown = format!("{shown}{slash}{path}");
        }
        let (shown, what) = (cut(&shown), cut(&what));
        if !failed {
            self.grown += 1;
            if self.grown <= NAMED {
                self.printer.warning(&format!("`{shown}`: {what}"));
            }
            return;
        }
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push((shown, what));
        }
    }

    /// Of those that were had in part, how many weren't named.
    fn tell_of_more(&self) {
        let more = self.grown.saturating_sub(NAMED);
        if more > 0 {
            let files = human::count(more as u64, "more file");
            self.printer.warning(&format!("and {files} of which the same is to be said"));
        }
    }

    /// The error that names them.
    fn error(&self) -> Option<CommandError> {
        if self.count == 0 {
            return None;
        }
        let entries = if self.count == 1 { "1 entry" } else { &format!("{} entries", self.count) };
        let error = CommandError::failed(format!("{entries} couldn't be copied")).code("copy");
        let named = self.first.iter().map(|(path, what)| format!("`{path}`: {what}"));
        let error = named.fold(error, CommandError::note);
        let more = self.count.saturating_sub(self.first.len() as u64);
        Some(if more > 0 { error.note(format!("and {more} more")) } else { error })
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

struct Report<'a> {
    visit: &'a Visit,
    ends: &'a Ends,
    copied: Copied,
    failed: Failed<'a>,
    took: Duration,
}

impl Report<'_> {
    fn show(&self, printer: Printer) -> Result<Exit, CommandError> {
        self.failed.tell_of_more();
        let error = self.failed.error();
        if printer.json {
            printer.document(&self.to_json())?;
        } else if !self.copied.place.0.is_empty() {
            printer.phase(&self.in_words());
        }
        match error {
            None => Ok(Exit::Ok),
            // The document names them, too.
            Some(error) => {
                printer.explain(&error);
                Ok(Exit::Failed)
            }
        }
    }

    fn in_words(&self) -> String {
        let Copied { place, files, folders, links, bytes, resumed } = &self.copied;
        let counts = [(*files, "file"), (*folders, "folder"), (*links, "link")];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<String> = counts.map(|(count, one)| human::count(*count, one)).collect();
        let what = if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") };
        let there = match resumed {
            0 => String::new(),
            resumed => format!(", {} of that was there", human::bytes(*resumed)),
        };
        let on = match self.ends {
            Ends::Get { .. } => String::new(),
            Ends::Put { .. } => format!(" on {}", self.visit.claim.slug),
        };
        let (size, took) = (human::bytes(*bytes), human::duration(self.took));
        format!("copied {what} ({size}{there}) to `{place}`{on} in {took}")
    }

    fn to_json(&self) -> Value {
        let Copied { place, files, folders, links, bytes, resumed } = &self.copied;
        let named = self.failed.first.iter();
        json!({
            "schema_version": 1,
            "lease": to_json(&self.visit.claim),
            "direction": match self.ends {
                Ends::Get { .. } => "from-box",
                Ends::Put { .. } => "to-box",
            },
            "place": place.to_string(),
            "files": files,
            "folders": folders,
            "links": links,
            "bytes": bytes,
            "resumed_bytes": resumed,
            "failed_count": self.failed.count,
            "failed": named
                .map(|(path, message)| json!({ "path": path, "message": message }))
                .collect::<Vec<_>>(),
            "total_ms": u64::try_from(self.took.as_millis()).unwrap_or(u64::MAX),
        })
    }
}

/// Why it broke off, and what to do about it.
fn explain(error: CopyError, ends: &Ends, visit: &Visit) -> CommandError {
    let slug = &visit.claim.slug;
    match error {
        CopyError::Visit(VisitError::Box(failure)) => explain_box(failure, ends, visit),
        CopyError::Visit(error) => visit.explain(&error),
        CopyError::Receive(ReceiveError::Target(error)) => explain_target(&error, ends),
        CopyError::Receive(
            ReceiveError::Record(_)
            | ReceiveError::Order
            | ReceiveError::TooMuch(_)
            | ReceiveError::TooMany,
        ) => {
            let message = format!("{slug} sends what can't be a copy: {error}");
            CommandError::failed(message).code("copy")
        }
        other => {
            let result = CommandError::failed(other.to_string()).code("copy");
            match std::error::Error::source(&other) {
                Some(source) => result.because(source.to_string()),
                None => result,
            }
        }
    }
}

/// Why what comes can't go where it was to go.
fn explain_target(error: &TargetError, ends: &Ends) -> CommandError {
    match (error, ends) {
        (TargetError::Git(_), Ends::Get { to, .. }) => {
            let elsewhere = Typed::here().replaced(&to.to_string_lossy(), "/tmp").to_string();
            CommandError::usage(error.to_string()).hint(elsewhere)
        }
        _ => CommandError::new(Exit::NotFound, error.to_string()),
    }
}

/// What the helper says.
fn explain_box(failure: Failure, ends: &Ends, visit: &Visit) -> CommandError {
    let slug = &visit.claim.slug;
    match (failure.code, ends) {
        (FailureCode::Missing, Ends::Get { from, .. }) => {
            let from = String::from_utf8_lossy(from);
            CommandError::new(Exit::NotFound, format!("there is no `{from}` on {slug}"))
        }
        (FailureCode::Missing, Ends::Put { .. }) => {
            let message = format!("{} on {slug}", failure.message);
            let error = CommandError::new(Exit::NotFound, message).code("copy");
            error.hint(ready(&visit.claim))
        }
        (FailureCode::Identity | FailureCode::Marker, _) => {
            visit.explain(&VisitError::Box(failure))
        }
        (FailureCode::Place, _) => {
            CommandError::new(Exit::NotFound, format!("{} on {slug}", failure.message))
        }
        _ => CommandError::failed(format!("{} on {slug}", failure.message)).code("copy"),
    }
}
