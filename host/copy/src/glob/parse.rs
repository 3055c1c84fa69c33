//! Reads a pattern: its alternatives first, then the names of each.

use super::error::{GlobError, MAX_ALTERNATIVES, MAX_LENGTH, MAX_WAYS};
use super::name::{Token, first};
use std::mem;

/// What one pattern means without alternatives, from the root to the last name.
pub(super) type Way = Vec<Step>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Any number of folders.
    Deep,
    /// One name.
    Name(Vec<Token>),
}

pub(super) fn ways(glob: &[u8]) -> Result<Vec<Way>, GlobError> {
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
