//! Starts a program that the kernel ends with this process, however that ends.

#![expect(unsafe_code, reason = "std has no other way to a step before `exec`, nor to this `exec`")]

use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
use std::ffi::{CString, OsStr, c_char};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::ptr;

unsafe extern "C" {
    fn execve(
        path: *const c_char,
        arguments: *const *const c_char,
        environment: *const *const c_char,
    ) -> i32;
}

/// Starts the command. Its program is a path, and its environment what is set in it, and no more. The
/// kernel watches the *thread* that starts it: to be called on the main thread.
pub(crate) fn spawn_bound(command: &mut Command) -> io::Result<Child> {
    let image = Image::of(command)?;
    let keeper = getpid();
    let steps = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have died before the kernel was asked to watch it.
        if getppid() != Some(keeper) {
            return Err(io::Error::from_raw_os_error(rustix::io::Errno::SRCH.raw_os_error()));
        }
        Err(image.become_it())
    };
    // SAFETY: the steps run in the child between `fork` and `exec`, where other threads' locks may
    // be held for ever: they are system calls, without allocation or lock.
    unsafe {
        command.pre_exec(steps);
    }
    command.spawn()
}

/// What a process becomes. The way of std, `execvp`, has a shell read a file that is no program.
struct Image {
    path: CString,
    arguments: Pointers,
    environment: Pointers,
}

impl Image {
    fn of(command: &Command) -> io::Result<Self> {
        let text = |bytes: &[u8]| CString::new(bytes).map_err(io::Error::from);
        let words = [command.get_program()].into_iter().chain(command.get_args());
        let set = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
        let set = set.map(|(name, value)| [name, OsStr::new("="), value].map(OsStr::as_bytes));
        Ok(Self {
            path: text(command.get_program().as_bytes())?,
            arguments: Pointers::to(
                words.map(|word| text(word.as_bytes())).collect::<Result<_, _>>()?,
            ),
            environment: Pointers::to(
                set.map(|set| text(&set.concat())).collect::<Result<_, _>>()?,
            ),
        })
    }

    /// Returns only with an error.
    fn become_it(&self) -> io::Error {
        let (arguments, environment) = (&self.arguments.list, &self.environment.list);
        // SAFETY: all of it lives as long as `self`, each text ends with a zero, and each list with a null.
        unsafe { execve(self.path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
        io::Error::last_os_error()
    }
}

/// A list as C wants it.
struct Pointers {
    list: Vec<*const c_char>,
    /// What they point to.
    _texts: Vec<CString>,
}

impl Pointers {
    fn to(texts: Vec<CString>) -> Self {
        let ends = [ptr::null()];
        let list = texts.iter().map(|text| text.as_ptr()).chain(ends).collect();
        Self { list, _texts: texts }
    }
}

// SAFETY: they point into texts that move along with them and never change.
unsafe impl Send for Pointers {}
// SAFETY: as above.
unsafe impl Sync for Pointers {}
