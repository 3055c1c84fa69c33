//! `crabbox warmup`

use super::Shared;
use super::list::to_json;
use super::order::{Choice, Done, Failed, Files, changed, refuse_to_nest};
use super::parked;
use crate::output::{CommandError, Printer, Typed, human, to_type};
use crate::run::Purpose;
use clap::Args;
use serde_json::{Value, json};

/// Make a box ready that holds exactly this checkout
///
/// Leases a box, or takes the one that this checkout has, makes its tree equal to the
/// local one, and leaves it ready: the next runs start at once. It stays so until its idle
/// time or its time to live is over, or `crabbox stop` ends it. A box that is warm already
/// is made to hold the tree of now, and `--ttl` gives it more time, never less; one in use is
/// waited for. `--idle` and `--ttl` hold for later runs, too.
#[derive(Debug, Args)]
#[command(before_help = "Examples:
  crabbox warmup
  crabbox warmup --slug fix-42 --idle 2h")]
pub(super) struct Warmup {
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    files: Files,
}

impl Warmup {
    /// Returns the exit code.
    pub(super) fn execute(self, shared: &Shared) -> u8 {
        let printer = shared.printer;
        let order = refuse_to_nest("warmup")
            .and_then(|()| self.choice.order(self.files, shared, shared.flags()));
        match order.map_err(Failed::from).and_then(|order| order.carry_out(shared, None)) {
            Ok(done) => match show(&done, printer) {
                Ok(()) => 0,
                Err(error) => {
                    printer.error(&error);
                    error.exit()
                }
            },
            Err(failed) => failed.show(Purpose::Warmup, printer),
        }
    }
}

fn show(done: &Done, printer: Printer) -> Result<(), CommandError> {
    if let Err(unreleased) = &done.end {
        let slug = &unreleased.slug;
        let error = CommandError::failed(format!("`{slug}` couldn't be left ready"));
        return Err(error.because(unreleased.error.clone()).hint(to_type(&["stop", slug])));
    }
    let next = next(done);
    if printer.json {
        return printer.document(&document(done, &next));
    }
    let claim = &done.claim;
    let is = if done.was_ready { "is already warm" } else { "is warm" };
    let until = claim.ends().map_or_else(String::new, |ends| {
        let left = human::left(ends.left().unwrap_or_default());
        format!(" for {left}, until {}", ends.wall.strftime("%Y-%m-%d %H:%M:%SZ"))
    });
    let changed = changed(&done.finished);
    printer.phase(&format!("{} ({}) {is}{until} · {changed}", claim.slug, claim.id));
    if !printer.is_quiet() {
        for line in &next {
            printer.hint(line);
        }
    }
    parked::tell(printer, done.parked);
    Ok(())
}

/// The lines to use next, each of which works as it stands: the same line with a command gets this box, and no other.
fn next(done: &Done) -> [String; 2] {
    let slug = &done.claim.slug;
    let mut run = Typed::here();
    for switch in ["--fresh", "--keep", "--json", "--quiet", "-q", "--allow-mass-deletion"] {
        run = run.without_switch(switch);
    }
    let run = run.without("--ttl").without("--idle").replaced("warmup", "run").with(&["--", "ls"]);
    [run.to_string(), to_type(&["stop", slug])]
}

fn document(done: &Done, next: &[String]) -> Value {
    json!({
        "schema_version": 1,
        "lease": to_json(&done.claim),
        "already_warm": done.was_ready,
        "sync": done.sync_to_json(),
        "next": next,
        "ready_ms": done.ready_ms(),
        "total_ms": done.total_ms(),
        "warnings": done.warnings,
    })
}
