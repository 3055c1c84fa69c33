//! Running a command, from its start to its end.

use crate::machine::{Disk, Files, Machine, Session, is_gone, patiently, shell};
use crabbox_wire::frame::{ToHelper, ToHost};
use crabbox_wire::message::{Environment, FailureCode, Outcome, Run, Signal};
use crabbox_wire::text::Text;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::thread;
use std::time::Duration;

#[test]
fn a_command_ends_as_it_ends() {
    let cases = [
        ("echo out; exit 7", Outcome::Exited(7)),
        ("kill -9 $$", Outcome::Signaled(9)),
        ("exit 255", Outcome::Exited(255)),
    ];
    for (line, outcome) in cases {
        assert_eq!(Machine::new().run(shell(line), |_, _| {}).outcome, Some(outcome), "{line}");
    }
    let log = Machine::new().run(Run { timeout_ms: Some(50), ..shell("sleep 60") }, |_, _| {});
    assert_eq!(log.outcome, Some(Outcome::TimedOut));
}

#[test]
fn a_run_is_started_once() {
    let machine = Machine::new();
    let run = shell("echo ran >>../count");
    let first = machine.run(run.clone(), |_, _| {});
    assert_eq!(first.outcome, Some(Outcome::Exited(0)));
    let second = machine.run(run, |_, _| {});
    assert_eq!((second.started, second.failed()), (false, Some(FailureCode::Request)));
    assert_eq!(fs::read_to_string(machine.root().join("count")).expect("reads"), "ran\n");
}

#[test]
fn input_values_and_signals_reach_the_command() {
    let line = "trap 'echo interrupted; exit 3' INT; cat; echo $VALUE; while :; do sleep 0.1; done";
    let run = Run { stdin: true, await_environment: true, ..shell(line) };
    let mut seen = Vec::new();
    let log = Machine::new().run(run, |frame, host| match frame {
        ToHost::Synced(_) => {
            let values = BTreeMap::from([(Text::from("VALUE"), Text::from("secret"))]);
            ToHelper::Environment(Environment(values)).write(host).expect("writes");
        }
        ToHost::Started(_) => {
            ToHelper::Stdin(b"typed\n").write(host).expect("writes");
            ToHelper::StdinEnd.write(host).expect("writes");
        }
        ToHost::Output { bytes, .. } => {
            seen.extend_from_slice(bytes);
            if seen.ends_with(b"secret\n") {
                ToHelper::Signal(Signal::Interrupt).write(host).expect("writes");
                host.flush().expect("flushes");
            }
        }
        _ => {}
    });
    assert_eq!(String::from_utf8_lossy(&log.stdout), "typed\nsecret\ninterrupted\n");
    assert_eq!(log.outcome, Some(Outcome::Exited(3)));
}

#[test]
fn a_full_disk_hides_neither_the_output_nor_the_end_of_a_command() {
    let machine = Machine::new();
    let Some(_disk) = Disk::mount(&machine.root(), "size=1m") else {
        return;
    };
    let line = "head -c 3000000 /dev/zero >fill 2>/dev/null; seq 1 100000; exit 7";
    let log = machine.run(shell(line), |_, _| {});
    assert_eq!(log.outcome, Some(Outcome::Exited(7)), "{log:?}");
    let said = String::from_utf8(log.stdout).expect("numbers");
    assert!(said.lines().map(str::parse).eq((1..=100_000).map(Ok::<u32, _>)), "{}", said.len());
    assert_eq!(log.warnings.len(), 2, "{:?}", log.warnings);
    assert!(log.warnings.iter().all(|warning| warning.contains("the disk is full")));

    // The next one isn't started, and is told why.
    let run = shell("true");
    let log = machine.run(run.clone(), |_, _| {});
    assert_eq!((log.started, log.failed()), (false, Some(FailureCode::DiskFull)), "{log:?}");
    assert!(log.why().contains("the disk is full"), "{}", log.why());

    // Nothing of that is in the way once there is room.
    fs::remove_file(machine.file("fill")).expect("removes");
    assert_eq!(machine.run(run, |_, _| {}).outcome, Some(Outcome::Exited(0)));
}

#[test]
fn a_host_that_does_not_read_disables_neither_the_time_limit_nor_signals() {
    for timeout_ms in [Some(500), None] {
        let machine = Machine::new();
        let run = Run { timeout_ms, ..shell("trap '' INT; echo $$; while :; do seq 1 1000; done") };
        let mut session = Session::open(&machine.request_to_run(run));
        let pid = session.until_line();
        // From here on nothing is read: the output stops in the pipes.
        session.send(&ToHelper::Ping);
        session.send(&ToHelper::Ack(1));
        if timeout_ms.is_none() {
            session.send(&ToHelper::Signal(Signal::Kill));
        }
        patiently("the command ends", || is_gone(&pid));
        let log = session.finish(|_, _| {});
        let outcome = timeout_ms.map_or(Outcome::Signaled(9), |_| Outcome::TimedOut);
        assert_eq!((log.outcome, log.pongs), (Some(outcome), 1));
    }
}

