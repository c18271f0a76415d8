//! The cost of an answer, and whether it came to its end, read while it passes by.
//!
//! Every API has its own place for the numbers, and no name means two things in two of
//! them; so one reader knows all the places, and only the framing differs. The memory
//! of a meter does not grow with the answer or with anything in it.
//!
//! Source: Ollama v0.33.0, `api/types.go` (`Metrics`), `openai/openai.go` (`Usage`),
//! `openai/responses.go`, `anthropic/anthropic.go`.

mod events;
mod place;
mod pull;
mod scan;
mod tally;

use std::time::Duration;

use memchr::memchr;
use stockade_core::Dialect;

use events::EventReader;
use scan::Scanner;
use tally::Tally;

/// The framing of JSON in an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// One document.
    Json,
    /// One document on each line; Ollama's own streams.
    Ndjson,
    /// One document in each server-sent event; the streams under `/v1`.
    Sse,
}

impl Framing {
    /// The framing that an API uses, given whether the answer is streamed.
    pub const fn of(dialect: Dialect, streaming: bool) -> Self {
        match (dialect, streaming) {
            (_, false) => Self::Json,
            (Dialect::Native, true) => Self::Ndjson,
            (Dialect::OpenAi | Dialect::Anthropic, true) => Self::Sse,
        }
    }
}

/// The cost that an answer states. `None` where it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Tokens read, those from the cache included.
    pub prompt: Option<u64>,
    /// Tokens produced.
    pub output: Option<u64>,
    /// From Ollama's receipt of the request to the end; native API only, as are the rest.
    pub total_duration: Option<Duration>,
    /// Time spent on loading the model.
    pub load_duration: Option<Duration>,
    /// Time spent on reading the prompt.
    pub prompt_duration: Option<Duration>,
    /// Time spent on producing the answer.
    pub output_duration: Option<Duration>,
}

impl TokenUsage {
    /// Tokens read and produced, as far as the answer says.
    pub fn total(&self) -> u64 {
        let count = |tokens: Option<u64>| tokens.unwrap_or(0);
        count(self.prompt).saturating_add(count(self.output))
    }
}

/// The end of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// With what its API puts at the end.
    Finished,
    /// With an error in its place.
    Failed,
    /// Somewhere in between.
    #[default]
    CutShort,
}

/// The results of a [`Meter`] so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measurement {
    /// The cost that the answer states.
    pub usage: TokenUsage,
    /// Its end, if nothing more comes.
    pub ending: Ending,
    /// The number of complete JSON objects. Ollama streams about one for each token, so
    /// this estimates the output of a stream that was cut before its usage came.
    pub objects: u64,
    /// The bytes that a pull has fetched.
    pub pulled: u64,
}

/// Reads the cost of an answer while it passes by.
#[derive(Clone, Debug)]
pub struct Meter {
    reader: Reader,
    scanner: Scanner,
    tally: Tally,
}

#[derive(Clone, Debug)]
enum Reader {
    Document,
    Lines { at_start: bool },
    Events(EventReader),
}

impl Meter {
    /// A meter for one answer.
    pub const fn new(framing: Framing) -> Self {
        Self {
            reader: match framing {
                Framing::Json => Reader::Document,
                Framing::Ndjson => Reader::Lines { at_start: true },
                Framing::Sse => Reader::Events(EventReader::new()),
            },
            scanner: Scanner::new(),
            tally: Tally::new(matches!(framing, Framing::Json)),
        }
    }

    /// Reads the next bytes of the answer. Where they are split does not matter.
    pub fn push(&mut self, bytes: &[u8]) {
        match &mut self.reader {
            Reader::Document => self.scanner.scan(bytes, &mut self.tally),
            Reader::Lines { at_start } => {
                *at_start = bytes.last().map_or(*at_start, |&last| last == b'\n');
                scan_lines(bytes, &mut self.scanner, &mut self.tally);
            }
            Reader::Events(events) => events.read(bytes, &mut self.scanner, &mut self.tally),
        }
    }

    /// Returns what was read, taking the bytes so far for the whole answer.
    pub fn finish(&self) -> Measurement {
        self.tally.measurement()
    }

    /// Tells whether the answer is a stream.
    pub const fn is_stream(&self) -> bool {
        !matches!(&self.reader, Reader::Document)
    }

    /// Tells whether the answer is a stream that stands between two lines or events, so that
    /// another one can follow.
    pub const fn at_boundary(&self) -> bool {
        match &self.reader {
            Reader::Document => false,
            Reader::Lines { at_start } => *at_start,
            Reader::Events(events) => events.at_boundary(),
        }
    }
}

fn scan_lines(mut bytes: &[u8], scanner: &mut Scanner, tally: &mut Tally) {
    while let Some(end) = memchr(b'\n', bytes) {
        scanner.scan(&bytes[..end], tally);
        // A broken line must not hide the ones behind it.
        scanner.reset(tally);
        bytes = &bytes[end + 1..];
    }
    scanner.scan(bytes, tally);
}

#[cfg(test)]
mod tests;
