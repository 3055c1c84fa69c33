//! Where providers are looked for, in this order.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// How the file name of every provider begins.
pub(super) const PREFIX: &str = "libcrabbox_provider_";

/// How many files of one folder are looked at.
const FILES: usize = 1000;

/// Where a provider was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A folder that the user named for this run: for development.
    Path,
    /// The user's store.
    User,
    /// The machine's store.
    System,
    /// Beside this program.
    Bundled,
}

impl Source {
    /// In one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::User => "user",
            Self::System => "system",
            Self::Bundled => "bundled",
        }
    }
}

/// The folders, first to last.
#[derive(Clone, Debug, Default)]
pub struct Places {
    folders: Vec<(Source, PathBuf)>,
}

impl Places {
    /// The folders of this user and this program, behind those that were named for this run.
    #[must_use]
    pub fn discover(path: Vec<PathBuf>) -> Self {
        let mut folders: Vec<_> = path.into_iter().map(|folder| (Source::Path, folder)).collect();
        let absolute =
            |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let data = absolute("XDG_DATA_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/share")));
        folders.extend(data.map(|data| (Source::User, data.join("crabbox/providers"))));
        folders.push((Source::System, PathBuf::from("/usr/lib/crabbox/providers")));
        if let Some(beside) = env::current_exe().ok().as_deref().and_then(Path::parent) {
            folders.push((Source::Bundled, beside.to_owned()));
            folders.push((Source::Bundled, beside.join("../lib/crabbox/providers")));
        }
        Self { folders }
    }

    /// Every file that may be a provider, by place, then by name.
    pub(super) fn files(&self) -> Vec<Candidate> {
        let mut files = Vec::new();
        for (source, folder) in &self.folders {
            let source = *source;
            let Ok(entries) = fs::read_dir(folder) else {
                continue;
            };
            let mut found: Vec<_> = entries
                .filter_map(Result::ok)
                .filter(|entry| {
                    let name = entry.file_name();
                    let name = name.to_string_lossy();
                    name.starts_with(PREFIX) && name.ends_with(".so")
                })
                .map(|entry| entry.path())
                .collect();
            found.sort();
            let crowded = (found.len() > FILES).then_some(Crowded { found: found.len() });
            found.truncate(FILES);
            files.extend(found.into_iter().map(|path| Candidate { path, source, crowded: None }));
            if crowded.is_some() {
                files.push(Candidate { path: folder.clone(), source, crowded });
            }
        }
        files
    }
}

/// A file that may be a provider.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    pub(super) source: Source,
    /// It stands for the files of its folder that aren't looked at.
    pub(super) crowded: Option<Crowded>,
}

/// A folder with more files than are looked at.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("it holds {found} providers: only the first {FILES} are looked at")]
pub struct Crowded {
    found: usize,
}
