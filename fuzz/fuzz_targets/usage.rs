//! The filter of usage: it does not matter where a stream is split, and nothing but usage
//! goes missing.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use stockade_ollama::response::UsageChunkFilter;

fn filtered(stream: &[u8], step: usize) -> Vec<u8> {
    let mut filter = UsageChunkFilter::new();
    let mut out = Vec::new();
    for piece in stream.chunks(step) {
        filter.push(Bytes::copy_from_slice(piece));
        while let Some(bytes) = filter.pop() {
            out.extend_from_slice(&bytes);
        }
    }
    out.extend(filter.finish().unwrap_or_default());
    out
}

fuzz_target!(|data: &[u8]| {
    let Some((&step, stream)) = data.split_first() else {
        return;
    };
    let whole = filtered(stream, stream.len().max(1));
    assert_eq!(whole, filtered(stream, usize::from(step).max(1)));
    assert!(whole.len() <= stream.len());
    if !stream.windows(7).any(|window| window == b"\"usage\"") {
        assert_eq!(whole, stream);
    }
    assert_eq!(filtered(&whole, whole.len().max(1)), whole, "nothing is left to take out");
});
