//! `crabbox cleanup --install-timer`: has the user's systemd start a cleanup each hour, or shows the line
//! for cron where there is none. Nothing is switched on: that is for whoever reads what was written.

use crate::cli::Shared;
use crate::cli::caretaker::options;
use crate::config::{Flags, Settings};
use crate::output::{CommandError, Exit, Quoted};
use crate::places::Places;
use serde_json::json;
use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The first line of what is written here: only a file with it is written anew.
const MARK: &str = "# Written by crabbox, which writes it anew when it installs its timer";

const NAME: &str = "crabbox-cleanup";

/// What switches it on, and shows it.
const LINES: [&str; 2] = [
    "systemctl --user daemon-reload && systemctl --user enable --now crabbox-cleanup.timer",
    "systemctl --user list-timers crabbox-cleanup.timer",
];

pub(super) fn install(shared: &Shared) -> Result<(), CommandError> {
    let places = shared.places()?;
    let program = env::current_exe().map_err(|error| {
        CommandError::failed("the place of this program isn't known").because(error)
    })?;
    let words = words(shared, &places, &program)?;
    if !has_systemd() {
        return show_cron(shared, &words);
    }
    let folder = places.config.parent().unwrap_or(Path::new("/")).join("systemd/user");
    let files = [
        (folder.join(format!("{NAME}.service")), service(&words)?),
        (folder.join(format!("{NAME}.timer")), timer()),
    ];
    // Both, or none.
    for (path, _) in &files {
        check_ours(path)?;
    }
    for (path, text) in &files {
        write(path, text).map_err(|error| {
            let message = format!("`{}` can't be written", path.display());
            CommandError::failed(message).because(error)
        })?;
    }
    let shown = |path: &PathBuf| path.display().to_string();
    if shared.printer.json {
        let files: Vec<_> =
            files.iter().map(|(path, text)| json!({ "path": shown(path), "text": text })).collect();
        return shared.printer.document(&json!({
            "schema_version": 1, "files": files, "cron": null, "hints": LINES,
        }));
    }
    for (path, text) in &files {
        shared.printer.phase(&format!("`{}` is written", shown(path)));
        shared.printer.data(text)?;
    }
    shared.printer.phase("what switches it on, and what shows when it is next");
    for line in LINES {
        shared.printer.hint(line);
    }
    Ok(())
}

fn show_cron(shared: &Shared, words: &[PathBuf]) -> Result<(), CommandError> {
    let quoted: Vec<_> = words.iter().map(|word| Quoted(word).to_string()).collect();
    // A percent sign ends the line there.
    let line = format!("17 * * * * {}", quoted.join(" ")).replace('%', "\\%");
    if shared.printer.json {
        return shared.printer.document(&json!({
            "schema_version": 1, "files": [], "cron": line, "hints": ["crontab -e"],
        }));
    }
    shared.printer.phase("there is no systemd for this user: this is the line for cron");
    shared.printer.data(&format!("{line}\n"))?;
    shared.printer.hint("crontab -e");
    Ok(())
}

/// What this process has in its environment and whoever starts a timer hasn't, or not the same: where
/// things are kept, and where programs are. Nothing here is secret: others can read what is written.
const ENVIRONMENT: [&str; 5] =
    ["HOME", "PATH", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"];

/// The command, with all places that hold for this one: it cleans up the same claims, with the same providers.
fn words(shared: &Shared, places: &Places, program: &Path) -> Result<Vec<PathBuf>, CommandError> {
    let flags = Flags { of_lease: true, ..shared.flags() };
    let settings = Settings::load(flags, None, places)?;
    let options = options(places, &settings.provider_path).map_err(|error| {
        CommandError::failed("the folder that this was started in can't be found").because(error)
    })?;
    let mut words: Vec<PathBuf> = vec!["/usr/bin/env".into()];
    for name in ENVIRONMENT {
        if let Some(value) = env::var_os(name) {
            words.push([OsStr::new(name), &value].join(OsStr::new("=")).into());
        }
    }
    words.extend([program.into(), "cleanup".into(), "--quiet".into()]);
    words.extend(options.into_iter().map(PathBuf::from));
    Ok(words)
}

/// Does one run for this user?
fn has_systemd() -> bool {
    env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| {
        Path::new(&folder).is_absolute() && Path::new(&folder).join("systemd/private").exists()
    })
}

fn service(words: &[PathBuf]) -> Result<String, CommandError> {
    let quoted: Result<Vec<_>, _> = words.iter().map(|word| quoted(word)).collect();
    let line = quoted?.join(" ");
    Ok(format!(
        "{MARK}\n[Unit]\nDescription=Let go of boxes that nobody looks after\n\n\
         [Service]\nType=oneshot\nExecStart={line}\n# Something is left to try again\n\
         SuccessExitStatus={}\n",
        Exit::TryAgain as u8
    ))
}

fn timer() -> String {
    format!(
        "{MARK}\n[Unit]\nDescription=Let go of boxes that nobody looks after, each hour\n\n\
         [Timer]\nOnCalendar=hourly\nRandomizedDelaySec=10m\nPersistent=true\n\n\
         [Install]\nWantedBy=timers.target\n"
    )
}

/// As systemd reads a word.
fn quoted(word: &Path) -> Result<String, CommandError> {
    let text = word.to_str().filter(|text| !text.chars().any(char::is_control));
    let text = text.ok_or_else(|| {
        CommandError::failed(format!("`{}` can't stand in a file of systemd's", word.display()))
    })?;
    let text = text.replace('\\', r"\\").replace('"', "\\\"");
    Ok(format!("\"{}\"", text.replace('%', "%%").replace('$', "$$")))
}

fn check_ours(path: &Path) -> Result<(), CommandError> {
    match fs::read(path) {
        Ok(text) if text.starts_with(MARK.as_bytes()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        found => {
            let shown = path.display();
            let error = CommandError::new(
                Exit::Conflict,
                format!("`{shown}` is there, and not by crabbox: it is left as it is"),
            );
            let error = error.hint(format!("mv {0} {0}.old", Quoted(path)));
            Err(match found {
                Err(source) => error.because(source),
                Ok(_) => error,
            })
        }
    }
}

/// Whole or not at all.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(folder)?;
    let temporary = path.with_extension("new");
    let mut file = File::create(&temporary)?;
    file.write_all(text.as_bytes())?;
    fs::rename(temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_reads_a_word_as_it_is() {
        let quoted = |word: &str| quoted(Path::new(word)).ok();
        assert_eq!(quoted("/a b/c").as_deref(), Some("\"/a b/c\""));
        assert_eq!(quoted(r#"/%a/$b/"c"\"#).as_deref(), Some(r#""/%%a/$$b/\"c\"\\""#));
        assert_eq!(quoted("/a\nExecStart=/b"), None);
    }
}
