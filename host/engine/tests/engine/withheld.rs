//! Tests that a fact which a policy does not declare is nowhere in its memory.

use std::fmt::Write as _;

use stockade_core::{
    Catalogue, Client, Content, Counter, CredentialId, GroupName, LocalTime, ModelFacts, ModelName,
    Parameters, PolicyInput, Principal, ProofKind, Text, Transport, UnixTime, Usage, UserId,
    Windows,
};
use stockade_engine::Inputs;

use crate::guest::Guest;
use crate::request::{Request, is_allowed};

/// Looks for eight bytes in all memory from 4096 on, and denies if they are there.
const SEARCH: &str = "
    (local $at i32) (local $found i32)
    (local.set $at (i32.const 4096))
    (loop $next
      (if (i64.eq (i64.load (local.get $at)) (i64.const MARK)) (then
        (local.set $found (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (i32.sub (global.get $next) (i32.const 7)))))
    (call $verdicts (call $count (local.get $request)) (local.get $found))";

/// A guest that declares these inputs, and searches for a mark.
fn searching(words: &[&str], mark: u64) -> Guest {
    let mut data = String::new();
    let mut list = String::new();
    let mut at = 1024;
    for word in words {
        write!(data, "(data (i32.const {at}) \"{word}\")").unwrap();
        for number in [at, word.len()] {
            let bytes = u32::try_from(number).unwrap().to_le_bytes();
            list.extend(bytes.map(|byte| format!("\\{byte:02x}")));
        }
        at += 16;
    }
    let describe = format!(
        "(local $at i32)
         (local.set $at (call $alloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 32)))
         (i32.store offset=16 (local.get $at) (i32.const 104))
         (i32.store offset=20 (local.get $at) (i32.const 2))
         (i32.store offset=24 (local.get $at) (i32.const 2048))
         (i32.store offset=28 (local.get $at) (i32.const {}))
         (local.get $at)",
        words.len()
    );
    Guest::new()
        .declaring(&format!("{data} (data (i32.const 2048) \"{list}\")"))
        .describing(&describe)
        .evaluating(&SEARCH.replace("MARK", &mark.cast_signed().to_string()))
}

/// Eight bytes that stand for an input, and that nothing else contains.
fn mark(input: usize) -> u64 {
    u64::from_le_bytes(text(input).as_bytes().try_into().unwrap())
}

fn text(input: usize) -> String {
    format!("mark-{input:03}")
}

/// Each fact that belongs to an input says which; a number is the mark itself.
fn found(words: &[&str], input: usize) -> bool {
    let said = |name: &str| text(Inputs::EACH.iter().position(|(word, _)| *word == name).unwrap());
    let number =
        |name: &str| mark(Inputs::EACH.iter().position(|(word, _)| *word == name).unwrap());
    let principal = Principal {
        user: UserId::new(&said("caller")).unwrap(),
        groups: [GroupName::new(&said("caller")).unwrap()].into(),
        proof: ProofKind::ApiKey,
        credential: Some(CredentialId::new(&said("credential")).unwrap()),
        attributes: [("a".to_owned(), said("caller"))].into(),
    };
    let facts = ModelFacts { family: Some(said("catalogue").into()), ..ModelFacts::default() };
    let catalogue = Catalogue::of([(ModelName::parse("llama3.2:3b").unwrap(), facts)]);
    let parameters = Parameters {
        context: Some(number("parameters").cast_signed()),
        remote_host: Some(said("parameters")),
        think: Some(said("parameters")),
        digests: vec![said("blobs")],
        foreign_digests: vec![said("blobs")],
        runner_options: vec![said("parameters")],
        ..Parameters::default()
    };
    let text = Text { role: "user".to_owned(), text: said("texts") };
    let content = Content::of(vec![said("tools")], vec![text]);
    let counter = Counter { requests: number("usage"), ..Counter::default() };
    let windows = Windows { minute: counter, month: counter, ..Windows::default() };
    let ordinary = Request::ordinary();
    let body = said("body");
    let listener = said("client");
    let request = PolicyInput {
        principal: &principal,
        catalogue: &catalogue,
        parameters: &parameters,
        content: Some(&content),
        labels: &[("l".to_owned(), said("credential"))],
        client: Client { address: [127, 0, 0, 1].into(), transport: Transport::Plain },
        listener: Some(&listener),
        time: LocalTime { unix: UnixTime::from_secs(number("time")), weekday: 1, minute_of_day: 1 },
        usage: Usage { total: windows, with_model: windows },
        body: Some(&body),
        ..ordinary.input()
    };
    let policy = searching(words, mark(input)).prepared();
    !is_allowed(&policy.evaluate_blocking(&request, &[0]).outcomes[0])
}

/// `prompt` tells no more than a length, which is a number like others.
fn is_marked(word: &str) -> bool {
    word != "prompt"
}

#[test]
fn what_is_declared_is_there() {
    for (input, (word, _)) in Inputs::EACH.iter().enumerate().filter(|(_, each)| is_marked(each.0))
    {
        assert!(found(&[word], input), "{word}");
    }
}

#[test]
fn what_is_not_declared_is_nowhere() {
    for (input, (word, _)) in Inputs::EACH.iter().enumerate().filter(|(_, each)| is_marked(each.0))
    {
        let others: Vec<_> = Inputs::EACH.iter().map(|(other, _)| *other).collect();
        let others: Vec<_> = others.into_iter().filter(|other| other != word).collect();
        assert!(!found(&others, input), "{word}");
        assert!(!found(&[], input), "{word}");
    }
}
