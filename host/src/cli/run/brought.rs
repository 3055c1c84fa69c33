//! What is said of what a run has brought here.

use crate::collect::{Brought, Collected, Download, Kind, LeftOut, Matched, Undone};
use crate::output::{CommandError, Printer, human, to_type};
use serde_json::{Value, json};
use std::env;
use std::path::Path;

/// So many of what was left out, and of what is to be known of others, are named.
const NAMED: usize = 3;

/// Where files of a kind are is said of each of so many.
const FEW: usize = 3;

/// What each kind of file is called.
const KINDS: [(Kind, &str); 3] =
    [(Kind::Report, "report"), (Kind::Artifact, "artifact"), (Kind::Download, "downloaded file")];

/// For people: where the files of each kind are.
pub(in crate::cli) fn lines(all: &Collected) -> Vec<String> {
    let kinds = [(&all.artifacts, "artifact"), (&all.downloads, "downloaded file")];
    let kinds = kinds.into_iter().filter(|(files, _)| !files.is_empty());
    kinds.map(|(files, what)| where_they_are(files, what)).collect()
}

/// What is wrong, for people; also where nothing else is said.
///
/// `of`: the run that has just ended and its lease, where what isn't here can be asked for later. `None`: it was.
pub(in crate::cli) fn warn(all: &Collected, of: Option<(&str, &str)>, printer: Printer) {
    for remark in all.remarks.iter().take(NAMED) {
        printer.warning(&format!("{}: {}", named(remark, all).0, remark.why));
    }
    for one in all.matched.iter().filter(|one| one.kind == Kind::Report && one.files == 0) {
        let older = match one.older {
            0 => String::new(),
            1 => ": 1 older one does".to_owned(),
            more => format!(": {more} older ones do"),
        };
        printer.warning(&format!("no new report matches `--junit {}`{older}", one.glob));
    }
    let is_none = |one: &&Matched| one.kind == Kind::Artifact && one.files == 0;
    for one in all.matched.iter().filter(is_none).filter(|one| !all.missing.contains(&one.glob)) {
        let flag = if of.is_some() { "--artifact " } else { "" };
        printer.warning(&format!("no file matches `{flag}{}`", one.glob));
    }
    for line in left_out(all) {
        printer.warning(&line);
    }
    if let Some(why) = &all.broke_off {
        printer.warning(&format!("not everything was brought back: {why}"));
        of.map(|(run, lease)| later(&all.undone, run, lease)).iter().flatten().for_each(|line| {
            printer.hint(line);
        });
    }
    for glob in &all.missing {
        let found = all
            .matched
            .iter()
            .find(|found| found.kind == Kind::Artifact && found.glob == *glob && found.files > 0);
        let message = match found {
            None => format!("the required artifact `{glob}` is missing"),
            Some(found) => {
                let files = human::count(found.files, "file");
                format!("of the required artifact `{glob}` nothing is here: {files} matched")
            }
        };
        printer.explain(&CommandError::failed(message).code("artifacts"));
    }
}

/// The lines that bring the rest while the box has it.
fn later(undone: &[Undone], run: &str, lease: &str) -> Vec<String> {
    let globs = undone.iter().filter_map(|one| match one {
        Undone::Artifacts(glob) => Some(glob.as_str()),
        Undone::Download(_) => None,
    });
    let globs: Vec<&str> = globs.collect();
    let artifacts = [&["artifacts", run][..], &globs, &["--fetch"]].concat();
    let artifacts = (!globs.is_empty()).then(|| to_type(&artifacts));
    let downloads = undone.iter().filter_map(|one| match one {
        Undone::Download(Download { from, to }) => {
            let from = format!("{lease}:{}", String::from_utf8_lossy(from));
            Some(to_type(&["cp", &from, &to.to_string_lossy()]))
        }
        Undone::Artifacts(_) => None,
    });
    artifacts.into_iter().chain(downloads).collect()
}

/// What isn't here, a few of each kind.
fn left_out(all: &Collected) -> Vec<String> {
    let mut lines = Vec::new();
    for (kind, what) in KINDS {
        let told = all.left_out.iter().filter(|one| one.kind == kind).take(NAMED);
        let before = lines.len();
        lines.extend(told.map(|one| {
            let (what, was) = named(one, all);
            format!("{what} {was} left out: {}", one.why)
        }));
        match all.left_out_of(kind).saturating_sub((lines.len() - before) as u64) {
            0 => {}
            1 => lines.push(format!("1 more {what} was left out, too")),
            more => lines.push(format!("{more} more {what}s were left out, too")),
        }
    }
    lines
}

