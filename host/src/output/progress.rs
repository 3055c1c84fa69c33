//! What is waited for right now. On a terminal it is a line that is drawn over, elsewhere a plain
//! line every now and then, so that nobody takes a program that waits for one that hangs.
//!
//! One thread, started with the first wait, looks after all of them; a wait that is over before it
//! would show costs a lock and nothing else.

use super::drawn::Drawn;
use super::{Printer, human, stream, visible};
use crate::events::{self, Event};
use crate::redact;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A wait shorter than this isn't drawn: a line that flickers tells nobody anything.
const DELAY: Duration = Duration::from_millis(200);

/// How often a drawn line moves.
const TICK: Duration = Duration::from_millis(100);

/// Something that is waited for, until it is dropped.
#[derive(Debug)]
pub struct Progress(Option<Arc<Wait>>);

#[derive(Debug)]
struct Wait {
    what: String,
    since: Instant,
    form: Form,
    printer: Printer,
    /// Bytes done, and of how many; no total: what is waited for has no measure.
    done: AtomicU64,
    total: AtomicU64,
    state: Mutex<Shown>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A line that is drawn over.
    Live,
    /// A line whenever this time has passed.
    Plain(Duration),
    /// The same, counted from the last time that something moved.
    Silence(Duration),
}

/// What has been shown of a wait.
#[derive(Debug)]
struct Shown {
    bar: Option<ProgressBar>,
    /// When something was said the last time.
    said: Instant,
    /// When something moved the last time, and what was done by then.
    moved: Instant,
    done: u64,
    /// The same, when machines were told.
    told: u64,
}

#[derive(Debug, Default)]
struct Waits {
    all: Vec<Arc<Wait>>,
    watched: bool,
    /// How many want the terminal for somebody else.
    aside: usize,
    /// This program is about to leave: nothing more is said of what it waits for.
    over: bool,
}

static WAITS: Mutex<Waits> =
    Mutex::new(Waits { all: Vec::new(), watched: false, aside: 0, over: false });
static CHANGED: Condvar = Condvar::new();
/// Are there lines that are drawn over? Asked before each byte of a program's output.
static DRAWN: AtomicBool = AtomicBool::new(false);

fn waits() -> MutexGuard<'static, Waits> {
    WAITS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All drawn lines.
fn screen() -> &'static MultiProgress {
    static SCREEN: OnceLock<MultiProgress> = OnceLock::new();
    SCREEN.get_or_init(|| {
        let terminal = ProgressDrawTarget::term_like(Box::new(Drawn::default()));
        MultiProgress::with_draw_target(terminal)
    })
}

/// Is there a line that is drawn over?
pub(super) fn is_drawn() -> bool {
    DRAWN.load(Ordering::Acquire)
}

/// Takes away all that is drawn, for good: this program leaves while others of its threads still wait.
pub(super) fn end() {
    let mut waits = waits();
    waits.over = true;
    for wait in std::mem::take(&mut waits.all) {
        wait.clear();
    }
    DRAWN.store(false, Ordering::Release);
}

/// The terminal is somebody else's, who asks there: nothing is drawn or said of waits while this lives.
#[derive(Debug)]
#[must_use]
pub struct Aside(());

/// A wait within the one that began last, shown as that one is; where nothing is waited for, it isn't.
pub fn waiting_within(what: String) -> Progress {
    let like = waits().all.last().map(|wait| (wait.form, wait.printer));
    like.map_or_else(Progress::silent, |(form, printer)| add(what, form, printer))
}

/// Takes away what is drawn until then.
pub fn stand_aside() -> Aside {
    let mut waits = waits();
    waits.aside += 1;
    for wait in &waits.all {
        wait.clear();
    }
    DRAWN.store(false, Ordering::Release);
    Aside(())
}

impl Drop for Aside {
    fn drop(&mut self) {
        waits().aside -= 1;
    }
}

/// Writes what stays, above what is drawn over.
pub(super) fn make_room(write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    if DRAWN.load(Ordering::Acquire) {
        let _waits = waits();
        return screen().suspend(write);
    }
    write()
}

pub(super) fn begin(what: String, live: bool, heartbeat: Duration, printer: Printer) -> Progress {
    add(what, if live { Form::Live } else { Form::Plain(heartbeat) }, printer)
}

pub(super) fn begin_silence(what: String, heartbeat: Duration, printer: Printer) -> Progress {
    add(what, Form::Silence(heartbeat), printer)
}

fn add(what: String, form: Form, printer: Printer) -> Progress {
    let since = Instant::now();
    let wait = Arc::new(Wait {
        what,
        since,
        form,
        printer,
        done: AtomicU64::new(0),
        total: AtomicU64::new(0),
        state: Mutex::new(Shown { bar: None, said: since, moved: since, done: 0, told: 0 }),
    });
    let mut waits = waits();
    if waits.over {
        return Progress::silent();
    }
    waits.all.push(Arc::clone(&wait));
    if !waits.watched {
        waits.watched = true;
        thread::spawn(watch);
    }
    CHANGED.notify_one();
    Progress(Some(wait))
}

