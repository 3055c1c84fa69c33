//! What the box says of its processes (`/proc`).

use rustix::process::Pid;
use std::fs;

/// What is known of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    /// In clock ticks since boot: with the id, a name that isn't given twice until the next boot.
    pub(crate) start_time: u64,
    /// It has ended and waits to be reaped.
    pub(crate) dead: bool,
}

impl Process {
    /// Of the process with this id, if there is one.
    pub(crate) fn of(pid: Pid) -> Option<Self> {
        let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
        Self::parse(pid, &String::from_utf8_lossy(&stat))
    }

    fn parse(pid: Pid, stat: &str) -> Option<Self> {
        // The name in parentheses may hold anything, parentheses included.
        let mut fields = stat.get(stat.rfind(')')? + 2..)?.split_ascii_whitespace();
        let state = fields.next()?;
        let parent = fields.next()?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        // The 22nd field of all.
        let start_time = fields.nth(16)?.parse().ok()?;
        Some(Self { pid, parent, group, start_time, dead: matches!(state, "Z" | "X") })
    }

    /// Does its environment hold exactly this, such as `NAME=value`?
    pub(crate) fn has_variable(&self, variable: &str) -> bool {
        fs::read(format!("/proc/{}/environ", self.pid)).is_ok_and(|environment| {
            environment.split(|byte| *byte == 0).any(|held| held == variable.as_bytes())
        })
    }
}

/// All that can be seen.
pub(crate) fn all() -> impl Iterator<Item = Process> {
    fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Process::of(Pid::from_raw(pid)?)
    })
}

/// Which boot of the box this is.
pub(crate) fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_looks_like_fields_is_no_field() {
        let stat = "7 (a) Z 9 9 (b) S 5 6 7 0 -1 4 1 2 3 4 5 6 7 8 20 0 1 0 4242 1 2 3\n";
        let pid = Pid::from_raw(7).expect("an id");
        let process = Process::parse(pid, stat).expect("parses");
        assert_eq!((process.parent, process.group, process.start_time), (5, 6, 4242));
        assert!(!process.dead);
    }

    #[test]
    fn this_process_is_found_with_its_environment() {
        let own = rustix::process::getpid();
        assert!(all().any(|process| process.pid == own));
        let process = Process::of(own).expect("is there");
        let path = format!("PATH={}", std::env::var("PATH").expect("a path"));
        assert!(process.has_variable(&path));
        assert!(!process.has_variable(&path[..path.len() - 1]));
    }
}
