//! Whether the kernel's clock is kept right by a time service.

/// Returns whether the kernel says that a time service keeps the clock right. False if it does not tell.
///
/// A person who sets the clock makes the kernel say no, until a time service has looked at it again.
#[cfg(target_os = "linux")]
pub(super) fn is_synchronised() -> bool {
    let mut clock = unasked();
    // SAFETY: `clock` is a valid `timex` for the whole call, and `modes` 0 asks the kernel to change nothing.
    #[allow(unsafe_code, reason = "no crate in the tree has this call, and it only reads")]
    let state = unsafe { libc::adjtimex(&raw mut clock) };
    (0..libc::TIME_ERROR).contains(&state) && clock.status & libc::STA_UNSYNC == 0
}

/// Returns a question to the kernel that changes nothing.
#[cfg(target_os = "linux")]
fn unasked() -> libc::timex {
    // SAFETY: `timex` is made of integers alone, for which zero is a value.
    #[allow(unsafe_code, reason = "the type has no other way to be made, because its padding is private")]
    unsafe {
        std::mem::zeroed()
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) const fn is_synchronised() -> bool {
    false
}
