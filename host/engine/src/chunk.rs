//! Chunks: the bindings of a policy that share a snapshot.
//!
//! A snapshot of about a hundred bindings stays resident and costs no more than one
//! of a single binding; one for each, or one for all, is many times slower. Chunks
//! end where the settings themselves say so, as in content-defined chunking, so that
//! adding or removing a binding leaves the chunks after it as they were.

use std::ops::Range;

use crate::Digest;

const FEWEST: usize = 48;
const MOST: usize = 128;
/// Settings of one chunk, as JSON; their form in memory is of the same order.
const MOST_BYTES: usize = 96 << 10;
/// One in this many settings ends a chunk, past the fewest.
const ENDS_ONE_IN: u8 = 32;

/// Divides settings into chunks, in order.
pub(crate) fn chunks(settings: &[String]) -> Vec<Range<usize>> {
    let mut chunks = Vec::new();
    let mut start = 0;
    let mut bytes = 0;
    for (index, text) in settings.iter().enumerate() {
        if index > start && bytes + text.len() > MOST_BYTES {
            chunks.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes += text.len();
        let length = index + 1 - start;
        if length == MOST || (length >= FEWEST && ends(text)) {
            chunks.push(start..index + 1);
            (start, bytes) = (index + 1, 0);
        }
    }
    if start < settings.len() {
        chunks.push(start..settings.len());
    }
    chunks
}

fn ends(text: &str) -> bool {
    Digest::of(text.as_bytes()).first_byte().is_multiple_of(ENDS_ONE_IN)
}

#[cfg(test)]
mod tests {
    use super::{MOST, MOST_BYTES, chunks};
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn settings(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("{{\"allow\":[\"m{n}\"]}}")).collect()
    }

    fn texts(settings: &[String]) -> HashSet<Vec<String>> {
        let text = |range| <[String]>::to_vec(&settings[range]);
        chunks(settings).into_iter().map(text).collect()
    }

    #[test]
    fn an_edit_changes_one_chunk_and_an_insertion_few() {
        let before = settings(1000);
        let chunks = texts(&before);
        assert!((1000 / MOST..=22).contains(&chunks.len()), "{}", chunks.len());

        let mut edited = before.clone();
        edited[500].push(' ');
        assert!(texts(&edited).difference(&chunks).count() <= 2);

        let mut inserted = before;
        inserted.insert(3, "{}".to_owned());
        assert!(texts(&inserted).difference(&chunks).count() <= 3);
    }

    proptest! {
        #[test]
        fn every_binding_is_in_one_chunk(lengths in prop::collection::vec(0_usize..9000, 0..300)) {
            let settings: Vec<_> = lengths.iter().map(|length| "x".repeat(*length)).collect();
            let mut next = 0;
            for chunk in chunks(&settings) {
                prop_assert_eq!(chunk.start, next);
                prop_assert!(!chunk.is_empty() && chunk.len() <= MOST);
                let bytes: usize = settings[chunk.clone()].iter().map(String::len).sum();
                prop_assert!(chunk.len() == 1 || bytes <= MOST_BYTES);
                next = chunk.end;
            }
            prop_assert_eq!(next, settings.len());
        }
    }
}
