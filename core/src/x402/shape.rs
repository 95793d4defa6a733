//! What is an object in a payment, and may be written as nothing else.

use serde_json::Value;

/// The objects of a payment below the outermost, in both versions, as JSON pointers.
const OBJECTS: [&str; 3] = ["/accepted", "/accepted/extra", "/payload"];

/// Returns whether one of a payment's objects is written as a list.
///
/// serde also reads a struct from a list of its members in their order. Other readers of x402 see no payment in such a
/// list, and a payment must say the same to everybody.
pub(super) fn has_list_for_object(json: &[u8]) -> bool {
    let Ok(payment) = serde_json::from_slice::<Value>(json) else { return false };
    payment.is_array() || OBJECTS.iter().any(|at| payment.pointer(at).is_some_and(Value::is_array))
}
