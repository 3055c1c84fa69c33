//! Somebody who sits at a terminal: sees what a command shows there, and types when it is time to.

use crate::until;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// A pseudo-terminal.
#[derive(Debug)]
pub struct Pty {
    /// The side of whoever types.
    pub master: File,
    /// The side of a command.
    pub slave: File,
    /// The path of that.
    pub name: String,
}

impl Pty {
    /// Makes one, which nobody is at.
    #[must_use]
    pub fn open() -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).expect("a terminal");
        grantpt(&master).expect("a terminal");
        unlockpt(&master).expect("a terminal");
        let name = ptsname(&master, Vec::new()).expect("a name").into_string().expect("text");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(&name, flags, Mode::empty()).expect("a terminal");
        Self { master: master.into(), slave: slave.into(), name }
    }

    /// How large it is from now on.
    pub fn resize(&self, columns: u16, rows: u16) {
        resize(&self.master, columns, rows);
    }
}

fn resize(master: &File, columns: u16, rows: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).expect("a terminal");
}

/// The same command, started by these words, without the environment of the test.
#[must_use]
pub fn led_by(words: &[&str], command: &Command) -> Command {
    let mut led = Command::new(words[0]);
    led.args(&words[1..]).arg(command.get_program()).args(command.get_args()).env_clear();
    led.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        led.current_dir(folder);
    }
    led
}

/// A command at a terminal of its own, and who sits there.
#[derive(Debug)]
pub struct Typist {
    child: Child,
    master: File,
    /// The path of the terminal.
    pub terminal: String,
    shown: Arc<Mutex<Vec<u8>>>,
    watching: Option<JoinHandle<()>>,
    /// How much of what was shown has been read.
    read: usize,
}

/// What there was to see, and how it ended.
#[derive(Debug)]
pub struct Left {
    /// The exit code.
    pub code: Option<i32>,
    /// All that was shown.
    pub shown: String,
}

impl Typist {
    /// Starts the command at a terminal of 100 columns and 30 rows. Its environment is what was set for it.
    #[must_use]
    pub fn before(command: &Command) -> Self {
        Self::on(command, 100, 30)
    }

    /// The same at one of another size.
    #[must_use]
    pub fn on(command: &Command, columns: u16, rows: u16) -> Self {
        let pty = Pty::open();
        pty.resize(columns, rows);
        let Pty { master, slave, name } = pty;
        let mut led = led_by(&["setsid", "--ctty"], command);
        let copy = || Stdio::from(slave.try_clone().expect("a copy"));
        let child = led.stdin(copy()).stdout(copy()).stderr(copy()).spawn().expect("it starts");
        let shown = Arc::default();
        let (screen, into) = (master.try_clone().expect("a copy"), Arc::clone(&shown));
        let watching = Some(thread::spawn(move || watch(screen, &into)));
        Self { child, master, terminal: name, shown, watching, read: 0 }
    }

    /// Waits until that is shown, after all that was waited for before.
    pub fn reads(&mut self, text: &str) {
        let mut at = None;
        let shown = Arc::clone(&self.shown);
        let from = self.read;
        until_shown(text, &shown, || {
            let shown = lock(&shown);
            let found = shown[from..].windows(text.len()).position(|part| part == text.as_bytes());
            at = found.map(|found| from + found + text.len());
            at.is_some()
        });
        self.read = at.unwrap_or(from);
    }

    /// What there is to see by now.
    #[must_use]
    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&lock(&self.shown)).into_owned()
    }

    /// Types that.
    pub fn types(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("a terminal");
    }

    /// Pulls at the window's corner.
    pub fn resizes(&self, columns: u16, rows: u16) {
        resize(&self.master, columns, rows);
    }

    /// Waits for the command's end, and until nobody has the terminal any more.
    #[must_use]
    pub fn leaves(mut self) -> Left {
        let mut code = None;
        let shown = Arc::clone(&self.shown);
        until_shown("the end", &shown, || {
            code = self.child.try_wait().expect("waits");
            code.is_some()
        });
        let watching = self.watching.take();
        until_shown("the last who has the terminal", &shown, || {
            watching.as_ref().is_none_or(JoinHandle::is_finished)
        });
        Left { code: code.and_then(|status| status.code()), shown: self.shown() }
    }
}

/// A test that fails before its end leaves nothing that waits for somebody to type.
impl Drop for Typist {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// A terminal ends with an error when the last who had it is gone.
fn watch(mut screen: File, shown: &Mutex<Vec<u8>>) {
    let mut some = [0; 4096];
    while let Ok(count @ 1..) = screen.read(&mut some) {
        lock(shown).extend(&some[..count]);
    }
}

fn lock(shown: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As [`until`], with what there is to see when it never comes.
fn until_shown(what: &str, shown: &Mutex<Vec<u8>>, is_so: impl FnMut() -> bool) {
    struct Tell<'a>(&'a Mutex<Vec<u8>>);
    impl Drop for Tell<'_> {
        fn drop(&mut self) {
            if thread::panicking() {
                let shown = String::from_utf8_lossy(&lock(self.0)).into_owned();
                let _ = writeln!(std::io::stderr(), "the terminal shows:\n{shown}");
            }
        }
    }
    let _tell = Tell(shown);
    until(what, is_so);
}
