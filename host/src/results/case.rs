//! One test, and how it came out.

use serde::{Deserialize, Serialize};

/// A test of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The innermost suite that it stands in, or empty.
    pub suite: String,
    /// The class, module or file that it belongs to, if the report says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Its own name.
    pub name: String,
    /// How it came out in the end.
    pub status: Status,
    /// How long it took, in milliseconds, if the report says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// What was wrong, or why it was skipped. `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// What was wrong with earlier tries, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Problem>,
    /// What it printed, as far as the report holds that and the test isn't well.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub output: String,
}

/// How a test came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Well.
    #[default]
    Passed,
    /// What it looks at isn't as it should be.
    Failed,
    /// It broke itself.
    Error,
    /// It wasn't run.
    Skipped,
    /// Well, after it had not been.
    Flaky,
}

/// What was wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// In one line, or empty.
    pub message: String,
    /// All that the report says of it, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Where: a file of the tree, and a line from 1 on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// As the report says it.
    pub file: String,
    /// From 1 on, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
}

impl Status {
    /// Did it not come out well?
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Error)
    }
}

impl Case {
    /// What tells it from the other tests of a run, and is the same in the next one.
    #[must_use]
    pub fn id(&self) -> String {
        match (&self.class, self.suite.as_str()) {
            // Some tools put the whole of it into the name.
            (Some(class), _) if !class.is_empty() && self.name.starts_with(class.as_str()) => {
                self.name.clone()
            }
            (Some(class), _) if !class.is_empty() => format!("{class}::{}", self.name),
            (_, "") => self.name.clone(),
            (_, suite) => format!("{suite}::{}", self.name),
        }
    }

    /// What it takes, in bytes: no less than as JSON, which is how it is kept.
    pub(super) fn size(&self) -> usize {
        let problems = self.problem.iter().chain(&self.earlier);
        let said = problems.map(|problem| {
            let place = problem.place.as_ref().map_or(0, |place| written(&place.file));
            size_of::<Problem>() + written(&problem.message) + written(&problem.text) + place
        });
        let class = self.class.as_deref().map_or(0, written);
        let own = written(&self.suite) + class + written(&self.name) + written(&self.output);
        size_of::<Self>() + own + said.sum::<usize>()
    }

    /// What is to be said of it in one line: of its end, or of the try that wasn't well.
    #[must_use]
    pub fn shown(&self) -> Option<&Problem> {
        self.problem.as_ref().or_else(|| self.earlier.last())
    }
}

/// As JSON, where a byte that isn't shown becomes six.
fn written(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        ..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_of_it_is_no_less_than_what_is_kept() {
        let sizes = |case: &Case| {
            (case.size(), serde_json::to_string(case).map_or(usize::MAX, |text| text.len()))
        };
        let (size, kept) = sizes(&Case::default());
        assert!(size >= kept, "{size} {kept}");
        for char in (0..0x250).filter_map(char::from_u32) {
            let word = || char.to_string().repeat(1000);
            let place = Some(Place { file: word(), line: Some(u64::MAX) });
            let problem = Problem { message: word(), text: word(), place };
            let case = Case {
                suite: word(),
                class: Some(word()),
                name: word(),
                status: Status::Skipped,
                ms: Some(u64::MAX),
                problem: Some(problem.clone()),
                earlier: vec![problem; 3],
                output: word(),
            };
            let (size, kept) = sizes(&case);
            assert!((kept..kept + 1000).contains(&size), "{char:?}: {size} {kept}");
        }
    }

    #[test]
    fn an_id_names_the_class_once() {
        let id = |suite: &str, class: Option<&str>, name: &str| {
            let class = class.map(str::to_owned);
            Case { suite: suite.to_owned(), class, name: name.to_owned(), ..Case::default() }.id()
        };
        assert_eq!(id("s", Some("a.B"), "works"), "a.B::works");
        assert_eq!(id("s", Some("a.B"), "a.B.works"), "a.B.works");
        assert_eq!(id("s", None, "works"), "s::works");
        assert_eq!(id("", None, "works"), "works");
        assert_eq!(id("s", Some(""), "works"), "s::works");
    }
}
