//! A remembered verdict is the one that would be given afresh, whatever the policies declare.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use stockade_authn::Scope;
use stockade_control::generation::{self, Asker, Generation, Hypothetical};
use stockade_core::{
    BindingVerdict, Catalogue, Client, Content, CredentialId, Dialect, GroupName, ModelFacts,
    ModelName, ModelRef, ModelRole, Operation, Parameters, Principal, ProofKind, SystemClock, Text,
    Transport, UnixTime, UserId,
};
use stockade_engine::{Compiler, Engine, EngineConfig, Inputs};
use wit_component::StringEncoding;
use wit_parser::Resolve;

/// Denies, and the reason is a digest of all that it was told.
const GUEST: &str = r#"(module
  (import "stockade:policy/log@1.0.0" "write" (func (param i32 i64 i32 i32)))
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 8192))
  (func $alloc (export "cabi_realloc")
    (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (local.get $at))
  (data (i32.const 96) "told1.0.0{}")
  DATA
  (func (export "stockade:policy/policy@1.0.0#describe") (result i32)
    (local $at i32)
    (local.set $at (i32.const 512))
    (i32.store (local.get $at) (i32.const 96))
    (i32.store offset=4 (local.get $at) (i32.const 4))
    (i32.store offset=8 (local.get $at) (i32.const 100))
    (i32.store offset=12 (local.get $at) (i32.const 5))
    (i32.store offset=16 (local.get $at) (i32.const 105))
    (i32.store offset=20 (local.get $at) (i32.const 2))
    (i32.store offset=24 (local.get $at) (i32.const 2048))
    (i32.store offset=28 (local.get $at) (i32.const COUNT))
    (local.get $at))
  (func (export "stockade:policy/policy@1.0.0#configure") (param i32 i32) (result i32)
    (i32.const 600))
  (func (export "stockade:policy/policy@1.0.0#evaluate") (param $request i32) (result i32)
    (local $at i32) (local $hash i32) (local $digit i32)
    (local.set $hash (i32.const 0x811c9dc5))
    (local.set $at (i32.const 8192))
    (loop $next
      (local.set $hash (i32.mul (i32.const 16777619)
        (i32.xor (local.get $hash) (i32.load8_u (local.get $at)))))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $at) (global.get $next))))
    ;; Eight letters at 700.
    (loop $letter
      (i32.store8 (i32.add (i32.const 700) (local.get $digit))
        (i32.add (i32.const 97) (i32.and (local.get $hash) (i32.const 15))))
      (local.set $hash (i32.shr_u (local.get $hash) (i32.const 4)))
      (local.set $digit (i32.add (local.get $digit) (i32.const 1)))
      (br_if $letter (i32.lt_u (local.get $digit) (i32.const 8))))
    ;; A list of one answer at 800.
    (i32.store (i32.const 800) (i32.const 808))
    (i32.store (i32.const 804) (i32.const 1))
    (i32.store8 (i32.const 808) (i32.const 2))
    (i32.store (i32.const 816) (i32.const 700))
    (i32.store (i32.const 820) (i32.const 8))
    (i32.const 800)))"#;

fn guest(words: &[&str]) -> Vec<u8> {
    let (mut data, mut list) = (String::new(), String::new());
    for (at, word) in (1024_u32..).step_by(16).zip(words) {
        write!(data, "(data (i32.const {at}) \"{word}\")").unwrap();
        for number in [at, u32::try_from(word.len()).unwrap()] {
            number.to_le_bytes().iter().for_each(|byte| write!(list, "\\{byte:02x}").unwrap());
        }
    }
    write!(data, "(data (i32.const 2048) \"{list}\")").unwrap();
    let text = GUEST.replace("DATA", &data).replace("COUNT", &words.len().to_string());
    let mut module = wat::parse_str(&text).unwrap();
    let mut resolve = Resolve::default();
    let contract = include_str!("../../../../policy-sdk/wit/policy.wit");
    let package = resolve.push_str("policy.wit", contract).unwrap();
    let world = resolve.select_world(&[package], Some("stockade-policy")).unwrap();
    let encoding = StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, encoding).unwrap();
    module
}

/// A policy for each input by itself, one for none and one for all of them.
fn policies() -> Vec<Vec<&'static str>> {
    let each = Inputs::EACH.iter().map(|(word, _)| *word);
    each.clone().map(|word| vec![word]).chain([Vec::new(), each.collect()]).collect()
}

fn generation(directory: &Path, engine: &Engine, remember: bool) -> Generation {
    let groups: Vec<_> = (0..policies().len()).map(|index| format!("g{index}")).collect();
    let groups = groups.join(", ");
    let mut text = format!("users: {{ somebody: {{ groups: [{groups}] }} }}\npolicies:\n");
    for index in 0..policies().len() {
        writeln!(text, "  p{index}: {{ module: p{index}.wasm, remember: {remember} }}").unwrap();
    }
    text.push_str("bindings:\n");
    for index in 0..policies().len() {
        writeln!(
            text,
            "  - {{ name: b{index}, subjects: {{ groups: [g{index}] }}, policy: p{index} }}"
        )
        .unwrap();
    }
    let path = directory.join(format!("{remember}.yaml"));
    std::fs::write(&path, text).unwrap();
    let loaded = stockade_config::load(&path, stockade_control::shipped::NAMES).unwrap();
    generation::build(1, loaded.config, engine, &SystemClock).unwrap()
}

