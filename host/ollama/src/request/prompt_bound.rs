//! The most tokens that a prompt can have, told before a model has read it.

use stockade_core::Operation;

use super::{Body, CanonicalRequest};

/// Tokens that the template of a model puts around a prompt. Those around each message are fewer
/// than the bytes of its braces and quotes.
const TEMPLATE: u64 = 256;
/// Tokens of an image, at most: those of the most exact models.
const IMAGE: u64 = 4_096;
/// Tokens of a form, which holds a recording: half an hour of speech.
const FORM: u64 = 8_192;
/// The bytes of text for one token, fewer than texts of people and programs have.
const BYTES_OF_A_TOKEN: u64 = 3;

impl CanonicalRequest {
    /// Returns the most tokens that the prompt can have: no token is shorter than a byte. What
    /// the model itself brings along, such as a long `SYSTEM` of its own, is not known here.
    pub fn prompt_bound(&self) -> u64 {
        match &self.body {
            Body::Json(_) => self.cut_off(self.text_bytes() + TEMPLATE + self.image_tokens()),
            Body::Form(_) => FORM,
            Body::Empty | Body::Stream => 0,
        }
    }

    /// Returns about as many tokens as the prompt has, for a request that ends before Ollama has
    /// told it.
    pub fn prompt_guess(&self) -> u64 {
        let text = self.text_bytes().div_ceil(BYTES_OF_A_TOKEN);
        self.cut_off(text + self.image_tokens()).max(1)
    }

    fn text_bytes(&self) -> u64 {
        match &self.body {
            Body::Json(body) => body.length().saturating_sub(self.image_bytes) as u64,
            Body::Form(_) | Body::Empty | Body::Stream => 0,
        }
    }

    fn image_tokens(&self) -> u64 {
        IMAGE.saturating_mul(self.parameters.images.into())
    }

    /// Ollama cuts off what does not fit into the context. Of embeddings each text has one of its
    /// own, so there it bounds nothing.
    fn cut_off(&self, tokens: u64) -> u64 {
        let one_prompt = matches!(self.operation, Operation::Chat | Operation::Generate);
        let context = self.parameters.context.and_then(|tokens| u64::try_from(tokens).ok());
        let context = context.filter(|tokens| *tokens > 0 && one_prompt);
        context.map_or(tokens, |context| tokens.min(context))
    }
}
