//! Is what was written what lies there? The journal says what was meant; a file system, a umask
//! or another process may have made something else of it.
//!
//! Looked at twice: each entry when it has just been written, and all of them at the end, when a
//! later one may have taken an earlier one's place.

use crate::failure::Failure;
use crate::folders::{Folders, TO_LOOK, split};
use crate::journal::{Rows, Stamp};
use crate::scan::{is_absent, kind_of, read, stamp_of};
use crabbox_wire::message::FailureCode;
use crabbox_wire::tree::{Entry, Kind};
use rustix::fs::{AtFlags, Stat, statat};
use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

/// What was written, as it lay there right after.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) path: Vec<u8>,
    pub(crate) stamp: Stamp,
}

/// Is this the entry, as far as can be told without reading it?
pub(crate) fn at_once(entry: &Entry, stat: &Stat) -> Result<(), Failure> {
    let differs = |what: String| Err(fault(&entry.path, &what));
    let kind = kind_of(stat);
    match (entry.kind, kind) {
        (wanted, Some(found)) if wanted == found => {}
        (Kind::Executable, Some(Kind::File)) => {
            return differs("can't be executed there, as it should".to_owned());
        }
        (Kind::File, Some(Kind::Executable)) => {
            return differs("can be executed there, as it shouldn't".to_owned());
        }
        (wanted, found) => {
            let found = found.map_or("something else", name_of);
            return differs(format!("is {found} there, not {}", name_of(wanted)));
        }
    }
    let size = stamp_of(stat).size;
    if entry.kind != Kind::Folder && size != entry.size {
        return differs(format!("has {size} bytes there, not {}", entry.size));
    }
    Ok(())
}

fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::File | Kind::Executable => "a file",
        Kind::Symlink => "a link",
        Kind::Folder => "a folder",
    }
}

fn fault(path: &[u8], what: &str) -> Failure {
    let path = String::from_utf8_lossy(path);
    Failure::new(FailureCode::Verify, format!("`{path}` was written to the box and {what}"))
}

/// Is all of it still as it was written?
pub(crate) fn at_end(workspace: &Path, written: &[Written], rows: &Rows) -> Result<(), Failure> {
    // Folders are opened anew: one that was written to may lie elsewhere by now.
    let mut folders = Folders::open(workspace, TO_LOOK)
        .map_err(|error| Failure::system("opening", workspace, &error))?;
    for Written { path, stamp } in written {
        let Some(row) = rows.get(path) else {
            continue;
        };
        let (parent, name) = split(path);
        let found = folders.existing(parent).and_then(|folder| {
            let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
            Ok((folder, stat))
        });
        match found {
            Ok((folder, stat)) => still(&row.entry, *stamp, folder, name, &stat)?,
            Err(error) if is_absent(&error) => return Err(fault(path, "isn't there any more")),
            Err(error) => return Err(Failure::entry("reading", path, &error)),
        }
    }
    Ok(())
}

fn still(
    entry: &Entry,
    stamp: Stamp,
    folder: BorrowedFd<'_>,
    name: &[u8],
    stat: &Stat,
) -> Result<(), Failure> {
    at_once(entry, stat)?;
    let now = stamp_of(stat);
    if now == stamp || entry.kind == Kind::Folder {
        return Ok(());
    }
    if now.inode != stamp.inode {
        return Err(fault(&entry.path, "something else took its place"));
    }
    match read(folder, name, entry.kind) {
        Ok((_, hash)) if hash == entry.hash => Ok(()),
        Ok(_) => Err(fault(&entry.path, "was changed there at once, by something on the box")),
        Err(error) => Err(Failure::entry("reading", &entry.path, &error)),
    }
}

/// Two names that differ in case alone are one file where the box's file system folds case: what
/// they hold can't be told apart then, not even when it is the same.
pub(crate) fn names_are_distinct(workspace: &Path, rows: &Rows) -> Result<(), Failure> {
    let folds = folds_case(workspace, rows)
        .map_err(|error| Failure::system("reading", workspace, &error))?;
    let Some((one, other)) = folds.then(|| collision(rows)).flatten() else {
        return Ok(());
    };
    let text = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
    let message = format!(
        "`{}` and `{}` are one file on the box: its file system doesn't tell upper from lower case",
        text(&one),
        text(&other)
    );
    Err(Failure::new(FailureCode::Verify, message))
}

/// Is the first name in the workspace that has a letter found with the letter's case changed, too?
fn folds_case(workspace: &Path, rows: &Rows) -> io::Result<bool> {
    let mut names = rows.keys().filter_map(|path| path.split(|byte| *byte == b'/').next());
    let Some(name) = names.find(|name| name.iter().any(u8::is_ascii_alphabetic)) else {
        return Ok(false);
    };
    let swapped: Vec<u8> = name
        .iter()
        .map(|byte| match byte {
            b'a'..=b'z' => byte.to_ascii_uppercase(),
            other => other.to_ascii_lowercase(),
        })
        .collect();
    let mut folders = Folders::open(workspace, TO_LOOK)?;
    let root = folders.existing(b"")?;
    let look = |name: &[u8]| statat(root, name, AtFlags::SYMLINK_NOFOLLOW);
    Ok(look(&swapped).is_ok_and(|found| {
        look(name).is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (found.st_dev, found.st_ino))
    }))
}

