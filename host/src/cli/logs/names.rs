//! What a log may call tests. Tools print the whole of a name, with the class before it, or its last part alone, and that may
//! be a word which stands everywhere.

use crate::results::Case;

/// A shorter part of a name stands everywhere, in bytes.
const SHORTEST: usize = 3;

/// What stands between the parts of a test's name.
const BETWEEN: [&str; 4] = ["::", " > ", "/", "#"];

/// What stands between a class and a test, where a name has no parts.
const BEHIND_CLASS: [&str; 3] = ["::", ".", "#"];

/// Words to look for, each list sorted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// Those of several parts, which nothing else is called.
    pub(super) sure: Vec<String>,
    /// These, and names of a single part.
    pub(super) whole: Vec<String>,
    /// Last parts, and what was typed.
    pub(super) parts: Vec<String>,
}

impl Names {
    /// Those of these tests, for which this was typed.
    pub(super) fn of(cases: &[&Case], typed: &str) -> Self {
        let sure: Vec<String> = cases.iter().flat_map(|case| of_several_parts(case)).collect();
        let names = cases.iter().map(|case| case.name.as_str()).filter(|name| is_long(name));
        let whole = sure.iter().cloned().chain(names.map(str::to_owned)).collect();
        let lasts = cases.iter().map(|case| last_part(&case.name));
        let parts = lasts.chain([typed]).filter(|part| is_long(part) || cases.is_empty());
        let parts = parts.map(str::to_owned).collect();
        Self { sure: sorted(sure), whole: sorted(whole), parts: sorted(parts) }
    }
}

fn is_long(part: &str) -> bool {
    part.len() >= SHORTEST
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words.dedup();
    words
}

/// Its id, and its name with the last part of the class before it, if it has none of its own.
fn of_several_parts(case: &Case) -> Vec<String> {
    let Case { class, name, .. } = case;
    let mut words = vec![case.id()];
    if last_part(name).len() < name.len() {
        words.extend(is_long(name).then(|| name.clone()));
    } else if let Some(class) = class.as_deref().map(last_part).filter(|class| !class.is_empty()) {
        words.extend(BEHIND_CLASS.iter().map(|between| format!("{class}{between}{name}")));
    }
    words
}

/// The last part of a name, as most tools print it.
fn last_part(name: &str) -> &str {
    let bare = without_parameters(name);
    let ends =
        BETWEEN.iter().filter_map(|between| bare.rfind(between).map(|at| at + between.len()));
    let mut from = ends.max().unwrap_or(0);
    // A name in words may have a number in it, or an end.
    if !bare[from..].contains(char::is_whitespace) {
        from = bare.rfind('.').map_or(from, |at| from.max(at + 1));
    }
    &name[from..]
}

/// As long as the name, with nothing in brackets that could stand between two parts of it: `opens[http://a/b]` is one.
fn without_parameters(name: &str) -> String {
    let mut depth = 0_usize;
    let mut bare = String::with_capacity(name.len());
    for letter in name.chars() {
        depth = depth.saturating_sub(usize::from(matches!(letter, ']' | ')')));
        match depth {
            0 => bare.push(letter),
            _ => bare.extend(std::iter::repeat_n('_', letter.len_utf8())),
        }
        depth += usize::from(matches!(letter, '[' | '('));
    }
    bare
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_calls_a_test_by_the_last_part_of_its_name() {
        for (name, last) in [
            ("tests::math::adds", "adds"),
            ("TestAdd/with_carry", "with_carry"),
            ("a.b.FooTest.works", "works"),
            ("math > adds 1.5 and 2", "adds 1.5 and 2"),
            ("test_x[1-2]", "test_x[1-2]"),
            ("a::b::test_x[1.5]", "test_x[1.5]"),
            ("test_get[http://example.com/a]", "test_get[http://example.com/a]"),
            ("a.FooTest.works(int, java.lang.String)[1]", "works(int, java.lang.String)[1]"),
            ("math (v1.2) > adds (ü.b)", "adds (ü.b)"),
            ("test_x[a[b]/c]::d]", "d]"),
            ("a::", ""),
        ] {
            assert_eq!(last_part(name), last, "{name}");
        }
    }

    #[test]
    fn it_may_call_it_by_its_whole_name_and_as_somebody_typed_it() {
        let case = |name: &str| Case {
            class: Some("t.test_a".to_owned()),
            name: name.to_owned(),
            ..Case::default()
        };
        let (long, plain, short) = (case("a::test_x[1.5]"), case("get"), case("it"));
        let names = Names::of(&[&long], "test_x");
        assert_eq!(names.sure, ["a::test_x[1.5]", "t.test_a::a::test_x[1.5]"]);
        assert_eq!(names.whole, names.sure);
        assert_eq!(names.parts, ["test_x", "test_x[1.5]"]);
        let names = Names::of(&[&plain], "get");
        let sure = ["t.test_a::get", "test_a#get", "test_a.get", "test_a::get"];
        assert_eq!(names.sure, sure);
        assert_eq!(names.whole, [&["get"], &sure[..]].concat());
        assert_eq!(names.parts, ["get"]);
        // What is short stands everywhere.
        let names = Names::of(&[&short], "it");
        assert!(!names.whole.contains(&"it".to_owned()), "{names:?}");
        assert_eq!(names.parts, [""; 0]);
        assert_eq!(Names::of(&[], "it").parts, ["it"]);
    }
}
