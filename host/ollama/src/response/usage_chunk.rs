//! Takes the usage out of an `OpenAI` stream again that only the gateway asked for.
//!
//! With `stream_options.include_usage`, Ollama sends one more chunk before `[DONE]`,
//! with the usage and without choices. `/v1/completions` also gives every other chunk
//! a usage of zeros (`middleware/openai.go`, `CompleteWriter`).

use std::sync::LazyLock;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;
use memchr::memmem::Finder;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{Members, range_in};
use super::sse::EventEnds;

/// Made once: it is large, and not quickly made.
static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"usage\""));

/// An event longer than this passes as it is: a usage chunk has a few hundred bytes.
const LONGEST_HELD: usize = 64 * 1024;

/// Removes usage from the events of a stream, all else passes unchanged.
///
/// ```
/// # use bytes::Bytes;
/// # use stockade_ollama::response::UsageChunkFilter;
/// let mut filter = UsageChunkFilter::new();
/// filter.push(Bytes::from("data: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n"));
/// assert_eq!(filter.pop().as_deref(), Some(&b"data: [DONE]\n\n"[..]));
/// assert_eq!(filter.pop(), None);
/// ```
#[derive(Debug)]
pub struct UsageChunkFilter {
    ends: EventEnds,
    /// Bytes that nobody has looked at yet.
    input: Bytes,
    /// The beginning of an event whose end has not come.
    held: BytesMut,
    /// True if the current event is too long to be held.
    passing: bool,
}

impl Default for UsageChunkFilter {
    fn default() -> Self {
        Self::new()
    }
}

impl UsageChunkFilter {
    /// A filter for one stream.
    pub fn new() -> Self {
        Self { ends: EventEnds::new(), input: Bytes::new(), held: BytesMut::new(), passing: false }
    }

    /// Takes the next bytes of the stream. [`pop`](Self::pop) gives back what may pass.
    pub fn push(&mut self, bytes: Bytes) {
        if self.input.is_empty() {
            self.input = bytes;
        } else {
            let mut input = BytesMut::from(std::mem::take(&mut self.input));
            input.extend_from_slice(&bytes);
            self.input = input.freeze();
        }
    }

    /// The next bytes for the caller; `None` until more is pushed. A whole event that
    /// arrived in one piece is given back without being copied.
    pub fn pop(&mut self) -> Option<Bytes> {
        while self.input.has_remaining() {
            let passed = match self.ends.find(&self.input) {
                Some(end) => self.event(end),
                None => self.part_of_event(),
            };
            if passed.is_some() {
                return passed;
            }
        }
        None
    }

    /// Tells whether what was given back so far ends with a whole event, so that another one can
    /// follow once what is held is thrown away.
    pub const fn at_boundary(&self) -> bool {
        !self.passing
    }

    /// Returns what is left at the end of the stream, once [`pop`](Self::pop) gives nothing: an
    /// event that upstream did not complete. Where upstream failed, it is better thrown away: the
    /// caller then stands between two events, where an error can follow.
    pub fn finish(&mut self) -> Option<Bytes> {
        (!self.held.is_empty()).then(|| self.held.split().freeze())
    }

    /// The input up to `end` completes an event.
    fn event(&mut self, end: usize) -> Option<Bytes> {
        let rest = self.input.split_to(end);
        if std::mem::take(&mut self.passing) {
            return Some(rest);
        }
        let mut event = if self.held.is_empty() {
            rest
        } else {
            self.held.extend_from_slice(&rest);
            self.held.split().freeze()
        };
        loop {
            match judge(&event) {
                Judgement::Pass => return Some(event),
                Judgement::Drop => return None,
                // It may have the member twice.
                Judgement::Replace(bytes) => event = bytes,
            }
        }
    }

    /// The whole input belongs to an event that goes on behind it.
    fn part_of_event(&mut self) -> Option<Bytes> {
        let part = std::mem::take(&mut self.input);
        if self.passing {
            return Some(part);
        }
        self.held.extend_from_slice(&part);
        self.passing = self.held.len() > LONGEST_HELD;
        self.passing.then(|| self.held.split().freeze())
    }
}

enum Judgement {
    Pass,
    Drop,
    Replace(Bytes),
}

#[derive(PartialEq, Eq, Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Choices,
    Usage,
    #[serde(other)]
    Other,
}

fn judge(event: &Bytes) -> Judgement {
    // Within a string the quotes would be escaped, so this finds no text of the model.
    if USAGE.find(event).is_none() {
        return Judgement::Pass;
    }
    let Some(json) = only_data_line(event) else {
        return Judgement::Pass;
    };
    let Ok(Members::<Key>(members)) = serde_json::from_slice(json) else {
        return Judgement::Pass;
    };
    let Some(at) = members.iter().position(|(key, _)| *key == Key::Usage) else {
        return Judgement::Pass;
    };
    let is_object = members[at].1.get().starts_with('{');
    let no_choices =
        |(key, value): &(Key, &RawValue)| *key == Key::Choices && is_empty_array(value);
    if is_object && members.iter().any(no_choices) {
        Judgement::Drop
    } else {
        Judgement::Replace(without_member(event, &members, at))
    }
}

/// The data of an event that has nothing but one line of it.
fn only_data_line(event: &[u8]) -> Option<&[u8]> {
    let data = event.strip_prefix(b"data:")?;
    let (line, rest) = data.split_at(memchr(b'\n', data)?);
    rest.trim_ascii().is_empty().then_some(line)
}

fn is_empty_array(value: &RawValue) -> bool {
    let inside = value.get().strip_prefix('[');
    inside.is_some_and(|inside| inside.trim_ascii_start().starts_with(']'))
}

/// The event without a member of its object, and without the comma beside it.
fn without_member<K>(event: &Bytes, members: &[(K, &RawValue)], at: usize) -> Bytes {
    let end_of = |index: usize| range_in(event, members[index].1).end;
    let end = end_of(at);
    let cut = if let Some(before) = at.checked_sub(1) {
        end_of(before)..end
    } else {
        let start = memchr(b'{', event).map_or(end, |brace| brace + 1);
        // Behind the only member there is no comma, only the end of the object.
        let comma = memchr(b',', &event[end..]);
        start..end + comma.map_or(0, |comma| comma + 1)
    };
    [&event[..cut.start], &event[cut.end..]].concat().into()
}

#[cfg(test)]
mod tests;
