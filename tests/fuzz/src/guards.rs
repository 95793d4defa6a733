//! A wallet's guard: the core judges it as a second reading does, which compares bytes instead of parsing them.

use coinop_core::svm::TokenProgram;
use coinop_core::testkit::oracle;

use crate::input::Input;

/// Judges one guard about one account. The input is the account, the token's program and the guard's bytes.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let choice = input.byte();
    let program = if choice & 4 == 0 { TokenProgram::Spl } else { TokenProgram::Token2022 };
    // Judged both ways in there.
    let _ = oracle::guard(choice & 3, input.rest(), program);
}
