//! What Go's `testing` writes of a test: lines of its log, which say nothing of what they are, and perhaps a panic.

/// How Go begins to tell why a program ends.
const PANICS: [&str; 2] = ["panic: ", "fatal error: "];

/// So much of a text's end is looked at, in bytes: what the test stopped at stands there, and a panic above all goroutines.
const LOOKED_AT: usize = 64 * 1024;

/// So deep `testing` writes a line of its log, in blanks.
const INDENT: usize = 4;

/// From where on it says why the test ended as it did: a panic, else the last line of the log. A `t.Error` looks like a
/// `t.Log`: of several lines the first may be either, but the last is where `t.Fatal` or `t.Skip` stopped. Of several errors
/// it is one as well, if nothing is logged behind them. `None`: it is no such text.
pub(super) fn ending(text: &str) -> Option<&str> {
    let text = &text[text.ceil_char_boundary(text.len().saturating_sub(LOOKED_AT))..];
    let (mut own, mut others) = (Log::default(), Log::default());
    let mut panic = Panic::default();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let words = line.trim_start();
        let indent = line.len() - words.len();
        panic.look_at(line, words, at);
        if is_logged(words) {
            // Programs write such lines, too, from the first column on.
            let is_own = line.len() - line.trim_start_matches(' ').len() >= INDENT;
            let log = if is_own { &mut own } else { &mut others };
            log.add(at, indent);
            if is_own {
                panic.outlive();
            }
        }
        at += line.len();
    }
    let begin = panic.begin().or(own.last()).or(others.last());
    begin.map(|begin| &text[begin..])
}

/// The last line of a log: where it begins, and how deep.
#[derive(Default)]
struct Log(Option<(usize, usize)>);

impl Log {
    fn add(&mut self, begin: usize, indent: usize) {
        // What is deeper is more of what was logged above.
        if self.0.is_none_or(|(_, first)| indent <= first) {
            self.0 = Some((begin, indent));
        }
    }

    fn last(&self) -> Option<usize> {
        self.0.map(|(begin, _)| begin)
    }
}

/// What ended the program.
#[derive(Default)]
struct Panic {
    /// Where a line begins that may say it.
    said: Option<usize>,
    /// It isn't only said.
    is_real: bool,
    /// A test was told of as failed before: then its log is complete.
    after_end: bool,
}

impl Panic {
    fn look_at(&mut self, line: &str, words: &str, at: usize) {
        if words.starts_with("--- FAIL") {
            *self = Self { after_end: true, ..Self::default() };
        } else if !self.is_real && PANICS.iter().any(|begin| line.starts_with(begin)) {
            (self.said, self.is_real) = (Some(at), self.after_end);
        } else if self.said.is_some() && line.starts_with("goroutine ") {
            self.is_real = true;
        }
    }

    /// The test goes on: somebody recovers from it, or writes such lines.
    fn outlive(&mut self) {
        (self.said, self.is_real) = (None, false);
    }

    fn begin(&self) -> Option<usize> {
        self.said.filter(|_| self.is_real)
    }
}

/// `a_test.go:12: got 1`: without a folder, which compilers write, and without a column.
fn is_logged(words: &str) -> bool {
    let word = words.split(char::is_whitespace).next().and_then(|word| word.strip_suffix(':'));
    word.and_then(|word| word.split_once(".go:")).is_some_and(|(file, line)| {
        let is_name = !file.is_empty() && !file.contains(['/', '\\', ':']);
        is_name && !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_ends_at_its_panic_or_where_it_logged_last() {
        for (text, expected) in [
            ("a.go:1: a\na.go:2: b\n", Some("a.go:2: b\n")),
            ("    a.go:1: a\n        a.go:2: b\n", Some("    a.go:1: a\n        a.go:2: b\n")),
            ("a.go:1: a\n--- FAIL: TestX\npanic: b\n\tpanic: c", Some("panic: b\n\tpanic: c")),
            ("panic: b\n\ngoroutine 1 [running]:", Some("panic: b\n\ngoroutine 1 [running]:")),
            ("=== RUN   TestX\n    a.go:1: \n\tb", Some("    a.go:1: \n\tb")),
            ("panic: b\n", None),
            (
                "fatal error: b!\n\ngoroutine 1 [select]:",
                Some("fatal error: b!\n\ngoroutine 1 [select]:"),
            ),
            // What a program logs, and what it recovers from.
            ("s.go:3: on\n    a.go:1: a\ns.go:4: off\n", Some("    a.go:1: a\ns.go:4: off\n")),
            ("panic: b\n    a.go:1: a", Some("    a.go:1: a")),
            ("panic: b\na.go:1: a", Some("a.go:1: a")),
            ("panic: b\ngoroutine 1 [running]:\n    a.go:1: a", Some("    a.go:1: a")),
            (
                "    a.go:1: a\npanic: b\ngoroutine 1 [running]:\n--- FAIL: TestX",
                Some("    a.go:1: a\npanic: b\ngoroutine 1 [running]:\n--- FAIL: TestX"),
            ),
            (
                "panic: b\npanic: c\ngoroutine 1 [running]:",
                Some("panic: c\ngoroutine 1 [running]:"),
            ),
            ("./a.go:1: a\na.go:1:7: b\na.rs:1: c\n.go:1: d\na.go:: e\nsee a.go:1: f", None),
            ("", None),
        ] {
            assert_eq!(ending(text), expected, "{text}");
        }
    }

    #[test]
    fn only_the_end_of_much_is_looked_at() {
        let many = format!("a.go:1: early\n{}", "ü\n".repeat(LOOKED_AT));
        assert_eq!(ending(&many), None);
        let many = format!("{many}a.go:2: late");
        assert_eq!(ending(&many), Some("a.go:2: late"));
    }
}
