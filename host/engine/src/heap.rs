//! Memory that is free and still this process's.

/// Give it back to the system. Reading a large configuration leaves a third of the memory
/// free, in pieces that the allocator of glibc would keep.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "a function of the C library")]
pub(crate) fn give_back() {
    // SAFETY: it takes a number and touches no memory that is in use.
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators do it by themselves, or cannot.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) const fn give_back() {}
