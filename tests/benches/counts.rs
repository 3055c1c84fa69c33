//! What a run asks of the system, counted by strace.

use crabbox_tests::World;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// What was counted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    /// Processes that were started, crabbox itself and the command of the run aside.
    pub(crate) processes: u64,
    pub(crate) fsyncs: u64,
}

/// So long is waited for what is counted.
const PATIENCE: Duration = Duration::from_mins(1);

/// Counts for `crabbox run ARGUMENTS… -- true`. `None`: strace isn't there, or may not trace.
pub(crate) fn of_run(world: &World, crabbox: &Path, arguments: &[&str]) -> Option<Counts> {
    of_command(world, crabbox, &[&["run", "-q"], arguments, &["--", "true"]].concat())
}

/// The same for any other command.
pub(crate) fn of_command(world: &World, crabbox: &Path, words: &[&str]) -> Option<Counts> {
    let trace = world.root().join("trace");
    let template = world.command_of(crabbox, &[]);
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-e", "trace=execve,fsync,fdatasync", "-o"])
        .arg(&trace)
        .arg(crabbox)
        .args(words)
        .current_dir(world.checkout())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .env_clear()
        // Without a caretaker, with which the trace would last as long as a box stands ready.
        .env("CI", "true");
    for (name, value) in template.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    if !ended(command.spawn().ok()?)?.success() {
        return None;
    }
    let text = fs::read_to_string(trace).ok()?;
    let calls = |name: &str| {
        text.lines()
            .filter(|line| line.contains(name) && line.ends_with("= 0"))
            .filter_map(|line| line.split(' ').next())
            .collect::<Vec<_>>()
    };
    // One image a process: what a shell becomes is still that process.
    let mut started = calls("execve(");
    started.sort_unstable();
    started.dedup();
    let fsyncs = calls("fsync(").len() + calls("fdatasync(").len();
    Some(Counts { processes: (started.len() as u64).saturating_sub(2), fsyncs: fsyncs as u64 })
}

/// Whatever lives on below a trace, it has an end. `None`: not by itself.
fn ended(mut strace: Child) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Some(status) = strace.try_wait().ok()? {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(5));
    }
    let _ = strace.kill();
    let _ = strace.wait();
    None
}
