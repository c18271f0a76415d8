//! Lists of models: what nobody may use is in no list, and the rest stays readable.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use stockade_ollama::response::{ListKind, ModelList};

fuzz_target!(|data: &[u8]| {
    for kind in [ListKind::Native, ListKind::OpenAi, ListKind::Recommendations] {
        let Ok(list) = ModelList::read(kind, Bytes::copy_from_slice(data)) else {
            continue;
        };
        let names: Vec<_> = list.names().cloned().collect();
        let none = ModelList::read(kind, list.retain(|_| false)).expect("still a list");
        assert_eq!(none.names().count(), 0);
        let Some(first) = names.first() else {
            continue;
        };
        let kept = ModelList::read(kind, list.retain(|name| name == first)).expect("still a list");
        assert!(kept.names().all(|name| name == first));
        assert_eq!(kept.names().count(), names.iter().filter(|name| *name == first).count());
    }
});
