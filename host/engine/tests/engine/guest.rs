//! Guests written in WebAssembly text, for what no compiler would produce.

use std::sync::LazyLock;
use std::time::Duration;

use stockade_engine::{Engine, EngineConfig, ModuleSource, PolicyLimits, PreparedPolicy};
use wit_component::{ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

/// The part that every guest has: an allocator that never frees, a list of equal
/// verdicts, and constant texts at addresses below 4096.
const COMMON: &str = r#"
  (memory (export "memory") 1)
  (global $next (mut i32) (i32.const 4096))
  (func $alloc (export "cabi_realloc")
    (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (block $enough
      (loop $more
        (br_if $enough (i32.le_u (global.get $next)
          (i32.mul (memory.size) (i32.const 65536))))
        (drop (memory.grow (i32.const 1)))
        (br $more)))
    (local.get $at))
  ;; `count` answers: 0 allows, 1 denies with the text at 16, 2 abstains.
  (func $verdicts (param $count i32) (param $kind i32) (result i32)
    (local $list i32) (local $i i32)
    (local.set $list (call $alloc (i32.const 0) (i32.const 0) (i32.const 4)
      (i32.add (i32.const 8) (i32.mul (local.get $count) (i32.const 88)))))
    (i32.store (local.get $list) (i32.add (local.get $list) (i32.const 8)))
    (i32.store offset=4 (local.get $list) (local.get $count))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $i) (local.get $count)))
        (call $verdict (i32.add (i32.add (local.get $list) (i32.const 8))
          (i32.mul (local.get $i) (i32.const 88))) (local.get $kind))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (local.get $list))
  (func $verdict (param $at i32) (param $kind i32)
    (memory.fill (local.get $at) (i32.const 0) (i32.const 88))
    ;; In the contract, `restrict` stands between allow and deny.
    (i32.store8 (local.get $at) (i32.add (local.get $kind) (i32.ne (local.get $kind) (i32.const 0))))
    (if (i32.eq (local.get $kind) (i32.const 1)) (then
      (i32.store offset=8 (local.get $at) (i32.const 16))
      (i32.store offset=12 (local.get $at) (i32.const 2)))))
  ;; The number of bindings that were asked for: `request` is followed by their list.
  (func $count (param $request i32) (result i32)
    (i32.load offset=564 (local.get $request)))
  ;; Whether the request's time is 666: when a guest shows its other side.
  (func $is_provoked (param $request i32) (result i32)
    (i64.eq (i64.load offset=328 (local.get $request)) (i64.const 666)))
  ;; Writes a line into the log, in pieces of eight bytes.
  (func $log (param $level i32) (param $at i32) (param $length i32)
    (local $count i32)
    (loop $next
      (local.set $count (select (local.get $length) (i32.const 8)
        (i32.lt_u (local.get $length) (i32.const 8))))
      (call $log_write (local.get $level) (i64.load (local.get $at)) (local.get $count)
        (i32.gt_u (local.get $length) (i32.const 8)))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (local.set $length (i32.sub (local.get $length) (local.get $count)))
      (br_if $next (local.get $length))))
  (data (i32.const 16) "no")
  (data (i32.const 32) "panicked at src/lib.rs:21:37: boom")
  (data (i32.const 96) "wat1.0.0{}")
  ;; The inputs that it declares: two texts.
  (data (i32.const 120) "timeparameters")
  (data (i32.const 136) "\78\00\00\00\04\00\00\00\7c\00\00\00\0a\00\00\00")
"#;

/// A guest in the compiling. Each part is the body of a function.
pub(crate) struct Guest {
    version: &'static str,
    declarations: String,
    describe: String,
    configure: String,
    evaluate: String,
}

