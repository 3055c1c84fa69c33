//! The folders of this user, what is in them, and how much more fits.

use super::{fail, pass, skip, warn};
use crate::claims::{ClaimError, Reader, lasting, look_at_locks, on_this_machine, put_aside};
use crate::output::{Quoted, to_type};
use crabbox_provider_api::payload::Check;
use rustix::fs::{Access, access, statvfs};
use rustix::io::Errno;
use std::env;
use std::error::Error;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

const MIB: u64 = 1024 * 1024;

/// Leaves the state folder as it is.
const ELSEWHERE: &str = "export CRABBOX_STATE_DIR=\"$HOME/crabbox-state\"";

/// Below this, the next sync may not fit.
const LITTLE: u64 = 1024 * MIB;

/// Below this, not even a claim may be recorded.
const NOTHING: u64 = 32 * MIB;

/// Claims are written there, and read by nobody else.
pub(super) fn state_folder(folder: &Path) -> Check {
    let id = "state-folder";
    let (shown, quoted) = (folder.display(), Quoted(folder));
    let Ok(found) = fs::metadata(folder) else {
        return absent(id, folder);
    };
    if !found.is_dir() {
        return fail(id, format!("`{shown}` is no folder"), format!("mv {quoted} {quoted}.old"));
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return fail(id, format!("`{shown}` belongs to user {}", found.uid()), ELSEWHERE);
    }
    if found.mode() & 0o022 != 0 {
        let mode = found.mode() & 0o7777;
        let message = format!("`{shown}`: others can write in it (mode {mode:o})");
        return fail(id, message, open_hint(folder, mode));
    }
    if let Err(error) = access(folder, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        let mode = format!("chmod u+rwx {quoted}");
        // No mode helps on a file system that can't be written.
        let hint = if error == Errno::ROFS { ELSEWHERE.to_owned() } else { mode };
        return fail(id, format!("`{shown}` can't be written: {error}"), hint);
    }
    if let Err(why) = look_at_locks(folder) {
        let hint = on_this_machine().map_or_else(|| ELSEWHERE.to_owned(), |other| lasting(&other));
        return fail(id, format!("`{shown}` can't be used: {why}"), hint);
    }
    if found.mode() & 0o077 != 0 {
        let message = format!("`{shown}` is open to others (mode {:o})", found.mode() & 0o7777);
        return warn(id, message, format!("chmod 700 {quoted}"));
    }
    pass(id, format!("`{shown}`"))
}

/// A sticky one is open on purpose: a folder of one's own is made in it.
fn open_hint(folder: &Path, mode: u32) -> String {
    if mode & 0o1000 == 0 {
        return format!("chmod go-w {}", Quoted(folder));
    }
    lasting(&folder.join("crabbox"))
}

/// Could it be made?
fn absent(id: &str, folder: &Path) -> Check {
    let shown = folder.display();
    if folder.symlink_metadata().is_ok() {
        let message = format!("`{shown}` is a link that leads nowhere");
        return fail(id, message, format!("rm {}", Quoted(folder)));
    }
    let above = nearest(folder);
    if access(&above, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let above = above.display();
        let message = format!("`{shown}` can't be made: `{above}` can't be written");
        return fail(id, message, ELSEWHERE);
    }
    pass(id, format!("`{shown}` isn't there yet; the first run makes it"))
}

/// The database, and each claim that can't be read.
pub(super) fn claims(state: &Path) -> Vec<Check> {
    let id = "claims";
    let path = state.join("claims.db");
    // Whoever opens it next saves what can be read, and keeps the damaged files.
    let aside = || {
        let mark = Quoted(&state.join("claims.db-damaged")).to_string();
        format!("touch {mark} && {}", to_type(&["list"]))
    };
    let reader = match Reader::open(state) {
        Ok(Some(reader)) => reader,
        Ok(None) => return vec![pass(id, "none are recorded yet")],
        Err(error) => return vec![unusable(&error, state, aside())],
    };
    match reader.damage() {
        Ok(damage) if damage.is_empty() => {}
        Ok(damage) => {
            let message = format!("`{}` is damaged: {}", path.display(), damage.join("; "));
            return vec![fail(id, message, aside())];
        }
        Err(error) => return vec![unusable(&error, state, aside())],
    }
    match reader.read_each() {
        Ok((count, errors)) if errors.is_empty() => vec![pass(id, format!("{count} recorded"))],
        Ok((_, errors)) => errors.iter().map(unreadable).collect(),
        Err(error) => vec![unusable(&error, state, aside())],
    }
}

