//! Gets the remote helper to run on a box: one script in the command line, and
//! one more round trip the first time.
//!
//! The script passes through login shells of all kinds, so it holds no single
//! quote, newline, `!` or backslash. It runs the helper where a folder has it;
//! else it says so, receives the executable, lets it check itself, and runs it. A folder
//! that turns out to be noexec, read-only or full is skipped by a second try.
//!
//! What lies there under the helper's name isn't read again in each session: that would cost more than the session
//! itself. One that is cut short or damaged ends without a greeting, and is brought anew. One that somebody has put there who
//! can write in a folder that is the user's alone is none of our business: they could as well exchange the shell.

use super::error::{Noise, TransportError, join};
use super::helpers::{self, Helper};
use super::process::{LocalEnd, Process, Started, code, in_words};
use super::watchdog::Watchdog;
use crate::fault;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use crabbox_wire::frame::ToHelper;
use crabbox_wire::greeting::{Opening, read_opening};
use crabbox_wire::message::Request;
use std::io::{BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout};
use std::time::Duration;
use tracing::debug;

/// The command line's limit on the box is 128 KiB for one argument; a longer
/// request travels as the first frame.
const COMMAND_LINE_LIMIT: usize = 96 * 1024;

/// The folders that the script tries.
const FOLDERS: u32 = 4;

/// How long a box may take to say its first word: with the connection to it, where there is none.
const CONNECTING: Duration = Duration::from_mins(1);

/// How long it may take from there to the helper's greeting, with the helper sent in between.
const SENDING: Duration = Duration::from_mins(2);

/// A session with the helper: frames from here on.
#[derive(Debug)]
pub struct Link {
    /// From the helper.
    pub input: BufReader<ChildStdout>,
    /// To the helper.
    pub output: BufWriter<ChildStdin>,
    /// Our end.
    pub process: Process,
    /// The socket of the connection that it rides or has made, if it is one of ssh's.
    pub socket: Option<PathBuf>,
    /// The helper was sent for it.
    pub helper_sent: bool,
}

/// Opens a session for `request` by what runs a script on the box. `started` is told of each process at our
/// end as it starts.
pub(super) fn open(
    run: &mut dyn FnMut(&str) -> Result<Started, TransportError>,
    request: &Request,
    started: &mut dyn FnMut(LocalEnd),
) -> Result<Link, TransportError> {
    let mut argument = encode(request)?;
    let spilled = argument.len() > COMMAND_LINE_LIMIT;
    if spilled {
        "-".clone_into(&mut argument);
    }
    let mut reason = String::new();
    let (mut skip, mut found) = (0, Found::Runs);
    while skip < FOLDERS {
        let (process, stdin, stdout) = run(&script(&argument, skip, found))?;
        let mut link = Link {
            input: BufReader::with_capacity(256 * 1024, stdout),
            output: BufWriter::with_capacity(256 * 1024, stdin),
            process,
            socket: None,
            helper_sent: false,
        };
        started(link.process.local_end());
        match greet(&mut link)? {
            Greeting::Helper => {
                if spilled {
                    ToHelper::Request(Box::new(request.clone()))
                        .write(&mut link.output)
                        .map_err(|error| TransportError::Broken(std::io::Error::other(error)))?;
                    link.output.flush().map_err(TransportError::Broken)?;
                }
                return Ok(link);
            }
            Greeting::Broken(said) if found == Found::Runs => {
                debug!("the helper on the box is broken, and brought anew: {said}");
                found = Found::Replaced;
            }
            Greeting::Noise(output) | Greeting::Broken(output) => {
                let status = link.process.end_of_it();
                return Err(TransportError::Noise(Noise {
                    end: in_words(status),
                    code: code(status),
                    output,
                    stderr: link.process.stderr_tail(),
                }));
            }
            Greeting::Fail(text) => {
                let tried: u32 = text
                    .split(' ')
                    .next()
                    .and_then(|number| number.parse().ok())
                    .unwrap_or(FOLDERS);
                // The reason comes by another way than the word that it failed.
                link.process.end_of_it();
                reason = join(&text, &link.process.stderr_tail());
                skip = tried.max(skip + 1);
            }
        }
    }
    Err(TransportError::NoFolder(reason))
}

/// What is done with a helper that is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It is run.
    Runs,
    /// It was run, and is none: another takes its place.
    Replaced,
}

enum Greeting {
    Helper,
    /// What was there under the helper's name isn't one that runs.
    Broken(String),
    Fail(String),
    Noise(String),
}

/// Reads what the far side says first; sends the helper if it is missing.
fn greet(link: &mut Link) -> Result<Greeting, TransportError> {
    let opening = within(CONNECTING, link, |link| read_opening(&mut link.input))?;
    let Opening::Miss(uname) = opening else {
        return Ok(Greeting::of(opening));
    };
    let helper = helpers::for_machine(&uname).ok_or(TransportError::Machine(uname))?;
    link.helper_sent = true;
    let mut broke = None;
    let opening = within(SENDING, link, |link| {
        // Where there is no room for it, the script stops reading, and says so next.
        broke = send(helper, link).err();
        read_opening(&mut link.input)
    })?;
    match (Greeting::of(opening), broke) {
        (Greeting::Noise(_), Some(error)) => Err(TransportError::Broken(error)),
        (greeting, _) => Ok(greeting),
    }
}

/// Does it, unless that takes longer than so: then the process is ended.
fn within<T>(
    patience: Duration,
    link: &mut Link,
    work: impl FnOnce(&mut Link) -> std::io::Result<T>,
) -> Result<T, TransportError> {
    let patience = fault::patience(patience);
    let watchdog = Watchdog::over(link.process.local_end(), patience);
    let result = work(link);
    if watchdog.call_off() {
        return Err(TransportError::Silent { patience, stderr: link.process.stderr_tail() });
    }
    result.map_err(TransportError::Broken)
}

