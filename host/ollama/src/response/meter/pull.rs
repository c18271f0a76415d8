//! The bytes that a pull has fetched, read from its progress.
//!
//! Ollama fetches one layer after the other, and tells of each how much is there:
//! `{"status":"pulling 8eeb52dfb3bb","digest":"sha256:…","total":1000,"completed":300}`. What was
//! there when it began has been fetched before.
//!
//! Source: Ollama v0.33.0, `server/download.go` (`downloadBlob`), `api/types.go`
//! (`ProgressResponse`).

/// The beginning of the status of a layer's progress.
const PULLING: &[u8] = b"pulling ";
/// The digits of a digest that stand behind it.
const DIGITS: usize = 12;

/// The progress of a pull.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pull {
    /// The layer that is being fetched.
    layer: Option<[u8; DIGITS]>,
    /// The layer of the object that is being read.
    named: Option<[u8; DIGITS]>,
    /// The bytes that are there, by that object.
    completed: Option<u64>,
    /// The bytes that were there when the layer began.
    before: u64,
    /// The bytes of it that are there.
    there: u64,
    /// The bytes of the layers before.
    fetched: u64,
}

impl Pull {
    pub(super) const fn new() -> Self {
        Self { layer: None, named: None, completed: None, before: 0, there: 0, fetched: 0 }
    }

    /// Reads the status of an object.
    pub(super) fn status(&mut self, text: &[u8]) {
        let digits = text.strip_prefix(PULLING);
        self.named = digits.and_then(|digits| digits.try_into().ok());
    }

    /// Reads how much of its layer is there.
    pub(super) const fn completed(&mut self, bytes: Option<u64>) {
        self.completed = bytes;
    }

    /// Counts an object that is complete.
    pub(super) fn end_object(&mut self) {
        let (named, completed) = (self.named.take(), self.completed.take().unwrap_or_default());
        let Some(named) = named else { return };
        if self.layer != Some(named) {
            self.fetched = self.bytes();
            self.layer = Some(named);
            self.before = completed;
            self.there = completed;
        }
        self.there = self.there.max(completed);
    }

    /// Forgets an object that will never be complete.
    pub(super) const fn abandon_object(&mut self) {
        self.named = None;
        self.completed = None;
    }

    /// Returns the bytes that were fetched so far.
    pub(super) const fn bytes(&self) -> u64 {
        self.fetched.saturating_add(self.there.saturating_sub(self.before))
    }
}
