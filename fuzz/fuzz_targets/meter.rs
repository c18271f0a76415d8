//! Meters: it does not matter where an answer is split.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stockade_ollama::response::{Framing, Meter};

fuzz_target!(|data: &[u8]| {
    let Some((&step, answer)) = data.split_first() else {
        return;
    };
    for framing in [Framing::Json, Framing::Ndjson, Framing::Sse] {
        let mut whole = Meter::new(framing);
        whole.push(answer);
        let mut split = Meter::new(framing);
        for piece in answer.chunks(usize::from(step).max(1)) {
            split.push(piece);
        }
        assert_eq!(whole.finish(), split.finish(), "{framing:?}");
        assert_eq!(whole.at_boundary(), split.at_boundary(), "{framing:?}");
    }
});