impl Guest {
    /// A guest that describes itself, takes any settings, and allows everything.
    pub(crate) fn new() -> Self {
        Self {
            version: "1.0.0",
            declarations: String::new(),
            // name, version, settings-schema, inputs
            describe: "(local $at i32)
                (local.set $at (call $alloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 32)))
                (i32.store (local.get $at) (i32.const 96))
                (i32.store offset=4 (local.get $at) (i32.const 3))
                (i32.store offset=8 (local.get $at) (i32.const 99))
                (i32.store offset=12 (local.get $at) (i32.const 5))
                (i32.store offset=16 (local.get $at) (i32.const 104))
                (i32.store offset=20 (local.get $at) (i32.const 2))
                (i32.store offset=24 (local.get $at) (i32.const 136))
                (i32.store offset=28 (local.get $at) (i32.const 2))
                (local.get $at)"
                .to_owned(),
            configure: "(call $alloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.const 12))"
                .to_owned(),
            evaluate: "(call $verdicts (call $count (local.get $request)) (i32.const 0))"
                .to_owned(),
        }
    }

    /// One that does this when the request's time is 666, and otherwise allows.
    pub(crate) fn provoked(attack: &str) -> Self {
        let mut guest = Self::new();
        let calm = std::mem::take(&mut guest.evaluate);
        guest.evaluating(&format!(
            "(if (call $is_provoked (local.get $request)) (then {attack})) {calm}"
        ))
    }

    /// With more functions, imports, globals.
    pub(crate) fn declaring(mut self, declarations: &str) -> Self {
        self.declarations.push_str(declarations);
        self
    }

    pub(crate) fn describing(mut self, body: &str) -> Self {
        body.clone_into(&mut self.describe);
        self
    }

    /// The parameters are `$settings`, `$settings_count`.
    pub(crate) fn configuring(mut self, body: &str) -> Self {
        body.clone_into(&mut self.configure);
        self
    }

    /// The parameter is `$request`.
    pub(crate) fn evaluating(mut self, body: &str) -> Self {
        body.clone_into(&mut self.evaluate);
        self
    }

    /// For another version of the contract.
    pub(crate) const fn of_contract(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// The core module, with the contract in its custom section.
    pub(crate) fn source(&self) -> ModuleSource {
        ModuleSource::new("test", self.module())
    }

    /// The component that an author's own tools make of it.
    pub(crate) fn component(&self) -> ModuleSource {
        let encoder = ComponentEncoder::default().module(&self.module()).unwrap();
        ModuleSource::new("test", encoder.validate(true).encode().unwrap())
    }

    fn module(&self) -> Vec<u8> {
        let Self { version, declarations, describe, configure, evaluate } = self;
        let text = format!(
            r#"(module
              (import "stockade:policy/log@{version}" "write"
                (func $log_write (param i32 i64 i32 i32)))
              {declarations}
              {COMMON}
              (func (export "stockade:policy/policy@{version}#describe") (result i32)
                {describe})
              (func (export "stockade:policy/policy@{version}#configure")
                (param $settings i32) (param $settings_count i32) (result i32)
                {configure})
              (func (export "stockade:policy/policy@{version}#evaluate")
                (param $request i32) (result i32)
                {evaluate}))"#
        );
        let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        embed(&mut module, version);
        module
    }

    /// Prepared for one binding with the engine's default limits.
    pub(crate) fn prepared(&self) -> PreparedPolicy {
        let limits = ENGINE.config().default_limits();
        ENGINE.prepare(&self.source(), &one(), limits).unwrap()
    }

    /// Prepared in an engine with a single slot, so that each decision gets the slot
    /// of the one before.
    pub(crate) fn prepared_in_one_slot(&self) -> PreparedPolicy {
        let mut config = EngineConfig::default();
        config.slots = 1;
        config.replicas = 1;
        let engine = Engine::new(config).unwrap();
        let limits = engine.config().default_limits();
        engine.prepare(&self.source(), &one(), limits).unwrap()
    }
}

fn embed(module: &mut Vec<u8>, version: &str) {
    let contract = include_str!("../../../../policy-sdk/wit/policy.wit").replace("1.0.0", version);
    let mut resolve = Resolve::default();
    let package = resolve.push_str("policy.wit", &contract).unwrap();
    let world = resolve.select_world(&[package], Some("stockade-policy")).unwrap();
    wit_component::embed_component_metadata(module, &resolve, world, StringEncoding::UTF8).unwrap();
}

/// The settings of one binding.
pub(crate) fn one() -> Vec<String> {
    vec!["{}".to_owned()]
}

/// The engine that most tests share.
pub(crate) static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut config = EngineConfig::default();
    config.configure_deadline = Duration::from_millis(300);
    Engine::new(config).unwrap()
});

/// The limits of the shared engine.
pub(crate) fn limits() -> PolicyLimits {
    ENGINE.config().default_limits()
}
