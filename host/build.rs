//! Builds the remote helper for every box architecture that this toolchain can
//! link, and embeds the results.
//!
//! A nested cargo does it, with a target folder and a profile of its own: the
//! outer cargo holds the lock of the workspace's folder while this script runs.

mod commit;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a box may be: the machine's name as `uname -m` prints it, and the target.
const MUSL_TARGETS: [(&str, &str); 2] =
    [("x86_64", "x86_64-unknown-linux-musl"), ("aarch64", "aarch64-unknown-linux-musl")];

/// What must not leak from the outer build into the helper: it would be built for
/// this machine's processor, by clippy, or into the wrong folder.
const FOREIGN: [&str; 7] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "CLIPPY_ARGS",
    "CARGO_TARGET_DIR",
    "RUSTDOCFLAGS",
];

fn main() -> Result<()> {
    let manifest_folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let workspace = manifest_folder.parent().context("the host crate lies in the workspace")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for input in [
        "host/copy",
        "host/locks",
        "host/remote",
        "host/tunnel",
        "host/wire",
        "Cargo.lock",
        "Cargo.toml",
    ] {
        println!("cargo::rerun-if-changed={}", workspace.join(input).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=commit.rs");
    println!("cargo::rustc-env=CRABBOX_TARGET={}", env::var("TARGET")?);
    tell_commit(workspace);

    let (targets, folder) = (targets()?, helper_folder(&out)?);
    build(workspace, &folder, &targets)?;
    let mut table = String::from("&[\n");
    for (machine, target) in targets {
        let built = folder.join(target).join("helper/crabbox-remote");
        let bytes = fs::read(&built).with_context(|| format!("reading {}", built.display()))?;
        let hash = Sha256::digest(&bytes).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        let copy = out.join(format!("helper-{machine}"));
        fs::write(&copy, &bytes)?;
        let path = copy.to_str().context("the target folder's name is UTF-8")?;
        writeln!(
            table,
            "    Helper {{ machine: {machine:?}, sha256: {hash:?}, bytes: include_bytes!({path:?}) }},"
        )?;
    }
    table.push(']');
    fs::write(out.join("helpers.rs"), table)?;
    Ok(())
}

/// The commit that this is built from, unless somebody says another. Only in what is built for use: each commit makes
/// whatever knows it be built anew.
fn tell_commit(workspace: &Path) {
    println!("cargo::rerun-if-env-changed=CRABBOX_COMMIT");
    if env::var_os("CRABBOX_COMMIT").is_some() || env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    let found = commit::of(workspace);
    for path in found.watched {
        println!("cargo::rerun-if-changed={}", path.display());
    }
    if let Some(commit) = found.commit {
        println!("cargo::rustc-env=CRABBOX_COMMIT={commit}");
    }
}

/// The musl targets that are installed; without any, this machine's own
/// architecture with a statically linked glibc.
fn targets() -> Result<Vec<(&'static str, &'static str)>> {
    let mut found = Vec::new();
    for (machine, target) in MUSL_TARGETS {
        let folder = library_folder(target)?;
        // A path that doesn't exist would make every build run this script again:
        // its nearest existing parent changes when the target is installed.
        let watched = folder.ancestors().find(|path| path.exists()).unwrap_or(&folder);
        println!("cargo::rerun-if-changed={}", watched.display());
        if folder.exists() {
            found.push((machine, target));
        }
    }
    if found.is_empty() {
        match env::var("CARGO_CFG_TARGET_ARCH")?.as_str() {
            "x86_64" => found.push(("x86_64", "x86_64-unknown-linux-gnu")),
            "aarch64" => found.push(("aarch64", "aarch64-unknown-linux-gnu")),
            other => bail!("no remote helper can be built for {other}"),
        }
    }
    Ok(found)
}

fn library_folder(target: &str) -> Result<PathBuf> {
    let output = Command::new(env::var("RUSTC")?)
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .context("asking rustc for its target folder")?;
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}

/// `<target>/helper`, one for all outer profiles. `OUT_DIR` is
/// `<target>[/<triple>]/<profile>/build/<package>/out`.
fn helper_folder(out: &Path) -> Result<PathBuf> {
    let target = out.ancestors().nth(4).context("OUT_DIR lies in a target folder")?;
    Ok(target.join("helper"))
}

/// Builds for all of them at once: each ends in half a minute of work for one processor.
fn build(workspace: &Path, target_folder: &Path, targets: &[(&str, &str)]) -> Result<()> {
    let mut cargo = Command::new(env::var("CARGO")?);
    cargo.current_dir(workspace).args([
        "build",
        "--locked",
        "--quiet",
        "--package=crabbox-remote",
        "--profile=helper",
        "--target-dir",
    ]);
    cargo.arg(target_folder);
    for name in FOREIGN {
        cargo.env_remove(name);
    }
    for (name, _) in env::vars_os() {
        let foreign = name.to_str().is_some_and(|name| {
            name.starts_with("CARGO_BUILD_") || name.starts_with("CARGO_PROFILE_")
        });
        if foreign {
            cargo.env_remove(name);
        }
    }
    for (_, target) in targets {
        let flags = if target.ends_with("musl") {
            "-C linker=rust-lld -C link-self-contained=yes"
        } else {
            "-C target-feature=+crt-static"
        };
        let variable = target.to_uppercase().replace('-', "_");
        cargo.args(["--target", target]).env(format!("CARGO_TARGET_{variable}_RUSTFLAGS"), flags);
    }
    let status = cargo.status().context("starting the nested cargo")?;
    if !status.success() {
        bail!("building the remote helper failed: {status}");
    }
    Ok(())
}
