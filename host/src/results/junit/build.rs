//! Builds tests from the events of a report's XML.

use super::super::case::{Case, Place, Status};
use super::super::room::Room;
use super::super::totals::Totals;
use super::Trouble;
use super::bounds::{MAX_CASES, MAX_DEPTH, MAX_KEPT, Printed};
use super::said::{
    Kind, Words, add, attribute, complete, declared_place, kind, resolved, settle, time,
};
use crate::redact::Redactor;
use quick_xml::events::{BytesStart, Event};
use std::mem;

/// What failed where a suite failed as a whole.
pub(super) const THE_SUITE: &str = "(the suite itself)";

/// An element that was entered and not left.
#[derive(Debug)]
enum Open {
    /// Suites, and the outermost of them: with what the one around it is called, and whether it says how long it took.
    Suite(String, bool),
    /// With where the report says that it stands, and what it printed.
    Case(Box<Case>, Option<Place>, Printed),
    /// Something that wasn't well.
    Problem(Kind, Words),
    /// A stack trace in a [`Open::Problem`], which is a part of its text.
    Trace,
    /// What a test printed.
    Output,
    /// Nothing that is looked at.
    Other,
}

#[derive(Debug)]
pub(super) struct Builder<'a> {
    redactor: &'a Redactor,
    pub(super) cases: Vec<Case>,
    /// Those that there was no room for.
    pub(super) counted: Totals,
    open: Vec<Open>,
    pub(super) elements: Vec<usize>,
    suite: String,
    /// The number of each suite that was entered and not left, and of the last one.
    suites: Vec<usize>,
    last: usize,
    /// How long all of it took, in milliseconds: the outermost that says so counts.
    pub(super) ms: u64,
    /// So many suites that were entered and not left say how long they took.
    timed: usize,
    room: Room,
    /// There was one of its elements.
    is_report: bool,
}

impl<'a> Builder<'a> {
    /// Of tests without these secrets.
    pub(super) fn without(redactor: &'a Redactor) -> Self {
        Self {
            redactor,
            cases: Vec::new(),
            counted: Totals::default(),
            open: Vec::new(),
            elements: Vec::new(),
            suite: String::new(),
            suites: Vec::new(),
            last: 0,
            ms: 0,
            timed: 0,
            room: Room::of(MAX_CASES, MAX_KEPT),
            is_report: false,
        }
    }

    /// Was all that was entered left again?
    pub(super) fn is_complete(&self) -> bool {
        self.open.is_empty()
    }

    /// Was there one of a report's elements?
    pub(super) fn is_report(&self) -> bool {
        self.is_report
    }

    pub(super) fn take(&mut self, event: &Event<'_>) -> Result<(), Trouble> {
        match event {
            Event::Start(start) => self.enter(start)?,
            Event::Empty(start) => {
                self.enter(start)?;
                self.leave();
            }
            Event::End(_) => self.leave(),
            Event::Text(text) => self.text(text),
            Event::CData(text) => self.text(text),
            Event::GeneralRef(reference) => self.text(&resolved(reference)),
            _ => {}
        }
        Ok(())
    }

