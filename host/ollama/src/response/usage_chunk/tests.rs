use super::{LONGEST_HELD, UsageChunkFilter};
use bytes::Bytes;
use proptest::prelude::*;

/// Returns what passes of a stream that arrives in these pieces.
fn filter<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut filter = UsageChunkFilter::new();
    let mut passed = Vec::new();
    for piece in pieces {
        filter.push(Bytes::copy_from_slice(piece));
        while let Some(bytes) = filter.pop() {
            passed.extend_from_slice(&bytes);
        }
    }
    passed.extend(filter.finish().unwrap_or_default());
    String::from_utf8(passed).unwrap()
}

fn whole(stream: &str) -> String {
    filter([stream.as_bytes()])
}

const CHAT: [&str; 4] = [
    r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":"\"usage\""},"finish_reason":null}]}"#,
    r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}"#,
    r#"data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":26,"completion_tokens":2,"total_tokens":28}}"#,
    "data: [DONE]",
];

fn stream(events: &[&str]) -> String {
    events.iter().flat_map(|event| [event, "\n\n"]).collect()
}

#[test]
fn usage_that_is_there_twice_is_removed_twice() {
    let twice = r#"data: {"choices":[],"usage":[],"usage":{"prompt_tokens":3}}"#;
    assert_eq!(whole(&stream(&[twice])), "");
    let twice = r#"data: {"usage":null,"choices":[1],"usage":{"prompt_tokens":3}}"#;
    assert_eq!(whole(&stream(&[twice])), stream(&[r#"data: {"choices":[1]}"#]));
}

#[test]
fn the_usage_chunk_of_a_chat_is_removed() {
    let [first, second, _, done] = CHAT;
    assert_eq!(whole(&stream(&CHAT)), stream(&[first, second, done]));
}

#[test]
fn the_zeros_of_completions_are_removed() {
    let upstream = stream(&[
        r#"data: {"id":"cmpl-1","choices":[{"text":"hi","index":0,"finish_reason":null}],"model":"demo","usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}"#,
        r#"data: {"id":"cmpl-1","choices":[],"model":"demo","usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6}}"#,
        "data: [DONE]",
    ]);
    let expected = stream(&[
        r#"data: {"id":"cmpl-1","choices":[{"text":"hi","index":0,"finish_reason":null}],"model":"demo"}"#,
        "data: [DONE]",
    ]);
    assert_eq!(whole(&upstream), expected);
}

#[test]
fn usage_is_cut_out_wherever_it_stands() {
    let cases = [
        (r#"{"usage":{},"choices":[1]}"#, r#"{"choices":[1]}"#),
        (r#"{ "usage" : {} , "choices":[1]}"#, r#"{ "choices":[1]}"#),
        (r#"{"id":1, "usage":{}, "choices":[1]}"#, r#"{"id":1, "choices":[1]}"#),
        (r#"{"choices":[1],"usage":null}"#, r#"{"choices":[1]}"#),
        (r#"{"usage":{}}"#, "{}"),
        (r#"{"choices":[],"usage":null}"#, r#"{"choices":[]}"#),
    ];
    for (json, expected) in cases {
        assert_eq!(whole(&format!("data: {json}\n\n")), format!("data: {expected}\n\n"));
    }
}

#[test]
fn what_is_no_usage_chunk_passes() {
    let cases = [
        ": comment\n\n",
        "event: x\ndata: {\"choices\":[],\"usage\":{}}\n\n",
        "data: {\"choices\":[],\"usage\":{}\ndata: }\n\n",
        "data: {\"choices\":[{\"usage\":{}}]}\n\n",
        "data: \"usage\"\n\n",
        "data: {broken \"usage\"}\n\n",
        "data: {\"choices\":[]}\n\n",
        "\n\n\n",
        "data: {\"choices\":[],\"usage\":{}}\n",
    ];
    for case in cases {
        assert_eq!(whole(case), case);
    }
}

#[test]
fn a_whole_event_is_not_copied() {
    let input = Bytes::from(stream(&CHAT[..2]));
    let mut filter = UsageChunkFilter::new();
    filter.push(input.clone());
    let first = filter.pop().unwrap();
    assert_eq!(first.as_ptr(), input.as_ptr());
    let second = filter.pop().unwrap();
    assert_eq!(second.as_ptr(), input[first.len()..].as_ptr());
}

#[test]
fn events_pass_as_soon_as_they_are_complete() {
    let mut filter = UsageChunkFilter::new();
    filter.push(Bytes::from("data: 1\n\ndata: 2\n"));
    assert_eq!(filter.pop().as_deref(), Some(&b"data: 1\n\n"[..]));
    assert_eq!(filter.pop(), None);
    filter.push(Bytes::from("\n"));
    assert_eq!(filter.pop().as_deref(), Some(&b"data: 2\n\n"[..]));
}

#[test]
fn pushes_add_up() {
    let mut filter = UsageChunkFilter::new();
    filter.push(Bytes::from("data: 1\n"));
    filter.push(Bytes::from("\n"));
    assert_eq!(filter.pop().as_deref(), Some(&b"data: 1\n\n"[..]));
}

#[test]
fn an_event_that_does_not_end_is_not_held_for_ever() {
    let mut filter = UsageChunkFilter::new();
    let long = Bytes::from(vec![b'x'; LONGEST_HELD + 1]);
    filter.push(long.clone());
    assert_eq!(filter.pop(), Some(long));
    filter.push(Bytes::from("y"));
    assert_eq!(filter.pop().as_deref(), Some(&b"y"[..]));
    let usage = "data: {\"choices\":[],\"usage\":{}}\n\n";
    filter.push(Bytes::from(format!("\n\n{usage}data: z\n\n")));
    assert_eq!(filter.pop().as_deref(), Some(&b"\n\n"[..]));
    assert_eq!(filter.pop().as_deref(), Some(&b"data: z\n\n"[..]));
}

/// Events and what should pass of them.
fn event() -> impl Strategy<Value = (String, String)> {
    let passes = |event: String| (event.clone(), event);
    prop_oneof![
        "[a-z\"\\\\ ]{0,20}".prop_map(move |text| {
            let content = serde_json::Value::from(text);
            passes(format!("data: {{\"choices\":[{{\"delta\":{content}}}]}}\n\n"))
        }),
        "[a-z:]{1,9}(\r)?\n".prop_map(move |line| passes(format!("{line}\r\n"))),
        (0..99u32).prop_map(|tokens| {
            let usage = format!("{{\"prompt_tokens\":{tokens}}}");
            (format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\n"), String::new())
        }),
        "[a-z]{0,9}".prop_map(|text| {
            let chunk = |usage: &str| {
                format!("data: {{\"choices\":[{{\"text\":\"{text}\"}}]{usage},\"id\":1}}\n\n")
            };
            (chunk(",\"usage\":{\"prompt_tokens\":0}"), chunk(""))
        }),
    ]
}

proptest! {
    #[test]
    fn only_usage_is_removed_however_the_stream_is_split(
        events in prop::collection::vec(event(), 0..8),
        tail in "(data: [a-z]{0,5})?",
        size in 1..40usize,
    ) {
        let mut upstream: String = events.iter().map(|(upstream, _)| upstream.as_str()).collect();
        let mut expected: String = events.iter().map(|(_, passes)| passes.as_str()).collect();
        upstream.push_str(&tail);
        expected.push_str(&tail);
        prop_assert_eq!(filter(upstream.as_bytes().chunks(size)), expected);
    }

    #[test]
    fn a_stream_without_usage_passes_as_it_is(
        bytes in prop::collection::vec(prop::sample::select(b"data: {}[]\n\r\",x\\".to_vec()), 0..99),
        size in 1..40usize,
    ) {
        let stream = String::from_utf8(bytes).unwrap();
        prop_assert_eq!(filter(stream.as_bytes().chunks(size)), stream);
    }
}
