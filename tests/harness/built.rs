//! The program under test. `cargo test --workspace` builds neither the executable nor the
//! providers of other packages, and happily tests stale ones: so it is asked for
//! once a process, and every path comes from its own messages.

use serde_json::Value;
use std::collections::BTreeMap;
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
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        let mut cargo = Command::new(env!("CARGO"));
        cargo
            .current_dir(root)
            .args(["build", "--locked", "--message-format=json", "-p", "crabbox-cli"])
            .args(["-p", "crabbox-provider-coder"])
            .args(["-p", "crabbox-provider-local", "-p", "crabbox-provider-ssh"])
            .args(["-p", "crabbox-provider-desk"])
            .args(["-p", "crabbox-provider-misbehaving", "-p", "crabbox-provider-tools"])
            .args(["-p", "crabbox-provider-gallery", "-p", "crabbox-provider-route"])
            .stderr(Stdio::inherit());
        if profile == Profile::Release {
            cargo.arg("--release");
        }
        let output = cargo.output().expect("cargo runs");
        assert!(output.status.success(), "the program under test doesn't build");
        let mut crabbox = None;
        let mut providers = BTreeMap::new();
        for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let message: Value = serde_json::from_slice(line).expect("cargo speaks JSON");
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
        let shipped = ["crabbox_provider_coder", "crabbox_provider_local", "crabbox_provider_ssh"];
        let shipped = shipped.map(|provider| &*providers[provider]);
        Self { crabbox: as_shipped(&crabbox, &shipped), providers }
    }
}

/// The program and the providers that come with it in a folder of their own: in the target
/// folder the fixtures would count as bundled, too.
fn as_shipped(crabbox: &Path, providers: &[&Path]) -> PathBuf {
    let folder = crabbox.with_file_name("as-shipped");
    fs::create_dir_all(&folder).expect("a folder");
    for file in providers.iter().chain([&crabbox]) {
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
