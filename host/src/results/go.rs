//! What Go's `testing` writes of a test: lines of its log, which say nothing of what they are, and perhaps a panic.

use std::ops::ControlFlow;

/// So much of a text's end is looked at, in bytes: what the test stopped at stands there, and a panic above all goroutines.
const LOOKED_AT: usize = 64 * 1024;

/// From where on it says why the test ended as it did: a panic, else the last line of the log. A `t.Error` looks like a
/// `t.Log`: of several lines the first may be either, but the last is where `t.Fatal` or `t.Skip` stopped. Of several errors
/// it is one as well, if nothing is logged behind them. `None`: it is no such text.
pub(super) fn ending(text: &str) -> Option<&str> {
    let text = &text[text.ceil_char_boundary(text.len().saturating_sub(LOOKED_AT))..];
    let mut last = None;
    let mut is_of_go = text.contains("\ngoroutine ");
    let mut at = 0;
    let panic = text.split_inclusive('\n').try_for_each(|line| {
        let begin = at;
        at += line.len();
        let words = line.trim_start();
        let indent = line.len() - words.len();
        if is_of_go && line.starts_with("panic: ") {
            return ControlFlow::Break(begin);
        }
        is_of_go |= words.starts_with("=== RUN") || words.starts_with("--- FAIL");
        // What is deeper is more of what was logged above.
        if is_logged(words) && last.is_none_or(|(_, first)| indent <= first) {
            last = Some((begin, indent));
        }
        ControlFlow::Continue(())
    });
    let begin = panic.break_value().or(last.map(|(begin, _)| begin));
    begin.map(|begin| &text[begin..])
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
