//! The remote helper: runs on the box, for one session with the host.
//!
//! It proves that the box is the leased one, makes a folder there hold exactly the tree that the host names, runs a
//! command in it, and ends with everything that the command has started. The host embeds the executable and puts
//! it on each box under the name of its hash; nobody else calls it.
//!
//! # Map
//!
//! | module | what it does |
//! |---|---|
//! | [`session`] | the order of a session |
//! | [`connection`] | frames in, frames out |
//! | [`inbox`] | what the main thread is told; who waits for whom |
//! | [`outbox`] | what is on its way to the host |
//! | [`layout`] | where things lie on the box; checks the request |
//! | [`place`] | a lease's part of a box that several share |
//! | [`proof`] | is this the leased box? |
//! | [`mod@machine_id`] | what tells it from others |
//! | [`here`] | a folder that no other machine sees |
//! | [`lock`] | one session at a time in a workspace |
//! | [`copy`] | a session that only copies files |
//! | [`collect`] | brings back what a run has made |
//! | [`mod@tunnel`] | a session that only carries connections to a port |
//! | [`lost`] | ends what a helper left behind that was killed |
//! | [`journal`] | what the workspace was last given |
//! | [`scan`] | what it holds now |
//! | [`apply`] | makes it hold another tree |
//! | [`verify`] | is what was written what lies there? |
//! | [`folders`] | ways into the workspace that never follow a link |
//! | [`runs`] | the folders of runs: what is known of each |
//! | [`start`] | starts the command |
//! | [`environment`] | the variables that it starts with |
//! | [`supervise`] | runs it to its end |
//! | [`streams`] | moves its input and output |
//! | [`spool`] | its output, to the host and to a log |
//! | [`descendants`] | everything that it has started |
//! | [`processes`] | what the box says of its processes |
//! | [`oom`] | did memory run out? |
//! | [`random`] | numbers that nobody can guess |
//! | [`shell`] | instead of a session: a shell, or a command, between the streams of whoever asked for it |
//! | [`sys`] | all of the unsafe code |
//!
//! # How it hangs together
//!
//! [`connection`] reads frames on a thread of its own and turns them into events. [`session`] takes them in order:
//! [`layout`] checks the request, [`proof`] the box, [`lock`] waits for others. Then [`journal`] says what the
//! workspace was given, [`scan`] what is there now, and [`apply`] makes it what the host wants, through
//! [`folders`]. Last, [`supervise`] starts the command with the variables of [`environment`], moves its output
//! through [`spool`], and ends it with all of [`descendants`].
//!
//! The end of its input, or a signal, is the order to end the command and leave.
//!
//! # What it must not do
//!
//! - Change anything on the box before it has proved to be the leased one.
//! - Follow a link in the workspace, or touch what the host didn't put there beyond what is in the way of the tree.
//! - Make up an end: a command's outcome is what the kernel says of it.
//! - Grow: it is small and without C code, so that it links for any box without a compiler for it.

mod apply;
mod collect;
mod connection;
mod copy;
mod descendants;
mod environment;
mod facts;
mod failure;
mod folders;
mod here;
mod inbox;
mod journal;
mod layout;
mod lock;
mod lost;
mod machine_id;
mod oom;
mod outbox;
mod place;
mod processes;
mod proof;
mod random;
mod runs;
mod scan;
mod session;
mod shell;
mod spool;
mod start;
mod streams;
mod supervise;
mod sys;
mod tunnel;
mod verify;

use sha2::{Digest, Sha256};
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["--self-check", hash] if is_this(hash) => ExitCode::SUCCESS,
        ["serve", request] => session::serve(request),
        ["shell", request] => shell::become_it(request),
        _ => ExitCode::FAILURE,
    }
}

/// Did this file arrive whole?
fn is_this(hash: &str) -> bool {
    let Ok(bytes) = fs::read("/proc/self/exe") else {
        return false;
    };
    let digest = Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    digest == hash
}