/// Two names, of entries or of folders above them, that differ in case alone.
fn collision(rows: &Rows) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut seen: HashMap<String, &[u8]> = HashMap::new();
    for path in rows.keys() {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            let name = &path[..end];
            let before = seen.insert(String::from_utf8_lossy(name).to_lowercase(), name);
            if let Some(before) = before.filter(|before| *before != name) {
                return Some((before.to_vec(), name.to_vec()));
            }
        }
    }
    None
}

/// Entries whose name is another's but for case. Where case is folded they name what the other
/// one names: it mustn't be removed on their account.
pub(crate) fn aliases(rows: &Rows) -> Vec<Vec<u8>> {
    let mut seen = HashSet::new();
    let is_alias = |path: &&Vec<u8>| !seen.insert(String::from_utf8_lossy(path).to_lowercase());
    rows.keys().filter(is_alias).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Row;
    use crabbox_wire::tree::Hash;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    fn entry(path: &str, kind: Kind, content: &str) -> Entry {
        let size = content.len() as u64;
        Entry { path: path.into(), kind, size, hash: Hash::of(content.as_bytes()) }
    }

    fn rows(entries: &[Entry]) -> Rows {
        let row = |entry: &Entry| (entry.path.clone(), Row { entry: entry.clone(), stamp: None });
        entries.iter().map(row).collect()
    }

    fn why(result: Result<(), Failure>) -> String {
        result.expect_err("a fault").to_string()
    }

    /// A folder with a file, and what would have been noted right after it was written.
    fn written(content: &str) -> (tempfile::TempDir, Written) {
        let folder = tempfile::tempdir().expect("temporary folder");
        fs::write(folder.path().join("a"), content).expect("writes");
        let root = Folders::open(folder.path(), TO_LOOK)
            .expect("opens")
            .existing(b"")
            .map(|root| statat(root, "a", AtFlags::SYMLINK_NOFOLLOW).expect("stat"));
        let stamp = stamp_of(&root.expect("opens"));
        (folder, Written { path: b"a".to_vec(), stamp })
    }

    #[test]
    fn whatever_differs_at_the_end_is_named() {
        type Change = (&'static str, fn(&Path));
        let changes: [Change; 6] = [
            ("isn't there any more", |file| fs::remove_file(file).expect("removes")),
            ("is a folder there, not a file", |file| {
                fs::remove_file(file).expect("removes");
                fs::create_dir(file).expect("makes");
            }),
            ("can be executed", |file| {
                fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("sets");
            }),
            ("has 4 bytes there, not 3", |file| fs::write(file, "four").expect("writes")),
            ("was changed there", |file| fs::write(file, "two").expect("writes")),
            ("took its place", |file| {
                // Also with the same content: that is how a name folded into another looks.
                fs::write(file.with_extension("new"), "one").expect("writes");
                fs::rename(file.with_extension("new"), file).expect("renames");
            }),
        ];
        let rows = rows(&[entry("a", Kind::File, "one")]);
        for (expected, change) in changes {
            let (folder, written) = written("one");
            at_end(folder.path(), std::slice::from_ref(&written), &rows).expect("as written");
            std::thread::sleep(std::time::Duration::from_millis(20));
            change(&folder.path().join("a"));
            let why = why(at_end(folder.path(), &[written], &rows));
            assert!(why.contains("`a`") && why.contains(expected), "{why}");
        }
    }

    #[test]
    fn a_touched_file_that_holds_the_same_is_right() {
        let (folder, written) = written("one");
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(folder.path().join("a"), "one").expect("writes");
        let rows = rows(&[entry("a", Kind::File, "one")]);
        at_end(folder.path(), &[written], &rows).expect("right");
    }

    #[test]
    fn names_collide_in_case_alone_also_above_entries() {
        fn collide(paths: &[&str]) -> bool {
            let files: Vec<Entry> = paths.iter().map(|path| entry(path, Kind::File, "")).collect();
            collision(&rows(&files)).is_some()
        }
        assert!(collide(&["README", "readme"]));
        assert!(collide(&["Dir/a", "dir/b"]));
        assert!(collide(&["É", "é"]));
        assert!(!collide(&["a/a", "a/b", "b/a", "a-"]));
        let files = ["Dir/a", "README", "dir/b", "readme"].map(|path| entry(path, Kind::File, ""));
        assert_eq!(aliases(&rows(&files)), [b"readme".to_vec()]);
    }

    #[test]
    fn a_file_system_that_folds_case_is_recognised_by_its_names() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let rows = rows(&[entry("1", Kind::File, ""), entry("a", Kind::File, "")]);
        fs::write(folder.path().join("a"), "").expect("writes");
        assert!(!folds_case(folder.path(), &rows).expect("looks"));
        fs::write(folder.path().join("A"), "").expect("writes");
        assert!(!folds_case(folder.path(), &rows).expect("looks"), "two files");
        // One file under both names is what it looks like.
        fs::remove_file(folder.path().join("A")).expect("removes");
        fs::hard_link(folder.path().join("a"), folder.path().join("A")).expect("links");
        assert!(folds_case(folder.path(), &rows).expect("looks"));
        names_are_distinct(folder.path(), &rows).expect("no names collide");
    }
}
