//! `${NAME}` in a cassette: for what differs from time to time.

use std::collections::BTreeMap;

/// What the names stand for, so far.
pub(super) type Bound = BTreeMap<String, String>;

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// `${name}` is a name, `$${` the text `${`, everything else text.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            parts.push(Part::Text(&rest[..at - 1]));
            parts.push(Part::Text("${"));
            rest = &rest[at + 2..];
            continue;
        }
        let name = rest[at + 2..].split_once('}').map(|(name, _)| name);
        let word = |name: &&str| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        if let Some(name) = name.filter(word) {
            parts.push(Part::Text(&rest[..at]));
            parts.push(Part::Name(name));
            rest = &rest[at + 2 + name.len() + 1..];
        } else {
            parts.push(Part::Text(&rest[..at + 2]));
            rest = &rest[at + 2..];
        }
    }
    parts.push(Part::Text(rest));
    parts
}

/// Text in which nothing is a name.
pub(super) fn escape(text: &str) -> String {
    text.replace("${", "$${")
}

/// Text with what the names stand for; one that stands for nothing stays.
pub(super) fn fill(text: &str, bound: &Bound) -> String {
    let mut result = String::new();
    for part in parts(text) {
        match part {
            Part::Text(text) => result.push_str(text),
            Part::Name(name) => {
                let unbound = || format!("${{{name}}}");
                result.push_str(&bound.get(name).cloned().unwrap_or_else(unbound));
            }
        }
    }
    result
}

/// Are these words those of the pattern? What the names stand for then.
pub(super) fn matches(pattern: &[String], words: &[&str], bound: &Bound) -> Option<Bound> {
    if pattern.len() != words.len() {
        return None;
    }
    let mut bound = bound.clone();
    for (pattern, word) in pattern.iter().zip(words) {
        let parts = parts(pattern);
        if !matches_word(&parts, word, &mut bound) {
            return None;
        }
    }
    Some(bound)
}

/// A new name takes as little as it can, and at least one character.
fn matches_word(parts: &[Part<'_>], word: &str, bound: &mut Bound) -> bool {
    let Some((first, rest)) = parts.split_first() else { return word.is_empty() };
    match first {
        Part::Text(text) => {
            word.strip_prefix(text).is_some_and(|word| matches_word(rest, word, bound))
        }
        Part::Name(name) => {
            if let Some(value) = bound.get(*name).cloned() {
                return word
                    .strip_prefix(value.as_str())
                    .is_some_and(|word| matches_word(rest, word, bound));
            }
            let ends = word.char_indices().skip(1).map(|(at, _)| at).chain([word.len()]);
            for end in ends.filter(|end| *end > 0) {
                let mut tried = bound.clone();
                tried.insert((*name).to_owned(), word[..end].to_owned());
                if matches_word(rest, &word[end..], &mut tried) {
                    *bound = tried;
                    return true;
                }
            }
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, word: &str) -> Option<Bound> {
        matches(&[pattern.to_owned()], &[word], &Bound::new())
    }

    #[test]
    fn a_name_stands_for_the_same_wherever_it_comes_again() {
        let bound =
            check("owner:${user} name:${name}-${name}", "owner:me name:a-b-a-b").expect("is");
        assert_eq!((bound["user"].as_str(), bound["name"].as_str()), ("me", "a-b"));
        assert_eq!(
            fill("${user}/${name} ${other} $${user} ${", &bound),
            "me/a-b ${other} ${user} ${"
        );
        assert!(matches(&["${name}".to_owned()], &["c"], &bound).is_none());
        assert!(check("x${name}", "x").is_none(), "it stands for something");
    }

    #[test]
    fn text_that_looks_like_a_name_can_be_meant() {
        for text in ["${HOME}", "$${HOME}", "${", "$", "${}", "${a b}", "a${x}b"] {
            assert_eq!(check(&escape(text), text), Some(Bound::new()), "{text}");
            assert_eq!(fill(&escape(text), &Bound::new()), text);
        }
    }
}
