//! Patterns of paths, followed along with a walk: a folder that none of them leads through isn't entered, and no
//! path is compared twice.
//!
//! | | matches |
//! |---|---|
//! | `*` | any part of a name, also nothing, also a dot at its beginning |
//! | `?` | one character |
//! | `[a-z]`, `[!a-z]` | one character of these, or none of these |
//! | `{a,b}` | one of these, which may hold slashes and others |
//! | `**` | as a whole name: any number of folders, also none |
//! | `\x` | `x` itself |
//!
//! A pattern counts from the root of the walk. One that matches a folder matches all that is in it.

use std::mem;

/// So many ways may the alternatives of one pattern make.
const MAX_WAYS: usize = 1000;

/// A longer one is no path's, in bytes.
const MAX_LENGTH: usize = 4096;

/// So many alternatives may one pattern have, in each other or one after the other: each is looked into anew.
const MAX_ALTERNATIVES: usize = 100;

/// A pattern that isn't one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlobError {
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It counts from the root of the file system, or from the home folder.
    #[error("it is absolute")]
    Absolute,
    /// It leads to what is above.
    #[error("it leads up by `..`")]
    Above,
    /// A `[` without its end.
    #[error("a `[` has no end")]
    Class,
    /// A `{` without its end.
    #[error("a `{{` has no end")]
    Alternatives,
    /// A path has no such byte.
    #[error("it holds a NUL byte")]
    Nul,
    /// There is no end of alternatives.
    #[error("its alternatives make more than {MAX_WAYS} patterns")]
    TooMany,
    /// Nobody has typed it.
    #[error("it is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// Nor this.
    #[error("it has more than {MAX_ALTERNATIVES} `{{`")]
    TooDeep,
}

/// Several patterns, each of which is told from the others.
#[derive(Clone, Debug, Default)]
pub struct Globs(Vec<Vec<Way>>);

/// What one pattern means without alternatives, from the root to the last name.
type Way = Vec<Step>;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// Any number of folders.
    Deep,
    /// One name.
    Name(Vec<Token>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Exactly(u32),
    One,
    Any,
    Class { negated: bool, ranges: Vec<(u32, u32)> },
}

/// Where in the patterns a walk is.
#[derive(Clone, Debug, Default)]
pub struct Reach {
    states: Vec<State>,
    /// The last name stands in a pattern as it is.
    by_name: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    glob: usize,
    way: usize,
    /// So many steps are behind.
    step: usize,
}

impl Reach {
    /// Nothing below can match.
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        self.states.is_empty()
    }

    /// Whoever wrote a pattern meant this very entry.
    #[must_use]
    pub fn is_by_name(&self) -> bool {
        self.by_name
    }
}

