//! The most that one request may name. It is far more than any client does; what names more is
//! refused before a policy is asked, so that neither reading it nor judging it nor recording it can
//! take long.

use crate::json::Problem;

/// Blobs that a `create` may name, in `files`, `adapters` and `draft_files` together. The
/// largest open models have fewer than 200 files.
pub const MOST_DIGESTS: usize = 1_024;
/// Tools that a request may offer.
pub const MOST_TOOLS: usize = 2_048;
/// Images that a request may have.
pub const MOST_IMAGES: usize = 4_096;
/// Objects that Ollama reads into structs: messages, their parts, tools and their calls.
pub const MOST_OBJECTS: usize = 65_536;

/// Questions that a request to a decision model may ask, and must.
pub(super) const QUESTIONS: std::ops::RangeInclusive<usize> = 1..=64;
/// The longest such request, in bytes, without images and with them.
const LONGEST_DECISION: (usize, usize) = (64 << 10, 32 << 20);

/// The most bytes that the body of a request to a decision model may have: more is refused by
/// Ollama, too, after it has read all of it.
pub(super) const fn longest_decision(has_images: bool) -> usize {
    if has_images { LONGEST_DECISION.1 } else { LONGEST_DECISION.0 }
}

/// Counts what a request names.
#[derive(Debug, Default)]
pub(super) struct Named {
    digests: usize,
    objects: usize,
}

impl Named {
    pub(super) const fn digest(&mut self) -> Result<(), Problem> {
        self.digests += 1;
        check("files", self.digests, MOST_DIGESTS)
    }

    pub(super) const fn object(&mut self) -> Result<(), Problem> {
        self.objects += 1;
        check("messages, parts of messages and tools together", self.objects, MOST_OBJECTS)
    }
}

/// Refuses more than a bound of something.
pub(super) const fn check(what: &'static str, number: usize, most: usize) -> Result<(), Problem> {
    if number > most { Err(Problem::TooMany { what, most }) } else { Ok(()) }
}
