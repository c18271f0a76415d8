//! docs/guide/change-a-rule.md, followed to the letter.

use std::path::Path;
use std::sync::Arc;

use stockade_engine::{Compiler, Engine};

use crate::page::{Reader, sections};

#[tokio::test]
async fn the_page_about_changes_is_true() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/change-a-rule.md");
    let config = stockade_engine::EngineConfig::compiling(Compiler::Here);
    let mut reader = Reader::new(Arc::new(Engine::new(config).unwrap())).await;
    for section in sections(&std::fs::read_to_string(path).unwrap()) {
        for block in &section.blocks {
            reader.follow(&section.title, block).await;
        }
    }
    assert!(reader.printed("generation 2 is in force") > 0, "{}", reader.last_printed());
}
