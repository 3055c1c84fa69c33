//! From `tracing` to lines, each for those places that want it.

use super::kept::Kept;
use super::line::{Fields, Line};
use super::phases;
use super::said::{PRINTED, PROVIDER, target_of};
use crate::output::Printer;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, Scope, SpanRef};

/// Where lines go.
#[derive(Debug)]
pub(super) enum Place {
    Screen(Printer),
    File(Mutex<File>),
    Kept(Arc<Mutex<Kept>>),
}

/// All places, each with what it wants.
#[derive(Debug, Default)]
pub(super) struct Collect(pub(super) Vec<(Targets, Place)>);

/// What is noted of a span.
struct About {
    fields: String,
    since: Instant,
    /// When it was left the last time, if it was ever entered: it may be kept for longer than it is
    /// worked in.
    until: Option<Instant>,
}

impl Collect {
    fn wants(&self, target: &str, level: Level) -> bool {
        self.0.iter().any(|(filter, _)| filter.would_enable(target, &level))
    }

    /// `begins`: of a span that may take long, so that a process that is killed has said where it was.
    fn write(&self, line: &Line<'_>, begins: bool) {
        let mut for_file = None;
        for (filter, place) in &self.0 {
            if !filter.would_enable(&line.target, &line.level) {
                continue;
            }
            match place {
                Place::Screen(_) if line.printed => {}
                Place::Screen(printer) => printer.log(line.level, &line.for_screen()),
                Place::File(file) => {
                    let text = for_file.get_or_insert_with(|| line.for_file());
                    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                    // In one piece: other processes may append to it, too.
                    let _ = file.write_all(text.as_bytes());
                }
                Place::Kept(kept) => {
                    let text = for_file.get_or_insert_with(|| line.for_file());
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    kept.line(text, begins || line.level <= Level::INFO);
                }
            }
        }
    }

    /// A line about a span itself.
    fn about<'a, S: LookupSpan<'a>>(&self, span: &SpanRef<'a, S>, level: Level, text: &str) {
        let metadata = span.metadata();
        let line = Line {
            level,
            target: metadata.target().into(),
            path: path(span.scope(), span.parent().is_none()),
            text: text.to_owned(),
            printed: false,
        };
        self.write(&line, level > *metadata.level() && *metadata.level() <= Level::INFO);
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Collect {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        // Whether a provider's event is wanted depends on the provider.
        metadata.target() == PROVIDER || self.wants(metadata.target(), *metadata.level())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let of = |filter: &Targets| {
            filter.iter().map(|(_, level)| level).chain(filter.default_level()).max()
        };
        self.0.iter().filter_map(|(filter, _)| of(filter)).max()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let about = About { fields: fields.rest, since: Instant::now(), until: None };
        span.extensions_mut().insert(about);
        if span.parent().is_some_and(|parent| parent.parent().is_none()) {
            phases::began(span.name());
        }
        self.about(&span, Level::DEBUG, "begins");
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(about) = span.extensions_mut().get_mut::<About>() {
            let mut fields =
                Fields { rest: std::mem::take(&mut about.fields), ..Fields::default() };
            values.record(&mut fields);
            about.fields = fields.rest;
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(about) = span.extensions_mut().get_mut::<About>() {
            about.until = Some(Instant::now());
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let times = span.extensions().get::<About>().map(|about| {
            let until = about.until.unwrap_or_else(Instant::now);
            (about.since, until - about.since)
        });
        let command = span.parent().filter(|parent| parent.parent().is_none());
        let begun = command.and_then(|one| one.extensions().get::<About>().map(|one| one.since));
        if let Some((begun, (since, took))) = begun.zip(times) {
            phases::ended(span.name(), begun, since, took);
        }
        let took = times.map_or(0.0, |(_, took)| took.as_secs_f64());
        self.about(&span, *span.metadata().level(), &format!("took {took:.3}s"));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let target: Cow<'_, str> = if metadata.target() == PROVIDER {
            target_of(&fields.provider, &fields.source).into()
        } else {
            metadata.target().into()
        };
        let line = Line {
            level: *metadata.level(),
            target,
            path: context.event_scope(event).map(|scope| path(scope, false)).unwrap_or_default(),
            text: fields.text(),
            printed: metadata.target() == PRINTED,
        };
        self.write(&line, false);
    }
}

/// `acquire:hook{provider=desk hook=lease}`. The outermost is the command, which the reader knows.
fn path<'a, S: LookupSpan<'a>>(scope: Scope<'a, S>, with_command: bool) -> String {
    let mut path = String::new();
    for span in scope.from_root().skip(usize::from(!with_command)) {
        let colon = if path.is_empty() { "" } else { ":" };
        // Writing to a string doesn't fail.
        let _ = write!(path, "{colon}{}", span.name());
        if let Some(about) = span.extensions().get::<About>().filter(|one| !one.fields.is_empty()) {
            let _ = write!(path, "{{{}}}", about.fields);
        }
    }
    path
}
