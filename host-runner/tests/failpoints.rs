//! What is shipped cannot be told to kill itself.

/// How often a text occurs in a program.
fn occurrences(program: &str, text: &str) -> usize {
    let bytes = std::fs::read(program).unwrap();
    bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
}

/// The variable that chooses a failpoint.
const VARIABLE: &str = "COINOP_FAILPOINT";

#[test]
fn the_released_program_has_no_failpoints() {
    let released = std::env::var("COINOP_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_coinop").to_owned());
    assert!(
        occurrences(&released, "COINOP_MODULE") > 0,
        "{released} is not the gateway, so this shows nothing"
    );
    assert_eq!(occurrences(&released, VARIABLE), 0, "{released}");
}

/// Else the test above would find nothing in any program. `cargo xtask test` builds and names the variant.
#[test]
fn the_variant_has_them() {
    if let Ok(variant) = std::env::var("COINOP_FAILPOINTS_BIN") {
        assert!(occurrences(&variant, VARIABLE) > 0, "{variant}");
    }
}