impl Greeting {
    fn of(opening: Opening) -> Self {
        let text = |said: Vec<u8>| String::from_utf8_lossy(&said).trim().to_owned();
        match opening {
            Opening::Helper => Self::Helper,
            Opening::Miss(_) => Self::Noise("it asks for the helper twice".to_owned()),
            Opening::Fail(text) => Self::Fail(text),
            Opening::Broken(said) => Self::Broken(text(said)),
            Opening::Noise(noise) => Self::Noise(text(noise)),
        }
    }
}

/// Size, hash, then the bytes; nothing after them until the helper has greeted, since some
/// `head`s read ahead.
fn send(helper: &Helper, link: &mut Link) -> std::io::Result<()> {
    writeln!(link.output, "{} {}", helper.bytes.len(), helper.sha256)?;
    link.output.write_all(helper.bytes)?;
    link.output.flush()
}

/// What becomes the helper in another of its roles, for a request that isn't long: it must be there by now.
pub(super) fn becoming(role: &str, request: &Request) -> Result<String, TransportError> {
    let argument = encode(request)?;
    if argument.len() > COMMAND_LINE_LIMIT {
        let error = std::io::Error::from(std::io::ErrorKind::ArgumentListTooLong);
        return Err(TransportError::Start { program: "ssh".to_owned(), source: error });
    }
    Ok([
        PLACES,
        &which(),
        "u=$(id -u);k=0;",
        FOLDERS_IN_TURN,
        "[ -O \"$d\" ]||continue;",
        &format!("if [ -x \"$d/$h\" ];then exec \"$d/$h\" {role} {argument};fi;done;"),
        "echo \"crabbox: the remote helper is gone from the box\" >&2;exit 125",
    ]
    .concat())
}

fn encode(request: &Request) -> Result<String, TransportError> {
    let json = serde_json::to_vec(request)
        .map_err(|error| TransportError::Broken(std::io::Error::other(error)))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(json))
}

/// Sets `c`, the usual folder: nothing where the box has no `HOME`, for it would be one of the root folder's.
const PLACES: &str =
    "c=\"${XDG_CACHE_HOME:-${HOME:+$HOME/.cache}}\";c=\"${c:+$c/crabbox/helper}\";";

/// Sets `h`, the file's name for this machine: boxes of several kinds may share a home. Where the kernel tells
/// a shell, no process is spent on it.
fn which() -> String {
    let arms = helpers::all().iter().map(|helper| {
        let also = if helper.machine == "aarch64" { "|arm64" } else { "" };
        format!("{}{also}) h={};;", helper.machine, helper.sha256)
    });
    [
        "a=;{ read -r a </proc/sys/kernel/arch;} 2>/dev/null||a=$(uname -m);case \"$a\" in ",
        &arms.collect::<String>(),
        "*) h=none;;esac;",
    ]
    .concat()
}

/// `i` counts the folders, the first `k` of which are left out. Those in shared places must be ours and no link.
const FOLDERS_IN_TURN: &str = concat!(
    "i=0;for d in \"$c\" ",
    "\"/var/tmp/crabbox-$u\" \"/tmp/crabbox-$u\" \"/dev/shm/crabbox-$u\";",
    "do i=$((i+1));[ \"$i\" -gt \"$k\" ]||continue;[ -n \"$d\" ]||continue;[ -L \"$d\" ]&&continue;"
);

/// Runs what is in one of the folders. The word before tells a helper that is none from a box that answers nothing.
fn running(folder: &str) -> String {
    let file = format!("{folder}/$h");
    format!("if [ -x \"{file}\" ];then echo \"<<crabbox-$w-1>>\";exec \"{file}\" serve \"$r\";fi;")
}

/// The script, for a request and with the first `skip` folders left out.
fn script(argument: &str, skip: u32, found: Found) -> String {
    let folders = FOLDERS_IN_TURN;
    let (usual, any) = match found {
        Found::Runs => (running("$c"), running("$d")),
        Found::Replaced => (String::new(), String::new()),
    };
    [
        // The words are put together here so that a shell that echoes the script isn't taken for its result.
        &format!("r={argument};k={skip};w=have;m=miss;f=fail;"),
        PLACES,
        &which(),
        // The usual place first, before a process is spent on the user's number.
        &format!("if [ \"$k\" -lt 1 ] && [ -O \"$c\" ];then :;{usual}fi;u=$(id -u);"),
        folders,
        &format!("[ -O \"$d\" ]||continue;{any}done;"),
        "o=$(umask);echo \"<<crabbox-$m-1>> $(uname -sm)\";umask 077;read -r n h;",
        folders,
        "mkdir -p \"$d\" 2>/dev/null||continue;[ -O \"$d\" ]||continue;t=\"$d/.$h.$$\";",
        "if head -c \"$n\" >\"$t\" && chmod 700 \"$t\" && \"$t\" --self-check \"$h\" && ",
        "mv -f \"$t\" \"$d/$h\";then umask $o;exec \"$d/$h\" serve \"$r\";fi;rm -f \"$t\";",
        "echo \"<<crabbox-$f-1>> $i it can not be kept in $d\";exit 1;done;",
        &format!("echo \"<<crabbox-$f-1>> {FOLDERS} no folder can be written\";exit 1"),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_survives_every_login_shell() {
        for found in [Found::Runs, Found::Replaced] {
            let script = script("abc_-", 0, found);
            for forbidden in ['\'', '\n', '!', '\\'] {
                assert!(!script.contains(forbidden), "{forbidden:?}");
            }
        }
    }
}
