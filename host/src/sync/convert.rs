//! May git hold a file as another than it is? Attributes say so. Whatever isn't certain counts as yes.

use super::head::common_folder;
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What an attribute is called that has a content converted, whatever it is. Of line ends, the content itself tells.
const CONVERTING: [&[u8]; 3] = [b"filter", b"ident", b"encoding"];

/// A larger file of attributes isn't read, in bytes.
const LIMIT: u64 = 1024 * 1024;

const NAME: &str = ".gitattributes";

/// The file with this name below the root. What isn't there converts nothing.
pub(super) fn may_convert(root: &Path, name: &[u8]) -> bool {
    let folders = Path::new(OsStr::from_bytes(name)).ancestors().skip(1);
    let inside = folders.map(|folder| root.join(folder).join(NAME));
    let of_repository = common_folder(root).map(|folder| folder.join("info/attributes"));
    inside.chain(of_repository).chain(of_user()).chain(["/etc/gitattributes".into()]).any(converts)
}

/// Where git looks where nothing else is configured.
fn of_user() -> Option<PathBuf> {
    let folder = |name: &str| env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(config.join("git/attributes"))
}

fn converts(path: PathBuf) -> bool {
    match fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() && found.len() <= LIMIT => {}
        Err(error) if is_absent(&error) => return false,
        _ => return true,
    }
    match fs::read(path) {
        Ok(text) => CONVERTING.iter().any(|word| memchr::memmem::find(&text, word).is_some()),
        Err(error) => !is_absent(&error),
    }
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
