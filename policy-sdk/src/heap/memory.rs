//! The linear memory of a module, as a heap.

#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout};
use std::arch::wasm32;
use std::cell::UnsafeCell;
use std::ptr;

use super::blocks::Blocks;

/// The bytes of a page of linear memory.
const PAGE: usize = 64 << 10;

unsafe extern "C" {
    /// The linker's mark behind the constants.
    static __heap_base: u8;
}

/// The allocator of a policy.
pub struct Heap(UnsafeCell<Blocks>);

// SAFETY: a policy has one thread.
unsafe impl Sync for Heap {}

impl Heap {
    /// The heap that takes what there is of memory, and then grows it.
    #[expect(clippy::new_without_default, reason = "it is made in a static")]
    pub const fn new() -> Self {
        Self(UnsafeCell::new(Blocks::new()))
    }

    /// Does something with the blocks, again with more memory if that is too short.
    fn with<T>(&self, mut action: impl FnMut(&mut Blocks) -> Result<T, usize>) -> Option<T> {
        // SAFETY: there is one thread, and nothing in here allocates.
        let blocks = unsafe { &mut *self.0.get() };
        if blocks.is_new() {
            blocks.extend((&raw const __heap_base).addr(), wasm32::memory_size(0) * PAGE);
        }
        match action(blocks) {
            Ok(done) => Some(done),
            Err(missing) => {
                let pages = missing.div_ceil(PAGE);
                let begin = wasm32::memory_grow(0, pages);
                if begin == usize::MAX {
                    return None;
                }
                blocks.extend(begin * PAGE, (begin + pages) * PAGE);
                action(blocks).ok()
            }
        }
    }
}

// SAFETY: blocks do not overlap, and are as large and aligned as was asked for.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let block = self.with(|blocks| blocks.take(layout));
        block.map_or(ptr::null_mut(), ptr::with_exposed_provenance_mut)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let block = block.expose_provenance();
        self.with(|blocks| {
            // SAFETY: as the caller promises.
            unsafe { blocks.give_back(block, layout) };
            Ok(())
        });
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match self.with(|blocks| blocks.resize(block.expose_provenance(), layout, size)) {
            Some(true) => block,
            Some(false) => {
                // SAFETY: the caller promises that the size can be one of a layout.
                let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
                // SAFETY: as the caller promises; the blocks are different ones.
                unsafe {
                    let other = self.alloc(wanted);
                    if !other.is_null() {
                        ptr::copy_nonoverlapping(block, other, layout.size().min(size));
                        self.dealloc(block, layout);
                    }
                    other
                }
            }
            None => ptr::null_mut(),
        }
    }
}
