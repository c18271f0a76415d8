//! The documentation's page of routes is the route table's own.

#[test]
fn the_page_of_routes_is_up_to_date() {
    let page = include_str!("../../../docs/reference/routes.md");
    assert!(
        page == stockade_ollama::reference_markdown(),
        "docs/reference/routes.md is out of date; run `cargo xtask generate`"
    );
}
