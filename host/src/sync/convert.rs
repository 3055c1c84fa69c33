//! May git hold a file as another than it is? Attributes say so. Whatever isn't certain counts as yes.

use super::config::{Config, LIMIT, is_absent, of_system, of_user};
use super::head::common_folder;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What an attribute is called that has a content converted, whatever it is. Of line ends, the content itself tells.
const CONVERTING: [&[u8]; 3] = [b"filter", b"ident", b"encoding"];

const NAME: &str = ".gitattributes";

/// Is it the name of a file with attributes?
pub(super) fn is_attributes(name: &[u8]) -> bool {
    Path::new(OsStr::from_bytes(name)).file_name() == Some(OsStr::new(NAME))
}

/// What may have the files of a checkout converted.
pub(super) struct Converting<'a> {
    root: &'a Path,
    /// Files with attributes that git knows and the tree lacks, in order.
    left_out: &'a [&'a [u8]],
    /// Whatever file it is.
    any: bool,
    /// Of files with attributes that were looked at.
    looked_at: HashMap<PathBuf, bool>,
}

impl<'a> Converting<'a> {
    pub(super) fn of(root: &'a Path, config: Config, left_out: &'a [&'a [u8]]) -> Self {
        let of_repository = common_folder(root).map(|folder| folder.join("info/attributes"));
        let outside = of_repository.into_iter().chain(of_user("attributes"));
        let any = config.names_attributes
            || outside.chain(of_system("gitattributes")).any(|path| converts(&path, false));
        Self { root, left_out, any, looked_at: HashMap::new() }
    }

    /// The file with this name below the root. What isn't there converts nothing.
    pub(super) fn may_convert(&mut self, name: &[u8]) -> bool {
        self.any || {
            let folders = Path::new(OsStr::from_bytes(name)).ancestors().skip(1);
            folders.map(|folder| folder.join(NAME)).any(|path| self.looks_so(path))
        }
    }

    fn looks_so(&mut self, path: PathBuf) -> bool {
        let Self { root, left_out, looked_at, .. } = self;
        *looked_at.entry(path).or_insert_with_key(|path| {
            // Where it isn't there, git has what the index says.
            let is_known = left_out.binary_search(&path.as_os_str().as_bytes()).is_ok();
            converts(&root.join(path), is_known)
        })
    }
}

/// May what is there convert anything? `absent`: what to say where nothing is.
fn converts(path: &Path, absent: bool) -> bool {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_file() && found.len() <= LIMIT => {}
        Err(error) if is_absent(&error) => return absent,
        _ => return true,
    }
    match fs::read(path) {
        Ok(text) => CONVERTING.iter().any(|word| memchr::memmem::find(&text, word).is_some()),
        Err(error) => absent || !is_absent(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::checkout::Checkout;
    use std::fs;

    /// Something that has git see the file as it was, though it says something else.
    type Hide = fn(&Checkout);

    /// Git takes what it holds of the file from its filter, whatever there is.
    fn filter(checkout: &Checkout) {
        checkout.git(&["config", "filter.x.clean", "echo content"]);
    }

    fn outside(checkout: &Checkout) -> String {
        let file = checkout.path("../attributes");
        fs::write(&file, "file filter=x\n").expect("writes");
        file.display().to_string()
    }

    #[test]
    fn where_git_may_convert_what_it_holds_nobody_knows() {
        let hidden: [(&str, Hide); 8] = [
            ("a filter", |it| {
                it.write(".gitattributes", "f* filter=x\n");
                it.commit();
            }),
            ("a filter of the clone", |it| {
                fs::create_dir_all(it.path(".git/info")).expect("a folder");
                it.write(".git/info/attributes", "file filter=x\n");
            }),
            ("attributes that the configuration names", |it| {
                it.git(&["config", "core.attributesFile", &outside(it)]);
            }),
            ("that a file names which it includes", |it| {
                let text = format!("[core]\n\tattributesfile = {}\n", outside(it));
                it.write(".git/more", &text);
                it.git(&["config", "include.path", "more"]);
            }),
            ("that it includes for some folders", |it| {
                let text = format!("[core]\n\tattributesfile = {}\n", outside(it));
                it.write(".git/more", &text);
                let folder = it.path("").canonicalize().expect("there");
                let name = format!("includeIf.gitdir:{}/.path", folder.display());
                it.git(&["config", &name, "more"]);
            }),
            ("that the worktree's own configuration names", |it| {
                it.git(&["config", "extensions.worktreeConfig", "true"]);
                it.git(&["config", "--worktree", "core.attributesFile", &outside(it)]);
            }),
            ("attributes that a sparse checkout lacks", |it| {
                it.write(".gitattributes", "file filter=x\n");
                it.commit();
                it.git(&["sparse-checkout", "set", "--no-cone", "/*", "!.gitattributes"]);
                assert!(!it.path(".gitattributes").exists());
            }),
            ("attributes that are skipped", |it| {
                it.write("deep/.gitattributes", "file filter=x\n");
                it.commit();
                it.git(&["update-index", "--skip-worktree", "deep/.gitattributes"]);
                fs::remove_file(it.path("deep/.gitattributes")).expect("removes");
            }),
        ];
        for (what, hide) in hidden {
            let checkout = Checkout::new();
            filter(&checkout);
            hide(&checkout);
            let name = if what.ends_with("skipped") { "deep/file" } else { "file" };
            // Of another size, git doesn't look at the content.
            checkout.write(name, "CONTENT\n");
            assert_eq!((checkout.is_dirty(), checkout.is_dirty_to_git()), (None, false), "{what}");
        }
    }

    #[test]
    fn attributes_of_another_folder_convert_nothing() {
        let checkout = Checkout::new();
        checkout.write("deep/.gitattributes", "* filter=x\n");
        checkout.commit();
        checkout.git(&["update-index", "--skip-worktree", "deep/.gitattributes"]);
        fs::remove_file(checkout.path("deep/.gitattributes")).expect("removes");
        assert_eq!(checkout.is_dirty(), None);
        checkout.write("file", "other\n");
        assert_eq!(checkout.is_dirty(), Some(true));
    }
}
