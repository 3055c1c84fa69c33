//! The log of one command, kept in the state folder: begun when the command begins, so that one that is
//! killed leaves its own, buffered between the phases, and bounded.
//!
//! The first part of a log that is too long is kept, and its end, with a mark between them.

use super::read::{COMMAND, END, FOLDER, STARTED, VERSION};
use crate::places::private_folder;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::{env, process};

/// How many logs are kept at least.
pub(super) const KEPT: usize = 20;

/// With so many, those that are too many are deleted. The folder has to be listed to know.
const TOO_MANY: usize = 2 * KEPT;

/// The most of the beginning that is kept, and of the end, in bytes: 1 MiB together.
const HEAD: usize = 960 * 1024;
const TAIL: usize = 64 * 1024;

/// Lines that can wait are written once there is so much of them, in bytes.
const BUFFER: usize = 16 * 1024;

/// Where the logs are, below the state folder.
#[must_use]
pub fn folder(state: &Path) -> PathBuf {
    state.join("logs")
}

/// A log that is being written.
#[derive(Debug)]
pub(super) struct Kept {
    state: PathBuf,
    /// Of the file, once there is one.
    path: PathBuf,
    file: Written,
    buffer: Vec<u8>,
    /// How much of the beginning there is, the buffer included.
    length: usize,
    /// The last lines, once the beginning is full.
    tail: VecDeque<String>,
    tail_length: usize,
    left_out: u64,
}

#[derive(Debug)]
enum Written {
    NotYet,
    To(File),
    /// The disk is full, or the folder isn't fit for it.
    Nowhere,
}

impl Kept {
    /// Begins the log of a command, whose line and version are given.
    pub(super) fn begin(state: PathBuf, command: &str, version: &str) -> Self {
        let here = env::current_dir().unwrap_or_default();
        let mut kept = Self {
            state,
            path: PathBuf::new(),
            file: Written::NotYet,
            buffer: Vec::new(),
            length: 0,
            tail: VecDeque::new(),
            tail_length: 0,
            left_out: 0,
        };
        let now = jiff::Timestamp::now();
        for (key, value) in [
            (COMMAND, command),
            (VERSION, version),
            (STARTED, &format!("{now:.6}")),
            (FOLDER, &here.to_string_lossy()),
        ] {
            kept.line(&super::read::head(key, value), false);
        }
        kept
    }

    /// Adds a line. `now`: it must not wait.
    pub(super) fn line(&mut self, line: &str, now: bool) {
        if self.length + line.len() <= HEAD {
            self.length += line.len();
            self.buffer.extend(line.as_bytes());
            if now || self.buffer.len() >= BUFFER {
                self.flush();
            }
            return;
        }
        // From here on nothing goes to the beginning, however short.
        self.length = HEAD;
        self.tail_length += line.len();
        self.tail.push_back(line.to_owned());
        while self.tail_length > TAIL {
            let Some(first) = self.tail.pop_front() else { break };
            self.tail_length -= first.len();
            self.left_out += 1;
        }
    }

    /// The end of the command.
    pub(super) fn finish(&mut self, exit: u8) {
        if self.left_out > 0 {
            let mark = format!("{} lines are left out here", self.left_out);
            self.buffer.extend(super::read::head("cut", &mark).as_bytes());
        }
        for line in self.tail.drain(..) {
            self.buffer.extend(line.as_bytes());
        }
        self.buffer.extend(super::read::head(END, &exit.to_string()).as_bytes());
        self.flush();
    }

    fn flush(&mut self) {
        if let Written::NotYet = self.file {
            self.file = match create(&self.state) {
                Some((path, file)) => {
                    self.path = path;
                    Written::To(file)
                }
                None => Written::Nowhere,
            };
        }
        if let Written::To(file) = &mut self.file
            && file.write_all(&self.buffer).is_err()
        {
            // One of nothing would be taken for that of a command that was killed.
            if file.metadata().is_ok_and(|found| found.len() == 0) {
                let _ = fs::remove_file(&self.path);
            }
            self.file = Written::Nowhere;
        }
        self.buffer.clear();
    }
}

/// A new file. Its name says when, and is nobody else's; the oldest are deleted every now and then.
fn create(state: &Path) -> Option<(PathBuf, File)> {
    let folder = folder(state);
    // Others could read what is made below it otherwise, or put links there.
    private_folder(state).and_then(|()| private_folder(&folder)).ok()?;
    let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%S.%6fZ");
    let path = folder.join(format!("{time}-{}.log", process::id()));
    let file = File::options().append(true).create_new(true).mode(0o600).open(&path).ok()?;
    prune(&folder);
    Some((path, file))
}

fn prune(folder: &Path) {
    let logs = names(folder);
    if logs.len() >= TOO_MANY {
        for name in &logs[..logs.len() - KEPT] {
            // Somebody else may have been faster.
            let _ = fs::remove_file(folder.join(name));
        }
    }
}

/// The files of all logs, the oldest first.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.strip_suffix(".log").is_some()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::super::read::records;
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn begin(state: &Path) -> Kept {
        Kept::begin(state.to_owned(), "crabbox run -- a", "crabbox 1")
    }

    fn only(state: &Path) -> PathBuf {
        let names = names(&folder(state));
        assert_eq!(names.len(), 1);
        folder(state).join(&names[0])
    }

    #[test]
    fn a_log_that_is_too_long_keeps_its_beginning_and_its_end() {
        let state = tempfile::tempdir().expect("temporary folder");
        let mut kept = begin(state.path());
        for number in 0..40_000 {
            kept.line(&format!("this is the line of the number {number:05}\n"), false);
        }
        kept.finish(7);
        let text = fs::read_to_string(only(state.path())).expect("reads");
        assert!(text.len() <= 1024 * 1024 + 100, "{}", text.len());
        assert!(text.contains("number 00000\n") && text.contains("number 39999\n"));
        let (before, after) = text.split_once("# cut: ").expect("a mark");
        let left_out: u64 = after.split(' ').next().expect("a number").parse().expect("a number");
        let kept = before.matches("number ").count() + after.matches("number ").count();
        assert_eq!(kept as u64 + left_out, 40_000);
        assert!(text.ends_with("# exit: 7\n"));
    }

    #[test]
    fn what_must_not_wait_is_in_the_file_and_others_can_not_read_it() {
        let state = tempfile::tempdir().expect("temporary folder");
        let mut kept = begin(state.path());
        kept.line("waits\n", false);
        assert!(names(&folder(state.path())).is_empty());
        kept.line("goes\n", true);
        let path = only(state.path());
        assert!(fs::read_to_string(&path).expect("reads").ends_with("waits\ngoes\n"));
        let mode = |path: &Path| fs::metadata(path).expect("looks").permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700));
    }

    #[test]
    fn the_last_ones_stay() {
        let state = tempfile::tempdir().expect("temporary folder");
        for number in 0..100 {
            begin(state.path()).finish(number);
            let count = names(&folder(state.path())).len();
            assert!(count <= TOO_MANY && count >= KEPT.min(usize::from(number) + 1), "{count}");
        }
        let exits: Vec<_> = records(state.path()).into_iter().map(|one| one.exit).collect();
        let expected: Vec<_> = (80..100).rev().map(Some).collect();
        assert_eq!(exits[..20], expected);
    }
}
