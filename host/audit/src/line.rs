//! A line: a JSON object that begins with its number and the hash of the line before.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use stockade_core::UnixTime;

/// SHA-256 of a line, its line feed included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineHash(pub(crate) [u8; 32]);

impl LineHash {
    /// Stands in the first line of a log.
    pub const NONE: Self = Self([0; 32]);

    /// Hashes a line, its line feed included.
    pub fn of(line: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, line).as_ref());
        Self(hash)
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for LineHash {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut hash = [0; 32];
        hex::decode_to_slice(text, &mut hash)?;
        Ok(Self(hash))
    }
}

/// The kind of a line. The words are those of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The first line of a segment.
    Segment,
    /// A signed checkpoint.
    Checkpoint,
    /// The record of a request.
    Request,
    /// The gateway began to write.
    Start,
    /// The gateway ended in order.
    Stop,
    /// A configuration took effect.
    Reload,
    /// A configuration was rejected.
    ReloadRejected,
    /// A configuration was put beside the one in force, or taken away.
    Shadow,
    /// The configuration beside the one in force was written in its place.
    Promote,
    /// Requests were refused, or served, of which there is no line.
    Gap,
    /// The rest of a line that a crash cut off was removed.
    Torn,
    /// The file was removed, replaced or changed by somebody else.
    Tampered,
    /// Segments were removed because of their age or size.
    Retention,
}

impl Kind {
    const ALL: [Self; 13] = [
        Self::Segment,
        Self::Checkpoint,
        Self::Request,
        Self::Start,
        Self::Stop,
        Self::Reload,
        Self::ReloadRejected,
        Self::Shadow,
        Self::Promote,
        Self::Gap,
        Self::Torn,
        Self::Tampered,
        Self::Retention,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Segment => "segment",
            Self::Checkpoint => "checkpoint",
            Self::Request => "request",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Reload => "reload",
            Self::ReloadRejected => "reload-rejected",
            Self::Shadow => "shadow",
            Self::Promote => "promote",
            Self::Gap => "gap",
            Self::Torn => "torn",
            Self::Tampered => "tampered",
            Self::Retention => "retention",
        }
    }

    /// Returns the kind of a word. A later version may write others.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// The part of a line that every line has, as it stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// The number of the line in its log, from 1 on.
    pub seq: u64,
    /// The hash of the line before.
    pub prev: LineHash,
    /// The time at which it was written, as RFC 3339 with microseconds, in UTC.
    pub time: &'a str,
    /// The word for its kind.
    pub kind: &'a str,
}

/// A line that does not begin as every line does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a line of an audit log: it must begin with seq, prev, time and kind, in this order")]
pub struct Malformed;

impl<'a> Envelope<'a> {
    /// Reads the beginning of a line. The order and form of its first four members are fixed, so
    /// that no two readers can understand it differently.
    ///
    /// # Errors
    /// Where it begins otherwise, or does not end as an object.
    pub fn parse(line: &'a [u8]) -> Result<Self, Malformed> {
        Self::read(line).ok_or(Malformed)
    }