    fn enter(&mut self, start: &BytesStart<'_>) -> Result<(), Trouble> {
        if self.open.len() >= MAX_DEPTH {
            return Err(Trouble::Depth);
        }
        let name = start.local_name();
        let open = match (name.as_ref(), self.open.last()) {
            ("testsuites" | "testrun" | "testsuite", None | Some(Open::Suite(..))) => {
                self.is_report = true;
                self.last += 1;
                self.suites.push(self.last);
                let outer = mem::take(&mut self.suite);
                let own = self.word(start, "name").unwrap_or_default();
                let is_inner = name.as_ref() == "testsuite";
                self.suite = if is_inner && !own.is_empty() { own } else { outer.clone() };
                Open::Suite(outer, self.enter_time(start))
            }
            (_, None) if !self.is_report => return Err(Trouble::Foreign),
            ("testcase", Some(Open::Suite(..))) => {
                let place = declared_place(start, self.redactor);
                Open::Case(Box::new(self.case(start)), place, Printed::default())
            }
            (name, Some(Open::Case(..))) => match kind(name) {
                Some(kind) => Open::Problem(kind, Words::of(start, self.redactor)),
                None if name == "system-out" || name == "system-err" => Open::Output,
                None => Open::Other,
            },
            (name, Some(Open::Suite(..))) => match kind(name) {
                Some(kind @ Kind::Is(Status::Failed | Status::Error)) => {
                    Open::Problem(kind, Words::of(start, self.redactor))
                }
                _ => Open::Other,
            },
            ("stackTrace" | "system-out" | "system-err", Some(Open::Problem(..))) => Open::Trace,
            _ => Open::Other,
        };
        self.open.push(open);
        Ok(())
    }

    fn leave(&mut self) {
        match self.open.pop() {
            Some(Open::Suite(outer, is_timed)) => {
                self.suite = outer;
                self.timed -= usize::from(is_timed);
                self.suites.pop();
            }
            Some(Open::Case(mut case, _, printed)) => {
                settle(&mut case, printed, self.redactor);
                self.keep(*case);
            }
            Some(Open::Problem(kind, words)) => {
                match self.open.last_mut() {
                    Some(Open::Case(case, declared, _)) => {
                        let problem = complete(words, declared.as_ref(), case, self.redactor);
                        add(case, kind, problem);
                    }
                    // Something failed before or after all tests of it.
                    Some(Open::Suite(..)) => {
                        let (suite, name) = (self.suite.clone(), THE_SUITE.to_owned());
                        let mut case = Case { suite, name, ..Case::default() };
                        let problem = complete(words, None, &case, self.redactor);
                        add(&mut case, kind, problem);
                        self.keep(case);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Does this suite say how long it took? A zero is no time: some tools write it where they know none.
    fn enter_time(&mut self, start: &BytesStart<'_>) -> bool {
        let Some(ms) = time(start).filter(|ms| *ms > 0) else { return false };
        self.spend(Some(ms));
        self.timed += 1;
        true
    }

    /// What stands in a suite that says so itself took no time beside it.
    fn spend(&mut self, ms: Option<u64>) {
        if self.timed == 0 {
            self.ms = self.ms.saturating_add(ms.unwrap_or_default());
        }
    }

    fn keep(&mut self, mut case: Case) {
        self.spend(case.ms);
        if !self.room.take(&mut case) {
            return self.counted.count(case.status);
        }
        self.elements.push(self.suites.last().copied().unwrap_or_default());
        self.cases.push(case);
    }

    /// The file ends here. Of a test in whose middle that is, it is only known how it came out if it has failed by now.
    pub(super) fn break_off(&mut self) {
        while let Some(Open::Trace | Open::Other | Open::Output) = self.open.last() {
            self.open.pop();
        }
        if let Some(Open::Problem(..)) = self.open.last() {
            self.leave();
        }
        if let Some(Open::Case(case, ..)) = self.open.last()
            && case.status.is_failure()
        {
            self.leave();
        }
    }

    fn case(&self, start: &BytesStart<'_>) -> Case {
        Case {
            suite: self.suite.clone(),
            class: self.word(start, "classname").or_else(|| self.word(start, "group")),
            name: self.word(start, "name").unwrap_or_else(|| "(without a name)".to_owned()),
            ms: time(start),
            ..Case::default()
        }
    }

    fn word(&self, start: &BytesStart<'_>, name: &str) -> Option<String> {
        attribute(start, name, self.redactor)
    }

    fn text(&mut self, text: &str) {
        match self.open.as_mut_slice() {
            [.., Open::Problem(_, words), Open::Trace] | [.., Open::Problem(_, words)] => {
                words.text.push(text);
            }
            [.., Open::Case(_, _, printed), Open::Output] => printed.push(text),
            _ => {}
        }
    }
}
