//! Memory that is free and still this process's.

/// Gives memory that is free back to the system. Reading a large configuration leaves a third
/// of the memory free, and so do many connections or large bodies, in pieces that the
/// allocator of glibc would keep.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a function of the C library")]
pub fn give_memory_back() {
    // SAFETY: it takes a number and touches no memory that is in use.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators do it by themselves, or cannot.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub const fn give_memory_back() {}
