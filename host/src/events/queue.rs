//! Lines that wait for a reader, and how many didn't find room. What is told last finds room in any case.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many lines wait for a slow reader.
const WAITING: usize = 4096;

/// So many of these only for what isn't passing.
const RESERVED: usize = WAITING / 2;

/// How long a run waits for its reader once its program has ended, in all.
const PATIENCE: Duration = Duration::from_secs(2);

/// So much of that is for the last line alone.
const LAST: Duration = Duration::from_millis(500);

/// A line of how many weren't told, if there were such; and one of what is told.
pub(super) type Next = (Option<String>, Option<String>);

pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    lines: VecDeque<Line>,
    /// Nothing more will be told.
    is_over: bool,
    /// The writer has ended, well or not.
    is_written: bool,
    /// So many weren't told since the last line that says so.
    dropped: u64,
    /// So many weren't told at all, of those that aren't passing.
    lost: u64,
    patience: Duration,
}

struct Line {
    text: String,
    /// So many weren't told, says this line; or it is one that is told itself.
    dropped: Option<u64>,
}

impl Default for Queue {
    fn default() -> Self {
        let state = State {
            lines: VecDeque::new(),
            is_over: false,
            is_written: false,
            dropped: 0,
            lost: 0,
            patience: PATIENCE,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }
}

impl Queue {
    /// Adds what `next` makes of the number of those that weren't told, if there is room.
    pub(super) fn add(&self, is_passing: bool, next: impl FnOnce(u64) -> Next) {
        let mut state = self.state();
        if is_passing && state.lines.len() >= RESERVED {
            state.dropped += 1;
            return;
        }
        state.add(next);
        self.changed.notify_all();
    }

    /// The same, and waits for room; but not for long in all.
    pub(super) fn add_patiently(&self, next: impl FnOnce(u64) -> Next) {
        let mut state = self.wait(self.state(), LAST, |state| !state.has_room());
        state.add(next);
        self.changed.notify_all();
    }

    /// Adds the last, which `next` may be asked for twice, and waits until all is written: if it isn't soon, what waits
    /// makes room for the last. Was it written, and how many of the others were lost?
    pub(super) fn finish(&self, next: impl Fn(u64) -> Next) -> (bool, u64) {
        let mut state = self.state();
        let dropped = mem::take(&mut state.dropped);
        state.push(dropped, next(dropped));
        state.is_over = true;
        self.changed.notify_all();
        let mut state = self.wait(state, LAST, |_| true);
        if !state.is_written && state.lines.len() > 1 {
            state.lines.pop_back();
            let dropped = state.make_room();
            state.push(dropped, next(dropped));
            self.changed.notify_all();
        }
        let state = self.wait(state, Duration::ZERO, |_| true);
        (state.is_written, state.lost)
    }

    /// Writes all, each line in one call, so that a reader of a pipe gets whole ones.
    pub(super) fn write_all(&self, mut file: impl Write) -> io::Result<()> {
        let written = loop {
            let Some(line) = self.next() else { break Ok(()) };
            if let Err(error) = file.write_all(line.as_bytes()) {
                break Err(error);
            }
        };
        self.state().is_written = true;
        self.changed.notify_all();
        written
    }

    fn next(&self) -> Option<String> {
        let is_idle = |state: &mut State| state.lines.is_empty() && !state.is_over;
        let waited = self.changed.wait_while(self.state(), is_idle);
        let line = waited.unwrap_or_else(PoisonError::into_inner).lines.pop_front();
        self.changed.notify_all();
        line.map(|line| line.text)
    }

    /// Until it is no longer so, or the writer has ended, or no more patience is there than is to be left.
    fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        left: Duration,
        is_so: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let begun = Instant::now();
        let most = state.patience.saturating_sub(left);
        let waited =
            self.changed.wait_timeout_while(state, most, |state| is_so(state) && !state.is_written);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.patience = state.patience.saturating_sub(begun.elapsed());
        state
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// For a line, and one of how many weren't told before it.
    fn has_room(&self) -> bool {
        self.is_written || self.lines.len() + usize::from(self.dropped > 0) < WAITING
    }

