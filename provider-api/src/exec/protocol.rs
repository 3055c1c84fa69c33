//! What provider and host say to each other about a command, through the one function `exec` of the host's
//! table: JSON, and bytes right behind it that need not be text.
//!
//! The provider starts a command, then asks for what it says until it has ended. So output
//! comes while the command runs, nobody holds more of it than one piece, and a command whose output
//! isn't asked for waits. [`Host::exec`](crate::Host::exec) does all that.

use super::{Command, ExecError, ExecErrorKind, Status, Stream};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The longest piece of output, in bytes.
pub const LONGEST_PIECE: usize = 256 * 1024;

/// What the provider asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Run this; what it reads follows the JSON. Answer: [`Reply::Started`].
    Start(Command),
    /// What does it say next? Waits until there is something. Answer: [`Reply::Output`] or [`Reply::Ended`].
    Next {
        /// Which command.
        run: u64,
    },
    /// Nobody wants to know any more: end it. Answer: [`Reply::Forgotten`].
    Forget {
        /// Which command.
        run: u64,
    },
}

/// What the host answers with [`STATUS_OK`](crate::abi::STATUS_OK). With
/// [`STATUS_ERROR`](crate::abi::STATUS_ERROR) it is an [`ExecError`], and the command is no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// It runs.
    Started {
        /// Its number, for the next requests.
        run: u64,
    },
    /// It says this; the bytes follow the JSON.
    Output {
        /// On which stream.
        stream: Stream,
    },
    /// It has ended, and all that it said was handed over.
    Ended(Status),
    /// It is no more.
    Forgotten,
}

/// JSON with bytes behind it.
#[must_use]
pub fn encode(message: &impl Serialize, tail: &[u8]) -> Vec<u8> {
    // Numbers, strings and maps with strings for keys: nothing that JSON can't say.
    let mut bytes = serde_json::to_vec(message).unwrap_or_default();
    bytes.extend_from_slice(tail);
    bytes
}

/// JSON, and the bytes behind it.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), ExecError> {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter();
    let wrong = |reason: String| {
        let message = format!("what is said about a command makes no sense: {reason}");
        ExecError::new(ExecErrorKind::Failed, message)
    };
    match values.next() {
        Some(Ok(value)) => Ok((value, bytes.get(values.byte_offset()..).unwrap_or_default())),
        Some(Err(error)) => Err(wrong(error.to_string())),
        None => Err(wrong("it is empty".to_owned())),
    }
}

/// A request, with a command's input in its place.
pub fn decode_request(bytes: &[u8]) -> Result<Request, ExecError> {
    let (mut request, tail) = decode(bytes)?;
    if let Request::Start(command) = &mut request {
        command.stdin = tail.to_vec();
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_follow_the_json() {
        let command = Command::new("tool").stdin(b"\xff}\"\0".as_slice());
        let bytes = encode(&Request::Start(command.clone()), &command.stdin);
        assert_eq!(decode_request(&bytes).expect("reads"), Request::Start(command));
        let reply = Reply::Output { stream: Stream::Stderr };
        let bytes = encode(&reply, b"{\xfe");
        assert_eq!(decode::<Reply>(&bytes).expect("reads"), (reply, b"{\xfe".as_slice()));
    }

    #[test]
    fn nonsense_is_an_error() {
        for bytes in [b"".as_slice(), b"{\"start\"", b"\xff"] {
            decode_request(bytes).expect_err("makes no sense");
        }
    }
}
