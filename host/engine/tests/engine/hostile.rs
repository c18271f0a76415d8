//! Guests that misbehave: each is stopped for the right reason, and the next request
//! through the same policy is judged as if nothing had happened.

use std::time::{Duration, Instant};

use stockade_core::Outcome;
use stockade_engine::{EngineConfig, Inputs, ModuleSource, PolicyLimits};

use crate::guest::{ENGINE, Guest, limits, one};
use crate::request::{Request, failure, is_allowed};

/// Returns the text of a provoked guest's failure.
fn attack(guest: &Guest) -> String {
    attacked(&guest.source())
}

fn attacked(source: &ModuleSource) -> String {
    let policy = ENGINE.prepare(source, &one(), limits()).unwrap();
    let text = failure(Request::provoking().judged_by(&policy));
    let next = Request::ordinary().judged_by(&policy);
    assert!(is_allowed(&next), "after {text}: {next:?}");
    text
}

#[test]
fn an_endless_loop_is_a_timeout() {
    let begun = Instant::now();
    let text = attack(&Guest::provoked("(loop $again (br $again))"));
    assert_eq!(text, "timeout: stopped after 10 ms");
    assert!(begun.elapsed() < Duration::from_mins(1));
}

#[test]
fn a_policys_own_deadline_counts() {
    let guest = Guest::provoked("(loop $again (br $again))");
    let limits = PolicyLimits { deadline: Duration::from_millis(50), ..limits() };
    let policy = ENGINE.prepare(&guest.source(), &one(), limits).unwrap();
    let begun = Instant::now();
    let text = failure(Request::provoking().judged_by(&policy));
    assert_eq!(text, "timeout: stopped after 50 ms");
    assert!(begun.elapsed() >= Duration::from_millis(50));
}

#[test]
fn memory_without_end_is_refused_by_name() {
    let text =
        attack(&Guest::provoked("(loop $again (drop (memory.grow (i32.const 16))) (br $again))"));
    assert!(text.starts_with("memory: asked for"), "{text}");
    assert!(text.ends_with("where 16777216 are allowed"), "{text}");
}

#[test]
fn recursion_without_end_exhausts_its_stack_only() {
    let text = attack(
        &Guest::provoked("(drop (call $recurse))")
            .declaring("(func $recurse (result i32) (i32.add (call $recurse) (i32.const 1)))"),
    );
    assert_eq!(text, "trap: call stack exhausted, in recurse");
}

#[test]
fn a_panic_comes_with_its_message() {
    let text = attack(&Guest::provoked(
        "(call $log (i32.const 4) (i32.const 32) (i32.const 34)) (unreachable)",
    ));
    assert_eq!(text, "panic: panicked at src/lib.rs:21:37: boom");
}

#[test]
fn a_message_of_any_length_is_whole() {
    let message = "panicked at src/lib.rs:21:37: boom";
    for length in (0..=message.len()).filter(|length| !message[..*length].ends_with(' ')) {
        let guest = Guest::provoked(&format!(
            "(call $log (i32.const 4) (i32.const 32) (i32.const {length})) (unreachable)"
        ));
        let expected = format!("panic: {}", &message[..length]);
        assert_eq!(attack(&guest), expected);
        assert_eq!(attacked(&guest.component()), expected);
    }
}

#[test]
fn a_trap_without_a_word_is_a_trap() {
    let text = attack(&Guest::provoked("(unreachable)"));
    assert_eq!(text, "trap: gave up without a message (unreachable)");
    let text = attack(&Guest::provoked("(drop (i32.load (i32.const -8)))"));
    assert_eq!(text, "trap: out of bounds memory access");
    let text = attack(&Guest::provoked("(drop (i32.div_s (i32.const 1) (i32.const 0)))"));
    assert_eq!(text, "trap: integer divide by zero");
}

