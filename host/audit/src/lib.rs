//! The audit log: who asked for what, and what became of it, in a form that proves itself.
//!
//! A log is a directory of segments, files of JSON lines. Each line holds the SHA-256 of the line
//! before it; now and then a line is a checkpoint, signed with the key of its segment, which also
//! names the key of the next one. So anybody with the first public key and common tools can tell
//! whether a line was changed, taken out, put in or moved, and up to where that is proven.
//!
//! [`AuditLog`] writes: [`AuditLog::reserve`] answers whether a line will find its place, before
//! anything is done that the line is to tell of. [`verify`](verify()) proves, [`LineReader`] reads.

mod end;
mod health;
mod key;
mod key_file;
mod line;
mod log;
mod note;
mod open;
mod queue;
mod read;
mod removed;
mod retention;
mod rules;
mod segment;
mod segment_file;
mod verify;
mod writer;

pub use health::Trouble;
pub use key::{InvalidKey, VerifierKey};
pub use line::{Envelope, Kind, LineHash, Malformed};
pub use log::{AuditLog, Slot};
pub use note::{Checkpoint, InvalidNote, SignedNote};
pub use open::OpenError;
pub use read::{LineReader, ReadError, last_checkpoint};
pub use rules::{AuditSettings, Retention, Rotation, Sync};
pub use segment::segments;
pub use verify::{Finding, Problem, Proof, Unproven, VerifyOptions, verify};
