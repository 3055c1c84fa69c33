//! The texts: a repository's settings, made from the table of keys, and a section for
//! the instructions of coding agents.

use super::look::Found;
use crate::config::{KEYS, Key, Kind, Repository};
use std::fmt::Write as _;

/// A `.crabbox.toml` in which everything is commented out.
pub(super) fn settings(found: &Found) -> String {
    let mut text =
        "# How crabbox runs the commands of this repository. What is commented out isn't set;\n\
        # `crabbox config explain KEY` says what holds, and why.\n"
            .to_owned();
    if !found.languages.is_empty() {
        let marks = found.languages.iter().map(|(name, mark)| format!("{name} ({mark})"));
        let _ = writeln!(text, "#\n# Found: {}.", marks.collect::<Vec<_>>().join(", "));
    }
    if !found.commands.is_empty() {
        text.push_str("#\n# To test on a box:\n#\n");
        for command in &found.commands {
            let _ = writeln!(text, "#     {command}");
        }
    }
    if !found.ignored.is_empty() {
        let _ = writeln!(
            text,
            "#\n# Git ignores {}: what a box has of it stays there, so that the next run is warm.",
            list(&found.ignored)
        );
    }
    if !found.sent.is_empty() {
        let _ = writeln!(
            text,
            "#\n# Git doesn't ignore {}, so that goes to each box; `exclude` below keeps it here.",
            list(&found.sent)
        );
    }
    let mut section = "";
    for key in KEYS.iter().filter(|key| !matches!(key.repository, Repository::Never(_))) {
        let (of, name) = key.name.split_once('.').unwrap_or(("", key.name));
        text.push('\n');
        if of != section {
            section = of;
            let _ = writeln!(text, "[{section}]");
        }
        let mut about = key.about.to_owned();
        if let Some(first) = about.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let limit = match key.repository {
            Repository::Within(limit) => format!("# A repository may set it {limit}.\n"),
            Repository::Request(reason) => {
                format!(
                    "# It would choose {reason}, so it holds once you run `crabbox config trust`.\n"
                )
            }
            _ => String::new(),
        };
        let _ = writeln!(text, "# {about}.\n{limit}#{name} = {}", example(key, found));
    }
    text
}

/// A value that can be uncommented.
fn example(key: &Key, found: &Found) -> String {
    match (key.kind, key.default) {
        (_, Some(default)) => format!("\"{default}\""),
        (Kind::Texts, None) if key.name == "results.junit" => "[\"build/**/*.xml\"]".to_owned(),
        (Kind::Texts, None) if !found.sent.is_empty() => {
            format!("[\"{}\"]", found.sent.join("\", \""))
        }
        (Kind::Names, None) => "[\"CI\"]".to_owned(),
        (Kind::Texts | Kind::Paths, None) => "[\"*.mp4\"]".to_owned(),
        (_, None) => "\"30m\"".to_owned(),
    }
}

/// A section in Markdown.
pub(super) fn agent(found: &Found) -> String {
    let test = match found.commands.split_first() {
        None => "Run a command: `crabbox run -- COMMAND`".to_owned(),
        Some((first, rest)) => {
            let or = rest.iter().map(|command| format!(" or `{command}`"));
            format!("Test: `{first}`{}", or.collect::<String>())
        }
    };
    let caches = match found.ignored.as_slice() {
        [] => String::new(),
        ignored => format!(", such as {},", list(ignored)),
    };
    format!(
        "## Running commands on a box

Run builds and tests with `crabbox`: it makes a box's tree equal to this checkout, runs the command
there, streams its output and returns its exit code. Edit files here; nothing has to be committed.

- {test}
- A line of shell: `crabbox run --shell 'LINE'`; in a folder of the checkout: `--dir DIR`.
- Files that git ignores{caches} aren't sent; what a box has of them stays there. Files that the
  command writes there come back if you name them: `crabbox run --artifact 'build/*.log' -- COMMAND`.
- Exit codes are the command's own. 125 is crabbox's own failure (its lines begin with `crabbox:`, with
  a `hint:`), 124 a time limit (`--timeout 10m`).
- The lines at the end name tests that failed, where the command writes JUnit's XML (`--junit GLOB` elsewhere than
  in the usual places): `crabbox results @last --failed` says all of them, `crabbox logs @last` what was printed.
- `crabbox run --json -- COMMAND` prints one JSON document in the end, the command's output goes to
  standard error.
- `crabbox list` shows what is leased, `crabbox doctor` what is wrong on this machine. A box is parked
  after each run; `--keep` leaves it ready for the next.
"
    )
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}
