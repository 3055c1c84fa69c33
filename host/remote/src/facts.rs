//! What kind of machine this is, for whoever looks at a run later: asked of the kernel, without a process.

use crabbox_wire::message::Facts;
use rustix::system::{sysinfo, uname};
use std::fs::File;
use std::io::Read;
use std::num::NonZero;
use std::thread;

/// Where a distribution says what it is called.
const FILES: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// How much of that is read, in bytes.
const LIMIT: u64 = 4096;

pub(crate) fn facts() -> Facts {
    let names = uname();
    let memory = sysinfo();
    let unit = u64::from(memory.mem_unit).max(1);
    let cpus = thread::available_parallelism().map_or(0, NonZero::get);
    Facts {
        arch: names.machine().to_string_lossy().into_owned(),
        kernel: names.release().to_string_lossy().into_owned(),
        system: FILES.iter().find_map(|path| pretty_name(&read(path)?)).unwrap_or_default(),
        cpus: u32::try_from(cpus).unwrap_or(u32::MAX),
        memory: total(memory.totalram).saturating_mul(unit),
    }
}

/// The type of the field differs between architectures.
fn total(memory: impl TryInto<u64>) -> u64 {
    memory.try_into().unwrap_or(0)
}

fn read(path: &str) -> Option<String> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(LIMIT).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// The value of `PRETTY_NAME`, which may be quoted as in a shell.
fn pretty_name(text: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("PRETTY_NAME="))?;
    let value = value.trim_matches(['"', '\'']);
    Some(value.to_owned()).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_says_what_it_is() {
        let facts = facts();
        assert!(!facts.arch.is_empty() && !facts.kernel.is_empty());
        assert!(facts.cpus > 0 && facts.memory > 1 << 20);
        let text = "ID=a\n PRETTY_NAME=\"An OS 1\"\n";
        assert_eq!(pretty_name(text).as_deref(), Some("An OS 1"));
        assert_eq!(pretty_name("PRETTY_NAME=\n"), None);
    }
}
