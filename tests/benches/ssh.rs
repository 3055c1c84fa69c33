//! Boxes behind an ssh server, beside what the stock client, rsync and tar take over the same line: OpenSSH's own
//! server at the other end of a line that takes 0, 40 and 80 ms there and back.

use crate::figures::{Figures, in_turn, time};
use crate::output::drain;
use crate::table::Table;
use crate::worlds::fill;
use crabbox_tests::ssh::{Reached, Server};
use crabbox_tests::{Built, Ran};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const ROUNDS: usize = 9;
/// Of logins, which take the same machine now 120 and now 150 ms.
const LOGINS: usize = 31;

/// A turn of the line, in ms: what `CRABBOX_BENCH_RTT` says, as in `0,80`, or all three.
pub(crate) fn turns() -> Vec<u64> {
    let wanted = std::env::var("CRABBOX_BENCH_RTT").unwrap_or_else(|_| "0,40,80".to_owned());
    wanted.split(',').map(|turn| turn.parse().expect("CRABBOX_BENCH_RTT is a list of ms")).collect()
}

/// What a warm run may ask of the line: connections, commands, turns with the last words that nobody waits for.
const CONNECTIONS: u64 = 0;
const EXECS: u64 = 1;
const ROUND_TRIPS: u64 = 4;

const RUN: [&str; 4] = ["run", "-q", "--", "true"];

/// At one end of the line.
pub(crate) struct Site<'a> {
    pub(crate) reached: Reached,
    crabbox: &'a Path,
    rtt: u64,
}

impl<'a> Site<'a> {
    pub(crate) fn new(files: usize, rtt: u64, crabbox: &'a Path) -> Option<Self> {
        let line = |host: crabbox_tests::ssh::SshHostBuilder| host.rtt(Duration::from_millis(rtt));
        let reached = Reached::around(fill(files), Server::OpenSsh, line)?;
        Some(Self { reached, crabbox, rtt })
    }

    pub(crate) fn crabbox(&self, words: &[&str]) -> Command {
        let mut crabbox = self.reached.dress(self.reached.world.command_of(self.crabbox, words));
        // As of every provider that is delivered with crabbox, none has to be asked before a cold run.
        crabbox.env("CRABBOX_ROUTE_IMMUTABLE", "true");
        crabbox
    }

    pub(crate) fn warm_up(&self) {
        time(&mut self.crabbox(&["warmup", "-q"]));
        // What changed in the last two seconds is read again: let it settle.
        std::thread::sleep(Duration::from_millis(2500));
    }

    /// The stock client over the connection that crabbox has.
    fn over_warm(&self) -> Vec<String> {
        let socket = self.reached.connections()[0].join("0").display().to_string();
        ["ssh", "-F", "none", "-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-S", &socket]
            .map(str::to_owned)
            .to_vec()
    }

    fn warm_ssh(&self, command: &str) -> Command {
        let words = self.over_warm();
        let mut ssh = Command::new(&words[0]);
        ssh.args(&words[1..]).args(["box", command]).stdin(Stdio::null());
        ssh
    }

    fn cold_ssh(&self) -> Command {
        let mut ssh = self.reached.host.ssh();
        ssh.args(["-S", "none", self.reached.host.alias(), "true"]);
        ssh
    }

    fn end_connection(&self) {
        let socket = self.reached.connections()[0].join("0");
        let mut exit = Command::new("ssh");
        exit.arg("-S").arg(socket).args(["-O", "exit", "box"]);
        time(&mut exit);
    }

    fn rsync(&self, target: &Path) -> Command {
        let mut rsync = Command::new("rsync");
        rsync
            .args(["-az", "--delete", "--exclude=/.git", "-e", &self.over_warm().join(" "), "./"])
            .arg(format!("box:{}/", target.display()))
            .current_dir(self.reached.world.checkout());
        rsync
    }

