//! The login that a provider's tool has here, as a digest of all that its manifest says it comes from, and of the tool
//! itself. Nothing is read of its files: whoever logs in writes them anew, and that is seen from outside.

use crate::provider::exec;
use crabbox_provider_api::manifest::{Called, Login, Manifest, Within, called, within};
use crabbox_provider_api::payload::Settings;
use crabbox_wire::tree::Hash;
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// What is looked at, and how it is: values stand in it as digests.
type Seen = Vec<(String, Value)>;

/// The digest. `None`: the provider doesn't say what its login comes from.
pub(super) fn fingerprint(
    manifest: &Manifest,
    handed: &Settings,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Option<String> {
    let login = manifest.login.as_ref()?;
    let text = json!(look(login, handed, &variable)).to_string();
    // As with the profile, the first character says how it was made.
    Some(format!("1:{}", &Hash::of(text.as_bytes()).to_string()[..16]))
}

fn look(login: &Login, handed: &Settings, variable: &dyn Fn(&str) -> Option<OsString>) -> Seen {
    let digest = |bytes: &[u8]| Hash::of(bytes).to_string();
    let variables = login.environment.iter().map(|name| {
        let value = variable(name).map(|value| digest(value.as_bytes()));
        (format!("${name}"), json!(value))
    });
    let settings = login.settings.iter().map(|name| {
        let value = handed.get(name).map(|value| digest(value.to_string().as_bytes()));
        (format!("{{{name}}}"), json!(value))
    });
    let files = login.files.iter().filter_map(|file| path(file, handed, variable));
    let programs = login.programs.iter().filter_map(|name| program(name, handed, variable));
    let paths = files.chain(programs).map(|path| {
        let found = fs::metadata(&path).ok().map(|file| {
            let modified = (file.mtime(), file.mtime_nsec());
            let changed = (file.ctime(), file.ctime_nsec());
            json!([file.dev(), file.ino(), file.size(), modified, changed])
        });
        (digest(path.as_os_str().as_bytes()), json!(found))
    });
    variables.chain(settings).chain(paths).collect()
}

/// The file that a program is. `None`: its name isn't set, or there is none of it.
fn program(
    name: &str,
    handed: &Settings,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    let name = match called(name)? {
        Called::Name(name) => name,
        Called::Setting(name) => handed.get(name)?.as_str()?,
    };
    exec::program_on(variable("PATH").as_deref(), name).ok()
}

/// `None`: what it is below isn't set.
fn path(
    file: &str,
    handed: &Settings,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    let (folder, rest) = within(file)?;
    let folder = match folder {
        Within::Root => PathBuf::from("/"),
        Within::Home => variable("HOME")?.into(),
        Within::Variable(name) => variable(name)?.into(),
        Within::Setting(name) => handed.get(name)?.as_str()?.into(),
    };
    Some(folder).filter(|folder| folder.is_absolute()).map(|folder| folder.join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    /// As of a manifest that declares all of it.
    fn manifest() -> Manifest {
        let text = "name = 'desk'\nversion = '1.0.0'\nabi = '1'\n\
             [environment]\nDESK_URL = 'x'\nDESK_CONFIG = 'y'\n[settings.root]\ntype = 'path'\n\
             [login]\nenvironment = ['DESK_URL']\nsettings = ['root']\n\
             files = ['$DESK_CONFIG/session', '{root}/session', '~/session']\n\
             programs = ['desk', '{root}']\n";
        Manifest::parse(text).expect("a manifest")
    }

    struct Here {
        variables: BTreeMap<&'static str, OsString>,
        settings: Settings,
    }

    impl Here {
        fn new(home: &Path) -> Self {
            let variables = BTreeMap::from([("HOME", home.into())]);
            Self { variables, settings: Settings::default() }
        }

        fn fingerprint(&self) -> String {
            let variable = |name: &str| self.variables.get(name).cloned();
            fingerprint(&manifest(), &self.settings, variable).expect("it is declared")
        }
    }

    /// A program.
    fn put(path: &Path) {
        fs::write(path, "#!/bin/sh\n").expect("a file");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("a mode");
    }

    #[test]
    fn it_is_another_once_anything_that_it_comes_from_is() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let mut here = Here::new(folder.path());
        let mut all = vec![here.fingerprint()];
        let mut is_new = |here: &Here| {
            let now = here.fingerprint();
            assert_eq!(now, here.fingerprint(), "it stays while nothing changes");
            assert!(!all.contains(&now), "{all:?}");
            all.push(now);
        };
        here.variables.insert("DESK_URL", "https://one".into());
        is_new(&here);
        here.variables.insert("DESK_URL", "https://other".into());
        is_new(&here);
        here.settings.insert("root".to_owned(), "/nowhere".into());
        is_new(&here);
        fs::write(folder.path().join("session"), "one").expect("logs in");
        is_new(&here);
        fs::write(folder.path().join("new"), "two").expect("logs in");
        fs::rename(folder.path().join("new"), folder.path().join("session")).expect("anew");
        is_new(&here);
        here.variables.insert("DESK_CONFIG", folder.path().into());
        is_new(&here);
        // The tool itself: as it comes, is exchanged, and gives way to one that the user names.
        here.variables.insert("PATH", folder.path().into());
        let desk = folder.path().join("desk");
        put(&desk);
        is_new(&here);
        put(&folder.path().join("new"));
        fs::rename(folder.path().join("new"), &desk).expect("another");
        is_new(&here);
        put(&folder.path().join("own"));
        here.settings
            .insert("root".to_owned(), folder.path().join("own").display().to_string().into());
        is_new(&here);
        // What it doesn't come from is nothing to it.
        let before = here.fingerprint();
        here.variables.insert("LANG", "C".into());
        here.settings.insert("other".to_owned(), "x".into());
        assert_eq!(here.fingerprint(), before);
    }

    #[test]
    fn a_provider_that_says_nothing_of_it_has_none() {
        let manifest = Manifest { login: None, ..manifest() };
        assert_eq!(fingerprint(&manifest, &Settings::default(), |_| None), None);
    }
}
