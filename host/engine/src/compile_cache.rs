//! Compiled functions, kept for the next snapshot of the same module: only its data
//! differs, so its functions need not be compiled again.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use wasmtime::CacheStore;

/// Forgets everything when it is full. That costs one compilation; to know what is
/// worth keeping would cost more than it saves.
pub(crate) struct CompileCache {
    capacity: usize,
    functions: Mutex<Functions>,
}

#[derive(Default)]
struct Functions {
    by_key: HashMap<Box<[u8]>, Vec<u8>>,
    bytes: usize,
}

impl CompileCache {
    /// A cache of at most `capacity` bytes.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, functions: Mutex::default() }
    }
}

impl CacheStore for CompileCache {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        let functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        functions.by_key.get(key).cloned().map(Cow::Owned)
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        let size = key.len() + value.len();
        if size > self.capacity {
            return false;
        }
        let mut functions = self.functions.lock().unwrap_or_else(PoisonError::into_inner);
        if functions.bytes + size > self.capacity {
            *functions = Functions::default();
        }
        if functions.by_key.insert(key.into(), value).is_none() {
            functions.bytes += size;
        }
        true
    }
}

impl fmt::Debug for CompileCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompileCache").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::CompileCache;
    use wasmtime::CacheStore;

    #[test]
    fn it_remembers_up_to_its_capacity() {
        let cache = CompileCache::new(100);
        assert!(cache.insert(b"a", vec![1; 60]));
        assert_eq!(cache.get(b"a").as_deref(), Some(&[1; 60][..]));
        assert!(!cache.insert(b"b", vec![2; 100]));
        assert!(cache.insert(b"c", vec![3; 60]));
        assert!(cache.get(b"a").is_none());
        assert_eq!(cache.get(b"c").as_deref(), Some(&[3; 60][..]));
    }
}
