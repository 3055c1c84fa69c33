//! Several patterns, and where in them a walk is.

use super::error::GlobError;
use super::name::{Token, matches};
use super::parse::{Step, Way, ways};

/// Several patterns, each of which is told from the others.
#[derive(Clone, Debug, Default)]
pub struct Globs(Vec<Vec<Way>>);

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

    /// Which files one name further down match. To ask that costs less than to enter each, and most are no match.
    #[must_use]
    pub fn files(&self, reach: &Reach) -> Files<'_> {
        let mut files = Files { all: false, names: Vec::new() };
        for state in &reach.states {
            match self.step(state) {
                None => files.all = true,
                Some(Step::Name(tokens)) if self.is_last(state) => files.names.push(tokens),
                // A deep step is never the last, and the one after it is among the states, too.
                Some(Step::Name(_) | Step::Deep) => {}
            }
        }
        files
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

/// The names of files in one folder that match.
#[derive(Debug)]
pub struct Files<'a> {
    /// Whatever they are called.
    all: bool,
    names: Vec<&'a [Token]>,
}

impl Files<'_> {
    /// Does a file of this name?
    #[must_use]
    pub fn is_match(&self, name: &[u8]) -> bool {
        self.all || self.names.iter().any(|tokens| matches(tokens, name))
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
            prop_assert_eq!(globs.files(&reach).is_match(name.as_bytes()), globs.is_match(&entered));
        }

        #[test]
        fn a_quoted_name_matches_itself(name in "[^/\0]{1,20}") {
            let glob: String = name.chars().flat_map(|one| ['\\', one]).collect();
            prop_assert!(is_match(&glob, &name));
        }
    }
}
