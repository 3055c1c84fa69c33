//! Text that has to fit: shortened where the least is lost, or broken between words.

use crate::places;
use unicode_width::UnicodeWidthStr;

const DOTS: char = '…';

/// Where text is shortened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shorten {
    /// A path: the home folder becomes `~`, and the first folders go.
    Path,
    /// Anything else, at its end.
    End,
}

/// The columns that it takes on a terminal.
pub(super) fn width_of(text: &str) -> usize {
    text.width()
}

impl Shorten {
    /// Text of at most so many columns.
    pub(super) fn to(self, room: usize, text: &str) -> String {
        if width_of(text) <= room {
            return text.to_owned();
        }
        match self {
            Self::End => cut(text, room),
            Self::Path => {
                let home = places::home();
                path(text, home.as_deref().and_then(|home| home.to_str()), room)
            }
        }
    }
}

/// Text with its end cut off.
fn cut(text: &str, room: usize) -> String {
    let mut kept = String::new();
    for character in text.chars() {
        kept.push(character);
        if width_of(&kept) >= room {
            kept.pop();
            break;
        }
    }
    kept.push(DOTS);
    kept
}

fn path(path: &str, home: Option<&str>, room: usize) -> String {
    let below = home.and_then(|home| path.strip_prefix(home)).filter(|rest| rest.starts_with('/'));
    let path = below.map_or_else(|| path.to_owned(), |rest| format!("~{rest}"));
    if width_of(&path) <= room {
        return path;
    }
    let fits = |rest: &&str| width_of(rest) < room;
    let whole = path.match_indices('/').map(|(at, _)| &path[at..]).find(fits);
    let rest = whole.or_else(|| path.char_indices().map(|(at, _)| &path[at..]).find(fits));
    format!("{DOTS}{}", rest.unwrap_or_default())
}

/// Lines of at most so many columns, broken between words; each but the first begins with as many
/// blanks as `indent` says, and the first is taken to begin there.
pub(crate) fn wrap(text: &str, indent: usize, terminal: Option<usize>) -> String {
    let Some(room) =
        terminal.and_then(|columns| columns.checked_sub(indent)).filter(|room| *room >= 20)
    else {
        return text.to_owned();
    };
    let mut wrapped = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        let width = width_of(word);
        if column > 0 && column + 1 + width > room {
            wrapped.push('\n');
            wrapped.extend(std::iter::repeat_n(' ', indent));
            column = 0;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += width;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_its_end() {
        let short = |room| path("/home/you/work/project", Some("/home/you"), room);
        assert_eq!(short(14), "~/work/project");
        assert_eq!(short(13), "…/project");
        assert_eq!(short(9), "…/project");
        assert_eq!(short(6), "…oject");
        assert_eq!(path("/home/younger/a", Some("/home/you"), 15), "/home/younger/a");
    }

    #[test]
    fn text_keeps_its_beginning() {
        assert_eq!(Shorten::End.to(6, "abcdefgh"), "abcde…");
        assert_eq!(Shorten::End.to(8, "abcdefgh"), "abcdefgh");
        assert_eq!(Shorten::End.to(6, "日本語版"), "日本…");
    }

    #[test]
    fn lines_break_between_words() {
        let text = "what is wrong, and what can be done about it";
        assert_eq!(wrap(text, 4, None), text);
        assert_eq!(wrap(text, 4, Some(28)), "what is wrong, and what\n    can be done about it");
        assert_eq!(
            wrap("/a/very/long/word/that/stays", 4, Some(24)),
            "/a/very/long/word/that/stays"
        );
    }
}