    fn read(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(br#"{"seq":"#)?;
        let (seq, rest) = split(rest, br#","prev":""#)?;
        let (prev, rest) = rest.split_at_checked(64)?;
        let rest = rest.strip_prefix(br#"","time":""#)?;
        let (time, rest) = split(rest, br#"","kind":""#)?;
        let (kind, rest) = split(rest, b"\"")?;
        let ends = rest == b"}\n" || rest.starts_with(b",") && rest.ends_with(b"}\n");
        let lower = |digit: &u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(digit);
        let plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'\\';
        if !ends || !prev.iter().all(lower) || !time.iter().chain(kind).all(plain) {
            return None;
        }
        Some(Self {
            seq: number(seq)?,
            prev: str::from_utf8(prev).ok()?.parse().ok()?,
            time: str::from_utf8(time).ok()?,
            kind: str::from_utf8(kind).ok()?,
        })
    }

    /// Returns the time at which it was written.
    pub fn written(&self) -> Option<UnixTime> {
        let time: Timestamp = self.time.parse().ok()?;
        let microseconds = u64::try_from(time.as_microsecond()).ok()?;
        Some(UnixTime::from_duration(std::time::Duration::from_micros(microseconds)))
    }
}

/// Splits at a text that stands within the first few bytes.
fn split<'a>(text: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let near = &text[..text.len().min(80)];
    let found = memchr::memmem::find(near, at)?;
    Some((&text[..found], &text[found + at.len()..]))
}

/// Reads a number without sign and leading zeros.
fn number(digits: &[u8]) -> Option<u64> {
    let canonical = digits.first().is_some_and(|first| matches!(first, b'1'..=b'9'))
        && digits.iter().all(u8::is_ascii_digit);
    canonical.then(|| str::from_utf8(digits).ok()?.parse().ok())?
}

/// Writes lines, each with the hash of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// The number of the next line.
    pub(crate) next: u64,
    /// The hash of the line before.
    pub(crate) prev: LineHash,
}

impl Chain {
    /// Before the first line of a log.
    pub(crate) const BEGIN: Self = Self { next: 1, prev: LineHash::NONE };

    /// Appends a line to `out`. `members` is a JSON object without line feeds; its members follow
    /// those of every line.
    pub(crate) fn append(&mut self, out: &mut Vec<u8>, time: UnixTime, kind: Kind, members: &[u8]) {
        let begin = out.len();
        let Self { next, prev } = *self;
        let (stamp, kind) = (stamp(time), kind.as_str());
        let head =
            format_args!(r#"{{"seq":{next},"prev":"{prev}","time":"{stamp}","kind":"{kind}""#);
        // Writing to a vector cannot fail.
        let _ = std::io::Write::write_fmt(out, head);
        match members.strip_prefix(b"{").unwrap_or(b"}") {
            b"}" => out.push(b'}'),
            rest => {
                out.push(b',');
                out.extend_from_slice(rest);
            }
        }
        out.push(b'\n');
        *self = Self { next: next + 1, prev: LineHash::of(&out[begin..]) };
    }
}

/// Returns a time as it stands in lines and checkpoints.
pub(crate) fn stamp(time: UnixTime) -> String {
    let microseconds = i64::try_from(time.as_duration().as_micros()).unwrap_or(i64::MAX);
    let time = Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX);
    format!("{time:.6}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines() -> Vec<u8> {
        let mut chain = Chain::BEGIN;
        let mut out = Vec::new();
        let time = UnixTime::from_secs(1_800_000_000);
        chain.append(&mut out, time, Kind::Start, b"{}");
        chain.append(&mut out, time, Kind::Request, br#"{"schema":1,"x":"}"}"#);
        assert_eq!(chain.next, 3);
        out
    }

    #[test]
    fn each_line_names_the_one_before() {
        let text = lines();
        let all: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        let [first, second] =
            [Envelope::parse(all[0]), Envelope::parse(all[1])].map(Result::unwrap);
        assert_eq!((first.seq, first.prev, first.kind), (1, LineHash::NONE, "start"));
        assert_eq!((second.seq, second.prev), (2, LineHash::of(all[0])));
        assert_eq!(second.time, "2027-01-15T08:00:00.000000Z");
        assert_eq!(second.written(), Some(UnixTime::from_secs(1_800_000_000)));
        let value: serde_json::Value = serde_json::from_slice(all[1]).unwrap();
        assert_eq!((&value["seq"], &value["x"]), (&2.into(), &"}".into()));
    }

    #[test]
    fn only_one_form_is_a_line() {
        let text = lines();
        let line = str::from_utf8(&text[..=memchr::memchr(b'\n', &text).unwrap()]).unwrap();
        assert!(Envelope::parse(line.as_bytes()).is_ok());
        for (from, to) in [
            ("{\"seq\":1", "{\"seq\":01"),
            ("{\"seq\":1", "{\"seq\": 1"),
            ("{\"seq\":1", "{\"seq\":+1"),
            ("{\"seq\":1", "{\"seq\":0"),
            ("0000\",\"time", "000A\",\"time"),
            ("0000\",\"time", "000\",\"time"),
            ("\"kind\":\"start\"}", "\"kind\":\"st\\u0061rt\"}"),
            ("\"kind\":\"start\"}", "\"kind\":\"start\"} "),
            ("\"kind\":\"start\"}", "\"kind\":\"start\"]"),
            ("}\n", "}"),
        ] {
            let other = line.replacen(from, to, 1);
            assert_ne!(other, line, "{from}");
            assert_eq!(Envelope::parse(other.as_bytes()), Err(Malformed), "{other}");
        }
    }

    #[test]
    fn words_are_read_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::of("other"), None);
    }
}
