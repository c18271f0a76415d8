//! The most tokens that a prompt can have, told before a model has read it.

use super::{Body, CanonicalRequest};

/// Tokens that the template of a model puts around a prompt. Those around each message are fewer
/// than the bytes of its braces and quotes.
const TEMPLATE: u64 = 256;
/// Tokens of an image, at most: those of the most exact models.
const IMAGE: u64 = 4_096;
/// Tokens of a form, which holds a recording: half an hour of speech.
const FORM: u64 = 8_192;
/// A shorter string is no image, in bytes.
const SMALLEST_IMAGE: usize = 512;
/// The bytes of text for one token, fewer than texts of people and programs have.
const BYTES_OF_A_TOKEN: u64 = 3;

impl CanonicalRequest {
    /// Returns the most tokens that the prompt can have: no token is shorter than a byte. What
    /// the model itself brings along, such as a long `SYSTEM` of its own, is not known here.
    pub fn prompt_bound(&self) -> u64 {
        let bound = match &self.body {
            Body::Json(body) => {
                let images = usize::try_from(self.parameters.images).unwrap_or(usize::MAX);
                let (count, bytes) = body.images(images);
                let text = body.length().saturating_sub(bytes) as u64;
                text.saturating_add(TEMPLATE).saturating_add(IMAGE.saturating_mul(count as u64))
            }
            Body::Form(_) => FORM,
            Body::Empty | Body::Stream => 0,
        };
        // Ollama cuts off what does not fit.
        let context = self.parameters.context.and_then(|tokens| u64::try_from(tokens).ok());
        context.filter(|tokens| *tokens > 0).map_or(bound, |context| bound.min(context))
    }

    /// Returns about as many tokens as the prompt has, for a request that ends before Ollama has
    /// told it.
    pub fn prompt_guess(&self) -> u64 {
        self.prompt_bound().saturating_sub(TEMPLATE).div_ceil(BYTES_OF_A_TOKEN)
    }
}

/// Tells whether a string can be an image: base64, with or without the head of a `data:` URL, and
/// with or without a backslash before each slash.
pub(super) fn may_be_image(text: &[u8]) -> bool {
    let content = match text.strip_prefix(b"data:") {
        Some(url) => memchr::memchr(b',', url).map_or(&b" "[..], |comma| &url[comma + 1..]),
        None => text,
    };
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || br"+/=-_\".contains(byte);
    content.len() >= SMALLEST_IMAGE && content.iter().all(is_base64)
}