/// What it is, and the verb that goes with it.
fn named(one: &LeftOut, all: &Collected) -> (String, &'static str) {
    let (what, several, here) = match one.kind {
        Kind::Report => ("the report ", "reports", all.reports.len()),
        Kind::Artifact => ("the artifact ", "artifacts", all.artifacts.len()),
        Kind::Download => ("", "downloaded files", all.downloads.len()),
    };
    if !one.path.as_os_str().is_empty() {
        return (format!("{what}`{}`", one.path.display()), "was");
    }
    // What was whole by then is here.
    let rest = if here > 0 { "the rest of the " } else { "the " };
    (format!("{rest}{several}"), "were")
}

fn where_they_are(files: &[Brought], what: &str) -> String {
    let size = human::bytes(files.iter().map(|file| file.bytes).sum());
    let count = human::count(files.len() as u64, what);
    let shown: Vec<String> = if files.len() <= FEW {
        files.iter().map(|file| shown(&file.local)).collect()
    } else {
        vec![shown(&folder_of_all(files))]
    };
    format!("{count} ({size}): {}", shown.join(", "))
}

/// The innermost folder that holds them all.
fn folder_of_all(files: &[Brought]) -> std::path::PathBuf {
    let mut folders = files.iter().filter_map(|file| file.local.parent());
    let first = folders.next().unwrap_or(Path::new("")).to_owned();
    folders.fold(first, |common, folder| {
        let both = common.components().zip(folder.components());
        both.take_while(|(one, other)| one == other).map(|(one, _)| one).collect()
    })
}

/// Seen from here, where that is shorter.
fn shown(path: &Path) -> String {
    let here = env::current_dir().unwrap_or_default();
    let path = path.strip_prefix(&here).unwrap_or(path);
    format!("`{}`", path.display())
}

/// For machines.
pub(in crate::cli) fn to_json(all: &Collected) -> Value {
    let files = |files: &[Brought]| -> Vec<Value> {
        let file = |file: &Brought| {
            json!({
                "path": file.path.to_string_lossy(),
                "local_path": file.local.to_string_lossy(),
                "bytes": file.bytes,
                "digest": file.digest,
            })
        };
        files.iter().map(file).collect()
    };
    let left_out = all
        .left_out
        .iter()
        .map(|one| json!({ "kind": one.kind, "path": one.path.to_string_lossy(), "why": one.why }));
    let matched = all.matched.iter().filter(|one| one.kind == Kind::Artifact);
    json!({
        "files": files(&all.artifacts),
        "downloads": files(&all.downloads),
        "left_out": left_out.collect::<Vec<_>>(),
        "left_out_count": all.left_out_count(),
        "matched": matched
            .map(|one| json!({ "glob": one.glob, "files": one.files }))
            .collect::<Vec<_>>(),
        "missing": all.missing,
        "broke_off": all.broke_off,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[test]
    fn a_few_of_each_kind_are_named() {
        let mut all = Collected::default();
        let why = "it is no file";
        for at in 0..5 {
            let path = PathBuf::from(format!("{at}.xml"));
            all.leave_out(LeftOut { kind: Kind::Report, path, why: why.to_owned() });
        }
        for path in ["a", "b", "c", "d"] {
            let path = PathBuf::from(path);
            all.leave_out(LeftOut { kind: Kind::Artifact, path, why: why.to_owned() });
        }
        let expected = [
            "the report `0.xml` was left out: it is no file",
            "the report `1.xml` was left out: it is no file",
            "the report `2.xml` was left out: it is no file",
            "2 more reports were left out, too",
            "the artifact `a` was left out: it is no file",
            "the artifact `b` was left out: it is no file",
            "the artifact `c` was left out: it is no file",
            "1 more artifact was left out, too",
        ];
        assert_eq!(left_out(&all), expected);
    }

    #[test]
    fn there_is_a_rest_only_of_what_is_here() {
        let of = |kind, path: &str| LeftOut { kind, path: PathBuf::from(path), why: String::new() };
        let mut all = Collected::default();
        let said = |one: &LeftOut, all: &Collected| {
            let (what, was) = named(one, all);
            format!("{what} {was}")
        };
        let artifacts = of(Kind::Artifact, "");
        assert_eq!(said(&artifacts, &all), "the artifacts were");
        assert_eq!(said(&of(Kind::Report, ""), &all), "the reports were");
        assert_eq!(said(&of(Kind::Artifact, "a"), &all), "the artifact `a` was");
        assert_eq!(said(&of(Kind::Download, "a"), &all), "`a` was");
        all.artifacts.push(Brought {
            at: 0,
            path: PathBuf::from("b"),
            local: PathBuf::from("b"),
            bytes: 0,
            digest: crabbox_wire::tree::Hash::of(b""),
        });
        assert_eq!(said(&artifacts, &all), "the rest of the artifacts were");
        assert_eq!(said(&of(Kind::Download, ""), &all), "the downloaded files were");
    }
}
