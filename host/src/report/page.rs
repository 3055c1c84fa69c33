//! What stands on the page, and in which order: how it ended, where the time went, what failed, what was printed.

use super::cases;
use super::chart::{self, Earlier};
use super::log::{self, Log};
use super::text::Text;
use super::timeline::{self, Phase};
use crate::results::{Compared, Results};
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");

/// Nothing is loaded, and nothing runs, whatever a text holds.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// So many files that it brought back are named.
const ARTIFACTS: usize = 1_000;

/// A run, as it is shown.
#[derive(Debug)]
pub struct Page {
    /// Its id.
    pub run: String,
    /// What was run.
    pub command: String,
    /// How it ended.
    pub verdict: Verdict,
    /// What else is known of it: a word, and what it is.
    pub facts: Vec<(&'static str, String)>,
    /// Where the time went.
    pub phases: Vec<Phase>,
    /// What its tests came to.
    pub results: Option<Results>,
    /// What is new since the run before.
    pub compared: Option<Compared>,
    /// Runs of the same command with their tests, this one among them, the latest last.
    pub earlier: Vec<Earlier>,
    /// What it brought back: where, and how large.
    pub artifacts: Vec<(String, String)>,
    /// What it printed.
    pub log: Log,
}

/// How a run ended.
#[derive(Debug)]
pub struct Verdict {
    /// `exit 1`.
    pub words: String,
    /// Why, if that isn't the program's own business.
    pub why: Option<String>,
    /// Well?
    pub well: bool,
}

impl Page {
    /// The whole page.
    #[must_use]
    pub fn render(&self) -> String {
        let Self { run, command, verdict, .. } = self;
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (verdict.words) " · " (Text(command)) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        p.verdict.well[verdict.well].unwell[!verdict.well] { (verdict.words) }
                        h1 { code { (Text(command)) } }
                        p.run { (Text(run)) }
                        @if let Some(why) = &verdict.why { p.why { (Text(why)) } }
                    }
                    main { (self.sections()) }
                }
            }
        };
        page.into_string()
    }

    fn sections(&self) -> Markup {
        html! {
            section aria-label="Facts" {
                dl.facts {
                    @for (word, what) in &self.facts { div { dt { (word) } dd { (Text(what)) } } }
                }
            }
            @if !self.phases.is_empty() {
                section { h2 { "Where the time went" } (timeline::draw(&self.phases)) }
            }
            @if let Some(results) = &self.results {
                section { h2 { "Tests" } (cases::show(results, self.compared.as_ref())) }
            }
            @if self.earlier.len() > 1 {
                section { h2 { "The last " (self.earlier.len()) " runs" } (chart::draw(&self.earlier)) }
            }
            @if !self.artifacts.is_empty() {
                section {
                    h2 { "Artifacts" }
                    ul.artifacts {
                        @for (path, size) in self.artifacts.iter().take(ARTIFACTS) { li { code { (Text(path)) } " " small { (Text(size)) } } }
                    }
                    (cases::and_more(self.artifacts.len(), ARTIFACTS))
                }
            }
            section { h2 id="log" { "Log" } (log::show(&self.log)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Line;
    use crate::results::{Case, Problem, Status, Totals};
    use crabbox_wire::frame::Stream;

    /// All that comes from outside, and would do harm if it were more than text.
    const HOSTILE: &str =
        "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u{1b}[31m";

    fn page() -> Page {
        let hostile = HOSTILE.to_owned();
        let case = Case {
            class: Some(hostile.clone()),
            name: hostile.clone(),
            status: Status::Failed,
            ms: Some(12),
            problem: Some(Problem { message: hostile.clone(), text: hostile.clone(), place: None }),
            output: hostile.clone(),
            ..Case::default()
        };
        let results = Results {
            files: vec![crate::results::Source {
                path: hostile.clone(),
                tests: 1,
                trouble: Some(hostile.clone()),
                ..crate::results::Source::default()
            }],
            cases: vec![case],
            ..Results::default()
        };
        let earlier = |failed| Earlier {
            run: hostile.clone(),
            when: hostile.clone(),
            totals: Totals { failed, passed: 3, ..Totals::default() },
        };
        Page {
            run: hostile.clone(),
            command: hostile.clone(),
            verdict: Verdict {
                words: "exit 1".to_owned(),
                why: Some(hostile.clone()),
                well: false,
            },
            facts: vec![("Box", hostile.clone())],
            phases: vec![Phase { name: hostile.clone(), start_ms: 3, ms: 0 }],
            results: Some(results),
            compared: Some(Compared {
                newly_passing: vec![hostile.clone()],
                ..Compared::default()
            }),
            earlier: vec![earlier(0), earlier(1)],
            artifacts: vec![(hostile.clone(), hostile.clone())],
            log: Log {
                lines: vec![Line { stream: Stream::Stderr, text: hostile }],
                first: 7,
                cut: 12,
            },
        }
    }

    #[test]
    fn what_comes_from_outside_is_text_and_nothing_else() {
        let page = page().render();
        for harm in ["<script", "<img", "onerror=alert(1)>\"", "\u{1b}"] {
            assert!(!page.contains(harm), "{harm}");
        }
        assert!(page.contains("&lt;script&gt;"));
        assert!(page.contains("id=\"L7\""));
    }

    #[test]
    fn of_very_many_files_only_so_many_are_named() {
        let artifacts = vec![("out.txt".to_owned(), "1 B".to_owned()); ARTIFACTS + 7];
        let page = Page { artifacts, ..page() }.render();
        assert_eq!(page.matches("out.txt").count(), ARTIFACTS);
        assert!(page.contains("... and 7 more"));
    }

    #[test]
    fn nothing_is_loaded() {
        let page = page().render();
        for word in ["http://", "https://", "src=\"", "url(", "@import", "<link", "javascript:"] {
            assert!(!page.contains(word), "{word}");
        }
    }

    #[test]
    fn bars_stay_within_the_picture() {
        let phase = |start_ms, ms| Phase { name: "a".to_owned(), start_ms, ms };
        let html = timeline::draw(&[phase(0, 10), phase(10, 0), phase(10, 90)]).into_string();
        assert!(
            html.contains("x=\"997\" y=\"0\" width=\"3\"") || html.contains("x=\"100\""),
            "{html}"
        );
        assert!(timeline::draw(&[phase(0, 0)]).into_string().contains("width=\"3\""));
    }
}
