//! What kind of repository this is. Only names are looked at, and few files are read, up to a
//! limit and through no link: a repository is what somebody else wrote.

use crate::sync;
use rustix::fs::OFlags;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// How much of a file is read, in bytes.
const LIMIT: u64 = 256 * 1024;

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    /// Each with the file that speaks for it.
    pub(super) languages: Vec<(&'static str, &'static str)>,
    /// Whole lines, the most likely first.
    pub(super) commands: Vec<String>,
    /// Folders of caches that git ignores: they aren't sent, and stay on a box.
    pub(super) ignored: Vec<&'static str>,
    /// Those that are here and that git doesn't ignore: they would be sent.
    pub(super) sent: Vec<&'static str>,
}

impl Found {
    /// The names alone.
    pub(super) fn kinds(&self) -> Vec<&'static str> {
        self.languages.iter().map(|(name, _)| *name).collect()
    }

    /// What to type next.
    pub(super) fn first_command(&self) -> &str {
        self.commands.first().map_or("crabbox run -- ls", String::as_str)
    }
}

/// A kind of repository.
struct Kind {
    name: &'static str,
    /// Any of these files speaks for it.
    marks: &'static [&'static str],
    caches: &'static [&'static str],
    /// What is behind `crabbox run`.
    test: fn(&Root) -> Option<String>,
}

const KINDS: &[Kind] = &[
    Kind {
        name: "Rust",
        marks: &["Cargo.toml"],
        caches: &["target/"],
        test: |_| Some("-- cargo test".to_owned()),
    },
    Kind {
        name: "Go",
        marks: &["go.mod", "go.work"],
        caches: &[],
        test: |_| Some("-- go test ./...".to_owned()),
    },
    Kind {
        name: "JavaScript",
        marks: &["package.json"],
        caches: &["node_modules/", ".next/", ".turbo/"],
        test: Root::javascript,
    },
    Kind {
        name: "Deno",
        marks: &["deno.json", "deno.jsonc"],
        caches: &[],
        test: |_| Some("-- deno test".to_owned()),
    },
    Kind {
        name: "Python",
        marks: &["pyproject.toml", "setup.py", "setup.cfg", "requirements.txt"],
        caches: &[".venv/", "venv/", ".tox/", ".mypy_cache/", ".pytest_cache/"],
        test: Root::python,
    },
    Kind {
        name: "Maven",
        marks: &["pom.xml"],
        caches: &["target/"],
        test: |root| Some(format!("-- {} -B test", root.wrapper("mvnw", "mvn"))),
    },
    Kind {
        name: "Gradle",
        marks: &["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"],
        caches: &[".gradle/", "build/"],
        test: |root| Some(format!("-- {} test", root.wrapper("gradlew", "gradle"))),
    },
    Kind {
        name: "CMake",
        marks: &["CMakeLists.txt"],
        caches: &["build/"],
        test: |_| {
            let line = "cmake -B build && cmake --build build && ctest --test-dir build";
            Some(format!("--shell '{line}'"))
        },
    },
    Kind {
        name: "Ruby",
        marks: &["Gemfile"],
        caches: &["vendor/bundle/"],
        test: |_| Some("--shell 'bundle install && bundle exec rake'".to_owned()),
    },
    Kind {
        name: "PHP",
        marks: &["composer.json"],
        caches: &["vendor/"],
        test: |_| Some("--shell 'composer install && vendor/bin/phpunit'".to_owned()),
    },
    Kind {
        name: "Elixir",
        marks: &["mix.exs"],
        caches: &["_build/", "deps/"],
        test: |_| Some("--shell 'mix deps.get && mix test'".to_owned()),
    },
    Kind {
        name: "Swift",
        marks: &["Package.swift"],
        caches: &[".build/"],
        test: |_| Some("-- swift test".to_owned()),
    },
    Kind {
        name: "Make",
        marks: &["GNUmakefile", "makefile", "Makefile"],
        caches: &[],
        test: Root::make,
    },
];

