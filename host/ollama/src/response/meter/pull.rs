//! The bytes that a pull has fetched, read from its progress.
//!
//! Ollama fetches one layer after the other, and tells of each how much is there:
//! `{"status":"pulling 8eeb52dfb3bb","digest":"sha256:…","total":1000,"completed":300}`. A layer that
//! is whole at once has been fetched before.
//!
//! Source: Ollama v0.33.0, `server/download.go` (`downloadBlob`), `api/types.go`
//! (`ProgressResponse`).

/// The beginning of the status of a layer's progress.
const PULLING: &[u8] = b"pulling ";
/// The bytes of a layer's name that are kept: 12 digits of its digest, or `model`.
const NAME: usize = 16;

/// The progress of a pull.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pull {
    /// The layer that is being fetched.
    layer: Option<[u8; NAME]>,
    /// The layer of the object that is being read.
    named: Option<[u8; NAME]>,
    /// The bytes that are there, by that object, and those of the whole layer.
    completed: Option<u64>,
    total: Option<u64>,
    /// The bytes that were there when the layer began.
    before: u64,
    /// The bytes of it that are there.
    there: u64,
    /// The bytes of the layers before.
    fetched: u64,
}

impl Pull {
    pub(super) const fn new() -> Self {
        Self {
            layer: None,
            named: None,
            completed: None,
            total: None,
            before: 0,
            there: 0,
            fetched: 0,
        }
    }

    /// Reads the status of an object.
    pub(super) fn status(&mut self, text: &[u8]) {
        let name = text.strip_prefix(PULLING).filter(|name| !name.is_empty());
        self.named = name.map(|name| {
            let mut kept = [0; NAME];
            for (to, byte) in kept.iter_mut().zip(name) {
                *to = *byte;
            }
            kept
        });
    }

    /// Reads how much of its layer is there.
    pub(super) const fn completed(&mut self, bytes: Option<u64>) {
        self.completed = bytes;
    }

    /// Reads how large its layer is.
    pub(super) const fn total(&mut self, bytes: Option<u64>) {
        self.total = bytes;
    }

    /// Counts an object that is complete.
    pub(super) fn end_object(&mut self) {
        let (named, completed) = (self.named.take(), self.completed.take().unwrap_or_default());
        let total = self.total.take();
        let Some(named) = named else { return };
        if self.layer != Some(named) {
            self.fetched = self.bytes();
            self.layer = Some(named);
            // A part that is there may be what this pull has fetched before its first word.
            self.before = if total.is_some_and(|total| completed >= total) { completed } else { 0 };
            self.there = completed;
        }
        self.there = self.there.max(completed);
    }

    /// Forgets an object that will never be complete.
    pub(super) const fn abandon_object(&mut self) {
        self.named = None;
        self.completed = None;
        self.total = None;
    }

    /// Returns the bytes that were fetched so far.
    pub(super) const fn bytes(&self) -> u64 {
        self.fetched.saturating_add(self.there.saturating_sub(self.before))
    }
}
