//! What a report's bytes are as text. Nearly all are UTF-8; some tools write UTF-16, or Latin-1 and say so.

use std::borrow::Cow;

/// So much of its beginning holds the declaration, in bytes.
const DECLARATION: usize = 200;

/// Names of what has one byte for each of the first 256 characters, or nearly so.
const SINGLE: [&str; 6] =
    ["iso-8859-1", "iso8859-1", "latin1", "latin-1", "iso-8859-15", "windows-1252"];

/// As text. What is none in its encoding is replaced, character by character.
pub(super) fn decoded(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        // Without a mark it begins with `<` all the same.
        [b'<', 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, b'<', ..] => utf16(bytes, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) if is_single(bytes) => bytes.iter().copied().map(char::from).collect(),
            Err(_) => String::from_utf8_lossy(bytes),
        },
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Cow<'_, str> {
    let (pairs, _) = bytes.as_chunks::<2>();
    let characters = char::decode_utf16(pairs.iter().copied().map(unit));
    characters.map(|one| one.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Does it say that it is in one of [`SINGLE`]?
fn is_single(bytes: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&bytes[..bytes.len().min(DECLARATION)]);
    let declaration = start.split_once("?>").map(|(declaration, _)| declaration);
    let encoding = declaration.and_then(|declaration| declaration.split_once("encoding"));
    let encoding = encoding.and_then(|(_, rest)| rest.split(['"', '\'']).nth(1));
    encoding.is_some_and(|name| SINGLE.contains(&name.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read_in_its_encoding() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-16\"?><testsuite name=\"ü𝄞\"/>";
        let units = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect();
        let [little, big]: [Vec<u8>; 2] = [units(u16::to_le_bytes), units(u16::to_be_bytes)];
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        for bytes in [
            marked(&[0xff, 0xfe], &little),
            marked(&[0xfe, 0xff], &big),
            little,
            big,
            marked(&[0xef, 0xbb, 0xbf], text.as_bytes()),
            text.as_bytes().to_vec(),
        ] {
            assert_eq!(decoded(&bytes), text);
        }
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><testcase name='\xfc'/>";
        assert!(decoded(latin).ends_with("'ü'/>"));
        // What is UTF-8 whatever it says, and what isn't and says nothing.
        let wrong = "<?xml version='1.0' encoding='ISO-8859-1'?><testcase name='ü'/>";
        assert_eq!(decoded(wrong.as_bytes()), wrong);
        assert_eq!(decoded(b"<a>\xfc"), "<a>\u{fffd}");
        assert_eq!(decoded(&[0xff, 0xfe, 0]), "");
    }
}
