//! The sum of the values that were read.

use std::time::Duration;

use super::place::Field;
use super::pull::Pull;
use super::{Ending, Measurement, TokenUsage};

/// The measurement while it is being made.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    so_far: Measurement,
    pull: Pull,
    object: Marks,
    unreadable: Unreadable,
    ends_with_object: bool,
}

/// Signs of the end in the object being read. They count when the object is complete, so that half
/// a last line is no end.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    done: bool,
    last: bool,
    failed: bool,
}

/// The counters in whose places stood something else than a number.
#[derive(Clone, Copy, Debug)]
struct Unreadable {
    prompt: bool,
    output: bool,
}

impl Tally {
    /// A tally; `ends_with_object` where the answer is one object and no stream.
    pub(super) const fn new(ends_with_object: bool) -> Self {
        Self {
            so_far: Measurement {
                usage: TokenUsage {
                    prompt: None,
                    output: None,
                    total_duration: None,
                    load_duration: None,
                    prompt_duration: None,
                    output_duration: None,
                },
                ending: Ending::CutShort,
                objects: 0,
                pulled: 0,
            },
            pull: Pull::new(),
            object: Marks { done: false, last: false, failed: false },
            unreadable: Unreadable { prompt: false, output: false },
            ends_with_object,
        }
    }

    /// A number, `true`, `false` or `null`.
    pub(super) fn scalar(&mut self, field: Field, text: &[u8]) {
        let usage = &mut self.so_far.usage;
        match field {
            Field::Prompt | Field::Output if number(text).is_none() => self.unreadable(field),
            Field::Prompt => set(&mut usage.prompt, number(text)),
            Field::Output => set(&mut usage.output, number(text)),
            Field::TotalDuration => set(&mut usage.total_duration, duration(text)),
            Field::LoadDuration => set(&mut usage.load_duration, duration(text)),
            Field::PromptDuration => set(&mut usage.prompt_duration, duration(text)),
            Field::OutputDuration => set(&mut usage.output_duration, duration(text)),
            Field::Done => self.object.done = text == b"true",
            Field::Error => self.object.failed |= text != b"null",
            Field::Completed => self.pull.completed(number(text)),
            Field::Total => self.pull.total(number(text)),
            Field::Status | Field::Type => {}
        }
    }

    /// A string, without its quotes and as it is written; empty if it is a long one.
    pub(super) fn text(&mut self, field: Field, text: &[u8]) {
        match field {
            // The end of a pull, push or create.
            Field::Status => {
                self.object.last |= text == b"success";
                self.pull.status(text);
            }
            Field::Type => match text {
                b"message_stop" | b"response.completed" | b"response.incomplete" => {
                    self.object.last = true;
                }
                b"error" | b"response.failed" => self.object.failed = true,
                _ => {}
            },
            Field::Error => self.object.failed = true,
            _ => self.unreadable(field),
        }
    }

    /// An object or array.
    pub(super) fn container(&mut self, field: Field) {
        match field {
            Field::Error => self.object.failed = true,
            _ => self.unreadable(field),
        }
    }

    /// Notes that a counter is no number.
    const fn unreadable(&mut self, field: Field) {
        match field {
            Field::Prompt => self.unreadable.prompt = true,
            Field::Output => self.unreadable.output = true,
            _ => {}
        }
    }

    /// The object is complete.
    pub(super) fn end_object(&mut self) {
        let marks = std::mem::take(&mut self.object);
        self.so_far.objects += 1;
        self.pull.end_object();
        self.so_far.pulled = self.pull.bytes();
        if marks.done {
            self.fill_in();
        }
        if marks.failed {
            self.so_far.ending = Ending::Failed;
        } else if marks.done || marks.last || self.ends_with_object {
            self.end();
        }
    }

    /// Ollama leaves out what is zero. What it does not leave out, and is no number, stays unknown;
    /// and a stream of many pieces had an answer, whatever its end leaves out.
    fn fill_in(&mut self) {
        let pieces = if self.ends_with_object { 0 } else { self.so_far.objects - 1 };
        let usage = &mut self.so_far.usage;
        if !self.unreadable.prompt {
            usage.prompt.get_or_insert(0);
        }
        if !self.unreadable.output {
            usage.output.get_or_insert(pieces);
        }
    }

    /// The object will never be complete.
    pub(super) fn abandon_object(&mut self) {
        self.object = Marks::default();
        self.pull.abandon_object();
    }

    /// The stream says that it is complete.
    pub(super) fn end(&mut self) {
        if self.so_far.ending == Ending::CutShort {
            self.so_far.ending = Ending::Finished;
        }
    }

    pub(super) fn measurement(&self) -> Measurement {
        let mut measurement = self.so_far;
        if measurement.ending != Ending::Finished {
            // Streams begin with zeros that only their end replaces.
            let usage = &mut measurement.usage;
            usage.prompt = usage.prompt.filter(|&tokens| tokens > 0);
            usage.output = usage.output.filter(|&tokens| tokens > 0);
        }
        measurement
    }
}

/// The last value counts; what is no value does not hide an earlier one.
fn set<T>(slot: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *slot = value;
    }
}

fn number(text: &[u8]) -> Option<u64> {
    str::from_utf8(text).ok()?.parse().ok()
}

/// Ollama counts in nanoseconds.
fn duration(text: &[u8]) -> Option<Duration> {
    number(text).map(Duration::from_nanos)
}