    fn tar(&self, target: &Path) -> Command {
        let there = format!("zstd -qd | tar -C {} -xf -", target.display());
        let alias = self.reached.host.alias();
        let here = "git ls-files -z | tar --null -T - -cf - | zstd -q -3";
        let line = format!("{here} | ssh \"$@\" -S none {alias} '{there}'");
        let mut sh = Command::new("sh");
        sh.args(["-c", &line, "sh"]).args(self.reached.host.ssh().get_args());
        sh.current_dir(self.reached.world.checkout());
        sh
    }

    pub(crate) fn named(&self, what: &str) -> String {
        format!("{what}, RTT {} ms", self.rtt)
    }
}

pub(crate) fn measure(crabbox: &Path, _: &Built, table: &mut Table) {
    for rtt in turns() {
        let Some(site) = Site::new(100, rtt, crabbox) else { return };
        site.warm_up();
        let bare = small(&site, table);
        let Some(site) = Site::new(20_000, rtt, crabbox) else { return };
        site.warm_up();
        large(&site, &bare, table);
        if rtt == 0 {
            output(&site, table);
        }
    }
}

/// First syncs, in the topic of their own that they take as long as all else for.
pub(crate) fn measure_first(crabbox: &Path, _: &Built, table: &mut Table) {
    // Kept to the end: for minutes after a large removal ext4 makes files ten times slower.
    let mut sites = Vec::new();
    for rtt in turns() {
        let Some(site) = Site::new(20_000, rtt, crabbox) else { return };
        site.warm_up();
        first(&site, table);
        sites.push(site);
    }
}

/// 100 files: what a run costs beside the bare client, and beside rsync.
fn small(site: &Site<'_>, table: &mut Table) -> Figures {
    let target = site.reached.home().join("rsync");
    fs::create_dir(&target).expect("a folder");
    time(&mut site.rsync(&target));
    let mut count = 0;
    let mut changed = || {
        count += 1;
        site.reached.world.write("d1/f1", &format!("{count}"));
        time(&mut site.crabbox(&RUN))
    };
    let [bare, run, changed, rsync] = in_turn(
        ROUNDS,
        [
            &mut || time(&mut site.warm_ssh("true")),
            &mut || time(&mut site.crabbox(&RUN)),
            &mut changed,
            &mut || time(&mut site.rsync(&target)) + time(&mut site.warm_ssh("true")),
        ],
    );
    table.baseline(&site.named("warm ssh box true"), &bare);
    table.ratio(&site.named("warm run -- true, 100 files"), &run, "warm ssh", &bare);
    table.ratio(&site.named("warm run, 1 of 100 files changed"), &changed, "unchanged", &run);
    table.ratio("the unchanged run", &run, "rsync -az --delete, then ssh true", &rsync);
    counts(site, table);
    let [bare_cold, cold] = in_turn(
        LOGINS,
        [
            &mut || {
                rest();
                time(&mut site.cold_ssh())
            },
            &mut || {
                site.end_connection();
                rest();
                time(&mut site.crabbox(&RUN))
            },
        ],
    );
    table.baseline(&site.named("cold ssh box true"), &bare_cold);
    table.ratio(&site.named("cold run -- true, 100 files"), &cold, "cold ssh", &bare_cold);
    bare
}

/// Until what served the connection before is gone: it would take its time from what is measured.
fn rest() {
    std::thread::sleep(Duration::from_millis(200));
}

fn counts(site: &Site<'_>, table: &mut Table) {
    let before = site.reached.host.counts();
    let ran = Ran::of(&mut site.crabbox(&RUN));
    assert_eq!(ran.code, 0, "{ran:?}");
    let after = site.reached.host.counts();
    let mut count = |what: &str, more: usize, budget| {
        table.count(&site.named(what), Some(more as u64), budget);
    };
    count("new connections of a warm run", after.connections - before.connections, CONNECTIONS);
    count("commands of a warm run", after.execs - before.execs, EXECS);
    count("turns of a warm run, with the last word", after.turns - before.turns, ROUND_TRIPS);
}

