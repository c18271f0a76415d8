//! The places of the numbers in an answer.

/// An object that has something to read in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// The document itself.
    Root,
    /// `usage`.
    Usage,
    /// `response` of `OpenAI`'s `response.completed`, `message` of Anthropic's
    /// `message_start`.
    Envelope,
    /// `usage` in there.
    EnvelopeUsage,
}

/// A value that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Prompt,
    Output,
    TotalDuration,
    LoadDuration,
    PromptDuration,
    OutputDuration,
    Done,
    Status,
    Completed,
    Total,
    Type,
    Error,
}

/// The use of an object's member to the meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Ignore,
    Enter(Node),
    Read(Field),
}

impl Node {
    /// The object around this one.
    pub(super) const fn parent(self) -> Option<Self> {
        match self {
            Self::Root => None,
            Self::Usage | Self::Envelope => Some(Self::Root),
            Self::EnvelopeUsage => Some(Self::Envelope),
        }
    }

    /// Returns the use of the member with this key.
    pub(super) fn member(self, key: &[u8]) -> Slot {
        match self {
            Self::Root => root_member(key),
            Self::Usage | Self::EnvelopeUsage => match key {
                b"prompt_tokens" | b"input_tokens" => Slot::Read(Field::Prompt),
                b"completion_tokens" | b"output_tokens" => Slot::Read(Field::Output),
                _ => Slot::Ignore,
            },
            Self::Envelope => match key {
                b"usage" => Slot::Enter(Self::EnvelopeUsage),
                _ => Slot::Ignore,
            },
        }
    }
}

fn root_member(key: &[u8]) -> Slot {
    match key {
        b"usage" => Slot::Enter(Node::Usage),
        b"response" | b"message" => Slot::Enter(Node::Envelope),
        b"prompt_eval_count" => Slot::Read(Field::Prompt),
        b"eval_count" => Slot::Read(Field::Output),
        b"total_duration" => Slot::Read(Field::TotalDuration),
        b"load_duration" => Slot::Read(Field::LoadDuration),
        b"prompt_eval_duration" => Slot::Read(Field::PromptDuration),
        b"eval_duration" => Slot::Read(Field::OutputDuration),
        b"done" => Slot::Read(Field::Done),
        b"status" => Slot::Read(Field::Status),
        b"completed" => Slot::Read(Field::Completed),
        b"total" => Slot::Read(Field::Total),
        b"type" => Slot::Read(Field::Type),
        b"error" => Slot::Read(Field::Error),
        _ => Slot::Ignore,
    }
}
