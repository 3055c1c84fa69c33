//! What `crabbox run` brings here once its command has ended.

use crate::collect::{Artifacts, Download, OURS, Reports, Wanted, check_glob};
use crate::config::Settings;
use crate::output::{CommandError, Exit};
use crate::places::Places;
use crate::results::discover;
use crate::sync::Source;
use clap::{Args, ValueHint};
use crabbox_copy::target::Target;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What comes back.
#[derive(Debug, Args)]
pub(super) struct Bring {
    /// Read reports of tests like this (JUnit's XML)
    #[arg(long, value_name = "GLOB")]
    pub(super) junit: Vec<String>,
    /// Bring files like this here, however it ends
    #[arg(long, value_name = "GLOB")]
    artifact: Vec<String>,
    /// The same; exit with 125 if there are none
    #[arg(long, value_name = "GLOB")]
    require_artifact: Vec<String>,
    /// Bring artifacts here, not to `.crabbox/`
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    artifact_dir: Option<PathBuf>,
    /// Bring a file or folder of the box here
    #[arg(long, value_name = "SRC[:DST]", value_hint = ValueHint::AnyPath)]
    download: Vec<OsString>,
    /// Let what comes replace what is here
    #[arg(long, alias = "force")]
    overwrite: bool,
}

impl Bring {
    /// Before anything is leased.
    pub(super) fn check(&self) -> Result<(), CommandError> {
        self.junit.iter().try_for_each(|glob| check_reports("--junit", glob))?;
        let all = [("--artifact", &self.artifact), ("--require-artifact", &self.require_artifact)];
        for (flag, globs) in all {
            globs.iter().try_for_each(|glob| check_glob(flag, glob))?;
        }
        self.artifact_dir.iter().try_for_each(|folder| check_folder(folder))?;
        self.downloads()?.iter().try_for_each(check_download)
    }

    fn downloads(&self) -> Result<Vec<Download>, CommandError> {
        let download = |word: &OsString| {
            Download::of(word).map_err(|error| {
                let word = word.to_string_lossy();
                CommandError::usage(format!("`--download {word}`: {error}"))
                    .note("it is SRC, or SRC:DST; a colon in SRC is written `\\:`")
            })
        };
        self.download.iter().map(download).collect()
    }

    /// What it comes to for this run.
    pub(super) fn wanted(
        self,
        run: &str,
        settings: &Settings,
        source: &Source,
        places: &Places,
    ) -> Result<Wanted, CommandError> {
        for glob in &settings.junit {
            check_reports("results.junit", glob)?;
        }
        let reports = Reports {
            asked: settings.junit.clone(),
            typed: self.junit.clone(),
            discovered: discover::globs(),
            elsewhere: discover::ELSEWHERE.iter().map(|glob| (*glob).to_owned()).collect(),
            into: places.state.join("runs").join(run).join("reports"),
        };
        let downloads = self.downloads()?;
        let checkout = self.artifact_dir.is_none().then(|| source.root.clone());
        let artifacts = Artifacts {
            globs: [self.artifact, self.require_artifact.clone()].concat(),
            required: self.require_artifact,
            into: self
                .artifact_dir
                .unwrap_or_else(|| source.root.join(OURS).join("artifacts").join(run)),
            checkout,
        };
        Ok(Wanted {
            reports: Some(reports),
            artifacts: Some(artifacts).filter(|artifacts| !artifacts.globs.is_empty()),
            downloads,
            overwrite: self.overwrite,
            max_size: settings.artifacts_max_size,
        })
    }
}

fn check_folder(folder: &Path) -> Result<(), CommandError> {
    let shown = folder.display();
    if folder.exists() && !folder.is_dir() {
        return Err(CommandError::usage(format!("`--artifact-dir {shown}` is no folder")));
    }
    check_git("--artifact-dir", folder)
}

/// A download would bring the file, and nobody would read the tests in it.
fn check_reports(what: &str, glob: &str) -> Result<(), CommandError> {
    check_glob(what, glob).map_err(CommandError::without_hints)
}

/// It would be a pity to hear of it after the run.
fn check_download(download: &Download) -> Result<(), CommandError> {
    let to = &download.to;
    let above = to.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    if !to.is_dir() && !above.is_dir() {
        let message = format!("there is no folder `{}` for `{}`", above.display(), to.display());
        return Err(CommandError::new(Exit::NotFound, message));
    }
    check_git("--download", to)
}

fn check_git(flag: &str, path: &Path) -> Result<(), CommandError> {
    let path = env::current_dir().unwrap_or_default().join(path);
    let target = Target { path, name: None };
    target.check_git().map_err(|error| CommandError::usage(format!("`{flag}`: {error}")))
}
