//! One name of a path, and the part of a pattern that is compared with it.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Exactly(u32),
    One,
    Any,
    Class { negated: bool, ranges: Vec<(u32, u32)> },
}

/// Does the name consist of these? After a part that may be anything, the shortest is tried first; only the last of
/// such parts is ever made longer, which is enough.
pub(super) fn matches(tokens: &[Token], name: &[u8]) -> bool {
    // Most patterns end with the letters of an ending, and most names don't.
    if let Some(Token::Exactly(end)) = tokens.last()
        && *end < 0x80
        && name.last().is_none_or(|byte| u32::from(*byte) != *end)
    {
        return false;
    }
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

/// The first character; a byte that is part of none counts as one of its own, which no text holds.
pub(super) fn first(text: &[u8]) -> Option<(u32, &[u8])> {
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
