//! Which file a program's name stands for: the first on the user's `PATH` that can be executed, and never one of
//! the checkout, whose content is whoever's wrote the repository.

use crabbox_provider_api::{ExecError, ExecErrorKind};
use rustix::fs::{Access, access};
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The checkout that this process was started in, if it was.
pub(super) fn checkout() -> Option<PathBuf> {
    let here = env::current_dir().ok()?.canonicalize().ok()?;
    let is_root = |folder: &&Path| folder.join(".git").symlink_metadata().is_ok();
    here.ancestors().find(is_root).map(Path::to_path_buf)
}

/// Finds a program. An absolute path is taken as it is: whoever sets one means it.
pub(super) fn find(
    program: &str,
    path: Option<&OsStr>,
    checkout: Option<&Path>,
) -> Result<PathBuf, ExecError> {
    let fail = |kind, message: String| Err(ExecError::new(kind, message));
    let shown = program.escape_debug();
    if program.is_empty() || program.contains('\0') {
        return fail(ExecErrorKind::Refused, format!("`{shown}` is no program"));
    }
    let named = Path::new(program);
    if named.is_absolute() {
        return match kind_of(named) {
            File::Executable => Ok(named.to_path_buf()),
            File::Plain => {
                fail(ExecErrorKind::NotExecutable, format!("`{shown}` can't be executed"))
            }
            File::None => fail(ExecErrorKind::NotFound, format!("there is no program `{shown}`")),
        };
    }
    if program.contains('/') {
        let message = format!("`{shown}` is neither a name nor an absolute path");
        return fail(ExecErrorKind::Refused, message);
    }
    let (mut plain, mut inside) = (None, None);
    let folders = env::split_paths(path.unwrap_or_default());
    // A relative entry would mean another folder wherever crabbox is started.
    for candidate in folders.filter(|folder| folder.is_absolute()).map(|one| one.join(program)) {
        match kind_of(&candidate) {
            File::None => {}
            _ if checkout.is_some_and(|root| is_inside(&candidate, root)) => {
                inside.get_or_insert(candidate);
            }
            File::Executable => return Ok(candidate),
            File::Plain => {
                plain.get_or_insert(candidate);
            }
        }
    }
    match (plain, inside) {
        (Some(file), _) => {
            let message = format!("`{shown}` (`{}`) can't be executed", file.display());
            fail(ExecErrorKind::NotExecutable, message)
        }
        (None, Some(file)) => {
            let message = format!(
                "`{shown}` is only found inside the checkout (`{}`), where no program is run for a provider",
                file.display()
            );
            fail(ExecErrorKind::NotFound, message)
        }
        (None, None) => {
            fail(ExecErrorKind::NotFound, format!("there is no program `{shown}` on `PATH`"))
        }
    }
}

enum File {
    Executable,
    /// Nobody may execute it, or we may not.
    Plain,
    None,
}

fn kind_of(path: &Path) -> File {
    if !path.is_file() {
        return File::None;
    }
    if access(path, Access::EXEC_OK).is_ok() { File::Executable } else { File::Plain }
}

/// Lies it there, or does it lead there?
fn is_inside(file: &Path, root: &Path) -> bool {
    let folder = file.parent().and_then(|folder| folder.canonicalize().ok());
    let target = file.canonicalize().ok();
    [folder, target].into_iter().flatten().any(|path| path.starts_with(root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn put(path: &Path, mode: u32) {
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, "#!/bin/sh\n").expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    }

    #[test]
    fn the_first_that_can_be_executed_wins_and_none_of_the_checkout_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path");
        let checkout = root.join("checkout");
        put(&checkout.join("bin/tool"), 0o755);
        put(&root.join("plain/tool"), 0o644);
        put(&root.join("good/tool"), 0o755);
        fs::create_dir(root.join("links")).expect("a folder");
        symlink(checkout.join("bin/tool"), root.join("links/tool")).expect("a link");
        let join = |names: &[&str]| {
            env::join_paths(names.iter().map(|name| root.join(name))).expect("a PATH")
        };
        let find = |names: &[&str]| find("tool", Some(&join(names)), Some(&checkout));
        let all = ["checkout/bin", "links", "plain", "good"];
        assert_eq!(find(&all).expect("finds"), root.join("good/tool"));
        let kind = |names: &[&str]| find(names).expect_err("refuses").kind;
        assert_eq!(kind(&all[..3]), ExecErrorKind::NotExecutable);
        assert_eq!(kind(&all[..2]), ExecErrorKind::NotFound);
        let error = find(&all[..1]).expect_err("refuses").to_string();
        assert!(error.contains("only found inside the checkout"), "{error}");
    }

    #[test]
    fn a_relative_entry_or_name_leads_nowhere() {
        let here = env::current_dir().expect("a folder");
        assert!(here.join("Cargo.toml").exists());
        let kind = |program, path: &str| {
            find(program, Some(OsStr::new(path)), None).expect_err("refuses").kind
        };
        assert_eq!(kind("Cargo.toml", ".::"), ExecErrorKind::NotFound);
        assert_eq!(kind("./Cargo.toml", "/"), ExecErrorKind::Refused);
        assert_eq!(kind("", "/"), ExecErrorKind::Refused);
        assert_eq!(kind("/no/such", "/"), ExecErrorKind::NotFound);
        let plain = here.join("Cargo.toml").display().to_string();
        assert_eq!(kind(&plain, "/"), ExecErrorKind::NotExecutable);
    }
}
