//! Did the kernel end something for lack of memory? It says so for each control group (cgroup
//! version 2); where it doesn't, nothing is claimed.

use std::fs;
use std::path::Path;

/// How many processes of our control group the kernel has ended for lack of memory so far.
/// The command is in the same group, unless it leaves it.
pub(crate) fn kills() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let events = Path::new("/sys/fs/cgroup").join(group).join("memory.events");
    kills_in(&fs::read_to_string(events).ok()?)
}

fn kills_in(events: &str) -> Option<u64> {
    events.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok())
}

/// What to say of those that were ended since `before`.
pub(crate) fn warning(before: Option<u64>, after: Option<u64>) -> Option<String> {
    let count = after?.checked_sub(before?).filter(|count| *count > 0)?;
    let processes = if count == 1 { "a process" } else { "processes" };
    Some(format!("the box ran out of memory: its kernel ended {processes} while the command ran"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_kills_count_and_only_new_ones() {
        let events = "low 0\nhigh 4\nmax 9\noom 3\noom_kill 2\noom_group_kill 1\n";
        assert_eq!(kills_in(events), Some(2));
        assert_eq!(kills_in("low 0\n"), None);
        assert!(warning(Some(1), Some(2)).is_some_and(|text| text.contains("a process")));
        for (before, after) in
            [(Some(2), Some(2)), (None, Some(2)), (Some(2), None), (Some(2), Some(1))]
        {
            assert_eq!(warning(before, after), None);
        }
    }
}
