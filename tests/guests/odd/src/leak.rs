//! Looks for what an earlier instance left in the memory that it was given.

use core::arch::wasm32::{memory_grow, memory_size};
use std::hint::black_box;

const PAGE: usize = 64 * 1024;
const GROWTH: usize = 2;

/// Below this address stands nothing that Rust may read.
const FIRST_ADDRESS: usize = 1024;

/// Search the whole memory and some new pages for the mark, then leave it there.
pub fn find_and_write() -> &'static str {
    let first_new = memory_grow::<0>(GROWTH);
    if first_new == usize::MAX {
        return "memory could not grow";
    }
    let end = memory_size::<0>() * PAGE;
    let mark = mark();
    let found = (FIRST_ADDRESS..end)
        .step_by(16)
        .any(|address| read(address) == [mark, !mark]);
    for address in (first_new * PAGE..end).step_by(16) {
        write(address, [mark, !mark]);
    }
    write(
        Box::leak(Box::new(Heap([0; 2]))).0.as_ptr() as usize,
        [mark, !mark],
    );
    if found { "leaked" } else { "clean" }
}

/// Aligned so that the search, which goes in steps of 16, meets it.
#[repr(align(16))]
struct Heap([u64; 2]);

/// Computed, so that it does not stand in the module's own data.
fn mark() -> u64 {
    black_box(0x5eed_u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn read(address: usize) -> [u64; 2] {
    // SAFETY: `address` is within the linear memory and aligned.
    unsafe { std::ptr::read_volatile(address as *const [u64; 2]) }
}

fn write(address: usize, value: [u64; 2]) {
    // SAFETY: `address` is within new pages or a leaked box, which nothing else uses.
    unsafe { std::ptr::write_volatile(address as *mut [u64; 2], value) }
}
