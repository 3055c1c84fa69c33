//! A command that floods its output: how fast it comes, and how much memory it takes.

use crate::figures::{Figures, time};
use crate::table::Table;
use crabbox_tests::{Built, Peaks, World};
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

const LINE: &str = "head -c 1073741824 /dev/zero";

/// In KiB.
pub(crate) const HOST: u64 = 32 * 1024;
const HELPER: u64 = 16 * 1024;

pub(crate) fn measure(crabbox: &Path, _: &Built, table: &mut Table) {
    let world = World::new();
    time(&mut world.command_of(crabbox, &["run", "-q", "--keep", "--", "true"]));
    let (mut plain, mut ours) = (Vec::new(), Vec::new());
    let (mut host, mut helper) = (0, 0);
    for _ in 0..5 {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{LINE} | cat")]);
        plain.push(drain(&mut command).0);
        let mut command = world.command_of(crabbox, &["run", "-q", "--shell", LINE]);
        let (took, peaks) = drain(&mut command);
        ours.push(took);
        (host, helper) = (host.max(peaks.host), helper.max(peaks.children));
    }
    let (plain, ours) = (Figures::of(plain), Figures::of(ours));
    table.baseline("sh -c 'head -c 1G /dev/zero | cat'", &plain);
    table.ratio("warm run of 1 GiB of output", &ours, "sh | cat", &plain);
    table.count("peak memory of the host, KiB", Some(host), HOST);
    table.count("peak memory of the helper, KiB", Some(helper), HELPER);
}

/// Reads all output; the peak memory of the process and of its child, in KiB.
pub(crate) fn drain(command: &mut Command) -> (f64, Peaks) {
    let begun = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("runs");
    let mut stdout = child.stdout.take().expect("a pipe");
    let reader = thread::spawn(move || {
        let mut buffer = vec![0; 256 * 1024];
        let mut total = 0_u64;
        loop {
            match stdout.read(&mut buffer) {
                Ok(0) => return Ok::<_, io::Error>(total),
                Ok(count) => total += count as u64,
                Err(error) => return Err(error),
            }
        }
    });
    let mut peaks = Peaks::default();
    while !reader.is_finished() {
        peaks.look(child.id());
        thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(reader.join().expect("a thread").expect("reads"), 1 << 30);
    assert!(child.wait().expect("ends").success());
    (begun.elapsed().as_secs_f64() * 1000.0, peaks)
}
