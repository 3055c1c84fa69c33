//! Who runs on this machine.

use rustix::process::Pid;
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
