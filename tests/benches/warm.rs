//! A run on a box that stands ready, with a tree that hasn't changed, or hardly.

use crate::counts;
use crate::figures::{Figures, in_turn, time};
use crate::table::Table;
use crate::worlds::{fill, fill_with};
use crabbox_tests::{Built, World};
use std::path::Path;
use std::process::Command;

/// Processes that a warm run may start on this machine: git, and the shell that becomes
/// the helper; the helper's own child is the command.
const PROCESSES: u64 = 3;

/// Durable transitions of a warm run: its box is taken, and is free again (SQLite syncs the folder of
/// its log once a process, too); and the record of the command's end on the box.
const FSYNCS: u64 = 4;

const RUN: [&str; 4] = ["run", "-q", "--", "true"];
const KEEP: [&str; 5] = ["run", "-q", "--keep", "--", "true"];

pub(crate) fn measure(crabbox: &Path, _: &Built, table: &mut Table) {
    let world = fill(100);
    let floor = in_turn(15, [&mut || time(Command::new("sh").args(["-c", "true"]))]);
    let [floor] = floor;
    table.baseline("sh -c true", &floor);
    time(&mut world.command_of(crabbox, &RUN));
    let [parked] = in_turn(15, [&mut || time(&mut world.command_of(crabbox, &RUN))]);
    time(&mut world.command_of(crabbox, &KEEP));
    let [small, _] = warm_and_status(&world, crabbox, 15);
    table.ratio("parked run -- true, 100 files", &parked, "sh -c true", &floor);
    table.ratio("warm run -- true, 100 files", &small, "sh -c true", &floor);
    let counts = counts::of_run(&world, crabbox, &[]);
    let processes = counts.map(|counts| counts.processes);
    table.count("processes of a warm run beside the command", processes, PROCESSES);
    table.count("fsyncs of a warm run", counts.map(|counts| counts.fsyncs), FSYNCS);

    let world = fill(20_000);
    time(&mut world.command_of(crabbox, &KEEP));
    let [unchanged, status] = warm_and_status(&world, crabbox, 10);
    let mut count = 0;
    let mut change = || {
        count += 1;
        world.write("d1/f1", &format!("{count}"));
        time(&mut world.command_of(crabbox, &RUN))
    };
    let [changed] = in_turn(10, [&mut change]);
    table.baseline("git status, 20,000 files", &status);
    table.ratio("warm run, 20,000 files unchanged", &unchanged, "git status", &status);
    table.ratio("the same", &unchanged, "100 files", &small);
    table.ratio("warm run, 1 of 20,000 files changed", &changed, "unchanged", &unchanged);
    drop(world);

    let world = fill_with(100_000, 1000);
    time(&mut world.command_of(crabbox, &KEEP));
    let [unchanged, status] = warm_and_status(&world, crabbox, 5);
    table.baseline("git status, 100,000 files", &status);
    table.ratio("warm run, 100,000 files unchanged", &unchanged, "git status", &status);
}

/// Git's own look at the same checkout is what a look must cost.
fn warm_and_status(world: &World, crabbox: &Path, times: usize) -> [Figures; 2] {
    let status = || {
        let mut git = Command::new("git");
        git.args(["status", "--porcelain", "-uall"]).current_dir(world.checkout());
        git
    };
    // What changed in the last two seconds is read again: let it settle.
    std::thread::sleep(std::time::Duration::from_millis(2500));
    // Some hundred megabytes were just written; an fsync of a run would wait for them.
    let _ = Command::new("sync").status();
    // Not in turn: each would find the other's leavings in the processor's caches.
    let [runs] = in_turn(times, [&mut || time(&mut world.command_of(crabbox, &RUN))]);
    let [statuses] = in_turn(times, [&mut || time(&mut status())]);
    [runs, statuses]
}
