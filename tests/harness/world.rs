//! One temporary home, state, checkout and provider folder for each test.

use crate::{built, settle};
use rustix::fs::StatVfsMountFlags;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A world of its own.
#[derive(Debug)]
pub struct World {
    folder: tempfile::TempDir,
    /// Where its checkout is.
    checkout: &'static str,
}

/// Where programs may wait for no disk.
const MEMORY: &str = "/dev/shm";

/// So much has to be free there, in bytes.
const ROOM: u64 = 2 * 1024 * 1024 * 1024;

static ON_DISK: AtomicBool = AtomicBool::new(false);

/// From now on each world is where temporary files usually are: for measurements, to which the disk belongs.
pub fn on_disk() {
    ON_DISK.store(true, Ordering::Relaxed);
}

/// In memory where that can be had: half of what a test waits for is the disk, and nothing that a test can see depends
/// on what a power cut leaves.
fn folder() -> tempfile::TempDir {
    let asked = std::env::var_os("TMPDIR").is_some() || ON_DISK.load(Ordering::Relaxed);
    let is_fit = || {
        let found = rustix::fs::statvfs(MEMORY).ok()?;
        let runs = !found.f_flag.contains(StatVfsMountFlags::NOEXEC);
        Some(runs && found.f_bavail.saturating_mul(found.f_frsize) >= ROOM)
    };
    let made = if !asked && is_fit() == Some(true) {
        tempfile::tempdir_in(MEMORY)
    } else {
        tempfile::tempdir()
    };
    made.expect("a temporary folder")
}

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Ran {
    /// Runs a command to its end.
    #[must_use]
    pub fn of(command: &mut Command) -> Self {
        Self::from(command.output().expect("the command runs"))
    }

    /// Everything at once, for a snapshot: what differs from run to run is replaced.
    #[must_use]
    pub fn snapshot(&self, world: &World) -> String {
        let text =
            format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.code, self.stdout, self.stderr);
        let text = text.replace(&world.root().display().to_string(), "[WORLD]");
        settle(&text)
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// With a git checkout that holds one committed file, `hello.txt`.
    #[must_use]
    pub fn new() -> Self {
        Self::with_checkout("checkout")
    }

    /// The same with the checkout in this folder of the world; its home is `home`.
    #[must_use]
    pub fn with_checkout(checkout: &'static str) -> Self {
        let world = Self { folder: folder(), checkout };
        fs::create_dir_all(world.checkout()).expect("a folder");
        fs::create_dir_all(world.root().join("home")).expect("a folder");
        world.write("hello.txt", "hello\n");
        world.git(&["init", "-q", "-b", "main"]);
        world.commit();
        world
    }

    /// The folder of everything.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The checkout.
    #[must_use]
    pub fn checkout(&self) -> PathBuf {
        self.root().join(self.checkout)
    }

    /// Writes a file of the checkout.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.checkout().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    /// The claims, as `list` shows them with these options, the oldest first.
    #[must_use]
    pub fn leases(&self, more: &[&str]) -> Vec<Value> {
        let list = self.crabbox(&[&["list", "--json"], more].concat());
        let list: Value = serde_json::from_str(&list.stdout).unwrap_or_else(|_| panic!("{list:?}"));
        let mut leases = list["leases"].as_array().expect("a list").clone();
        leases.sort_by_key(|lease| lease["created"].as_str().expect("a time").to_owned());
        leases
    }

    /// The slug of the only claim that isn't over.
    #[must_use]
    pub fn only_slug(&self) -> String {
        let leases = self.leases(&[]);
        assert_eq!(leases.len(), 1, "{leases:?}");
        leases[0]["slug"].as_str().expect("a slug").to_owned()
    }

    /// Writes the user's configuration.
    pub fn configure(&self, text: &str) {
        let folder = self.root().join("config/crabbox");
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("config.toml"), text).expect("a file");
    }

    /// Writes the machine's configuration. `false`, and a line that says so, where that can't be
    /// root's.
    #[must_use]
    pub fn configure_machine(&self, text: &str) -> bool {
        if !rustix::process::geteuid().is_root() {
            let mut stderr = std::io::stderr();
            let _ = writeln!(stderr, "skipped: the machine's configuration must be root's");
            return false;
        }
        let folder = self.root().join("etc");
        fs::create_dir_all(&folder).expect("a folder");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("a mode");
        let file = folder.join("config.toml");
        fs::write(&file, text).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("a mode");
        true
    }

    /// Commits everything.
    pub fn commit(&self) {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "a commit"]);
    }

    /// Runs git in the checkout.
    pub fn git(&self, arguments: &[&str]) {
        let status = Command::new("git")
            .current_dir(self.checkout())
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org"])
            .args(arguments)
            .status()
            .expect("git runs");
        assert!(status.success(), "git {arguments:?}");
    }

    /// Crabbox in the checkout, in this world's environment.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_of(&built().crabbox, arguments)
    }

    /// The same with another build of it.
    #[must_use]
    pub fn command_of(&self, crabbox: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(crabbox);
        command
            .args(arguments)
            .current_dir(self.checkout())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.root().join("home"))
            .env("XDG_DATA_HOME", self.root().join("data"))
            .env("XDG_STATE_HOME", self.root().join("state"))
            .env("XDG_CACHE_HOME", self.root().join("cache"))
            .env("XDG_CONFIG_HOME", self.root().join("config"))
            .env("CRABBOX_SYSTEM_DIR", self.root().join("etc"))
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    #[must_use]
    pub fn crabbox(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Runs a line of shell on a box.
    #[must_use]
    pub fn shell(&self, line: &str) -> Ran {
        self.crabbox(&["run", "--shell", line])
    }

    /// The same as user 65534, who has no rights of root; this world is theirs from then on.
    /// `None`, and a line that says so, where this user can't become another.
    #[must_use]
    pub fn command_of_nobody(&self, arguments: &[&str]) -> Option<Command> {
        const NOBODY: u32 = 65534;
        if !rustix::process::geteuid().is_root() {
            let mut stderr = std::io::stderr();
            let _ = writeln!(stderr, "skipped: only root can become another user");
            return None;
        }
        // The program may lie where nobody else may look.
        let program = self.root().join("program");
        fs::create_dir_all(&program).expect("a folder");
        let shipped = built().crabbox.parent().expect("a folder");
        for name in ["crabbox", "libcrabbox_provider_local.so"] {
            if !program.join(name).exists() {
                fs::copy(shipped.join(name), program.join(name)).expect("a copy");
            }
        }
        let owner = NOBODY.to_string();
        let mut chown = Command::new("chown");
        chown.args(["-R", &format!("{owner}:{owner}")]).arg(self.root());
        assert!(chown.status().expect("chown runs").success());
        let mut command = self.command_of(Path::new("setpriv"), &["--reuid", &owner]);
        command
            .args(["--regid", &owner, "--clear-groups"])
            .arg(program.join("crabbox"))
            .args(arguments);
        Some(command)
    }

    /// The boxes on this machine, and what is left of some.
    #[must_use]
    pub fn boxes(&self) -> Vec<PathBuf> {
        let Ok(boxes) = fs::read_dir(self.root().join("data/crabbox/local")) else {
            return Vec::new();
        };
        // One file isn't a box: it says which folder that is.
        boxes.map(|entry| entry.expect("a box").path()).filter(|path| path.is_dir()).collect()
    }

    /// The folder of the only box on this machine.
    #[must_use]
    pub fn only_box(&self) -> PathBuf {
        let mut boxes = self.boxes();
        assert_eq!(boxes.len(), 1, "{boxes:?}");
        boxes.remove(0)
    }

    /// The workspace on it.
    #[must_use]
    pub fn workspace(&self) -> PathBuf {
        fs::read_dir(self.only_box())
            .expect("a box")
            .map(|entry| entry.expect("an entry").path())
            .find(|path| !path.ends_with(".crabbox"))
            .expect("a workspace")
    }

    /// An executable of this world, copied from a file. Another process makes it: one that is open
    /// for writing here would be busy for as long as any child of another test holds it, too.
    #[must_use]
    pub fn executable(&self, name: &str, from: &Path) -> PathBuf {
        let copy = self.root().join(name);
        let mut install = Command::new("install");
        let status = install.args(["-D", "-m", "755"]).arg(from).arg(&copy).status();
        assert!(status.expect("install runs").success(), "{name}");
        copy
    }

    /// A folder for `--provider-path` with one of the built providers in it.
    #[must_use]
    pub fn provider_path(&self, package: &str) -> PathBuf {
        let library = &built().providers[package];
        let name = library.file_name().expect("a name").to_string_lossy();
        self.put_provider(&name, &fs::read(library).expect("it is built"))
    }

    /// The same folder, with this file in it.
    #[must_use]
    pub fn put_provider(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let folder = self.root().join("providers");
        fs::create_dir_all(&folder).expect("a folder");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("a mode");
        let file = folder.join(name);
        fs::write(&file, bytes).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a mode");
        folder
    }
}