/// 20,000 files that stand on the box.
fn large(site: &Site<'_>, bare: &Figures, table: &mut Table) {
    let mut count = 0;
    let mut changed = || {
        count += 1;
        site.reached.world.write("d1/f1", &format!("{count}"));
        time(&mut site.crabbox(&RUN))
    };
    let [run, changed] = in_turn(ROUNDS, [&mut || time(&mut site.crabbox(&RUN)), &mut changed]);
    table.ratio(&site.named("warm run -- true, 20,000 files"), &run, "warm ssh", bare);
    table.ratio(&site.named("warm run, 1 of 20,000 changed"), &changed, "unchanged", &run);
}

/// 20,000 files that have to get there. Each goes to a place of its own and nothing is removed between
/// them: a file system works on after a large removal, for seconds. What the one before wrote is on the disk
/// before the next begins, or that one would pay for it.
///
/// `tar` makes a connection as the run does. `rsync` rides one, as does the run on a box that has held nothing but an empty
/// folder so far.
fn first(site: &Site<'_>, table: &mut Table) {
    const ROUNDS: usize = 5;
    let place = |name: &str| -> PathBuf {
        let names = (0..).map(|round| site.reached.home().join(format!("{name}-{round}")));
        let path = names.into_iter().find(|path| !path.exists()).expect("a name that is free");
        fs::create_dir(&path).expect("a folder");
        time(&mut Command::new("sync"));
        path
    };
    let empty = site.reached.world.root().join("empty");
    fs::create_dir(&empty).expect("a folder");
    let empty = empty.display().to_string();
    let [tar, rsync, ours, warm] = in_turn(
        ROUNDS,
        [
            &mut || time(&mut site.tar(&place("tar"))),
            &mut || time(&mut site.rsync(&place("rsynced"))),
            &mut || {
                let mut run = site.crabbox(&["run", "-q", "--fresh", "--", "true"]);
                time(run.env("CRABBOX_ROUTE_WORK_ROOT", place("ours")))
            },
            &mut || {
                let root = place("warm");
                let reach = ["run", "-q", "--fresh", "--keep", "--from-dir", &empty, "--", "true"];
                time(site.crabbox(&reach).env("CRABBOX_ROUTE_WORK_ROOT", &root));
                let mut run = site.crabbox(&["run", "-q", "--id", "@last", "--", "true"]);
                time(run.env("CRABBOX_ROUTE_WORK_ROOT", &root))
            },
        ],
    );
    table.baseline(&site.named("tar | zstd -3 | ssh tar -x, 20,000 files, 200 MB"), &tar);
    let what = site.named("first run -- true, the same files");
    table.ratio(&what, &ours, "tar | zstd | ssh", &tar);
    table.ratio("the same", &ours, "rsync -az over a warm connection", &rsync);
    let what = site.named("first sync over a warm connection, the same files");
    table.ratio(&what, &warm, "rsync -az over one", &rsync);
}

fn output(site: &Site<'_>, table: &mut Table) {
    const LINE: &str = "head -c 1073741824 /dev/zero";
    let (mut plain, mut ours, mut host) = (Vec::new(), Vec::new(), 0);
    for _ in 0..3 {
        plain.push(drain(&mut site.warm_ssh(LINE)).0);
        let (took, peaks) = drain(&mut site.crabbox(&["run", "-q", "--shell", LINE]));
        ours.push(took);
        host = host.max(peaks.host);
    }
    let (plain, ours) = (Figures::of(plain), Figures::of(ours));
    table.baseline("warm ssh box 'head -c 1G /dev/zero'", &plain);
    table.ratio("warm run of 1 GiB of output over ssh", &ours, "warm ssh", &plain);
    table.count("peak memory of the host over ssh, KiB", Some(host), crate::output::HOST);
}
