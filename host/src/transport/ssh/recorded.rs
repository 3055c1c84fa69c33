//! The processes of a connection, by a mark that no other process can have: a process id is given again, with
//! another start.

use super::folder::Folder;
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};
use std::fs::{self, File};
use std::io::{self, Write};

/// More than a connection ever has: what is behind that was never written by us.
const LINES: usize = 64;

/// A process that ran when it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    pid: Pid,
    /// When it started, in ticks since the boot.
    start: u64,
}

impl Recorded {
    /// The process of this id, if there is one.
    pub(super) fn of(pid: Pid) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
        // The name, which may hold anything, ends with the last parenthesis; the state is field 3, the start 22.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        // One that has ended stays in the list until somebody asks how.
        fields.next().filter(|state| !["Z", "X"].contains(state))?;
        Some(Self { pid, start: fields.nth(18)?.parse().ok()? })
    }

    /// Does it still run?
    pub(super) fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends it a signal, if it still runs, with all of a process group that it leads.
    pub(super) fn signal(self, signal: Signal) {
        if !self.is_alive() {
            return;
        }
        let _ = match getpgid(Some(self.pid)) {
            Ok(group) if group == self.pid => kill_process_group(group, signal),
            _ => kill_process(self.pid, signal),
        };
    }

    /// Notes it in the folder.
    pub(super) fn note(self, folder: &Folder) -> io::Result<()> {
        self.write(folder, "")
    }

    /// Notes it as who holds the connection of this number.
    pub(super) fn note_master(self, folder: &Folder, number: usize) -> io::Result<()> {
        self.write(folder, &format!(" {number}"))
    }

    fn write(self, folder: &Folder, more: &str) -> io::Result<()> {
        let mut file = File::options().append(true).create(true).open(folder.processes())?;
        flock(&file, FlockOperation::LockExclusive)?;
        writeln!(file, "{} {}{more}", self.pid.as_raw_pid(), self.start)
    }

    /// What is noted there.
    pub(super) fn all(folder: &Folder) -> Vec<Self> {
        Self::noted(folder).into_iter().map(|(process, _)| process).collect()
    }

    /// Those that are noted as who holds the connection of this number.
    pub(super) fn masters(folder: &Folder, number: usize) -> Vec<Self> {
        let noted = Self::noted(folder).into_iter();
        noted.filter(|(_, of)| *of == Some(number)).map(|(process, _)| process).collect()
    }

    fn noted(folder: &Folder) -> Vec<(Self, Option<usize>)> {
        let text = fs::read(folder.processes()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines = text.lines().rev().take(LINES);
        let parsed = lines.filter_map(|line| {
            let mut words = line.split(' ');
            let pid = words.next()?.parse().ok().filter(|pid| *pid > 0)?;
            let start = words.next()?.parse().ok()?;
            let number = words.next().map(str::parse).transpose().ok()?;
            Some((Self { pid: Pid::from_raw(pid)?, start }, number))
        });
        parsed.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_process_is_told_from_another_of_its_id() {
        let here = Recorded::of(rustix::process::getpid()).expect("this one");
        assert!(here.is_alive());
        assert!(!Recorded { start: here.start + 1, ..here }.is_alive());
    }

    #[test]
    fn what_is_noted_is_read_and_nonsense_is_not() {
        let temporary = tempfile::tempdir().expect("a folder");
        let folder = Folder { path: PathBuf::from(temporary.path()) };
        let here = Recorded::of(rustix::process::getpid()).expect("this one");
        here.note(&folder).expect("writes");
        let mut file = File::options().append(true).open(folder.processes()).expect("opens");
        file.write_all(b"0 1\n-4 1\nx y\n\xff\n4 1 z\n").expect("writes");
        assert_eq!(Recorded::all(&folder), [here]);
        assert_eq!(Recorded::masters(&folder, 2), []);
        here.note_master(&folder, 2).expect("writes");
        assert_eq!(Recorded::all(&folder), [here, here]);
        assert_eq!(Recorded::masters(&folder, 2), [here]);
    }
}
