//! A panic is a bug of crabbox. It is told as any other failure: without secrets, in the log, with an exit code that
//! isn't a program's.

use crate::output::{CommandError, Printer, to_type};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

/// From now on what a panic says goes through the printer, with a backtrace where
/// `RUST_BACKTRACE` asks for one.
pub(super) fn report(printer: Printer) {
    panic::set_hook(Box::new(move |info| {
        printer.warning(&told(info));
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            backtrace.to_string().lines().for_each(|line| printer.phase(line));
        }
    }));
}

fn told(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let message = payload
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| payload.downcast_ref::<String>().cloned());
    let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
    format!("panicked{place}: {}", message.unwrap_or_default())
}

/// The panic of a command as its error.
pub(super) fn catch<T>(execute: impl FnOnce() -> T) -> Result<T, CommandError> {
    // Nothing that it worked with is used any more.
    panic::catch_unwind(AssertUnwindSafe(execute)).map_err(|_| {
        CommandError::failed("this is a bug in crabbox; what it says of it stands above")
            .hint(to_type(&["debug", "last"]))
    })
}
