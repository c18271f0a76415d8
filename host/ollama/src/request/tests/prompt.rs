//! The most tokens that a prompt can have.

use super::understood;

const TEMPLATE: u64 = 256;
const IMAGE: u64 = 4_096;

#[test]
fn no_prompt_has_more_tokens_than_bytes() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":"Hello there"}]}"#;
    let request = understood("/api/chat", body);
    assert_eq!(request.prompt_bound(), body.len() as u64 + TEMPLATE);
    assert_eq!(request.prompt_guess(), (body.len() as u64).div_ceil(3));
    let short = r#"{"model":"m","prompt":"Hello","options":{"num_ctx":100}}"#;
    assert_eq!(understood("/api/generate", short).prompt_bound(), 100);
}

#[test]
fn images_count_as_images() {
    let image = "iVBORw0KGgo+/=".repeat(10_000);
    let native = format!(r#"{{"model":"m","prompt":"What is it?","images":["{image}"]}}"#);
    let bound = |path: &str, body: &str| understood(path, body).prompt_bound();
    let around = (native.len() - image.len()) as u64;
    assert_eq!(bound("/api/generate", &native), around + TEMPLATE + IMAGE);
    let part =
        format!(r#"{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{image}"}}}}"#);
    let chat = format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{part}]}}]}}"#);
    assert!(bound("/v1/chat/completions", &chat) < 5_000);
    // A text that looks like one is a text, where no image was announced.
    let text = format!(r#"{{"model":"m","prompt":"{image}"}}"#);
    assert_eq!(bound("/api/generate", &text), text.len() as u64 + TEMPLATE);
}
