//! The handlers, by what they are for.

pub(crate) mod anthropic;
pub(crate) mod audio;
pub(crate) mod blobs;
pub(crate) mod generate;
pub(crate) mod host;
pub(crate) mod library;
pub(crate) mod manage;
pub(crate) mod openai;
pub(crate) mod responses;
