//! The limits of an engine, and wasmtime's settings for them.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use wasmtime::{Config, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig};

use crate::compiler_process::Compiler;
use crate::limits::{ACCESSORS_BYTES, PolicyLimits, TABLE_ELEMENTS, WASM_STACK_BYTES};

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

/// Slots on top of those for decisions: one for a policy that is being prepared.
const SPARE_SLOTS: u32 = 1;
/// Other tools can make three core modules of a policy: the policy, a shim and a
/// fix-up. Preparing adds wizer's accessor.
const CORE_INSTANCES_EACH: u32 = 4;
/// The policy's own table and the shim's.
const TABLES_EACH: u32 = 2;
/// wasmtime's bookkeeping for one instance, which grows with its functions and globals.
const INSTANCE_BYTES: usize = 4 * MIB;

/// More copies of machine code would cost more memory than they save time.
const MOST_LANES: u32 = 4;

/// The limits of an [`Engine`](crate::Engine). Sizes are in bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Decisions that run at the same moment; more wait.
    pub slots: u32,
    /// Copies of each policy's machine code, some 400 KiB each, so that as many processors
    /// decide without taking each other's slots. There are as many slots more.
    pub replicas: u32,
    /// The most memory that any policy may be given.
    pub max_memory_bytes: usize,
    /// The part of a slot's memory that is reset by copying instead of by unmapping.
    /// A snapshot that fits costs no system call per decision.
    pub keep_resident_bytes: usize,
    /// The time that one decision may compute, where a policy does not say.
    pub default_deadline: Duration,
    /// The memory that a policy may use, where it does not say.
    pub default_memory_bytes: usize,
    /// The time that `describe` and `configure` may compute each.
    pub configure_deadline: Duration,
    /// The most text that one request may hand to a policy, its body included.
    pub max_input_bytes: usize,
    /// The most memory for compiled functions that the next snapshot of the same
    /// module can use again.
    pub compile_cache_bytes: usize,
    /// The process in which policies are compiled.
    #[serde(skip)]
    pub compiler: Compiler,
}

fn replicas(processors: NonZero<usize>) -> u32 {
    u32::try_from(processors.get()).unwrap_or(u32::MAX)
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            slots: 64,
            replicas: available_parallelism().map_or(1, |count| MOST_LANES.min(replicas(count))),
            max_memory_bytes: 64 * MIB,
            keep_resident_bytes: 512 * KIB,
            default_deadline: Duration::from_millis(10),
            default_memory_bytes: 16 * MIB,
            configure_deadline: Duration::from_secs(2),
            max_input_bytes: 4 * MIB,
            compile_cache_bytes: 16 * MIB,
            compiler: Compiler::Here,
        }
    }
}

impl EngineConfig {
    /// The usual one, with another place to compile.
    pub fn compiling(compiler: Compiler) -> Self {
        Self { compiler, ..Self::default() }
    }

    /// For what runs one guest at a time.
    pub(crate) fn of_one_slot(&self) -> Self {
        Self { slots: 1, replicas: 1, ..self.clone() }
    }

    /// The limits of a policy that sets none itself.
    pub fn default_limits(&self) -> PolicyLimits {
        PolicyLimits { deadline: self.default_deadline, memory_bytes: self.default_memory_bytes }
    }
}

/// The check that keeps a guest's accesses inside its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Bounds {
    /// 4 GiB of address space around each slot: the hardware checks.
    Reserved,
    /// Only what a guest may use is reserved, and each access is checked by code.
    Checked,
}

/// wasmtime's settings: everything that policies do not need is off.
pub(crate) fn wasmtime_config(config: &EngineConfig, bounds: Bounds) -> Config {
    let mut wasmtime = Config::new();
    wasmtime
        .wasm_component_model(true)
        .concurrency_support(false)
        .gc_support(false)
        .wasm_simd(false)
        .wasm_relaxed_simd(false)
        .wasm_tail_call(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false)
        .wasm_multi_value(false)
        .wasm_extended_const(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        .shared_memory(false);
    wasmtime
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .memory_init_cow(true)
        .cranelift_opt_level(OptLevel::Speed)
        // For debuggers. Traps have the names of functions without them.
        .native_unwind_info(false)
        .generate_address_map(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config)));
    if bounds == Bounds::Checked {
        wasmtime
            .memory_reservation(largest_memory(config) as u64)
            .memory_guard_size(0)
            .memory_may_move(false);
    }
    wasmtime
}

const fn largest_memory(config: &EngineConfig) -> usize {
    config.max_memory_bytes.saturating_add(ACCESSORS_BYTES)
}

fn pool(config: &EngineConfig) -> PoolingAllocationConfig {
    let slots = config.slots.saturating_add(SPARE_SLOTS).saturating_mul(config.replicas.max(1));
    let mut pool = PoolingAllocationConfig::default();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES_EACH))
        .total_memories(slots)
        .total_tables(slots.saturating_mul(TABLES_EACH))
        .total_gc_heaps(0)
        .max_core_instances_per_component(CORE_INSTANCES_EACH)
        .max_memories_per_component(1)
        .max_tables_per_component(TABLES_EACH)
        .max_component_instance_size(INSTANCE_BYTES)
        .max_core_instance_size(INSTANCE_BYTES)
        .max_memory_size(largest_memory(config))
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(config.keep_resident_bytes)
        .table_keep_resident(TABLE_ELEMENTS * size_of::<usize>())
        .max_unused_warm_slots(slots);
    pool
}