#[test]
fn too_few_or_too_many_verdicts_are_nonsense() {
    for (count, expected) in [(0, "0 verdicts"), (2, "2 verdicts")] {
        let answer = format!("(return (call $verdicts (i32.const {count}) (i32.const 0)))");
        let text = attack(&Guest::provoked(&answer));
        assert!(text.starts_with("nonsense: "), "{text}");
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn a_huge_answer_is_nonsense() {
    let deny = |length: u32| {
        // One verdict whose reason is `length` zero bytes.
        format!(
            "(memory.grow (i32.const 64)) (drop)
             (i32.store (i32.const 2048) (i32.const 2056))
             (i32.store (i32.const 2052) (i32.const 1))
             (i32.store (i32.const 2056) (i32.const 2))
             (i32.store (i32.const 2064) (i32.const 65536))
             (i32.store (i32.const 2068) (i32.const {length}))
             (return (i32.const 2048))"
        )
    };
    let text = attack(&Guest::provoked(&deny(4_000_000)));
    assert!(text.contains("too much data is being copied"), "{text}");
    let text = attack(&Guest::provoked(&deny(u32::MAX)));
    assert!(text.starts_with("nonsense: what it returned cannot be read"), "{text}");
}

#[test]
fn an_answer_outside_of_memory_or_of_the_contract_is_nonsense() {
    let cases = [
        // A list beyond the end of memory.
        "(return (i32.const -4))",
        // A verdict that is none of the four.
        "(return (call $verdicts (i32.const 1) (i32.const 7)))",
        // A list of 2³¹ verdicts.
        "(i32.store (i32.const 2048) (i32.const 0))
         (i32.store (i32.const 2052) (i32.const 0x80000000))
         (return (i32.const 2048))",
        // A reason that is not UTF-8.
        "(i32.store8 (i32.const 16) (i32.const 0xff))
         (return (call $verdicts (i32.const 1) (i32.const 1)))",
    ];
    for answer in cases {
        let text = attack(&Guest::provoked(answer));
        assert!(text.starts_with("nonsense: what it returned cannot be read"), "{text}");
    }
}

#[test]
fn a_flood_of_log_lines_ends_with_the_deadline() {
    let text = attack(&Guest::provoked(
        "(loop $again (call $log (i32.const 4) (i32.const 0) (i32.const 2000)) (br $again))",
    ));
    assert_eq!(text, "timeout: stopped after 10 ms");
}

#[test]
fn a_log_line_outside_of_memory_is_not_read() {
    let guest = Guest::provoked("(call $log (i32.const 2) (i32.const 65000) (i32.const 100000))");
    assert_eq!(attack(&guest), "trap: out of bounds memory access, in log");
    assert_eq!(attacked(&guest.component()), "trap: out of bounds memory access, in log");
}

#[test]
fn a_log_level_that_there_is_not_is_nonsense() {
    let guest = Guest::provoked("(call $log (i32.const 5) (i32.const 32) (i32.const 34))");
    for source in [guest.source(), guest.component()] {
        let text = attacked(&source);
        assert!(text.starts_with("nonsense: "), "{text}");
    }
}

#[test]
fn a_large_input_is_refused_before_the_guest_sees_it() {
    let describe_body = "(local $at i32)
        (local.set $at (call $alloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 48)))
        (i32.store offset=32 (local.get $at) (i32.const 112))
        (i32.store offset=36 (local.get $at) (i32.const 4))
        (i32.store offset=24 (local.get $at) (i32.add (local.get $at) (i32.const 32)))
        (i32.store offset=28 (local.get $at) (i32.const 1))
        (local.get $at)";
    let policy = Guest::new()
        .declaring("(data (i32.const 112) \"body\")")
        .describing(describe_body)
        .prepared();
    assert_eq!(policy.metadata().inputs, Inputs::BODY);
    let most = EngineConfig::default().max_input_bytes;
    let mut request = Request::ordinary();
    request.body = Some("x".repeat(most / 2));
    assert!(is_allowed(&request.judged_by(&policy)));
    request.body = Some("x".repeat(most));
    let text = failure(request.judged_by(&policy));
    assert!(text.starts_with("input: 419"), "{text}");
    assert!(is_allowed(&Request::ordinary().judged_by(&policy)));
}

#[test]
fn an_input_larger_than_the_policys_memory_is_a_memory_failure() {
    let guest = Guest::new();
    let limits = PolicyLimits { memory_bytes: 1 << 20, ..limits() };
    let policy = ENGINE.prepare(&guest.source(), &one(), limits).unwrap();
    let mut request = Request::ordinary();
    request.parameters.remote_host = Some("x".repeat(3 << 20));
    let text = failure(request.judged_by(&policy));
    assert!(text.starts_with("memory: "), "{text}");
    assert!(is_allowed(&Request::ordinary().judged_by(&policy)));
}

#[test]
fn every_binding_of_a_failed_call_fails_and_unknown_ones_do_too() {
    let settings = vec!["{}".to_owned(); 3];
    let guest = Guest::provoked("(unreachable)");
    let policy = ENGINE.prepare(&guest.source(), &settings, limits()).unwrap();
    let ordinary = Request::ordinary();
    let outcomes = policy.evaluate_blocking(&ordinary.input(), &[2, 7, 0]).outcomes;
    assert!(is_allowed(&outcomes[0]) && is_allowed(&outcomes[2]));
    assert_eq!(outcomes[1], Outcome::Failure("input: binding 7, where there are 3".to_owned()));
    let provoking = Request::provoking();
    let outcomes = policy.evaluate_blocking(&provoking.input(), &[2, 0]).outcomes;
    assert!(outcomes.into_iter().all(|outcome| failure(outcome).starts_with("trap: ")));
}

#[test]
fn the_limits_of_this_machine_hold() {
    ENGINE.self_test().unwrap();
}