/// The same configuration, remembering and not.
static GENERATIONS: LazyLock<[Generation; 2]> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    for (index, words) in policies().iter().enumerate() {
        std::fs::write(directory.path().join(format!("p{index}.wasm")), guest(words)).unwrap();
    }
    let mut config = EngineConfig::default();
    config.compiler = Compiler::Here;
    let engine = Engine::new(config).unwrap();
    [true, false].map(|remember| generation(directory.path(), &engine, remember))
});

/// A request in which each fact has one of two values: a bit says which.
#[derive(Clone, Copy, Debug)]
struct Asked {
    groups: u16,
    facts: u32,
    second: u64,
}

impl Asked {
    fn has(self, bit: u32) -> bool {
        self.facts >> bit & 1 == 1
    }

    fn one<T>(self, bit: u32, values: [T; 2]) -> T {
        let [no, yes] = values;
        if self.has(bit) { yes } else { no }
    }

    fn text(self, bit: u32) -> String {
        self.one(bit, ["one", "two"]).to_owned()
    }

    fn principal(self) -> Principal {
        let groups = (0..policies().len()).filter(|index| self.groups >> index & 1 == 1);
        Principal {
            user: UserId::new(&self.text(0)).unwrap(),
            groups: groups.map(|index| GroupName::new(&format!("g{index}")).unwrap()).collect(),
            proof: self.one(1, [ProofKind::ApiKey, ProofKind::Basic]),
            credential: self.has(2).then(|| CredentialId::new("laptop").unwrap()),
            attributes: [("a".to_owned(), self.text(3))].into(),
        }
    }

    fn request(self) -> Hypothetical {
        let digest = |end: &str| format!("sha256:{end}");
        Hypothetical {
            operation: self.one(4, [Operation::Chat, Operation::Create]),
            models: vec![ModelRef {
                name: ModelName::parse(self.one(5, ["a:1", "b:cloud"])).unwrap(),
                role: self.one(6, [ModelRole::Use, ModelRole::Target]),
            }],
            dialect: self.one(7, [Dialect::Native, Dialect::OpenAi]),
            parameters: Parameters {
                streaming: self.has(8),
                context: self.has(9).then_some(7),
                images: u32::from(self.has(10)),
                think: self.has(11).then(|| "high".to_owned()),
                digests: self.has(12).then(|| digest("ab")).into_iter().collect(),
                foreign_digests: self.has(13).then(|| digest("ab")).into_iter().collect(),
                runner_options: self.has(14).then(|| "num_gpu".to_owned()).into_iter().collect(),
                ..Parameters::default()
            },
            content: Content::of(
                vec![self.text(15)],
                vec![Text { role: self.text(16), text: self.text(17) }],
            ),
        }
    }

    fn catalogue(self) -> Catalogue {
        let facts = ModelFacts { bytes: Some(7), loaded: self.has(19), ..ModelFacts::default() };
        let installed = self.has(18).then(|| (ModelName::parse("a:1").unwrap(), facts));
        if self.has(20) { Catalogue::of(installed) } else { Catalogue::default() }
    }

    /// Every verdict of a generation about it.
    fn verdicts(self, generation: &Generation) -> Vec<BindingVerdict> {
        let (principal, catalogue, scope) = (self.principal(), self.catalogue(), Scope::default());
        let listener = self.text(22);
        let asker = Asker {
            labels: &[("l".to_owned(), self.text(21))],
            listener: Some(&listener),
            client: Client {
                address: [127, 0, 0, self.one(23, [1, 2])].into(),
                transport: self.one(24, [Transport::Plain, Transport::Tls]),
            },
            catalogue: &catalogue,
            ..Asker::supposed(&principal, &scope, generation.at(UnixTime::from_secs(self.second)))
        };
        generation.decide_blocking(asker, self.request()).verdicts.to_vec()
    }
}

/// Requests that differ in few facts, so that much is asked again.
fn asked() -> impl Strategy<Value = Vec<Asked>> {
    let one = (any::<u32>(), any::<u32>(), 0..3_u64);
    (any::<u16>(), any::<u32>(), prop::collection::vec(one, 1..24)).prop_map(
        |(groups, facts, all)| {
            let asked = |(one, other, second): (u32, u32, u64)| Asked {
                groups,
                facts: facts
                    ^ (1 << (one % 25))
                    ^ (if other % 3 == 0 { 1 << (other % 25) } else { 0 }),
                second: 1_800_000_000 + second,
            };
            all.into_iter().map(asked).collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_remembered_verdict_is_the_one_that_would_be_given_afresh(requests in asked()) {
        let [remembering, fresh] = &*GENERATIONS;
        for asked in requests {
            prop_assert_eq!(asked.verdicts(remembering), asked.verdicts(fresh), "{:?}", asked);
        }
    }
}

#[test]
fn what_a_policy_declares_changes_its_verdict_and_nothing_else_does() {
    let [remembering, _] = &*GENERATIONS;
    let said = |facts: u32, policy: usize| {
        let asked = Asked { groups: 1 << policy, facts, second: 1_800_000_000 };
        asked.verdicts(remembering)
    };
    // Bits of facts, and the only input by which they are told.
    for (bit, input) in [
        (0, "caller"),
        (2, "credential"),
        (9, "parameters"),
        (15, "tools"),
        (17, "texts"),
        (22, "client"),
    ] {
        for (policy, (word, _)) in Inputs::EACH.iter().enumerate() {
            // What changes the texts changes the prompt's length, which is the same here.
            let told = *word == input;
            assert_eq!(said(0, policy) != said(1 << bit, policy), told, "{bit} {word}");
        }
    }
}