impl Globs {
    /// What these mean; of the first that isn't one, its place in the list.
    pub fn new<T: AsRef<[u8]>>(
        globs: impl IntoIterator<Item = T>,
    ) -> Result<Self, (usize, GlobError)> {
        let globs = globs.into_iter().enumerate();
        globs
            .map(|(at, glob)| ways(glob.as_ref()).map_err(|error| (at, error)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// At the root of a walk.
    #[must_use]
    pub fn start(&self) -> Reach {
        let mut reach = Reach::default();
        for (glob, ways) in self.0.iter().enumerate() {
            for way in 0..ways.len() {
                self.add(&mut reach.states, State { glob, way, step: 0 });
            }
        }
        reach
    }

    /// One name further down.
    #[must_use]
    pub fn enter(&self, reach: &Reach, name: &[u8]) -> Reach {
        let mut entered = Reach::default();
        for state in &reach.states {
            let next = State { step: state.step + 1, ..*state };
            match self.step(state) {
                // All that is in a folder that matches does.
                None | Some(Step::Deep) => self.add(&mut entered.states, *state),
                Some(Step::Name(tokens)) if matches(tokens, name) => {
                    entered.by_name |=
                        tokens.iter().all(|token| matches!(token, Token::Exactly(_)));
                    self.add(&mut entered.states, next);
                }
                Some(Step::Name(_)) => {}
            }
        }
        entered
    }

    /// Does any of them match a file of this name? It costs less than to enter it, and most names are no match.
    #[must_use]
    pub fn is_file_match(&self, reach: &Reach, name: &[u8]) -> bool {
        reach.states.iter().any(|state| match self.step(state) {
            None => true,
            // It is never the last, and the one after it is among the states, too.
            Some(Step::Deep) => false,
            Some(Step::Name(tokens)) => self.is_last(state) && matches(tokens, name),
        })
    }

    fn is_last(&self, state: &State) -> bool {
        self.0[state.glob][state.way].len() == state.step + 1
    }

    /// Which of them match what was entered last, each once.
    #[must_use]
    pub fn matched(&self, reach: &Reach) -> Vec<usize> {
        let done = reach.states.iter().filter(|state| self.step(state).is_none());
        let mut globs: Vec<usize> = done.map(|state| state.glob).collect();
        globs.sort_unstable();
        globs.dedup();
        globs
    }

    /// Does any of them match what was entered last?
    #[must_use]
    pub fn is_match(&self, reach: &Reach) -> bool {
        reach.states.iter().any(|state| self.step(state).is_none())
    }

    /// Which of them match this path, which counts from the root.
    #[must_use]
    pub fn matched_path(&self, path: &[u8]) -> Vec<usize> {
        let names = path.split(|byte| *byte == b'/');
        let reach = names.fold(self.start(), |reach, name| self.enter(&reach, name));
        self.matched(&reach)
    }

    /// Does any of them match this path, or something below it?
    #[must_use]
    pub fn leads_to(&self, path: &[u8]) -> bool {
        let names = path.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
        let reach = names.fold(self.start(), |reach, name| self.enter(&reach, name));
        !reach.states.is_empty()
    }

    fn step(&self, state: &State) -> Option<&Step> {
        self.0[state.glob][state.way].get(state.step)
    }

    fn add(&self, states: &mut Vec<State>, state: State) {
        if states.contains(&state) {
            return;
        }
        states.push(state);
        if let Some(Step::Deep) = self.step(&state) {
            self.add(states, State { step: state.step + 1, ..state });
        }
    }
}

fn ways(glob: &[u8]) -> Result<Vec<Way>, GlobError> {
    if glob.contains(&0) {
        return Err(GlobError::Nul);
    }
    if glob.len() > MAX_LENGTH {
        return Err(GlobError::TooLong);
    }
    let mut alternatives = 0;
    unquoted(glob, |byte, _| {
        alternatives += usize::from(byte == b'{');
        false
    });
    if alternatives > MAX_ALTERNATIVES {
        return Err(GlobError::TooDeep);
    }
    let mut plain = Vec::new();
    expand(glob, &mut plain)?;
    plain.iter().map(|way| steps(way)).collect()
}

/// The pattern without alternatives, as many times as it takes.
fn expand(glob: &[u8], all: &mut Vec<Vec<u8>>) -> Result<(), GlobError> {
    let Some(open) = unquoted(glob, |byte, _| byte == b'{') else {
        if all.len() >= MAX_WAYS {
            return Err(GlobError::TooMany);
        }
        all.push(glob.to_vec());
        return Ok(());
    };
    let (before, inner) = (&glob[..open], &glob[open + 1..]);
    let mut start = 0;
    let mut depth = 0_u32;
    let mut parts = Vec::new();
    let close = unquoted(inner, |byte, at| {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return true,
            b'}' => depth -= 1,
            b',' if depth == 0 => parts.push(mem::replace(&mut start, at + 1)..at),
            _ => {}
        }
        false
    });
    let close = close.ok_or(GlobError::Alternatives)?;
    parts.push(start..close);
    for part in parts {
        expand(&[before, &inner[part], &inner[close + 1..]].concat(), all)?;
    }
    Ok(())
}

/// The first place where a byte stands for more than itself and is wanted.
fn unquoted(glob: &[u8], mut wanted: impl FnMut(u8, usize) -> bool) -> Option<usize> {
    let mut at = 0;
    while at < glob.len() {
        match glob[at] {
            b'\\' => at += 1,
            b'[' => at += class_length(&glob[at..]).unwrap_or(1) - 1,
            byte if wanted(byte, at) => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// How long the class is that begins here. The first character in it may be a `]`.
fn class_length(glob: &[u8]) -> Option<usize> {
    let negated = matches!(glob.get(1), Some(b'!' | b'^'));
    let first = if negated { 3 } else { 2 };
    let end = glob.iter().skip(first).position(|byte| *byte == b']')?;
    Some(first + end + 1)
}

fn steps(glob: &[u8]) -> Result<Way, GlobError> {
    match glob {
        b"" => return Err(GlobError::Empty),
        [b'/', ..] | b"~" | [b'~', b'/', ..] => return Err(GlobError::Absolute),
        _ => {}
    }
    let mut way = Way::new();
    for name in glob.split(|byte| *byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." => return Err(GlobError::Above),
            b"**" if way.last() == Some(&Step::Deep) => {}
            b"**" => way.push(Step::Deep),
            name => way.push(Step::Name(tokens(name)?)),
        }
    }
    // The folder itself isn't meant.
    if glob.ends_with(b"/") && way.last() != Some(&Step::Deep) {
        way.push(Step::Deep);
    }
    if way.is_empty() || way.last() == Some(&Step::Deep) {
        way.push(Step::Name(vec![Token::Any]));
    }
    Ok(way)
}

fn tokens(mut name: &[u8]) -> Result<Vec<Token>, GlobError> {
    let mut tokens = Vec::new();
    while let Some((&byte, rest)) = name.split_first() {
        name = match byte {
            b'*' => {
                if tokens.last() != Some(&Token::Any) {
                    tokens.push(Token::Any);
                }
                rest
            }
            b'?' => {
                tokens.push(Token::One);
                rest
            }
            b'[' => {
                let length = class_length(name).ok_or(GlobError::Class)?;
                tokens.push(class(&name[1..length - 1]));
                &name[length..]
            }
            _ => {
                let quoted = if byte == b'\\' && !rest.is_empty() { rest } else { name };
                let Some((character, rest)) = first(quoted) else { break };
                tokens.push(Token::Exactly(character));
                rest
            }
        };
    }
    Ok(tokens)
}

/// What stands between the brackets.
fn class(text: &[u8]) -> Token {
    let (negated, mut text) = match text {
        [b'!' | b'^', rest @ ..] => (true, rest),
        text => (false, text),
    };
    let mut ranges = Vec::new();
    while let Some((from, rest)) = first(text) {
        let (to, rest) = rest.strip_prefix(b"-").and_then(first).unwrap_or((from, rest));
        ranges.push((from, to));
        text = rest;
    }
    Token::Class { negated, ranges }
}

/// The first character; a byte that is part of none counts as one of its own, which no text holds.
fn first(text: &[u8]) -> Option<(u32, &[u8])> {
    const BEYOND: u32 = 0x11_0000;
    let (&byte, rest) = text.split_first()?;
    let length = match byte {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let character = text.get(..length).and_then(|bytes| str::from_utf8(bytes).ok());
    match character.and_then(|text| text.chars().next()) {
        Some(character) => Some((character.into(), &text[length..])),
        None => Some((BEYOND + u32::from(byte), rest)),
    }
}

/// Does the name consist of these? After a part that may be anything, the shortest is tried first; only the last of
/// such parts is ever made longer, which is enough.
fn matches(tokens: &[Token], name: &[u8]) -> bool {
    let (mut at, mut left) = (0, name);
    let mut retry: Option<(usize, &[u8])> = None;
    loop {
        match tokens.get(at) {
            None if left.is_empty() => return true,
            Some(Token::Any) => {
                at += 1;
                retry = Some((at, left));
                continue;
            }
            Some(token) => {
                if let Some((character, rest)) = first(left)
                    && is_one(token, character)
                {
                    (at, left) = (at + 1, rest);
                    continue;
                }
            }
            None => {}
        }
        let Some((after, tried)) = retry else { return false };
        let Some((_, rest)) = first(tried) else { return false };
        retry = Some((after, rest));
        (at, left) = (after, rest);
    }
}

fn is_one(token: &Token, character: u32) -> bool {
    match token {
        Token::Exactly(wanted) => *wanted == character,
        Token::One | Token::Any => true,
        Token::Class { negated, ranges } => {
            let is_in = ranges.iter().any(|(from, to)| (*from..=*to).contains(&character));
            is_in != *negated
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_match(glob: &str, path: &str) -> bool {
        !Globs::new([glob]).expect(glob).matched_path(path.as_bytes()).is_empty()
    }

    #[test]
    fn a_pattern_matches_what_the_page_says() {
        let matching = [
            ("a.xml", "a.xml"),
            ("./a//b", "a/b"),
            ("*.xml", ".hidden.xml"),
            ("*", "a"),
            ("a*b*c", "aXbXbc"),
            ("?.txt", "ü.txt"),
            ("[a-c]x[!0-9]", "bxy"),
            ("[]]x", "]x"),
            ("[^a]", "b"),
            ("{a,b/c}.xml", "b/c.xml"),
            ("{a,{b,c}d}{,.gz}", "cd.gz"),
            ("**/r.xml", "r.xml"),
            ("**/r.xml", "a/b/r.xml"),
            ("a/**/r.xml", "a/r.xml"),
            ("a/**", "a/b/c"),
            ("target", "target/deep/file"),
            ("target/", "target/file"),
            ("**/reports", "a/reports/b/c"),
            ("a**b", "axb"),
            (r"\*\{\[", "*{["),
            (".", "anything"),
        ];
        for (glob, path) in matching {
            assert!(is_match(glob, path), "{glob} {path}");
        }
        let other = [
            ("*.xml", "a/b.xml"),
            ("a/*.xml", "a/b/c.xml"),
            ("a", "ab"),
            ("a/**", "a"),
            ("target/", "target"),
            ("[!a]", "a"),
            ("?", ""),
            ("A", "a"),
            (r"\*", "x"),
        ];
        for (glob, path) in other {
            assert!(!is_match(glob, path), "{glob} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        let many = "{a,b}".repeat(12);
        let (long, deep) = ("{a}".repeat(30_000), "{".repeat(101) + &"}".repeat(101));
        for (glob, expected) in [
            ("", GlobError::Empty),
            ("{a,}", GlobError::Empty),
            ("/etc/*", GlobError::Absolute),
            ("{a,/b}", GlobError::Absolute),
            ("~/x", GlobError::Absolute),
            ("a/../b", GlobError::Above),
            ("[a", GlobError::Class),
            ("[a/b]", GlobError::Class),
            ("{a,b", GlobError::Alternatives),
            ("a\0", GlobError::Nul),
            (&many, GlobError::TooMany),
            (&long, GlobError::TooLong),
            (&deep, GlobError::TooDeep),
        ] {
            assert_eq!(Globs::new(["fine", glob]).expect_err(glob), (1, expected), "{glob}");
        }
        assert!(is_match(&"{a}".repeat(100), &"a".repeat(100)));
        assert!(is_match(&r"\{".repeat(101), &"{".repeat(101)));
    }

    #[test]
    fn a_folder_that_no_pattern_leads_through_is_left_alone() {
        let globs = Globs::new(["target/*/reports/*.xml", "out"]).expect("patterns");
        let into = |path: &str| {
            let names = path.split('/');
            names.fold(globs.start(), |reach, name| globs.enter(&reach, name.as_bytes()))
        };
        for path in ["node_modules", "target/debug/deps", "target/debug/reports/a/b"] {
            assert!(into(path).is_nowhere(), "{path}");
        }
        for path in ["target", "target/debug", "out/any/where"] {
            assert!(!into(path).is_nowhere(), "{path}");
        }
        assert!(into("target").is_by_name() && !into("target/debug").is_by_name());
        assert_eq!(globs.matched(&into("out/a")), [1]);
    }

    #[test]
    fn a_pattern_made_to_take_long_does_not() {
        let glob = "*a".repeat(120);
        assert!(!is_match(&glob, &"a".repeat(119)));
        let deep = "**/a/".repeat(60) + "b";
        assert!(!is_match(&deep, &"a/".repeat(120)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_pattern_or_not(glob: Vec<u8>, path: Vec<u8>) {
            if let Ok(globs) = Globs::new([&glob]) {
                let _ = globs.matched_path(&path);
            }
        }

        #[test]
        fn a_file_matches_as_it_does_when_it_is_entered(
            glob in r"[ab*/]{1,8}|\{a,\*\*/b\}/?[ab*]*",
            path in "[ab]{1,2}(/[ab]{1,2}){0,3}",
        ) {
            let Ok(globs) = Globs::new([&glob]) else { return Ok(()) };
            let (above, name) = path.rsplit_once('/').unwrap_or(("", &path));
            let names = above.split('/').filter(|name| !name.is_empty());
            let reach = names.fold(globs.start(), |reach, name| globs.enter(&reach, name.as_bytes()));
            let entered = globs.enter(&reach, name.as_bytes());
            prop_assert_eq!(globs.is_file_match(&reach, name.as_bytes()), globs.is_match(&entered));
        }

        #[test]
        fn a_quoted_name_matches_itself(name in "[^/\0]{1,20}") {
            let glob: String = name.chars().flat_map(|one| ['\\', one]).collect();
            prop_assert!(is_match(&glob, &name));
        }
    }
}
