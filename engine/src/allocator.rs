//! How the allocator of a program that runs queries is best set.

/// Pages that nobody uses go back to the system after a second, not after ten milliseconds: the next batch wants them, and
/// the system would have to zero them first (7 % of ADL query 6). For programs whose global allocator is mimalloc; no
/// library sets that for others.
#[expect(unsafe_code, reason = "the allocator's options have no safe interface; the call writes one number")]
pub fn keep_pages() {
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, 1000) }
}
