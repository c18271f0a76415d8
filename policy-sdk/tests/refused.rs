//! The errors for an author who writes `#[policy]` or `#[settings]` wrongly. Each file in
//! `refused/` is compiled; `TRYBUILD=overwrite` writes down what the compiler says, to be read in
//! the diff.

/// The compiler's whole output is compared: the right words at the right place, and no
/// second error that comes from generated code.
#[test]
fn mistakes_are_explained_at_their_place() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
