//! Proof, at start, that the limits hold on this machine and in this build. Limits
//! that silently did nothing have been shipped by others.

use std::time::Duration;

use wasmtime::{Instance, Module};

use crate::ticker::TickingEngine;
use crate::{EngineError, Failure, PolicyLimits, code, sandbox};

/// `self_test/hostile.wat`, assembled.
pub(crate) const HOSTILE: &[u8] = include_bytes!("self_test/hostile.wasm");
const LIMITS: PolicyLimits =
    PolicyLimits { deadline: Duration::from_millis(5), memory_bytes: 1 << 20 };

/// An export of the hostile guest, what it does, and how it has to end.
struct Attack {
    export: &'static str,
    what: &'static str,
    is_stopped: fn(&Failure) -> bool,
}

const ATTACKS: [Attack; 3] = [
    Attack {
        export: "loop",
        what: "loops without end",
        is_stopped: |failure| matches!(failure, Failure::Timeout(_)),
    },
    Attack {
        export: "take-memory",
        what: "takes memory without end",
        is_stopped: |failure| matches!(failure, Failure::Memory(_)),
    },
    Attack {
        export: "recurse",
        what: "recurses without end",
        is_stopped: |failure| matches!(failure, Failure::Trap(text) if text.contains("stack")),
    },
];

/// Runs every attack of [`HOSTILE`], given its machine code, in a store like that of a decision.
pub(crate) fn run(engine: &TickingEngine, code: &[u8]) -> Result<(), EngineError> {
    let broken = |what: &str, how: String| EngineError::LimitDoesNotHold(format!("{what}: {how}"));
    let module = code::module(engine, code).map_err(|error| match code::forbidden(&error) {
        Some(why) => EngineError::NoExecutableMemory(why),
        None => broken("is made for this test", format!("{error:#}")),
    })?;
    for attack in ATTACKS {
        match outcome(engine, &module, attack.export) {
            Err(failure) if (attack.is_stopped)(&failure) => {}
            Err(failure) => return Err(broken(attack.what, failure.to_string())),
            Ok(()) => return Err(broken(attack.what, "it ended by itself".to_owned())),
        }
    }
    Ok(())
}

fn outcome(engine: &TickingEngine, module: &Module, export: &str) -> Result<(), Failure> {
    let mut store = sandbox::store(engine, LIMITS);
    let instance = Instance::new(&mut store, module, &[]);
    let called = instance.and_then(|instance| {
        let function = instance
            .get_func(&mut store, export)
            .ok_or_else(|| wasmtime::format_err!("no export {export}"))?;
        let mut results = vec![wasmtime::Val::I32(0); function.ty(&store).results().len()];
        function.call(&mut store, &[], &mut results)
    });
    called.map_err(|error| store.data().failure(&error))
}

#[cfg(test)]
mod tests {
    use super::HOSTILE;

    #[test]
    fn the_guest_is_what_its_source_says() {
        let assembled = wat::parse_str(include_str!("self_test/hostile.wat")).unwrap();
        assert!(
            assembled == HOSTILE,
            "assemble hostile.wat again, with `wasm-tools parse` or `wat2wasm`"
        );
    }
}
