use std::time::Duration;

use super::{Ending, Framing, Measurement, Meter, TokenUsage};
use proptest::prelude::*;
use stockade_core::Dialect;

fn measure<'a>(framing: Framing, pieces: impl IntoIterator<Item = &'a [u8]>) -> Measurement {
    let mut meter = Meter::new(framing);
    for piece in pieces {
        meter.push(piece);
    }
    meter.finish()
}

fn whole(framing: Framing, answer: &str) -> Measurement {
    measure(framing, [answer.as_bytes()])
}

fn tokens(prompt: impl Into<Option<u64>>, output: impl Into<Option<u64>>) -> TokenUsage {
    TokenUsage { prompt: prompt.into(), output: output.into(), ..TokenUsage::default() }
}

fn measured(usage: TokenUsage, ending: Ending, objects: u64) -> Measurement {
    Measurement { usage, ending, objects, pulled: 0 }
}

mod golden;

#[test]
fn the_framing_follows_from_api_and_streaming() {
    for dialect in [Dialect::Native, Dialect::OpenAi, Dialect::Anthropic] {
        assert_eq!(Framing::of(dialect, false), Framing::Json);
    }
    assert_eq!(Framing::of(Dialect::Native, true), Framing::Ndjson);
    assert_eq!(Framing::of(Dialect::OpenAi, true), Framing::Sse);
    assert_eq!(Framing::of(Dialect::Anthropic, true), Framing::Sse);
}

#[test]
fn totals_take_what_is_not_said_for_nothing() {
    assert_eq!(tokens(None, None).total(), 0);
    assert_eq!(tokens(3, None).total(), 3);
    assert_eq!(tokens(u64::MAX, 1).total(), u64::MAX);
}

#[test]
fn numbers_count_only_in_their_places() {
    let decoys = [
        r#"{"message":{"prompt_eval_count":9,"eval_count":9,"done":true}}"#,
        r#"{"message":{"tool_calls":[{"function":{"arguments":{"usage":{"output_tokens":9}}}}]}}"#,
        r#"{"x":{"usage":{"prompt_tokens":9}},"y":[{"eval_count":9},"],"]}"#,
        r#"{"response":"{\"usage\":{\"prompt_tokens\":9}}"}"#,
        r#"{"response":"\\","x\"eval_count":9}"#,
        r#"{"eval_count_and_then_some_more_to_be_long":9,"":9}"#,
        r#"["usage",{"usage":{"prompt_tokens":9}}]"#,
        r#"{"usage":[9,"prompt_tokens"],"eval_count":"9","error":null}"#,
        r#"{"usage":{"prompt_tokens":-9,"completion_tokens":9.5}}"#,
        r#"{"usage":{"prompt_tokens":18446744073709551616}}"#,
        r#"{"usage":{"prompt_tokens":null,"completion_tokens":{"n":9}}}"#,
    ];
    for decoy in decoys {
        let measurement = whole(Framing::Ndjson, &format!("{decoy}\n"));
        assert_eq!(measurement.usage, tokens(None, None), "{decoy}");
        assert_eq!(measurement.ending, Ending::CutShort, "{decoy}");
    }
}

