//! What a run costs, each figure beside a baseline of the same sitting.
//!
//! `cargo bench -p crabbox-tests`. Prints minimum, median and maximum in milliseconds and the
//! ratio of medians. Exits with 1 when a *count* (processes of a warm run) is over its
//! budget, never for a time: machines differ.

#![expect(clippy::print_stdout, reason = "a benchmark's table is its output")]

use crabbox_tests::{Built, Profile, World};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

/// Processes that a warm run may start on this machine: git, and the shell that becomes
/// the helper; the helper's own child is the command.
const WARM_PROCESSES: usize = 3;

fn main() -> ExitCode {
    let built = Built::make(Profile::Release);
    let crabbox = built.crabbox.as_path();
    println!("{:<44} {:>8} {:>8} {:>8}   ratio", "ms", "min", "median", "max");

    let world = World::new();
    let floor = measure(20, || run(Command::new("sh").args(["-c", "true"])));
    row("sh -c true", &floor, None);
    let version = measure(20, || run(&mut world.command_of(crabbox, &["--version"])));
    row("crabbox --version", &version, Some(&floor));

    fill(&world, 100, 10_000);
    let kept = ["run", "-q", "--keep", "--", "true"];
    let parked = ["run", "-q", "--", "true"];
    run(&mut world.command_of(crabbox, &parked));
    let figures = measure(15, || run(&mut world.command_of(crabbox, &parked)));
    row("parked run -- true, 100 files", &figures, Some(&floor));
    run(&mut world.command_of(crabbox, &kept));
    let warm = measure(15, || run(&mut world.command_of(crabbox, &parked)));
    row("warm run -- true, 100 files", &warm, Some(&floor));
    let processes = count_processes(&world, crabbox);

    let world = World::new();
    fill(&world, 20_000, 10_000);
    let (tar, first) = copy_and_first_run(&world, crabbox);
    row("tar | zstd -3 | zstd -d | tar -x, 20,000 files", &tar, None);
    row("first run -- true, 20,000 files", &first, Some(&tar));
    run(&mut world.command_of(crabbox, &kept));
    let unchanged = measure(10, || run(&mut world.command_of(crabbox, &parked)));
    row("warm run -- true, 20,000 files unchanged", &unchanged, Some(&warm));
    let mut count = 0;
    let changed = measure(10, || {
        count += 1;
        world.write("d1/f1", &count.to_string());
        run(&mut world.command_of(crabbox, &parked))
    });
    row("warm run -- true, 1 of 20,000 files changed", &changed, Some(&unchanged));

    match processes {
        None => println!("processes of a warm run: not counted, strace can't be used here"),
        Some(count) => {
            println!(
                "processes of a warm run beside the command: {count} (budget {WARM_PROCESSES})"
            );
            if count > WARM_PROCESSES {
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// The floor of a first sync and a first sync, in turn. Each writes to a place of its own and
/// nothing is removed between them: a file system works on after a large removal, for seconds.
fn copy_and_first_run(world: &World, crabbox: &Path) -> (Vec<f64>, Vec<f64>) {
    const LINE: &str =
        "git ls-files -z | tar --null -T - -cf - | zstd -q -3 | zstd -qd | tar -C \"$0\" -xf -";
    let (mut copies, mut firsts) = (Vec::new(), Vec::new());
    for number in 0..5 {
        let target = world.root().join(format!("copy-{number}"));
        fs::create_dir(&target).expect("a folder");
        let mut copy = Command::new("sh");
        copies.push(run(copy.args(["-c", LINE]).arg(&target).current_dir(world.checkout())));
        let first = ["run", "-q", "--fresh", "--", "true"];
        firsts.push(run(&mut world.command_of(crabbox, &first)));
    }
    copies.sort_by(f64::total_cmp);
    firsts.sort_by(f64::total_cmp);
    (copies, firsts)
}

/// Files of text that compresses like source, 25 a folder, committed.
fn fill(world: &World, files: usize, size: usize) {
    for number in 0..files {
        let mut content = String::with_capacity(size + 40);
        let mut seed = number as u64 + 1;
        while content.len() < size {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let _ = writeln!(content, "let value_{} = {};", seed >> 52, seed >> 33);
        }
        world.write(&format!("d{}/f{}", number / 25, number % 25), &content);
    }
    world.commit();
}

fn run(command: &mut Command) -> f64 {
    let begun = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("runs");
    let took = begun.elapsed().as_secs_f64() * 1000.0;
    assert!(status.success(), "{command:?}: {status}");
    took
}

/// Sorted.
fn measure(times: usize, mut once: impl FnMut() -> f64) -> Vec<f64> {
    let mut figures: Vec<f64> = (0..times).map(|_| once()).collect();
    figures.sort_by(f64::total_cmp);
    figures
}

fn median(figures: &[f64]) -> f64 {
    figures[figures.len() / 2]
}

fn row(name: &str, figures: &[f64], against: Option<&Vec<f64>>) {
    let (least, most) = (figures[0], figures[figures.len() - 1]);
    let median_of = median(figures);
    let ratio = against.map(|other| format!("{:>7.2}", median_of / median(other)));
    println!("{name:<44} {least:>8.1} {median_of:>8.1} {most:>8.1} {}", ratio.unwrap_or_default());
}

/// Counts `execve`s that succeed, less crabbox's own and the command's.
fn count_processes(world: &World, crabbox: &Path) -> Option<usize> {
    let trace = world.root().join("trace");
    let mut command = Command::new("strace");
    let template = world.command_of(crabbox, &[]);
    command
        .args(["-f", "-qq", "-e", "trace=execve", "-o"])
        .arg(&trace)
        .arg(crabbox)
        .args(["run", "-q", "--", "true"])
        .current_dir(world.checkout())
        .stdin(Stdio::null())
        .env_clear();
    for (name, value) in template.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    if !command.status().ok()?.success() {
        return None;
    }
    let text = fs::read_to_string(trace).ok()?;
    // One image a process: what a shell becomes is still that process.
    let mut pids: Vec<&str> = text
        .lines()
        .filter(|line| line.ends_with("= 0"))
        .filter_map(|line| line.split(' ').next())
        .collect();
    pids.sort_unstable();
    pids.dedup();
    Some(pids.len().saturating_sub(2))
}