impl World {
    /// The process that lets go of boxes in time, if one lives for this world's claims.
    #[must_use]
    pub fn caretaker(&self) -> Option<Pid> {
        caretaker(&self.root().join("state/crabbox"))
    }
}

/// Nothing of a world outlives it.
impl Drop for World {
    fn drop(&mut self) {
        let Some(caretaker) = self.caretaker() else {
            return;
        };
        let _ = kill_process(caretaker, Signal::KILL);
        // Not for ever, and without a panic: the test may be in one already.
        for _ in 0..1000 {
            if self.caretaker().is_none() {
                break;
            }
            sleep(Duration::from_millis(5));
        }
    }
}

/// The one that holds the lock of this state folder.
fn caretaker(state: &Path) -> Option<Pid> {
    let lock = fs::File::open(state.join("caretaker.lock")).ok()?;
    match lock.try_lock_shared() {
        Err(fs::TryLockError::WouldBlock) => {
            let id = fs::read_to_string(state.join("caretaker.lock")).ok()?;
            Pid::from_raw(id.parse().ok()?)
        }
        _ => None,
    }
}

/// The most memory that a process and its children have had resident so far, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Peaks {
    /// The process itself.
    pub host: u64,
    /// The largest of its children.
    pub children: u64,
}

impl Peaks {
    /// Looks again.
    pub fn look(&mut self, id: u32) {
        self.host = self.host.max(peak(id));
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        // A process starts its children from any of its threads; a run's first is the main one's.
        let children = children.unwrap_or_default();
        let peaks = children.split_whitespace().filter_map(|id| id.parse().ok()).map(peak);
        self.children = self.children.max(peaks.max().unwrap_or(0));
    }
}

fn peak(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(0)
}

/// How much larger than in CI repeated counts are: `CRABBOX_TEST_SCALE`, 1 if it isn't set.
#[must_use]
pub fn scale() -> usize {
    std::env::var("CRABBOX_TEST_SCALE").map_or(1, |scale| scale.parse().unwrap_or(1))
}

/// Waits for something that will happen, for as long as a busy machine may take.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        let asked = Instant::now();
        if is_so() {
            return;
        }
        assert!(asked < end, "never came: {what}");
        // Some ask a program: asking mustn't be what the machine is busy with.
        sleep(Duration::from_millis(5).max(4 * asked.elapsed()));
    }
}
