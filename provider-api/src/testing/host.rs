//! The host's part, played for a test.

use super::cassette::Cassette;
use super::replay::Replay;
use crate::exec::protocol::encode;
use crate::exec::{ExecError, ExecErrorKind};
use crate::host::{Host, Level, Side};
use crate::payload::Checkpoint;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// A host that answers commands from a cassette and notes all else that a hook says.
///
/// When it is dropped, a call that isn't on the cassette, and one on it that wasn't made, make the test fail.
#[derive(Debug)]
pub struct TestHost {
    host: Host,
    stage: Stage,
}

#[derive(Clone, Debug)]
struct Stage(Arc<Mutex<Noted>>);

#[derive(Debug)]
struct Noted {
    replay: Replay,
    checkpoints: Vec<Checkpoint>,
    progress: Vec<String>,
    log: Vec<String>,
    full: bool,
    cancelled: bool,
}

impl TestHost {
    /// With these answers.
    #[must_use]
    pub fn new(cassette: Cassette) -> Self {
        let stage = Stage(Arc::new(Mutex::new(Noted {
            replay: Replay::new(cassette),
            checkpoints: Vec::new(),
            progress: Vec::new(),
            log: Vec::new(),
            full: false,
            cancelled: false,
        })));
        Self { host: Host::of(stage.clone()), stage }
    }

    /// For the hooks.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Sets what `${NAME}` of the cassette stands for, before it is met.
    pub fn bind(&self, name: &str, value: &str) {
        self.stage.lock().replay.bind(name, value);
    }

    /// From now on the host wants the hook to stop, and runs nothing for it.
    pub fn cancel(&self) {
        self.stage.lock().cancelled = true;
    }

    /// From now on no checkpoint can be stored.
    pub fn refuse_checkpoints(&self) {
        self.stage.lock().full = true;
    }

    /// What was to be stored so far.
    #[must_use]
    pub fn checkpoints(&self) -> Vec<Checkpoint> {
        self.stage.lock().checkpoints.clone()
    }

    /// What was said to the user so far.
    #[must_use]
    pub fn progress(&self) -> Vec<String> {
        self.stage.lock().progress.clone()
    }

    /// What was said to the log so far, each as `target: message`. `tracing` events aren't among it.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.stage.lock().log.clone()
    }

    /// The end of the test, as when it is dropped.
    ///
    /// # Panics
    ///
    /// If a call isn't on the cassette, or one on it wasn't made.
    pub fn finish(self) {
        drop(self);
    }
}

impl Drop for TestHost {
    fn drop(&mut self) {
        let problems = self.stage.lock().replay.problems();
        // A test that fails already says why.
        assert!(problems.is_empty() || thread::panicking(), "{}", problems.join("\n"));
    }
}

impl Stage {
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Side for Stage {
    fn log(&self, _: Level, target: &str, message: &str) {
        self.lock().log.push(format!("{target}: {message}"));
    }

    fn progress(&self, text: &str) {
        self.lock().progress.push(text.to_owned());
    }

    fn checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), String> {
        let mut noted = self.lock();
        if noted.full {
            return Err("nothing can be stored".to_owned());
        }
        noted.checkpoints.push(checkpoint.clone());
        Ok(())
    }

    fn cancelled(&self) -> bool {
        self.lock().cancelled
    }

    fn exec(&self, request: &[u8]) -> (u32, Vec<u8>) {
        let mut noted = self.lock();
        if noted.cancelled {
            let error = ExecError::new(ExecErrorKind::Cancelled, "the hook was cancelled");
            return (crate::abi::STATUS_ERROR, encode(&error, &[]));
        }
        noted.replay.serve(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{LeaseRequest, Leased, Resource};
    use crate::{Command, Effect, Error, ErrorCode, Provider};
    use std::ops::ControlFlow;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[derive(Default)]
    struct Maker;

    impl Provider for Maker {
        fn lease(&self, request: LeaseRequest, host: &Host) -> Result<Leased, Error> {
            let name = request.lease;
            host.checkpoint(&Resource { name: name.clone(), id: None })?;
            let mut told = Vec::new();
            let made = host.exec_lines(Command::new("make-box").arg(&name), |_, line| {
                told.push(line.to_owned());
            })?;
            for line in told {
                host.progress(&line);
            }
            if !made.success() {
                return Err(made.into_error("make-box"));
            }
            let id = Some(made.stderr_text().into_owned());
            Ok(Leased { resource: Resource { name, id }, ..Leased::default() })
        }
    }

    fn test() -> TestHost {
        let text = "[[call]]\nargv = ['make-box', '${lease}']\nexit = 0\n\
                    stdout = \"one\\ntwo\\n\"\nstderr = 'id-of-${lease}'\n";
        TestHost::new(Cassette::parse(text).expect("a cassette"))
    }

    fn request(lease: &str) -> LeaseRequest {
        LeaseRequest { lease: lease.to_owned(), ..LeaseRequest::default() }
    }

    #[test]
    fn a_hook_runs_without_a_host_and_without_its_tools() {
        let test = test();
        let leased = Maker.lease(request("cbx_7"), test.host()).expect("leases");
        assert_eq!(leased.resource.id.as_deref(), Some("id-of-cbx_7"));
        assert_eq!(test.progress(), ["one", "two", "id-of-cbx_7"]);
        assert_eq!(test.checkpoints().len(), 1);
        test.finish();
    }

    #[test]
    fn a_command_that_has_said_enough_is_ended() {
        let test = test();
        let mut said = Vec::new();
        let came = test.host().exec_until(Command::new("make-box").arg("cbx_7"), |_, line| {
            said.push(line.to_owned());
            if line == "one" { ControlFlow::Break("enough") } else { ControlFlow::Continue(()) }
        });
        assert_eq!(came, Ok(ControlFlow::Break("enough")));
        assert_eq!(said, ["one"]);
        test.finish();
    }

    #[test]
    fn a_cancelled_hook_and_one_that_can_store_nothing_learn_it() {
        let test = test();
        test.refuse_checkpoints();
        let error = Maker.lease(request("cbx_7"), test.host()).expect_err("is refused");
        assert_eq!((error.code, error.effect), (ErrorCode::Cancelled, Effect::None));
        test.cancel();
        let error = test.host().exec(Command::new("make-box")).expect_err("is refused");
        assert_eq!(error.kind, ExecErrorKind::Cancelled);
        let unused = catch_unwind(AssertUnwindSafe(|| test.finish())).expect_err("fails the test");
        let said = unused.downcast_ref::<String>().expect("text");
        assert!(said.contains("was never made"), "{said}");
    }
}
