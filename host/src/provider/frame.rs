//! The frames between host and provider child: a length (4 bytes, big-endian) and that much JSON, behind which some have
//! bytes that need not be text.

use crabbox_provider_api::payload::Checkpoint;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::io::{self, Read, Write};
use tracing::{Level, enabled, trace};

/// The target of each frame in the log, at the level `trace`.
pub(crate) const FRAMES: &str = "crabbox::frames";

/// The longest frame, in bytes.
const LIMIT: usize = 8 * 1024 * 1024;

/// What the host says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ToChild {
    /// Call a hook. The answer repeats the id, which no other call of this connection has. Events of a
    /// higher level than `log` aren't wanted meanwhile; 0: none is.
    Call { id: u64, hook: String, log: u32, request: Value },
    /// The checkpoint is durable, or why it isn't.
    Recorded { error: Option<String> },
    /// What came of a request about a command. The body follows the JSON.
    Executed {
        id: u64,
        status: u32,
        #[serde(skip)]
        body: Vec<u8>,
    },
    /// Stop what you do, and answer.
    Cancel,
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ToHost {
    /// The library is loaded; the first frame.
    Ready,
    /// It can't be.
    Unloadable { reason: String },
    /// The hook's answer to the call of this id.
    Answer { id: u64, status: u32, body: Value },
    /// Store this, then say so.
    Checkpoint { checkpoint: Checkpoint },
    /// For the log.
    Log { level: u32, target: String, message: String },
    /// For the user.
    Progress { text: String },
    /// A request about a command, served while the hook runs. The body follows the JSON.
    Exec {
        id: u64,
        #[serde(skip)]
        body: Vec<u8>,
    },
}

/// What may have bytes behind it.
pub(super) trait Message: Serialize + DeserializeOwned {
    /// Where they are kept; `None` for a message that has none.
    fn tail(&mut self) -> Option<&mut Vec<u8>>;
}

impl Message for ToChild {
    fn tail(&mut self) -> Option<&mut Vec<u8>> {
        match self {
            Self::Executed { body, .. } => Some(body),
            _ => None,
        }
    }
}

impl Message for ToHost {
    fn tail(&mut self) -> Option<&mut Vec<u8>> {
        match self {
            Self::Exec { body, .. } => Some(body),
            _ => None,
        }
    }
}

/// Writes one frame. One over the limit is [`io::ErrorKind::InvalidInput`], and nothing of it is written.
pub(super) fn write(out: &mut impl Write, mut message: impl Message) -> io::Result<()> {
    let mut body = serde_json::to_vec(&message)?;
    let json = body.len();
    body.append(message.tail().unwrap_or(&mut Vec::new()));
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= LIMIT);
    let length = length.ok_or_else(|| {
        let message = format!("a frame of {} bytes is over the limit of {LIMIT}", body.len());
        io::Error::new(io::ErrorKind::InvalidInput, message)
    })?;
    let mut frame = Vec::with_capacity(4 + body.len());
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&body);
    note("->", &body, json);
    out.write_all(&frame)
}

/// Reads one frame; a length over the limit is refused before memory is set aside for it.
pub(super) fn read<T: Message>(input: &mut impl Read) -> io::Result<T> {
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > LIMIT {
        let message = format!("a frame of {length} bytes is over the limit of {LIMIT}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body)?;
    let mut values = serde_json::Deserializer::from_slice(&body).into_iter::<T>();
    let message = values.next().unwrap_or_else(|| Err(serde::de::Error::custom("it is empty")));
    let rest = values.byte_offset();
    note("<-", &body, rest);
    let mut message = message.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    match message.tail() {
        Some(tail) => *tail = body.split_off(rest),
        None if rest == body.len() => {}
        None => return Err(io::Error::new(io::ErrorKind::InvalidData, "something behind its end")),
    }
    Ok(message)
}

/// For whoever wants to see what is said. What is no text behind the JSON is only counted.
fn note(direction: &str, body: &[u8], json: usize) {
    if enabled!(target: FRAMES, Level::TRACE) {
        let (text, tail) = body.split_at(json);
        let more = if tail.is_empty() { String::new() } else { format!(" + {} bytes", tail.len()) };
        trace!(target: FRAMES, "{direction} {}{more}", String::from_utf8_lossy(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_length_over_the_limit_is_refused() {
        let error = read::<ToHost>(&mut [0xff_u8; 8].as_slice()).expect_err("refuses");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn bytes_follow_where_they_may_and_nowhere_else() {
        let mut bytes = Vec::new();
        write(&mut bytes, ToHost::Exec { id: 7, body: b"{}\xff".to_vec() }).expect("writes");
        let back = read(&mut bytes.as_slice()).expect("reads");
        let ToHost::Exec { id: 7, body } = back else { panic!("another frame") };
        assert_eq!(body, b"{}\xff");
        let error = read::<ToHost>(&mut b"\0\0\0\x08\"ready\"x".as_slice()).expect_err("refuses");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes: Vec<u8>) {
            let _ = read::<ToHost>(&mut bytes.as_slice());
            let _ = read::<ToChild>(&mut bytes.as_slice());
        }

        #[test]
        fn text_survives(text: String) {
            let mut bytes = Vec::new();
            write(&mut bytes, ToHost::Progress { text: text.clone() }).expect("writes");
            let back = read(&mut bytes.as_slice()).expect("reads");
            let ToHost::Progress { text: received } = back else { panic!("another frame") };
            prop_assert_eq!(received, text);
        }
    }
}
