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
    // Its quotes and brackets are those of the list.
    assert_eq!(bound("/api/generate", &native), around - 4 + TEMPLATE + IMAGE);
    let part =
        format!(r#"{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{image}"}}}}"#);
    let chat = format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{part}]}}]}}"#);
    assert!(bound("/v1/chat/completions", &chat) < 5_000);
    // A text that looks like one is a text, also beside an image.
    let text = format!(r#"{{"model":"m","prompt":"{image}","images":["aGk="]}}"#);
    assert!(bound("/api/generate", &text) > image.len() as u64);
    let part = r#"{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}}"#;
    let text = format!(r#"{{"type":"text","text":"data:image/png;base64,{image}"}}"#);
    let chat =
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":[{text},{part}]}}]}}"#);
    assert!(bound("/v1/chat/completions", &chat) > image.len() as u64);
}

#[test]
fn a_small_context_makes_no_request_free() {
    let texts = vec!["\"word word word\""; 1_000].join(",");
    let embed = format!(r#"{{"model":"m","input":[{texts}],"options":{{"num_ctx":1}}}}"#);
    let request = understood("/api/embed", &embed);
    assert!(request.prompt_bound() > 10_000, "each text has a context of its own");
    assert!(request.prompt_guess() > 4_000);
    let short = r#"{"model":"m","prompt":"Hello","options":{"num_ctx":100}}"#;
    assert_eq!(understood("/api/generate", short).prompt_guess(), 19);
    let one = r#"{"model":"m","prompt":"Hello","options":{"num_ctx":1}}"#;
    assert_eq!(understood("/api/generate", one).prompt_guess(), 1);
}