#[test]
fn a_counter_that_is_no_number_is_not_nothing() {
    let stream = |end: &str| {
        let piece = r#"{"response":"x","done":false}"#;
        whole(Framing::Ndjson, &format!("{piece}\n{piece}\n{end}\n"))
    };
    for count in [r#""9""#, "-1", "9.5", "1e3", "null", "{}", "[9]", "true", "18446744073709551616"]
    {
        let end = format!(r#"{{"done":true,"prompt_eval_count":{count},"eval_count":{count}}}"#);
        assert_eq!(stream(&end), measured(tokens(None, None), Ending::Finished, 3), "{count}");
        assert_eq!(whole(Framing::Json, &end).usage, tokens(None, None), "{count}");
    }
    // What is left out is zero, but for pieces that were seen.
    assert_eq!(stream(r#"{"done":true}"#).usage, tokens(0, 2));
    assert_eq!(whole(Framing::Ndjson, "{\"done\":true}\n").usage, tokens(0, 0));
    assert_eq!(whole(Framing::Json, r#"{"done":true}"#).usage, tokens(0, 0));
}

#[test]
fn spaces_and_order_do_not_matter() {
    let answer = "\r\n{ \"usage\" : { \"completion_tokens\" : 2 , \"prompt_tokens\" : 1 } , \"choices\" : [ ] }\n";
    assert_eq!(whole(Framing::Json, answer), measured(tokens(1, 2), Ending::Finished, 1));
}

#[test]
fn a_number_counts_when_it_is_complete() {
    let cut = r#"{"usage":{"prompt_tokens":12"#;
    assert_eq!(whole(Framing::Json, cut).usage, tokens(None, None));
    let complete = format!("{cut},");
    assert_eq!(whole(Framing::Json, &complete).usage, tokens(12, None));
    assert_eq!(whole(Framing::Json, &complete).ending, Ending::CutShort);
}

#[test]
fn the_last_number_counts() {
    let answer = "{\"eval_count\":1}\n{\"eval_count\":3}\n{\"eval_count\":null}\n";
    assert_eq!(whole(Framing::Ndjson, answer).usage, tokens(None, 3));
}

#[test]
fn a_broken_line_does_not_hide_the_next() {
    let answer =
        "{\"error\":\"x\",\"response\":\"oops\n[[[\n}}\n\"\n{\"done\":true,\"eval_count\":2}\n";
    assert_eq!(whole(Framing::Ndjson, answer), measured(tokens(0, 2), Ending::Finished, 1));
    let answer = "data: {\"error\":{\"x\n\ndata: [[[\n\ndata: {\"usage\":{\"prompt_tokens\":1}}\n\ndata: [DONE]\n\n";
    assert_eq!(whole(Framing::Sse, answer), measured(tokens(1, None), Ending::Finished, 1));
}

#[test]
fn only_the_real_mark_ends_an_event_stream() {
    let cases = [
        ("data: [DONE]\n\n", Ending::Finished),
        ("data:[DONE]\r\n\r\n", Ending::Finished),
        ("data: [DONE]\n", Ending::Finished),
        ("data: [DONE]", Ending::CutShort),
        ("data: [DONE\n\n", Ending::CutShort),
        ("data: [DONE]x\n\n", Ending::CutShort),
        ("data: [ DONE]\n\n", Ending::CutShort),
        ("data: x[DONE]\n\n", Ending::CutShort),
        ("[DONE]\n\n", Ending::CutShort),
        ("event: [DONE]\n\n", Ending::CutShort),
        ("data: \"[DONE]\"\n\n", Ending::CutShort),
        ("data: {\"type\":\"message_delta\"}\n\n", Ending::CutShort),
        ("data: {\"type\":\"message_stop\"\n\n", Ending::CutShort),
        ("data: {\"x\":{\"type\":\"message_stop\"}}\n\n", Ending::CutShort),
        ("event: message_stop\n\n", Ending::CutShort),
    ];
    for (stream, ending) in cases {
        assert_eq!(whole(Framing::Sse, stream).ending, ending, "{stream:?}");
    }
}

#[test]
fn data_may_take_several_lines() {
    let stream = ": hello\nid: 1\ndata: {\"usage\":\ndata: {\"prompt_tokens\":12\ndata: }}\n\n";
    assert_eq!(whole(Framing::Sse, stream), measured(tokens(12, None), Ending::CutShort, 1));
    let stream = "data:{\"usage\":{\"prompt_tokens\":1\ndata:2}}\n\n";
    assert_eq!(whole(Framing::Sse, stream).usage, tokens(1, None));
}

#[test]
fn an_error_is_not_taken_back() {
    let failures = [
        "{\"error\":\"boom\"}\n{\"done\":true}\n",
        "{\"error\":{\"message\":\"boom\"}}\n",
        "{\"error\":true}\n",
        "{\"done\":true,\"error\":\"boom\"}\n",
    ];
    for failure in failures {
        let ending = whole(Framing::Ndjson, failure).ending;
        assert_eq!(ending, Ending::Failed, "{failure}");
    }
    let incomplete = "{\"error\":\"boom\"";
    assert_eq!(whole(Framing::Ndjson, incomplete).ending, Ending::CutShort);
}

#[test]
fn a_pull_counts_what_it_fetches() {
    let line = |status: &str, completed: &str| {
        format!(r#"{{"status":"{status}","digest":"sha256:ab","total":1000{completed}}}"#) + "\n"
    };
    let mut answer = String::from("{\"status\":\"pulling manifest\"}\n");
    let measured = |answer: &str| whole(Framing::Ndjson, answer).pulled;
    assert_eq!(measured(&answer), 0);
    answer += &line("pulling aaaaaaaaaaaa", "");
    answer += &line("pulling aaaaaaaaaaaa", ",\"completed\":300");
    assert_eq!(measured(&answer), 300);
    answer += &line("pulling aaaaaaaaaaaa", ",\"completed\":1000");
    // It was here already.
    answer += &line("pulling bbbbbbbbbbbb", ",\"completed\":1000");
    assert_eq!(measured(&answer), 1_000);
    // A part of it may have been: nobody knows.
    answer += &line("pulling cccccccccccc", ",\"completed\":400");
    answer += &line("pulling cccccccccccc", ",\"completed\":450");
    answer += "{\"status\":\"verifying sha256 digest\"}\n{\"status\":\"success\"}\n";
    assert_eq!(measured(&answer), 1_450);
    answer += &line("pulling model", ",\"completed\":70");
    assert_eq!(measured(&answer), 1_520);
    assert_eq!(whole(Framing::Ndjson, &answer).ending, Ending::Finished);
}

#[test]
fn another_event_may_follow_a_complete_one() {
    let cases = [
        (Framing::Ndjson, "", true),
        (Framing::Ndjson, "{\"a\":1}", false),
        (Framing::Ndjson, "{\"a\":1}\n", true),
        (Framing::Sse, "", true),
        (Framing::Sse, "data: 1", false),
        (Framing::Sse, "data: 1\n", false),
        (Framing::Sse, "data: 1\n\r", false),
        (Framing::Sse, "data: 1\n\r\n", true),
        (Framing::Sse, "data: 1\n\n", true),
        (Framing::Sse, "data: 1\n\nd", false),
        (Framing::Json, "", false),
        (Framing::Json, "{}\n", false),
    ];
    for (framing, answer, expected) in cases {
        let mut meter = Meter::new(framing);
        meter.push(answer.as_bytes());
        meter.push(b"");
        assert_eq!(meter.at_boundary(), expected, "{framing:?} {answer:?}");
    }
}

#[test]
fn a_meter_stays_small() {
    assert!(size_of::<Meter>() <= 320, "{}", size_of::<Meter>());
}

#[test]
fn what_is_long_is_read_past() {
    let long = "\\\"x{[".repeat(50_000);
    let line = format!(
        "{{\"{long}\":[\"{long}\",{{\"a\":[[1]]}}],\"response\":\"{long}\",\"done\":true,\"eval_count\":3}}\n"
    );
    assert_eq!(whole(Framing::Ndjson, &line), measured(tokens(0, 3), Ending::Finished, 1));
}

fn any_framing() -> impl Strategy<Value = Framing> {
    prop_oneof![Just(Framing::Json), Just(Framing::Ndjson), Just(Framing::Sse)]
}

/// Streams made of the words that matter, in and out of order.
fn any_answer() -> impl Strategy<Value = String> {
    let words = [
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "\\",
        " ",
        "\n",
        "\r\n",
        "\n\n",
        "data:",
        "data: ",
        "[DONE]",
        "\"usage\":{",
        "\"response\":{",
        "\"message\":{",
        "\"prompt_tokens\":",
        "12",
        "\"eval_count\":7",
        "\"output_tokens\":3,",
        "\"done\":true",
        "\"error\":",
        "null",
        "-1.5",
        "\"type\":\"message_stop\"",
        "\"status\":\"success\"",
        "\"a\\\"b\"",
        "é",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..60)
        .prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn where_an_answer_is_split_does_not_matter(
        framing in any_framing(),
        answer in any_answer(),
        size in 1..20usize,
    ) {
        let mut meter = Meter::new(framing);
        meter.push(answer.as_bytes());
        let mut split = Meter::new(framing);
        answer.as_bytes().chunks(size).for_each(|piece| split.push(piece));
        prop_assert_eq!(split.finish(), meter.finish());
        prop_assert_eq!(split.at_boundary(), meter.at_boundary());
    }

    #[test]
    fn no_bytes_stop_a_meter(framing in any_framing(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let halves = measure(framing, bytes.chunks(7));
        prop_assert_eq!(halves, measure(framing, [&bytes[..]]));
    }

    #[test]
    fn text_of_the_model_is_never_a_number(
        text in r#"(["\\{}\[\],:a]|"done":true|"eval_count":9){0,20}"#,
        prompt in any::<u64>(),
        output in any::<u64>(),
        size in 1..20usize,
    ) {
        let text = serde_json::Value::from(text);
        let answer = format!(
            "{{{text}:[{text},{{}}],\"message\":{{\"content\":{text}}},\"error\":null,\"response\":{text},\"done\":true,\"eval_count\":{output},\"prompt_eval_count\":{prompt}}}\n"
        );
        prop_assert_eq!(
            measure(Framing::Ndjson, answer.as_bytes().chunks(size)),
            measured(tokens(prompt, output), Ending::Finished, 1)
        );
    }
}