/// Its box may still be there: the line shows what is known of it, and asks.
fn unreadable(error: &ClaimError) -> Check {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    fail("claims", format!("{error}{cause}"), error.hints().join("; "))
}

fn unusable(error: &ClaimError, state: &Path, aside: String) -> Check {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    let hint = match error {
        // Until the newer crabbox that wrote it is back.
        ClaimError::Newer { .. } => ELSEWHERE.to_owned(),
        // SQLite's index of the log is missing: whoever opens the database for writing makes it.
        _ if is_code(error, rusqlite::ErrorCode::CannotOpen) => {
            format!("ls -la {} && {}", Quoted(state), to_type(&["list"]))
        }
        // Nothing of it can be saved.
        _ if is_code(error, rusqlite::ErrorCode::NotADatabase) => {
            put_aside(&state.join("claims.db"))
        }
        _ if is_code(error, rusqlite::ErrorCode::DatabaseBusy) => to_type(&["doctor"]),
        _ => aside,
    };
    fail("claims", format!("{error}{cause}"), hint)
}

fn is_code(error: &ClaimError, code: rusqlite::ErrorCode) -> bool {
    match error {
        ClaimError::Database { source, .. } => source.sqlite_error_code() == Some(code),
        _ => false,
    }
}

/// What is free where this folder is, or would be made.
pub(super) fn space(id: &str, folder: &Path) -> Check {
    let shown = folder.display();
    let found = match statvfs(nearest(folder)) {
        Ok(found) => found,
        Err(error) => return skip(id, format!("`{shown}`: {error}")),
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let message = format!("{} free for `{shown}`", size(free));
    let hint = || format!("du -xh -d 2 {} | sort -h | tail", Quoted(&nearest(folder)));
    match free {
        0..NOTHING => fail(id, message, hint()),
        NOTHING..LITTLE => warn(id, message, hint()),
        _ => pass(id, message),
    }
}

fn size(bytes: u64) -> String {
    match bytes / MIB {
        mib @ 0..10_240 => format!("{mib} MiB"),
        mib => format!("{} GiB", mib / 1024),
    }
}

/// Connections will have their sockets there.
pub(super) fn runtime_folder() -> Check {
    let id = "runtime-folder";
    let Some(folder) = env::var_os("XDG_RUNTIME_DIR").filter(|value| !value.is_empty()) else {
        return skip(id, "`XDG_RUNTIME_DIR` isn't set, and nothing needs it yet");
    };
    let folder = PathBuf::from(folder);
    let shown = folder.display();
    let unset = "unset XDG_RUNTIME_DIR";
    match fs::metadata(&folder) {
        _ if !folder.is_absolute() => {
            warn(id, format!("`XDG_RUNTIME_DIR` is relative: `{shown}`"), unset)
        }
        Err(error) => warn(id, format!("`{shown}`: {error}"), unset),
        Ok(found) if !found.is_dir() => warn(id, format!("`{shown}` is no folder"), unset),
        Ok(found) if found.uid() != rustix::process::geteuid().as_raw() => {
            warn(id, format!("`{shown}` belongs to user {}", found.uid()), unset)
        }
        Ok(found) if found.mode() & 0o077 != 0 => {
            let message = format!("`{shown}` is open to others (mode {:o})", found.mode() & 0o7777);
            warn(id, message, format!("chmod 700 {}", Quoted(&folder)))
        }
        Ok(_) => pass(id, format!("`{shown}`")),
    }
}

/// The folder itself, or the nearest above it that is there.
fn nearest(folder: &Path) -> PathBuf {
    let found = folder.ancestors().find(|folder| folder.metadata().is_ok());
    found.unwrap_or(Path::new("/")).to_owned()
}
