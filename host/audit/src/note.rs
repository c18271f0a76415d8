//! Checkpoints: how many lines a log has and the hash of the last one, as a signed note
//! (<https://c2sp.org/tlog-checkpoint>). Unlike there, the hash is not that of a tree, but of the
//! last line, which stands for all lines before it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use stockade_core::UnixTime;

use crate::key::{SigningKey, VerifierKey, public_key};
use crate::line::{Chain, Kind, LineHash, stamp};

/// The beginning of a line with a signature.
const SIGNATURE: &str = "\u{2014} ";

/// A point of a log: all lines up to here are these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: String,
    /// The number of lines before.
    pub size: u64,
    /// The hash of the last one of them.
    pub root: LineHash,
    /// The time, in microseconds.
    pub time: UnixTime,
    /// The key of the next segment, where this is the last line of one.
    pub next_key: Option<VerifierKey>,
}

/// A checkpoint with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    checkpoint: Checkpoint,
    key_id: [u8; 4],
    signature: Vec<u8>,
}

/// A text that is no signed checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a signed checkpoint of an audit log")]
pub struct InvalidNote;

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root, time, next_key } = self;
        let root = STANDARD.encode(root.0);
        writeln!(f, "{origin}\n{size}\n{root}\ntime {}", stamp(*time))?;
        next_key.as_ref().map_or(Ok(()), |key| writeln!(f, "next {}", key.public()))
    }
}

impl SignedNote {
    pub(crate) fn sign(checkpoint: Checkpoint, key: &SigningKey) -> Self {
        let signature = key.sign(checkpoint.to_string().as_bytes());
        let key_id = key.verifier(&checkpoint.origin).id();
        Self { checkpoint, key_id, signature }
    }

    /// Returns the checkpoint, if this key has signed it.
    pub fn verify(&self, key: &VerifierKey) -> Option<&Checkpoint> {
        let text = self.checkpoint.to_string();
        let signed = key.origin() == self.checkpoint.origin
            && key.id() == self.key_id
            && key.has_signed(text.as_bytes(), &self.signature);
        signed.then_some(&self.checkpoint)
    }

    /// Returns the checkpoint, whoever has signed it.
    pub const fn claimed(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = STANDARD.encode([&self.key_id, self.signature.as_slice()].concat());
        let checkpoint = &self.checkpoint;
        writeln!(f, "{checkpoint}\n{SIGNATURE}{} {signature}", checkpoint.origin)
    }
}

/// Takes the one form that is written, so that what is signed is what is read.
impl FromStr for SignedNote {
    type Err = InvalidNote;

    fn from_str(text: &str) -> Result<Self, InvalidNote> {
        let note = read(text).ok_or(InvalidNote)?;
        (note.to_string() == text).then_some(note).ok_or(InvalidNote)
    }
}

fn read(text: &str) -> Option<SignedNote> {
    let (signed, signature) = text.split_once("\n\n")?;
    let mut lines = signed.lines();
    let origin = lines.next()?.to_owned();
    let size = lines.next()?.parse().ok()?;
    let root = STANDARD.decode(lines.next()?).ok()?;
    let time: Timestamp = lines.next()?.strip_prefix("time ")?.parse().ok()?;
    let time = std::time::Duration::from_micros(u64::try_from(time.as_microsecond()).ok()?);
    let next_key = match lines.next() {
        Some(line) => Some(VerifierKey::new(&origin, public_key(line.strip_prefix("next ")?)?)),
        None => None,
    };
    let signature = signature.strip_prefix(SIGNATURE)?.strip_prefix(origin.as_str())?;
    let signature = STANDARD.decode(signature.trim()).ok()?;
    let (key_id, signature) = signature.split_first_chunk::<4>()?;
    let root = LineHash(root.try_into().ok()?);
    let time = UnixTime::from_duration(time);
    let checkpoint = Checkpoint { origin, size, root, time, next_key };
    Some(SignedNote { checkpoint, key_id: *key_id, signature: signature.to_vec() })
}

impl Chain {
    /// Appends the line of a checkpoint to `out`.
    pub(crate) fn append_checkpoint(&mut self, out: &mut Vec<u8>, note: &SignedNote) {
        let members = serde_json::json!({"note": note.to_string()}).to_string();
        self.append(out, note.claimed().time, Kind::Checkpoint, members.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(next_key: Option<VerifierKey>) -> Checkpoint {
        Checkpoint {
            origin: "stockade-audit/0123456789abcdef".to_owned(),
            size: 42,
            root: LineHash::of(b"a line\n"),
            time: UnixTime::from_secs(1_800_000_000),
            next_key,
        }
    }

    #[test]
    fn what_is_signed_is_what_is_read() {
        let (key, next) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        let origin = checkpoint(None).origin;
        for next_key in [None, Some(next.verifier(&origin))] {
            let note = SignedNote::sign(checkpoint(next_key), &key);
            let read: SignedNote = note.to_string().parse().unwrap();
            assert_eq!(read, note);
            assert_eq!(read.verify(&key.verifier(&origin)), Some(note.claimed()));
            assert_eq!(read.verify(&next.verifier(&origin)), None);
            assert_eq!(read.verify(&key.verifier("stockade-audit/other")), None);
        }
    }

    #[test]
    fn no_byte_of_a_note_can_be_another() {
        let key = SigningKey::generate().unwrap();
        let note = SignedNote::sign(checkpoint(None), &key).to_string();
        let verifier = key.verifier(&checkpoint(None).origin);
        for at in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8(bytes).ok().and_then(|text| text.parse().ok());
            let is_taken = changed.is_some_and(|note: SignedNote| note.verify(&verifier).is_some());
            assert!(!is_taken, "byte {at}");
        }
    }
}