    fn add(&mut self, next: impl FnOnce(u64) -> Next) {
        // What has met an error is told in the end.
        if self.is_over || self.is_written {
            return;
        }
        if !self.has_room() {
            self.dropped += 1;
            self.lost += 1;
            return;
        }
        let dropped = mem::take(&mut self.dropped);
        self.push(dropped, next(dropped));
    }

    fn push(&mut self, dropped: u64, (before, line): Next) {
        self.lines.extend(before.map(|text| Line { text, dropped: Some(dropped) }));
        self.lines.extend(line.map(|text| Line { text, dropped: None }));
    }

    /// Takes out all that waits: so many won't be told.
    fn make_room(&mut self) -> u64 {
        let lines = mem::take(&mut self.lines);
        self.lost += lines.iter().map(|line| u64::from(line.dropped.is_none())).sum::<u64>();
        lines.iter().map(|line| line.dropped.unwrap_or(1)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;

    /// Takes lines once it may begin.
    struct Late(Receiver<()>, Vec<String>);

    impl Write for &mut Late {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // Once nobody can say so any more, it may.
            let _ = self.0.recv();
            self.1.push(String::from_utf8_lossy(bytes).into_owned());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn line(name: &str) -> impl Fn(u64) -> Next {
        move |dropped| {
            let before = Some(format!("dropped {dropped}")).filter(|_| dropped > 0);
            (before, Some(name.to_owned()))
        }
    }

    #[test]
    fn what_finds_no_room_is_counted_and_the_last_is_told() {
        let queue = Queue::default();
        for _ in 0..WAITING {
            queue.add(true, line("output"));
            queue.add(false, line("test"));
        }
        let (begin, may_begin) = channel();
        let mut late = Late(may_begin, Vec::new());
        thread::scope(|scope| {
            scope.spawn(|| queue.write_all(&mut late));
            drop(begin);
            let (is_written, lost) = queue.finish(line("exit"));
            assert!(is_written);
            assert!(lost < WAITING as u64, "{lost}");
        });
        let lines = late.1;
        assert_eq!(lines.last().map(String::as_str), Some("exit"));
        let dropped = lines.iter().filter_map(|line| line.strip_prefix("dropped "));
        let dropped: usize = dropped.filter_map(|count| count.parse::<usize>().ok()).sum();
        let told = lines.iter().filter(|line| ["output", "test"].contains(&line.as_str())).count();
        assert_eq!(told + dropped, 2 * WAITING);
    }

    #[test]
    fn what_still_waits_makes_room_for_the_last() {
        let queue = Queue::default();
        for _ in 0..10 {
            queue.add(false, line("test"));
        }
        let (begin, may_begin) = channel();
        let mut late = Late(may_begin, Vec::new());
        thread::scope(|scope| {
            scope.spawn(|| queue.write_all(&mut late));
            // `next` is asked a second time once the others have made room: only then is anything read.
            let begin = Mutex::new((0, Some(begin)));
            let told = queue.finish(|dropped| {
                let mut asked = begin.lock().unwrap_or_else(PoisonError::into_inner);
                asked.0 += 1;
                if asked.0 == 2 {
                    drop(asked.1.take());
                }
                line("exit")(dropped)
            });
            assert_eq!(told, (true, 9));
        });
        assert_eq!(late.1, ["test", "dropped 9", "exit"]);
    }

    #[test]
    fn nobody_is_waited_for_without_end() {
        let queue = Queue::default();
        for _ in 0..2 * WAITING {
            queue.add_patiently(line("test"));
        }
        assert_eq!(queue.finish(line("exit")), (false, 2 * WAITING as u64));
    }
}
