//! The servers that tests of transport stand on do what a box's server does, and wrong only what
//! they are asked to: with the stock client, over standard input and output.

mod counted;
mod forwarded;
mod on_terminal;
mod served;
mod wrong;

use crabbox_tests::ssh::{Server, SshHost};
use std::io::Write;
use std::process::{Child, Command, Output, Stdio};
use std::thread;

/// A host of each kind, where this machine has it.
fn each() -> impl Iterator<Item = SshHost> {
    let servers = [Server::Russh, Server::OpenSsh].into_iter();
    servers.filter_map(|server| SshHost::with(server).build())
}

/// Runs a command with that input to its end, reading while it writes.
fn fed(command: &mut Command, input: &[u8]) -> Output {
    let (mut child, input) = (piped(command), input.to_vec());
    let mut stdin = child.stdin.take().expect("a pipe");
    // One that doesn't read it all is what some tests are about.
    let writer = thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("an end");
    writer.join().expect("no panic");
    output
}

fn piped(command: &mut Command) -> Child {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the command runs")
}

/// So many bytes that no two of their pieces are equal.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..bytes.div_ceil(8)).flat_map(|_| next()).take(bytes).collect()
}