#[test]
fn a_ping_is_answered_while_a_command_runs() {
    let machine = Machine::new();
    let log = machine.run(shell("exec sleep 300"), |frame, host| match frame {
        ToHost::Started(_) => ToHelper::Ping.write(host).expect("writes"),
        ToHost::Pong => ToHelper::Signal(Signal::Kill).write(host).expect("writes"),
        _ => {}
    });
    assert_eq!((log.pongs, log.outcome), (1, Some(Outcome::Signaled(9))));
}

#[test]
fn what_goes_on_writing_after_the_end_is_ended_too() {
    let machine = Machine::new();
    let line = "head -c 700000 /dev/zero; (while :; do echo x; sleep 0.02; done) &
        echo $! >pid; exit 3";
    let log = machine.run(Run { timeout_ms: Some(600_000), ..shell(line) }, |_, _| {});
    assert_eq!(log.outcome, Some(Outcome::Exited(3)));
    assert!(log.stdout.len() > 700_000);
    assert!(is_gone(&machine.read("pid")));
}

#[test]
fn what_was_written_is_delivered_although_its_pipe_stays_open() {
    let machine = Machine::new();
    let line = "sleep 300 & head -c 1500000 /dev/zero; exit 4";
    let mut session = Session::open(&machine.request_to_run(shell(line)));
    session.until(|frame, host| {
        if let ToHost::Proved(_) = frame {
            Files::new(&[]).send(None, host);
        }
        matches!(frame, ToHost::Started(_))
    });
    // A host that begins to read when the command is long at its end.
    thread::sleep(Duration::from_millis(1500));
    let log = session.finish(|_, _| {});
    assert_eq!((log.stdout.len(), log.outcome), (1_500_000, Some(Outcome::Exited(4))));
}

#[test]
fn many_tiny_pieces_of_input_arrive() {
    const COUNT: usize = 200_000;
    let machine = Machine::new();
    let run = Run { stdin: true, ..shell("sleep 0.3; wc -c") };
    let mut session = Session::open(&machine.request_to_run(run));
    session.until(|frame, host| {
        if let ToHost::Proved(_) = frame {
            Files::new(&[]).send(None, host);
        }
        matches!(frame, ToHost::Started(_))
    });
    // The command isn't reading yet, and nor is this host.
    let mut frames = Vec::new();
    for _ in 0..COUNT {
        ToHelper::Stdin(b"x").write(&mut frames).expect("writes");
    }
    ToHelper::StdinEnd.write(&mut frames).expect("writes");
    session.host.write_all(&frames).expect("writes");
    let log = session.finish(|_, _| {});
    assert_eq!(String::from_utf8_lossy(&log.stdout).trim(), COUNT.to_string());
}

#[test]
fn a_waiter_whose_host_is_gone_leaves_however_much_that_had_sent() {
    let machine = Machine::new();
    let mut holder = Session::open(&machine.request_to_run(shell("echo on; exec sleep 300")));
    assert_eq!(holder.until_line(), "on");
    let mut waiter = Session::open(&machine.request(None, Files::new(&[("a", "1")]).root()));
    waiter.until(|frame, _| matches!(frame, ToHost::Waiting(_)));
    // More than the helper takes in, but not more than the pipe holds beside that.
    let chunk = vec![0; 128 * 1024];
    for _ in 0..33 {
        waiter.send(&ToHelper::Delta(&chunk));
    }
    waiter.send(&ToHelper::Delta(&chunk[..50_000]));
    let Session { mut helper, host, input, .. } = waiter;
    drop((host, input));
    patiently("the waiter leaves", || helper_has_left(&helper));
    helper.wait().expect("ends");
    assert!(holder.helper.try_wait().expect("looks").is_none(), "the holder is still there");
    holder.send(&ToHelper::Signal(Signal::Kill));
    assert_eq!(holder.finish(|_, _| {}).outcome, Some(Outcome::Signaled(9)));
}

fn helper_has_left(helper: &std::process::Child) -> bool {
    is_gone(&helper.id().to_string())
}

#[test]
fn a_run_that_could_not_start_leaves_no_folder() {
    let machine = Machine::new();
    let run = Run {
        command: crabbox_wire::message::Command::Argv(vec![Text::from("no-such-program")]),
        ..shell("")
    };
    for _ in 0..2 {
        let log = machine.run(run.clone(), |_, _| {});
        assert_eq!(log.failed(), Some(FailureCode::CommandNotFound));
    }
    assert!(!machine.run_file(&run.id, "spec").exists());
}