impl Progress {
    /// Nothing is said of it.
    #[must_use]
    pub fn silent() -> Self {
        Self(None)
    }

    /// There is a measure: so many bytes altogether.
    pub fn expect(&self, total: u64) {
        if let Some(wait) = &self.0 {
            wait.total.store(total, Ordering::Relaxed);
        }
    }

    /// So many bytes more are done.
    pub fn advance(&self, bytes: u64) {
        if let Some(wait) = &self.0 {
            wait.done.fetch_add(bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(wait) = self.0.take() else { return };
        let mut waits = waits();
        waits.all.retain(|other| !Arc::ptr_eq(other, &wait));
        wait.clear();
        let drawn = waits
            .all
            .iter()
            .any(|wait| wait.state.lock().unwrap_or_else(PoisonError::into_inner).bar.is_some());
        DRAWN.store(drawn, Ordering::Release);
    }
}

/// Looks after all waits for as long as the process lives.
fn watch() {
    let mut waits = waits();
    loop {
        let now = Instant::now();
        let mut beats = Vec::new();
        for wait in waits.all.iter().filter(|_| waits.aside == 0) {
            beats.extend(wait.look(now).map(|line| (wait.printer, line)));
        }
        if !beats.is_empty() {
            // A line waits for the lock that is held here, and for a reader perhaps.
            drop(waits);
            for (printer, line) in beats {
                printer.phase(&line);
            }
            waits = self::waits();
        }
        let idle = waits.all.is_empty();
        let pause = if idle { Duration::from_hours(1) } else { TICK };
        waits = CHANGED
            .wait_timeout(waits, pause)
            .map_or_else(|poisoned| poisoned.into_inner().0, |(waits, _)| waits);
    }
}

impl Wait {
    /// Takes away what is drawn of it.
    fn clear(&self) {
        let bar = self.state.lock().unwrap_or_else(PoisonError::into_inner).bar.take();
        if let Some(bar) = bar {
            bar.finish_and_clear();
            screen().remove(&bar);
        }
    }

    /// Draws what is due; answers with a line that is due.
    fn look(&self, now: Instant) -> Option<String> {
        let mut shown = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self.done.load(Ordering::Relaxed);
        self.tell(&mut shown, done);
        match self.form {
            Form::Live => {
                if shown.bar.is_none() && now.duration_since(self.since) >= DELAY {
                    shown.bar = Some(self.draw());
                    DRAWN.store(true, Ordering::Release);
                }
                if let Some(bar) = &shown.bar {
                    self.update(bar, done);
                }
                None
            }
            Form::Plain(every) => (now.duration_since(shown.said) >= every).then(|| {
                shown.said = now;
                self.still(done, now.duration_since(self.since))
            }),
            Form::Silence(every) => {
                if done != shown.done {
                    (shown.done, shown.moved) = (done, now);
                }
                let quiet_since = shown.said.max(shown.moved);
                (now.duration_since(quiet_since) >= every).then(|| {
                    shown.said = now;
                    let silent = now.duration_since(shown.moved).as_secs();
                    format!("still {}: {silent}s without output", self.what)
                })
            }
        }
    }

    /// For machines, where it has a measure and has moved.
    fn tell(&self, shown: &mut Shown, done: u64) {
        let total = self.total.load(Ordering::Relaxed);
        if total > 0 && done != shown.told {
            shown.told = done;
            events::tell(&Event::Progress { what: &self.what, done, total });
        }
    }

    fn still(&self, done: u64, waited: Duration) -> String {
        let waited = waited.as_secs();
        match self.total.load(Ordering::Relaxed) {
            0 => format!("still {} ({waited}s)", self.what),
            total => {
                let (done, total) = (human::bytes(done), human::bytes(total));
                format!("still {}: {done} of {total} ({waited}s)", self.what)
            }
        }
    }

    fn draw(&self) -> ProgressBar {
        // The line that is drawn over is never one of the program's.
        let _ = stream::end_line();
        let bar = screen().add(ProgressBar::no_length());
        set_style(&bar, "{spinner} {wide_msg} {elapsed}");
        bar.set_message(visible(&redact::text(&self.what)).into_owned());
        bar
    }

    fn update(&self, bar: &ProgressBar, done: u64) {
        let total = self.total.load(Ordering::Relaxed);
        if total > 0 && bar.length() != Some(total) {
            bar.set_length(total);
            set_style(bar, "{spinner} {msg} {wide_bar} {bytes} of {total_bytes}, {eta}");
        }
        bar.set_position(done);
        bar.tick();
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    bar.set_style(ProgressStyle::with_template(template).expect("the templates here are whole"));
}
