//! The blocks of a heap, by their addresses.

use std::alloc::Layout;
use std::ptr;

/// The bytes of the smallest block, which has room for the address of another, and its alignment.
const LEAST: usize = 8;

/// The bytes of the largest block that is rounded up to a power of two, so that it can be used
/// again for any that is rounded to the same.
const SMALL: usize = 512;

/// The free memory: the rest of the memory, and blocks that were given back.
pub(super) struct Blocks {
    /// The rest of the memory begins here,
    next: usize,
    /// and ends here.
    end: usize,
    /// The first of the blocks of at least 2ⁿ bytes, for each n, or 0. Each holds the address of
    /// the next one.
    freed: [usize; usize::BITS as usize],
}

impl Blocks {
    /// No memory at all.
    pub(super) const fn new() -> Self {
        Self { next: 0, end: 0, freed: [0; usize::BITS as usize] }
    }

    /// Tells whether there has been no memory yet.
    pub(super) const fn is_new(&self) -> bool {
        self.end == 0
    }

    /// Adds memory up to an address. It begins where the last one ended, or where it is told.
    pub(super) fn extend(&mut self, begin: usize, end: usize) {
        if begin != self.end {
            self.next = begin;
        }
        self.end = end;
    }

    /// Takes a block.
    ///
    /// # Errors
    /// The bytes that the memory is too short.
    pub(super) fn take(&mut self, layout: Layout) -> Result<usize, usize> {
        let size = rounded(layout.size());
        let again = (layout.align() <= LEAST).then(|| self.pop(size)).flatten();
        again.map_or_else(|| self.cut(size, layout.align()), Ok)
    }

    /// Gives a block back.
    ///
    /// # Safety
    /// It was taken from here with this layout, and is not used any more.
    #[expect(unsafe_code, reason = "a free block holds the address of the next one")]
    pub(super) unsafe fn give_back(&mut self, block: usize, layout: Layout) {
        let size = rounded(layout.size());
        if block + size == self.next {
            self.next = block;
            return;
        }
        let first = &mut self.freed[size.ilog2() as usize];
        // SAFETY: the block is ours, aligned for an address and as large as one.
        unsafe { ptr::with_exposed_provenance_mut::<usize>(block).write(*first) };
        *first = block;
    }

    /// Makes a block larger or smaller where it is, if it can be.
    ///
    /// # Errors
    /// The bytes that the memory is too short.
    pub(super) fn resize(
        &mut self,
        block: usize,
        layout: Layout,
        size: usize,
    ) -> Result<bool, usize> {
        let (old, new) = (rounded(layout.size()), rounded(size));
        if old == new {
            return Ok(true);
        }
        if block + old != self.next {
            return Ok(false);
        }
        self.next = block;
        let resized = self.cut(new, layout.align());
        if resized.is_err() {
            self.next = block + old;
        }
        resized.map(|_| true)
    }

    /// Takes a block that was given back.
    #[expect(unsafe_code, reason = "a free block holds the address of the next one")]
    fn pop(&mut self, size: usize) -> Option<usize> {
        let first = &mut self.freed[size.next_power_of_two().ilog2() as usize];
        let block = *first;
        if block == 0 {
            return None;
        }
        // SAFETY: it was written when the block was given back.
        *first = unsafe { ptr::with_exposed_provenance::<usize>(block).read() };
        Some(block)
    }

    /// Takes a block from the rest of the memory.
    fn cut(&mut self, size: usize, align: usize) -> Result<usize, usize> {
        let block = self.next.next_multiple_of(align.max(LEAST));
        match block.checked_add(size) {
            Some(end) if end <= self.end => {
                self.next = end;
                Ok(block)
            }
            Some(end) => Err(end - self.end),
            None => Err(usize::MAX),
        }
    }
}

fn rounded(size: usize) -> usize {
    if size <= SMALL { size.next_power_of_two().max(LEAST) } else { size.next_multiple_of(LEAST) }
}