/// Looks at the root of a checkout.
pub(super) fn look(root: &Path) -> Found {
    let root = Root { path: root.to_owned() };
    let mut found = Found {
        languages: Vec::new(),
        commands: Vec::new(),
        ignored: Vec::new(),
        sent: Vec::new(),
    };
    let mut caches: Vec<&'static str> = Vec::new();
    for kind in KINDS {
        let Some(mark) = kind.marks.iter().find(|mark| root.has(mark)) else {
            continue;
        };
        found.languages.push((kind.name, mark));
        found.commands.extend((kind.test)(&root).map(|rest| format!("crabbox run {rest}")));
        for cache in kind.caches {
            if !caches.contains(cache) {
                caches.push(cache);
            }
        }
    }
    // Without git's word on it, nothing is said of caches.
    if let Some(ignored) = root.ignored(&caches) {
        let here = |cache: &str| root.path.join(cache).symlink_metadata().is_ok();
        found.sent =
            caches.iter().filter(|one| !ignored.contains(one) && here(one)).copied().collect();
        found.ignored = ignored;
    }
    found
}

struct Root {
    path: PathBuf,
}

impl Root {
    fn has(&self, name: &str) -> bool {
        self.path.join(name).symlink_metadata().is_ok_and(|found| !found.is_dir())
    }

    /// The beginning of a file; empty if it is a link, a pipe, or not there.
    fn read(&self, name: &str) -> String {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let open = || {
            let file =
                File::options().read(true).custom_flags(flags).open(self.path.join(name)).ok()?;
            file.metadata().ok().filter(std::fs::Metadata::is_file)?;
            let mut bytes = Vec::new();
            file.take(LIMIT).read_to_end(&mut bytes).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        open().unwrap_or_default()
    }

    fn wrapper(&self, wrapper: &str, program: &str) -> String {
        if self.has(wrapper) { format!("./{wrapper}") } else { program.to_owned() }
    }

    fn javascript(&self) -> Option<String> {
        let package: serde_json::Value = serde_json::from_str(&self.read("package.json")).ok()?;
        let test = package["scripts"]["test"].as_str()?;
        if test.contains("no test specified") {
            return None;
        }
        let line = if self.has("pnpm-lock.yaml") {
            "pnpm install && pnpm test"
        } else if self.has("yarn.lock") {
            "yarn install && yarn test"
        } else if self.has("bun.lock") || self.has("bun.lockb") {
            "bun install && bun run test"
        } else {
            "npm install && npm test"
        };
        Some(format!("--shell '{line}'"))
    }

    #[expect(clippy::unnecessary_wraps, reason = "it stands in a table of such functions")]
    fn python(&self) -> Option<String> {
        let line = if self.has("uv.lock") {
            "-- uv run pytest"
        } else if self.has("poetry.lock") {
            "--shell 'poetry install && poetry run pytest'"
        } else if self.has("tox.ini") {
            "-- tox"
        } else {
            "-- python3 -m pytest"
        };
        Some(line.to_owned())
    }

    fn make(&self) -> Option<String> {
        let name =
            ["GNUmakefile", "makefile", "Makefile"].into_iter().find(|name| self.has(name))?;
        let text = self.read(name);
        let has = |target: &str| {
            text.lines().any(|line| {
                let rest = line.strip_prefix(target).map(str::trim_start);
                rest.is_some_and(|rest| rest.starts_with(':') && !rest.starts_with(":="))
            })
        };
        ["test", "check"]
            .into_iter()
            .find(|target| has(target))
            .map(|target| format!("-- make {target}"))
    }

    /// Those of the folders that git ignores; `None`: git doesn't say.
    fn ignored(&self, folders: &[&'static str]) -> Option<Vec<&'static str>> {
        let mut git = sync::git(&self.path);
        git.args(["check-ignore", "--stdin", "-z"]);
        git.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = git.spawn().ok()?;
        let mut names = child.stdin.take()?;
        // Far less than a pipe holds.
        let written = names.write_all(folders.join("\0").as_bytes());
        drop(names);
        let output = child.wait_with_output().ok()?;
        written.ok()?;
        // 1: none of them.
        if !matches!(output.status.code(), Some(0 | 1)) {
            return None;
        }
        let lines: Vec<&[u8]> = output.stdout.split(|byte| *byte == 0).collect();
        let is_named = |folder: &&&str| lines.contains(&folder.as_bytes());
        Some(folders.iter().filter(is_named).copied().collect())
    }
}
