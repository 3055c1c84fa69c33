//! The terminal transcripts in the documents, typed again.
//!
//! A fenced block of the language `console` is a transcript: a line that begins with `$ ` is typed, with
//! the lines below it that begin with `> `, and what stands between it and the next such line
//! is what the terminal shows. `^C` at the beginning of a shown line is the key, pressed when what
//! stands above it has been shown; the line ends behind it if crabbox has something to say next. All transcripts of a document are one session, which begins in
//! an empty home folder, shown as `/home/you`.

use crate::{built, names, settle};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::collections::HashMap;
use std::env;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Something typed, and what is shown of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Where it stands in the document, counted from 1.
    pub line: usize,
    /// What is typed.
    pub command: String,
    /// What the document shows.
    pub shown: String,
}

/// The steps of a document, in order.
#[must_use]
pub fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (number, line) in document.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            inside = line.trim() == "```console";
            continue;
        }
        if !inside {
            continue;
        }
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { line: number + 1, command: command.to_owned(), ..Step::default() });
        } else if let Some(step) = steps.last_mut() {
            match line.strip_prefix("> ").filter(|_| step.shown.is_empty()) {
                Some(more) => step.command = format!("{}\n{more}", step.command),
                None => step.shown = format!("{}{line}\n", step.shown),
            }
        }
    }
    steps
}

/// Reads commands from its standard input, each ended by a NUL, and puts one after what each has
/// printed. `$?` is handed from each to the next.
const LOOP: &str = r#"
    exec 3<&0 </dev/null 2>&1
    last=0
    while IFS= read -r -d '' -u 3 typed; do
        (exit "$last")
        eval "$typed" 3<&-
        last=$?
        printf '\0'
    done"#;

/// How long a step may take on a busy machine.
const STEP: Duration = Duration::from_mins(1);

/// A shell with an empty home folder and crabbox on its `PATH`.
#[derive(Debug)]
pub struct Terminal {
    folder: tempfile::TempDir,
    shell: Child,
    input: Option<ChildStdin>,
    output: Arc<Mutex<Vec<u8>>>,
    /// What the document calls things, and what they are called in this session.
    called: HashMap<String, String>,
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}

impl Terminal {
    /// Opens one.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = home(folder.path());
        fs::create_dir(&home).expect("a folder");
        let mut path = built().crabbox.parent().expect("a folder").as_os_str().to_owned();
        path.push(":");
        path.push(env::var_os("PATH").unwrap_or_default());
        let mut shell = Command::new("bash")
            .args(["--norc", "--noprofile", "-c", LOOP])
            .current_dir(&home)
            .env_clear()
            .env("HOME", &home)
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("bash runs");
        let input = shell.stdin.take();
        let mut pipe = shell.stdout.take().expect("a pipe");
        let output = Arc::new(Mutex::new(Vec::new()));
        let read = Arc::clone(&output);
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                read.lock().unwrap_or_else(PoisonError::into_inner).extend(&chunk[..count]);
            }
        });
        Self { folder, shell, input, output, called: HashMap::new() }
    }

    /// Types a step, and says what is different from what the document shows.
    pub fn follow(&mut self, step: &Step) -> Result<(), String> {
        let mut typed = step.command.clone();
        for name in names(&step.command) {
            let real = self.called.get(name).ok_or_else(|| format!("nothing was called {name}"))?;
            typed = typed.replace(name, real);
        }
        typed.push('\0');
        let input = self.input.as_mut().expect("open as long as the terminal is");
        input.write_all(typed.as_bytes()).expect("types");
        let shown = step.shown.replace("^C\n", "^C");
        let parts: Vec<&str> = shown.split("^C").collect();
        for until_key in 1..parts.len() {
            let shown = parts[..until_key].concat();
            self.wait(|so_far| squeeze(so_far) == squeeze(&shown));
            self.interrupt();
        }
        self.wait(|so_far| so_far.ends_with('\0'));
        let found = self.text();
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let (shown, found) = (parts.concat(), found.trim_end_matches('\0'));
        if squeeze(&shown) != squeeze(found) {
            return Err(format!("the document shows\n{shown}and what happens is\n{found}"));
        }
        names(&shown).into_iter().zip(names(found)).try_for_each(|(shown, real)| {
            let is_other =
                |(known, called): (&String, &String)| (known == shown) != (called == real);
            if self.called.iter().any(is_other) {
                return Err(format!("{shown} isn't what the document called {real} before"));
            }
            self.called.insert(shown.to_owned(), real.to_owned());
            Ok(())
        })
    }

    /// Presses the key, for what the shell runs and not for the shell: one that takes it, too, may leave
    /// out what stands behind the command.
    fn interrupt(&self) {
        let id = self.shell.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        for child in children.expect("a shell").split_whitespace() {
            let child = child.parse().ok().and_then(Pid::from_raw).expect("a process id");
            kill_process(child, Signal::INT).expect("signals");
        }
    }

    fn wait(&self, is_so: impl Fn(&str) -> bool) {
        let end = Instant::now() + STEP;
        // What never comes is told by the comparison.
        while !is_so(&self.text()) && !self.text().ends_with('\0') && Instant::now() < end {
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn text(&self) -> String {
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let home = home(self.folder.path()).display().to_string();
        String::from_utf8_lossy(&output).replace(&home, "/home/you")
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = kill_process_group(Pid::from_child(&self.shell), Signal::KILL);
        let _ = self.shell.wait();
    }
}

fn home(folder: &Path) -> PathBuf {
    folder.join("you")
}

/// Settled, with one blank wherever there are some: columns are as wide as what is in them.
fn squeeze(text: &str) -> String {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    settle(text).lines().map(|line| words(line) + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(document: &str) -> Result<(), String> {
        let mut terminal = Terminal::new();
        steps(document).iter().try_for_each(|step| terminal.follow(step))
    }

    #[test]
    fn one_session_goes_through_all_blocks() {
        let document = "```console\n$ cd /; false\n```\n```sh\n$ no such\n```\n\
            ```console\n$ echo $?\n1\n$ pwd; cat <<.\n> a line\n> .\n/\na line\n```\n";
        assert_eq!(follow(document), Ok(()));
    }

    #[test]
    fn what_is_not_so_is_found() {
        assert!(follow("```console\n$ echo one\ntwo\n```\n").is_err());
        assert!(follow("```console\n$ echo one\n```\n").is_err());
        assert!(follow("```console\n$ echo red-eel\n```\n").is_err());
    }

    #[test]
    fn names_of_the_document_stand_for_those_of_the_session() {
        let document = "```console\n$ printf '%s\\n' teal\\-cod in 0.12s\nred-eel\nin\n9.9s\n\
            $ echo red-eel\nred-eel\n```\n";
        assert_eq!(follow(document), Ok(()));
        let two = document.replace("echo red-eel\nred-eel", "echo red-eel\npink-cod");
        assert!(follow(&two).is_err());
    }

    #[test]
    fn a_key_is_pressed_when_what_stands_above_it_is_shown() {
        let document = "```console\n$ echo waiting >w; tail -f w; echo $?\nwaiting\n^C130\n```\n";
        assert_eq!(follow(document), Ok(()));
    }
}
