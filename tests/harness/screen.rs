//! What a person sees: crabbox off a terminal, with the streams told apart, and on a terminal of a
//! width and a kind.

use crate::{Ran, World, built, settle};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// A terminal.
#[derive(Clone, Copy, Debug)]
pub struct Kind<'a> {
    /// How many characters a line holds.
    pub columns: u16,
    /// `TERM`.
    pub term: &'a str,
    /// Other variables.
    pub variables: &'a [(&'a str, &'a str)],
}

/// What is on most desks.
pub const XTERM: Kind<'_> = Kind { columns: 80, term: "xterm-256color", variables: &[] };

/// One line after the other, as they would be typed, with what came of each.
#[derive(Debug)]
pub struct Screen<'a> {
    world: &'a World,
    text: String,
    /// Of what was shown last, the columns of the widest line.
    widest: usize,
}

impl<'a> Screen<'a> {
    /// An empty one.
    #[must_use]
    pub fn new(world: &'a World) -> Self {
        Self { world, text: String::new(), widest: 0 }
    }

    /// Types a line off a terminal. What goes to standard error is marked with `2|`, and a line
    /// that ends without its end with `\`.
    pub fn types(&mut self, arguments: &[&str]) -> &mut Self {
        let ran = self.world.crabbox(arguments);
        self.shows(arguments, &ran)
    }

    /// The same of a line that was typed elsewhere.
    pub fn shows(&mut self, arguments: &[&str], ran: &Ran) -> &mut Self {
        self.prompt(arguments);
        for (mark, stream) in [("1|", &ran.stdout), ("2|", &ran.stderr)] {
            for line in self.settled(stream).split_inclusive('\n') {
                let end = if line.ends_with('\n') { "" } else { "\\\n" };
                let blank = if line == "\n" { "" } else { " " };
                let _ = write!(self.text, "{mark}{blank}{line}{end}");
            }
        }
        if ran.code != 0 {
            let _ = writeln!(self.text, "exit {}", ran.code);
        }
        self
    }

    /// Types a line on a terminal; escapes are shown as `␛`. Where there is no `script` to make
    /// one, nothing is shown, and the answer is `false`.
    pub fn types_on(&mut self, kind: Kind<'_>, arguments: &[&str]) -> bool {
        let Some(shown) = on_terminal(self.world, kind, arguments) else {
            return false;
        };
        self.prompt(arguments);
        self.widest = shown.lines().map(|line| line.trim_end().chars().count()).max().unwrap_or(0);
        let shown = self.settled(&shown.replace("\r\n", "\n").replace('\u{1b}', "␛"));
        self.text.push_str(&shown);
        true
    }

    /// How wide what a terminal showed last is, escapes included.
    #[must_use]
    pub fn widest(&self) -> usize {
        self.widest
    }

    /// All of it, with what differs from run to run replaced. Columns are as wide as what is in
    /// them, and what is in them differs: blanks between them are counted once.
    #[must_use]
    pub fn text(&self) -> String {
        let squeeze = |line: &str| {
            let blanks = line.len() - line.trim_start().len();
            let words: Vec<&str> = line.split_whitespace().collect();
            format!("{}{}\n", &line[..blanks], words.join(" "))
        };
        self.text.lines().map(squeeze).collect()
    }

    fn prompt(&mut self, arguments: &[&str]) {
        let line = self.settled(&words(arguments));
        let _ = writeln!(self.text, "$ crabbox {}", line.trim_end());
    }

    fn settled(&self, text: &str) -> String {
        let shipped = built().crabbox.parent().expect("a folder").display().to_string();
        let text = text.replace(&shipped, "[SHIPPED]");
        settle(&text.replace(&self.world.root().display().to_string(), "[WORLD]"))
    }
}

/// Runs crabbox on a terminal of its own; returns all that was written to it. `None`, and a line that
/// says so, where no terminal can be made.
#[must_use]
pub fn on_terminal(world: &World, kind: Kind<'_>, arguments: &[&str]) -> Option<String> {
    let output = terminal(world, kind, arguments)?.output().expect("script runs");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What runs crabbox on a terminal of its own: what goes in is typed, what comes out is shown.
#[must_use]
pub fn terminal(world: &World, kind: Kind<'_>, arguments: &[&str]) -> Option<Command> {
    let has_script = Command::new("script").arg("--version").stdout(Stdio::null()).status();
    if !has_script.is_ok_and(|status| status.success()) {
        let mut stderr = std::io::stderr();
        let _ =
            writeln!(stderr, "skipped: util-linux's `script` isn't here, which makes a terminal");
        return None;
    }
    let crabbox = built().crabbox.display().to_string();
    let line = words(&[&[crabbox.as_str()], arguments].concat());
    let line = format!("stty cols {}; exec {line}", kind.columns);
    let mut command = world.command_of("script".as_ref(), &["-qec", &line, "/dev/null"]);
    command.env("TERM", kind.term).env("LC_ALL", "C.UTF-8").envs(kind.variables.iter().copied());
    Some(command)
}

/// Words as they would be typed.
fn words(arguments: &[&str]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=,:".contains(c);
    let quote = |word: &&str| {
        if !word.is_empty() && word.chars().all(plain) {
            (*word).to_owned()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    };
    arguments.iter().map(quote).collect::<Vec<_>>().join(" ")
}
