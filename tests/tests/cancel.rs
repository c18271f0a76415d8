//! A caller who hangs up cancels the work upstream, at every stage.

use http_body_util::BodyExt as _;
use stockade_tests::{Connection, World, post, soon};

const HELLO: &str = r#"{"model":"llama3.2:3b","prompt":"Hello"}"#;
