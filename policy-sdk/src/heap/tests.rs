#![expect(unsafe_code, reason = "the heap is asked for memory and given it back")]

use std::alloc::Layout;

use proptest::prelude::*;

use super::blocks::Blocks;

/// A heap over memory that grows in small steps.
struct Tried {
    blocks: Blocks,
    memory: Vec<u64>,
    grown: usize,
    /// The blocks in use, each filled with bytes of its own.
    used: Vec<(usize, Layout, u8)>,
}

const STEP: usize = 256;

impl Tried {
    fn new() -> Self {
        let memory = vec![0; 1 << 20];
        memory.as_ptr().expose_provenance();
        Self { blocks: Blocks::new(), memory, grown: 0, used: Vec::new() }
    }

    fn begin(&self) -> usize {
        self.memory.as_ptr().addr()
    }

    fn with<T>(&mut self, mut action: impl FnMut(&mut Blocks) -> Result<T, usize>) -> T {
        if self.blocks.is_new() {
            let begin = self.begin() + 40;
            self.blocks.extend(begin, begin);
            self.grown = 40;
        }
        if let Ok(done) = action(&mut self.blocks) {
            return done;
        }
        let missing = action(&mut self.blocks).err().unwrap();
        let begin = self.begin() + self.grown;
        let bytes = missing.next_multiple_of(STEP);
        self.grown += bytes;
        self.blocks.extend(begin, begin + bytes);
        action(&mut self.blocks).ok().unwrap()
    }

    fn bytes(block: usize, size: usize) -> &'static mut [u8] {
        let start = std::ptr::with_exposed_provenance_mut(block);
        // SAFETY: blocks are within the memory, which outlives the test's steps.
        unsafe { std::slice::from_raw_parts_mut(start, size) }
    }

    fn take(&mut self, size: usize, align: usize, mark: u8) {
        let layout = Layout::from_size_align(size, align).unwrap();
        let block = self.with(|blocks| blocks.take(layout));
        assert_eq!(block % align, 0);
        Self::bytes(block, size).fill(mark);
        self.used.push((block, layout, mark));
    }

    fn give_back(&mut self, index: usize) {
        let (block, layout, mark) = self.used.swap_remove(index);
        assert!(Self::bytes(block, layout.size()).iter().all(|byte| *byte == mark));
        // SAFETY: it was taken with this layout.
        unsafe { self.blocks.give_back(block, layout) };
    }

    fn resize(&mut self, index: usize, size: usize) {
        let (block, layout, mark) = self.used[index];
        if !self.with(|blocks| blocks.resize(block, layout, size)) {
            return;
        }
        let kept = layout.size().min(size);
        assert!(Self::bytes(block, kept).iter().all(|byte| *byte == mark));
        Self::bytes(block, size).fill(mark);
        self.used[index].1 = Layout::from_size_align(size, layout.align()).unwrap();
    }
}

#[test]
fn what_was_freed_is_used_again() {
    let mut heap = Tried::new();
    for round in 0..1_000 {
        heap.take(24, 8, 1);
        heap.take(700, 1, 2);
        heap.take(3, 1, 3);
        for _ in 0..3 {
            heap.give_back(0);
        }
        assert!(heap.grown <= 2_048, "{round}: {}", heap.grown);
    }
}

#[test]
fn a_list_that_grows_alone_stays_where_it_is() {
    let mut heap = Tried::new();
    heap.take(16, 4, 7);
    for size in [32, 64, 640, 1_000, 100_000] {
        heap.resize(0, size);
        assert_eq!(heap.used[0].1.size(), size);
    }
    assert!(heap.grown <= 100_000 + 2 * STEP);
}

proptest! {
    #[test]
    fn blocks_never_overlap(steps in prop::collection::vec(
        (0..3_u8, 1..2_000_usize, 0..5_u32, any::<prop::sample::Index>()), 1..200)
    ) {
        let mut heap = Tried::new();
        for (mark, (kind, size, align, index)) in (0..=u8::MAX).cycle().zip(steps) {
            match kind {
                1 if !heap.used.is_empty() => heap.give_back(index.index(heap.used.len())),
                2 if !heap.used.is_empty() => heap.resize(index.index(heap.used.len()), size),
                _ => heap.take(size, 1 << align, mark),
            }
        }
        while !heap.used.is_empty() {
            heap.give_back(0);
        }
    }
}
