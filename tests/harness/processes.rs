//! Who runs on this machine.

use rustix::process::{Pid, test_kill_process};
use std::fs;
use std::path::Path;

/// The processes whose executable, and words with blanks between them, are like this.
pub fn processes(is_one: impl Fn(&Path, &str) -> bool) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").expect("the processes");
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let is_one = |id: &i32| {
        let executable = fs::read_link(format!("/proc/{id}/exe")).unwrap_or_default();
        let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        is_one(&executable, &String::from_utf8_lossy(&words).replace('\0', " "))
    };
    ids.filter(is_one).filter_map(Pid::from_raw).collect()
}

/// Does it live? A zombie is gone, too: whoever inherits it reaps it, or doesn't.
#[must_use]
pub fn is_alive(process: Pid) -> bool {
    let line = fs::read(format!("/proc/{}/cmdline", process.as_raw_pid()));
    test_kill_process(process).is_ok() && line.is_ok_and(|line| !line.is_empty())
}
