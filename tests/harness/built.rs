//! The program under test. `cargo test --workspace` builds neither the executable nor the
//! providers of other packages, and happily tests stale ones: so it is asked for
//! once a process, and every path comes from its own messages.

use serde_json::Value;
use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::OnceLock;

/// Which build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// For tests.
    Debug,
    /// For benchmarks.
    Release,
}

/// What was built.
#[derive(Debug)]
pub struct Built {
    /// The executable.
    pub crabbox: PathBuf,
    /// Providers by the name of their package.
    pub providers: BTreeMap<String, PathBuf>,
}

/// The build for tests, once a process.
pub fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| Built::make(Profile::Debug))
}

impl Built {
    /// Builds.
    #[must_use]
    pub fn make(profile: Profile) -> Self {
        let packages = [
            "crabbox-cli",
            "crabbox-provider-local",
            "crabbox-provider-desk",
            "crabbox-provider-misbehaving",
            "crabbox-provider-tools",
            "crabbox-provider-gallery",
            "crabbox-provider-route",
        ];
        let mut crabbox = None;
        let mut providers = BTreeMap::new();
        for message in cargo_build(&packages, profile) {
            let name = message["target"]["name"].as_str().unwrap_or_default();
            if let Some(path) = message["executable"].as_str().filter(|_| name == "crabbox") {
                crabbox = Some(PathBuf::from(path));
            }
            let files = message["filenames"].as_array().into_iter().flatten();
            for path in files
                .filter_map(Value::as_str)
                .filter(|path| Path::new(path).extension().is_some_and(|end| end == "so"))
            {
                if name.starts_with("crabbox_provider_") {
                    providers.insert(name.to_owned(), PathBuf::from(path));
                }
            }
        }
        let crabbox = crabbox.expect("cargo names the executable");
        Self { crabbox: as_shipped(&crabbox, &providers["crabbox_provider_local"]), providers }
    }
}

/// The ssh server and the slow line for it.
#[derive(Clone, Debug)]
pub struct SshPrograms {
    /// The server.
    pub server: PathBuf,
    /// The line.
    pub relay: PathBuf,
}

/// Those for tests, once a process; apart from the rest, since few tests need them.
pub fn ssh_programs() -> &'static SshPrograms {
    static BUILT: OnceLock<SshPrograms> = OnceLock::new();
    BUILT.get_or_init(|| SshPrograms::make(Profile::Debug))
}

impl SshPrograms {
    /// Builds.
    #[must_use]
    pub fn make(profile: Profile) -> Self {
        let messages = cargo_build(&["crabbox-test-ssh"], profile);
        let path_of = |name: &str| {
            let message = messages.iter().find(|message| {
                message["target"]["name"] == name && message["executable"].is_string()
            });
            let path = message.and_then(|message| message["executable"].as_str());
            PathBuf::from(path.unwrap_or_else(|| panic!("cargo doesn't name {name}")))
        };
        Self { server: path_of("crabbox-test-sshd"), relay: path_of("crabbox-test-relay") }
    }
}

/// What cargo says about each artifact.
fn cargo_build(packages: &[&str], profile: Profile) -> Vec<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(root)
        .args(["build", "--locked", "--message-format=json"])
        .args(packages.iter().flat_map(|package| ["-p", package]))
        .stderr(Stdio::inherit());
    // What cargo tells a test of its own package; a build script that takes it for a change of its
    // own package's builds everything again, here and in the next build by hand.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    if profile == Profile::Release {
        cargo.arg("--release");
    }
    let output = cargo.output().expect("cargo runs");
    assert!(output.status.success(), "{packages:?} don't build");
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).expect("cargo speaks JSON")).collect()
}

/// The program and the providers that come with it in a folder of their own: in the target
/// folder the fixtures would count as bundled, too.
fn as_shipped(crabbox: &Path, local: &Path) -> PathBuf {
    let folder = crabbox.with_file_name("as-shipped");
    fs::create_dir_all(&folder).expect("a folder");
    for file in [crabbox, local] {
        let name = file.file_name().expect("a name");
        let temporary = folder.join(format!("{}-{}", process::id(), name.display()));
        fs::hard_link(file, &temporary).expect("a link");
        // Whole at any moment: another test process may do the same.
        fs::rename(&temporary, folder.join(name)).expect("a name");
        // Two links of one file are left as they are by a rename.
        let _ = fs::remove_file(temporary);
    }
    folder.join(crabbox.file_name().expect("a name"))
}
