//! A large file to a box and back, beside `scp` over the very same connection.

use crate::figures::{Figures, time};
use crate::ssh::{Site, turns};
use crate::table::Table;
use crabbox_tests::Built;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

const ROUNDS: usize = 3;

/// In MiB, where `CRABBOX_BENCH_COPY_MIB` doesn't say how large it is.
const SIZE: u64 = 1024;

pub(crate) fn measure(crabbox: &Path, _: &Built, table: &mut Table) {
    let mib = std::env::var("CRABBOX_BENCH_COPY_MIB").ok().and_then(|text| text.parse().ok());
    for rtt in turns() {
        let Some(site) = Site::new(1, rtt, crabbox) else { return };
        site.warm_up();
        both_ways(&site, mib.unwrap_or(SIZE), table);
    }
}

fn both_ways(site: &Site<'_>, mib: u64, table: &mut Table) {
    let root = site.reached.world.root();
    let source = root.join("large");
    fill(&source, mib << 20).expect("there is room");
    let scp = scp(site);
    if scp.is_none() {
        println!("skipped: there is no scp to hold cp against");
    }
    for (way, there) in [("to", true), ("from", false)] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // Each to a name of its own, and nothing is removed before all are done.
            let target = root.join(format!("{way}-{round}"));
            if let Some(scp) = &scp {
                let target = target.with_extension("scp");
                theirs.push(time(&mut beside(scp, there, &source, &target)));
                assert_same_length(&source, &target);
            }
            ours.push(time(&mut cp(site, there, &source, &target)));
            assert_same_length(&source, &target);
        }
        let what = |who: &str| site.named(&format!("{who} of {mib} MiB {way} a box"));
        let ours = Figures::of(ours);
        if theirs.is_empty() {
            table.baseline(&what("cp"), &ours);
        } else {
            let theirs = Figures::of(theirs);
            table.baseline(&what("scp"), &theirs);
            table.ratio(&what("cp"), &ours, "scp over the same connection", &theirs);
        }
        for round in 0..ROUNDS {
            for name in [format!("{way}-{round}"), format!("{way}-{round}.scp")] {
                let _ = fs::remove_file(root.join(name));
            }
        }
    }
    let _ = fs::remove_file(source);
}

fn cp(site: &Site<'_>, there: bool, source: &Path, target: &Path) -> Command {
    let far = |path: &Path| format!("@last:{}", path.display());
    let near = |path: &Path| path.display().to_string();
    let ends = if there { [near(source), far(target)] } else { [far(source), near(target)] };
    site.crabbox(&["cp", "-q", &ends[0], &ends[1]])
}

/// What compresses as little as a video: neither of the two has an easy way out.
fn fill(path: &Path, bytes: u64) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..bytes / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes())?;
    }
    file.flush()
}

/// `scp` over the connection that crabbox has, if there is one.
fn scp(site: &Site<'_>) -> Option<Vec<String>> {
    Command::new("scp").stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    let socket = site.reached.connections()[0].join("0").display().to_string();
    let path = format!("ControlPath={socket}");
    let words = ["scp", "-q", "-F", "none", "-o", "ControlMaster=no", "-o", "ProxyCommand=false"];
    Some(words.into_iter().chain(["-o", &path]).map(str::to_owned).collect())
}

fn beside(scp: &[String], there: bool, source: &Path, target: &Path) -> Command {
    let mut command = Command::new(&scp[0]);
    command.args(&scp[1..]).stdin(Stdio::null());
    let far = |path: &Path| format!("box:{}", path.display());
    if there {
        command.arg(source).arg(far(target));
    } else {
        command.arg(far(source)).arg(target);
    }
    command
}

fn assert_same_length(one: &Path, other: &Path) {
    let length = |path: &Path| fs::metadata(path).map(|found| found.len()).expect("a file");
    assert_eq!(length(one), length(other), "{}", other.display());
}
